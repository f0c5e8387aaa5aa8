"""Shifts begin and end when their hours say so: once, whoever looks, whatever the clocks do meanwhile."""

import asyncio
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from inbox.model.ids import new_id
from inbox.storage.shifts import ShiftStore
from inbox.storage.timers import TimerStore
from routing.shifts import TIMER, ShiftChanges

KYIV = ZoneInfo("Europe/Kyiv")
OFFICE = {
    "timezone": "Europe/Kyiv",
    "open": [{"days": ["mon", "tue", "wed", "thu", "fri"], "from": "09:00", "to": "18:00"}],
}
NIGHTS = {"timezone": "Europe/Kyiv", "open": [{"days": ["sat"], "from": "22:00", "to": "04:00"}]}


def kyiv(year, month, day, *clock):
    return datetime.combine(date(year, month, day), time(*clock), KYIV).astimezone(UTC)


class Staff:
    """Managers with hours, processes that follow them, and a clock that is set by hand."""

    def __init__(self, house):
        self.house = house
        self.time = kyiv(2026, 6, 1, 12, 0)  # A Monday.
        self.told = []

    def process(self):
        async def on_changed(manager):
            self.told.append((manager["_id"], manager["off_shift"]))

        return ShiftChanges(
            store=ShiftStore(self.house.database),
            settings=self.house.settings,
            timers=TimerStore(self.house.database),
            on_changed=on_changed,
            clock=lambda: self.time,
        )

    async def manager(self, schedule=OFFICE, *, days_off=()):
        row = {"_id": new_id(), "email": new_id(), "status": "online", "capacity": 5, "active": True}
        return await self.house.manager_store.insert({**row, "schedule": schedule, "days_off": list(days_off)})

    async def change(self, manager, **changes):
        return await self.house.manager_store.change(manager["_id"], changes)

    async def off_shift(self, manager):
        row = await self.house.manager_store.get(manager["_id"])
        return row.get("off_shift", False), row.get("off_shift_at")

    async def timers(self):
        """When each manager's hours are looked at next."""
        rows = self.house.database.durable.timers.find({"kind": TIMER})
        return {row["data"]["manager_id"]: row["due_at"] async for row in rows}

    async def run_until(self, at, process):
        """Do what is due, when it is due."""
        while True:
            due = sorted((due, manager_id) for manager_id, due in (await self.timers()).items() if due <= at)
            if not due:
                break
            self.time, manager_id = max(due[0][0], self.time), due[0][1]
            await process.turn({"manager_id": manager_id})
        self.time = at


@pytest.fixture
def staff(house):
    return Staff(house)


async def test_a_shift_ends_and_begins_by_a_timer_at_the_very_moment(staff):
    manager, process = await staff.manager(), staff.process()
    await process.follow(manager)
    assert await staff.off_shift(manager) == (False, None)
    assert await staff.timers() == {manager["_id"]: kyiv(2026, 6, 1, 18, 0)}
    await staff.run_until(kyiv(2026, 6, 1, 23, 0), process)
    assert await staff.off_shift(manager) == (True, kyiv(2026, 6, 1, 18, 0))
    assert await staff.timers() == {manager["_id"]: kyiv(2026, 6, 2, 9, 0)}
    await staff.run_until(kyiv(2026, 6, 2, 9, 0), process)
    assert await staff.off_shift(manager) == (False, None)
    assert staff.told == [(manager["_id"], True), (manager["_id"], False)]


async def test_a_week_with_days_off_has_fewer_shifts(staff):
    manager = await staff.manager(days_off=[{"from": "2026-06-03", "to": "2026-06-07"}])
    process = staff.process()
    await process.follow(manager)
    await staff.run_until(kyiv(2026, 6, 8, 12, 0), process)
    # Off on Monday and on Tuesday evening; on again on Tuesday, and then on Monday.
    assert [off for _, off in staff.told] == [True, False, True, False]
    assert await staff.timers() == {manager["_id"]: kyiv(2026, 6, 8, 18, 0)}


@pytest.mark.parametrize(
    ("saturday", "hours"),
    [
        pytest.param((2026, 3, 28), 5, id="the night that has an hour less"),
        pytest.param((2026, 10, 24), 7, id="the night that has an hour more"),
        pytest.param((2026, 6, 6), 6, id="any other night"),
    ],
)
async def test_a_night_shift_over_a_change_of_clocks(staff, saturday, hours):
    staff.time = kyiv(*saturday, 12, 0)
    manager, process = await staff.manager(NIGHTS), staff.process()
    await process.follow(manager)
    assert await staff.off_shift(manager) == (True, kyiv(*saturday, 12, 0))
    began = kyiv(*saturday, 22, 0)
    await staff.run_until(began, process)
    assert await staff.off_shift(manager) == (False, None)
    assert await staff.timers() == {manager["_id"]: began + timedelta(hours=hours)}


async def test_a_change_that_was_due_while_nobody_ran_is_made_once_when_somebody_does(staff):
    manager = await staff.manager()
    await staff.process().follow(manager)
    staff.time = kyiv(2026, 6, 1, 21, 17)
    here, there = staff.process(), staff.process()
    await asyncio.gather(here.look_after_all(), there.turn({"manager_id": manager["_id"]}))
    assert await staff.off_shift(manager) == (True, staff.time)
    assert staff.told == [(manager["_id"], True)]


async def test_new_hours_count_at_once(staff):
    manager, process = await staff.manager(), staff.process()
    await process.follow(manager)
    changed = await staff.change(manager, schedule={**OFFICE, "open": []})
    assert (await process.follow(changed))["off_shift"]
    assert await staff.timers() == {}
    freed = await staff.change(manager, schedule=None)
    assert not (await process.follow(freed))["off_shift"]
    off = await staff.change(manager, days_off=[{"from": "2026-06-01", "to": "2026-06-01"}])
    assert (await process.follow(off))["off_shift"]
    # Without hours the days are the shop's, which is in Kyiv.
    assert await staff.timers() == {manager["_id"]: kyiv(2026, 6, 2)}


async def test_whoever_follows_hours_that_were_changed_meanwhile_follows_the_new_ones(staff):
    stale, process = await staff.manager(), staff.process()
    await staff.change(stale, schedule={**OFFICE, "open": []})
    await process.follow(stale)
    assert (await staff.off_shift(stale))[0]
    assert await staff.timers() == {}


async def test_who_has_no_hours_is_always_on_and_has_no_timer(staff):
    manager, process = await staff.manager(None), staff.process()
    await process.follow(manager)
    await process.look_after_all()
    assert await staff.off_shift(manager) == (False, None)
    assert await staff.timers() == {}


async def test_hours_that_another_version_wrote_are_as_good_as_not_set(staff):
    manager, process = await staff.manager({"timezone": "Europe/Kyiv", "weeks": []}), staff.process()
    await process.follow(manager)
    assert not (await staff.off_shift(manager))[0]


async def test_what_a_crash_left_undone_is_done_within_a_look(staff):
    manager, process = await staff.manager({**OFFICE, "open": []}), staff.process()
    other = await staff.manager()
    await process.look_after_all()
    assert (await staff.off_shift(manager))[0]
    assert await staff.timers() == {other["_id"]: kyiv(2026, 6, 1, 18, 0)}


async def test_the_shift_of_whoever_was_deleted_is_nobodys(staff):
    await staff.process().turn({"manager_id": "nobody"})
    assert staff.told == []
