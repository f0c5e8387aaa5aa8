"""Connections come and go; what routing makes of it changes only when somebody has been away for long, or is back."""

import asyncio
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inbox.model.ids import new_id, now
from inbox.storage.presence import LEASE, PresenceStore
from routing.presence import SETTLED, Presence

GRACE = timedelta(minutes=2)


class Watch:
    """A clock that is set by hand."""

    def __init__(self):
        self.time = now()

    def __call__(self):
        return self.time

    def pass_by(self, span):
        self.time += span


class Floor:
    """Managers, and processes that they connect to."""

    def __init__(self, house):
        self.house = house
        self.watch = Watch()
        self.store = PresenceStore(house.database)
        self.told = []

    def process(self):
        async def on_changed(manager):
            self.told.append((manager["_id"], manager["gone"]))

        return Presence(self.store, self.house.policies, on_changed=on_changed, clock=self.watch)

    async def manager(self):
        row = {"_id": new_id(), "email": new_id(), "status": "busy", "capacity": 5}
        return (await self.house.manager_store.insert(row))["_id"]

    async def shown(self, manager_id):
        manager = await self.house.managers.get(manager_id)
        return manager.get("present", False), manager.get("gone", False)

    async def outlive(self, *living):
        """Let the lease of every other process run out."""
        self.watch.pass_by(LEASE)
        for process in living:
            await process.renew()

    async def written(self):
        """How many rows about who is there were written so far, as the replica set's own log has it."""
        database = self.house.database
        namespaces = [f"{database.name}.{name}" for name in ("managers", "presences")]
        return await database.client.local["oplog.rs"].count_documents({"ns": {"$in": namespaces}})


@pytest.fixture
def floor(house):
    return Floor(house)


async def test_who_never_opened_a_connection_is_never_gone(floor):
    mary, process = await floor.manager(), floor.process()
    floor.watch.pass_by(timedelta(days=1))
    await process.look()
    assert await floor.shown(mary) == (False, False)
    assert floor.told == []


async def test_a_lost_connection_counts_after_the_grace_and_not_before(floor):
    mary, process = await floor.manager(), floor.process()
    process.connected(mary, "page")
    await process.note()
    assert await floor.shown(mary) == (True, False)
    process.disconnected(mary, "page")
    floor.watch.pass_by(GRACE - timedelta(seconds=1))
    await process.look()
    assert await floor.shown(mary) == (False, False)
    floor.watch.pass_by(timedelta(seconds=1))
    await process.look()
    assert await floor.shown(mary) == (False, True)
    await process.look()
    assert floor.told == [(mary, True)]


async def test_a_new_connection_takes_it_back_at_once(floor):
    mary, process = await floor.manager(), floor.process()
    process.connected(mary, "page")
    await process.note()
    process.disconnected(mary, "page")
    floor.watch.pass_by(GRACE)
    await process.look()
    assert await floor.shown(mary) == (False, True)
    process.connected(mary, "page again")
    await process.note()
    assert await floor.shown(mary) == (True, False)
    assert floor.told == [(mary, True), (mary, False)]
    floor.watch.pass_by(10 * GRACE)
    await process.look()
    assert await floor.shown(mary) == (True, False)


async def test_losing_a_connection_does_not_touch_the_status(floor):
    mary, process = await floor.manager(), floor.process()
    process.connected(mary, "page")
    await process.note()
    process.disconnected(mary, "page")
    floor.watch.pass_by(GRACE)
    await process.look()
    assert await floor.shown(mary) == (False, True)
    assert (await floor.house.managers.get(mary))["status"] == "busy"


async def test_the_last_connection_counts_whichever_process_has_it(floor):
    mary, here, there = await floor.manager(), floor.process(), floor.process()
    for process, key in ((here, "one"), (here, "two"), (there, "three")):
        process.connected(mary, key)
        await process.note()
    here.disconnected(mary, "one")
    there.disconnected(mary, "three")
    for _ in range(3):
        floor.watch.pass_by(GRACE)
        for process in (here, there):
            await process.renew()
            await process.look()
    assert await floor.shown(mary) == (True, False)
    here.disconnected(mary, "two")
    floor.watch.pass_by(GRACE)
    await here.note()
    await there.look()
    assert await floor.shown(mary) == (False, True)


async def test_two_processes_note_it_once(floor):
    mary, here, there = await floor.manager(), floor.process(), floor.process()
    here.connected(mary, "page")
    await here.note()
    here.disconnected(mary, "page")
    floor.watch.pass_by(GRACE)
    await here.note()
    await asyncio.gather(here.look(), there.look())
    assert floor.told == [(mary, True)]


async def flap(floor, process, mary, *, times, away):
    """A connection that is lost and comes back, as often in a minute, while all is looked after twice a second."""
    for number in range(times):
        process.disconnected(mary, f"page {number}")
        for half_second in range(120 // times):
            if half_second == away * 2:
                process.connected(mary, f"page {number + 1}")
                await process.note()
            floor.watch.pass_by(timedelta(seconds=0.5))
            await process.renew()
            await process.look()


async def test_a_connection_that_flaps_20_times_a_minute_writes_and_changes_nothing(floor):
    mary, process = await floor.manager(), floor.process()
    process.connected(mary, "page 0")
    await process.note()
    before = await floor.written()
    await flap(floor, process, mary, times=20, away=1.5)
    assert await floor.written() == before
    assert await floor.shown(mary) == (True, False)
    assert floor.told == []


async def test_one_that_flaps_slowly_costs_five_rows_each_time(floor):
    mary, process = await floor.manager(), floor.process()
    process.connected(mary, "page 0")
    await process.note()
    before = await floor.written()
    await flap(floor, process, mary, times=6, away=6)
    # Closed, noted on the manager's row and forgotten; stored again and noted.
    assert await floor.written() - before == 6 * 5
    assert await floor.shown(mary) == (True, False)
    assert floor.told == []


async def test_the_grace_begins_where_the_last_of_several_connections_ended(floor):
    mary, here, there, late = await floor.manager(), floor.process(), floor.process(), floor.process()
    for process in (here, there):
        process.connected(mary, "page")
        await process.note()
        process.disconnected(mary, "page")
        floor.watch.pass_by(GRACE / 2)
    for process in (here, there):
        await process.note()
    floor.watch.pass_by(GRACE / 2 - timedelta(seconds=1))
    await late.look()
    assert await floor.shown(mary) == (False, False)
    floor.watch.pass_by(timedelta(seconds=1))
    await late.look()
    assert await floor.shown(mary) == (False, True)


async def test_what_a_dead_process_held_counts_as_closed_when_its_lease_runs_out(floor):
    mary, ann = await floor.manager(), await floor.manager()
    dying, living = floor.process(), floor.process()
    for manager, process in ((mary, dying), (ann, dying), (ann, living)):
        process.connected(manager, "page")
        await process.note()
    await living.look()
    assert (await floor.shown(mary), await floor.shown(ann)) == ((True, False), (True, False))
    await floor.outlive(living)
    await living.look()
    floor.watch.pass_by(SETTLED)
    await living.look()
    assert (await floor.shown(mary), await floor.shown(ann)) == ((False, False), (True, False))
    floor.watch.pass_by(GRACE)
    await living.look()
    assert floor.told == [(mary, True)]


async def test_a_process_that_was_taken_for_dead_says_what_it_has(floor):
    mary, frozen, living = await floor.manager(), floor.process(), floor.process()
    frozen.connected(mary, "page")
    await frozen.note()
    await floor.outlive(living)
    await living.look()
    floor.watch.pass_by(SETTLED)
    await living.look()
    assert await floor.shown(mary) == (False, False)
    await frozen.renew()
    floor.watch.pass_by(GRACE)
    await living.look()
    assert await floor.shown(mary) == (True, False)
    assert floor.told == []


async def test_a_server_that_restarts_within_the_grace_changes_nothing(floor):
    mary, stopping = await floor.manager(), floor.process()
    stopping.connected(mary, "page")
    await stopping.note()
    await stopping.leave()
    floor.watch.pass_by(GRACE / 2)
    started = floor.process()
    await started.look()
    assert await floor.shown(mary) == (False, False)
    started.connected(mary, "page")
    await started.note()
    floor.watch.pass_by(2 * GRACE)
    await started.look()
    assert await floor.shown(mary) == (True, False)
    assert floor.told == []


async def test_whoever_a_backup_says_is_there_is_there_only_with_a_connection(floor):
    mary, ann, process = await floor.manager(), await floor.manager(), floor.process()
    await floor.house.database.durable.managers.update_many({}, {"$set": {"present": True}})
    process.connected(ann, "page")
    await process.note()
    await process.look_after_all()
    floor.watch.pass_by(GRACE)
    await process.look()
    assert floor.told == [(mary, True)]
    assert await floor.shown(ann) == (True, False)


steps = st.lists(
    st.tuples(st.sampled_from(["connect", "disconnect", "wait", "look", "renew", "die"]), st.integers(0, 2)),
    max_size=40,
)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps)
async def test_in_the_end_there_is_who_has_a_connection(floor, taken):
    """Whatever three processes do in whatever order: managers with a connection are there, the others gone."""
    mary = await floor.manager()
    processes = [floor.process() for _ in range(3)]
    open_connections: list[list[str]] = [[], [], []]
    ever = False
    for step, which in taken:
        process, mine = processes[which], open_connections[which]
        if step == "connect":
            mine.append(new_id())
            process.connected(mary, mine[-1])
            await process.note()
            ever = True
        elif step == "disconnect" and mine:
            process.disconnected(mary, mine.pop())
        elif step == "wait":
            floor.watch.pass_by(SETTLED)
        elif step == "look":
            await process.look()
        elif step == "renew":
            await process.renew()
        elif step == "die":
            processes[which], open_connections[which] = floor.process(), []
    for _ in range(3):
        floor.watch.pass_by(GRACE)
        for process in processes:
            await process.renew()
        await asyncio.gather(*(process.look() for process in processes))
    here = any(open_connections)
    assert await floor.shown(mary) == (here, ever and not here)


async def test_coming_and_going_on_two_processes_at_once_ends_with_what_is_true(floor):
    managers = [await floor.manager() for _ in range(20)]
    here, there = floor.process(), floor.process()
    for manager in managers:
        here.connected(manager, "page")
    await here.note()
    for manager in managers:
        here.disconnected(manager, "page")
    floor.watch.pass_by(SETTLED)

    async def come_back():
        for manager in managers:
            there.connected(manager, "page")
            await there.note()

    await asyncio.gather(here.look(), come_back(), there.look())
    floor.watch.pass_by(GRACE)
    await asyncio.gather(here.look(), there.look())
    assert [await floor.shown(manager) for manager in managers] == [(True, False)] * 20
    assert floor.told == []
