"""Bytes of files in an S3-compatible bucket: Amazon's, or anybody else's that speaks its language."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import msgspec

from inbox.model.errors import NotFound
from inbox.model.ids import new_id
from inbox.storage.blobs import Blobs
from inbox.storage.errors import BucketDown

if TYPE_CHECKING:
    from obstore.store import S3Store

PLACE: Final = "s3:"
"""How the ids of files in a bucket begin; then bucket and key, as in `s3:shop-media/1a20…`."""

PART: Final = 5 * 1024 * 1024
"""How much of an upload is sent at once: S3's smallest part. Two parts are in memory at a time."""

PATIENCE_SECONDS: Final = 20.0
"""How long a request that failed is repeated."""

_READ: Final = 256 * 1024


class BucketAddress(msgspec.Struct, frozen=True, kw_only=True):
    """Where a provider of buckets is, without the bucket's name, and who we are to it."""

    url: str
    region: str
    access_key: str
    secret_key: str

    def __repr__(self) -> str:
        return f"BucketAddress({self.url!r})"


class Buckets(Blobs):
    """A provider's buckets. New files go to `bucket`, if any; those in others stay readable while they are there."""

    def __init__(self, address: BucketAddress, bucket: str = "", *, patience: float = PATIENCE_SECONDS) -> None:
        self._address = address
        self._bucket = bucket
        self._patience = timedelta(seconds=patience)
        self._opened: dict[str, S3Store] = {}

    @property
    def writable(self) -> bool:
        """Whether new files go to a bucket."""
        return bool(self._bucket)

    async def write(self, name: str, chunks: AsyncIterator[bytes]) -> tuple[str, int]:  # noqa: ARG002 - a key says all
        import obstore

        counted = _Counted(chunks)
        key = new_id()
        try:
            await obstore.put_async(self._open(self._bucket), key, counted.stream(), chunk_size=PART, max_concurrency=2)
        except (obstore.exceptions.BaseError, FileNotFoundError) as error:
            if counted.failure is not None:
                raise counted.failure from None
            raise BucketDown(f"the bucket {self._bucket!r} does not take files: {_short(error)}") from error
        return f"{PLACE}{self._bucket}/{key}", counted.size

    async def discard(self, file_id: str) -> None:
        import obstore

        bucket, key = _named(file_id)
        try:
            await obstore.delete_async(self._open(bucket), key)
        except FileNotFoundError:
            return
        except obstore.exceptions.BaseError as error:
            raise BucketDown(f"the bucket {bucket!r} does not answer: {_short(error)}") from error

    async def read(self, file_id: str, start: int, end: int) -> AsyncIterator[bytes]:
        if start == end:
            return  # S3 has no word for a range of nothing.
        import obstore

        bucket, key = _named(file_id)
        try:
            found = await obstore.get_async(self._open(bucket), key, options={"range": (start, end)})
            async for chunk in found.stream(min_chunk_size=_READ):
                yield bytes(chunk)
        except FileNotFoundError:
            raise NotFound("this file is not in its bucket any more") from None
        except obstore.exceptions.BaseError as error:
            raise BucketDown(f"the bucket {bucket!r} does not answer: {_short(error)}") from error

    def _open(self, bucket: str) -> "S3Store":
        if bucket not in self._opened:
            from obstore.store import S3Store

            self._opened[bucket] = S3Store(
                bucket,
                endpoint=self._address.url,
                region=self._address.region,
                access_key_id=self._address.access_key,
                secret_access_key=self._address.secret_key,
                virtual_hosted_style_request=False,  # Amazon still takes paths, and others take nothing else.
                client_options={"allow_http": True, "connect_timeout": "5s", "timeout": "60s"},
                retry_config={"max_retries": 3, "retry_timeout": self._patience},
            )
        return self._opened[bucket]


class _Counted:
    """A stream that counts what passes, and remembers why it broke: the client may wrap that."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks
        self.size = 0
        self.failure: Exception | None = None

    async def stream(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._chunks:
                self.size += len(chunk)
                yield chunk
        except Exception as error:
            self.failure = error
            raise


def _named(file_id: str) -> tuple[str, str]:
    """A file's bucket and key."""
    bucket, _, key = file_id.removeprefix(PLACE).partition("/")
    return bucket, key


def _short(error: Exception) -> str:
    """The client's first line; what follows is for its own developers."""
    return str(error).partition("\n")[0]
