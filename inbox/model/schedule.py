"""Opening hours as people write them: what the clock on the shop's wall shows, summer time included."""

import zoneinfo
from datetime import datetime
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = get_args(Day)

# Two digits each, so that clocks compare as texts; 24:00 is the midnight that ends a day.
Clock = Annotated[str, StringConstraints(pattern=r"^(([01]\d|2[0-3]):[0-5]\d|24:00)$")]


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

    def covers(self, day: Day, day_before: Day, clock: str) -> bool:
        """Whether the stretch holds this minute; its end is the first minute outside."""
        if self.start < self.end:
            return day in self.days and self.start <= clock < self.end
        return (day in self.days and clock >= self.start) or (day_before in self.days and clock < self.end)


class Schedule(BaseModel):
    """When a shop is open. With nothing listed it is always closed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    timezone: TimeZone
    open: Annotated[tuple[Span, ...], Field(max_length=50)]

    def is_open(self, at: datetime) -> bool:
        """Whether the shop is open at this moment (an aware time)."""
        local = at.astimezone(zoneinfo.ZoneInfo(self.timezone))
        day, day_before = DAYS[local.weekday()], DAYS[local.weekday() - 1]
        clock = f"{local.hour:02}:{local.minute:02}"
        return any(span.covers(day, day_before, clock) for span in self.open)
