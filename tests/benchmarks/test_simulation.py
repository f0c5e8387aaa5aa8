import random
from collections import Counter, defaultdict
from itertools import pairwise

import pytest

from benchmarks.day import CAPACITY, team
from benchmarks.simulation import BOUND, Play, at_random, difference, one_day, ours

CHOICES = {"balanced": ours("balanced"), "round robin": ours("round_robin"), "random": at_random(3)}


@pytest.fixture(scope="module")
def crowded():
    """A team's day on which more customers write than there is room for at times."""
    return team(random.Random(5), takes=0.95, conversations=1250)


@pytest.fixture(scope="module", params=CHOICES)
def play(request, crowded):
    return Play(crowded, CHOICES[request.param])


def test_nobody_holds_more_than_their_capacity_and_some_wait_for_room(play):
    assert max(given.load for given in play.given) == CAPACITY
    assert any(given.at > given.queued_at for given in play.given), "else there is nothing to see here"


def test_who_has_waited_longest_leaves_the_queue_first(play):
    for earlier, later in pairwise(sorted(play.given, key=lambda given: given.since)):
        were_queued_together = later.at > earlier.queued_at
        assert earlier.at <= later.at or not were_queued_together, (earlier, later)


def test_every_message_is_answered_once_by_whoever_holds_its_conversation(play, crowded):
    assert len(play.begun) == len(crowded.replies)
    messages = Counter((begun.conversation, begun.since) for begun in play.begun)
    assert set(messages.values()) == {1}
    assert {begun.conversation for begun in play.begun} == set(range(len(crowded.customers)))
    gifts = defaultdict(list)
    for given in play.given:
        gifts[given.conversation].append(given)
    for begun in play.begun:
        holder = [given for given in gifts[begun.conversation] if given.at <= begun.at][-1]
        assert begun.manager == holder.manager
        assert begun.waited >= 0


def test_a_manager_writes_one_reply_at_a_time_and_begins_it_at_work(play, crowded):
    by_manager = defaultdict(list)
    for begun in play.begun:
        by_manager[begun.manager].append(begun)
    assert len(by_manager) == len(crowded.duties)
    for manager, replies in by_manager.items():
        assert all(one.done_at <= other.at for one, other in pairwise(replies))
        spans = crowded.duties[manager].spans
        assert all(any(since <= begun.at <= until for since, until in spans) for begun in replies)


def test_nothing_new_goes_to_who_is_about_to_leave_or_on_a_break(play, crowded):
    for given in play.given:
        duty = crowded.duties[given.manager]
        assert given.at <= duty.closing_at
        assert any(since <= given.at <= until for since, until in duty.spans)


def test_the_last_manager_is_asked_first_where_the_strategy_says_so():
    rows = [
        {"_id": number, "ratio": ratio, "pressure": 0, "last_assigned_at": turn}
        for number, ratio, turn in ((0, 0.5, 2), (1, 0.25, 3), (2, 0.75, 1))
    ]
    assert [ours("balanced")(rows, last)["_id"] for last in (2, None, 7)] == [2, 1, 1]
    assert ours("round_robin")(rows, 0)["_id"] == 2


def test_a_day_is_the_same_whenever_it_is_played_and_ours_comes_out_ahead():
    found = one_day(1, 0.75)
    assert found == one_day(1, 0.75)
    for baseline in ("round robin", "random"):
        for measure in ("mean_wait", "spread"):
            assert found["balanced"][measure] < found[baseline][measure]
    assert found[BOUND]["mean_wait"] < min(run["mean_wait"] for name, run in found.items() if name != BOUND)


@pytest.mark.parametrize(
    ("apart", "verdict"),
    [
        ([-1.0] * 15 + [1.0] * 5, "better"),
        ([-1.0] * 14 + [1.0] * 6, "tie"),
        ([0.0] * 20, "tie"),
        ([-1.0] * 6 + [1.0] * 14, "tie"),
        ([-1.0] * 5 + [1.0] * 15, "worse"),
        ([-1.0] * 5, "tie"),
    ],
)
def test_what_chance_may_have_done_is_a_tie(apart, verdict):
    assert difference(apart, [0.0] * len(apart)).verdict == verdict
