"""Guessing is slowed down by account and address, with and without Redis."""

import asyncio

import pytest
from redis.asyncio import Redis

from tests.web.doors.house import PASSWORD, BuildHouse, Serve
from web.doors.throttle import ACCOUNT_FAILURES, ADDRESS_FAILURES, WINDOW_SECONDS, LoginThrottle

WRONG = {"email": "owner@shop.example", "password": "wrong horse"}
RIGHT = {"email": "Owner@Shop.example ", "password": PASSWORD}


@pytest.fixture(params=["with redis", "without redis"])
async def counting_redis(request, redis):
    """Redis, or a client whose server is away."""
    if request.param == "with redis":
        yield redis
        return
    away = Redis.from_url("redis://127.0.0.1:1")
    yield away
    await away.aclose()


class Clock:
    """Hands of a clock that a test moves."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


async def test_five_failures_close_an_account_to_an_address(counting_redis):
    throttle = LoginThrottle(counting_redis, namespace="five")
    for _ in range(ACCOUNT_FAILURES):
        assert await throttle.wait("olena", "203.0.113.1") == 0
        await throttle.failed("olena", "203.0.113.1")
    assert 0 < await throttle.wait("olena", "203.0.113.1") <= WINDOW_SECONDS
    assert await throttle.wait("olena", "203.0.113.2") == 0
    assert await throttle.wait("taras", "203.0.113.1") == 0


async def test_success_forgets_the_account_but_not_the_address(counting_redis):
    throttle = LoginThrottle(counting_redis, namespace="forgets")
    for number in range(ADDRESS_FAILURES):
        await throttle.failed(f"guess{number % 20}", "203.0.113.1")
        await throttle.succeeded(f"guess{number % 20}", "203.0.113.1")
    assert await throttle.wait("somebody new", "203.0.113.1") > 0
    assert await throttle.wait("somebody new", "203.0.113.2") == 0


async def test_the_window_ends_by_itself():
    clock = Clock()
    away = Redis.from_url("redis://127.0.0.1:1")
    throttle = LoginThrottle(away, namespace="window", clock=clock)
    for _ in range(ACCOUNT_FAILURES):
        await throttle.failed("olena", "203.0.113.1")
    assert await throttle.wait("olena", "203.0.113.1") == WINDOW_SECONDS
    clock.seconds += WINDOW_SECONDS + 1
    assert await throttle.wait("olena", "203.0.113.1") == 0
    await away.aclose()


async def test_redis_forgets_too(redis):
    throttle = LoginThrottle(redis, namespace="expires")
    await throttle.failed("olena", "203.0.113.1")
    keys = [key async for key in redis.scan_iter("skrynka:expires:*")]
    assert len(keys) == 2
    assert all([0 < await redis.ttl(key) <= WINDOW_SECONDS for key in keys])
    assert not any(b"olena" in (key if isinstance(key, bytes) else key.encode()) for key in keys)


async def test_too_many_wrong_passwords_are_429_even_for_the_right_one(build_house: BuildHouse, serve: Serve):
    house = await build_house()
    client = await serve(house)
    token = await house.token()
    for _ in range(ACCOUNT_FAILURES):
        answer = await client.post("/api/enter", json=WRONG)
        assert answer.status == 401
    closed = await client.post("/api/enter", json=RIGHT)
    assert closed.status == 429
    assert 0 < int(closed.headers["Retry-After"]) <= WINDOW_SECONDS
    inside = await client.get("/api/inside", headers={"Authorization": f"Bearer {token}"})
    assert inside.status == 200, "live sessions go on"


async def test_a_forged_forwarded_address_changes_nothing(build_house: BuildHouse, serve: Serve):
    client = await serve(await build_house())
    statuses = [
        (await client.post("/api/enter", json=WRONG, headers={"X-Forwarded-For": f"203.0.113.{number}"})).status
        for number in range(ACCOUNT_FAILURES + 1)
    ]
    assert statuses == [401] * ACCOUNT_FAILURES + [429]


async def test_behind_a_trusted_proxy_addresses_are_told_apart(build_house: BuildHouse, serve: Serve):
    client = await serve(await build_house(proxies=("127.0.0.1/32",)))
    here = {"X-Forwarded-For": "203.0.113.1"}
    for _ in range(ACCOUNT_FAILURES):
        await client.post("/api/enter", json=WRONG, headers=here)
    assert (await client.post("/api/enter", json=RIGHT, headers=here)).status == 429
    elsewhere = {"X-Forwarded-For": "203.0.113.1, 203.0.113.2"}
    assert (await client.post("/api/enter", json=RIGHT, headers=elsewhere)).status == 201


async def test_guesses_sent_together_do_not_slip_past(build_house: BuildHouse, serve: Serve):
    client = await serve(await build_house())
    answers = await asyncio.gather(*(client.post("/api/enter", json=WRONG) for _ in range(20)))
    statuses = [answer.status for answer in answers]
    assert set(statuses) == {401, 429}
    assert statuses.count(401) <= ACCOUNT_FAILURES + 1
