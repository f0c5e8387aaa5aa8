"""A database that is away: providers are told to send again in time, nothing is half-stored, and it heals by itself."""

import asyncio
import contextlib
import itertools
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import ClientTimeout

from tests.flow import OWNER, PASSWORD, sign_in, until
from tests.promises.program import Program
from tests.promises.updates import SECRET_HEADER, written
from web.embedded.databases import MONGOD, VALKEY

pytestmark = pytest.mark.asyncio(loop_scope="module")

OUTAGE_SECONDS = 10.0
ANSWER_SECONDS = 3.0
SCHEDULING_SECONDS = 1.0
"""What a busy machine may add to the answer's way to us."""

MEBIBYTE = 1 << 20

update_ids = itertools.count(1)
customers = itertools.count(100)


@contextlib.asynccontextmanager
async def dead(program: Program, name: str) -> AsyncIterator[None]:
    """A database is killed, and killed again whenever it is restarted, for the length of the context."""

    async def keep_killing() -> None:
        while True:
            with contextlib.suppress(ProcessLookupError, FileNotFoundError):
                program.signal(name, signal.SIGKILL)
            await asyncio.sleep(0.05)

    killing = asyncio.create_task(keep_killing())
    try:
        yield
    finally:
        killing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await killing


@contextlib.asynccontextmanager
async def frozen(program: Program, name: str) -> AsyncIterator[None]:
    """A database keeps its connections and answers nothing for the length of the context."""
    with program.frozen(name):
        yield


Outage = Callable[[Program, str], AbstractAsyncContextManager[None]]

both_ways = pytest.mark.parametrize("outage", [pytest.param(dead, id="killed"), pytest.param(frozen, id="frozen")])


@dataclass
class Posted:
    """An update that was posted, and what was answered."""

    text: str
    raw: bytes
    status: int
    seconds: float
    retry_after: str | None


async def post(program: Program, customer: int, number: int, text: str) -> Posted:
    raw = written(next(update_ids), customer, number, text)
    headers = {"Content-Type": "application/json", SECRET_HEADER: program.bot.webhook.secret}
    began = time.monotonic()
    timeout = ClientTimeout(total=60)
    async with program.http.post(program.webhook, data=raw, headers=headers, timeout=timeout) as answer:
        await answer.read()
        seconds = time.monotonic() - began
        return Posted(text, raw, answer.status, seconds, answer.headers.get("Retry-After"))


@contextlib.asynccontextmanager
async def talking(program: Program) -> AsyncIterator[list[Posted]]:
    """Customers write without pause for the length of the context."""
    posted: list[Posted] = []
    over = asyncio.Event()

    async def speak(customer: int) -> None:
        for number in itertools.count(1):
            if over.is_set():
                return
            posted.append(await post(program, customer, number, f"{customer} says {number}"))
            await asyncio.sleep(0.02)

    speaking = asyncio.gather(*(speak(next(customers)) for _ in range(12)))
    yield posted
    over.set()
    await speaking


@both_ways
async def test_without_mongodb_webhooks_get_503_in_time_and_everything_is_stored_once_afterwards(program, outage):
    async with talking(program) as posted:
        await asyncio.sleep(1)
        async with outage(program, MONGOD):
            await asyncio.sleep(OUTAGE_SECONDS)
        await until(program.ready, seconds=60)
        await until(lambda: recovered(posted), seconds=30)

    assert {row.status for row in posted} == {200, 503}
    assert max(row.seconds for row in posted) < ANSWER_SECONDS + SCHEDULING_SECONDS
    assert all(row.retry_after == "2" for row in posted if row.status == 503)
    refused = [row for row in posted if row.status == 503]
    assert await asyncio.gather(*(program.post(row.raw) for row in refused)) == [200] * len(refused)
    await program.settled()
    async with program.stored() as database:
        texts = [row.text for row in posted]
        found = database.durable.messages.find({"text": {"$in": texts}}, {"text": 1})
        assert Counter([row["text"] async for row in found]) == Counter(texts)
        doubled = database.durable.conversations.aggregate(
            [{"$group": {"_id": "$customer_id", "cases": {"$sum": 1}}}, {"$match": {"cases": {"$gt": 1}}}]
        )
        assert await doubled.to_list(None) == []


async def recovered(posted: list[Posted]) -> bool:
    return posted[-1].status == 200


@both_ways
async def test_without_mongodb_the_rest_says_so_and_memory_stays_bounded(program, outage):
    await until(program.ready, seconds=60)
    before = program.memory()
    grown = 0
    customer = next(customers)
    async with outage(program, MONGOD):
        deadline = time.monotonic() + OUTAGE_SECONDS
        assert await program.status("/healthz") == 200
        await until(lambda: not_ready(program), seconds=5)
        asked = asyncio.create_task(program.owner.call("GET", "/conversations"))
        statuses: Counter[int] = Counter()
        while time.monotonic() < deadline:
            batch = [post(program, customer, next(update_ids), f"{customer} says {'x' * 100_000}") for _ in range(100)]
            for row in await asyncio.gather(*batch):
                statuses[row.status] += 1
                assert row.seconds < ANSWER_SECONDS + 2 * SCHEDULING_SECONDS
            grown = max(grown, program.memory() - before)
        answer = await asyncio.wait_for(asked, 30)
        assert await program.status("/healthz") == 200
    assert statuses[503]
    assert set(statuses) <= {200, 503}
    assert grown < 100 * MEBIBYTE
    assert answer.status == 503
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert answer.headers["Retry-After"]
    await until(program.ready, seconds=60)
    assert (await program.owner.call("GET", "/conversations")).status == 200
    await program.settled()
    async with program.stored() as database:
        stored = await database.durable.messages.count_documents({"text": {"$regex": f"^{customer} says x"}})
    assert stored >= statuses[200], (
        "a database that was there for a moment, before it was killed again, has what it took"
    )


async def not_ready(program: Program) -> bool:
    return await program.status("/readyz") == 503


@both_ways
async def test_without_redis_everything_goes_on(program, outage):
    await until(program.ready, seconds=60)
    socket = await program.http.ws_connect(
        f"{program.url}/api/v1/live", headers={"Authorization": f"Bearer {program.owner.token}"}
    )
    async with outage(program, VALKEY):
        deadline = time.monotonic() + OUTAGE_SECONDS
        for number in itertools.count(1):
            text = f"question {number} while Redis is {outage.__name__}"
            chat, conversation = await program.begin(text)
            seen = await asyncio.wait_for(created(socket, text), 5)
            assert seen["data"]["conversation_id"] == conversation
            await program.reply(conversation, f"answer {number}")
            await chat.until(lambda chat, number=number: chat.texts() == [f"answer {number}"], seconds=10)
            if time.monotonic() > deadline:
                break

        async def redis_is_missed() -> bool:
            return await readiness(program) == (200, "down")

        await until(redis_is_missed)
        person = await sign_in(program.http, program.url, OWNER, PASSWORD)
        assert (await person.call("GET", "/me")).status == 200

    async def redis_is_back() -> bool:
        return await readiness(program) == (200, "up")

    await until(redis_is_back, seconds=30)
    await program.begin(f"afterwards ({outage.__name__})")
    await asyncio.wait_for(created(socket, f"afterwards ({outage.__name__})"), 5)
    await socket.close()


async def created(socket: Any, text: str) -> Any:
    """The live frame of the message with this text."""
    while True:
        frame = await socket.receive_json()
        if frame["type"] == "message.created" and frame["data"]["text"] == text:
            return frame


async def readiness(program: Program) -> tuple[int, str]:
    async with program.http.get(f"{program.url}/readyz") as answer:
        return answer.status, (await answer.json())["redis"]
