"""Order status updates under kill -9, and with several servers at once: each change is said exactly once."""

import asyncio
import itertools
import os
from collections import Counter
from typing import Any

import pytest

from channels.faults import Fault
from inbox.model.ids import now
from inbox.storage.database import Document
from tests.flow import Shop, until
from tests.inbox import customers
from tests.inbox.customers import ANN, notices_said
from tests.promises.crashing import until_crash, with_between
from tests.promises.neighbour import another_server
from tests.promises.program import Program
from web.house import House

STRIDE = int(os.environ.get("STRIDE", "5"))
"""Of so many words to the database one is looked at; `make test-slow` looks at each."""

STATUSES = ("confirmed", "shipped", "delivered")


async def ordered(person: Any, number: str, customer_id: str) -> None:
    """A new order of a customer; making it tells nobody."""
    order = {
        "customer_id": customer_id,
        "status": "new",
        "items": [{"name": "Mug", "quantity": 1, "price": "150.00"}],
        "total": "150.00",
        "currency": "UAH",
    }
    answer = await person.call("PUT", f"/orders/{number}", order)
    assert answer.status == 201, answer


@pytest.mark.asyncio(loop_scope="module")
async def test_kill_9_at_any_moment_tells_each_change_once(program: Program):
    chats = {}
    for number in range(12):
        chat, conversation = await program.begin(f"Is my parcel {number} there yet?")
        customer_id = (await program.owner.get(f"/conversations/{conversation}"))["customer_id"]
        await ordered(program.owner, f"k{number}", customer_id)
        chats[f"k{number}"] = chat
    for status, moment in zip(STATUSES, (0.0, 0.05, 0.3), strict=True):
        moves = [program.owner.call("POST", f"/orders/{number}/status", {"status": status}) for number in chats]
        assert {answer.status for answer in await asyncio.gather(*moves)} == {200}
        await asyncio.sleep(moment)
        await program.kill_everything()
        await program.start()

    async with program.stored() as database:

        async def at_rest() -> bool:
            waiting = [
                await database.durable.orders.find_one({"noticing": True}),
                await database.durable.notices.find_one({"open": True}),
                await database.durable.outbox.find_one({"live": True}),
            ]
            return waiting == [None, None, None]

        await until(at_rest, seconds=90)
        said = [row async for row in database.durable.messages.find({"notice.number": {"$in": list(chats)}})]
    told = Counter((row["notice"]["number"], row["notice"]["status"]) for row in said)
    assert told == {(number, status): 1 for number in chats for status in STATUSES}
    states = {(row["notice"]["number"], row["text"]): row["state"] for row in said}
    for key, chat in chats.items():
        texts = [text for text in chat.texts() if key in text]
        assert len(texts) == len(set(texts))
        unseen = {text for ordered_, text in states if ordered_ == key} - set(texts)
        assert {states[key, text] for text in unseen} <= {"uncertain"}


async def test_two_servers_tell_each_change_once(shop: Shop, databases: Any):
    chats = [shop.customer() for _ in range(10)]
    for position, chat in enumerate(chats):
        chat.text(f"Good day from {position}")
    await shop.settled()
    conversations = await shop.conversations()
    for conversation in conversations:
        await ordered(shop.owner, f"t{conversation['id']}", conversation["customer_id"])
    async with another_server(shop, databases):
        for status in STATUSES:
            moves = [
                shop.owner.call("POST", f"/orders/t{conversation['id']}/status", {"status": status})
                for conversation in conversations
                for _ in range(2)
            ]
            assert {answer.status for answer in await asyncio.gather(*moves)} == {200}

        async def all_told() -> bool:
            return all(len(chat.texts()) >= len(STATUSES) for chat in chats)

        await until(all_told, seconds=60)
    for chat in chats:
        words = [text.split("№")[1].split()[1].strip(".") for text in chat.texts()]
        assert words == ["підтверджено", "відправлено", "доставлено"]


async def test_who_left_one_channel_hears_of_it_on_the_next_one_once(shop: Shop):
    viber = shop.sandbox.viber.create_bot()
    settings = {"token": viber.token, "sender_name": "Crafts", "api_base": shop.sandbox.api_base("viber")}
    connected = await shop.owner.call("POST", "/channels", {"kind": "viber", "name": "Viber", "settings": settings})
    assert connected.status == 201, connected
    chat = shop.customer("Oksana")
    chat.text("Good day from Telegram")
    await shop.settled()
    left = viber.chat(shop.sandbox.viber.create_customer("Oksana"))
    left.text("Good day from Viber")

    async def both() -> list[dict[str, Any]]:
        found = await shop.conversations()
        return found if len(found) == 2 else []

    by_channel = {one["channel_id"]: one["customer_id"] for one in await until(both)}
    survivor, other = by_channel[connected.body["id"]], by_channel[shop.channel_id]
    merged = await shop.owner.call("POST", f"/customers/{survivor}/merge", {"other_id": other})
    assert merged.status == 200, merged

    # The shop does not know of it yet: only the provider's refusal tells.
    shop.sandbox.viber.fault(Fault(kind="status", method="send_message", status=6))
    await ordered(shop.owner, "b1", survivor)
    assert (await shop.owner.call("POST", "/orders/b1/status", {"status": "confirmed"})).status == 200
    await chat.until(lambda phone: any("b1" in text for text in phone.texts()))
    order = await shop.owner.get("/orders/b1")

    async def noted() -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = (await shop.owner.get(f"/notices?order={order['id']}"))["items"]
        return items if items[0]["state"] == "posted" and items[0]["passed_over"] else []

    (notice,) = await until(noted)
    (passed,) = notice["passed_over"]
    assert (passed["channel_id"], "unsubscribed" in passed["reason"]) == (connected.body["id"], True)
    assert len([text for text in chat.texts() if "b1" in text]) == 1
    assert left.texts() == []


async def adopted(house: House) -> None:
    """Work off what there is, also what a dead process still holds."""
    await house.database.durable.notices.update_many({"open": True}, {"$set": {"lease_until": None, "due_at": now()}})
    await house.notices.work_off()


async def told_of(house: House, number: str) -> list[Document]:
    """The messages of an order, each with its one row of the outbox."""
    said = [message for message in await notices_said(house) if message["notice"]["number"] == number]
    for message in said:
        assert len(await house.outbox_store.of_message(message["_id"])) == 1
    order = await house.orders.get(number)
    assert (order["due_notices"], order["noticing"]) == ([], False)
    return said


async def fails(house: House, message: Document) -> None:
    for row in await house.outbox_store.of_message(message["_id"]):
        await house.outbox_store.move(row, "failed", among={}, error="blocked")


async def test_a_process_that_dies_at_any_word_to_the_database_tells_it_once(house, watched, crash):
    telegram, viber = await customers.channel(house), await customers.channel(house, "viber")
    oksana = await customers.customer(house, telegram, viber)
    await customers.case(house, oksana, telegram)
    for word in itertools.count(1, STRIDE):
        number = f"w{word}"
        order_id = await customers.order(house, oksana, number)
        await house.orders.set_status(order_id, "confirmed", ANN)
        died = await until_crash(crash, watched.notices.work_off(), word)
        await adopted(house)
        (first,) = await told_of(house, number)
        # It fails for good, and whoever hands it on dies too.
        await fails(house, first)
        died = await until_crash(crash, watched.notices.work_off(), word) or died
        await adopted(house)
        assert [message["channel_id"] for message in await told_of(house, number)] == [telegram, viber]
        if not died:
            assert word > 10
            return


async def test_another_process_between_any_two_words_to_the_database_does_not_tell_it_again(house, watched, crash):
    telegram, viber = await customers.channel(house), await customers.channel(house, "viber")
    oksana = await customers.customer(house, telegram, viber)
    for word in itertools.count(1, STRIDE):
        number = f"b{word}"
        order_id = await customers.order(house, oksana, number)
        await house.orders.set_status(order_id, "confirmed", ANN)
        came = await with_between(crash, watched.notices.work_off(), word, lambda: adopted(house))
        await adopted(house)
        assert len(await told_of(house, number)) == 1
        if not came:
            assert word > 10
            return
