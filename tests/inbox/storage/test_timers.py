import asyncio
from datetime import timedelta

import pytest

from inbox.model.ids import now
from inbox.storage.timers import TimerStore


@pytest.fixture
def timers(database):
    return TimerStore(database)


SOON = timedelta(seconds=-1)
LATER = timedelta(hours=1)


async def test_a_due_timer_is_claimed_by_one_only(timers, database):
    await timers.set_many("media.fetch", {f"t{number}": {"n": number} for number in range(10)})
    claims = await asyncio.gather(*(TimerStore(database).claim(["media.fetch"]) for _ in range(25)))
    claimed = [row["_id"] for row in claims if row is not None]
    assert len(claimed) == len(set(claimed))
    while (row := await timers.claim(["media.fetch"])) is not None:
        claimed.append(row["_id"])
    assert sorted(claimed) == sorted(f"t{number}" for number in range(10))


async def test_what_is_not_due_or_of_another_kind_is_left(timers):
    await timers.set("later", "a", now() + LATER, {})
    await timers.set("other", "b", now() + SOON, {})
    assert await timers.claim(["a"]) is None
    assert (await timers.claim(["a", "b"]))["_id"] == "other"


async def test_who_is_due_longest_is_first(timers):
    for name, seconds in (("b", 5), ("a", 9), ("c", 1)):
        await timers.set(name, "k", now() - timedelta(seconds=seconds), {})
    assert [(await timers.claim(["k"]))["_id"] for _ in range(3)] == ["a", "b", "c"]


async def test_a_postponed_timer_comes_back_at_its_time_and_counts_its_tries(timers):
    await timers.set("t", "k", now(), {"x": 1})
    first = await timers.claim(["k"])
    await timers.postpone(first, now() + SOON)
    second = await timers.claim(["k"])
    assert (first["attempts"], second["attempts"], second["data"]) == (1, 2, {"x": 1})
    await timers.postpone(second, now() + LATER)
    assert await timers.claim(["k"]) is None


async def test_what_was_set_anew_while_it_was_done_is_done_again(timers):
    await timers.set("t", "k", now(), {"round": 1})
    first = await timers.claim(["k"])
    await timers.set("t", "k", now(), {"round": 2})
    await timers.done(first)
    second = await timers.claim(["k"])
    assert (second["data"], second["attempts"]) == ({"round": 2}, 1)
    await timers.done(second)
    assert await timers.claim(["k"]) is None


async def test_what_was_set_anew_is_not_postponed_by_the_round_before(timers):
    await timers.set("t", "k", now(), {"round": 1})
    first = await timers.claim(["k"])
    await timers.set("t", "k", now(), {"round": 2})
    await timers.postpone(first, now() + LATER)
    assert (await timers.claim(["k"]))["data"] == {"round": 2}


async def test_a_timer_whose_holder_died_is_claimed_again(timers, database):
    await timers.set("t", "k", now(), {})
    dead = await timers.claim(["k"])
    await database.durable.timers.update_one({"_id": "t"}, {"$set": {"lease_until": now() + SOON}})
    heir = await timers.claim(["k"])
    assert heir["holder"] != dead["holder"]
    await timers.done(dead)
    assert await database.durable.timers.count_documents({}) == 1
    await timers.done(heir)
    assert await database.durable.timers.count_documents({}) == 0


async def test_many_set_again_keep_the_timers_that_are_there(timers):
    await timers.set("t", "k", now() + LATER, {"round": 1})
    await timers.set_many("k", {"t": {"round": 2}, "u": {"round": 2}})
    assert (await timers.claim(["k"]))["_id"] == "u"
    assert await timers.claim(["k"]) is None


async def test_a_cleared_timer_does_not_come(timers):
    await timers.set("t", "k", now(), {})
    await timers.clear("t")
    assert await timers.claim(["k"]) is None


async def test_set_by_many_at_once_is_one_timer(timers, database):
    await asyncio.gather(*(TimerStore(database).set("t", "k", now(), {"n": number}) for number in range(20)))
    assert await database.durable.timers.count_documents({}) == 1
