"""Grouping messages into what the thread shows."""

from datetime import UTC, datetime, timedelta

from tests.web.pages.shop import author, message
from web.pages.looks import Clock
from web.pages.thread import Day, Group, Line, arrange, files

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
CLOCK = Clock(UTC, NOON)


def said(direction, minutes, **fields):
    return message(f"m{minutes}", "c", direction, "…", NOON + timedelta(minutes=minutes), **fields)


def shapes(messages, after=None):
    return [
        len(item.messages) if isinstance(item, Group) else type(item).__name__
        for item in arrange(messages, CLOCK, after=after)
    ]


def test_one_author_in_a_row_is_one_group():
    assert shapes([said("in", 0), said("in", 1), said("out", 2), said("in", 3)]) == ["Day", 2, 1, 1]


def test_a_pause_another_author_or_another_channel_ends_a_group():
    ihor = author("manager", "ihor", "Ігор")
    assert shapes([said("in", 0), said("in", 6)]) == ["Day", 1, 1]
    assert shapes([said("out", 0), said("out", 1, author=ihor)]) == ["Day", 1, 1]
    assert shapes([said("in", 0), said("in", 1, channel_id="vb")]) == ["Day", 1, 1]


def test_trouble_stands_alone_so_that_its_words_are_beside_it():
    assert shapes([said("out", 0, state="failed"), said("out", 1)]) == ["Day", 1, 1]


def test_days_and_lines():
    items = arrange([said("in", -1440), said("system", 0)], CLOCK)
    assert [type(item) for item in items] == [Day, Group, Day, Line]
    assert [item.ago for item in items if isinstance(item, Day)] == [1, 0]


def test_the_day_of_what_stands_before_is_not_said_again():
    assert shapes([said("in", 0)], after=said("in", -1)) == [1]
    assert shapes([]) == []


def test_what_happened_stands_between_what_was_said():
    closed = {"kind": "status", "id": "e", "at": NOON + timedelta(minutes=1), "conversation_id": "c"}
    assert shapes([said("in", 0), closed, said("in", 2)]) == ["Day", 1, "Happening", 1]
    assert shapes([closed], after=said("in", 0)) == ["Happening"]


def test_another_conversation_begins_with_a_line():
    other = {**said("in", 1), "conversation_id": "other"}
    assert shapes([said("in", 0), other, said("in", 2)]) == ["Day", 1, "Case", 1, "Case", 1]
    assert shapes([other], after=said("in", 0)) == ["Case", 1]


def test_a_photo_that_browsers_cannot_show_is_a_file_like_others():
    shown = {"type": "photo", "content_type": "image/jpeg", "state": "stored"}
    odd = {**shown, "content_type": "image/heif"}
    coming = {**shown, "state": "pending"}
    found = files({"attachments": [shown, odd, coming]})
    assert found.photos == [shown]
    assert found.others == [("document", odd), ("photo", coming)]
