"""What a clock shows is a function of what happened, by the hours on the shop's wall."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from inbox.model.conversation import answered, arrived, new_conversation
from inbox.model.ids import sort_key
from inbox.model.schedule import Schedule
from routing.clockwork import Terms, follows, mended, next_look, relieved_at, state, struck, wound
from routing.policy import Policy, Targets

KYIV = ZoneInfo("Europe/Kyiv")
ALWAYS = Schedule.model_validate(
    {
        "timezone": "UTC",
        "open": [{"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "from": "00:00", "to": "24:00"}],
    }
)
OFFICE = Schedule.model_validate(
    {"timezone": "Europe/Kyiv", "open": [{"days": ["mon", "tue", "wed", "thu", "fri"], "from": "09:00", "to": "18:00"}]}
)
START = datetime(2026, 11, 2, 9, tzinfo=UTC)
"""A Monday."""


def terms(hours: Schedule = ALWAYS, *, first: int | None = 60, following: int | None = 30, **policy: Any) -> Terms:
    return Terms(Policy(targets=Targets(first_reply=first, next_reply=following), **policy), hours)


def minute(number: float) -> datetime:
    return START + timedelta(minutes=number)


def message(number: float, direction: str = "in") -> dict[str, Any]:
    at = minute(number)
    return {
        "_id": f"m{number}",
        "channel_id": "c1",
        "direction": direction,
        "author": {"type": "customer", "id": "u1", "name": "Ann"},
        "text": "",
        "attachments": [],
        "state": "received",
        "sort": sort_key(at, int(number * 1000)),
        "sent_at": at,
        "received_at": at,
    }


class Case:
    """A conversation with its clock, changed at chosen times."""

    def __init__(self, goes_by: Terms) -> None:
        self.terms = goes_by
        self.row = new_conversation("k1", customer_id="u1", channel_id="c1", at=minute(-1))

    def change(self, at: datetime, changes: Mapping[str, Any]) -> None:
        after = {**self.row, **changes}
        clock = wound(self.row, after, self.terms, at) if follows(self.row, after) else self.row["clock"]
        self.row = {**after, "clock": clock}

    def write(self, *numbers: float, at: float | None = None) -> None:
        self.change(minute(numbers[-1] if at is None else at), arrived(self.row, [message(each) for each in numbers]))

    def reply(self, number: float, *, by_person: bool = True) -> None:
        self.change(minute(number), answered(self.row, message(number, "out"), by_person=by_person))

    def snooze(self, number: float) -> None:
        self.change(minute(number), {"status": "snoozed"})

    def wake(self, number: float) -> None:
        since = {"waiting_since": minute(number)} if self.row["unanswered"] else {}
        self.change(minute(number), {"status": "open", **since})

    def close(self, number: float) -> None:
        self.change(minute(number), {"status": "closed", "active": False, "waiting_since": None})

    def strike(self, number: float) -> None:
        self.row |= struck(self.row, minute(number))

    @property
    def clock(self) -> Any:
        return self.row["clock"]


@pytest.fixture
def case():
    return Case(terms())


def test_a_wait_has_the_first_target_until_somebody_answered_and_then_the_next(case):
    case.write(1)
    assert (case.clock["kind"], case.clock["since"], case.clock["due_at"]) == ("first", minute(1), minute(61))
    assert case.clock["warn_at"] == minute(46)
    case.write(5)
    assert case.clock["due_at"] == minute(61)
    case.reply(10)
    assert not case.clock
    case.write(20)
    assert (case.clock["kind"], case.clock["due_at"]) == ("next", minute(50))


def test_a_machines_reply_stops_no_clock(case):
    case.write(1)
    case.reply(2, by_person=False)
    assert case.clock["due_at"] == minute(61)


def test_what_was_written_after_the_reply_has_a_clock_of_its_own(case):
    case.write(1)
    case.write(8)
    case.reply(5)
    assert (case.clock["kind"], case.clock["since"], case.clock["due_at"]) == ("next", minute(8), minute(38))


def test_closing_ends_a_wait_and_the_next_case_begins_with_a_first_reply(case):
    case.write(1)
    case.reply(2)
    case.write(3)
    case.close(4)
    assert not case.clock
    case.write(100)
    assert (case.clock["kind"], case.clock["due_at"]) == ("first", minute(160))


def test_a_snooze_stops_the_clock_and_what_was_left_goes_on(case):
    case.write(0)
    case.snooze(40)
    assert (case.clock["due_at"], case.clock["warn_at"]) == (None, None)
    assert case.clock["left"] == {"warn": 300.0, "due": 1200.0}
    assert state(case.clock, minute(500)) is None
    case.wake(600)
    assert (case.clock["warn_at"], case.clock["due_at"], case.clock["left"]) == (minute(605), minute(620), None)
    assert case.clock["kind"] == "first"


def test_who_writes_to_a_snoozed_conversation_has_what_was_left(case):
    case.write(0)
    case.snooze(40)
    case.write(100)
    assert case.clock["due_at"] == minute(120)


def test_a_snooze_begins_no_wait_anew_that_was_late(case):
    case.write(0)
    case.strike(61)
    assert case.clock["breached_at"] == minute(61)
    case.snooze(62)
    case.wake(100)
    assert state(case.clock, minute(100)) == "late"
    before = case.row
    case.strike(101)
    assert case.row == before


def test_what_was_answered_before_a_snooze_has_a_whole_target_after_it(case):
    case.write(0)
    case.reply(1)
    case.snooze(2)
    assert not case.clock
    case.write(50)
    assert (case.clock["kind"], case.clock["due_at"]) == ("next", minute(80))


def test_without_a_target_there_is_no_clock():
    case = Case(terms(first=None))
    case.write(1)
    assert not case.clock
    case.reply(2)
    case.write(3)
    assert case.clock["kind"] == "next"


def test_hours_that_never_open_set_no_clock():
    never = Schedule.model_validate({"timezone": "UTC", "open": []})
    case = Case(terms(never))
    case.write(1)
    assert not case.clock


def test_a_policy_that_is_set_meanwhile_counts_for_waits_that_begin_later(case):
    case.write(1)
    case.terms = terms(first=5, following=5)
    case.write(2)
    assert case.clock["due_at"] == minute(61)
    older = Case(terms(first=None))
    older.write(1)
    older.terms = terms()
    older.write(2)
    assert older.clock is None


def test_another_team_goes_by_its_own_target_from_when_the_wait_began(case):
    case.write(0)
    case.terms = terms(first=20)
    case.change(minute(30), {"team_id": "repairs"})
    assert case.clock["due_at"] == minute(20)
    case.strike(30)
    assert (case.clock["breached_at"], case.row["priority"]) == (minute(30), 2)
    case.terms = terms(first=90)
    case.change(minute(40), {"team_id": "sales"})
    assert (case.clock["due_at"], case.clock["breached_at"], case.clock["raised"]) == (minute(90), None, True)
    case.strike(95)
    assert (case.clock["breached_at"], case.row["priority"]) == (minute(95), 2)


def test_each_channel_may_have_targets_of_its_own():
    quick = terms(channel_targets={"c1": Targets(first_reply=5)})
    case = Case(quick)
    case.write(0)
    assert case.clock["due_at"] == minute(5)
    case.reply(1)
    case.write(2)
    assert not case.clock


def test_a_clock_warns_once_and_raises_the_priority_once(case):
    case.write(0)
    assert struck(case.row, minute(44)) == {}
    case.strike(46)
    assert (case.clock["warned_at"], case.clock["breached_at"], case.row["priority"]) == (minute(46), None, 1)
    assert struck(case.row, minute(50)) == {}
    version = case.row["version"]
    case.strike(60)
    assert (case.clock["breached_at"], case.row["priority"], case.row["version"]) == (minute(60), 2, version + 1)
    assert struck(case.row, minute(70)) == {}
    case.reply(80)
    case.write(90)
    case.strike(125)
    assert case.row["priority"] == 3
    case.reply(126)
    case.write(127)
    case.strike(200)
    assert case.row["priority"] == 3


def test_a_clock_that_was_looked_at_late_counts_as_warned(case):
    case.write(0)
    case.strike(90)
    assert (case.clock["warned_at"], case.clock["breached_at"]) == (minute(90), minute(90))


@pytest.mark.parametrize(
    ("at", "shown"), [(0, "running"), (44, "running"), (45, "at_risk"), (59, "at_risk"), (60, "late")]
)
def test_how_a_clock_stands(case, at, shown):
    case.write(0)
    assert state(case.clock, minute(at)) == shown
    assert state(None, minute(at)) is None


def test_clocks_run_in_opening_hours():
    case = Case(terms(OFFICE))
    # Friday 17:30 in Kyiv: half an hour is left of it, the rest of the hour is Monday's.
    case.change(
        minute(0), arrived(case.row, [{**message(0), "received_at": datetime(2026, 11, 6, 15, 30, tzinfo=UTC)}])
    )
    assert case.clock["due_at"] == datetime(2026, 11, 9, 7, 30, tzinfo=UTC)
    assert case.clock["warn_at"] == datetime(2026, 11, 9, 7, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "due"),
    [
        # In spring the hour from three to four does not happen, in autumn it happens twice.
        pytest.param(datetime(2026, 3, 29, 2, 30, tzinfo=KYIV), datetime(2026, 3, 29, 4, 30, tzinfo=KYIV), id="spring"),
        pytest.param(
            datetime(2026, 10, 25, 3, 30, tzinfo=KYIV), datetime(2026, 10, 25, 3, 30, fold=1, tzinfo=KYIV), id="autumn"
        ),
    ],
)
def test_an_hour_is_an_hour_when_the_clocks_change(written, due):
    nights = Schedule.model_validate(
        {"timezone": "Europe/Kyiv", "open": [{"days": ["sun"], "from": "00:00", "to": "12:00"}]}
    )
    case = Case(terms(nights))
    at = written.astimezone(UTC)
    case.change(at, arrived(case.row, [{**message(0), "received_at": at}]))
    assert case.clock["due_at"] == due.astimezone(UTC)
    assert case.clock["due_at"] - at == timedelta(hours=1)


def test_over_a_change_of_clocks_opening_hours_stay_those_on_the_wall():
    case = Case(terms(OFFICE))
    friday = datetime(2026, 10, 23, 17, 30, tzinfo=KYIV).astimezone(UTC)
    case.change(friday, arrived(case.row, [{**message(0), "received_at": friday}]))
    assert case.clock["due_at"].astimezone(KYIV) == datetime(2026, 10, 26, 9, 30, tzinfo=KYIV)


def test_who_does_not_answer_loses_the_conversation_in_open_minutes_since_they_hold_it():
    goes_by = terms(OFFICE, first=None, unanswered=15)
    case = Case(goes_by)
    friday = datetime(2026, 11, 6, 15, 30, tzinfo=UTC)
    case.change(friday, arrived(case.row, [{**message(0), "received_at": friday}]))
    assert relieved_at(case.row, goes_by, friday) == friday + timedelta(minutes=15)
    held = {**case.row, "assignee_id": "mary", "assignment": {"at": friday + timedelta(minutes=25)}}
    monday = datetime(2026, 11, 9, 7, 10, tzinfo=UTC)
    assert relieved_at(held, goes_by, monday) == next_look(held, goes_by, monday) == monday
    assert relieved_at({**held, "status": "snoozed"}, goes_by, monday) is None
    assert relieved_at({**held, "waiting_since": None}, goes_by, monday) is None
    assert relieved_at(held, terms(), monday) is None


def test_a_wait_is_looked_at_when_it_warns_then_when_it_is_due(case):
    case.write(0)
    assert next_look(case.row, case.terms, minute(0)) == minute(45)
    case.strike(45)
    assert next_look(case.row, case.terms, minute(45)) == minute(60)
    case.strike(60)
    assert next_look(case.row, case.terms, minute(60)) is None
    case.terms = terms(unanswered=10)
    # Nobody holds it: whoever gets it now has ten minutes.
    assert next_look(case.row, case.terms, minute(61)) == minute(71)


def test_what_was_put_together_or_taken_apart_gets_the_clock_of_its_wait(case):
    case.write(0)
    clock = case.clock
    assert mended(case.row, case.terms, minute(1)) == clock
    assert mended({**case.row, "clock": None}, case.terms, minute(1)) == clock
    longer: Any = mended({**case.row, "waiting_since": minute(-5)}, case.terms, minute(1))
    assert longer["due_at"] == minute(55)
    assert mended({**case.row, "waiting_since": None}, case.terms, minute(1)) is None
    case.snooze(30)
    woken: Any = mended({**case.row, "status": "open"}, case.terms, minute(40))
    assert woken["due_at"] == minute(70)
    stopped: Any = mended({**case.row, "clock": clock}, case.terms, minute(40))
    assert stopped["left"]["due"] == 1200.0


@st.composite
def _histories(draw: st.DrawFn) -> list[tuple[str, int]]:
    """What happened, one thing a minute."""
    kinds = st.sampled_from(["write", "write", "reply", "bot", "snooze", "wake", "close", "late"])
    return [(kind, number) for number, kind in enumerate(draw(st.lists(kinds, max_size=40)))]


class Told:
    """What a clock must show, reckoned plainly from what happened."""

    def __init__(self) -> None:
        self.answered = False
        self.status = "new"
        self.rests_from = ""
        """The status before the last snooze."""
        self.spent = 0
        """Minutes waited before the last snooze."""
        self.running_since: int | None = None
        self.kind = ""

    def happen(self, kind: str, at: int) -> None:
        if kind == "write":
            if self.status in ("new", "closed"):
                # The first message opens the case, also where the shop wrote before.
                self.answered = False
            if not self.kind:
                self.kind, self.spent = ("next" if self.answered else "first"), 0
            if self.running_since is None:
                self.running_since = at
            self.status = "open"
        elif kind == "reply" and self.status != "closed":
            self.answered = True
            self.kind, self.running_since = "", None
        elif kind == "close" and self.status != "closed":
            self.status, self.kind, self.running_since = "closed", "", None
        elif kind == "snooze" and self.status in ("new", "open"):
            self.rests_from, self.status = self.status, "snoozed"
            if self.running_since is not None:
                self.spent, self.running_since = self.spent + at - self.running_since, None
        elif kind == "wake" and self.status == "snoozed":
            self.status = self.rests_from
            self.running_since = at if self.kind else None

    @property
    def clock(self) -> Any:
        if not self.kind:
            return None
        left = max(0, {"first": 15, "next": 5}[self.kind] - self.spent)
        if self.running_since is None:
            return self.kind, "still", left
        return self.kind, "due", minute(self.running_since + left)


@example([("reply", 0), ("snooze", 1), ("wake", 2), ("write", 3)])
@given(_histories())
def test_the_clock_is_a_function_of_what_happened(history):
    case, told = Case(terms(first=15, following=5)), Told()
    for kind, at in history:
        told.happen(kind, at)
        status = case.row["status"]
        if kind == "write":
            case.write(at)
        elif kind in ("reply", "bot") and status != "closed":
            case.reply(at, by_person=kind == "reply")
        elif kind == "snooze" and status == "open":
            case.snooze(at)
        elif kind == "wake" and status == "snoozed":
            case.wake(at)
        elif kind == "close" and status != "closed":
            case.close(at)
        elif kind == "late":
            case.strike(at)
        clock = case.clock
        if clock is None:
            shown = None
        elif clock["left"] is not None:
            shown = (clock["kind"], "still", clock["left"]["due"] / 60)
        else:
            shown = (clock["kind"], "due", clock["due_at"])
        assert shown == told.clock
        assert mended(case.row, case.terms, minute(at)) == clock
