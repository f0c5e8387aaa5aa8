import asyncio
import threading
from collections.abc import AsyncIterator

import pytest
from pymongo import monitoring

from inbox.model.ids import new_id
from inbox.storage.database import Database, connect
from inbox.storage.migrations import MIGRATIONS, Migration, SchemaTooNew, migrate
from web.embedded import Databases


@pytest.fixture
async def handles(databases: Databases) -> AsyncIterator[list[Database]]:
    """One empty database as six processes see it."""
    assert databases.mongodb_url is not None
    name = f"test_{new_id()}"
    opened = [connect(databases.mongodb_url, name) for _ in range(6)]
    yield opened
    await opened[0].client.drop_database(name)
    for handle in opened:
        handle.close()


def counting(version: int, title: str) -> Migration:
    """A step that leaves a trace of each of its runs."""

    async def run(database: Database) -> None:
        await database.durable.traces.insert_one({"_id": new_id(), "version": version})

    return Migration(version, title, run)


STEPS = (counting(1, "one"), counting(2, "two"))


async def version(database: Database) -> int:
    row = await database.durable.meta.find_one({"_id": "schema"})
    assert row is not None
    assert row["holder"] is None
    found: int = row["version"]
    return found


async def traces(database: Database) -> list[int]:
    return [row["version"] async for row in database.durable.traces.find().sort("_id", 1)]


async def test_processes_that_start_together_run_each_step_once_and_in_order(handles):
    await asyncio.gather(*(migrate(handle, STEPS) for handle in handles))
    assert await traces(handles[0]) == [1, 2]
    assert await version(handles[0]) == 2


class Hesitation(monitoring.CommandListener):
    """Holds a process back in the moment between its look at the version and its claim of the lease."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.go_on = threading.Event()

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        claims = event.command_name == "update" and "holder" in str(event.command["updates"][0]["u"].get("$set", ""))
        if claims and not self.reached.is_set():
            self.reached.set()
            self.go_on.wait(20)

    def succeeded(self, _event: monitoring.CommandSucceededEvent) -> None:
        return

    def failed(self, _event: monitoring.CommandFailedEvent) -> None:
        return


async def test_a_process_that_looked_before_another_finished_does_not_run_the_steps_again(databases, handles):
    hesitation = Hesitation()
    slow = connect(databases.mongodb_url, handles[0].name, listeners=(hesitation,))
    late = asyncio.create_task(migrate(slow, STEPS))
    assert await asyncio.to_thread(hesitation.reached.wait, 20)
    await migrate(handles[0], STEPS)
    hesitation.go_on.set()
    await late
    assert await traces(handles[0]) == [1, 2]
    slow.close()


async def test_a_start_with_nothing_to_do_runs_nothing(handles):
    await migrate(handles[0], STEPS)
    await migrate(handles[1], STEPS)
    assert await traces(handles[0]) == [1, 2]


async def test_an_upgrade_runs_only_what_is_new(handles):
    await migrate(handles[0], STEPS[:1])
    await asyncio.gather(*(migrate(handle, STEPS) for handle in handles))
    assert await traces(handles[0]) == [1, 2]


async def test_a_newer_database_is_refused_by_both_versions(handles):
    await migrate(handles[0], STEPS)
    with pytest.raises(SchemaTooNew, match="schema version 2, this Skrynka knows 1"):
        await migrate(handles[1], STEPS[:1])
    assert await version(handles[0]) == 2


async def test_a_step_whose_process_died_in_its_middle_is_run_again_by_another(handles):
    database = handles[0]
    await migrate(database, STEPS[:1])
    died = {"holder": "dead", "lease_until": (await database.durable.command("hello"))["localTime"]}
    await database.durable.meta.update_one({"_id": "schema"}, {"$set": died})
    await migrate(handles[1], STEPS)
    assert await traces(database) == [1, 2]


async def test_the_steps_that_ship_are_idempotent(handles):
    database = handles[0]
    await migrate(database)
    before = {name: await database.durable[name].index_information() for name in ("journal", "conversations")}
    for step in MIGRATIONS:
        await step.run(database)
    assert before == {name: await database.durable[name].index_information() for name in before}
    assert await version(database) == MIGRATIONS[-1].version
    assert [step.version for step in MIGRATIONS] == list(range(1, len(MIGRATIONS) + 1))


async def test_rules_of_before_get_their_place_in_the_order_in_which_they_stood(handles):
    database = handles[0]
    await migrate(database, MIGRATIONS[:1])
    old = {"name": "Old", "enabled": True, "trigger": "message_received", "conditions": [], "actions": [], "version": 1}
    await database.durable.rules.insert_many([{"_id": key, **old} for key in ("b", "a", "c")])
    await migrate(database)
    rows = await database.durable.rules.find().sort("position", 1).to_list(None)
    assert [(row["_id"], row["position"], row["when"]) for row in rows] == [("a", 0, {}), ("b", 1, {}), ("c", 2, {})]
