import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.day import Customer, Duty, Reply, Team, team
from benchmarks.pool import Wait, least_waits
from benchmarks.simulation import Play, at_random, ours


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    conversations=st.integers(1, 300),
    takes=st.floats(0.1, 12.0),
    choose=st.sampled_from([ours("balanced"), ours("round_robin"), at_random(7)]),
)
def test_no_schedule_begins_its_replies_sooner_nor_waits_less(seed, conversations, takes, choose):
    drawn = team(random.Random(seed), takes=takes, conversations=conversations)
    pool, play = least_waits(drawn), Play(drawn, choose)
    assert len(pool) == len(play.begun)
    assert all(least.until <= begun.at + 1e-6 for least, begun in zip(pool, play.begun, strict=True))
    waited = sum(begun.waited for begun in play.begun)
    assert sum(wait.until - wait.since for wait in pool) <= waited + 1e-6 * len(pool)


def test_a_free_manager_takes_the_oldest_message_whoever_answered_before():
    """Two managers; the second customer writes again while the first one is busy with somebody else."""
    drawn = Team(
        customers=[Customer(0.0, None), Customer(1.0, None), Customer(2.0, None), Customer(2.5, None)],
        replies=[Reply(10.0, None), Reply(2.0, 1.0), Reply(5.0, None), Reply(1.0, None), Reply(1.0, None)],
        duties=[Duty(((0.0, math.inf),), math.inf), Duty(((0.0, math.inf),), math.inf)],
        capacity=1,
    )
    assert least_waits(drawn) == [Wait(0.0, 0.0), Wait(1.0, 1.0), Wait(2.0, 3.0), Wait(2.5, 8.0), Wait(4.0, 9.0)]


@pytest.mark.parametrize(("leaves_at", "last_begun_at"), [(100.0, 6.0), (3.0, 9.0)])
def test_who_leaves_in_the_middle_of_a_reply_begins_no_other(leaves_at, last_begun_at):
    """Of two who write when one leaves, it is the one with more left to write."""
    drawn = Team(
        customers=[Customer(0.0, None), Customer(0.0, None), Customer(1.0, None), Customer(1.0, None)],
        replies=[Reply(4.0, None), Reply(6.0, None), Reply(5.0, None), Reply(1.0, None)],
        duties=[Duty(((0.0, math.inf),), math.inf), Duty(((0.0, leaves_at),), math.inf)],
        capacity=1,
    )
    assert [wait.until for wait in least_waits(drawn)] == [0.0, 0.0, 4.0, last_begun_at]
