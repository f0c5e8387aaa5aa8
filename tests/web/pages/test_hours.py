"""Weekly hours as people read them."""

from datetime import UTC, datetime

import pytest

from web.pages.hours import Shift, by_day, lines, shift, zones


def span(days: str, start: str, end: str) -> dict[str, object]:
    return {"days": days.split(), "from": start, "to": end}


def schedule(*spans: dict[str, object], zone: str = "Europe/Kyiv") -> dict[str, object]:
    return {"timezone": zone, "open": list(spans)}


@pytest.mark.parametrize(
    ("spans", "told"),
    [
        ([], []),
        ([span("mon tue wed thu fri", "09:00", "18:00")], [("Mon–Fri", "09:00–18:00")]),
        (
            [
                span("mon wed", "14:00", "18:00"),
                span("mon tue wed", "09:00", "13:00"),
                span("sat sun", "10:00", "15:00"),
            ],
            [("Mon, Wed", "09:00–13:00, 14:00–18:00"), ("Tue", "09:00–13:00"), ("Sat–Sun", "10:00–15:00")],
        ),
        ([span("fri mon thu sun", "22:00", "06:00")], [("Mon, Thu–Fri, Sun", "22:00–06:00")]),
        ([span("sun", "00:00", "24:00"), span("sun sun", "00:00", "24:00")], [("Sun", "00:00–00:00")]),
    ],
)
def test_days_that_are_alike_are_told_together(spans, told):
    assert lines(schedule(*spans)) == told


def test_a_stretch_past_midnight_stands_where_it_begins():
    week = by_day(schedule(span("fri sat", "22:00", "06:00"), span("fri", "09:00", "12:00")))
    assert week["fri"] == [("09:00", "12:00"), ("22:00", "06:00")]
    assert (week["sat"], week["sun"]) == ([("22:00", "06:00")], [])


MONDAY_NOON = datetime(2026, 11, 23, 10, tzinfo=UTC)  # 12:00 in Kyiv
WEEKDAYS = schedule(span("mon tue wed thu fri", "09:00", "18:00"))


@pytest.mark.parametrize(
    ("hours", "days_off", "expected"),
    [
        (None, [], None),
        (WEEKDAYS, [], Shift(on=True, until=datetime(2026, 11, 23, 16, tzinfo=UTC))),
        (
            WEEKDAYS,
            [{"from": "2026-11-23", "to": "2026-11-24"}],
            Shift(on=False, until=datetime(2026, 11, 25, 7, tzinfo=UTC)),
        ),
        # Without hours of their own the shop's calendar says when a day begins.
        (
            None,
            [{"from": "2026-11-23", "to": "2026-11-23"}],
            Shift(on=False, until=datetime(2026, 11, 23, 22, tzinfo=UTC)),
        ),
        (schedule(), [], Shift(on=False, until=None)),
    ],
)
def test_whether_somebody_works_now_and_until_when(hours, days_off, expected):
    assert shift({"schedule": hours, "days_off": days_off}, "Europe/Kyiv", MONDAY_NOON) == expected


def test_time_zones_are_named_after_places():
    assert "Europe/Kyiv" in zones()
    assert not any(name.startswith(("Etc/", "posix")) for name in zones())
