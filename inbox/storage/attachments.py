"""Files: what is known of them in `attachments`, their bytes in GridFS or in a bucket."""

from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

import pymongo

from inbox.model.ids import new_id, now
from inbox.storage.blobs import Blobs, GridFs
from inbox.storage.database import Database, Document
from inbox.storage.errors import BucketDown, Duplicate
from inbox.storage.s3 import PLACE, Buckets

_PORTION = 500


class AttachmentStore:
    """The `attachments` collection, and the bytes that its rows' `file_id` names."""

    def __init__(self, database: Database, buckets: Buckets | None = None) -> None:
        self._attachments = database.durable.attachments
        self._relaxed = database.relaxed.attachments
        self._gridfs = GridFs(database)
        self._buckets = buckets

    async def expect(self, attachments: list[Document]) -> None:
        """Note files that still lie at their provider; those already noted stay as they are."""
        writes = [
            pymongo.UpdateOne(
                {"_id": row["_id"]}, {"$setOnInsert": {k: v for k, v in row.items() if k != "_id"}}, upsert=True
            )
            for row in attachments
        ]
        await self._relaxed.bulk_write(writes, ordered=False)

    async def get(self, attachment_id: str) -> Document | None:
        """What is known of a file."""
        return await self._attachments.find_one({"_id": attachment_id})

    async def many(self, attachment_ids: list[str]) -> list[Document]:
        """What is known of these files, in the order of the ids."""
        rows = {row["_id"]: row async for row in self._attachments.find({"_id": {"$in": attachment_ids}})}
        return [rows[attachment_id] for attachment_id in attachment_ids if attachment_id in rows]

    async def of_messages(self, message_ids: Sequence[str]) -> list[str]:
        """The ids of all files that belong to messages, shown there or not."""
        return [row["_id"] async for row in self._relaxed.find({"message_id": {"$in": list(message_ids)}}, {"_id": 1})]

    async def insert(self, attachment: Document) -> None:
        """Note a file whose bytes are stored."""
        await self._attachments.insert_one(attachment)

    async def change(self, attachment_id: str, **changes: Any) -> bool:
        """Set fields; whether the file is still known."""
        changed = await self._attachments.update_one({"_id": attachment_id}, {"$set": changes})
        return bool(changed.matched_count)

    async def attach(self, attachment_ids: list[str], message_id: str, conversation_id: str) -> None:
        """Tie uploaded files to the message that carries them."""
        await self._attachments.update_many(
            {"_id": {"$in": attachment_ids}, "message_id": None},
            {"$set": {"message_id": message_id, "conversation_id": conversation_id}},
        )

    async def keep(self, row: Document, macro_id: str) -> str:
        """Have a macro keep a file: itself where nobody has it, else a row that shares its bytes. Returns its id."""
        if row.get("macro_id") == macro_id:
            return str(row["_id"])
        taken = await self._attachments.update_one(
            {"_id": row["_id"], "message_id": None, "macro_id": None}, {"$set": {"macro_id": macro_id, "shared": True}}
        )
        if taken.matched_count:
            return str(row["_id"])
        copied = {**row, "_id": new_id(), "macro_id": macro_id, "message_id": None, "conversation_id": None}
        await self._attachments.update_one({"_id": row["_id"]}, {"$set": {"shared": True}})
        await self._attachments.insert_one({**copied, "shared": True})
        return str(copied["_id"])

    async def release(self, macro_id: str, kept: Sequence[str]) -> None:
        """Let go of a macro's files, but those that it keeps. They are forgotten a while later."""
        await self._attachments.update_many(
            {"macro_id": macro_id, "_id": {"$nin": list(kept)}},
            {"$set": {"released_at": now()}, "$unset": {"macro_id": ""}},
        )

    async def released(self, before: datetime) -> list[Document]:
        """Files that no macro has kept since a time."""
        return await self._attachments.find({"released_at": {"$lte": before}}).to_list(_PORTION)

    async def forget(self, attachment_id: str) -> None:
        """Forget what is known of a file."""
        await self._attachments.delete_one({"_id": attachment_id})

    async def shares(self, row: Document) -> bool:
        """Whether another file has the same bytes."""
        others = {"file_id": row["file_id"], "shared": True, "_id": {"$ne": row["_id"]}}
        return bool(row.get("shared")) and await self._attachments.find_one(others, {"_id": 1}) is not None

    async def settle(self, attachment: Document) -> Document:
        """Note a file whose bytes are stored, announced or not; returns the row that counts: the first one's."""
        fields = {key: value for key, value in attachment.items() if key != "_id"}
        with suppress(Duplicate):
            settled: Document = await self._attachments.find_one_and_update(
                {"_id": attachment["_id"], "state": {"$ne": "stored"}},
                {"$set": fields},
                upsert=True,
                return_document=pymongo.ReturnDocument.AFTER,
            )
            return settled
        return await self.get(attachment["_id"]) or attachment

    async def write(self, name: str, chunks: AsyncIterator[bytes]) -> tuple[str, int]:
        """Store a stream; returns the file's id and its size in bytes. A stream that breaks leaves nothing behind."""
        target: Blobs = self._buckets if self._buckets is not None and self._buckets.writable else self._gridfs
        return await target.write(name, chunks)

    async def discard(self, file_id: str) -> None:
        """Forget a stored stream."""
        await self._place(file_id).discard(file_id)

    def read(self, file_id: str, start: int, end: int) -> AsyncIterator[bytes]:
        """Stream bytes `start` to `end` (exclusive)."""
        return self._place(file_id).read(file_id, start, end)

    def _place(self, file_id: str) -> Blobs:
        """Where a file's bytes are, wherever new ones go today: its id says it."""
        if not file_id.startswith(PLACE):
            return self._gridfs
        if self._buckets is None:
            raise BucketDown("this file lies in a bucket: SKRYNKA_S3_URL says where, and is not set any more")
        return self._buckets
