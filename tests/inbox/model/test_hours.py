from datetime import UTC, datetime

import pytest

from inbox.model.hours import quiet_until

NIGHT = {"enabled": True, "from": "21:00", "to": "09:00"}
NOON = {"enabled": True, "from": "12:00", "to": "13:30"}
SMALL_HOURS = {"enabled": True, "from": "01:00", "to": "03:30"}


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("quiet", "at", "end"),
    [
        (NIGHT, "2026-06-10T17:59:59", None),
        (NIGHT, "2026-06-10T18:00:00", "2026-06-11T06:00:00"),
        (NIGHT, "2026-06-11T05:59:30", "2026-06-11T06:00:00"),
        (NIGHT, "2026-06-11T06:00:00", None),
        (NOON, "2026-06-10T09:45:10", "2026-06-10T10:30:00"),
        (NOON, "2026-06-10T10:30:00", None),
        ({**NIGHT, "enabled": False}, "2026-06-10T20:00:00", None),
        ({**NIGHT, "to": "21:00"}, "2026-06-10T20:00:00", None),
        ({**NIGHT, "to": "24:00"}, "2026-06-10T20:00:00", "2026-06-10T21:00:00"),
    ],
)
def test_the_quiet_is_told_by_the_clock_of_the_shop(quiet, at, end):
    assert quiet_until(quiet, "Europe/Kyiv", utc(at)) == (utc(end) if end else None)


@pytest.mark.parametrize(
    ("quiet", "at", "end"),
    [
        # The night that summer time begins in is an hour shorter, the one that it ends in an hour longer.
        (NIGHT, "2026-03-28T20:00:00", "2026-03-29T06:00:00"),
        (NIGHT, "2026-10-24T20:00:00", "2026-10-25T07:00:00"),
        # At 03:00 it is 04:00: half past three never comes.
        (SMALL_HOURS, "2026-03-29T00:30:00", "2026-03-29T01:00:00"),
        # At 04:00 it is 03:00 again: half past three comes twice, and so does the half hour before it.
        (SMALL_HOURS, "2026-10-25T00:10:00", "2026-10-25T00:30:00"),
        (SMALL_HOURS, "2026-10-25T00:40:00", None),
        (SMALL_HOURS, "2026-10-25T01:10:00", "2026-10-25T01:30:00"),
    ],
)
def test_the_nights_in_which_clocks_are_put_forward_and_back(quiet, at, end):
    assert quiet_until(quiet, "Europe/Kyiv", utc(at)) == (utc(end) if end else None)


def test_what_never_ends_is_asked_about_again_after_a_day():
    always = {"enabled": True, "from": "00:00", "to": "24:00"}
    end = quiet_until(always, "Europe/Kyiv", utc("2026-06-10T12:00:00"))
    assert end is not None
    assert 24 <= (end - utc("2026-06-10T12:00:00")).total_seconds() / 3600 <= 26
