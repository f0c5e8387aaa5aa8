"""Whatever comes, in two processes at once and with crashes anywhere: what managers are said to hold is what they hold.

Nobody is given more than they may have, and nobody who could take something of the queue is left without it.
"""

import asyncio
import contextlib
import os
from collections.abc import Coroutine, Sequence
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from inbox.managers import NewManager
from inbox.model.eligibility import Wanted, counts, hindrance, waits
from inbox.model.errors import DomainError
from inbox.model.ids import identity_id, now
from inbox.model.incoming import Person
from inbox.model.people import Author, Role, Status, Viewer
from inbox.storage.database import Database, connect
from inbox.storage.errors import is_unavailable
from inbox.storage.migrations import migrate
from tests.conftest import SECRET_KEY
from tests.inbox.arrivals import accepted, said, work_off
from tests.people import settle
from tests.promises.crashing import Crash, until_crash
from web.embedded import Databases
from web.house import House, connect_redis

EXAMPLES = int(os.environ.get("EXAMPLES", "10"))
STEPS = 12
MANY = EXAMPLES > 50

OWNER = Viewer(id="boss", name="Boss", role=Role.OWNER)
BOSS = Author(type="manager", id="boss", name="Boss")
PEOPLE = tuple(
    Person(external_id=f"p{number}", name="Ann", language=language)
    for number, language in enumerate(("uk", "en", "uk", "", "en", "uk"))
)
TEAM = "sales"
STAFF: tuple[dict[str, Any], ...] = (
    {"capacity": 1},
    {"capacity": 2, "teams": (TEAM,)},
    {"capacity": 1, "languages": ("uk",)},
)

Step = tuple[str, int, int]
"""What happens, to which customer or conversation, by which manager (or how much)."""

STEPS_TAKEN = (
    *("write",) * 5,
    *("close",) * 3,
    *("snooze", "open", "pend", "team", "urgent", "status", "status", "capacity", "relieve", "merge"),
)
steps = st.tuples(st.sampled_from(STEPS_TAKEN), st.integers(0, len(PEOPLE) - 1), st.integers(0, len(STAFF) - 1))


class RoutingMachine(RuleBasedStateMachine):
    """Six customers, three managers, two processes; the first of them dies now and then."""

    databases: Databases

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.crash = Crash()
        self.number = 0
        self.allowed: dict[str, int] = {}
        """The most that each manager was ever allowed to hold."""

    @initialize()
    def begin(self) -> None:
        self.runner.run(self._begin())

    async def _begin(self) -> None:
        assert self.databases.mongodb_url is not None
        assert self.databases.redis_url is not None
        self.connections = [
            connect(self.databases.mongodb_url, "test_routing", listeners=(self.crash,)),
            connect(self.databases.mongodb_url, "test_routing"),
        ]
        self.stored = self.connections[1].durable
        for name in await self.stored.list_collection_names():
            await self.stored[name].delete_many({})
        await migrate(self.connections[1])
        self.redis = connect_redis(self.databases.redis_url)
        self.houses = [self._process(connection) for connection in self.connections]
        house = self.houses[1]
        await house.team_store.insert({"_id": TEAM, "name": TEAM, "created_at": now()})
        for position, fields in enumerate(STAFF):
            wanted = NewManager(email=f"{position}@shop.example", name="Mary", password_hash="", **fields)
            manager = await house.managers.create(wanted, by=None)
            self.allowed[manager["_id"]] = fields["capacity"]
        for manager_id in self.allowed:
            await house.assigner.set_status(manager_id, Status.ONLINE)
        # More than there is room for.
        for which in range(len(PEOPLE)):
            self.number += 1
            await self._write(house, which, self.number)
        await self._check()

    def _process(self, connection: Database) -> House:
        return House(connection, self.redis, secret_key=SECRET_KEY, base_url="http://127.0.0.1:1")

    @rule(turn=st.lists(steps, min_size=1, max_size=4), dies_at=st.one_of(st.just(0), st.integers(1, 40)))
    def turn(self, turn: list[Step], dies_at: int) -> None:
        """Things happen at the same moment, in turns in either process, of which the first may die over its part."""
        self.runner.run(self._turn(turn, dies_at))

    async def _turn(self, turn: Sequence[Step], dies_at: int) -> None:
        numbered = []
        for step in turn:
            self.number += 1
            numbered.append((step, self.number))
        here, there = numbered[::2], numbered[1::2]
        died, _ = await asyncio.gather(
            self._live_or_die(self._all(self.houses[0], here), dies_at), self._all(self.houses[1], there)
        )
        if died:
            with contextlib.suppress(Exception):
                await self.houses[0].channels.close()
            self.houses[0] = self._process(self.connections[0])
            # Whoever adopts the dead process's events does them again.
            for (what, which, _), number in here:
                if what == "write":
                    await self._write(self.houses[1], which, number, repeated=True)
        await settle(self.houses[1])
        if died or any(step[0] == "merge" for step in turn):
            await self.stored.meta.delete_one({"_id": "reconciler"})
            await self.houses[1].assigner.reconcile(at_rest=True)
        await self._check()

    async def _live_or_die(self, work: Coroutine[Any, Any, Any], dies_at: int) -> bool:
        try:
            return await until_crash(self.crash, work, dies_at)
        except Exception as error:
            # What was dropped in the middle of a transaction may leave its connection in disorder, once.
            if dies_at and is_unavailable(error):
                return True
            raise

    async def _all(self, house: House, numbered: Sequence[tuple[Step, int]]) -> None:
        await asyncio.gather(*(self._do(house, step, number) for step, number in numbered))

    async def _do(self, house: House, step: Step, number: int) -> None:
        what, which, who = step
        manager_id = list(self.allowed)[who]
        if what == "write":
            await self._write(house, which, number)
        elif what == "status":
            await house.assigner.set_status(
                manager_id, (Status.ONLINE, Status.AWAY, Status.ONLINE, Status.OFFLINE)[which % 4]
            )
        elif what == "capacity":
            self.allowed[manager_id] = max(self.allowed[manager_id], which % 3)
            await house.managers.change(manager_id, {"capacity": which % 3}, by=OWNER)
        else:
            # Refused, for another conversation of the customer is active, or it changes too fast: nothing has changed.
            with contextlib.suppress(DomainError):
                await self._change(house, step)

    async def _write(self, house: House, which: int, number: int, *, repeated: bool = False) -> None:
        await work_off(house.ingest, [accepted(said(number, person=PEOPLE[which]), repeated=repeated)])

    async def _change(self, house: House, step: Step) -> None:
        what, which, who = step
        rows = await self.stored.conversations.find().sort("_id", 1).to_list(None)
        if not rows:
            return
        chosen = rows[which % len(rows)]
        if what == "merge":
            cards = [await self._card(person) for person in (PEOPLE[which], PEOPLE[(which + 1 + who) % len(PEOPLE)])]
            if None not in cards and cards[0] != cards[1]:
                await house.merging.merge(cards[0] or "", cards[1] or "", by=BOSS, reason={"type": "manual"})
        elif what == "relieve":
            if chosen["assignee_id"] is not None:
                await house.assigner.relieve(chosen["_id"], held_by=chosen["assignee_id"], reason="unanswered")
        else:
            fields: dict[str, dict[str, Any]] = {
                "close": {"status": "closed"},
                "snooze": {"status": "snoozed", "snoozed_until": now() + timedelta(hours=1)},
                "open": {"status": "open"},
                "pend": {"status": "pending"},
                "team": {"team_id": TEAM if who else None},
                "urgent": {"priority": "urgent"},
            }
            await house.conversations.change(chosen["_id"], fields[what])

    async def _card(self, person: Person) -> str | None:
        found = await self.stored.identities.find_one({"_id": identity_id("c1", person.external_id)})
        return None if found is None else str(found["customer_id"])

    async def _check(self) -> None:
        managers = await self.stored.managers.find().to_list(None)
        rows = await self.stored.conversations.find().to_list(None)
        cards = {row["_id"]: row async for row in self.stored.customers.find()}
        for manager in managers:
            held = [row["_id"] for row in rows if counts(row) and row["assignee_id"] == manager["_id"]]
            assert sorted(manager["holding"]) == sorted(held), "what somebody is said to hold is not what they hold"
            assert len(held) <= self.allowed[manager["_id"]], "somebody was given more than they may have"
            expected = len(held) / manager["capacity"] if manager["capacity"] else 1.0
            assert abs(manager["ratio"] - expected) < 1e-9
        served = (await self.houses[1].settings.get())["languages"]
        for row in filter(waits, rows):
            language = cards[row["customer_id"]]["language"]
            wanted = Wanted(
                team_id=row["team_id"],
                language=language if language in served else "",
                channel_id=row["channel_id"],
                but=row.get("given_up_by"),
            )
            idle = [manager["_id"] for manager in managers if hindrance(manager, wanted) is None]
            assert not idle, f"{row['_id']} waits, although somebody could take it"

    def teardown(self) -> None:
        if hasattr(self, "houses"):
            self.runner.run(self._end())
        self.runner.close()

    async def _end(self) -> None:
        for house in self.houses:
            with contextlib.suppress(Exception):
                await house.channels.close()
        await self.redis.aclose()
        for connection in self.connections:
            connection.close()


def test_loads_are_true_and_nobody_is_idle_while_somebody_waits_for_them(databases: Databases) -> None:
    class Machine(RoutingMachine):
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
