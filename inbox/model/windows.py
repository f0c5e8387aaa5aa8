"""How long, and how often, a customer may be written to after they wrote last. Times are those of the provider."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from inbox.model.capabilities import Capabilities

NEAR = 10
"""How many messages before a limit of unanswered ones it is worth telling."""


class ReplyWindow(msgspec.Struct, frozen=True):
    """Until when anything may be sent to an identity, and until when a manager's own reply; None: for ever."""

    until: datetime | None
    person_until: datetime | None

    def closed(self, at: datetime, *, by_person: bool) -> bool:
        """Whether it is too late for a manager, or for the bot."""
        end = self.person_until if by_person else self.until
        return end is not None and at > end

    def late(self, at: datetime) -> bool:
        """Whether only a manager's own reply may still go."""
        return self.until is not None and at > self.until


def reply_window(
    identity: Mapping[str, Any], limits: Capabilities, *, commented_at: datetime | None = None
) -> ReplyWindow:
    """The window that an identity's last message opened; one who never wrote has none open.

    `commented_at` is when a public comment was written that is answered in private: it opens the window too.
    """
    if limits.reply_window is None:
        return ReplyWindow(None, None)
    wrote = [at for at in (identity.get("last_inbound_at"), commented_at) if at is not None]
    since = max(wrote) if wrote else None
    if since is None:
        return ReplyWindow(identity["created_at"], identity["created_at"])
    longer = max(limits.reply_window, limits.person_window or 0)
    return ReplyWindow(since + timedelta(seconds=limits.reply_window), since + timedelta(seconds=longer))


def counts_answers(limits: Capabilities) -> bool:
    """Whether it matters on this channel when a customer wrote last."""
    return limits.reply_window is not None or limits.unanswered_limit is not None


def with_limits(identity: Mapping[str, Any], limits: Capabilities, *, unanswered: int = 0) -> dict[str, Any]:
    """An identity with what its channel allows: `window_until`, `person_window_until`, `unanswered_left`.

    `unanswered` is how many messages it got since it wrote last.
    """
    window = reply_window(identity, limits)
    left = None if limits.unanswered_limit is None else max(0, limits.unanswered_limit - unanswered)
    return {
        **identity,
        "window_until": window.until,
        "person_window_until": window.person_until if window.person_until != window.until else None,
        "unanswered_left": left,
    }
