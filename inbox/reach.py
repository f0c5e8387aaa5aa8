"""How customers may be written to now: the windows that their messages open, and how many of ours stay unanswered."""

import asyncio
from collections.abc import Mapping, Sequence

from inbox.model.capabilities import Capabilities
from inbox.model.channel import ChannelKind
from inbox.model.ids import now
from inbox.model.windows import ReplyWindow, reply_window, with_limits
from inbox.storage.database import Document
from inbox.storage.messages import MessageStore


class Reach:
    """Answers for identities as they are stored. `kinds` are the channel kinds that there are."""

    def __init__(self, kinds: Mapping[str, ChannelKind], messages: MessageStore) -> None:
        self._kinds = kinds
        self._messages = messages

    async def told(self, identities: Sequence[Document]) -> list[Document]:
        """Identities with the limits that hold for them (see `inbox.model.windows.with_limits`)."""
        return list(await asyncio.gather(*(self._told(identity) for identity in identities)))

    async def _told(self, identity: Document) -> Document:
        kind = self._kinds.get(identity["kind"])
        if kind is None:
            return identity
        unanswered = await self.unanswered(identity) if kind.capabilities.unanswered_limit is not None else 0
        return with_limits(identity, kind.capabilities, unanswered=unanswered)

    async def addressees(self, identities: Sequence[Document], conversation_id: str | None) -> dict[str, Document]:
        """Who of a customer's identities an answer in a conversation goes to, by channel; None: a first word."""
        found: dict[str, list[Document]] = {}
        for identity in identities:
            found.setdefault(identity["channel_id"], []).append(identity)
        several = [channel_id for channel_id, there in found.items() if len(there) > 1]
        heard = await self._messages.last_writers(conversation_id, several) if conversation_id and several else {}
        return {channel_id: addressee(there, heard.get(channel_id, "")) for channel_id, there in found.items()}

    async def unanswered(self, identity: Document, *, before: str | None = None) -> int:
        """How many requests went to an identity since it wrote last, `before` a message's sort key or up to now."""
        return await self._messages.unanswered(identity, before)

    async def refusal(self, identity: Document, kind: ChannelKind, message: Document, parts: int) -> str | None:
        """Why a message of the shop must not go to an identity as so many requests; None where it may.

        Asked before it is queued and again before each request leaves: a window may close meanwhile.
        """
        limits = kind.capabilities
        window = window_of(identity, limits, message)
        by_person = message["author"]["type"] == "manager"
        if window is not None and window.closed(now(), by_person=by_person):
            if not by_person and not window.closed(now(), by_person=True):
                return f"{kind.title} takes only a manager's own reply by now"
            return f"the time to answer on {kind.title} is over; the customer must write first"
        if limits.unanswered_limit is not None:
            earlier = await self.unanswered(identity, before=message["sort"])
            if earlier + parts > limits.unanswered_limit:
                return (
                    f"{kind.title} takes {limits.unanswered_limit} messages without an answer;"
                    " the customer must write first"
                )
        return None


def addressee(identities: Sequence[Document], wrote_last: str = "") -> Document:
    """Who of a customer's identities on one channel is written to, of those who can be reached: who wrote last there.

    Else one who is confirmed to be the customer, and the newest of several.
    """
    return max(
        identities,
        key=lambda one: (one["reachable"], one["_id"] == wrote_last, not one.get("joined"), one["created_at"]),
    )


def window_of(identity: Document, limits: Capabilities, message: Document) -> ReplyWindow | None:
    """The window that a message of the shop has to keep to; an answer in public has none."""
    if message.get("public"):
        return None
    return reply_window(identity, limits, commented_at=message.get("commented_at"))
