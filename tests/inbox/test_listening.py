# ruff: noqa: ARG002  # A fake keeps the signatures of the port that it stands at.
"""Channels that fetch for themselves: one process at a time, whatever ends it, and nothing before it is durable."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from typing import Any

import msgspec
import pytest
from pydantic import BaseModel

from inbox.journal import StorageDown
from inbox.listening import Listening
from inbox.model.channel import Accept, Connection, Cursor, RawEvent
from inbox.model.failures import CredentialsRejected, RetryLater
from inbox.model.ids import now
from inbox.storage.listeners import ListenerStore
from tests.flow import until
from tests.inbox.paper import Floor, Paper, PaperConnection


class Feeder(Paper):
    """A provider that hands out numbered events; how far it was read is in the cursor."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[str] = []
        self.listeners = 0
        self.most = 0
        self.ended = 0
        self.trouble: Exception | None = None

    def listens(self, settings: BaseModel) -> bool:
        return True

    async def connect(self, settings: BaseModel) -> Connection:
        return FeederConnection(self)


class FeederConnection(PaperConnection):
    """Looks for more every few milliseconds."""

    def __init__(self, kind: Feeder) -> None:
        super().__init__(kind)
        self._feeder = kind

    async def listen(self, cursor: Cursor, accept: Accept) -> None:
        feeder = self._feeder
        feeder.listeners += 1
        feeder.most = max(feeder.most, feeder.listeners)
        try:
            read = int(cursor.value.get("read", "0"))
            while True:
                if feeder.trouble is not None:
                    raise feeder.trouble
                for text in feeder.events[read:]:
                    read += 1
                    await accept([RawEvent(str(read), msgspec.json.encode({"key": str(read), "text": text}))])
                    await cursor.note({"read": str(read)})
                await asyncio.sleep(0.01)
        finally:
            feeder.listeners -= 1
            feeder.ended += 1


@pytest.fixture
def feeder() -> Feeder:
    return Feeder()


@pytest.fixture
async def feeding(database, redis, feeder) -> AsyncIterator[Floor]:
    floor = Floor(database, redis, kind=feeder)
    yield floor
    await floor.channels.close()


@contextlib.asynccontextmanager
async def process(floor: Floor, pauses: tuple[float, float] = (0.02, 0.1)) -> AsyncIterator[None]:
    """A process that listens, until it is stopped in order."""
    listening = Listening(
        ListenerStore(floor.database), floor.channels, floor.journal, look_seconds=0.05, pauses=pauses
    )
    running = asyncio.create_task(listening.run())
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def kept(floor: Floor) -> list[str]:
    rows = await floor.database.durable.journal.find({}, {"key": 1}).to_list(None)
    return sorted(row["key"] for row in rows)


async def row_of(floor: Floor) -> dict[str, Any]:
    return await floor.database.durable.listeners.find_one({}) or {}


async def state_of(floor: Floor, channel_id: str) -> str:
    return str((await floor.channels.get(channel_id))["state"])


async def test_what_is_fetched_lies_in_the_journal_before_the_cursor_moves(feeding, feeder):
    await feeding.connect()
    feeder.events = ["a", "b"]
    async with process(feeding):
        await until(lambda: _equal(row_of(feeding), lambda row: row.get("cursor") == {"read": "2"}))
        assert await kept(feeding) == ["1", "2"]
        feeder.events.append("c")
        await until(lambda: _equal(kept(feeding), lambda keys: keys == ["1", "2", "3"]))


async def test_one_process_listens_and_the_next_takes_over_where_it_stopped(feeding, feeder):
    await feeding.connect()
    async with process(feeding):
        await until(lambda: _true(feeder.listeners == 1))
        async with process(feeding):
            feeder.events = ["a"]
            await until(lambda: _equal(kept(feeding), lambda keys: keys == ["1"]))
    assert feeder.most == 1
    async with process(feeding):
        feeder.events.append("b")
        await until(lambda: _equal(kept(feeding), lambda keys: keys == ["1", "2"]))


async def test_a_dead_processs_channel_is_taken_over_once_its_lease_ran_out(feeding, feeder):
    channel_id = await feeding.connect()
    store = ListenerStore(feeding.database)
    assert await store.claim(channel_id, "dead") == {}
    await store.note(channel_id, "dead", {"read": "1"})
    feeder.events = ["known", "new"]
    async with process(feeding):
        await asyncio.sleep(0.2)
        assert feeder.most == 0
        past = {"$set": {"lease_until": now() - timedelta(seconds=1)}}
        await feeding.database.durable.listeners.update_one({"_id": channel_id}, past)
        await until(lambda: _equal(kept(feeding), lambda keys: keys == ["2"]))
    assert not await store.note(channel_id, "dead", {"read": "0"})


async def test_a_line_that_breaks_now_and_then_is_nobodys_business(feeding, feeder):
    channel_id = await feeding.connect()
    async with process(feeding):
        for number in range(4):
            await until(lambda: _true(feeder.listeners == 1))
            feeder.events.append(f"event {number}")
            await until(partial(_has, feeding, number + 1))
            feeder.trouble = RetryLater("the line broke")
            await until(lambda: _true(feeder.listeners == 0))
            feeder.trouble = None
        assert await state_of(feeding, channel_id) == "connected"


async def test_what_keeps_failing_shows_with_its_reason_and_goes_once_it_works(feeding, feeder):
    channel_id = await feeding.connect()
    feeder.trouble = RetryLater("the server is away")
    async with process(feeding):
        await until(lambda: _equal(state_of(feeding, channel_id), lambda state: state == "degraded"))
        shown = await feeding.database.durable.channels.find_one({"_id": channel_id})
        assert shown["state_reason"] == "the server is away"
        feeder.trouble = None
        feeder.events = ["a"]
        await until(lambda: _equal(state_of(feeding, channel_id), lambda state: state == "connected"))


@pytest.mark.parametrize("trouble", [RetryLater("the server is away"), CredentialsRejected("wrong password")])
async def test_a_check_that_works_ends_a_long_pause(feeding, feeder, trouble):
    channel_id = await feeding.connect()
    feeder.trouble = trouble
    async with process(feeding, pauses=(3600, 3600)):
        await until(lambda: _true(feeder.ended == 1))
        feeder.trouble = None
        feeder.events = ["a"]

        async def told() -> bool:
            return await _checked(feeding, channel_id, "connected") and await kept(feeding) == ["1"]

        await until(told)


async def test_a_check_that_fails_ends_no_pause(feeding, feeder):
    channel_id = await feeding.connect()
    feeder.trouble = RetryLater("the server is away")
    async with process(feeding, pauses=(3600, 3600)):
        await until(lambda: _true(feeder.ended == 1))
        feeder.failure = RetryLater("still away")
        for _ in range(3):
            assert await _checked(feeding, channel_id, "degraded")
            await asyncio.sleep(0.1)  # Twice as long as it takes to look.
        assert feeder.ended == 1


async def test_a_dead_password_pauses_at_once(feeding, feeder):
    channel_id = await feeding.connect()
    feeder.trouble = CredentialsRejected("wrong password")
    async with process(feeding):
        await until(lambda: _equal(state_of(feeding, channel_id), lambda state: state == "paused"))


async def test_a_fault_of_ours_is_listened_past(feeding, feeder):
    await feeding.connect()
    feeder.trouble = ZeroDivisionError()
    async with process(feeding):
        await until(lambda: _true(feeder.ended > 0))
        feeder.trouble = None
        feeder.events = ["a"]
        await until(lambda: _equal(kept(feeding), lambda keys: keys == ["1"]))


async def test_what_the_journal_does_not_take_is_fetched_again(feeding, feeder):
    await feeding.connect()
    feeder.trouble = StorageDown()
    async with process(feeding):
        await until(lambda: _true(feeder.ended > 0))
        feeder.trouble = None
        feeder.events = ["a"]
        await until(lambda: _equal(kept(feeding), lambda keys: keys == ["1"]))


async def test_a_channel_that_goes_is_listened_to_no_more(feeding, feeder):
    channel_id = await feeding.connect()
    async with process(feeding):
        await until(lambda: _true(feeder.listeners == 1))
        await feeding.channels.change(channel_id, name="Renamed", settings=None)
        await feeding.channels.delete(channel_id)
        await until(lambda: _true(feeder.listeners == 0))
        await until(lambda: _equal(row_of(feeding), lambda row: row == {}))


async def _has(floor: Floor, count: int) -> bool:
    return len(await kept(floor)) == count


async def _checked(floor: Floor, channel_id: str, state: str) -> bool:
    """Check a channel, and let it be known at once; whether that found this state."""
    found = (await floor.channels.check(channel_id))["state"]
    await floor.channels.look_again(channel_id)
    return bool(found == state)


async def _true(value: bool) -> bool:
    return value


async def _equal(found: Any, holds: Any) -> bool:
    return bool(holds(await found))
