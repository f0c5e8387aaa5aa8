"""Every change reaches every open page that may see it, once and in one order, over breaks, servers and restarts."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import ClientWebSocketResponse

from inbox.model.ids import event_id, inbound_message_id, now
from tests.flow import Person, Shop, until
from tests.promises.neighbour import another_server, at, webhook_at
from tests.promises.updates import post, written

update_ids = itertools.count(1)


async def listen(person: Person, since: int | None = None) -> ClientWebSocketResponse:
    query = "" if since is None else f"?since={since}"
    return await person.http.ws_connect(
        f"{person.url}/api/v1/live{query}", headers={"Authorization": f"Bearer {person.token}"}
    )


async def heard(socket: ClientWebSocketResponse, seconds: float = 15.0) -> Any:
    # Its own timeout begins anew with every ping.
    return await asyncio.wait_for(socket.receive_json(), seconds)


async def write(shop: Shop, url: str, customer: int, number: int, text: str) -> None:
    raw = written(next(update_ids), customer, number, text)
    assert await post(shop.http, webhook_at(shop, url), raw, shop.bot.webhook.secret) == 200


class Page:
    """An open page: what it heard, and that it missed and doubled nothing."""

    def __init__(self, person: Person, since: int) -> None:
        self.person = person
        self.since = since
        self.frames: list[dict[str, Any]] = []

    def texts(self) -> list[str]:
        return [frame["data"]["text"] for frame in self.frames if frame["type"] == "message.created"]

    async def hear(self, *, texts: int, frames: int | None = None) -> None:
        """Listen from where it stopped until it has heard so many messages altogether, or so many more frames."""
        enough = None if frames is None else len(self.frames) + frames
        socket = await listen(self.person, self.since)
        while len(self.texts()) < texts and (enough is None or len(self.frames) < enough):
            frame = await heard(socket)
            # An owner sees everything, so that every number must come, each once.
            assert frame["seq"] == self.since + 1, frame
            self.since = frame["seq"]
            self.frames.append(frame)
        await socket.close()


async def open_page(person: Person) -> Page:
    socket = await listen(person)
    ready = await heard(socket)
    assert ready["type"] == "ready"
    await socket.close()
    return Page(person, ready["seq"])


async def test_a_page_that_breaks_off_again_and_again_misses_and_doubles_nothing(shop):
    page = await open_page(shop.owner)
    texts = [f"number {number}" for number in range(1, 61)]

    async def talk() -> None:
        for number, text in enumerate(texts, 1):
            await write(shop, shop.url, 5, number, text)
            await asyncio.sleep(0.02)

    talking = asyncio.create_task(talk())
    while len(page.texts()) < len(texts):
        await page.hear(texts=len(texts), frames=1 + len(page.frames) % 7)
    await talking
    assert page.texts() == texts


async def test_two_servers_tell_every_page_the_same_in_the_same_order(shop, databases):
    async with another_server(shop, databases) as url, watched(shop):
        pages = [await open_page(shop.owner), await open_page(at(shop.owner, url))]
        pages[1].since = pages[0].since

        async def talk(address: str, customer: int, numbers: range) -> None:
            for number in numbers:
                await write(shop, address, customer, number, f"{customer} says {number}")

        # Each customer's messages come to both servers.
        halves = ((shop.url, range(1, 26)), (url, range(26, 51)))
        talking = asyncio.gather(*(talk(place, customer, half) for place, half in halves for customer in (1, 2, 3, 4)))
        await asyncio.gather(*(page.hear(texts=200) for page in pages), talking)
    shorter = min(len(page.frames) for page in pages)
    assert pages[0].frames[:shorter] == pages[1].frames[:shorter]
    assert sorted(pages[0].texts()) == sorted(pages[1].texts())


@contextlib.asynccontextmanager
async def watched(shop: Shop) -> AsyncIterator[None]:
    """Somebody reads the log all the time: what they see grows at its end only, without a gap."""
    log = shop.house.database.durable.live
    over = asyncio.Event()

    async def watch() -> int:
        end = 0
        while not over.is_set():
            rows = await log.find({}, {"_id": 1, "next": 1}).sort("_id", 1).to_list(None)
            assert all(earlier["next"] == later["_id"] for earlier, later in itertools.pairwise(rows))
            if rows:
                assert rows[-1]["next"] >= end
                end = rows[-1]["next"]
        return end

    watching = asyncio.create_task(watch())
    yield
    over.set()
    assert await watching


async def test_a_page_goes_on_where_it_was_after_its_server_restarted(shop, databases):
    async with another_server(shop, databases) as url:
        page = await open_page(at(shop.owner, url))
        await write(shop, url, 5, 1, "before")
        await page.hear(texts=1)
    await write(shop, shop.url, 5, 2, "meanwhile")
    await shop.settled()
    async with another_server(shop, databases) as url:
        await write(shop, url, 5, 3, "after")
        page.person = at(shop.owner, url)
        await page.hear(texts=3)
    assert page.texts() == ["before", "meanwhile", "after"]


async def test_what_one_server_stores_reaches_a_page_of_the_other_at_once(shop, databases):
    async with another_server(shop, databases) as url:
        page = await open_page(at(shop.owner, url))
        socket = await listen(page.person, page.since)
        began = asyncio.get_running_loop().time()
        await write(shop, shop.url, 5, 1, "Hello")
        while (await heard(socket))["type"] != "message.created":
            pass
        assert asyncio.get_running_loop().time() - began < 5
        await socket.close()


@pytest.mark.parametrize("beyond", [1, 1000, 2**52])
async def test_a_number_that_was_never_given_is_answered_with_a_reset(shop, beyond):
    page = await open_page(shop.owner)
    socket = await listen(shop.owner, page.since + beyond)
    reset = await heard(socket)
    assert (reset["type"], reset["seq"]) == ("reset", page.since)
    await write(shop, shop.url, 5, 1, "Hello")
    following = await heard(socket)
    assert following["seq"] == page.since + 1
    await socket.close()


async def test_a_number_that_is_forgotten_is_answered_with_a_reset(shop):
    page = await open_page(shop.owner)
    for number in (1, 2, 3):
        await write(shop, shop.url, 5, number, f"number {number}")
        await shop.settled()
    log = shop.house.database.durable.live
    last = await log.find_one({}, sort=[("_id", -1)])
    await log.update_many({"_id": {"$lt": last["_id"]}}, {"$set": {"at": now() - timedelta(hours=25)}})
    await shop.house.feed.forget()
    socket = await listen(shop.owner, page.since)
    reset = await heard(socket)
    assert reset["type"] == "reset"
    assert reset["seq"] == last["next"] - 1
    await socket.close()


async def test_a_manager_hears_only_of_what_they_may_see_also_when_they_resume(shop):
    team = (await shop.owner.call("POST", "/teams", {"name": "Returns"})).body["id"]
    member = await shop.manager("Olha", teams=[team])
    outsider = await shop.manager("Taras")
    since = (await open_page(outsider)).since
    await write(shop, shop.url, 5, 1, "for everybody")
    await shop.settled()
    (conversation,) = await shop.conversations()
    moved = await shop.owner.call("PATCH", f"/conversations/{conversation['id']}", {"team_id": team})
    assert moved.status == 200, moved
    await write(shop, shop.url, 5, 2, "for the team")
    await write(shop, shop.url, 6, 1, "for everybody again")
    await shop.settled()

    async def everything(person: Person) -> list[dict[str, Any]]:
        socket = await listen(person, since)
        frames: list[dict[str, Any]] = []
        while not frames or frames[-1]["data"].get("text") != "for everybody again":
            frames.append(await heard(socket))
        await socket.close()
        return frames

    inside, outside = await everything(member), await everything(outsider)
    assert said(inside) == ["for everybody", "for the team", "for everybody again"]
    assert said(outside) == ["for everybody", "for everybody again"]
    removed = [frame["data"] for frame in outside if frame["type"] == "conversation.removed"]
    assert removed == [{"id": conversation["id"]}]


def said(frames: list[dict[str, Any]]) -> list[str]:
    return [frame["data"]["text"] for frame in frames if frame["type"] == "message.created"]


async def test_what_a_dead_process_had_shown_already_is_not_shown_again_by_whoever_adopts_it(shop):
    page = await open_page(shop.owner)
    await write(shop, shop.url, 5, 1, "Hello")
    await page.hear(texts=1)
    await shop.settled()
    stored = shop.house.database.durable
    (event,) = [row async for row in stored.journal.find()]
    # The process died after it had shown the message, before it could say that the event was done.
    again = {"state": "pending", "raw": written(1, 5, 1, "Hello"), "lease_until": now() - timedelta(seconds=1)}
    await stored.journal.update_one({"_id": event["_id"]}, {"$set": again})

    async def adopted() -> bool:
        return bool(await stored.journal.find_one({"_id": event["_id"], "state": "done"}))

    await until(adopted, seconds=30)
    await write(shop, shop.url, 5, 2, "Are you there?")
    await page.hear(texts=2)
    assert page.texts() == ["Hello", "Are you there?"]


async def test_what_a_dead_process_stored_and_had_not_shown_yet_is_shown_by_whoever_adopts_it(shop):
    page = await open_page(shop.owner)
    await write(shop, shop.url, 5, 1, "Hello")
    await page.hear(texts=1)
    await shop.settled()
    stored = shop.house.database.durable
    event, message = await stored.journal.find_one(), await stored.messages.find_one()
    assert event is not None
    assert message is not None
    # What a process leaves that dies between the message and its frame.
    sent = {"external_ids": ["5:2"], "text": "Are you open?", "sort": message["sort"] + "1"}
    await stored.messages.insert_one({**message, **sent, "_id": inbound_message_id(shop.channel_id, "5:2")})
    left = {"state": "pending", "raw": written(999, 5, 2, "Are you open?"), "lease_until": now() - timedelta(seconds=1)}
    del event["done_at"]
    await stored.journal.insert_one({**event, **left, "_id": event_id(shop.channel_id, "999"), "key": "999"})

    await page.hear(texts=2)

    assert page.texts() == ["Hello", "Are you open?"]
