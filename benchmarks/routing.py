"""What finding a manager costs: 1,000 managers and 100,000 open conversations, on a real mongod.

    python -m benchmarks.routing [--managers 1000] [--conversations 100000] [--json FILE]

Three ways in which conversations come to managers:

    one by one        a customer begins a conversation, and nobody waits before them
    all at once       many wait, and there is room for all of them
    by a free place   everybody is full and many wait: each conversation that is closed makes place for one

Given is the median time from the event until the assignment is durable, told until it is on the live feed too; where
many are given out in one round, that is a share of it. The floor is one bare find_one_and_update on a manager's row, as
durable, timed right before each. Commands are counted as the driver sends them, but for that telling, which is one
insert for all that is told together; in the last way also but for the two that closing a conversation costs by itself.
What is read at most once a second for all assignments (policies, languages, who else is there) stands apart as shared.
"""

import argparse
import json
import logging
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import structlog
import uvloop
from pymongo import monitoring

from inbox.events import EventBus
from inbox.metrics import Metrics
from inbox.model.conversation import new_conversation
from inbox.model.domain_events import ConversationChanged, ConversationOpened
from inbox.model.ids import new_id, now
from inbox.model.people import SYSTEM
from inbox.storage.conversations import ConversationStore, closing
from inbox.storage.database import Document, connect
from inbox.storage.migrations import migrate
from inbox.storage.people import PeopleStore
from inbox.storage.queue import QueueStore
from inbox.storage.roles import Roles
from inbox.storage.timers import TimerStore
from inbox.storage.workloads import WorkloadStore
from routing.assignment import Assigner
from web.embedded import embedded_databases
from web.house import House, connect_redis

MANAGERS = 1000
CONVERSATIONS = 100_000
TEAMS = 20
TRIES = 500
ROOM = 10
"""How many more conversations than they have every manager may take."""

COLUMNS = {
    "given ms": "given_ms",
    "told ms": "p50_ms",
    "p99 ms": "p99_ms",
    "floor ms": "floor_ms",
    "floors": "in_floors",
    "commands": "commands",
    "shared": "shared",
}
SHARED = frozenset({("find", "settings"), ("find", "teams"), ("aggregate", "managers"), ("getMore", "managers")})

PROMISED_MS = 5.0
PROMISED_COMMANDS = 2.0
CLOSING_COMMANDS = 2
_TOGETHER = 5000


class Commands(monitoring.CommandListener):
    """Counts commands by name and collection."""

    def __init__(self) -> None:
        self.changed_at = 0.0
        """When the last change of a single document was acknowledged."""
        self._counted: Counter[tuple[str, str]] = Counter()

    def take(self) -> Counter[tuple[str, str]]:
        """What was counted since the last time."""
        counted, self._counted = self._counted, Counter()
        return counted

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        """A command is on its way."""
        collection = event.command.get("collection", event.command.get(event.command_name))
        self._counted[event.command_name, str(collection)] += 1

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        """It was counted when it began."""
        if event.command_name == "findAndModify":
            self.changed_at = time.perf_counter()

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        """It was counted when it began."""


class Shop:
    """A shop in full swing, with nothing in its house but routing."""

    def __init__(self, house: House, commands: Commands) -> None:
        database = house.database
        self.commands = commands
        self.managers = database.durable.managers
        self.conversations = database.durable.conversations
        self._store = ConversationStore(database)
        self.bus = EventBus()
        self.assigner = Assigner(
            workloads=WorkloadStore(database),
            queue=QueueStore(database),
            roles=Roles(database.durable.meta),
            conversations=self._store,
            people=PeopleStore(database),
            channels=house.channels,
            policies=house.policies,
            settings=house.settings,
            timers=TimerStore(database),
            feed=house.feed,
            bus=self.bus,
            metrics=Metrics(),
        )
        self.assigner.subscribe()
        self._anybody: Iterator[str] = iter(())
        self._began = now() - timedelta(days=1)
        self._number = 0

    def conversation(self, **fields: Any) -> Document:
        """A conversation that waits, younger than all before."""
        self._number += 1
        at = self._began + timedelta(milliseconds=self._number)
        row = new_conversation(new_id(), customer_id=new_id(), channel_id="c1", at=at)
        return {**row, "waiting_since": at, "wants": {"language": "uk", "last_manager_id": None}, **fields}

    async def fill(self, managers: int, conversations: int) -> None:
        """Have everybody at work, with the same share of what is open."""
        share = conversations // managers
        rows: list[Document] = []
        for number in range(managers):
            manager_id, team = new_id(), f"team{number % TEAMS}"
            held = [self.conversation(assignee_id=manager_id, team_id=team, wants=None) for _ in range(share)]
            rows += held
            await self.managers.insert_one(
                {
                    "_id": manager_id,
                    "email": f"{number}@shop.example",
                    "name": f"Manager {number}",
                    "role": "manager",
                    "status": "online",
                    "active": True,
                    "capacity": share + ROOM,
                    "teams": [team],
                    "languages": [],
                    "channels": [],
                    "holding": [row["_id"] for row in held],
                    "ratio": share / (share + ROOM),
                    "pressure": 0.0,
                    "last_assigned_at": self._began,
                    "created_at": self._began,
                }
            )
        await self._insert(iter(rows))
        self._anybody = cycle([row["assignee_id"] for row in rows[::share]])

    async def _insert(self, rows: Iterator[Document]) -> None:
        while batch := list(islice(rows, _TOGETHER)):
            await self.conversations.insert_many(batch, ordered=False)

    async def one_by_one(self) -> dict[str, Any]:
        """Customers begin conversations, one after the other."""

        async def begin() -> Callable[[], Awaitable[None]]:
            row = self.conversation(team_id=f"team{self._number % TEAMS}")
            await self.conversations.insert_one(row)
            card = {"_id": row["customer_id"], "language": "uk", "last_manager_id": None}
            return lambda: self.bus.announce(ConversationOpened(row, {}, card))

        return await self._measured(begin)

    async def all_at_once(self) -> dict[str, Any]:
        """Many conversations wait when a round begins."""
        rows = [self.conversation(team_id=f"team{number % TEAMS}") for number in range(TRIES)]
        await self.conversations.insert_many(rows)
        floor = [await self._bare() for _ in range(TRIES)]
        self.commands.take()
        began = time.perf_counter()
        await self.assigner.drain()
        took = 1000 * (time.perf_counter() - began) / TRIES
        return _row([took], floor, self.commands.take(), TRIES)

    async def by_a_free_place(self) -> dict[str, Any]:
        """Everybody is full, thousands wait, and conversations are closed."""
        await self.managers.update_many({}, [{"$set": {"capacity": {"$size": "$holding"}, "ratio": 1.0}}])
        waiting = (self.conversation(team_id=f"team{number % TEAMS}") for number in range(10 * TRIES))
        await self._insert(waiting)

        async def close() -> Callable[[], Awaitable[None]]:
            before = await self.conversations.find_one({"assignee_id": {"$ne": None}, "active": True})
            assert before is not None
            after = await self._store.change(before["_id"], closing(), expected={"version": before["version"]})
            assert after is not None
            return lambda: self.bus.announce(ConversationChanged(before, after, SYSTEM))

        return await self._measured(close, beside=CLOSING_COMMANDS)

    async def _bare(self) -> float:
        """The floor, in milliseconds."""
        manager_id = next(self._anybody)
        began = time.perf_counter()
        await self.managers.find_one_and_update({"_id": manager_id}, {"$set": {"touched_at": now()}})
        return 1000 * (time.perf_counter() - began)

    async def _measured(
        self, prepare: Callable[[], Awaitable[Callable[[], Awaitable[Any]]]], *, beside: int = 0
    ) -> dict[str, Any]:
        took: list[float] = []
        given: list[float] = []
        floor: list[float] = []
        spent: Counter[tuple[str, str]] = Counter()
        for _ in range(TRIES):
            work = await prepare()
            floor.append(await self._bare())
            self.commands.take()
            began = time.perf_counter()
            await work()
            took.append(1000 * (time.perf_counter() - began))
            given.append(1000 * (self.commands.changed_at - began))
            spent += self.commands.take()
        return {"given_ms": round(statistics.median(given), 2), **_row(took, floor, spent, TRIES, beside=beside)}


def _row(
    took: list[float], floor: list[float], spent: Counter[tuple[str, str]], assigned: int, *, beside: int = 0
) -> dict[str, Any]:
    ranked = sorted(took)
    shared = sum(spent[key] for key in SHARED)
    own = sum(spent.values()) - shared - sum(count for (_, collection), count in spent.items() if collection == "live")
    return {
        "p50_ms": round(statistics.median(ranked), 2),
        "p99_ms": round(ranked[int(0.99 * (len(ranked) - 1))], 2),
        "floor_ms": round(statistics.median(floor), 2),
        "in_floors": round(statistics.median(ranked) / statistics.median(floor), 1),
        "commands": round(own / assigned - beside, 2),
        "shared": round(shared / assigned, 2),
    }


async def measure(managers: int = MANAGERS, conversations: int = CONVERSATIONS) -> dict[str, Any]:
    """Everything, as data."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    commands = Commands()
    with tempfile.TemporaryDirectory(prefix="skrynka-bench-") as folder:
        async with embedded_databases(Path(folder) / "db") as databases:
            database = connect(databases.mongodb_url or "", "bench", listeners=(commands,))
            await migrate(database)
            redis = connect_redis(databases.redis_url or "")
            shop = Shop(House(database, redis, secret_key="of no use to anybody but this run", base_url=""), commands)
            await shop.fill(managers, conversations)
            runs = {
                "one by one": await shop.one_by_one(),
                "all at once": await shop.all_at_once(),
                "by a free place": await shop.by_a_free_place(),
            }
            await redis.aclose()
            database.close()
    return {"managers": managers, "conversations": conversations, "runs": runs}


def print_routing(results: dict[str, Any]) -> None:
    """Print what was measured."""
    title = f"{results['managers']} managers, {results['conversations']} open"
    print(title.ljust(36), *(name.rjust(8) for name in COLUMNS), sep="  ")
    for name, run in results["runs"].items():
        print(
            name.ljust(36), *((f"{run[key]:.2f}" if key in run else "-").rjust(8) for key in COLUMNS.values()), sep="  "
        )


def main() -> None:
    """Measure, print, and say by the exit code whether what is promised holds."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.routing", description="What finding a manager costs.")
    parser.add_argument("--managers", type=int, default=MANAGERS)
    parser.add_argument("--conversations", type=int, default=CONVERSATIONS)
    parser.add_argument("--json", type=Path, help="also write the figures there")
    options = parser.parse_args()
    results = uvloop.run(measure(options.managers, options.conversations))
    print_routing(results)
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n")
    promised = results["runs"]["one by one"]
    sys.exit(promised["given_ms"] > PROMISED_MS or promised["commands"] > PROMISED_COMMANDS)


if __name__ == "__main__":
    main()
