"""A day of a shop with a virtual clock: how long customers wait, by whom their conversations are given to.

    python -m benchmarks.simulation [--seeds 20] [--json FILE]

Ours is the very order by which the claim in MongoDB sorts managers (`routing.strategies`). Round robin and random stand
in the same place: the queue, the capacities and who is eligible are common to all, and so is what a day brings. A
manager writes one reply at a time, oldest message first, and only to whom they hold, so whom a conversation is given to
decides how long its customer waits. What a reply takes is known when it is done.

A wait lasts from a customer's message, the first and each later one, until a manager turns to it: what the reply then
takes is the same under any schedule. The spread of load is the deviation of load by capacity among those of a team who
take conversations, looked at every five minutes. Differences are taken day by day; what their interval of 95% (of the
median, by the sign test) does not part from nothing is a tie.
"""

import argparse
import heapq
import json
import math
import random
import statistics
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final, NamedTuple

from benchmarks.day import CONVERSATIONS, MANAGERS, TEAMS, Team, day
from benchmarks.pool import least_waits
from routing.policy import Strategy
from routing.strategies import asks_last_first, key

SEEDS = 20
DAYS = {"calm": 0.6, "busy": 0.75, "overrun": 0.9}
"""How many minutes a reply takes in the mean: at 0.9 nobody at work has a free minute for hours."""

AWAY = 10.0
"""After how long of being away, in minutes, a manager's waiting customers go to others, as a policy has it at first."""

DOUBT = 0.05
"""The chance of an interval that misses."""

_LOOK = 5.0

Row = Mapping[str, Any]
Choose = Callable[[Sequence[Row], int | None], Row]
"""Picks one of the eligible managers' rows, knowing the customer's last manager."""


def ours(strategy: Strategy) -> Choose:
    """Picks as routing does."""
    place, last_first = key(strategy), asks_last_first(strategy)

    def choose(eligible: Sequence[Row], last_manager: int | None) -> Row:
        known = [row for row in eligible if row["_id"] == last_manager] if last_first else []
        return min(known or eligible, key=place)

    return choose


def at_random(seed: int) -> Choose:
    """Picks anybody."""
    chance = random.Random(seed)
    return lambda eligible, _: chance.choice(eligible)


class Given(NamedTuple):
    """A conversation found a manager, who held so many with it."""

    at: float
    queued_at: float
    since: float
    conversation: int
    manager: int
    load: int


class Begun(NamedTuple):
    """A manager turned to a message that a customer wrote at `since`."""

    at: float
    since: float
    conversation: int
    manager: int
    done_at: float

    @property
    def waited(self) -> float:
        """For how long the customer waited."""
        return self.at - self.since


class _Manager:
    def __init__(self, number: int, capacity: int) -> None:
        self.number = number
        self.capacity = capacity
        self.load = 0
        self.waiting: list[tuple[float, int]] = []
        self.last_assigned_at = 0
        self.present = self.taking = self.writing = False
        self.gone = True

    @property
    def eligible(self) -> bool:
        return self.taking and self.load < self.capacity

    @property
    def row(self) -> Row:
        return {
            "_id": self.number,
            "ratio": self.load / self.capacity,
            "pressure": 0.0,  # Every channel weighs the same, and no customer is kept for one manager.
            "last_assigned_at": self.last_assigned_at,
        }


class Play:
    """One team's day under one way to choose. Every message is answered when it is made."""

    def __init__(self, team: Team, choose: Choose) -> None:
        self.given: list[Given] = []
        self.begun: list[Begun] = []
        self.spreads: list[float] = []
        self._team = team
        self._choose = choose
        self._managers = [_Manager(number, team.capacity) for number in range(len(team.duties))]
        self._holders: dict[int, _Manager] = {}
        self._queue: list[tuple[float, int, float]] = []
        self._left = len(team.customers)
        self._now = 0.0
        self._due: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._planned = 0
        self._run()

    def _at(self, moment: float, step: Callable[..., None], *arguments: Any) -> None:
        self._planned += 1  # So that equal moments keep their order.
        heapq.heappush(self._due, (moment, self._planned, step, arguments))

    def _run(self) -> None:
        for conversation, customer in enumerate(self._team.customers):
            self._at(customer.writes_at, self._write, conversation)
        for manager, duty in zip(self._managers, self._team.duties, strict=True):
            for since, until in duty.spans:
                self._at(since, self._come, manager)
                self._at(until, self._leave, manager, 0.0 if until > duty.closing_at else AWAY)
            self._at(duty.closing_at, self._close, manager)
        self._at(0.0, self._look)
        while self._left:
            self._now, _, step, arguments = heapq.heappop(self._due)
            step(*arguments)

    def _write(self, conversation: int) -> None:
        """A customer writes: to whoever holds the conversation and is not gone, else into the queue."""
        holder = self._holders.get(conversation)
        if holder is None or holder.gone:
            self._put_back(self._now, conversation)
            self._drain()
        else:
            heapq.heappush(holder.waiting, (self._now, conversation))
            self._begin(holder)

    def _put_back(self, since: float, conversation: int) -> None:
        holder = self._holders.pop(conversation, None)
        if holder is not None:
            holder.load -= 1
        heapq.heappush(self._queue, (since, conversation, self._now))

    def _drain(self) -> None:
        while self._queue and (eligible := [manager.row for manager in self._managers if manager.eligible]):
            since, conversation, queued_at = heapq.heappop(self._queue)
            chosen = self._choose(eligible, self._team.customers[conversation].last_manager)
            manager = self._managers[chosen["_id"]]
            manager.load += 1
            self._holders[conversation] = manager
            self.given.append(Given(self._now, queued_at, since, conversation, manager.number, manager.load))
            manager.last_assigned_at = len(self.given)
            heapq.heappush(manager.waiting, (since, conversation))
            self._begin(manager)

    def _begin(self, manager: _Manager) -> None:
        """Have a manager turn to who has waited longest, if they can."""
        if manager.writing or not manager.present or not manager.waiting:
            return
        since, conversation = heapq.heappop(manager.waiting)
        reply = self._team.replies[len(self.begun)]
        done_at = self._now + reply.takes
        self.begun.append(Begun(self._now, since, conversation, manager.number, done_at))
        manager.writing = True
        self._at(done_at, self._done, manager, conversation, reply.again_after)

    def _done(self, manager: _Manager, conversation: int, again_after: float | None) -> None:
        manager.writing = False
        if again_after is None:
            self._left -= 1
            self._holders.pop(conversation).load -= 1
        else:
            self._at(self._now + again_after, self._write, conversation)
        self._begin(manager)
        self._drain()

    def _come(self, manager: _Manager) -> None:
        manager.present = manager.taking = True
        manager.gone = False
        self._begin(manager)
        self._drain()

    def _close(self, manager: _Manager) -> None:
        manager.taking = False

    def _leave(self, manager: _Manager, grace: float) -> None:
        """A manager goes, once the reply in hand is written; who waits for them goes to others after the grace."""
        manager.present = manager.taking = False
        self._at(self._now + grace, self._relieve, manager)

    def _relieve(self, manager: _Manager) -> None:
        if manager.present:
            return
        manager.gone = True
        waiting, manager.waiting = manager.waiting, []
        for since, conversation in waiting:
            self._put_back(since, conversation)
        self._drain()

    def _look(self) -> None:
        shares = [manager.load / manager.capacity for manager in self._managers if manager.taking]
        if len(shares) > 1:
            mean = statistics.fmean(shares)
            self.spreads.append(math.dist(shares, [mean] * len(shares)) / math.sqrt(len(shares)))
        self._at(self._now + _LOOK, self._look)


MEASURES = {"mean_wait": "mean wait, min", "longest_wait": "longest wait, min", "spread": "spread of load"}
OURS: Final = "balanced"
BOUND = "one pool a team (bound)"


def figures(waits: Sequence[float], spreads: Sequence[float]) -> dict[str, float]:
    """What is compared."""
    return {
        "mean_wait": statistics.fmean(waits),
        "longest_wait": max(waits),
        "spread": statistics.fmean(spreads),
    }


def one_day(seed: int, takes: float) -> dict[str, dict[str, float]]:
    """The figures of every schedule on the same day."""
    teams = day(seed, takes=takes)
    found = {}
    for name, choose in ((OURS, ours(OURS)), ("round robin", ours("round_robin")), ("random", at_random(seed))):
        plays = [Play(team, choose) for team in teams]
        found[name] = figures(
            [begun.waited for play in plays for begun in play.begun],
            [spread for play in plays for spread in play.spreads],
        )
    found[BOUND] = {
        "mean_wait": statistics.fmean(wait.until - wait.since for team in teams for wait in least_waits(team))
    }
    return found


class Difference(NamedTuple):
    """By how much ours is above another, day by day: the median, and the interval that it lies in."""

    median: float
    low: float
    high: float

    @property
    def verdict(self) -> str:
        """What it means for us; less is better."""
        if self.high < 0:
            return "better"
        return "worse" if self.low > 0 else "tie"


def difference(mine: Sequence[float], other: Sequence[float]) -> Difference:
    """Compare figures of the same days. The interval holds the true median with 95%, however differences are spread."""
    apart = sorted(one - another for one, another in zip(mine, other, strict=True))
    days, tail, cut = len(apart), 0.0, 0
    while (tail := tail + math.comb(days, cut) / 2**days) <= DOUBT / 2:
        cut += 1
    low, high = (apart[cut - 1], apart[-cut]) if cut else (-math.inf, math.inf)
    return Difference(statistics.median(apart), low, high)


def simulate(seeds: int) -> dict[str, Any]:
    """Everything, as data: by kind of day and schedule, the figures of each seed and how ours compares."""
    kinds: dict[str, Any] = {}
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as workers:
        days_of = {kind: list(workers.map(partial(one_day, takes=takes), range(seeds))) for kind, takes in DAYS.items()}
    for kind, days in days_of.items():
        runs = {
            name: {measure: [found[name][measure] for found in days] for measure in days[0][name]} for name in days[0]
        }
        above_bound = [mine / least for mine, least in zip(*(runs[n]["mean_wait"] for n in (OURS, BOUND)), strict=True)]
        kinds[kind] = {
            "minutes_a_reply": DAYS[kind],
            "runs": runs,
            "ours_compared": {
                name: {measure: difference(runs[OURS][measure], run[measure]) for measure in run}
                for name, run in runs.items()
                if name not in {OURS, BOUND}
            },
            "mean_wait_in_bounds": above_bound,
        }
    return {"seeds": seeds, "days": kinds}


def print_simulation(results: dict[str, Any]) -> None:
    """The figures as a table for people: median [least, most] of all seeds, and what ours is beside each."""
    print(f"{CONVERSATIONS} conversations, {MANAGERS} managers in {TEAMS} teams, {results['seeds']} days of each kind")
    for kind, found in results["days"].items():
        title = f"{kind}, {found['minutes_a_reply']:.2f} min a reply"
        print(f"\n{title:<26}", *(f"{measure:<34}" for measure in MEASURES.values()))
        for name, run in found["runs"].items():
            compared = found["ours_compared"].get(name, {})
            cells = ((_spread(run[m]), f"ours {compared[m].verdict}" if m in compared else "") for m in run)
            print(f"{name:<26}", *(f"{figure:<22} {verdict:<11}" for figure, verdict in cells))
        print(f"{OURS}: mean wait in bounds".ljust(26), _spread(found["mean_wait_in_bounds"]))


def _spread(figures: Sequence[float]) -> str:
    return f"{statistics.median(figures):.2f} [{min(figures):.2f}, {max(figures):.2f}]"


def worse(results: dict[str, Any]) -> Iterator[str]:
    """Where ours is behind a baseline."""
    for kind, found in results["days"].items():
        for name, measures in found["ours_compared"].items():
            for measure, apart in measures.items():
                if apart.verdict == "worse":
                    yield f"{kind}: {name} has the better {measure}"


def main() -> None:
    """Play and print; ends with 1 where ours is worse than a baseline."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.simulation", description="A day of a shop.")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--json", type=Path, help="also write the figures there")
    options = parser.parse_args()
    results = simulate(options.seeds)
    print_simulation(results)
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n")
    sys.exit(any(True for _ in worse(results)))


if __name__ == "__main__":
    main()
