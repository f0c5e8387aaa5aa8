"""Files: what is known of them in `attachments`, their bytes in GridFS or in a bucket."""

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pymongo

from inbox.storage.blobs import Blobs, GridFs
from inbox.storage.database import Database, Document
from inbox.storage.errors import BucketDown, Duplicate
from inbox.storage.s3 import PLACE, Buckets


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

    async def insert(self, attachment: Document) -> None:
        """Note a file whose bytes are stored."""
        await self._attachments.insert_one(attachment)

    async def change(self, attachment_id: str, **changes: Any) -> None:
        """Set fields."""
        await self._attachments.update_one({"_id": attachment_id}, {"$set": changes})

    async def attach(self, attachment_ids: list[str], message_id: str, conversation_id: str) -> None:
        """Tie uploaded files to the message that carries them."""
        await self._attachments.update_many(
            {"_id": {"$in": attachment_ids}, "message_id": None},
            {"$set": {"message_id": message_id, "conversation_id": conversation_id}},
        )

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
