"""What comes in is stored once, whole, and for the right customer, in whatever order and however often it comes."""

import asyncio
import itertools
from typing import Any

import pytest

from inbox.storage.schema import COLLECTIONS
from tests.flow import Shop, until
from tests.promises.updates import album_part, edited, post, reacted, written


async def documents(shop: Shop) -> dict[str, int]:
    """How many documents each collection holds, but for the roles that workers take up when they begin."""
    stored = shop.house.database.durable
    names = {declared.name for declared in COLLECTIONS} - {"search_roles"}
    return {name: await stored[name].count_documents({}) for name in sorted(names)}


async def counted(shop: Shop, outcome: str) -> float:
    """What /metrics says of webhook events with this outcome."""
    async with shop.http.get(f"{shop.url}/metrics") as answer:
        lines = (await answer.text()).splitlines()
    wanted = f'skrynka_webhook_events_total{{kind="telegram",outcome="{outcome}"}}'
    return next((float(line.split()[-1]) for line in lines if line.startswith(wanted)), 0.0)


async def deliver(shop: Shop, *bodies: bytes) -> list[int]:
    """Post bodies to the shop's webhook, all at the same time."""
    return await asyncio.gather(*(post(shop.http, shop.webhook, raw, shop.bot.webhook.secret) for raw in bodies))


async def the_messages(shop: Shop) -> list[dict[str, Any]]:
    """The messages of the only conversation."""
    await shop.settled()
    (conversation,) = await shop.conversations()
    return await shop.messages(conversation["id"])


async def test_200_concurrent_updates_from_50_chats_are_50_conversations_and_200_messages(shop):
    texts = {customer: [f"{customer} says {number}" for number in range(1, 5)] for customer in range(1001, 1051)}
    ids = itertools.count(1)
    bodies = [
        written(next(ids), customer, number, text)
        for number in range(1, 5)
        for customer in texts
        for text in [texts[customer][number - 1]]
    ]
    assert await deliver(shop, *bodies) == [200] * 200
    await shop.settled()
    conversations = await shop.conversations()
    assert len(conversations) == 50
    assert len({conversation["customer_id"] for conversation in conversations}) == 50
    stored = [await shop.messages(conversation["id"]) for conversation in conversations]
    assert sorted([message["text"] for message in thread] for thread in stored) == sorted(texts.values())
    assert await shop.house.database.durable.messages.count_documents({}) == 200
    assert await shop.house.database.durable.customers.count_documents({}) == 50
    assert await counted(shop, "accepted") == 200


async def test_the_same_update_ten_times_at_once_is_one_message_one_greeting_one_assignment(shop):
    (greeting,) = [rule for rule in (await shop.owner.get("/rules"))["items"] if rule["name"] == "Greeting"]
    assert (await shop.owner.call("PATCH", f"/rules/{greeting['id']}", {"enabled": True})).status == 200
    manager = await shop.manager("Oksana")
    assert (await manager.call("PUT", "/me/status", {"status": "online"})).status == 200
    chat = shop.customer("Solomiia")
    # On the customer's phone the message is there already; its update goes the test's own way.
    webhook, chat.bot.webhook.url = chat.bot.webhook.url, ""
    number = chat.text("Is the red one still there?")
    chat.pending.clear()
    chat.bot.webhook.url = webhook
    raw = written(77, chat.customer.id, number, "Is the red one still there?")

    assert await deliver(shop, *[raw] * 10) == [200] * 10

    await chat.until(lambda chat: chat.seen(), seconds=30)
    await shop.settled()
    first, *answers = await the_messages(shop)
    assert first["direction"] == "in"
    assert [answer["author"]["type"] for answer in answers] == ["bot"]
    (conversation,) = await shop.conversations()
    assert conversation["assignee_id"] == manager.id
    assert (await shop.owner.get(f"/managers/{manager.id}"))["load"] == 1
    async with shop.http.get(f"{shop.url}/metrics") as answer:
        assert 'skrynka_assign_total{reason="least_loaded"} 1.0' in (await answer.text()).splitlines()
    assert (await counted(shop, "accepted"), await counted(shop, "duplicate")) == (1, 9)
    await asyncio.sleep(1.5)  # Whatever a second greeting would have waited for.
    assert len(chat.seen()) == 1


@pytest.mark.parametrize("secret", ["", "forged", "\xe9t\xe9"])
async def test_a_forged_secret_gets_401_and_leaves_nothing_but_a_count(shop, secret):
    before = await documents(shop)
    rejected = await counted(shop, "rejected")
    assert await post(shop.http, shop.webhook, written(1, 1, 1, "Send me your money"), secret) == 401
    assert await post(shop.http, shop.webhook, b"not even JSON", secret) == 401
    await shop.settled()
    assert await documents(shop) == before
    assert await counted(shop, "rejected") == rejected + 2


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b'{"update_id": 9, "message": {"message_id": "x"}}', id="misshapen"),
        pytest.param(b'{"update_id": 9, "message": {"mess', id="broken off"),
        pytest.param(b"\xff\xfe not JSON", id="not text"),
    ],
)
async def test_a_true_but_unreadable_update_is_kept_shown_and_replayable(shop, raw):
    assert await deliver(shop, raw) == [200]
    assert await deliver(shop, raw) == [200]
    await shop.settled()
    (kept,) = (await shop.owner.get("/quarantine"))["items"]
    assert kept["channel_id"] == shop.channel_id
    assert kept["reason"]
    assert (await counted(shop, "quarantined"), await counted(shop, "duplicate")) == (1, 1)

    replayed = await shop.owner.call("POST", f"/quarantine/{kept['id']}/replay")

    assert replayed.status == 409, replayed
    assert replayed.headers["Content-Type"].startswith("application/problem+json")
    assert [row["id"] for row in (await shop.owner.get("/quarantine"))["items"]] == [kept["id"]]
    assert await shop.conversations() == []


async def test_one_unreadable_update_does_not_hold_up_the_others(shop):
    bodies = [written(number, 5, number, f"number {number}") for number in range(1, 6)]
    statuses = await deliver(shop, *bodies, b'{"update_id": 99, "message": {"message_id": "x"}}')
    assert statuses == [200] * 6
    assert [message["text"] for message in await the_messages(shop)] == [f"number {number}" for number in range(1, 6)]


async def test_changes_that_come_before_their_message_wait_for_it(shop):
    await deliver(shop, edited(2, 42, 1, "Two of them"), reacted(3, 42, 1, "👍"))
    await shop.settled()
    await deliver(shop, written(1, 42, 1, "One of them"))
    (message,) = await the_messages(shop)
    assert message["text"] == "Two of them"
    assert message["edited_at"] is not None
    assert [reaction["emoji"] for reaction in message["reactions"]] == ["👍"]


async def test_an_older_edit_that_comes_late_does_not_win(shop):
    await deliver(shop, written(1, 42, 1, "first"))
    await shop.settled()
    await deliver(shop, edited(3, 42, 1, "third", after=90))
    await shop.settled()
    await deliver(shop, edited(2, 42, 1, "second", after=60))
    (message,) = await the_messages(shop)
    assert message["text"] == "third"


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
async def test_the_parts_of_an_album_are_one_message_in_any_order(shop, order):
    parts = [album_part(number, 7, number, "13", caption="Our kitchen" if number == 1 else "") for number in (1, 2, 3)]
    for position in order:
        assert await deliver(shop, parts[position]) == [200]
        await shop.settled()
    (message,) = await the_messages(shop)
    assert message["text"] == "Our kitchen"
    assert len(message["attachments"]) == 3
    (row,) = [row async for row in shop.house.database.durable.messages.find()]
    assert [entry["part"] for entry in row["attachments"]] == sorted(entry["part"] for entry in row["attachments"])


async def test_the_parts_of_an_album_that_come_at_once_are_one_message(shop):
    parts = [album_part(number, 7, number, "13") for number in range(1, 11)]
    assert await deliver(shop, *parts, *parts) == [200] * 20
    (message,) = await the_messages(shop)
    assert len(message["attachments"]) == 10


async def looked_after(shop: Shop) -> bool:
    """Whether nothing that a message sets off is still to be done."""
    return not await shop.house.database.durable.timers.count_documents({"kind": {"$ne": "channel.check"}})


async def test_a_provider_that_repeats_itself_after_we_are_done_changes_nothing(shop):
    raw = written(1, 42, 1, "Good evening")
    await deliver(shop, raw)
    await shop.settled()
    await until(lambda: looked_after(shop))
    before = await documents(shop)
    assert await deliver(shop, raw, raw) == [200, 200]
    await shop.settled()
    assert await documents(shop) == before
