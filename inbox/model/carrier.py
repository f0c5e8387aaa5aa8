"""The port between orders and those who carry parcels. `channels/carriers/` implements it, one folder a carrier.

A carrier's failures are those of `inbox.model.failures`: `CredentialsRejected` pauses the tracking with it,
`RetryLater` postpones it, `Refused` is a question that it will never answer.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Protocol

import msgspec
from pydantic import BaseModel


class Stage(StrEnum):
    """How far a parcel is, in the order of its way; `returned` also while it still travels back."""

    UNKNOWN = "unknown"
    CREATED = "created"
    MOVING = "moving"
    ARRIVED = "arrived"
    DELIVERED = "delivered"
    RETURNED = "returned"
    CANCELLED = "cancelled"


class Parcel(msgspec.Struct, frozen=True, kw_only=True):
    """What a carrier is asked about. `phone` (E.164) is a party's, which some want before they tell everything."""

    number: str
    phone: str = ""


class ParcelNews(msgspec.Struct, frozen=True, kw_only=True):
    """What a carrier says of a parcel. `text` is for people, in the carrier's own words; `code` is its own status."""

    number: str
    stage: Stage
    text: str
    code: str = ""
    expected_on: str = ""
    """The day for which it is announced, as YYYY-MM-DD; empty where nobody says."""
    arrived_at: datetime | None = None
    """Since when it waits to be collected, where the carrier says so."""
    final: bool = False
    """Whether nothing more will be told of it."""


class CarrierConnection(Protocol):
    """One account with a carrier."""

    async def check(self) -> None:
        """Raise `CredentialsRejected` where the account does not work."""

    async def look(self, parcels: Sequence[Parcel]) -> list[ParcelNews]:
        """What there is to say of these parcels, at most `Carrier.batch` of them. Those nobody knows are left out."""

    async def close(self) -> None:
        """Let go of every socket."""


class Carrier(Protocol):
    """A carrier: what it is called, what it needs to know, how many parcels it tells of at once.

    Carriers inherit from this: what has a body here is the same for all.
    """

    name: str
    title: str
    setup: Sequence[str]
    settings: type[BaseModel]
    batch: int
    spellings: Sequence[str]
    """Other names by which an order may call it, in lower case without anything but letters and digits."""

    def knows(self, number: str) -> bool:
        """Whether this may be a number of the carrier's."""

    def page(self, number: str) -> str:  # noqa: ARG002  # A carrier may have none.
        """Where the carrier itself tells of a parcel to whoever has its number; empty where it does not."""
        return ""

    async def connect(self, settings: BaseModel) -> CarrierConnection:
        """A connection of its own; asks nobody yet."""

    def is_called(self, words: str) -> bool:
        """Whether an order that names its carrier so means this one."""
        called = re.sub(r"[\W_]", "", words).lower()
        return called in {re.sub(r"[\W_]", "", self.name).lower(), *self.spellings}


STATUS_MAP: Final[Mapping[str, str]] = {
    Stage.MOVING.value: "shipped",
    Stage.DELIVERED.value: "delivered",
    Stage.RETURNED.value: "returned",
}
"""Which order status a parcel's stage stands for, until somebody sets others."""

GIVE_UP: Final = timedelta(weeks=6)
"""A parcel that has not changed for so long is not looked after any more."""

_OLD = timedelta(days=7)
_PAUSES: Final[Mapping[Stage, timedelta]] = {
    Stage.UNKNOWN: timedelta(hours=4),
    Stage.CREATED: timedelta(hours=2),
    Stage.MOVING: timedelta(hours=1),
    Stage.ARRIVED: timedelta(hours=2),
    Stage.DELIVERED: timedelta(hours=12),
    Stage.RETURNED: timedelta(hours=12),
    Stage.CANCELLED: timedelta(hours=12),
}
_JUST_MOVED = timedelta(minutes=30)
_SELDOM = timedelta(hours=12)


def next_look(parcel: Mapping[str, Any], at: datetime, *, chance: float) -> datetime | None:
    """When to ask about a parcel again that was asked about at `at`; None: never.

    Sooner while it moves, later where nothing has changed for a week, never where the carrier said its last word or
    nothing has changed for `GIVE_UP`. `chance` is a number from 0 to 1, so that parcels do not march in step.
    """
    still = at - parcel["changed_at"]
    if parcel["final"] or still >= GIVE_UP:
        return None
    pause = _PAUSES[Stage(parcel["stage"])]
    if parcel["stage"] == Stage.MOVING and still < _JUST_MOVED:
        pause = _JUST_MOVED
    elif still >= _OLD:
        pause = max(pause, _SELDOM)
    return at + pause * (0.85 + 0.3 * chance)


def wanted_status(stage: Stage, status_map: Mapping[str, str]) -> str | None:
    """The order status that a stage stands for: its own, or while a parcel is on its way that of the stage before."""
    on_the_way = (Stage.CREATED, Stage.MOVING, Stage.ARRIVED)
    if stage not in on_the_way:
        return status_map.get(stage) or None
    passed = on_the_way[: on_the_way.index(stage) + 1]
    return next((status_map[one] for one in reversed(passed) if status_map.get(one)), None)
