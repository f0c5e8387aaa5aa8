"""Files: what is known of them in `attachments`, their bytes in GridFS."""

from collections.abc import AsyncIterator, Iterator
from itertools import repeat
from typing import Any

import pymongo
from bson import ObjectId
from motor.motor_asyncio import AsyncIOMotorGridFSBucket

from inbox.storage.database import Database, Document

CHUNK = 255 * 1024


class AttachmentStore:
    """The `attachments` collection and the `media` bucket."""

    def __init__(self, database: Database) -> None:
        self._attachments = database.durable.attachments
        self._relaxed = database.relaxed.attachments
        self._bucket = AsyncIOMotorGridFSBucket(database.durable, bucket_name="media", chunk_size_bytes=CHUNK)

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

    async def write(self, name: str, chunks: AsyncIterator[bytes]) -> tuple[str, int]:
        """Store a stream; returns the file's id and its size in bytes. A stream that breaks leaves nothing behind."""
        target = self._bucket.open_upload_stream(name)
        size = 0
        try:
            async for chunk in chunks:
                await target.write(chunk)
                size += len(chunk)
        except BaseException:
            await target.abort()
            raise
        await target.close()
        return str(target._id), size  # noqa: SLF001 - PyMongo's documented name for a file's id

    async def discard(self, file_id: str) -> None:
        """Forget a stored stream."""
        await self._bucket.delete(ObjectId(file_id))

    async def read(self, file_id: str, start: int, end: int) -> AsyncIterator[bytes]:
        """Stream bytes `start` to `end` (exclusive)."""
        source = await self._bucket.open_download_stream(ObjectId(file_id))
        source.seek(start)
        for size in _steps(end - start):
            yield await source.read(size)


def _steps(length: int) -> Iterator[int]:
    """`length` in pieces of at most `CHUNK`."""
    whole, rest = divmod(length, CHUNK)
    yield from repeat(CHUNK, whole)
    if rest:
        yield rest
