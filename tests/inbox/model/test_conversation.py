from datetime import UTC, datetime, timedelta
from functools import reduce
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inbox.model.conversation import (
    KEEP_UNANSWERED,
    answered,
    arrived,
    brought,
    new_conversation,
    place_among,
    preview,
    reopens,
    unread,
)
from inbox.model.ids import sort_key

START = datetime(2026, 11, 1, 9, tzinfo=UTC)
WINDOW = timedelta(days=14)


def message(number: int, *, direction: str = "in", **fields: Any) -> dict[str, Any]:
    """The message of the minute `number`."""
    at = START + timedelta(minutes=number)
    return {
        "_id": f"m{number}",
        "channel_id": "c1",
        "direction": direction,
        "author": {"type": "customer", "id": "u1", "name": "Ann"},
        "text": f"message {number}",
        "attachments": [],
        "content": None,
        "state": "received",
        "sort": sort_key(at, number),
        "sent_at": at,
        "received_at": at,
        **fields,
    }


def fresh(**fields: Any) -> dict[str, Any]:
    return {**new_conversation("k1", customer_id="u1", channel_id="c1", at=START), **fields}


def receive(conversation: dict[str, Any], *messages: dict[str, Any]) -> dict[str, Any]:
    return {**conversation, **arrived(conversation, messages)}


def reply(conversation: dict[str, Any], sent: dict[str, Any], *, by_person: bool = True) -> dict[str, Any]:
    return {**conversation, **answered(conversation, sent, by_person=by_person)}


@st.composite
def _portions(draw: st.DrawFn) -> tuple[list[int], list[list[int]]]:
    """Message numbers, and the same as they may come: shuffled, repeated, in portions."""
    numbers = draw(st.lists(st.integers(1, 200), min_size=1, max_size=70, unique=True))
    repeated = numbers + draw(st.lists(st.sampled_from(numbers), max_size=20))
    coming = draw(st.permutations(repeated))
    cuts = sorted(draw(st.sets(st.integers(1, len(coming)), max_size=8)) | {len(coming)})
    portions, begin = [], 0
    for end in cuts:
        portions.append(coming[begin:end])
        begin = end
    return numbers, portions


TOLD = ("unanswered", "last_message", "last_at", "last_inbound_sort", "channel_id", "status", "active")


@given(_portions())
def test_messages_in_any_order_portions_and_repetition_make_the_same_conversation(case):
    numbers, portions = case
    once = receive(fresh(), *(message(number) for number in sorted(numbers)))
    often = reduce(lambda row, portion: receive(row, *(message(number) for number in portion)), portions, fresh())
    assert {field: often[field] for field in TOLD} == {field: once[field] for field in TOLD}
    assert once["unanswered"] == [message(number)["sort"] for number in sorted(numbers)][-KEEP_UNANSWERED:]


@given(_portions(), st.integers(0, 201), st.integers(0, 8))
def test_a_reply_in_between_leaves_unread_what_was_written_after_it(case, answered_at, position):
    numbers, portions = case
    sent = message(answered_at, direction="out")
    row = fresh()
    for turn, portion in enumerate(portions):
        if turn == position:
            row = reply(row, sent)
        row = receive(row, *(message(number) for number in portion))
    if position >= len(portions):
        row = reply(row, sent)
    later = [message(number)["sort"] for number in sorted(numbers) if message(number)["sort"] > sent["sort"]]
    assert row["unanswered"] == later[-KEEP_UNANSWERED:]
    assert unread(row, "m1") == len(row["unanswered"])
    assert (row["waiting_since"] is None) == (not later)


@given(_portions(), st.integers(0, 201))
def test_a_wait_begins_with_the_first_message_that_nobody_answered(case, answered_at):
    """Fewer than are counted at most: of more, nobody knows when the first was written."""
    numbers, portions = case
    sent = message(answered_at, direction="out")
    row = reply(reduce(lambda row, portion: receive(row, *map(message, portion)), portions, fresh()), sent)
    first = min((number for number in sorted(numbers)[-KEEP_UNANSWERED:] if number > answered_at), default=None)
    if len(numbers) <= KEEP_UNANSWERED:
        assert row["waiting_since"] == (message(first)["received_at"] if first is not None else None)


def test_a_message_that_is_heard_of_again_begins_no_wait_behind_a_rest():
    asked = receive(fresh(), message(1), message(2))
    closed = asked | {"status": "closed", "active": False, "waiting_since": None}
    assert receive(closed, message(1), message(2))["waiting_since"] is None
    woken = asked | {"waiting_since": START + timedelta(hours=2)}
    assert receive(woken, message(1))["waiting_since"] == woken["waiting_since"]


def of_one_second(number: int, received: int, **fields: Any) -> dict[str, Any]:
    """A customer's message of the second `START`, whose provider tells time in seconds; it came after `received` ms."""
    came = START + timedelta(milliseconds=received)
    return message(0, _id=f"s{number}", sort=sort_key(START, number), sent_at=START, received_at=came, **fields)


def said_at(milliseconds: int) -> dict[str, Any]:
    at = START + timedelta(milliseconds=milliseconds)
    return message(0, _id=f"r{milliseconds}", direction="out", sort=sort_key(at, 500), sent_at=at)


def come(row: dict[str, Any], written: dict[str, Any]) -> dict[str, Any]:
    return receive(row, {**written, "sort": place_among(row, written)})


@pytest.mark.parametrize("by_person", [True, False], ids=["person", "bot"])
def test_who_answers_within_the_second_of_a_reply_stands_after_it_and_waits(by_person):
    row = reply(come(fresh(), of_one_second(1, 100)), said_at(300), by_person=by_person)
    before = list(row["unanswered"])
    for number, received in ((2, 600), (3, 620)):
        row = come(row, of_one_second(number, received))
        assert row["last_message"]["id"] == f"s{number}"
    assert len(row["unanswered"]) == len(before) + 2
    assert row["waiting_since"] is not None
    assert row["unanswered"][-1] < sort_key(START + timedelta(seconds=1), 4)


def test_what_came_before_a_reply_of_its_second_stands_before_it_however_late_it_is_stored():
    row = come(reply(fresh(), said_at(300)), of_one_second(1, 200))
    assert row["last_message"]["direction"] == "out"
    assert row["unanswered"] == []


def test_what_came_before_and_after_a_reply_of_its_second_is_in_the_order_of_its_provider():
    row = reply(fresh(), said_at(300))
    row = come(row, of_one_second(2, 400))
    row = come(row, of_one_second(1, 500))
    assert row["last_message"]["id"] == "s2"
    assert len(row["unanswered"]) == 2


def test_a_time_in_milliseconds_is_where_a_message_stands():
    exact = message(0, sort=sort_key(START + timedelta(milliseconds=100), 1), received_at=START + timedelta(seconds=1))
    assert place_among(reply(fresh(), said_at(300)), exact) == exact["sort"]


def test_the_first_message_opens_and_names_the_opening():
    row = receive(fresh(), message(2), message(1))
    assert (row["status"], row["active"]) == ("open", True)
    assert (row["opened_by"], row["opened_at"]) == ("m1", message(1)["received_at"])
    assert row["openings"] == 1
    assert row["waiting_since"] == message(1)["received_at"]
    assert row["last_message"] == preview(message(2))


@pytest.mark.parametrize("status", ["closed", "snoozed"])
def test_a_message_wakes_what_rested_and_takes_it_from_its_holder(status):
    """What rests counts for nobody, so routing has to give it out again."""
    rested = receive(fresh(), message(1)) | {
        "status": status,
        "active": status != "closed",
        "assignee_id": "mary",
        "closed_at": START if status == "closed" else None,
        "snoozed_until": START if status == "snoozed" else None,
    }
    row = receive(rested, message(2))
    assert (row["status"], row["active"], row["closed_at"], row["snoozed_until"]) == ("open", True, None, None)
    assert (row["assignee_id"], row["last_assignee_id"]) == (None, "mary")
    assert row["opened_by"] == "m2"
    assert row["openings"] == (2 if status == "closed" else 1)
    assert row["version"] == rested["version"] + 1
    assert receive(row, message(2))["openings"] == row["openings"]


def test_a_message_to_a_pending_conversation_leaves_it_with_its_holder():
    row = receive(receive(fresh(), message(1)) | {"status": "pending", "assignee_id": "mary"}, message(2))
    assert (row["status"], row["assignee_id"], row["opened_by"]) == ("open", "mary", "m1")


@pytest.mark.parametrize("status", ["pending", "snoozed", "closed"])
def test_what_was_seen_before_opens_nothing(status):
    row = receive(fresh(), message(1), message(3)) | {"status": status, "active": status != "closed"}
    for again in (message(1), message(2), message(3)):
        row = receive(row, again)
        assert row["status"] == status


def test_where_another_conversation_is_active_a_message_stays_without_opening():
    closed = receive(fresh(), message(1)) | {"status": "closed", "active": False, "closed_at": START}
    changes = arrived(closed, [message(2)], opens=False)
    assert not {"status", "active", "closed_at", "last_inbound_sort"} & set(changes)
    assert changes["last_message"]["id"] == "m2"


def test_a_message_that_comes_late_from_before_the_reply_is_neither_unread_nor_waited_for():
    row = reply(receive(fresh(), message(1)), message(5, direction="out"))
    row = receive(row, message(3))
    assert (row["unanswered"], row["waiting_since"], unread(row, "mary")) == ([], None, 0)
    assert row["last_message"]["id"] == "m5"


def test_only_a_person_ends_the_wait():
    asked = receive(fresh(), message(1))
    automatic = reply(asked, message(2, direction="out"), by_person=False)
    assert unread(automatic, "mary") == 1
    assert automatic["waiting_since"] == asked["waiting_since"]
    assert automatic["last_message"]["id"] == "m2"
    assert reply(automatic, message(3, direction="out"))["waiting_since"] is None


def by_itself(number: int, *answers: int) -> dict[str, Any]:
    """A message of the bot's that answers those of these numbers fully."""
    return message(number, direction="out", answers=[message(one)["sort"] for one in answers])


def test_what_the_bot_answers_fully_waits_for_no_person_and_is_no_persons_reply():
    asked = receive(fresh(), message(1), message(2))
    row = reply(asked, by_itself(3, 1, 2), by_person=False)
    assert (row["unanswered"], row["waiting_since"], row["status"]) == ([], None, "pending")
    assert (row["last_reply_sort"], row["version"]) == ("", asked["version"] + 1)
    again = receive(row, message(1), message(2))
    assert (again["unanswered"], again["waiting_since"], again["status"]) == ([], None, "pending")
    opened = receive(row, message(4))
    assert (opened["status"], opened["waiting_since"]) == ("open", message(4)["received_at"])


def test_what_the_bot_did_not_answer_waits_on():
    asked = receive(fresh(), message(1), message(2), message(4))
    row = reply(asked, by_itself(5, 2), by_person=False)
    assert row["unanswered"] == [message(1)["sort"], message(4)["sort"]]
    assert (row["waiting_since"], row["status"]) == (asked["waiting_since"], "open")
    row = reply(row, by_itself(6, 1), by_person=False)
    assert (row["unanswered"], row["status"]) == ([message(4)["sort"]], "open")
    assert row["waiting_since"] == message(4)["received_at"]


@pytest.mark.parametrize("status", ["closed", "snoozed", "pending"])
def test_a_full_answer_opens_and_wakes_nothing(status):
    row = receive(fresh(), message(1)) | {"status": status}
    assert reply(row, by_itself(2, 1), by_person=False)["status"] == status


@given(_portions(), st.integers(0, 8), st.data())
def test_what_the_bot_answered_is_unanswered_no_more_however_often_it_is_heard(case, position, data):
    numbers, portions = case
    heard = sorted({number for portion in portions[: position + 1] for number in portion})
    dealt_with = data.draw(st.sets(st.sampled_from(heard), max_size=KEEP_UNANSWERED))
    row = fresh()
    for turn, portion in enumerate(portions):
        row = receive(row, *map(message, portion))
        if turn == min(position, len(portions) - 1):
            row = reply(row, by_itself(300, *dealt_with), by_person=False)
    left = [message(number)["sort"] for number in sorted(set(numbers) - dealt_with)]
    if len(numbers) <= KEEP_UNANSWERED:
        assert row["unanswered"] == left
        assert (row["waiting_since"] is None) == (not left)


def test_unread_is_counted_from_what_this_manager_has_seen():
    row = receive(fresh(), *(message(number) for number in range(1, 6)))
    row["read_by"] = {"mary": message(3)["sort"]}
    assert unread(row, "mary") == 2
    assert unread(row, "olena") == 5
    row = receive(row, message(9))
    assert unread(row, "mary") == 3


def test_no_more_is_counted_than_a_badge_shows():
    row = receive(fresh(), *(message(number) for number in range(1, 100)))
    assert unread(row, "mary") == KEEP_UNANSWERED


@pytest.mark.parametrize(
    ("ago", "window", "expected"),
    [
        (timedelta(seconds=1), WINDOW, True),
        (WINDOW - timedelta(milliseconds=1), WINDOW, True),
        (WINDOW, WINDOW, False),
        (timedelta(days=400), WINDOW, False),
        (timedelta(seconds=-1), WINDOW, True),
        (timedelta(seconds=1), timedelta(0), False),
    ],
)
def test_a_closed_conversation_is_reopened_within_the_window(ago, window, expected):
    assert reopens({"closed_at": START}, START + ago, window) is expected


def test_what_was_never_closed_is_not_reopened():
    assert reopens({"closed_at": None}, START, WINDOW) is False


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({"text": "x" * 300}, "x" * 200),
        ({"text": "", "attachments": [{"type": "photo"}, {"type": "video"}]}, "Photo"),
        ({"text": "", "content": {"type": "location"}}, "Location"),
        ({"text": "see", "attachments": [{"type": "photo"}]}, "see"),
        ({"text": ""}, ""),
    ],
)
def test_the_row_of_the_list_shows_words_or_what_came_instead(fields, shown):
    assert preview(message(1, **fields))["text"] == shown


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_how_the_customer_came_is_what_the_first_message_says_that_says_it(order):
    said = [message(1), message(2, source="ad", quiet=True), message(3, source="link"), message(4)]
    found = fresh()
    for number in order:
        found |= brought(found, [said[number]])
    assert found["source"] == "ad"


def test_how_the_customer_came_stays_as_it_was_known():
    assert "source" not in brought(fresh(source="link"), [message(1, source="ad")])
