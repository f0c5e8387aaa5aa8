"""What a report may be asked for, and how sums over hours become its rows. Pure."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from types import MappingProxyType
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec

from inbox.model.errors import Invalid
from inbox.model.numbers import percentile
from inbox.model.schedule import DAYS

By = Literal["hour", "day", "weekday"]
Group = Literal["manager", "channel", "team"]
Name = Literal["replies", "resolutions", "load", "ratings"]

LONGEST = 400
"""How many days a report may cover."""

_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)
_HOURS = tuple(f"{hour:02}:00" for hour in range(24))
_FIGURES = MappingProxyType({"mean": None, "median": 0.5, "p90": 0.9})


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What a report tells: counts as they are, and of each span how many there were and how long they were.

    `spans` says how a span's figures begin in the names of columns, and what its number is called (empty: it has none).
    `ratios` are columns that come of two counts: so many times the first by the second, null where that is none.
    """

    counts: tuple[str, ...] = ()
    spans: Mapping[str, tuple[str, str]] = MappingProxyType({})
    ratios: Mapping[str, tuple[str, str, int]] = MappingProxyType({})

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of a row."""
        told = [*self.counts]
        for prefix, number in self.spans.values():
            told += [number] if number else []
            told += [f"{prefix}{figure}" for figure in _FIGURES]
        return (*told, *self.ratios)

    def row(self, sums: Mapping[str, Any]) -> dict[str, Any]:
        """The columns of one row; durations are in seconds, and null where there were none."""
        row: dict[str, Any] = {name: sums.get(name, 0) for name in self.counts}
        for span, (prefix, number) in self.spans.items():
            told = sums.get(span, {"count": 0, "seconds": 0.0, "buckets": {}})
            if number:
                row[number] = told["count"]
            for figure, part in _FIGURES.items():
                if part is not None:
                    value = percentile(told["buckets"], part)
                else:
                    value = told["seconds"] / told["count"] if told["count"] else None
                row[f"{prefix}{figure}"] = None if value is None else round(value, 1)
        for ratio, (first, second, times) in self.ratios.items():
            row[ratio] = round(times * row[first] / row[second], 2) if row[second] else None
        return row


REPORTS: Mapping[Name, Report] = MappingProxyType(
    {
        "replies": Report(spans={"reply": ("", "replied"), "reply_open": ("open_", "")}),
        "resolutions": Report(spans={"resolution": ("", "resolved")}),
        "load": Report(
            counts=("opened", "returned", "messages", "replies", "answered_by_bot", "late"),
            spans={"wait": ("wait_", "assigned")},
        ),
        "ratings": Report(
            counts=("rated", "satisfied", "points"),
            ratios={"csat": ("satisfied", "rated", 100), "average": ("points", "rated", 1)},
        ),
    }
)


class Period(msgspec.Struct, frozen=True, kw_only=True):
    """Days on the wall's calendar of a time zone, the last one included."""

    first: date
    last: date
    timezone: str

    @classmethod
    def of(cls, first: date | None, last: date | None, timezone: str, *, present: datetime) -> "Period":
        """What was asked for; a week that ends today where nothing was. Raises `Invalid`."""
        last = last or present.astimezone(ZoneInfo(timezone)).date()
        first = first or last - 6 * _DAY
        if not timedelta() <= last - first < LONGEST * _DAY:
            raise Invalid("from", f"begin on the last day or earlier, less than {LONGEST} days before it")
        return cls(first=first, last=last, timezone=timezone)

    @property
    def days(self) -> list[date]:
        """Every day of it."""
        return [self.first + number * _DAY for number in range((self.last - self.first).days + 1)]

    @property
    def span(self) -> tuple[datetime, datetime]:
        """Its first moment, and the first one after it."""
        zone = ZoneInfo(self.timezone)
        began, over = (datetime.combine(day, time.min, zone) for day in (self.first, self.last + _DAY))
        return began.astimezone(UTC), over.astimezone(UTC)

    def offsets(self) -> list[tuple[datetime, timedelta]]:
        """The zone's offsets from UTC in this time, each with the first hour at which it no longer holds."""
        zone, (hour, over) = ZoneInfo(self.timezone), self.span
        found: list[tuple[datetime, timedelta]] = []
        while hour < over:
            offset = hour.astimezone(zone).utcoffset() or timedelta()
            if not found or found[-1][1] != offset:
                found.append((hour, offset))
            hour += _HOUR
            found[-1] = (hour, offset)
        return found

    def times(self, by: By | None) -> Sequence[str]:
        """Every time of a report that is told `by` it, in their order."""
        if by is None:
            return [""]
        return {"hour": _HOURS, "weekday": DAYS, "day": [day.isoformat() for day in self.days]}[by]
