import asyncio
from datetime import timedelta
from typing import Any

import pytest

from inbox.model.ids import now
from inbox.timers import LEISURELY_WORKERS, MAX_ATTEMPTS, Later, Timers
from tests.flow import until


@pytest.fixture
async def worker(floor):
    """A timers' worker that is started by the first handler."""
    timers = Timers(floor.timers, floor.wakeups)
    yield timers
    await timers.stop()


async def work(worker: Timers) -> asyncio.Task[None]:
    return asyncio.create_task(worker.run())


async def left(floor: Any) -> dict[str, Any]:
    return {row["_id"]: row async for row in floor.database.durable.timers.find()}


async def test_what_is_due_is_done_once_by_two_workers(floor):
    done: list[str] = []

    async def handler(data: dict[str, Any]) -> None:
        await asyncio.sleep(0.01)
        done.append(data["n"])

    await floor.timers.set_many("k", {f"t{number}": {"n": f"{number}"} for number in range(12)})
    workers = [Timers(floor.timers, floor.wakeups) for _ in range(2)]
    for each in workers:
        each.handle("k", handler)
    running = [await work(each) for each in workers]
    await until(lambda: _empty(floor))
    for each in workers:
        await each.stop()
    await asyncio.gather(*running)
    assert sorted(done) == sorted(f"{number}" for number in range(12))


async def _empty(floor: Any) -> bool:
    return not await left(floor)


async def test_a_handler_may_ask_to_be_called_later(floor, worker):
    calls: list[int] = []

    async def handler(_data: dict[str, Any]) -> None:
        calls.append(1)
        if len(calls) < 3:
            raise Later(0.0)

    worker.handle("k", handler)
    await floor.timers.set("t", "k", now(), {})
    running = await work(worker)
    await until(lambda: _empty(floor))
    await worker.stop()
    await running
    assert len(calls) == 3


async def test_what_is_done_at_leisure_waits_for_all_else_and_leaves_room(floor, worker):
    order: list[str] = []
    at_once: list[int] = []
    running_now = 0

    async def pressing(_data: dict[str, Any]) -> None:
        order.append("pressing")

    async def leisurely(_data: dict[str, Any]) -> None:
        nonlocal running_now
        running_now += 1
        at_once.append(running_now)
        order.append("leisurely")
        await asyncio.sleep(0.01)
        running_now -= 1

    worker.handle_at_leisure("leisurely", leisurely)
    worker.handle("pressing", pressing)
    await floor.timers.set_many("leisurely", {f"a{number}": {} for number in range(6)})
    await floor.timers.set_many("pressing", {f"b{number}": {} for number in range(3)})
    running = await work(worker)
    await until(lambda: _empty(floor))
    await worker.stop()
    await running
    assert order == ["pressing"] * 3 + ["leisurely"] * 6
    assert max(at_once) == LEISURELY_WORKERS


async def test_a_failing_timer_is_put_off_and_the_others_go_on(floor, worker):
    done = asyncio.Event()

    async def broken(_data: dict[str, Any]) -> None:
        raise RuntimeError("a bug")

    async def sound(_data: dict[str, Any]) -> None:
        done.set()

    worker.handle("broken", broken)
    worker.handle("sound", sound)
    await floor.timers.set("a", "broken", now() - timedelta(seconds=1), {})
    await floor.timers.set("b", "sound", now(), {})
    running = await work(worker)
    async with asyncio.timeout(10):
        await done.wait()

    async def put_off() -> bool:
        rows = await left(floor)
        return set(rows) == {"a"} and rows["a"]["holder"] is None and rows["a"]["due_at"] > now()

    await until(put_off)
    await worker.stop()
    await running


@pytest.mark.parametrize(
    ("kind", "attempts", "kept"),
    [
        ("channel.acknowledge", MAX_ATTEMPTS, False),
        ("conversation.wake", MAX_ATTEMPTS, True),
        ("channel.check", 2000, True),
    ],
)
async def test_what_never_works_is_given_up_unless_something_would_stay_asleep(floor, worker, kind, attempts, kept):
    failed = asyncio.Event()

    async def broken(_data: dict[str, Any]) -> None:
        failed.set()
        raise RuntimeError("a bug")

    worker.handle(kind, broken)
    await floor.timers.set("t", kind, now(), {})
    await floor.database.durable.timers.update_one({}, {"$set": {"attempts": attempts - 1}})
    running = await work(worker)
    async with asyncio.timeout(10):
        await failed.wait()

    async def settled() -> bool:
        rows = await left(floor)
        return not rows or rows["t"]["holder"] is None

    await until(settled)
    rows = await left(floor)
    assert bool(rows) is kept
    assert all(now() < row["due_at"] <= now() + timedelta(seconds=601) for row in rows.values())
    await worker.stop()
    await running


async def test_a_timer_is_brought_forward_and_never_put_off(floor):
    soon, later = now() + timedelta(hours=1), now() + timedelta(hours=2)
    await floor.timers.bring_forward("k", {"t": (later, {"n": 1}), "u": (soon, {"n": 2})})
    await floor.timers.bring_forward("k", {"t": (soon, {"n": 3}), "u": (later, {"n": 4})})
    rows = await left(floor)
    assert {key: (row["due_at"], row["data"]) for key, row in rows.items()} == {
        "t": (soon, {"n": 1}),
        "u": (soon, {"n": 2}),
    }


async def test_several_processes_bring_the_same_timers_forward(floor):
    soon = now() + timedelta(hours=1)
    await asyncio.gather(
        *(
            floor.timers.bring_forward("k", {f"t{number}": (soon + timedelta(minutes=turn), {}) for number in range(9)})
            for turn in range(8)
        )
    )
    assert [row["due_at"] for row in (await left(floor)).values()] == [soon] * 9


async def test_what_is_brought_forward_while_it_is_done_is_done_again(floor, worker):
    done: list[int] = []

    async def handler(_data: dict[str, Any]) -> None:
        done.append(1)
        if len(done) == 1:
            await floor.timers.bring_forward("k", {"t": (now(), {})})

    worker.handle("k", handler)
    await floor.timers.set("t", "k", now(), {})
    running = await work(worker)
    await until(lambda: _empty(floor))
    await worker.stop()
    await running
    assert len(done) == 2
