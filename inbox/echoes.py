"""What the shop wrote elsewhere, told apart from what we sent ourselves: to a provider's app both look alike."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from inbox.channels import Channels
from inbox.model.accepted import Accepted
from inbox.model.errors import NotFound
from inbox.model.ids import CLOCKS_DIFFER, identity_id, now
from inbox.model.inbound import echo_of
from inbox.model.incoming import Echo
from inbox.storage.database import Document
from inbox.storage.messages import MessageStore
from inbox.storage.outbox import OutboxStore

LONGEST_DOUBT = timedelta(minutes=10)
"""How long an echo waits for the answer of a request under way. A paused channel may leave one without for days."""


class Told(msgspec.Struct):
    """What the echoes of a batch turned out to be."""

    foreign: list[tuple[Accepted, Echo, Document]] = []
    """Written elsewhere, each with its message as it is to be stored."""
    confirmed: list[Document] = []
    """Messages of ours that were sent without an answer: the echo is the answer."""
    put_off: set[str] = set()
    """Ids of events that may yet turn out to be ours: to be looked at again in a moment."""


class Echoes:
    """Knows what we sent; `channels` give what the shop wrote elsewhere the name of its channel."""

    def __init__(self, *, messages: MessageStore, outbox: OutboxStore, channels: Channels) -> None:
        self._messages = messages
        self._outbox = outbox
        self._channels = channels

    async def tell(self, batch: Sequence[Accepted], identities: Mapping[str, Document]) -> Told:
        """Tell what each echo of a batch is; `identities` of everybody in it, by id.

        An echo of a message that is known to be ours is none of the three: nothing is left to do for it.
        """
        told = Told()
        for accepted in batch:
            for event in accepted.about_customers:
                if isinstance(event, Echo):
                    identity = identities[identity_id(accepted.channel_id, event.person.external_id)]
                    await self._tell(accepted, event, identity, told)
        return told

    async def _tell(self, accepted: Accepted, event: Echo, identity: Document, told: Told) -> None:
        document = echo_of(accepted, event, identity, await self._channel_name(accepted.channel_id))
        known = await self._messages.external_to_ids(accepted.channel_id, [event.external_id])
        there = known.get(event.external_id)
        if there is None:
            rows = await self._rows_of(event, accepted.channel_id, identity["_id"])
            mine = origin_of(event, rows)
            if mine is not None:
                message = await self._outbox.sent(mine, [event.external_id], among={"state": mine["state"]})
                if message is None:
                    told.put_off.add(accepted.id)  # It moved between our look and our note: look again.
                else:
                    told.confirmed.append(message)
                return
            if may_be_ours(rows, accepted.received_at, now()):
                told.put_off.add(accepted.id)
                return
        elif there["_id"] != document["_id"]:
            return
        told.foreign.append((accepted, event, document))

    async def confirm(self, changes: Sequence[Document]) -> list[Document]:
        """Messages of ours whose answer was lost and of which receipts tell: so they arrived.

        Called once the changes are held: a request that becomes uncertain after that looks for them itself.
        """
        names: dict[str, list[str]] = defaultdict(list)
        for change in changes:
            if change["type"] == "receipt":
                names[change["channel_id"]].append(change["external_id"])
        confirmed = []
        for channel_id, told in names.items():
            for row in await self._outbox.uncertain(channel_id, told):
                message = await self._outbox.sent(row, row["names"], among={"state": "uncertain"})
                if message is not None:
                    confirmed.append(message)
        return confirmed

    async def _channel_name(self, channel_id: str) -> str:
        try:
            name: str = (await self._channels.get(channel_id))["name"]
        except NotFound:
            return ""
        return name

    async def _rows_of(self, event: Echo, channel_id: str, identity_id: str) -> list[Document]:
        """The rows of the outbox that an echo may be of: the one that it names, or those without an answer yet."""
        if event.key:
            named = await self._outbox.row(event.key)
            if named is not None and named["channel_id"] == channel_id:
                return [named]
        return await self._outbox.unsettled(identity_id)


def origin_of(event: Echo, rows: Sequence[Document]) -> Document | None:
    """Which row of the outbox an echo is of: the one that it names, or else one that is uncertain and says the same.

    A request that is still under way is not looked at for what it says: its own answer is about to tell.
    """
    named = next((row for row in rows if row["_id"] == event.key or event.external_id in row.get("names", ())), None)
    if named is not None or event.key:
        return named
    return next((row for row in rows if row["state"] == "uncertain" and _says_the_same(row, event)), None)


def _says_the_same(row: Document, event: Echo) -> bool:
    payload = row["payload"]
    same_text = payload["text"].split() == event.text.split()
    return same_text and bool(payload["files"]) == bool(event.media) and event.sent_at > row["began_at"] - CLOCKS_DIFFER


def may_be_ours(rows: Sequence[Document], received_at: datetime, present: datetime) -> bool:
    """Whether to wait for the answer of a request under way before an echo is taken for somebody else's words."""
    return any(row["state"] == "sending" for row in rows) and present - received_at < LONGEST_DOUBT
