from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from inbox.model.windows import counts_answers, reply_window, with_limits
from tests.inbox.paper import CAPABILITIES

BEFORE = datetime(2026, 11, 1, tzinfo=UTC)
WROTE = datetime(2026, 11, 2, tzinfo=UTC)
DAY = timedelta(days=1)
WINDOWED = msgspec.structs.replace(CAPABILITIES, reply_window=86400, person_window=7 * 86400)


def identity(**fields):
    return {"_id": "i", "created_at": BEFORE, **fields}


def test_without_a_window_nothing_ever_closes():
    window = reply_window(identity(), CAPABILITIES)
    assert not window.closed(WROTE + 900 * DAY, by_person=False)
    assert not window.late(WROTE + 900 * DAY)


@pytest.mark.parametrize(
    ("after", "bot", "person", "late"),
    [
        (timedelta(0), False, False, False),
        (DAY, False, False, False),
        (DAY + timedelta(milliseconds=1), True, False, True),
        (7 * DAY, True, False, True),
        (7 * DAY + timedelta(milliseconds=1), True, True, True),
    ],
)
def test_what_is_closed_for_whom(after, bot, person, late):
    window = reply_window(identity(last_inbound_at=WROTE), WINDOWED)
    present = WROTE + after
    assert window.closed(present, by_person=False) is bot
    assert window.closed(present, by_person=True) is person
    assert window.late(present) is late


def test_who_never_wrote_has_no_window_open():
    assert reply_window(identity(), WINDOWED).closed(BEFORE + timedelta(seconds=1), by_person=True)


def test_a_comment_that_is_answered_in_private_opens_one():
    window = reply_window(identity(), WINDOWED, commented_at=WROTE)
    assert not window.closed(WROTE + DAY, by_person=False)
    later = reply_window(identity(last_inbound_at=WROTE + DAY), WINDOWED, commented_at=WROTE)
    assert later.until == WROTE + 2 * DAY


def test_a_person_s_window_is_told_where_it_is_longer():
    told = with_limits(identity(last_inbound_at=WROTE), WINDOWED)
    assert (told["window_until"], told["person_window_until"]) == (WROTE + DAY, WROTE + 7 * DAY)
    short = msgspec.structs.replace(WINDOWED, person_window=None)
    assert with_limits(identity(last_inbound_at=WROTE), short)["person_window_until"] is None
    assert with_limits(identity(), CAPABILITIES)["window_until"] is None


def test_how_many_messages_may_still_go():
    limited = msgspec.structs.replace(CAPABILITIES, unanswered_limit=100)
    assert with_limits(identity(), limited, unanswered=98)["unanswered_left"] == 2
    assert with_limits(identity(), limited, unanswered=120)["unanswered_left"] == 0
    assert with_limits(identity(), CAPABILITIES, unanswered=120)["unanswered_left"] is None
    assert [counts_answers(limits) for limits in (CAPABILITIES, WINDOWED, limited)] == [False, True, True]
