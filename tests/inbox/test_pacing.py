import asyncio
import time

import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from inbox.model.capabilities import Pace
from inbox.model.ids import new_id
from inbox.pacing import Pacer


@pytest.fixture
async def away():
    """A Redis that is not there."""
    client = Redis.from_url("redis://127.0.0.1:1/0", retry=Retry(NoBackoff(), 0), socket_connect_timeout=0.5)
    yield client
    await client.aclose()


@pytest.fixture(params=["redis", "away"])
def pacer(request):
    return Pacer(request.getfixturevalue(request.param), new_id())


SLOW = Pace(per_second=0.1, burst=3)


async def test_a_burst_goes_at_once_and_then_the_pace_is_kept(pacer):
    waits = [await pacer.take("k", SLOW) for _ in range(5)]
    assert waits[:3] == [0, 0, 0]
    assert all(9 < wait <= 10 for wait in waits[3:])


async def test_one_bucket_does_not_slow_another(pacer):
    for _ in range(4):
        await pacer.take("one", SLOW)
    assert await pacer.take("two", SLOW) == 0


async def test_asking_early_costs_nothing(pacer):
    pace = Pace(per_second=5, burst=1)
    assert await pacer.take("k", pace) == 0
    wait = await pacer.take("k", pace)
    assert all([0 < await pacer.take("k", pace) <= wait for _ in range(5)])
    await asyncio.sleep(wait)
    assert await pacer.take("k", pace) == 0


async def test_over_time_no_more_goes_than_the_pace_allows(pacer):
    pace, sent = Pace(per_second=20, burst=2), 0
    began = time.monotonic()
    while time.monotonic() - began < 0.6:
        wait = await pacer.take("k", pace)
        sent += wait == 0
        await asyncio.sleep(wait)
    assert sent <= pace.burst + (time.monotonic() - began) * pace.per_second + 1


async def test_processes_share_the_bucket(redis):
    namespace = new_id()
    pacers = [Pacer(redis, namespace) for _ in range(5)]
    waits = await asyncio.gather(*(each.take("k", SLOW) for each in pacers for _ in range(4)))
    assert waits.count(0) == 3


async def test_shops_do_not_share_it(redis):
    waits = [await Pacer(redis, new_id()).take("k", Pace(per_second=0.1, burst=1)) for _ in range(3)]
    assert waits == [0, 0, 0]


async def test_a_bucket_that_is_full_again_is_forgotten(redis):
    namespace = new_id()
    await Pacer(redis, namespace).take("k", SLOW)
    assert 0 < await redis.pttl(f"skrynka:pace:{namespace}:k") <= 11_000
