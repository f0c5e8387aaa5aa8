"""Erasing step by step: a crash at any command, what comes late, and whose orders are meant."""

import os
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from redis.asyncio import Redis

from inbox.model.ids import now
from inbox.model.incoming import Person
from inbox.model.orders import Contact
from inbox.storage.database import Database, connect
from inbox.storage.merging import MergeStore
from tests.conftest import SECRET_KEY
from tests.inbox.arrivals import accepted, said, work_off
from tests.inbox.customers import ANN, case, channel, customer, order
from tests.people import finish_erasures
from tests.promises.crashing import Crash, until_crash
from web.embedded import Databases
from web.house import House

STEP = 1 if int(os.environ.get("EXAMPLES", "12")) > 50 else 13
"""At every how manieth command it is tried to die."""

EXPECTED = {"customers": 1, "identities": 1, "conversations": 2, "messages": 2, "orders_cleared": 1, "files": 1}


PERSON = Person(external_id="a", name="Anna")
OTHER = Person(external_id="b", name="Bohdan")


@pytest.fixture
def crash() -> Crash:
    return Crash()


@pytest.fixture
async def mortal(databases: Databases, database: Database, redis: Redis, crash: Crash) -> AsyncIterator[House]:
    """A house whose words to the database are counted."""
    assert databases.mongodb_url is not None
    watched = connect(databases.mongodb_url, database.name, listeners=(crash,))
    built = House(watched, redis, secret_key=SECRET_KEY, base_url="http://127.0.0.1:1")
    yield built
    await built.channels.close()
    watched.close()


async def somebody(house: House) -> str:
    """A card with two conversations, a file and an order."""
    channel_id = await channel(house)
    card = await customer(house, channel_id, phones=[{"number": "+380671112277", "proven": True}])
    await case(house, card, channel_id, closed=timedelta(days=30))
    open_case = await case(house, card, channel_id)

    async def content() -> Any:
        yield b"what is in it"

    file = await house.media.store("list.txt", "text/plain", content(), "m1")
    stored = house.database.durable
    message = await stored.messages.find_one({"conversation_id": open_case["_id"]})
    assert message is not None
    tied = {"message_id": message["_id"], "conversation_id": open_case["_id"]}
    await stored.attachments.update_one({"_id": file["_id"]}, {"$set": tied})
    await order(house, card, f"of {card}")
    return card


async def test_a_crash_leaves_nothing_and_counts_nothing_twice(mortal, crash, database):
    commands = 1 - STEP
    died = True
    while died:
        commands += STEP
        card = await somebody(mortal)
        died = await until_crash(crash, mortal.erasing.erase(card, by=ANN), commands)
        if await database.durable.erasures.find_one({"scope.customer_ids": card}) is None:
            assert await mortal.erasing.erase(card, by=ANN)
        await finish_erasures(mortal)
        (proof, *_) = (await mortal.erasing.page(limit=1, cursor=None))[0]
        assert proof["state"] == "done", commands
        assert {name: proof["counts"].get(name) for name in EXPECTED} == EXPECTED, commands
        for name in ("customers", "identities", "conversations", "messages", "attachments", "media.chunks"):
            assert await database.durable[name].count_documents({}) == 0, (name, commands)
    assert commands > 10


async def test_what_comes_late_is_found_at_the_next_look_and_then_the_proof_is_left_alone(house, database):
    card = await somebody(house)
    (late,) = await database.durable.messages.find().limit(1).to_list(1)
    erasure = await house.erasing.erase(card, by=ANN)
    await database.durable.messages.insert_one(late)
    await finish_erasures(house)
    assert await database.durable.messages.find_one() is None
    long_ago = now() - timedelta(days=1)
    await database.durable.erasures.update_one({"_id": erasure["_id"]}, {"$set": {"cut_at": long_ago}})
    await finish_erasures(house)
    proof = await house.erasing.get(erasure["_id"])
    assert "scope" not in proof
    assert proof["counts"]["messages"] == 3
    assert await database.durable.erasing_portions.find_one() is None


async def test_orders_of_nobody_go_by_contacts_that_only_they_have(house, database):
    channel_id = await channel(house)
    shared = [{"number": "+380670000001", "proven": False}]
    first = await customer(house, channel_id, phones=[*shared, {"number": "+380670000002", "proven": False}])
    await customer(house, channel_id, phones=shared)
    await order(house, None, "shared", contact=Contact(phone="+380670000001", name="Oksana"))
    await order(house, None, "own", contact=Contact(phone="+380670000002", name="Oksana"))
    await house.erasing.erase(first, by=ANN)
    left = {row["number"]: row["contact"]["name"] async for row in database.durable.orders.find()}
    assert left == {"shared": "Oksana", "own": ""}


async def test_a_split_that_nobody_finished_takes_nobody_elses_words_along(house, database):
    """The split decided whose the identities are; whoever did it died before the messages followed."""
    both = [accepted(said(number, person=person)) for number, person in enumerate((PERSON, OTHER))]
    await work_off(house.ingest, both)
    first, second = [row["customer_id"] async for row in database.durable.identities.find().sort("name", 1)]
    await house.merging.merge(first, second, by=ANN, reason={"type": "manual"})
    other = await database.durable.identities.find_one({"name": OTHER.name})
    assert other is not None
    split = await MergeStore(database).split(first, other["_id"], by={"type": "manager", "id": "m1", "name": "Ann"})
    await house.erasing.erase(split["loser_id"], by=ANN)
    left = await database.durable.messages.find({"direction": "in"}).to_list(None)
    assert [message["author"]["name"] for message in left] == [PERSON.name]
    (conversation,) = await database.durable.conversations.find().to_list(None)
    assert conversation["last_message"]["id"] == left[0]["_id"]
