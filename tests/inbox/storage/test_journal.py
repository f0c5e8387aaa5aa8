import asyncio
from datetime import timedelta
from typing import Any

import pytest
from pymongo.errors import BulkWriteError

from inbox.model.ids import now
from inbox.storage.journal import LEASE, PUT_OFF, JournalStore


@pytest.fixture
def journal(database):
    return JournalStore(database)


def event(key: str, *, lease: timedelta = LEASE, **fields: Any) -> dict[str, Any]:
    return {
        "_id": key,
        "channel_id": "c1",
        "kind": "paper",
        "key": key,
        "raw": b"raw",
        "state": "pending",
        "received_at": now(),
        "lease_until": now() + lease,
        "request_id": "r1",
        **fields,
    }


EXPIRED = timedelta(seconds=-1)


async def test_says_which_events_were_known_by_their_positions(journal):
    assert await journal.insert([event("a"), event("b")], within=5) == set()
    assert await journal.insert([event("c"), event("a"), event("d"), event("b"), event("c")], within=5) == {1, 3, 4}
    assert await journal.pending() == 4


async def test_anything_but_a_known_event_is_raised_and_not_mistaken_for_one(journal, database):
    await database.durable.command("collMod", "journal", validator={"kind": "paper"})
    with pytest.raises(BulkWriteError):
        await journal.insert([event("a"), event("b", kind="stone")], within=5)


async def test_a_repeated_event_leaves_the_first_as_it_was(journal, database):
    await journal.insert([event("a")], within=5)
    async with journal.processing(["a"]):
        pass
    assert await journal.insert([event("a")], within=5) == {0}
    row = await database.durable.journal.find_one({"_id": "a"})
    assert row["state"] == "done"
    assert "raw" not in row


async def test_an_event_that_is_put_off_is_looked_at_again_soon(journal, database):
    await journal.insert([event("done"), event("later")], within=5)
    async with journal.processing(["done", "later"]) as put_off:
        put_off.add("later")
    assert await journal.pending() == 1
    row = await database.durable.journal.find_one({"_id": "later"})
    assert row["lease_until"] <= now() + PUT_OFF
    await database.durable.journal.update_one({"_id": "later"}, {"$set": {"lease_until": now()}})
    (adopted,) = await journal.adopt(10)
    assert (adopted["_id"], adopted["raw"]) == ("later", b"raw")


async def test_only_events_whose_lease_ran_out_are_adopted(journal):
    await journal.insert([event("held"), event("left", lease=EXPIRED), event("odd", lease=EXPIRED)], within=5)
    await journal.quarantine("odd", "cannot be read")
    assert [row["_id"] for row in await journal.adopt(10)] == ["left"]
    assert await journal.adopt(10) == []


async def test_two_processes_never_adopt_the_same_event(journal, database):
    await journal.insert([event(f"e{number}", lease=EXPIRED) for number in range(40)], within=5)
    adopted = await asyncio.gather(*(JournalStore(database).adopt(15) for _ in range(8)))
    ids = [row["_id"] for rows in adopted for row in rows]
    assert len(ids) == len(set(ids))
    while rows := await journal.adopt(15):
        ids.extend(row["_id"] for row in rows)
    assert sorted(ids) == sorted(f"e{number}" for number in range(40))


async def test_the_oldest_lease_is_adopted_first(journal):
    leases = {"b": -5, "a": -9, "c": -1}
    await journal.insert([event(key, lease=timedelta(seconds=seconds)) for key, seconds in leases.items()], within=5)
    assert {row["_id"] for row in await journal.adopt(2)} == {"a", "b"}


async def test_who_renews_keeps_what_they_hold(journal):
    await journal.insert([event("a", lease=EXPIRED), event("b", lease=EXPIRED)], within=5)
    await journal.renew(["a"])
    assert [row["_id"] for row in await journal.adopt(10)] == ["b"]


async def test_a_renewal_does_not_revive_what_is_done(journal, database):
    await journal.insert([event("a")], within=5)
    async with journal.processing(["a"]):
        pass
    await journal.renew(["a"])
    assert "lease_until" not in await database.durable.journal.find_one({"_id": "a"})
    assert await journal.pending() == 0


async def test_a_quarantined_event_keeps_its_body_and_is_released_once(journal):
    await journal.insert([event("a"), event("b")], within=5)
    await journal.quarantine("a", "no such field")
    assert await journal.pending() == 1
    (row,) = await journal.quarantined(None, 10)
    assert (row["_id"], row["raw"], row["reason"]) == ("a", b"raw", "no such field")
    released = await asyncio.gather(*(journal.release("a") for _ in range(5)))
    assert [row["_id"] for row in released if row is not None] == ["a"]
    assert await journal.quarantined(None, 10) == []
    assert await journal.release("b") is None


async def test_an_event_is_stored_whole_or_not_at_all(journal, database):
    too_large = event("big", raw=b"x" * (17 * 1024 * 1024))
    with pytest.raises(Exception, match=r"(?i)too large|larger than|BSON"):
        await journal.insert([too_large], within=5)
    assert await database.durable.journal.count_documents({}) == 0


class TestLargeEvents:
    async def test_the_body_lies_beside_the_row_and_comes_back_with_it(self, journal, database):
        row = event("a", raw=b"x" * (20 << 20), lease=EXPIRED)
        await journal.set_down(row, within=20)
        await journal.insert([row], within=5)
        assert (await database.durable.journal.find_one({"_id": "a"}))["raw"] == b""
        [adopted] = await journal.adopt(10)
        assert adopted["raw"] == b"x" * (20 << 20)

    async def test_only_what_fits_into_memory_comes_back_at_a_time(self, journal):
        for key in "abcd":
            row = event(key, raw=b"x" * (20 << 20), lease=EXPIRED)
            await journal.set_down(row, within=20)
            await journal.insert([row], within=5)
        assert [row["_id"] for row in await journal.adopt(10)] == ["a", "b", "c"]

    async def test_one_whose_body_is_gone_comes_back_empty(self, journal, database):
        row = event("a", raw=b"large", lease=EXPIRED)
        await journal.set_down(row, within=5)
        await journal.insert([row], within=5)
        await database.durable["events.files"].delete_many({})
        [adopted] = await journal.adopt(10)
        assert adopted["raw"] == b""

    async def test_a_quarantined_one_is_whole_when_it_is_put_back_to_work(self, journal):
        row = event("a", raw=b"large")
        await journal.set_down(row, within=5)
        await journal.insert([row], within=5)
        await journal.quarantine("a", "odd")
        assert (await journal.release("a"))["raw"] == b"large"

    async def test_bodies_go_when_nobody_needs_them_any_more(self, journal, database):
        rows = [event(key, raw=b"large") for key in ("done", "waiting", "never inserted")]
        for row in rows:
            await journal.set_down(row, within=5)
        await journal.insert(rows[:2], within=5)
        await database.durable["events.files"].update_many({}, {"$set": {"uploadDate": now() - timedelta(hours=1)}})
        await journal.set_down(event("fresh", raw=b"large"), within=5)
        async with journal.processing(["done"]):
            pass
        await journal.forget_large()
        left = await database.durable["events.files"].distinct("filename")
        assert sorted(left) == ["fresh", "waiting"]
