from collections.abc import AsyncIterator
from itertools import combinations_with_replacement
from typing import Any

import pytest

from inbox.model.ids import new_id, now
from inbox.storage.attachments import AttachmentStore
from inbox.storage.blobs import CHUNK


@pytest.fixture
def attachments(database):
    return AttachmentStore(database)


def pattern(length: int) -> bytes:
    return bytes(position * 7 % 251 for position in range(length))


async def stream(content: bytes, size: int = 60_000) -> AsyncIterator[bytes]:
    for begin in range(0, len(content), size):
        yield content[begin : begin + size]


async def read(attachments: AttachmentStore, file_id: str, start: int, end: int) -> bytes:
    return b"".join([chunk async for chunk in attachments.read(file_id, start, end)])


def note(**fields: Any) -> dict[str, Any]:
    return {"_id": new_id(), "message_id": None, "conversation_id": None, "created_at": now(), **fields}


LENGTH = 2 * CHUNK + 1000


async def test_a_file_comes_back_as_it_was(attachments):
    for length in (0, 1, CHUNK, CHUNK + 1, LENGTH):
        file_id, size = await attachments.write("a.bin", stream(pattern(length)))
        assert size == length
        assert await read(attachments, file_id, 0, length) == pattern(length)


BORDERS = (0, 1, 500, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK - 1, 2 * CHUNK, 2 * CHUNK + 1, LENGTH - 1, LENGTH)


async def test_any_range_of_a_file_is_read(attachments):
    content = pattern(LENGTH)
    file_id, _ = await attachments.write("a.bin", stream(content))
    for start, end in combinations_with_replacement(BORDERS, 2):
        assert await read(attachments, file_id, start, end) == content[start:end], (start, end)


async def test_reading_never_holds_more_than_a_chunk(attachments):
    file_id, _ = await attachments.write("a.bin", stream(pattern(LENGTH)))
    sizes = [len(chunk) async for chunk in attachments.read(file_id, 0, LENGTH)]
    assert max(sizes) == CHUNK


async def test_a_stream_that_breaks_leaves_nothing_behind(attachments, database):
    async def breaking() -> AsyncIterator[bytes]:
        yield pattern(CHUNK * 2)
        raise ConnectionError("the provider hung up")

    with pytest.raises(ConnectionError):
        await attachments.write("a.bin", breaking())
    assert await database.durable["media.chunks"].count_documents({}) == 0
    assert await database.durable["media.files"].count_documents({}) == 0


async def test_what_is_expected_twice_stays_as_it_was_first_noted(attachments):
    await attachments.expect([note(_id="f", state="pending")])
    await attachments.change("f", state="stored")
    await attachments.expect([note(_id="f", state="pending"), note(_id="g", state="pending")])
    assert [row["state"] for row in await attachments.many(["f", "g"])] == ["stored", "pending"]


async def test_files_come_in_the_order_that_was_asked_for(attachments):
    for key in "abc":
        await attachments.insert(note(_id=key))
    assert [row["_id"] for row in await attachments.many(["c", "x", "a", "b"])] == ["c", "a", "b"]


async def test_a_file_belongs_to_the_first_message_that_carried_it(attachments):
    await attachments.insert(note(_id="f"))
    await attachments.attach(["f"], "m1", "k1")
    await attachments.attach(["f"], "m2", "k2")
    row = await attachments.get("f")
    assert (row["message_id"], row["conversation_id"]) == ("m1", "k1")
