import asyncio
import time

import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from inbox.model.ids import new_id
from inbox.wakeups import Wakeups
from web.house import connect_redis


async def heard(wakeups: Wakeups, topic: str, *, seconds: float = 5.0) -> bool:
    began = time.monotonic()
    await wakeups.wait(topic, seconds)
    return time.monotonic() - began < seconds


@pytest.fixture
async def two(redis):
    """Two processes of one shop, once both listen."""
    namespace = new_id()
    processes = Wakeups(redis, namespace), Wakeups(redis, namespace)
    running = [asyncio.create_task(each.run()) for each in processes]
    async with asyncio.timeout(10):
        while (await redis.pubsub_numsub(f"skrynka:wake:{namespace}:live"))[0][1] < 2:
            await asyncio.sleep(0.01)
    yield processes
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


async def test_a_bell_is_heard_here_and_in_the_other_process(two):
    here, there = two
    here.ring("outbox")
    assert await heard(there, "outbox")
    assert await heard(here, "outbox")


async def test_a_bell_is_heard_once(two):
    here, there = two
    here.ring("outbox")
    assert await heard(there, "outbox")
    assert not await heard(there, "outbox", seconds=0.2)


async def test_a_bell_rung_before_anybody_waits_is_not_lost(two):
    here, _ = two
    here.ring_here("live")
    await asyncio.sleep(0.05)
    assert await heard(here, "live")


async def test_topics_do_not_disturb_each_other(two):
    here, there = two
    here.ring("live")
    assert not await heard(there, "timers", seconds=0.2)
    assert await heard(there, "live")


async def test_without_redis_bells_are_heard_here_and_nothing_breaks():
    away = Redis.from_url("redis://127.0.0.1:1/0", retry=Retry(NoBackoff(), 0), socket_connect_timeout=0.2)
    alone = Wakeups(away, new_id())
    running = asyncio.create_task(alone.run())
    for _ in range(3):
        alone.ring("outbox")
        assert await heard(alone, "outbox")
        await asyncio.sleep(0.05)
    assert not running.done()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await away.aclose()


async def test_they_end_at_whatever_moment_they_are_told_to(databases):
    for steps in range(24):
        client = connect_redis(databases.redis_url)
        task = asyncio.create_task(Wakeups(client, "test").run())
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task], timeout=5)
        assert task.done(), steps
        await client.aclose()
