from collections.abc import AsyncIterator
from itertools import permutations
from typing import Any

import pytest

from inbox.media import MAX_FETCHES, MAX_UPLOAD_BYTES
from inbox.model.errors import Invalid, NotFound
from inbox.model.failures import CredentialsRejected, Refused, RetryLater, Uncertain
from inbox.model.incoming import Media as Picture
from inbox.model.incoming import MessageDeleted, MessageEdited, NewMessage
from inbox.timers import Later
from tests.inbox.arrivals import ANN, accepted, at, said, work_off
from tests.inbox.paper import Floor

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89"
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"


async def stream(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def leftovers(floor: Floor) -> int:
    database = floor.database.durable
    files = await database["media.files"].count_documents({})
    return int(files + await database["media.chunks"].count_documents({}))


async def test_an_upload_is_kept_with_its_true_type_and_read_in_pieces(floor):
    kept = await floor.media.store("cat.html", "text/html", stream(PNG[:5], PNG[5:], b"x" * 9000), "mary")
    assert (kept["content_type"], kept["size"], kept["uploader_id"]) == ("image/png", len(PNG) + 9000, "mary")
    found, read = await floor.media.open(kept["_id"])
    assert found == kept
    assert b"".join([chunk async for chunk in read(2, 8)]) == PNG[2:8]


async def test_nothing_is_no_file(floor):
    with pytest.raises(Invalid, match="file: is empty"):
        await floor.media.store("a", "", stream(), "mary")
    assert await floor.database.durable.attachments.count_documents({}) == 0
    assert await leftovers(floor) == 0


async def test_what_is_too_large_leaves_nothing_behind(floor):
    half = b"x" * (MAX_UPLOAD_BYTES // 2)
    with pytest.raises(Invalid, match="larger than 50 MB"):
        await floor.media.store("a", "", stream(half, half, b"x"), "mary")
    assert await floor.database.durable.attachments.count_documents({}) == 0
    assert await leftovers(floor) == 0


async def expected(floor: Floor) -> dict[str, Any]:
    """A customer's picture that still lies at its provider."""
    channel_id = await floor.connect()
    picture = Picture(type="photo", ref="r1", part="1", name="cat", content_type="image/png")
    await work_off(floor.ingest, [accepted(said(1, media=(picture,)), channel_id=channel_id)])
    found = await floor.database.durable.attachments.find_one({})
    assert found is not None
    return dict(found)


async def shown(floor: Floor) -> dict[str, Any]:
    message = await floor.database.durable.messages.find_one({})
    assert message is not None
    return dict(message["attachments"][0])


async def test_a_customers_file_is_copied_from_its_provider_once(floor):
    attachment = await expected(floor)
    with pytest.raises(NotFound, match="not here yet"):
        await floor.media.open(attachment["_id"])
    floor.kind.files["r1"] = JPEG
    for _ in range(2):
        await floor.media.fetch({"attachment_id": attachment["_id"]})
    assert [what for what in floor.kind.done if what[0] == "fetch"] == [("fetch", "r1")]
    file = await shown(floor)
    assert (file["state"], file["content_type"], file["size"]) == ("stored", "image/jpeg", len(JPEG))
    _, read = await floor.media.open(attachment["_id"])
    assert b"".join([chunk async for chunk in read(0, len(JPEG))]) == JPEG


async def test_a_slow_provider_is_asked_again_and_given_up_in_the_end(floor):
    attachment = await expected(floor)
    floor.kind.failure = RetryLater("slow", after=3)
    for _ in range(MAX_FETCHES - 1):
        with pytest.raises(Later) as later:
            await floor.media.fetch({"attachment_id": attachment["_id"]})
        assert later.value.seconds == 3
    await floor.media.fetch({"attachment_id": attachment["_id"]})
    assert (await shown(floor))["state"] == "failed"
    with pytest.raises(NotFound):
        await floor.media.open(attachment["_id"])


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        (Refused("the file is too big"), "the file is too big"),
        (Uncertain("half an answer"), "the provider did not hand it over"),
    ],
)
async def test_what_is_refused_is_shown_with_the_reason(floor, failure, error):
    attachment = await expected(floor)
    floor.kind.failure = failure
    await floor.media.fetch({"attachment_id": attachment["_id"]})
    file = await shown(floor)
    assert (file["state"], file["error"]) == ("failed", error)
    assert await leftovers(floor) == 0


async def test_a_file_waits_for_a_channel_whose_token_is_dead(floor):
    attachment = await expected(floor)
    floor.kind.failure = CredentialsRejected("token 123 is dead")
    pauses = []
    for _ in range(MAX_FETCHES - 1):
        with pytest.raises(Later) as later:
            await floor.media.fetch({"attachment_id": attachment["_id"]})
        pauses.append(later.value.seconds)
    assert 3600 < sum(pauses) < 2 * 3600
    floor.kind.failure = None
    floor.kind.files["r1"] = JPEG
    await floor.media.fetch({"attachment_id": attachment["_id"]})
    assert (await shown(floor))["state"] == "stored"


async def test_a_file_whose_channel_is_gone_is_given_up(floor):
    attachment = await expected(floor)
    await floor.channels.delete(attachment["channel_id"])
    await floor.media.fetch({"attachment_id": attachment["_id"]})
    assert (await shown(floor))["state"] == "failed"


async def test_what_is_forgotten_is_not_fetched(floor):
    await floor.media.fetch({"attachment_id": "nothing"})
    assert floor.kind.done == []


async def stored_bytes(floor: Floor) -> int:
    """How many files are kept, previews included."""
    return int(await floor.database.durable["media.files"].count_documents({}))


async def refs(floor: Floor) -> list[str]:
    """What the one message shows, by what its provider calls it."""
    (message,) = await floor.database.durable.messages.find({}).to_list(None)
    rows = await floor.attachments.many([file["id"] for file in message["attachments"]])
    assert all(file["state"] == "stored" for file in message["attachments"])
    return [row["ref"] for row in rows]


async def fetch_all(floor: Floor) -> None:
    while (timer := await floor.timers.claim(["media.fetch"])) is not None:
        await floor.media.fetch(timer["data"])
        await floor.timers.done(timer)


def photo(name: str, part: str = "1") -> Picture:
    return Picture(type="photo", ref=f"ref {name}", same=name, part=part, content_type="image/jpeg")


def edited(second: int, number: int = 1, *pictures: Picture, text: str = "other words") -> MessageEdited:
    return MessageEdited(
        person=ANN, external_id=f"ann:{number}", at=at(second), sequence=second, text=text, media=pictures
    )


STORY = (
    said(1, media=(photo("one"),)),
    edited(10, 1, photo("two"), text="another photo"),
    edited(20, 1, text="other words"),
    MessageDeleted(person=ANN, external_id="ann:1", at=at(30)),
)


@pytest.mark.parametrize("order", list(permutations(range(len(STORY)))), ids=str)
@pytest.mark.parametrize("at_once", [True, False], ids=["fetched at once", "fetched at the end"])
async def test_a_replaced_file_is_the_newest_whichever_is_heard_of_first(floor, order, at_once):
    channel_id = await floor.connect()
    floor.kind.files |= {"ref one": JPEG, "ref two": JPEG + b"two"}
    for number in (*order, order[0]):
        await work_off(floor.ingest, [accepted(STORY[number], channel_id=channel_id)])
        if at_once:
            await fetch_all(floor)
    await fetch_all(floor)
    assert await refs(floor) == ["ref two"]
    assert await stored_bytes(floor) == 1
    (message,) = await floor.database.durable.messages.find({}).to_list(None)
    assert (message["text"], message["deleted_at"]) == ("other words", at(30))


async def test_a_file_that_comes_back_is_fetched_again_and_an_edit_of_the_caption_fetches_none(floor):
    channel_id = await floor.connect()
    floor.kind.files |= {"ref one": JPEG, "ref two": JPEG + b"two"}
    await work_off(floor.ingest, [accepted(said(1, media=(photo("one"),)), channel_id=channel_id)])
    await fetch_all(floor)
    await work_off(floor.ingest, [accepted(edited(5, 1, photo("one"), text="a caption"), channel_id=channel_id)])
    await fetch_all(floor)
    assert [what for what in floor.kind.done if what[0] == "fetch"] == [("fetch", "ref one")]
    first = (await shown(floor))["id"]
    await work_off(floor.ingest, [accepted(edited(10, 1, photo("two")), channel_id=channel_id)])
    await fetch_all(floor)
    assert await refs(floor) == ["ref two"]
    with pytest.raises(NotFound, match="not here"):
        await floor.media.open(first)
    await work_off(floor.ingest, [accepted(edited(20, 1, photo("one")), channel_id=channel_id)])
    await fetch_all(floor)
    assert await refs(floor) == ["ref one"]
    assert await stored_bytes(floor) == 1


async def test_a_file_that_was_replaced_while_it_was_fetched_is_let_go(floor):
    channel_id = await floor.connect()
    floor.kind.files |= {"ref one": JPEG, "ref two": JPEG + b"two"}
    await work_off(floor.ingest, [accepted(said(1, media=(photo("one"),)), channel_id=channel_id)])
    first = (await shown(floor))["id"]
    row = await floor.attachments.get(first)
    await work_off(floor.ingest, [accepted(edited(10, 1, photo("two")), channel_id=channel_id)])
    await floor.media._note(row, **await floor.files.take("", "", stream(JPEG)))
    assert await stored_bytes(floor) == 0
    await fetch_all(floor)
    assert await refs(floor) == ["ref two"]


PARTS = (
    said(1, "Ось такі", media=(photo("one", "1"),), group="album"),
    NewMessage(person=ANN, external_id="ann:2", sent_at=at(2), sequence=2, media=(photo("two", "2"),), group="album"),
    edited(10, 2, photo("three", "2"), text=""),
    edited(20, 1, photo("one", "1"), text="Ось ці"),
)


@pytest.mark.parametrize("order", list(permutations(range(len(PARTS)))), ids=str)
async def test_an_album_keeps_its_parts_and_its_words_when_one_is_replaced(floor, order):
    channel_id = await floor.connect()
    floor.kind.files |= {"ref one": JPEG, "ref two": JPEG + b"two", "ref three": JPEG + b"three"}
    for number in (*order, order[0]):
        await work_off(floor.ingest, [accepted(PARTS[number], channel_id=channel_id)])
        await fetch_all(floor)
    assert await refs(floor) == ["ref one", "ref three"]
    assert await stored_bytes(floor) == 2
    (message,) = await floor.database.durable.messages.find({}).to_list(None)
    assert message["text"] == "Ось ці"
