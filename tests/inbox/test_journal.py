"""The door of the flow: many calls share few inserts, and a database that is away is an answer, not a wait."""

import asyncio
import time

import pytest
from pymongo import monitoring

from inbox.journal import COOLING_SECONDS, StorageDown
from inbox.model.failures import Forged
from inbox.model.ids import event_id
from inbox.storage.database import Database, connect
from tests.inbox.arrivals import work_off
from tests.inbox.paper import SECRET, Floor


class Inserts(monitoring.CommandListener):
    """Counts what really went to the database."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        if event.command_name == "insert" and event.command["insert"] == "journal":
            self.sizes.append(len(event.command["documents"]))

    def succeeded(self, _event: monitoring.CommandSucceededEvent) -> None:
        return

    def failed(self, _event: monitoring.CommandFailedEvent) -> None:
        return


def letter(number: int, text: str = "hello") -> dict[str, str]:
    return {"key": f"{number}", "text": text}


async def states(database: Database) -> dict[str, str]:
    """By key, which a row loses once it is done."""
    keys = {event_id("c1", f"{number}"): f"{number}" for number in range(201)}
    return {keys.get(row["_id"], row["_id"]): row["state"] async for row in database.durable.journal.find()}


async def test_calls_that_come_together_share_inserts(databases, database, redis):
    inserts = Inserts()
    watched = connect(databases.mongodb_url, database.name, listeners=(inserts,))
    floor = Floor(watched, redis)
    await asyncio.gather(*(floor.receive(letter(number)) for number in range(1, 201)))
    assert sum(inserts.sizes) == 200
    assert len(inserts.sizes) <= 4
    assert floor.counted("accepted") == 200
    assert len(await states(database)) == 200
    watched.close()


async def test_a_call_that_comes_alone_waits_for_nobody(floor, database):
    await floor.receive(letter(1))
    assert await states(database) == {"1": "pending"}


async def test_the_same_event_ten_times_at_once_is_accepted_once(floor, database):
    await asyncio.gather(*(floor.receive(letter(1), letter(2)) for _ in range(10)))
    assert (floor.counted("accepted"), floor.counted("duplicate")) == (2, 18)
    await work_off(floor.ingest, [])
    assert await database.durable.messages.count_documents({}) == 2
    assert await states(database) == {"1": "done", "2": "done"}


async def test_an_event_twice_in_one_call_is_one(floor, database):
    await floor.receive(letter(1), letter(1), letter(2))
    assert (floor.counted("accepted"), floor.counted("duplicate")) == (2, 1)
    assert len(await states(database)) == 2


async def test_what_is_accepted_is_what_is_processed(floor, database):
    await floor.receive(letter(1), letter(2, "???"), letter(3))
    await work_off(floor.ingest, [])
    assert await states(database) == {"1": "done", "2": "quarantined", "3": "done"}
    texts = [row["external_ids"] async for row in database.durable.messages.find().sort("sort", 1)]
    assert texts == [["1"], ["3"]]
    assert floor.counted("quarantined") == 1
    row = await database.durable.journal.find_one({"key": "2"})
    assert (row["reason"], row["request_id"]) == ("nobody can read this", "request-1")


async def test_an_event_that_finds_a_fault_in_its_reader_is_kept_beside_the_others(floor, database):
    await floor.receive(letter(1), {"key": "2"}, letter(3))
    assert await states(database) == {"1": "pending", "2": "quarantined", "3": "pending"}
    assert (await database.durable.journal.find_one({"key": "2"}))["reason"] == "could not be read: KeyError"


async def test_a_body_that_cannot_be_read_at_all_is_kept_once(floor, database):
    for _ in range(2):
        await floor.receive(body=b"\xff not ours")
    (row,) = await database.durable.journal.find().to_list(None)
    assert (row["state"], row["raw"]) == ("quarantined", b"\xff not ours")
    assert (floor.counted("quarantined"), floor.counted("duplicate")) == (1, 1)


async def test_a_forged_call_leaves_a_count_and_nothing_else(floor, database):
    with pytest.raises(Forged):
        await floor.receive(letter(1), token=SECRET[:-1])
    assert floor.counted("rejected") == 1
    assert await states(database) == {}


async def test_a_call_without_events_is_accepted(floor, database):
    await floor.receive()
    assert await states(database) == {}


@pytest.fixture
async def cut_off(redis):
    """A floor whose database is nowhere."""
    nowhere = connect("mongodb://127.0.0.1:1/?replicaSet=none", "test_nowhere")
    yield Floor(nowhere, redis)
    nowhere.close()


async def test_without_a_database_everybody_is_sent_away_in_time(cut_off):
    began = time.monotonic()
    outcomes = await asyncio.gather(*(cut_off.receive(letter(number)) for number in range(50)), return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {StorageDown}
    assert time.monotonic() - began < 3


async def test_while_the_breaker_is_open_nobody_waits(cut_off):
    with pytest.raises(StorageDown):
        await cut_off.receive(letter(1))
    began = time.monotonic()
    for number in range(20):
        with pytest.raises(StorageDown):
            await cut_off.receive(letter(number))
    assert time.monotonic() - began < COOLING_SECONDS / 2


async def test_an_insert_that_fails_for_one_is_repeated_by_all_and_stored_once(floor, database):
    """The database takes no `stone`; what shares its insert is sent again, and is known or new, never doubled."""
    await database.durable.command("collMod", "journal", validator={"key": {"$ne": "7"}})
    outcomes = await asyncio.gather(*(floor.receive(letter(number)) for number in range(10)), return_exceptions=True)
    assert StorageDown in {type(outcome) for outcome in outcomes}
    await database.durable.command("collMod", "journal", validator={})
    await asyncio.sleep(COOLING_SECONDS)
    for number in range(10):
        await floor.receive(letter(number))
    assert len(await states(database)) == 10
    assert floor.counted("accepted") + floor.counted("duplicate") >= 10


async def test_a_large_event_is_accepted_and_read_like_any_other(floor, database):
    await asyncio.gather(floor.receive(letter(1, "x" * (2 << 20))), floor.receive(letter(2)))
    bodies = {row["key"]: len(row["raw"]) async for row in database.durable.journal.find()}
    assert bodies["1"] == 0 < bodies["2"]
    await work_off(floor.ingest, [])
    assert await states(database) == {"1": "done", "2": "done"}


async def test_a_large_event_that_cannot_be_kept_is_sent_away(databases, redis):
    watched = connect("mongodb://127.0.0.1:1/?replicaSet=none", "nowhere")
    with pytest.raises(StorageDown):
        await Floor(watched, redis).receive(letter(1, "x" * (2 << 20)))
    watched.close()
