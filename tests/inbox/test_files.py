"""What becomes of bytes on their way in."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from inbox.files import shown
from inbox.model.ids import now
from tests.inbox.paper import Floor
from tests.inbox.test_pictures import drawn


async def stream(content: bytes, size: int = 1000) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


async def read(floor: Floor, file: dict[str, Any]) -> bytes:
    return b"".join([chunk async for chunk in floor.attachments.read(file["file_id"], 0, file["size"])])


async def stored(floor: Floor) -> int:
    return int(await floor.database.durable["media.files"].count_documents({}))


def row(name: str = "photo.jpg") -> dict[str, Any]:
    return {
        "_id": "a1",
        "channel_id": "c1",
        "message_id": "m1",
        "conversation_id": "k1",
        "uploader_id": None,
        "ref": "",
        "type": "photo",
        "name": name,
        "content_type": "image/jpeg",
        "state": "pending",
        "file_id": None,
        "size": None,
        "created_at": now(),
    }


async def test_a_picture_gets_a_small_copy_beside_it(floor):
    photo = drawn((1600, 1200), "JPEG")
    file = await floor.files.take("photo.jpg", "", stream(photo))
    assert (file["content_type"], file["width"], file["height"]) == ("image/jpeg", 1600, 1200)
    assert await read(floor, file) == photo
    assert file["preview"]["size"] == len(await read(floor, file["preview"])) < len(photo)
    await floor.files.discard(file)
    assert await stored(floor) == 0


@pytest.mark.parametrize("content", [b"plain words", b"\x89PNG\r\n\x1a\n broken", b""])
async def test_what_is_no_picture_is_kept_all_the_same(floor, content):
    file = await floor.files.take("a.png", "image/png", stream(content))
    assert (file["preview"], await read(floor, file)) == (None, content)


async def test_what_came_with_a_message_is_kept_once_however_often_it_is_tried(floor):
    photo = drawn((1000, 1000), "JPEG")
    told = await asyncio.gather(*(floor.files.keep(row(), photo) for _ in range(3)))
    told.append(await floor.files.keep(row(), photo))
    assert all(answer == told[0] for answer in told)
    assert told[0]["state"] == "stored"
    assert "file_id" not in str(told[0])
    assert await stored(floor) == 2
    kept = await floor.attachments.get("a1")
    assert (kept["message_id"], shown(kept)) == ("m1", told[0])
    assert await read(floor, kept) == photo
    await floor.media.fetch({"attachment_id": "a1"})
    assert floor.kind.done == []


async def test_an_announced_file_can_be_kept_too(floor):
    await floor.attachments.expect([row()])
    await floor.files.keep(row(), b"words")
    assert (await floor.attachments.get("a1"))["state"] == "stored"
