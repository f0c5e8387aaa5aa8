"""Whatever happens to cards, in any order and with crashes anywhere: no message is lost or on two of them.

Nobody ever has two active conversations either, and every document is on a living card.

A subject that adds documents to a card adds its rules here as a mixin of `PeopleMachine`: `self.run(…)` runs a
coroutine with or without a crash, `self.house` is the process that is alive, and `tests.people.check` looks at every
collection that the schema says belongs to a customer or a conversation.
"""

import asyncio
import contextlib
import os
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from inbox.model.errors import DomainError
from inbox.model.ids import identity_id, new_id, now
from inbox.model.incoming import MessageEdited, Person
from inbox.model.orders import Contact, Item, OrderSnapshot
from inbox.model.people import Author
from inbox.replies import Draft
from inbox.storage.conversations import closing
from inbox.storage.database import connect
from inbox.storage.errors import is_unavailable
from inbox.storage.migrations import migrate
from tests.conftest import SECRET_KEY
from tests.inbox.arrivals import accepted, at, said, work_off
from tests.people import check, finish_erasures, settle
from tests.promises.crashing import Crash, until_crash
from web.embedded import Databases
from web.house import House, connect_redis

EXAMPLES = int(os.environ.get("EXAMPLES", "12"))
STEPS = 20
MANY = EXAMPLES > 50

PEOPLE = tuple(
    (channel, Person(external_id=name, name=name.title())) for channel in ("c1", "c2") for name in ("ann", "bo")
)
MARY = Author(type="manager", id="mary", name="Mary")

someone = st.sampled_from(range(len(PEOPLE)))
somebody_else = st.integers(1, len(PEOPLE) - 1)
"""How many places after somebody another one stands."""
crashes = st.one_of(st.just(0), st.integers(1, 40))
"""At which command a piece of work dies; 0: it lives."""


class PeopleMachine(RuleBasedStateMachine):
    """Four identities on two channels."""

    databases: Databases

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.crash = Crash()
        self.written: dict[str, str] = {}
        """Texts by external id, as they have to be in the end."""
        self.number = 0

    @initialize()
    def begin(self) -> None:
        self.runner.run(self._begin())

    async def _begin(self) -> None:
        assert self.databases.mongodb_url is not None
        assert self.databases.redis_url is not None
        self.database = connect(self.databases.mongodb_url, "test_people", listeners=(self.crash,))
        for name in await self.database.durable.list_collection_names():
            await self.database.durable[name].delete_many({})
        await migrate(self.database)
        self.redis = connect_redis(self.databases.redis_url)
        self.house = self._process()
        await self.house.managers.create(_mary(), by=None)
        for who in range(len(PEOPLE)):
            channel, event = self._message(who)
            await work_off(self.house.ingest, [accepted(event, channel_id=channel)])

    def _process(self) -> House:
        return House(self.database, self.redis, secret_key=SECRET_KEY, base_url="http://127.0.0.1:1")

    def run(self, work: Coroutine[Any, Any, Any], *, dies_at: int = 0) -> bool:
        """Do something, or die over it and begin as a new process; whether it was done."""
        died = self.runner.run(self._live_or_die(work, dies_at))
        if died:
            self.house = self._process()
        return not died

    async def _live_or_die(self, work: Coroutine[Any, Any, Any], dies_at: int) -> bool:
        try:
            return await until_crash(self.crash, work, dies_at)
        except DomainError:
            return False
        except Exception as error:
            # What was dropped in the middle of a transaction may leave its connection in disorder, once.
            if dies_at and is_unavailable(error):
                return True
            raise

    def card(self, who: int) -> str:
        """Whose card an identity is on."""
        return self.runner.run(self._card(who))

    async def _card(self, who: int) -> str:
        channel, person = PEOPLE[who]
        key = identity_id(channel, person.external_id)
        found = await self.database.durable.identities.find_one({"_id": key})
        assert found is not None
        return str(found["customer_id"])

    def _message(self, who: int) -> Any:
        channel, person = PEOPLE[who]
        self.number += 1
        event = said(self.number, text=f"text {self.number}", person=person)
        self.written[f"{channel}:{event.external_id}"] = event.text
        return channel, event

    @rule(who=someone, count=st.integers(1, 2), dies_at=crashes)
    def write(self, who: int, count: int, dies_at: int) -> None:
        """A customer writes; where the process dies over it, the event is repeated."""
        coming = [self._message(who) for _ in range(count)]
        batch = [accepted(event, channel_id=channel) for channel, event in coming]
        if not self.run(work_off(self.house.ingest, batch), dies_at=dies_at):
            again = [accepted(event, channel_id=channel, repeated=True) for channel, event in coming]
            assert self.run(work_off(self.house.ingest, again))

    @rule(who=someone, which=st.integers(0, 3))
    def edit(self, who: int, which: int) -> None:
        """A customer changes what they wrote."""
        channel, person = PEOPLE[who]
        mine = [key for key in self.written if key.startswith(f"{channel}:{person.external_id}:")]
        if not mine:
            return
        self.number += 1
        key = mine[which % len(mine)]
        self.written[key] = f"edited {self.number}"
        change = MessageEdited(
            person=person, external_id=key.partition(":")[2], at=at(self.number), text=self.written[key]
        )
        assert self.run(work_off(self.house.ingest, [accepted(change, channel_id=channel)]))

    @rule(one=someone, further=somebody_else, dies_at=crashes)
    def merge(self, one: int, further: int, dies_at: int) -> None:
        first, second = self.card(one), self.card((one + further) % len(PEOPLE))
        if first != second:
            self.run(self._merge(first, second), dies_at=dies_at)

    def _merge(self, first: str, second: str) -> Coroutine[Any, Any, Any]:
        return self.house.merging.merge(first, second, by=MARY, reason={"type": "manual"})

    @rule(ones=st.lists(st.tuples(someone, somebody_else), min_size=2, max_size=3), who=someone)
    def merge_at_once(self, ones: list[tuple[int, int]], who: int) -> None:
        """Several merges, in two processes, while a customer writes."""
        pairs = [(self.card(one), self.card((one + further) % len(PEOPLE))) for one, further in ones]
        channel, event = self._message(who)
        others = [self._process() for _ in pairs]

        async def all_of_it() -> None:
            merges = [
                house.merging.merge(first, second, by=MARY, reason={"type": "manual"})
                for house, (first, second) in zip(others, pairs, strict=True)
                if first != second
            ]
            writing = work_off(self.house.ingest, [accepted(event, channel_id=channel)])
            for outcome in await asyncio.gather(*merges, writing, return_exceptions=True):
                assert outcome is None or isinstance(outcome, dict | DomainError), outcome

        assert self.run(all_of_it())

    @rule(who=someone, which=st.integers(0, 3), dies_at=crashes, writes=st.booleans())
    def undo(self, who: int, which: int, dies_at: int, writes: bool) -> None:
        """A merge is undone, perhaps while a customer writes."""
        merges = self.runner.run(self.house.merging.merges(self.card(who)))
        if not merges:
            return
        merge = merges[which % len(merges)]
        undoing = self.house.merging.undo(merge["survivor_id"], merge["_id"], by=MARY)
        if not writes:
            self.run(undoing, dies_at=dies_at)
            return
        channel, event = self._message(who)
        other = self._process()

        async def both() -> None:
            writing = work_off(other.ingest, [accepted(event, channel_id=channel)])
            for outcome in await asyncio.gather(undoing, writing, return_exceptions=True):
                assert outcome is None or isinstance(outcome, dict | DomainError), outcome

        assert self.run(both())

    @rule(who=someone, dies_at=crashes)
    def split(self, who: int, dies_at: int) -> None:
        channel, person = PEOPLE[who]
        identity = identity_id(channel, person.external_id)
        self.run(self.house.merging.split(self.card(who), identity, by=MARY), dies_at=dies_at)

    @rule(who=someone, dies_at=crashes)
    def note(self, who: int, dies_at: int) -> None:
        """A manager writes a note."""
        case = self.runner.run(self._case(who))
        if case is not None:
            draft = Draft(kind="note", text="a note", client_token=new_id())
            self.run(self.house.replies.post(case["_id"], draft, author=MARY), dies_at=dies_at)

    @rule(who=someone, long_ago=st.booleans())
    def close(self, who: int, long_ago: bool) -> None:
        """A case is closed, perhaps so long ago that the next message begins another."""
        case = self.runner.run(self._case(who))
        if case is not None:
            ended = closing(now() - timedelta(days=30 if long_ago else 0))
            changes = {**ended, "version": case["version"] + 1, "revision": case["revision"] + 1}
            condition = {"_id": case["_id"], "revision": case["revision"]}
            self.runner.run(self._set(condition, changes))

    async def _set(self, condition: dict[str, Any], changes: dict[str, Any]) -> None:
        await self.database.durable.conversations.update_one(condition, {"$set": changes})

    async def _case(self, who: int) -> dict[str, Any] | None:
        card = await self._card(who)
        found: dict[str, Any] | None = await self.database.durable.conversations.find_one(
            {"customer_id": card}, sort=[("active", -1), ("created_at", -1)]
        )
        return found

    @rule(who=someone, known=st.booleans(), dies_at=crashes)
    def order(self, who: int, known: bool, dies_at: int) -> None:
        """The shop tells of an order: a new one, or one that it told of before."""
        number = f"{self.number // 5 if known else self.number}"
        items = (Item(name="Mug", quantity=1, price="5.00"),)
        snapshot = OrderSnapshot(
            number=number,
            status="new",
            items=items,
            total="5.00",
            currency="EUR",
            contact=Contact(name=f"buyer {PEOPLE[who][1].name}"),
            customer_id=self.card(who),
        )
        self.run(self.house.orders.put(MARY, snapshot), dies_at=dies_at)

    @rule(who=someone, dies_at=crashes)
    def erase(self, who: int, dies_at: int) -> None:
        """A customer is erased, and writes again."""
        card = self.card(who)
        theirs = [other for other in range(len(PEOPLE)) if self.card(other) == card]
        done = self.run(self.house.erasing.erase(card, by=MARY), dies_at=dies_at)
        self.runner.run(finish_erasures(self.house))
        if self.runner.run(self._is_gone(card)):
            assert self.runner.run(self._left_of(card)) == []
            mine = tuple(f"{channel}:{person.external_id}:" for channel, person in (PEOPLE[other] for other in theirs))
            self.written = {key: text for key, text in self.written.items() if not key.startswith(mine)}
            for other in theirs:
                self.write(other, 1, 0)
        else:
            assert not done

    @rule(who=someone)
    def erase_while_they_write(self, who: int) -> None:
        """What comes meanwhile either goes with the rest or begins a card of its own."""
        card = self.card(who)
        theirs = [other for other in range(len(PEOPLE)) if self.card(other) == card]
        before = dict(self.written)
        channel, event = self._message(who)
        other_process = self._process()

        async def both() -> None:
            writing = work_off(other_process.ingest, [accepted(event, channel_id=channel)])
            for outcome in await asyncio.gather(
                self.house.erasing.erase(card, by=MARY), writing, return_exceptions=True
            ):
                assert outcome is None or isinstance(outcome, dict | DomainError), outcome

        assert self.run(both())
        self.runner.run(finish_erasures(self.house))
        mine = tuple(f"{channel}:{person.external_id}:" for channel, person in (PEOPLE[other] for other in theirs))
        self.written = {key: text for key, text in before.items() if not key.startswith(mine)}
        if self.runner.run(self._stored(channel, event.external_id)):
            self.written[f"{channel}:{event.external_id}"] = event.text
        for other in theirs:
            self.write(other, 1, 0)

    async def _stored(self, channel: str, external_id: str) -> bool:
        message = {"channel_id": channel, "external_ids": external_id}
        return await self.database.durable.messages.find_one(message) is not None

    async def _is_gone(self, card: str) -> bool:
        return await self.database.durable.customers.find_one({"_id": card}) is None

    async def _left_of(self, card: str) -> list[str]:
        """What still names a card that is gone."""
        found = {
            name: await self.database.durable[name].find_one({"customer_id": card})
            for name in await self.database.durable.list_collection_names()
        }
        return [name for name, row in found.items() if row is not None]

    @rule()
    def rest(self) -> None:
        """Timers do what is left, and everything is in its place."""
        self.runner.run(self._rest())

    async def _rest(self) -> None:
        await settle(self.house)
        await check(self.database)
        stored: dict[str, str] = {}
        async for row in self.database.durable.messages.find({"direction": "in"}):
            for external_id in row["external_ids"]:
                key = f"{row['channel_id']}:{external_id}"
                assert key not in stored, f"{key} is there twice"
                stored[key] = row["text"]
        assert stored == self.written

    @invariant()
    def one_active_conversation_each(self) -> None:
        """Holds at any moment, not only at rest."""
        if hasattr(self, "database"):
            assert self.runner.run(self._crowded()) == []

    async def _crowded(self) -> list[Any]:
        active = self.database.durable.conversations.aggregate(
            [
                {"$match": {"active": True}},
                {"$group": {"_id": "$customer_id", "count": {"$sum": 1}}},
                {"$match": {"count": {"$gt": 1}}},
            ]
        )
        return [row async for row in active]

    def teardown(self) -> None:
        if hasattr(self, "house"):
            try:
                self.runner.run(self._rest())
            finally:
                self.runner.run(self._end())
        self.runner.close()

    async def _end(self) -> None:
        with contextlib.suppress(Exception):
            await self.house.channels.close()
        await self.redis.aclose()
        self.database.close()


def _mary() -> Any:
    from inbox.managers import NewManager
    from inbox.model.people import Role

    return NewManager(email="mary@shop.example", name="Mary", password_hash="x", role=Role.MANAGER)


def test_nobody_loses_a_message_or_has_two_conversations(databases: Databases) -> None:
    class Machine(PeopleMachine):
        pass

    Machine.databases = databases
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
            print_blob=MANY,
        ),
    )
