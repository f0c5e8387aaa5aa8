"""Erasing a customer: everything that is known of them goes, and a proof of it stays.

What was accepted before is first worked off, so that nothing in the journal brings the person back; and what merges and
splits had still to move is moved, so that nobody else's words go along. Then the card is cut out at once, and the rest
follows (`inbox.storage.erasing`). Whoever asked does it; the timer that was stored with the erasure finishes it in any
process, and looks again for what somebody wrote late who had looked up the card before.
"""

import asyncio
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog

from inbox.events import EventBus
from inbox.files import Files
from inbox.indexing import Indexing
from inbox.live import Frame, LiveFeed
from inbox.merging import Merging
from inbox.model.channel import EventSource
from inbox.model.domain_events import CustomerErased
from inbox.model.erasing import traces
from inbox.model.errors import NotFound
from inbox.model.ids import identity_id, now
from inbox.model.incoming import AccountChanged
from inbox.model.people import Author
from inbox.model.searched import Searched
from inbox.paging import moment_and_id, page
from inbox.storage.database import Document
from inbox.storage.erasing import ErasureStore
from inbox.storage.journal import JournalStore
from inbox.timers import Later

LOOKS = (timedelta(seconds=5), timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1))
"""How long after the cut it is looked for what came late."""

WAIT_SECONDS = 1.0
"""How soon to ask again whether the journal is worked off."""

_EVENTS_TOGETHER = 100
_TRIES = 10

_log = structlog.get_logger(__name__)


class Erasing:
    """Erases, and shows what was erased. `kinds` read the events that wait in quarantine."""

    def __init__(
        self,
        *,
        store: ErasureStore,
        journal: JournalStore,
        merging: Merging,
        files: Files,
        indexing: Indexing,
        kinds: Mapping[str, EventSource],
        feed: LiveFeed,
        bus: EventBus,
    ) -> None:
        self._store = store
        self._journal = journal
        self._merging = merging
        self._files = files
        self._indexing = indexing
        self._kinds = kinds
        self._feed = feed
        self._bus = bus

    async def erase(self, customer_id: str, *, by: Author) -> Document:
        """Erase a card and all that were merged into it; returns the erasure, `done` or still under way."""
        erasure = await self._store.begin(customer_id, {"type": by.type, "id": by.id, "name": by.name})
        return await self._advance(erasure)

    async def get(self, erasure_id: str) -> Document:
        """What was erased, when and by whom."""
        erasure = await self._store.get(erasure_id)
        if erasure is None:
            raise NotFound("there is no such erasure")
        return erasure

    async def page(self, *, limit: int, cursor: str | None) -> tuple[list[Document], str | None]:
        """A page of erasures, newest first."""
        return page(await self._store.page(moment_and_id(cursor), limit + 1), limit, "at", "_id")

    async def finish(self, data: Mapping[str, Any]) -> None:
        """Go on with an erasure, then look again for what came late (timer `customer.erase`)."""
        erasure = await self._store.get(data["erasure_id"])
        if erasure is None or "scope" not in erasure:
            return
        looking = erasure["state"] == "done"
        erasure = await self._advance(erasure)
        if erasure["state"] != "done":
            raise Later(WAIT_SECONDS)
        if looking:
            await self._sweep(erasure)
        age = now() - erasure["cut_at"]
        following = next((look for look in LOOKS if look > age), None)
        if following is not None:
            raise Later((following - age).total_seconds())
        await self._store.settle(erasure)

    async def _advance(self, erasure: Document) -> Document:
        """Do what can be done by now; returns the erasure as it is then."""
        if erasure["state"] == "waiting":
            if await self._journal.pending_since(erasure["at"]):
                return erasure
            cut = None
            for _ in range(_TRIES):
                settled = await self._merging.complete(erasure["scope"]["customer_ids"][0])
                cut = await self._store.cut(erasure, settled)
                if cut is not None:
                    break
            if cut is None:
                return erasure
            erasure = cut
        if erasure["state"] == "erasing":
            await self._tell(erasure)
            await self._silence_quarantine(erasure)
            await self._sweep(erasure)
            await self._store.forget_tags(erasure)
            await self._store.finish(erasure)
            _log.info("customer_erased", erasure_id=erasure["_id"])
        return await self.get(erasure["_id"])

    async def _sweep(self, erasure: Document) -> None:
        """Take away whatever is still there."""
        while await self._store.take_portion(erasure):
            continue
        messages: set[str] = set()
        for portion in await self._store.portions(erasure):
            for file in portion["files"]:
                await self._files.discard(file)
            await self._journal.discard_large(portion["events"])
            messages.update(portion["message_ids"])
        scope = erasure["scope"]
        await self._indexing.forget(Searched.MESSAGES, messages)
        await self._indexing.forget(Searched.CUSTOMERS, scope["customer_ids"])
        await self._indexing.forget(Searched.ORDERS, scope["order_ids"])
        await self._store.clear_audit(erasure)
        await self._store.clear_frames(erasure)

    async def _tell(self, erasure: Document) -> None:
        """Have every page and every manager's load forget them."""
        scope = erasure["scope"]
        frames = [Frame(type="conversation.removed", data={"_id": key}) for key in scope["conversation_ids"]]
        frames += [Frame(type="customer.erased", data={"_id": key}) for key in scope["customer_ids"]]
        await self._feed.publish(frames)
        for customer_id in scope["customer_ids"]:
            await self._bus.announce(CustomerErased(customer_id, scope["conversation_ids"]))

    async def _silence_quarantine(self, erasure: Document) -> None:
        """Take away what lies in quarantine and is theirs: by who wrote it, or by what it says where nobody reads it.

        Quarantine is small, so it is read through here, a hundred events at a time, and ingest keeps no index for this.
        """
        scope = erasure["scope"]
        said = traces(scope["external_ids"], scope["emails"], scope["phones"])
        before: tuple[datetime, str] | None = None
        while rows := await self._journal.quarantined(before, _EVENTS_TOGETHER):
            before = (rows[-1]["received_at"], rows[-1]["_id"])
            while rows:
                whole = await self._journal.bodies(rows)
                theirs = await asyncio.to_thread(self._of, frozenset(scope["identity_ids"]), said, whole)
                if theirs:
                    await self._store.silence(erasure, theirs)
                looked = {row["_id"] for row in whole}
                rows = [row for row in rows if row["_id"] not in looked]

    def _of(self, identity_ids: frozenset[str], said: re.Pattern[bytes] | None, rows: list[Document]) -> list[Document]:
        return [
            row
            for row in rows
            if self._written_by(identity_ids, row) or (said is not None and said.search(row["raw"]) is not None)
        ]

    def _written_by(self, identity_ids: frozenset[str], row: Document) -> bool:
        try:
            events = self._kinds[row["kind"]].read(row["raw"])
        except Exception:
            # Whatever made it unreadable is why it lies there.
            return False
        people = [event.person for event in events if not isinstance(event, AccountChanged)]
        return any(identity_id(row["channel_id"], person.external_id) in identity_ids for person in people)
