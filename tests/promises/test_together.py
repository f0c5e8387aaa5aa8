"""Two managers at one conversation see each other, and neither answers over what they have not seen."""

import asyncio
from typing import Any

from aiohttp import ClientWebSocketResponse

from tests.flow import Answer, Person, Shop
from tests.promises.neighbour import another_server, at
from tests.promises.test_live import heard, listen

NOWHERE = "redis://127.0.0.1:1"


class Case:
    """A conversation that Olena began."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.chat = shop.customer("Olena")
        self.id = ""

    async def said(self, text: str) -> str:
        """The customer writes; returns their message's id."""
        self.chat.text(text)
        await self.shop.settled()
        self.id = self.id or (await self.shop.conversations())[0]["id"]
        return next(str(row["id"]) for row in await self.shop.messages(self.id) if row["text"] == text)

    async def reply(self, person: Person, text: str, **fields: Any) -> Answer:
        return await person.call("POST", f"/conversations/{self.id}/messages", {"text": text, **fields})

    async def replies(self) -> list[str]:
        return [row["text"] for row in await self.shop.messages(self.id) if row["direction"] == "out"]


async def test_a_reply_over_something_newer_asks_first_and_goes_when_it_is_said_again(shop):
    ihor = await shop.manager("Ihor")
    case = Case(shop)
    seen = await case.said("Do you have it in oak?")
    answered = await case.reply(ihor, "Yes, two left", seen=seen)
    assert answered.status == 201
    body = {"client_token": "t-1", "seen": seen}
    asked = await case.reply(shop.owner, "No, sorry", **body)
    assert asked.status == 409
    assert asked.headers["Content-Type"] == "application/problem+json"
    (newer,) = asked.body["newer"]
    assert (newer["id"], newer["author"]["name"], newer["text"]) == (answered.body["id"], "Ihor", "Yes, two left")
    assert "Ihor" in asked.body["detail"]
    assert await case.replies() == ["Yes, two left"]
    theirs = await case.said("And in ash?")
    again = await case.reply(shop.owner, "No, sorry", **{**body, "seen": newer["id"]})
    assert (again.status, [row["id"] for row in again.body["newer"]]) == (409, [theirs])
    sent = await asyncio.gather(*(case.reply(shop.owner, "Yes!", **{**body, "seen": theirs}) for _ in range(3)))
    assert sorted(answer.status for answer in sent) == [200, 200, 201]
    # What was said once is known, whatever came after it.
    await case.said("Great")
    assert (await case.reply(shop.owner, "Yes!", **body)).status == 200
    assert await case.replies() == ["Yes, two left", "Yes!"]


async def test_ones_own_words_notes_and_what_was_taken_back_stop_nobody(shop):
    ihor = await shop.manager("Ihor")
    case = Case(shop)
    seen = await case.said("Hello")
    for text in ("Good day!", "How can I help?"):
        assert (await case.reply(shop.owner, text, seen=seen)).status == 201
    assert (await case.reply(ihor, "A regular", kind="note")).status == 201
    assert (await case.reply(shop.owner, "One moment", seen=seen)).status == 201
    # A note asks nothing, whatever its writer has seen.
    assert (await case.reply(ihor, "She is in a hurry", kind="note", seen=seen)).status == 201
    assert (await case.reply(ihor, "I am here too")).status == 201
    last = (await shop.messages(case.id))[-1]
    await case.chat.until(lambda phone: "I am here too" in phone.texts())
    assert (await case.reply(shop.owner, "Back again", seen=seen)).status == 409
    assert (await ihor.call("DELETE", f"/messages/{last['id']}")).status == 200
    assert (await case.reply(shop.owner, "Back again", seen=seen)).status == 201


async def test_what_nobody_can_have_seen_is_named(shop):
    case = Case(shop)
    seen = await case.said("Hello")
    other = Case(shop)
    other.chat.text("Mine")
    await shop.settled()
    for wrong in ("nothing", ""):
        refused = await case.reply(shop.owner, "Good day", seen=wrong)
        assert (refused.status, [row["field"] for row in refused.body["errors"]]) == (422, ["seen"])
    (foreign,) = [row for row in await shop.conversations() if row["id"] != case.id]
    refused = await case.reply(shop.owner, "Good day", seen=foreign["last_message"]["id"])
    assert refused.status == 422
    assert (await case.reply(shop.owner, "Good day", seen=seen)).status == 201


async def test_of_two_who_answer_at_the_same_moment_one_is_asked(shop, databases):
    ihor = await shop.manager("Ihor")
    case = Case(shop)
    async with another_server(shop, databases) as url:
        for number in range(8):
            seen = await case.said(f"Question {number}")
            answers = await asyncio.gather(
                case.reply(shop.owner, f"Owner {number}", seen=seen, client_token=f"o{number}"),
                case.reply(at(ihor, url), f"Ihor {number}", seen=seen, client_token=f"i{number}"),
            )
            assert sorted(answer.status for answer in answers) == [201, 409]
            (asked,) = [answer for answer in answers if answer.status == 409]
            (sent,) = [answer for answer in answers if answer.status == 201]
            assert [row["id"] for row in asked.body["newer"]] == [sent.body["id"]]
    assert len(await case.replies()) == 8


async def page(person: Person, conversation_id: str | None) -> ClientWebSocketResponse:
    """An open page that shows a conversation, or none."""
    socket = await listen(person)
    assert (await heard(socket))["type"] == "ready"
    await say(socket, "viewing", conversation_id)
    return socket


async def say(socket: ClientWebSocketResponse, type_: str, conversation_id: str | None) -> None:
    await socket.send_json({"type": type_, "conversation_id": conversation_id})


async def sees(socket: ClientWebSocketResponse, *expected: tuple[str, bool], seconds: float = 15.0) -> None:
    """Listen until a page is told that these people, and nobody else, are at a conversation, and whether they type."""
    async with asyncio.timeout(seconds):
        while True:
            frame = await heard(socket)
            if frame["type"] != "conversation.viewers":
                continue
            if sorted((one["name"], one["typing"]) for one in frame["data"]["people"]) == sorted(expected):
                return


async def test_managers_at_two_servers_see_each_other_within_a_second(shop, databases):
    case = Case(shop)
    await case.said("Hello")
    ihor = await shop.manager("Ihor")
    async with another_server(shop, databases) as url:
        here, there = await page(shop.owner, case.id), await page(at(ihor, url), case.id)
        # A server that has just started may take a moment to hear the others.
        await sees(here, ("Ihor", False))
        await sees(there, ("Owner", False))
        for _ in range(3):
            await say(there, "typing", case.id)
            await sees(here, ("Ihor", True), seconds=1)
            await say(there, "viewing", case.id)
            await sees(here, ("Ihor", False), seconds=1)
        await there.close()
        await sees(here, seconds=1)
        again = await page(at(ihor, url), case.id)
        await sees(here, ("Ihor", False), seconds=1)
        await sees(again, ("Owner", False), seconds=1)
        await again.close()
    await here.close()


async def test_who_was_at_a_server_that_stopped_is_gone(shop, databases):
    case = Case(shop)
    await case.said("Hello")
    ihor = await shop.manager("Ihor")
    here = await page(shop.owner, case.id)
    async with another_server(shop, databases) as url:
        there = await page(at(ihor, url), case.id)
        await sees(here, ("Ihor", False))
    await sees(here)
    await there.close()
    await here.close()


async def test_without_redis_those_at_one_server_see_each_other(shop, databases):
    case = Case(shop)
    await case.said("Hello")
    ihor, nina = await shop.manager("Ihor"), await shop.manager("Nina")
    async with another_server(shop, databases, redis_url=NOWHERE) as url:
        elsewhere = await page(nina, case.id)
        first, second = await page(at(shop.owner, url), case.id), await page(at(ihor, url), case.id)
        await sees(first, ("Ihor", False))
        await sees(second, ("Owner", False))
        await say(second, "typing", case.id)
        await sees(first, ("Ihor", True), seconds=1)
        await second.close()
        await sees(first, seconds=1)
        for socket in (elsewhere, first):
            await socket.close()
