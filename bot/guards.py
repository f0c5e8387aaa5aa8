"""What keeps the bot silent whatever its rules say. Every answer of the bot passes here and nowhere else."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from inbox.model.happenings import is_handed_off
from inbox.model.ids import sort_key

REPLY_PERIOD = timedelta(hours=1)
"""A conversation gets at most so many automatic messages within this time as `BotSettings.most_per_hour` says."""

SAME_WORDS = timedelta(days=1)
"""How long the bot does not say the same words again in a case."""

MAX_DELAY = timedelta(hours=1)
"""How long after a message was received the bot may still answer it.

Counted from when *we* received it, so it concerns our own delays: an outage, a quarantined event replayed days later.
An answer so late speaks of another hour ("we are closed now"). A message that waited at the provider while we were away
is answered: nobody has said a word to its writer yet, and the provider's clock is not evidence.
"""


class _Case(msgspec.Struct, frozen=True):
    """Something that the bot might speak or act on now: a customer's message, or what happened without one."""

    conversation: Mapping[str, Any]
    message: Mapping[str, Any] | None
    present: datetime
    at: datetime


def _not_from_a_customer(case: _Case) -> str | None:
    ours = case.message is not None and case.message["direction"] != "in"
    return "only a customer's message is answered" if ours else None


def _from_a_machine(case: _Case) -> str | None:
    machine = case.message is not None and case.message["author"]["machine"]
    return "the message was written by a machine" if machine else None


def _too_late(case: _Case) -> str | None:
    late = case.present - case.at > MAX_DELAY
    return "the message was received too long ago" if late else None


def _closed(case: _Case) -> str | None:
    return None if case.conversation["active"] else "the conversation is closed"


def _manager_wrote(case: _Case) -> str | None:
    # Both keys come from our clock: the opening's from when it was received, the reply's from when it was posted.
    wrote = case.conversation["last_reply_sort"] > sort_key(case.conversation["opened_at"])
    return "a manager has written since the conversation was opened" if wrote else None


def _manager_took_it(case: _Case) -> str | None:
    # Also where the shop wrote first: there the customer's answer opens the conversation after the manager's message.
    assignment = case.conversation["assignment"] or {}
    given = assignment.get("by") is not None and assignment.get("reason") != "rule"
    taken = case.conversation["assignee_id"] is not None and given
    return "a manager has taken the conversation" if taken else None


def _handed_off(case: _Case) -> str | None:
    return "the bot has left the case to people" if is_handed_off(case.conversation) else None


_GUARDS: tuple[Callable[[_Case], str | None], ...] = (
    _not_from_a_customer,
    _from_a_machine,
    _too_late,
    _closed,
    _manager_wrote,
    _manager_took_it,
    _handed_off,
)


def silence(
    conversation: Mapping[str, Any],
    message: Mapping[str, Any] | None,
    present: datetime,
    *,
    at: datetime | None = None,
) -> str | None:
    """Why the bot does nothing in this conversation, about this message; None where it may.

    `at` is when it came to what the bot would speak about; where it is not given, when the message was received.
    """
    case = _Case(conversation, message, present, at or (present if message is None else message["received_at"]))
    return next((reason for guard in _GUARDS if (reason := guard(case)) is not None), None)
