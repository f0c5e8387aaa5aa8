from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from inbox.model.schedule import DAYS, DaysOff, Schedule, Shifts

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


# Every kind of change of clocks: by an hour, by half an hour, at midnight and back over it.
zones = st.sampled_from(
    ["Europe/Kyiv", "Australia/Lord_Howe", "America/St_Johns", "Africa/Cairo", "America/Havana", "UTC"]
)
turns = st.sampled_from(
    [
        datetime(2026, 3, 29, 1, tzinfo=UTC),  # Kyiv
        datetime(2026, 10, 25, 1, tzinfo=UTC),
        datetime(2026, 4, 4, 15, tzinfo=UTC),  # Lord Howe
        datetime(2026, 10, 3, 15, 30, tzinfo=UTC),
        datetime(2010, 11, 7, 2, 31, tzinfo=UTC),  # St John's, at a minute past midnight: the day before comes back.
        datetime(2026, 4, 23, 22, tzinfo=UTC),  # Cairo, at midnight
        datetime(2026, 10, 29, 21, tzinfo=UTC),
        datetime(2026, 11, 1, 5, tzinfo=UTC),  # Havana, from one o'clock to midnight
    ]
)
near_turns = st.builds(lambda turn, minutes: turn + timedelta(minutes=minutes), turns, st.integers(-2000, 2000))
spans = st.tuples(st.lists(st.sampled_from(DAYS), min_size=1, max_size=4, unique=True), clocks, clocks)
schedules = st.builds(lambda listed, zone: schedule(*listed, timezone=zone), st.lists(spans, max_size=4), zones)
lengths = st.integers(0, 3000).map(lambda minutes: timedelta(minutes=minutes))


def minutes_on(is_on, start, end):
    """The slow way: look at each minute."""
    count = int((end - start) / timedelta(minutes=1))
    return [is_on(start + timedelta(minutes=minute)) for minute in range(count)]


@settings(max_examples=200)
@given(schedules, near_turns, lengths)
def test_open_time_is_what_the_minutes_say(hours, start, length):
    end = start + length
    assert hours.open_between(start, end) == timedelta(minutes=sum(minutes_on(hours.is_open, start, end)))


@settings(max_examples=200)
@given(schedules, near_turns)
def test_the_next_change_is_the_first_minute_that_differs(hours, at):
    looked_at = minutes_on(hours.is_open, at, at + timedelta(days=2))
    differing = next((n for n, is_open in enumerate(looked_at) if is_open is not looked_at[0]), None)
    change = hours.next_change(at)
    if differing is not None:
        assert change == at + timedelta(minutes=differing)
    else:
        assert change is None or change >= at + timedelta(days=2)


@given(schedules, moments)
def test_between_changes_nothing_changes(hours, at):
    change = hours.next_change(at)
    if change is None:
        assert {hours.is_open(at + timedelta(hours=hour)) for hour in range(24 * 21)} == {hours.is_open(at)}
    else:
        assert hours.is_open(change) is not hours.is_open(at)
        assert hours.is_open(change - timedelta(seconds=1)) is hours.is_open(at) or change - at < timedelta(seconds=1)


@given(
    schedules.filter(lambda hours: hours.open),
    moments,
    st.integers(0, 10**10).map(lambda us: timedelta(microseconds=us)),
)
def test_after_so_much_open_time_so_much_has_passed(hours, at, span):
    end = hours.after(at, span)
    assert hours.open_between(at, end) == span
    if span:
        assert hours.open_between(at, end - timedelta(microseconds=1)) < span, "an earlier moment would do"
    else:
        assert end == at


@given(schedules, moments, lengths, lengths)
def test_open_time_adds_up(hours, at, first, second):
    middle, end = at + first, at + first + second
    assert hours.open_between(at, middle) + hours.open_between(middle, end) == hours.open_between(at, end)
    assert hours.open_between(end, at) == timedelta()


def test_what_never_opens_has_no_time_to_pass():
    assert schedule().after(kyiv(2026, 6, 1), timedelta(minutes=1)) is None
    assert schedule().next_change(kyiv(2026, 6, 1)) is None


def test_a_target_of_friday_evening_is_met_on_monday():
    shop = schedule((WEEKDAYS, "09:00", "18:00"))
    assert shop.after(kyiv(2026, 6, 5, 17, 50), timedelta(minutes=30)) == kyiv(2026, 6, 8, 9, 20)
    # The night between has an hour less; opening hours know nothing of it.
    assert shop.after(kyiv(2026, 3, 27, 17, 50), timedelta(minutes=30)) == kyiv(2026, 3, 30, 9, 20)


def test_a_week_of_minutes_is_found_at_once_even_where_a_minute_a_week_is_open():
    rare = schedule((["mon"], "09:00", "09:01"))
    assert rare.after(kyiv(2026, 6, 1), timedelta(minutes=1000)) == kyiv(2045, 7, 24, 9, 1)


def shifts(hours, *days_off, timezone="Europe/Kyiv"):
    listed = [{"from": first, "to": last} for first, last in days_off]
    return Shifts.model_validate({"timezone": timezone, "schedule": hours, "days_off": listed})


def test_days_off_end_with_their_last_day():
    manager = shifts(None, ("2026-06-01", "2026-06-03"))
    assert manager.is_on(kyiv(2026, 5, 31, 23, 59))
    assert not manager.is_on(kyiv(2026, 6, 1, 0, 0))
    assert not manager.is_on(kyiv(2026, 6, 3, 23, 59))
    assert manager.is_on(kyiv(2026, 6, 4, 0, 0))
    assert manager.next_change(kyiv(2026, 5, 1)) == kyiv(2026, 6, 1)
    assert manager.next_change(kyiv(2026, 6, 1)) == kyiv(2026, 6, 4)
    assert manager.next_change(kyiv(2026, 6, 4)) is None


def test_a_shift_on_a_day_off_does_not_begin():
    manager = shifts(schedule((WEEKDAYS, "09:00", "18:00")), ("2026-06-02", "2026-06-07"))
    assert manager.next_change(kyiv(2026, 6, 1, 12, 0)) == kyiv(2026, 6, 1, 18, 0)
    assert manager.next_change(kyiv(2026, 6, 1, 18, 0)) == kyiv(2026, 6, 8, 9, 0)


def test_a_night_shift_is_cut_where_the_day_off_begins():
    manager = shifts(schedule((["fri"], "20:00", "02:00")), ("2026-06-06", "2026-06-06"))
    assert manager.next_change(kyiv(2026, 6, 5, 20, 0)) == kyiv(2026, 6, 6)
    assert not manager.is_on(kyiv(2026, 6, 6, 1, 0))


@pytest.mark.parametrize(("first", "last"), [("2026-06-02", "2026-06-01"), ("2026-06-02", "2030-06-02")])
def test_days_off_end_after_they_begin_and_not_in_another_age(first, last):
    with pytest.raises(ValidationError, match="within two years"):
        DaysOff.model_validate({"from": first, "to": last})


@given(st.one_of(st.none(), schedules), near_turns, st.data())
def test_shifts_change_where_their_minutes_do(hours, at, data):
    zone = hours.timezone if hours is not None else data.draw(zones)
    today = at.astimezone(ZoneInfo(zone)).date()
    starts = st.integers(-2, 2).map(lambda days: today + timedelta(days=days))
    days_off = data.draw(st.lists(st.tuples(starts, st.integers(0, 2)), max_size=3))
    off = [(str(first), str(first + timedelta(days=days))) for first, days in days_off]
    manager = shifts(hours, *off, timezone=zone)
    looked_at = minutes_on(manager.is_on, at, at + timedelta(days=2))
    differing = next((n for n, is_on in enumerate(looked_at) if is_on is not looked_at[0]), None)
    change = manager.next_change(at)
    if differing is not None:
        assert change == at + timedelta(minutes=differing)
    else:
        assert change is None or change >= at + timedelta(days=2)
