"""Cases read from whatever order of things, and what they add up to."""

import math
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inbox.model.numbers import SHARPNESS, bucket_of, changed_keys, percentile, summed
from tests.inbox.lives import START, Life

Document = dict[str, Any]

STEPS = st.one_of(
    st.tuples(st.just("writes"), st.sampled_from(["tg", "mail"])),
    st.tuples(st.just("answers"), st.sampled_from(["ann", "bob", "bot", None])),
    st.tuples(st.just("goes_to"), st.sampled_from(["ann", "bob", None])),
    st.tuples(st.just("is_put"), st.sampled_from(["closed", "closed", "open", "snoozed"])),
    st.tuples(st.just("moves"), st.sampled_from(["sales", None])),
    st.tuples(st.just("rates"), st.integers(1, 5)),
)


@settings(max_examples=300)
@given(st.lists(st.tuples(STEPS, st.integers(0, 2)), max_size=40))
def test_whoever_looks_however_often_reads_the_same_in_the_end(steps):
    life = Life()
    known: dict[str, Document] = {}
    stale: set[str] = set()
    for (step, value), looks in steps:
        getattr(life, step)(value)
        for _ in range(looks):
            for row in life.read(list(known.values())):
                stale.update(changed_keys(known.get(row["_id"], {}).get("shares", ()), row["shares"]))
                known[row["_id"]] = row
    life.told()
    # Whatever happened after the last look is a change that is looked at.
    for row in life.read(list(known.values())):
        stale.update(changed_keys(known.get(row["_id"], {}).get("shares", ()), row["shares"]))
        known[row["_id"]] = row
    scratch = {row["_id"]: row for row in life.read()}
    assert known == scratch
    hours = summed(share for row in scratch.values() for share in row["shares"])
    assert set(hours) <= stale
    assert sum(hour.get("opened", 0) for hour in hours.values()) == life.conversation["openings"]
    written = [row for row in life.messages if row["direction"] == "in"]
    assert sum(hour.get("messages", 0) for hour in hours.values()) == len(written)
    replied = [row for row in life.messages if row["direction"] == "out" and row["author"]["type"] != "bot"]
    assert sum(hour.get("replies", 0) for hour in hours.values()) == len(replied)
    scores = [rating["score"] for rating in life.conversation.get("ratings", ()) if rating["no"]]
    assert sum(hour.get("rated", 0) for hour in hours.values()) == len(scores)
    assert sum(hour.get("points", 0) for hour in hours.values()) == sum(scores)
    assert sum(hour.get("satisfied", 0) for hour in hours.values()) == sum(score >= 4 for score in scores)


@given(st.lists(st.tuples(STEPS, st.just(0)), max_size=30), st.randoms(use_true_random=False))
def test_sums_do_not_depend_on_the_order_of_shares(steps, chance):
    life = Life()
    for (step, value), _ in steps:
        getattr(life, step)(value)
    shares = [share for row in life.read() for share in row["shares"]]
    shuffled = list(shares)
    chance.shuffle(shuffled)
    assert summed(shuffled) == summed(shares)


def test_a_case_from_its_opening_to_its_closing():
    life = Life()
    life.moves("sales")
    life.writes()  # 8:14, before the shop opens
    life.goes_to("ann")  # 8:21
    life.answers("bot")
    life.answers("ann")  # 8:35
    for _ in range(4):
        life.notes()
    life.writes("mail")  # 9:10
    life.answers("bob")
    life.is_put("closed")  # 9:24
    [case] = life.read()
    assert case["no"] == 1
    assert (case["manager_id"], case["team_id"], case["channel_id"]) == ("ann", "sales", "tg")
    assert case["assigned_at"] - case["opened_at"] == timedelta(minutes=7)
    assert case["first_reply_at"] - case["opened_at"] == timedelta(minutes=21)
    assert case["first_reply_by"] == "ann"
    assert (case["messages"], case["replies"]) == (2, 2)
    eight, nine = (START.replace(hour=hour) for hour in (6, 7))
    hours = {(row["hour"], row["manager_id"], row["channel_id"]): row for row in summed(case["shares"]).values()}
    assert set(hours) == {(eight, "ann", "tg"), (nine, "ann", "mail"), (nine, "bob", "mail"), (nine, "ann", "tg")}
    first = hours[eight, "ann", "tg"]
    assert (first["opened"], first["messages"], first["replies"]) == (1, 1, 1)
    assert (first["wait"]["seconds"], first["reply"]["seconds"], first["reply_open"]["seconds"]) == (420, 1260, 0)
    assert hours[nine, "ann", "tg"]["resolution"]["seconds"] == 70 * 60
    assert "returned" not in first


def test_an_answer_after_opening_time_counts_open_time_only():
    life = Life()
    life.writes()  # 8:07
    for _ in range(9):
        life.notes()
    life.answers("ann")  # 9:17
    [case] = life.read()
    [share] = [share for share in case["shares"] if "reply" in share["spans"]]
    assert (share["spans"]["reply"], share["spans"]["reply_open"]) == (70 * 60, 17 * 60)


def test_who_writes_again_after_closing_begins_another_case():
    life = Life()
    life.writes()
    life.goes_to("ann")
    life.is_put("closed")
    life.answers("ann")
    life.writes()
    life.is_put("closed")
    life.is_put("open")
    first, second = life.read()
    assert (first["no"], first["replies"], first["closed_at"] is not None) == (1, 1, True)
    assert (second["no"], second["manager_id"], second["closed_at"]) == (2, None, None)
    assert sum(row.get("returned", 0) for row in summed(second["shares"]).values()) == 1


def test_what_the_bot_answers_fully_is_counted_apart_and_is_no_reply():
    life = Life()
    life.writes()
    life.goes_to("ann")
    life.answers("bot")
    life.is_answered_by_bot()
    [case] = life.read()
    assert (case["replies"], case["first_reply_at"]) == (0, None)
    [told] = [row for row in summed(case["shares"]).values() if row.get("answered_by_bot")]
    assert (told["manager_id"], told["answered_by_bot"], told.get("replies")) == ("ann", 1, None)


def test_what_the_bot_hands_off_stays_with_who_held_it():
    life = Life()
    life.writes()
    life.goes_to("ann")
    life.is_handed_off()
    life.is_put("closed")
    life.writes()
    first, second = life.read()
    assert (first["manager_id"], first["closed_at"] is not None, second["manager_id"]) == ("ann", True, None)


def test_what_the_shop_says_before_anybody_wrote_is_no_case():
    life = Life()
    life.answers("ann")
    [before] = life.read()
    assert before["no"] == 0
    assert summed(before["shares"]).popitem()[1].keys() >= {"replies"}
    assert not {"opened", "reply"} & summed(before["shares"]).popitem()[1].keys()
    life.writes()
    assert [row["no"] for row in life.read()] == [0, 1]


def test_a_conversation_from_before_openings_were_remembered_tells_its_last_one():
    life = Life()
    life.writes()
    life.is_put("closed")
    life.writes()
    life.answers("bob")
    del life.conversation["begun"]
    for happening in life.happenings:
        del happening["case"], happening["team_id"]
    [case] = life.read()
    assert (case["no"], case["messages"], case["first_reply_by"]) == (2, 1, "bob")


def test_a_late_answer_stays_late_and_what_a_crash_left_untold_stays_known():
    life = Life()
    life.writes()
    life.goes_to("ann")
    breached = life.clock + timedelta(minutes=1)
    life.conversation["clock"] = {"kind": "first", "breached_at": breached}
    known = life.read()
    life.answers()
    life.conversation["clock"] = None
    life.is_put("closed")
    known = life.read(known)
    assert known[0]["late_at"] == breached
    life.untold.clear()
    life.writes()
    life.happenings.clear()
    assert life.read(known)[0] == known[0]


@given(st.lists(st.floats(1, 10_000_000), min_size=1, max_size=200), st.sampled_from([0.1, 0.5, 0.9, 1.0]))
def test_a_percentile_is_as_sharp_as_it_says(seconds, part):
    buckets: dict[str, int] = {}
    for one in seconds:
        buckets[str(bucket_of(one))] = buckets.get(str(bucket_of(one)), 0) + 1
    exact = sorted(seconds)[math.ceil(len(seconds) * part) - 1]
    told = percentile(buckets, part)
    assert told == pytest.approx(exact, rel=SHARPNESS + 1e-9)


def test_of_nothing_there_is_no_percentile():
    assert percentile({}, 0.5) is None
    assert percentile({"0": 3}, 0.9) == 0
