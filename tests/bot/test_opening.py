"""When the shop opens next, as people say it."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.opening import opens
from inbox.model.schedule import Schedule

KYIV = ZoneInfo("Europe/Kyiv")
WORKDAYS = ["mon", "tue", "wed", "thu", "fri"]


def open_on(*days):
    return Schedule.model_validate(
        {"timezone": "Europe/Kyiv", "open": [{"days": days, "from": "09:00", "to": "18:00"}]}
    )


OFFICE = open_on(*WORKDAYS)
NEVER = Schedule(timezone="Europe/Kyiv", open=())


def at(day, hour, minute=0, *, month=11):
    return datetime(2026, month, day, hour, minute, tzinfo=KYIV)


@pytest.mark.parametrize(
    ("moment", "language", "words"),
    [
        (at(2, 7), "en", "today at 09:00"),
        (at(2, 20), "uk", "завтра о 09:00"),
        (at(7, 12), "ru", "в понедельник в 09:00"),
        (at(6, 18), "ka", "ორშაბათს 09:00 საათზე"),
        (at(7, 12), "en-GB", "on Monday at 09:00"),
        (at(7, 12), "fr", "on Monday at 09:00"),
        (at(1, 23, 59), "uk", "завтра о 09:00"),
        (at(2, 0, 1), "uk", "сьогодні о 09:00"),
    ],
)
def test_the_next_opening(moment, language, words):
    assert opens(OFFICE, moment, language) == words


def test_an_open_shop_opens_not():
    assert opens(OFFICE, at(2, 9), "en") is None


def test_a_shop_that_never_opens_names_no_time():
    assert opens(NEVER, at(2, 9), "en") == "as soon as we open"
    assert opens(NEVER, at(2, 9), "uk") == "щойно відкриємося"


def test_once_a_week_is_told_by_its_date():
    assert opens(open_on("mon"), at(2, 19), "en") == "on 09.11 at 09:00"


@pytest.mark.parametrize(("day", "month"), [(28, 3), (24, 10)])
def test_clocks_are_changed_in_the_night_before(day, month):
    """On the last Sundays of March and October; the shop opens on Sunday at nine by its wall, whatever passed."""
    assert opens(open_on("sun"), at(day, 20, month=month), "en") == "tomorrow at 09:00"


@given(st.integers(0, 365 * 24 * 60), st.sampled_from(["uk", "ru", "en", "ka"]))
def test_what_is_said_is_when_it_opens(minutes, language):
    present = at(1, 0, month=1).astimezone(UTC) + timedelta(minutes=minutes)
    said = opens(OFFICE, present, language)
    if said is None:
        assert OFFICE.is_open(present)
        return
    opening = OFFICE.after(present, timedelta(microseconds=1))
    assert opening is not None
    assert f"{opening.astimezone(KYIV):%H:%M}" in said
