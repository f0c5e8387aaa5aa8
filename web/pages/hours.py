"""Weekly hours as people read and fill them in: a line a day, or days that are alike in one line. Pure."""

import gettext
import zoneinfo
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from itertools import groupby

import msgspec

from inbox.model.schedule import DAYS, Day, Shifts
from web.pages.desk import View

_ = gettext.NullTranslations().gettext

DAY_NAMES: Mapping[Day, str] = {
    "mon": _("Mon"),
    "tue": _("Tue"),
    "wed": _("Wed"),
    "thu": _("Thu"),
    "fri": _("Fri"),
    "sat": _("Sat"),
    "sun": _("Sun"),
}

LONG_DAY_NAMES: Mapping[Day, str] = {
    "mon": _("Monday"),
    "tue": _("Tuesday"),
    "wed": _("Wednesday"),
    "thu": _("Thursday"),
    "fri": _("Friday"),
    "sat": _("Saturday"),
    "sun": _("Sunday"),
}

Stretch = tuple[str, str]
"""From and to, as `HH:MM`. Midnight at the end is 00:00, which is how browsers write it."""


class Shift(msgspec.Struct, frozen=True, kw_only=True):
    """Whether somebody works now, and when that changes; None where it never does."""

    on: bool
    until: datetime | None


def by_day(schedule: View) -> dict[Day, list[Stretch]]:
    """The stretches of each day of the week, in their order. One that ends past midnight stands where it begins."""
    stretches: dict[Day, list[Stretch]] = {day: [] for day in DAYS}
    for span in schedule["open"]:
        for day in span["days"]:
            stretch = (span["from"], "00:00" if span["to"] == "24:00" else span["to"])
            if stretch not in stretches[day]:
                stretches[day].append(stretch)
    return {day: sorted(found) for day, found in stretches.items()}


def lines(schedule: View) -> list[tuple[str, str]]:
    """The week in few lines: ("Mon–Fri", "09:00–13:00, 14:00–18:00"). Days without hours are left out."""
    week = by_day(schedule)
    alike: dict[str, list[Day]] = {}
    for day in DAYS:
        if week[day]:
            alike.setdefault(", ".join(f"{start}–{end}" for start, end in week[day]), []).append(day)
    return [(_days(days), hours) for hours, days in alike.items()]


def _days(days: Sequence[Day]) -> str:
    """Mon, Wed–Fri."""
    places = [DAYS.index(day) for day in days]
    runs = [[place for _, place in run] for _, run in groupby(enumerate(places), lambda pair: pair[1] - pair[0])]
    ends = [(DAY_NAMES[DAYS[run[0]]], DAY_NAMES[DAYS[run[-1]]]) for run in runs]
    return ", ".join(first if first == last else f"{first}–{last}" for first, last in ends)


def shift(manager: View, shop_zone: str, present: datetime) -> Shift | None:
    """Whether a manager works now, by their hours and days off; None where they always do."""
    schedule = manager["schedule"]
    if schedule is None and not manager["days_off"]:
        return None
    zone = schedule["timezone"] if schedule is not None else shop_zone
    shifts = Shifts.model_validate({"timezone": zone, "schedule": schedule, "days_off": manager["days_off"]})
    return Shift(on=shifts.is_on(present), until=shifts.next_change(present))


@cache
def zones() -> tuple[str, ...]:
    """The time zones to choose from: those that are named after a place."""
    places = ("Africa/", "America/", "Asia/", "Atlantic/", "Australia/", "Europe/", "Indian/", "Pacific/")
    return ("UTC", *sorted(name for name in zoneinfo.available_timezones() if name.startswith(places)))
