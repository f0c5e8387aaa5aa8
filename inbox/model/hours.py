"""Quiet hours: what the clock on the shop's wall shows, summer time included."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

_MINUTE = timedelta(minutes=1)
_LONGEST = timedelta(hours=25)
"""A day that ends summer time; what is quiet for longer is quiet always."""


def quiet_until(quiet_hours: Mapping[str, Any], zone: str, at: datetime) -> datetime | None:
    """When the quiet that reigns at a moment ends; None where it is not quiet.

    `quiet_hours` are `{enabled, from, to}` with clocks as HH:MM, which may span midnight; `zone` is the shop's. Where a
    clock is put forward over the end, the quiet ends with the first minute after; where it is put back, hours that
    come twice are quiet twice. Whoever is quiet round the clock gets a moment a day away.
    """
    begins: str = quiet_hours["from"]
    ends: str = quiet_hours["to"]
    if not quiet_hours["enabled"] or begins == ends:
        return None
    here = ZoneInfo(zone)

    def quiet(moment: datetime) -> bool:
        clock = f"{moment.astimezone(here):%H:%M}"
        return begins <= clock < ends if begins < ends else clock >= begins or clock < ends

    if not quiet(at):
        return None
    end = at.replace(second=0, microsecond=0)
    while quiet(end) and end - at < _LONGEST:
        end += _MINUTE
    return end
