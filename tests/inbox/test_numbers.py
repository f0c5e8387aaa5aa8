"""Numbers on a real database: they follow what is stored, whoever dies, and end as if counted from scratch."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import pytest
from pymongo.errors import AutoReconnect
from redis.asyncio import Redis

from inbox.events import EventBus
from inbox.live import LiveFeed
from inbox.model.domain_events import CustomerErased
from inbox.model.schedule import Schedule
from inbox.numbers import ROLE, Numbers
from inbox.storage.database import Database, Document
from inbox.storage.livelog import LiveLog
from inbox.storage.numbers import NumberStore
from inbox.wakeups import Wakeups
from tests.flow import until
from tests.inbox.lives import OPEN, Life

QUICK = 0.02


async def open_hours(_: str | None) -> Schedule:
    return OPEN


class Books:
    """The numbers of a database, and who keeps them."""

    def __init__(self, database: Database, redis: Redis) -> None:
        self.database = database
        self._feed = LiveFeed(LiveLog(database), Wakeups(redis, database.name))

    def keeper(self, store: NumberStore | None = None, **manner: Any) -> Numbers:
        """Somebody who can keep them."""
        return Numbers(store or NumberStore(self.database), open_hours, self._feed, poll_seconds=QUICK, **manner)

    @contextlib.asynccontextmanager
    async def kept(self, store: NumberStore | None = None, **manner: Any) -> AsyncIterator[None]:
        """Have them kept by one more process."""
        work = asyncio.create_task(self.keeper(store, **manner).run())
        try:
            yield
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)

    async def rows(self, name: str) -> dict[str, Document]:
        """A collection without what tells who wrote it."""
        found = self.database.durable[name].find({}, {"term": 0})
        return {row["_id"]: row async for row in found}

    async def sum(self, name: str) -> int:
        """A count over all hours."""
        return sum(row.get(name, 0) for row in (await self.rows("hours")).values())

    def told(self, **sums: int) -> Callable[[], Awaitable[bool]]:
        """Whether hours add up to these counts, and nothing waits to be summed."""

        async def told() -> bool:
            stale = await self.database.durable.cases.count_documents({"stale": {"$exists": True}})
            return not stale and {name: await self.sum(name) for name in sums} == sums

        return told

    async def from_scratch(self) -> tuple[dict[str, Document], dict[str, Document]]:
        """Cases and hours as they are where nothing was known before."""
        for name in ("cases", "hours", "number_roles"):
            await self.database.durable[name].delete_many({})
        conversations = await self.database.durable.conversations.count_documents({})
        async with self.kept():
            await until(self._all_read)
        assert conversations
        return await self.rows("cases"), await self.rows("hours")

    async def _all_read(self) -> bool:
        role = await self.database.durable.number_roles.find_one({"_id": ROLE}) or {}
        stale = await self.database.durable.cases.count_documents({"stale": {"$exists": True}})
        return "read_to" in role and role["read_to"] is None and not stale


@pytest.fixture
def books(database: Database, redis: Redis) -> Books:
    return Books(database, redis)


async def grow(books: Books, lives: Sequence[Life]) -> None:
    """Live through two openings each, stored step by step."""
    for life in lives:
        for step, *value in (
            ("writes",),
            ("goes_to", "ann"),
            ("answers", "ann"),
            ("writes",),
            ("answers", "bob"),
            ("is_put", "closed"),
            ("writes", "mail"),
        ):
            getattr(life, step)(*value)
            await life.store(books.database)


async def test_what_is_followed_is_what_is_counted_from_scratch_and_outlives_restarts(books):
    lives = [Life(f"k{number}") for number in range(3)]
    async with books.kept():
        await grow(books, lives[:2])
        await until(books.told(opened=4, returned=2, messages=6, replies=4))
    await grow(books, lives[2:])
    async with books.kept():
        await until(books.told(opened=6, returned=3, messages=9, replies=6))
    followed = await books.rows("cases"), await books.rows("hours")
    assert await books.from_scratch() == followed


async def test_one_process_keeps_them_and_another_goes_on_where_it_ends(books):
    async with books.kept():
        async with books.kept():
            await grow(books, [Life()])
            await until(books.told(opened=2))
        await grow(books, [Life("k2")])
        await until(books.told(opened=4))


async def test_long_conversations_are_read_together_later_and_a_restart_forgets_none(books):
    life, short = Life("long"), Life("short")
    async with books.kept(long=3, patience_seconds=0.2):
        await grow(books, [life])
        await until(books.told(opened=2, messages=3))
    async with books.kept(long=3, patience_seconds=1000):
        life.writes()
        await life.store(books.database)
        short.writes()
        await short.store(books.database)
        await until(books.told(opened=3, messages=4))
    async with books.kept():
        await until(books.told(opened=3, messages=5))


class Mortal(NumberStore):
    """A store whose process loses the database at one step, the second time that it comes to it."""

    def __init__(self, database: Database, step: str) -> None:
        super().__init__(database)
        self._step = step
        self.came = 0

    def _live(self, step: str) -> None:
        self.came += step == self._step
        if step == self._step and self.came == 2:
            raise AutoReconnect("the process died here")

    async def put(self, *args: Any) -> None:
        self._live("put")
        await super().put(*args)
        self._live("was put")

    async def sum_up(self, *args: Any) -> None:
        self._live("sum")
        await super().sum_up(*args)
        self._live("summed")


@pytest.mark.parametrize("step", ["put", "was put", "sum", "summed"])
async def test_a_crash_at_any_step_changes_no_number(books, step):
    mortal = Mortal(books.database, step)
    async with books.kept(mortal):
        for number in range(3):
            await grow(books, [Life(f"k{number}")])
            await until(books.told(opened=2 * number + 2, messages=3 * number + 3))
    assert mortal.came >= 2
    followed = await books.rows("cases"), await books.rows("hours")
    assert await books.from_scratch() == followed


async def test_who_was_held_up_and_lost_the_role_writes_over_nothing(books):
    store = NumberStore(books.database)
    life = Life()
    life.writes()
    old = life.read()
    life.answers()
    await store.put(life.read(), {}, 5)
    await store.put(old, {}, 4)
    assert (await books.rows("cases"))[old[0]["_id"]]["replies"] == 1
    cases = await store.stale(10)
    await store.sum_up(cases, 5)
    await books.database.durable.cases.update_many({}, {"$set": {"shares": []}})
    await store.sum_up(cases, 4)
    assert await books.sum("opened") == 1


async def test_a_conversation_that_ended_in_another_is_counted_there_alone(books):
    ours, theirs = Life("ours"), Life("theirs")
    async with books.kept():
        await grow(books, [ours, theirs])
        await until(books.told(opened=4, messages=6))
        moved = {"$set": {"conversation_id": "ours"}}
        await books.database.durable.messages.update_many({"conversation_id": "theirs"}, moved)
        await books.database.durable.absorbed.insert_one({"_id": "theirs", "into": "ours"})
        await books.database.durable.conversations.delete_one({"_id": "theirs"})
        ours.conversation["revision"] += 1
        await books.database.durable.conversations.replace_one({"_id": "ours"}, ours.conversation)
        await until(books.told(opened=2, messages=6))


async def test_of_who_is_erased_nothing_stays_but_sums(books):
    bus = EventBus()
    books.keeper().subscribe(bus)
    async with books.kept():
        await grow(books, [Life("gone"), Life("here")])
        await until(books.told(opened=4, messages=6))
        # As an erasure does: its row says whose they were, in the same transaction that takes them away.
        scope = {"conversation_ids": ["gone"], "customer_ids": ["gone-card"]}
        await books.database.durable.erasures.insert_one({"_id": "e1", "scope": scope})
        await books.database.durable.conversations.delete_one({"_id": "gone"})
        await bus.announce(CustomerErased("gone-card", ["gone"]))
        await grow(books, [Life("new")])
        await until(books.told(opened=6, messages=9))
    for name in ("cases", "hours"):
        assert "gone" not in repr(await books.rows(name))


async def test_where_the_history_is_lost_every_conversation_is_read_again(books):
    async with books.kept():
        await grow(books, [Life("k1")])
        await until(books.told(opened=2))
    await grow(books, [Life("k2")])
    lost = {"_data": "82000000010000000129295A1004" + "0" * 32 + "04"}
    await books.database.durable.number_roles.update_one({"_id": ROLE}, {"$set": {"token": lost}})
    async with books.kept():
        await until(books.told(opened=4))


async def test_joining_parting_and_erasing_customers_of_a_real_shop(shop):
    def told(**figures: int) -> Callable[[], Awaitable[bool]]:
        async def told() -> bool:
            load = (await shop.owner.get("/reports/load"))["total"]
            return {name: load[name] for name in figures} == figures

        return told

    chats = [shop.customer() for _ in range(3)]
    for chat in chats:
        chat.text("Hello")
    await shop.settled()
    await until(told(opened=3, messages=3))
    ours, theirs, gone = [row["customer_id"] for row in await shop.conversations()]
    await shop.owner.call("POST", f"/customers/{ours}/merge", {"other_id": theirs})
    await until(told(opened=2, messages=3))
    [merge] = (await shop.owner.get(f"/customers/{ours}/merges"))["items"]
    await shop.owner.call("POST", f"/customers/{ours}/merges/{merge['id']}/undo")
    await until(told(opened=3, messages=3))
    assert (await shop.owner.call("DELETE", f"/customers/{gone}")).status == 200
    for chat in chats:
        chat.text("Again")
    # Who was erased begins anew; what they asked before is still counted, and nothing tells that it was they.
    await until(told(opened=4, messages=6))
    [left] = await shop.house.database.durable.cases.find({"conversation_id": None}).to_list(None)
    assert set(left) == {"_id", "shares", "term"}
