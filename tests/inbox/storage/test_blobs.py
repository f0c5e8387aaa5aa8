"""One contract for every place where bytes may be; the bucket is one of a real S3 server over HTTP."""

from collections.abc import AsyncIterator
from itertools import combinations_with_replacement

import pytest

from inbox.model.errors import NotFound
from inbox.model.failures import RetryLater
from inbox.storage.attachments import AttachmentStore
from inbox.storage.blobs import Blobs, GridFs
from inbox.storage.errors import BucketDown, is_unavailable
from inbox.storage.s3 import PART, BucketAddress, Buckets

LENGTH = PART + 70_000
CONTENT = bytes(range(251)) * (LENGTH // 251 + 1)
SECRET = "a-secret-key-that-nobody-may-see"


def at(url: str) -> BucketAddress:
    return BucketAddress(url=url, region="us-east-1", access_key="key", secret_key=SECRET)


@pytest.fixture(params=["gridfs", "s3"])
def blobs(request, database) -> Blobs:
    if request.param == "gridfs":
        return GridFs(database)
    return Buckets(at(request.getfixturevalue("s3")), "media")


async def stream(content: bytes, size: int = 60_000) -> AsyncIterator[bytes]:
    for begin in range(0, len(content), size):
        yield content[begin : begin + size]


async def read(place: Blobs | AttachmentStore, file_id: str, start: int, end: int) -> bytes:
    return b"".join([chunk async for chunk in place.read(file_id, start, end)])


@pytest.mark.parametrize("length", [0, 1, 255 * 1024, PART, LENGTH])
async def test_a_stream_comes_back_as_it_was(blobs, length):
    file_id, size = await blobs.write("a.bin", stream(CONTENT[:length]))
    assert size == length
    assert await read(blobs, file_id, 0, length) == CONTENT[:length]


async def test_any_range_is_read(blobs):
    file_id, _ = await blobs.write("a.bin", stream(CONTENT[:LENGTH]))
    for start, end in combinations_with_replacement((0, 1, 500, 261_120, PART, LENGTH - 1, LENGTH), 2):
        assert await read(blobs, file_id, start, end) == CONTENT[start:end], (start, end)


@pytest.mark.parametrize("length", [10, LENGTH])
async def test_a_stream_that_breaks_says_why_in_its_own_words(blobs, length):
    async def breaking() -> AsyncIterator[bytes]:
        async for chunk in stream(CONTENT[:length]):
            yield chunk
        raise RetryLater("slow", after=7)

    with pytest.raises(RetryLater) as broken:
        await blobs.write("a.bin", breaking())
    assert broken.value.after == 7


async def test_what_is_discarded_is_gone(blobs):
    file_id, size = await blobs.write("a.bin", stream(CONTENT[:1000]))
    await blobs.discard(file_id)
    with pytest.raises(Exception, match=r"no file|not in its bucket"):
        await read(blobs, file_id, 0, size)


async def test_files_stay_readable_wherever_new_ones_go(database, s3):
    settings = [None, Buckets(at(s3), "older"), Buckets(at(s3), "media"), Buckets(at(s3)), None]
    stores = [AttachmentStore(database, buckets) for buckets in settings]
    written = [(await store.write("a.bin", stream(CONTENT[:number])))[0] for number, store in enumerate(stores, 1)]
    places = [file_id.partition("/")[0] if file_id.startswith("s3:") else "gridfs" for file_id in written]
    assert places == ["gridfs", "s3:older", "s3:media", "gridfs", "gridfs"]
    for store in stores[1:4]:
        for number, file_id in enumerate(written, 1):
            assert await read(store, file_id, 0, number) == CONTENT[:number]
    with pytest.raises(BucketDown, match="SKRYNKA_S3_URL"):
        await read(stores[-1], written[1], 0, 1)


async def test_a_bucket_that_is_not_there_is_an_outage_and_tells_no_key(s3):
    missing = Buckets(at(s3), "missing")
    with pytest.raises(BucketDown, match="'missing'") as down:
        await missing.write("a.bin", stream(b"x"))
    assert is_unavailable(down.value)
    assert SECRET not in str(down.value) + repr(at(s3))
    with pytest.raises(NotFound):
        await read(missing, "s3:missing/key", 0, 1)


@pytest.mark.parametrize("what", ["write", "read", "discard"])
async def test_a_provider_that_is_away_is_an_outage(what):
    away = Buckets(at("http://127.0.0.1:1"), "media", patience=0.5)
    calls = {
        "write": lambda: away.write("a.bin", stream(b"x")),
        "read": lambda: read(away, "s3:media/key", 0, 1),
        "discard": lambda: away.discard("s3:media/key"),
    }
    with pytest.raises(BucketDown):
        await calls[what]()
