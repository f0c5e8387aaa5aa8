"""Where the bytes of files are."""

from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from itertools import repeat
from typing import Final, Protocol

from bson import ObjectId
from gridfs.errors import NoFile
from motor.motor_asyncio import AsyncIOMotorGridFSBucket

from inbox.storage.database import Database

CHUNK: Final = 255 * 1024


class Blobs(Protocol):
    """Streams under ids that it gives them."""

    async def write(self, name: str, chunks: AsyncIterator[bytes]) -> tuple[str, int]:
        """Store a stream; returns its id and its size in bytes. A stream that breaks leaves nothing behind."""

    async def discard(self, file_id: str) -> None:
        """Forget a stored stream, if it is there."""

    def read(self, file_id: str, start: int, end: int) -> AsyncIterator[bytes]:
        """Stream bytes `start` to `end` (exclusive)."""


class GridFs(Blobs):
    """The `media` bucket of the database itself: nothing else to run, and part of its backups."""

    def __init__(self, database: Database) -> None:
        self._bucket = AsyncIOMotorGridFSBucket(database.durable, bucket_name="media", chunk_size_bytes=CHUNK)

    async def write(self, name: str, chunks: AsyncIterator[bytes]) -> tuple[str, int]:
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
        with suppress(NoFile):
            await self._bucket.delete(ObjectId(file_id))

    async def read(self, file_id: str, start: int, end: int) -> AsyncIterator[bytes]:
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
