"""Accepted webhook events: the first durable work list.

A row is `{_id, channel_id, kind, key, raw, state, received_at, lease_until, holder, request_id}`; `state` is `pending`,
`done` or `quarantined`. A done row loses its body and its key, which may name a customer, and stays for deduplication
as long as `schema.KEEP_EVENTS_SECONDS`.
An event of more than `LARGE_BYTES` (a letter with files) lies in the bucket `events`: its row has an empty `raw`, and
`file` says where.
"""

import contextlib
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta

import pymongo
from bson import ObjectId
from gridfs.errors import NoFile
from motor.motor_asyncio import AsyncIOMotorGridFSBucket
from pymongo.errors import BulkWriteError

from inbox.model.ids import new_id, now
from inbox.storage.database import Database, Document
from inbox.storage.errors import duplicate_positions
from inbox.storage.places import beyond

LEASE = timedelta(seconds=12)
"""How long a process may hold an event without saying that it still does."""

PUT_OFF = timedelta(seconds=1)
"""How soon an event is looked at again whose meaning something under way is about to tell."""

LARGE_BYTES = 1 << 20
"""What is larger lies outside the row. A row may have 16 MB, and a batch of them is written within a second."""

LARGE_TOGETHER = 48 << 20
"""How many bytes of large events are brought back at a time."""

_REACH_SECONDS = 1.2

_SET_DOWN_FOR = timedelta(minutes=10)
"""How long a large event may lie there before its row is written."""


class JournalStore:
    """The `journal` collection."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._durable = database.durable.journal
        self._relaxed = database.relaxed.journal
        self._large = AsyncIOMotorGridFSBucket(database.durable, bucket_name="events")
        self._large_files = database.durable["events.files"]

    async def insert(self, rows: Sequence[Document], *, within: float) -> set[int]:
        """Store events durably, or raise; returns the positions of those already known. `within` in seconds."""
        with pymongo.timeout(within):
            try:
                await self._durable.insert_many(rows, ordered=False)
            except BulkWriteError as error:
                return duplicate_positions(error)
        return set()

    async def set_down(self, row: Document, *, within: float) -> None:
        """Move a large event's body out of its row, durably, before the row is inserted. `within` in seconds."""
        with pymongo.timeout(_REACH_SECONDS):
            await self._database.ping()  # A database that is away must not hold a large body for as long as it takes.
        with pymongo.timeout(within):
            file_id = await self._large.upload_from_stream(row["_id"], row["raw"])
        row["file"] = str(file_id)
        row["raw"] = b""

    async def forget_large(self) -> None:
        """Delete the bodies of large events that are done, or whose row was never written."""
        old = {"uploadDate": {"$lt": now() - _SET_DOWN_FOR}}
        files = await self._large_files.find(old, {"filename": 1}).sort("uploadDate", 1).limit(1000).to_list(1000)
        wanted = {"_id": {"$in": [file["filename"] for file in files]}, "state": {"$ne": "done"}}
        needed = {row["file"] async for row in self._durable.find(wanted, {"file": 1}) if "file" in row}
        for file in files:
            if str(file["_id"]) not in needed:
                with contextlib.suppress(NoFile):
                    await self._large.delete(file["_id"])

    async def _whole(self, rows: list[Document]) -> list[Document]:
        """Rows with the bodies of large events brought back, as far as they fit into memory together.

        The rest is left to its lease. A body that is gone leaves its row empty, which nobody can read: quarantined.
        """
        whole, size = [], 0
        for row in rows:
            if "file" in row:
                if size > LARGE_TOGETHER:
                    continue
                with contextlib.suppress(NoFile):
                    source = await self._large.open_download_stream(ObjectId(row["file"]))
                    row["raw"] = await source.read()
                size += len(row["raw"])
            whole.append(row)
        return whole

    @contextlib.asynccontextmanager
    async def processing(self, ids: Sequence[str]) -> AsyncIterator[set[str]]:
        """Mark events as processed at the end of the context, whose last write but relaxed ones has to be durable.

        Those that are added to the set meanwhile stay as they are, for whoever looks next, in a moment. Raises
        `TermEnded` where the database may have forgotten some of the work: to be repeated.
        """
        put_off: set[str] = set()
        async with self._database.one_term():
            yield put_off
        await self._finish([event_id for event_id in ids if event_id not in put_off])
        if put_off:
            later = {"_id": {"$in": list(put_off)}, "state": "pending"}
            await self._relaxed.update_many(later, {"$set": {"lease_until": now() + PUT_OFF}})

    async def _finish(self, ids: Sequence[str]) -> None:
        """Mark events as processed. Losing this write only means processing them again, which changes nothing."""
        await self._relaxed.update_many(
            {"_id": {"$in": list(ids)}},
            {
                "$set": {"state": "done", "done_at": now()},
                "$unset": {"raw": "", "key": "", "lease_until": "", "reason": "", "holder": ""},
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
        mine = {"_id": {"$in": ids}, "holder": holder, "state": "pending"}
        return await self._whole(await self._durable.find(mine).to_list(None))

    async def held_by(self, holder: str, limit: int) -> list[Document]:
        """Events that a process accepted and has not processed, oldest lease first; their leases begin anew."""
        mine = {"state": "pending", "holder": holder, "lease_until": {"$exists": True}}
        rows = await self._durable.find(mine).sort("lease_until", 1).limit(limit).to_list(limit)
        await self.renew([row["_id"] for row in rows])
        return await self._whole(rows)

    async def quarantine(self, event_id: str, reason: str) -> None:
        """Set an event aside for people to look at."""
        await self._durable.update_one(
            {"_id": event_id}, {"$set": {"state": "quarantined", "reason": reason}, "$unset": {"lease_until": ""}}
        )

    async def quarantined(self, before: tuple[datetime, str] | None, limit: int) -> list[Document]:
        """What was set aside, newest first; `before` is the (time, id) of the last one seen."""
        condition: Document = {"state": "quarantined", **beyond("received_at", before)}
        return await self._durable.find(condition).sort([("received_at", -1), ("_id", -1)]).limit(limit).to_list(limit)

    async def bodies(self, rows: list[Document]) -> list[Document]:
        """These rows with the bodies of large events brought back, as many as fit into memory together."""
        return await self._whole(rows)

    async def discard_large(self, file_ids: Sequence[str]) -> None:
        """Delete the bodies of large events."""
        for file_id in file_ids:
            with contextlib.suppress(NoFile):
                await self._large.delete(ObjectId(file_id))

    async def release(self, event_id: str) -> Document | None:
        """Put a quarantined event back to work; returns it, or None where there is no such."""
        released: Document | None = await self._durable.find_one_and_update(
            {"_id": event_id, "state": "quarantined"},
            {"$set": {"state": "pending", "lease_until": now() + LEASE}, "$unset": {"reason": ""}},
            return_document=pymongo.ReturnDocument.AFTER,
        )
        return (await self._whole([released]))[0] if released is not None else None

    async def pending_since(self, at: datetime) -> bool:
        """Whether anything waits to be processed that was accepted by then."""
        waiting = {"state": "pending", "lease_until": {"$exists": True}, "received_at": {"$lte": at}}
        return await self._durable.find_one(waiting, {"_id": 1}, hint="due") is not None

    async def pending(self) -> int:
        """How many accepted events wait to be processed."""
        return await self._durable.count_documents({"state": "pending", "lease_until": {"$exists": True}})
