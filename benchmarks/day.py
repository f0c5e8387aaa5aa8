"""A shop's day, drawn from a seed: when customers write first, who is at work when, what each reply takes.

Times and spans are minutes; a day begins at 7 in the morning and lasts until everybody is answered.
"""

import math
import random
from bisect import bisect
from collections.abc import Iterator
from itertools import accumulate, pairwise
from typing import NamedTuple

TEAMS = 4
CONVERSATIONS = 5000
CAPACITY = 8
HOUR = 60.0

_SHIFTS = (0.0, 0.0, 1.0, 2.0, 3.0, 5.0, 7.0, 8.0, 9.0, 16.0)
"""When each manager of a team comes, in hours; the last one has the night, and stays until nobody waits."""

MANAGERS = TEAMS * len(_SHIFTS)

_SHIFT = 8 * HOUR
_CLOSING = 20.0
"""For how long before leaving a manager takes nothing new."""

_BREAKS = ((1.5, 2.5, 8.0), (3.4, 4.4, 30.0), (5.5, 6.5, 8.0))
"""Of each break: the earliest and the latest hour of a shift at which it begins, its usual length in minutes."""

_RATES = ((0, 0.5), (1, 1.0), (2, 1.5), (4, 1.7), (6, 1.7), (8, 1.9), (10, 1.7), (12, 1.5), (14, 1.3), (16, 0.4))
_NIGHT = ((17, 0.15), (23, 0.1), (24, 0.1))
"""How many customers write by hour of the day, in proportion; straight lines between."""

_RETURNING = 0.3
"""Of all customers, those whom some manager of the team has answered on another day."""

_LAST = 1 / 3
"""The chance that a reply is the last of its conversation, whatever was said before."""

_THINKING = 4.0
_WIDTH = 0.9
"""The mean time until a customer writes again; how far the logarithms of this and of what a reply takes deviate."""


class Customer(NamedTuple):
    """Somebody who begins a conversation."""

    writes_at: float
    last_manager: int | None


class Reply(NamedTuple):
    """What a reply takes, and how long after it the customer writes again (None: never)."""

    takes: float
    again_after: float | None


class Duty(NamedTuple):
    """When a manager is at work: spans with breaks between, and from when on they take nothing new."""

    spans: tuple[tuple[float, float], ...]
    closing_at: float


class Team(NamedTuple):
    """A team's day. `replies` are used up in the order in which replies are begun, whoever begins them and to whom."""

    customers: list[Customer]
    replies: list[Reply]
    duties: list[Duty]
    capacity: int


def day(seed: int, *, takes: float, conversations: int = CONVERSATIONS) -> list[Team]:
    """A day of the whole shop on which a reply takes so many minutes in the mean."""
    chance = random.Random(seed)
    return [team(chance, takes=takes, conversations=conversations // TEAMS) for _ in range(TEAMS)]


def team(chance: random.Random, *, takes: float, conversations: int) -> Team:
    """A day of one team."""
    customers = [
        Customer(at, chance.randrange(len(_SHIFTS)) if chance.random() < _RETURNING else None)
        for at in sorted(_moment(chance) for _ in range(conversations))
    ]
    duties = [_duty(chance, begins * HOUR, night=begins == _SHIFTS[-1]) for begins in _SHIFTS]
    return Team(customers, list(_replies(chance, takes, conversations)), duties, CAPACITY)


def _moment(chance: random.Random) -> float:
    """When somebody writes first."""
    hours = list(pairwise(_RATES + _NIGHT))
    areas = list(accumulate((until - since) * (rate + later) / 2 for (since, rate), (until, later) in hours))
    (since, rate), (until, later) = hours[bisect(areas, chance.random() * areas[-1])]
    while True:
        share = chance.random()
        if chance.random() * max(rate, later) <= rate + (later - rate) * share:
            return HOUR * (since + (until - since) * share)


def _replies(chance: random.Random, takes: float, conversations: int) -> Iterator[Reply]:
    """Replies for so many conversations, the end of the last one included."""
    while conversations:
        last = chance.random() < _LAST
        conversations -= last
        yield Reply(_some(chance, takes), None if last else _some(chance, _THINKING))


def _some(chance: random.Random, mean: float) -> float:
    return chance.lognormvariate(math.log(mean) - _WIDTH**2 / 2, _WIDTH)


def _duty(chance: random.Random, begins: float, *, night: bool) -> Duty:
    """A shift of eight hours, begun and left a little early or late, with breaks."""
    since = begins + chance.uniform(-10, 5)
    until = math.inf if night else begins + _SHIFT + chance.uniform(-5, 10)
    spans = []
    for earliest, latest, length in _BREAKS:
        pause = begins + HOUR * chance.uniform(earliest, latest)
        spans.append((since, pause))
        # Who is alone at night does not leave everybody waiting for a whole meal.
        since = pause + chance.uniform(0.7, 1.4) * (min(length, _BREAKS[0][2]) if night else length)
    return Duty((*spans, (since, until)), until - _CLOSING)
