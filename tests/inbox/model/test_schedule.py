from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inbox.model.schedule import DAYS, Schedule

KYIV = ZoneInfo("Europe/Kyiv")
WEEKDAYS = ["mon", "tue", "wed", "thu", "fri"]

moments = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  # st adds it.


def schedule(*spans, timezone="Europe/Kyiv"):
    open_spans = [{"days": days, "from": start, "to": end} for days, start, end in spans]
    return Schedule.model_validate({"timezone": timezone, "open": open_spans})


def kyiv(year, month, day, *clock, fold=0):
    return datetime.combine(date(year, month, day), time(*clock, fold=fold), KYIV)


@pytest.mark.parametrize(
    ("at", "is_open"),
    [
        (kyiv(2026, 6, 1, 8, 59, 59), False),
        (kyiv(2026, 6, 1, 9, 0), True),
        (kyiv(2026, 6, 1, 17, 59, 59), True),
        (kyiv(2026, 6, 1, 18, 0), False),
        (kyiv(2026, 6, 6, 12, 0), False),  # A Saturday.
    ],
)
def test_open_from_its_first_minute_to_the_one_before_its_end(at, is_open):
    assert schedule((WEEKDAYS, "09:00", "18:00")).is_open(at) is is_open


def test_hours_are_those_of_the_shop_wherever_the_time_was_taken():
    shop = schedule((WEEKDAYS, "09:00", "18:00"))
    assert shop.is_open(datetime(2026, 6, 1, 6, 0, tzinfo=UTC))  # 09:00 in Kyiv's summer
    assert not shop.is_open(datetime(2026, 1, 5, 6, 0, tzinfo=UTC))  # 08:00 in Kyiv's winter
    assert shop.is_open(datetime(2026, 1, 5, 7, 0, tzinfo=UTC))


def test_the_night_when_clocks_go_forward():
    """29 March 2026: 03:00 becomes 04:00 at once, so 02:59 and 04:00 are neighbours and 03:30 never comes."""
    shop = schedule((["sun"], "03:00", "04:00"))
    before = datetime(2026, 3, 29, 0, 59, 59, tzinfo=UTC)
    assert before.astimezone(KYIV).hour == 2
    assert not shop.is_open(before)
    assert not shop.is_open(before + timedelta(seconds=1))
    early = schedule((["sun"], "02:00", "05:00"))
    assert sum(early.is_open(kyiv(2026, 3, 29).astimezone(UTC) + timedelta(minutes=m)) for m in range(1440)) == 120


def test_the_night_when_clocks_go_back():
    """25 October 2026: the hour from 03:00 comes twice, and the shop is open in both."""
    shop = schedule((["sun"], "03:00", "04:00"))
    assert shop.is_open(kyiv(2026, 10, 25, 3, 30, fold=0))
    assert shop.is_open(kyiv(2026, 10, 25, 3, 30, fold=1))
    midnight = kyiv(2026, 10, 25).astimezone(UTC)
    assert sum(shop.is_open(midnight + timedelta(minutes=m)) for m in range(1500)) == 120


def test_a_shop_that_never_closes_does_not_close_at_midnight():
    shop = schedule((list(DAYS), "00:00", "24:00"))
    assert shop.is_open(kyiv(2026, 6, 1, 23, 59, 59))
    assert shop.is_open(kyiv(2026, 6, 2, 0, 0))


def test_a_span_past_midnight_belongs_to_the_day_it_starts_on():
    shop = schedule((["fri"], "20:00", "02:00"))
    assert shop.is_open(kyiv(2026, 6, 5, 20, 0))  # Friday evening
    assert shop.is_open(kyiv(2026, 6, 6, 1, 59))  # the night to Saturday
    assert not shop.is_open(kyiv(2026, 6, 6, 2, 0))
    assert not shop.is_open(kyiv(2026, 6, 5, 1, 0))  # the night to Friday
    assert not shop.is_open(kyiv(2026, 6, 6, 20, 0))


@given(moments)
def test_nothing_listed_is_always_closed(at):
    assert not schedule().is_open(at)


@given(moments)
def test_all_of_every_day_is_always_open(at):
    assert schedule((list(DAYS), "00:00", "24:00")).is_open(at)


clocks = st.times().map(lambda at: f"{at.hour:02}:{at.minute:02}")


@given(moments, clocks, clocks, st.sampled_from(["Europe/Kyiv", "Asia/Tbilisi", "America/St_Johns", "UTC"]))
def test_day_and_night_shift_take_turns(at, morning, evening, timezone):
    """What one shift leaves out, the other covers: never both, never neither."""
    if morning == evening:
        return
    day = schedule((list(DAYS), morning, evening), timezone=timezone)
    night = schedule((list(DAYS), evening, morning), timezone=timezone)
    assert day.is_open(at) is not night.is_open(at)
