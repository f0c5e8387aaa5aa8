"""Opening hours and shifts as people write them: what the clock on the wall shows, summer time included.

A wall's clock and the time that passes differ only in the zone's offset from UTC, so every question is answered stretch
by stretch of one offset: exactly, and without walking over minutes.
"""

import zoneinfo
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import Annotated, Literal, Self, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from inbox.model.remedies import Told

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = get_args(Day)

# Two digits each, so that clocks compare as texts; 24:00 is the midnight that ends a day.
Clock = Annotated[str, StringConstraints(pattern=r"^(([01]\d|2[0-3]):[0-5]\d|24:00)$"), Told("is a time such as 09:30")]

LONGEST_ABSENCE = timedelta(days=731)

_DAY = timedelta(days=1)
_WEEK = timedelta(weeks=1)
_SETTLED = 3 * _WEEK
"""Weekly hours that have not changed for so long never do: a change of clocks swallows a stretch in one week only."""
_FAR = datetime(9999, 1, 1, tzinfo=UTC)

_Walls = Iterable[tuple[datetime, datetime]]
"""Stretches by the clock on the wall: naive times, in order, apart from each other."""


def _known_zone(name: str) -> str:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError("give a time zone by its IANA name, such as Europe/Kyiv") from error
    return name


TimeZone = Annotated[str, StringConstraints(min_length=1, max_length=60), AfterValidator(_known_zone)]


class Span(BaseModel):
    """A stretch of the day on these days. One that ends no later than it starts ends on the day after."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    days: Annotated[tuple[Day, ...], Field(min_length=1, max_length=7)]
    start: Annotated[Clock, Field(alias="from")]
    end: Annotated[Clock, Field(alias="to")]

    def in_week(self) -> Iterator[tuple[timedelta, timedelta]]:
        """The same as stretches since Monday's midnight; one that goes past Sunday's is cut there."""
        opens, closes = _since_midnight(self.start), _since_midnight(self.end)
        if closes <= opens:
            closes += _DAY
        for day in self.days:
            start, end = (DAYS.index(day) * _DAY + clock for clock in (opens, closes))
            if start < _WEEK:
                yield start, min(end, _WEEK)
            if end > _WEEK:
                yield max(start - _WEEK, timedelta()), end - _WEEK


class Schedule(BaseModel):
    """When a shop is open, or a manager works. With nothing listed it is always closed.

    Moments are aware; those that come back are in UTC.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    timezone: TimeZone
    open: Annotated[tuple[Span, ...], Field(max_length=50)]

    def is_open(self, at: datetime) -> bool:
        """Whether the shop is open at this moment."""
        wall = at.astimezone(zoneinfo.ZoneInfo(self.timezone)).replace(tzinfo=None)
        moment = wall - _monday(wall)
        return any(start <= moment < end for start, end in self._week)

    def next_change(self, at: datetime) -> datetime | None:
        """When it opens or closes next after this moment. None where it never does."""
        return _next_change(self._openings(at, at + _SETTLED), at)

    def open_between(self, start: datetime, end: datetime) -> timedelta:
        """How much open time passes between two moments; none where the second comes first."""
        return sum((until - since for since, until in self._openings(start, end)), timedelta())

    def after(self, at: datetime, span: timedelta) -> datetime | None:
        """The first moment by which so much open time has passed. None where it never opens."""
        if span <= timedelta():
            return at.astimezone(UTC)
        for since, until in self._openings(at, _FAR) if self.open else ():
            if span <= until - since:
                return since + span
            span -= until - since
        return None

    def on_the_wall(self, start: datetime, end: datetime) -> _Walls:
        """When it is open between two times on its zone's wall clock."""
        monday = _monday(start)
        while monday < end:
            for since, until in self._week:
                if max(monday + since, start) < min(monday + until, end):
                    yield max(monday + since, start), min(monday + until, end)
            monday += _WEEK

    def _openings(self, at: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
        return _passing(self.on_the_wall, self.timezone, at, until)

    @cached_property
    def _week(self) -> Sequence[tuple[timedelta, timedelta]]:
        """Open stretches since Monday's midnight, in order, apart from each other."""
        merged: list[tuple[timedelta, timedelta]] = []
        for start, end in sorted(stretch for span in self.open for stretch in span.in_week()):
            if merged and start <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(merged[-1][1], end))
            else:
                merged.append((start, end))
        return merged


class DaysOff(BaseModel):
    """Days on which a manager does not work, the last one included."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    first: Annotated[date, Field(alias="from")]
    last: Annotated[date, Field(alias="to")]

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not timedelta() <= self.last - self.first <= LONGEST_ABSENCE:
            raise ValueError("end on the first day or later, and within two years of it")
        return self


class Shifts(BaseModel):
    """When a manager works: their hours (None: always) but for their days off, as the zone's calendar shows them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    timezone: TimeZone
    """Where the days off begin and end; the same as the hours'."""
    schedule: Schedule | None = None
    days_off: tuple[DaysOff, ...] = ()

    def is_on(self, at: datetime) -> bool:
        """Whether they work at this moment."""
        today = at.astimezone(zoneinfo.ZoneInfo(self.timezone)).date()
        off = any(days.first <= today <= days.last for days in self.days_off)
        return not off and (self.schedule is None or self.schedule.is_open(at))

    def next_change(self, at: datetime) -> datetime | None:
        """When a shift begins or ends next after this moment. None where none ever does."""
        last = max((days.last for days in self.days_off), default=date.min)
        settled = max(at, datetime.combine(last, time.max, UTC)) + _SETTLED
        return _next_change(_passing(self._on_the_wall, self.timezone, at, settled), at)

    def _on_the_wall(self, start: datetime, end: datetime) -> _Walls:
        stretches = [(start, end)] if self.schedule is None else self.schedule.on_the_wall(start, end)
        for days in self.days_off:
            begin = datetime.combine(days.first, time.min)
            stretches = list(_without(stretches, begin, datetime.combine(days.last, time.min) + _DAY))
        return stretches


def _since_midnight(clock: str) -> timedelta:
    hours, minutes = clock.split(":")
    return timedelta(hours=int(hours), minutes=int(minutes))


def _monday(wall: datetime) -> datetime:
    return datetime.combine(wall.date(), time.min) - wall.weekday() * _DAY


def _without(stretches: _Walls, start: datetime, end: datetime) -> _Walls:
    """What is left of the stretches where one is taken out of them."""
    for since, until in stretches:
        if since < min(until, start):
            yield since, min(until, start)
        if max(since, end) < until:
            yield max(since, end), until


def _passing(
    on_the_wall: Callable[[datetime, datetime], _Walls], timezone: str, at: datetime, until: datetime
) -> Iterator[tuple[datetime, datetime]]:
    """What a wall's clock shows between two moments, as stretches of the time that passes. They may touch."""
    for start, end, offset in _steady(zoneinfo.ZoneInfo(timezone), at.astimezone(UTC), until.astimezone(UTC)):
        walls = ((moment + offset).replace(tzinfo=None) for moment in (start, end))
        for since, to in on_the_wall(*walls):
            yield since.replace(tzinfo=UTC) - offset, to.replace(tzinfo=UTC) - offset


def _steady(zone: zoneinfo.ZoneInfo, at: datetime, until: datetime) -> Iterator[tuple[datetime, datetime, timedelta]]:
    """Stretches of a day at most between two moments, and the one offset from UTC that holds in each.

    No zone changes its clocks twice within a day.
    """

    def offset(moment: datetime) -> timedelta:
        return moment.astimezone(zone).utcoffset() or timedelta()

    while at < until:
        steady = offset(at)
        last, end = at, min(at + _DAY, until)
        if offset(end) != steady:
            while end - last > timedelta.resolution:
                middle = last + (end - last) // 2
                last, end = (middle, end) if offset(middle) == steady else (last, middle)
        yield at, end, steady
        at = end


def _next_change(stretches: Iterator[tuple[datetime, datetime]], at: datetime) -> datetime | None:
    """Where the first of these stretches begins, or ends if it has begun. None where neither is among them."""
    end = None
    for since, until in stretches:
        if end is None and since > at:
            return since
        if end is not None and since > end:
            return end
        end = until
    return None
