"""What a clock shows. Pure: a conversation and the terms it goes by come in, its clock goes out.

A customer waits from their first message that no person has answered until a person answers, or somebody closes the
conversation; what the bot says ends no wait. A conversation's `clock` tells by when they are to be answered:

    {kind, since, warn_at, due_at, warned_at, breached_at, raised, left}

`kind` is `first` until somebody has answered since the conversation was opened, then `next`. `since` is when the wait
began. `warned_at` and `breached_at` are when it was noticed that `warn_at` and `due_at` had passed, `raised` is whether
the wait has raised the priority. While the conversation is snoozed the clock stands still: `left` holds the open
seconds until it would warn and be due, `{warn, due}`, and neither moment is known.

A clock keeps the target that it began with. A team that takes the conversation over goes by its own, counted from when
the wait began.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec

from inbox.model.conversation import ConversationStatus, Priority
from inbox.model.ids import sort_key
from inbox.model.schedule import Schedule
from routing.policy import Policy

Document = dict[str, Any]
State = Literal["running", "at_risk", "late"]

_FOLLOWED = ("waiting_since", "status", "team_id")
_ANSWERED = ("last_reply_sort", "settled")
"""What people, and the bot, have answered of what a customer wrote."""


class Terms(msgspec.Struct, frozen=True):
    """What the conversations of a team go by, and when their clocks run."""

    policy: Policy
    hours: Schedule


def follows(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether a change of a conversation may be one of its clock."""
    return any(before[field] != after[field] for field in _FOLLOWED)


def waits(conversation: Mapping[str, Any]) -> bool:
    """Whether the customer waits for a person."""
    return conversation["active"] and conversation["waiting_since"] is not None


def wound(before: Mapping[str, Any], after: Mapping[str, Any], terms: Terms, at: datetime) -> Document | None:
    """The clock of a conversation that changes at this moment."""
    if not waits(after):
        return None
    known: Document | None = before.get("clock")
    since = after["waiting_since"]
    unanswered = since == before["waiting_since"] or all(after.get(mark) == before.get(mark) for mark in _ANSWERED)
    if not (waits(before) and unanswered):
        clock = _begun(after, terms)
    elif before["team_id"] != after["team_id"]:
        clock = _begun(after, terms)
        if clock is not None and known is not None:
            clock["raised"] = known["raised"]
    elif known is not None and since < known["since"]:
        # An earlier message was heard of later.
        clock = _begun(after, terms)
        if clock is not None:
            clock |= {field: known[field] for field in ("warned_at", "breached_at", "raised")}
    else:
        clock = known
    return _going_or_still(clock, after, terms, at)


def mended(conversation: Mapping[str, Any], terms: Terms, at: datetime) -> Document | None:
    """The clock of a conversation that was put together of others, or taken apart, in whatever state its clock is."""
    if not waits(conversation):
        return None
    clock: Document | None = conversation.get("clock")
    if clock is None or clock["since"] != conversation["waiting_since"]:
        clock = _begun(conversation, terms)
    return _going_or_still(clock, conversation, terms, at)


def struck(conversation: Mapping[str, Any], at: datetime) -> Document:
    """What changes in a conversation whose clock is looked at now: it warns once, and raises the priority once."""
    clock = conversation.get("clock")
    if clock is None or clock["left"] is not None:
        return {}
    if clock["due_at"] <= at and clock["breached_at"] is None:
        passed = {**clock, "warned_at": clock["warned_at"] or at, "breached_at": at, "raised": True}
        if clock["raised"] or conversation["priority"] >= Priority.URGENT:
            return {"clock": passed}
        return {
            "clock": passed,
            "priority": conversation["priority"] + 1,
            "version": conversation["version"] + 1,
        }
    if clock["warn_at"] <= at and clock["warned_at"] is None:
        return {"clock": {**clock, "warned_at": at}}
    return {}


def state(clock: Mapping[str, Any] | None, at: datetime) -> State | None:
    """How a clock stands; None where there is none, or it stands still."""
    if clock is None or clock["left"] is not None:
        return None
    if clock["due_at"] <= at:
        return "late"
    return "at_risk" if clock["warn_at"] <= at else "running"


def relieved_at(conversation: Mapping[str, Any], terms: Terms, at: datetime) -> datetime | None:
    """When somebody loses the conversation for not having answered.

    Where nobody holds it: when whoever gets it this very moment would lose it. None where nobody ever does.
    """
    if terms.policy.unanswered is None or not waits(conversation) or _rests(conversation):
        return None
    assignment = conversation["assignment"] or {}
    held_since = assignment.get("at", conversation["waiting_since"]) if conversation["assignee_id"] else at
    patience = timedelta(minutes=terms.policy.unanswered)
    return terms.hours.after(max(conversation["waiting_since"], held_since), patience)


def next_look(conversation: Mapping[str, Any], terms: Terms, at: datetime) -> datetime | None:
    """When something is to be done about a wait; None where nothing is."""
    moments = [relieved_at(conversation, terms, at)]
    clock = conversation.get("clock")
    if clock is not None and clock["left"] is None and clock["breached_at"] is None:
        moments.append(clock["due_at"] if clock["warned_at"] is not None else clock["warn_at"])
    return min((moment for moment in moments if moment is not None), default=None)


def _rests(conversation: Mapping[str, Any]) -> bool:
    return bool(conversation["status"] == ConversationStatus.SNOOZED)


def _begun(conversation: Mapping[str, Any], terms: Terms) -> Document | None:
    """A clock that begins with the wait; None without a target, and where the hours never open."""
    first = conversation["last_reply_sort"] <= sort_key(conversation["opened_at"])
    targets = terms.policy.targets_on(conversation["channel_id"])
    minutes = targets.first_reply if first else targets.next_reply
    if minutes is None:
        return None
    target = timedelta(minutes=minutes)
    clock = {
        "kind": "first" if first else "next",
        "since": conversation["waiting_since"],
        "warned_at": None,
        "breached_at": None,
        "raised": False,
    }
    return _laid_out(clock, clock["since"], target * terms.policy.warn_at / 100, target, terms.hours)


def _going_or_still(
    clock: Document | None, conversation: Mapping[str, Any], terms: Terms, at: datetime
) -> Document | None:
    """The clock, stopped where the conversation is snoozed, and going on where it is not any more."""
    if clock is None or (clock["left"] is not None) == _rests(conversation):
        return clock
    if clock["left"] is None:
        left = {
            "warn": terms.hours.open_between(at, clock["warn_at"]).total_seconds(),
            "due": terms.hours.open_between(at, clock["due_at"]).total_seconds(),
        }
        return {**clock, "warn_at": None, "due_at": None, "left": left}
    warn, due = (timedelta(seconds=clock["left"][field]) for field in ("warn", "due"))
    return _laid_out({**clock, "since": conversation["waiting_since"]}, at, warn, due, terms.hours)


def _laid_out(clock: Document, at: datetime, warn: timedelta, due: timedelta, hours: Schedule) -> Document | None:
    """A clock that warns and is due when so much open time has passed since a moment."""
    due_at = hours.after(at, due)
    return None if due_at is None else {**clock, "warn_at": hours.after(at, warn), "due_at": due_at, "left": None}
