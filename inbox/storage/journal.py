"""Accepted webhook events: the first durable work list.

A row is `{_id, channel_id, kind, key, raw, state, received_at, lease_until, holder, request_id}`; `state` is `pending`,
`done` or `quarantined`. A done row loses its body and stays for deduplication as long as `schema.KEEP_EVENTS_SECONDS`.
"""

import contextlib
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta

import pymongo
from pymongo.errors import BulkWriteError

from inbox.model.ids import new_id, now
from inbox.storage.database import Database, Document
from inbox.storage.errors import duplicate_positions

LEASE = timedelta(seconds=12)
"""How long a process may hold an event without saying that it still does."""


class JournalStore:
    """The `journal` collection."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._durable = database.durable.journal
        self._relaxed = database.relaxed.journal

    async def insert(self, rows: Sequence[Document], *, within: float) -> set[int]:
        """Store events durably, or raise; returns the positions of those already known. `within` in seconds."""
        with pymongo.timeout(within):
            try:
                await self._durable.insert_many(rows, ordered=False)
            except BulkWriteError as error:
                return duplicate_positions(error)
        return set()

    @contextlib.asynccontextmanager
    async def processing(self, ids: Sequence[str]) -> AsyncIterator[None]:
        """Mark events as processed at the end of the context, whose last write but relaxed ones has to be durable.

        Raises `TermEnded` where the database may have forgotten some of the work: to be repeated.
        """
        async with self._database.one_term():
            yield
        await self._finish(ids)

    async def _finish(self, ids: Sequence[str]) -> None:
        """Mark events as processed. Losing this write only means processing them again, which changes nothing."""
        await self._relaxed.update_many(
            {"_id": {"$in": list(ids)}},
            {
                "$set": {"state": "done", "done_at": now()},
                "$unset": {"raw": "", "lease_until": "", "reason": "", "holder": ""},
            },
        )

    async def renew(self, ids: Sequence[str]) -> None:
        """Say that these events are still being worked on."""
        await self._relaxed.update_many(
            {"_id": {"$in": list(ids)}, "state": "pending"}, {"$set": {"lease_until": now() + LEASE}}
        )

    async def adopt(self, limit: int) -> list[Document]:
        """Take over events whose holder let its lease run out, oldest lease first."""
        present = now()
        due = {"state": "pending", "lease_until": {"$lte": present}}
        found = await self._durable.find(due, {"_id": 1}).sort("lease_until", 1).limit(limit).to_list(limit)
        if not found:
            return []
        holder = new_id()
        ids = [row["_id"] for row in found]
        await self._durable.update_many(
            {"_id": {"$in": ids}, **due}, {"$set": {"lease_until": present + LEASE, "holder": holder}}
        )
        return await self._durable.find({"_id": {"$in": ids}, "holder": holder, "state": "pending"}).to_list(None)

    async def held_by(self, holder: str, limit: int) -> list[Document]:
        """Events that a process accepted and has not processed, oldest lease first; their leases begin anew."""
        mine = {"state": "pending", "holder": holder, "lease_until": {"$exists": True}}
        rows = await self._durable.find(mine).sort("lease_until", 1).limit(limit).to_list(limit)
        await self.renew([row["_id"] for row in rows])
        return rows

    async def quarantine(self, event_id: str, reason: str) -> None:
        """Set an event aside for people to look at."""
        await self._durable.update_one(
            {"_id": event_id}, {"$set": {"state": "quarantined", "reason": reason}, "$unset": {"lease_until": ""}}
        )

    async def quarantined(self, before: tuple[datetime, str] | None, limit: int) -> list[Document]:
        """What was set aside, newest first; `before` is the (time, id) of the last one seen."""
        condition: Document = {"state": "quarantined"}
        if before is not None:
            at, key = before
            condition["$or"] = [{"received_at": {"$lt": at}}, {"received_at": at, "_id": {"$lt": key}}]
        return await self._durable.find(condition).sort([("received_at", -1), ("_id", -1)]).limit(limit).to_list(limit)

    async def release(self, event_id: str) -> Document | None:
        """Put a quarantined event back to work; returns it, or None where there is no such."""
        released: Document | None = await self._durable.find_one_and_update(
            {"_id": event_id, "state": "quarantined"},
            {"$set": {"state": "pending", "lease_until": now() + LEASE}, "$unset": {"reason": ""}},
            return_document=pymongo.ReturnDocument.AFTER,
        )
        return released

    async def pending(self) -> int:
        """How many accepted events wait to be processed."""
        return await self._durable.count_documents({"state": "pending", "lease_until": {"$exists": True}})
