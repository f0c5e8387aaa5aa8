"""What becomes of cards and conversations, as documents."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inbox.model.conversation import new_conversation, unread
from inbox.model.merging import joined, outdone, parted, tombstone, united, unjoined

DAY = datetime(2026, 11, 1, tzinfo=UTC)


def card(key: str, **fields: Any) -> dict[str, Any]:
    return {
        "_id": key,
        "name": "",
        "name_key": "",
        "phones": [],
        "emails": [],
        "tags": [],
        "fields": {},
        "language": "",
        "last_manager_id": None,
        "created_at": DAY,
        "updated_at": DAY,
        **fields,
    }


def case(key: str, **fields: Any) -> dict[str, Any]:
    return {**new_conversation(key, customer_id="c", channel_id="ch", at=DAY), **fields}


def test_where_both_cards_say_something_the_one_that_stays_is_right_and_the_other_is_kept_visible():
    first = card("a", name="Ann", language="uk", fields={"size": "M", "city": ""})
    second = card("b", name="Anna", language="en", fields={"size": "L", "city": "Lviv", "shoe": "38"}, tags=["vip"])
    merged = {**first, **united(first, second)}
    assert (merged["name"], merged["language"], merged["tags"]) == ("Ann", "uk", ["vip"])
    assert merged["fields"] == {"size": "M", "city": "", "shoe": "38"}
    assert outdone(first, second) == {"name": "Anna", "language": "en", "fields.size": "L"}


def test_a_card_without_a_name_takes_the_others_and_nothing_is_outdone():
    first, second = card("a"), card("b", name="Ann Lee", name_key="ann lee")
    told = united(first, second)
    assert (told["name"], told["name_key"]) == ("Ann Lee", "ann lee")
    assert outdone(first, second) == {}


def test_a_contact_that_is_proven_on_either_card_is_proven():
    first = card("a", phones=[{"number": "+1", "proven": False}])
    second = card("b", phones=[{"number": "+1", "proven": True}, {"number": "+2", "proven": False}])
    merged = united(first, second)["phones"]
    assert merged == [{"number": "+1", "proven": True}, {"number": "+2", "proven": False}]


def test_nobody_finds_a_card_that_went_by_what_it_said():
    gone = tombstone(card("b", name="Ann", tags=["vip"]), "a", "m", DAY)
    assert (gone["merged_into"], gone["name"], gone["tags"]) == ("a", "", [])


_rows = st.lists(st.sampled_from(["+1", "+2", "+3"]), unique=True).map(
    lambda numbers: [{"number": number, "proven": False} for number in numbers]
)
_cards = st.builds(
    card,
    st.just("x"),
    name=st.sampled_from(["", "Ann", "Bo"]),
    phones=_rows,
    tags=st.lists(st.sampled_from(["a", "b"]), unique=True),
    fields=st.dictionaries(st.sampled_from(["k", "l"]), st.sampled_from(["1", "2"])),
    language=st.sampled_from(["", "uk"]),
)


@given(before=_cards, loser=_cards)
def test_what_parts_again_untouched_is_what_it_was(before, loser):
    merged = {**before, **united(before, loser)}
    assert parted(merged, before, loser) == before


@pytest.mark.parametrize(
    ("first", "second", "status"),
    [
        ("snoozed", "open", "open"),
        ("pending", "snoozed", "pending"),
        ("open", "pending", "open"),
        ("snoozed", "snoozed", "snoozed"),
    ],
)
def test_a_joined_case_is_as_awake_as_the_more_awake_one(first, second, status):
    until = DAY + timedelta(days=3)
    kept, other = (
        case(key, status=state, snoozed_until=until if state == "snoozed" else None)
        for key, state in (("t", first), ("x", second))
    )
    told = joined(kept, other)
    assert (told["status"], told["snoozed_until"]) == (status, until if status == "snoozed" else None)


def test_what_was_for_one_teams_eyes_stays_so_and_a_holder_is_found():
    kept, other = case("t"), case("x", team_id="sales", assignee_id="mary", assignment={"reason": "manual"})
    told = joined(kept, other)
    assert (told["team_id"], told["assignee_id"], told["assignment"]) == ("sales", "mary", {"reason": "manual"})


_keys = st.lists(st.sampled_from([f"{number:02d}" for number in range(1, 20)]), unique=True, max_size=5).map(sorted)


@st.composite
def _cases(draw: st.DrawFn, keys: list[str]) -> dict[str, Any]:
    reply = draw(st.sampled_from(["", *keys]))
    read = draw(st.sampled_from(["", *keys]))
    return case(
        "k",
        unanswered=[key for key in keys if key > reply],
        last_reply_sort=reply,
        read_by={"mary": read} if read else {},
    )


@given(data=st.data(), keys=_keys)
def test_joining_hides_nothing_that_somebody_has_not_seen_answered(data, keys):
    split = data.draw(st.lists(st.booleans(), min_size=len(keys), max_size=len(keys)))
    mine = [key for key, first in zip(keys, split, strict=True) if first]
    theirs = [key for key, first in zip(keys, split, strict=True) if not first]
    kept, other = data.draw(_cases(mine)), data.draw(_cases(theirs))
    merged = {**kept, **joined(kept, other)}
    for viewer in ("mary", "nick"):
        assert unread(merged, viewer) >= unread(kept, viewer) + unread(other, viewer)
    assert set(merged["unanswered"]) == {*kept["unanswered"], *other["unanswered"]}


def test_a_case_that_another_one_leaves_keeps_what_was_changed_on_it_meanwhile():
    kept, other = case("t", labels=["gift"]), case("x", labels=["late"], priority=3, team_id="sales")
    present = {**kept, **joined(kept, other), "labels": ["gift", "late", "new"], "assignee_id": "mary"}
    back = {**present, **unjoined(present, kept, other)}
    assert (back["labels"], back["priority"], back["team_id"], back["assignee_id"]) == (
        ["gift", "new"],
        1,
        None,
        "mary",
    )


def test_what_the_bot_answered_in_either_case_stays_answered():
    merged = joined(case("t", settled=["1", "3"]), case("x", settled=["2"]))
    assert merged["settled"] == ["1", "2", "3"]
    assert "settled" not in joined(case("t"), case("x"))
