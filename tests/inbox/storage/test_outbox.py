import asyncio
from datetime import timedelta
from typing import Any

import pytest
from pymongo.errors import DuplicateKeyError

from inbox.model.ids import now
from inbox.storage.messages import MessageStore
from inbox.storage.outbox import OutboxStore


@pytest.fixture
def outbox(database):
    return OutboxStore(database)


@pytest.fixture
def messages(database):
    return MessageStore(database)


def receipt(state: str, *, error: str = "") -> dict[str, Any]:
    about = {"channel_id": "c1", "external_id": "x1", "person": "ann"}
    return {"_id": state, "type": "receipt", "at": now(), "state": state, "error": error, **about}


def row(key: str, lane: str = "k1:c1", **fields: Any) -> dict[str, Any]:
    return {
        "_id": key,
        "lane": lane,
        "order": key,
        "live": True,
        "channel_id": lane.partition(":")[2],
        "message_id": f"m-{key}",
        "state": "queued",
        "attempts": 0,
        "error": None,
        **fields,
    }


async def told(database: Any, *keys: str) -> None:
    """The messages of these rows."""
    queued = {"channel_id": "c1", "state": "queued"}
    await database.durable.messages.insert_many([{"_id": f"m-{key}", **queued} for key in keys])


async def expire(database: Any) -> None:
    await database.durable.lanes.update_many({}, {"$set": {"lease_until": now() - timedelta(seconds=1)}})


async def test_a_lane_is_claimed_by_one_only(outbox, database):
    await outbox.put([row(f"{number}", f"k{number}:c1") for number in range(10)])
    claims = await asyncio.gather(*(OutboxStore(database).claim([]) for _ in range(25)))
    claimed = [lane["_id"] for lane in claims if lane is not None]
    assert len(claimed) == len(set(claimed))
    while (lane := await outbox.claim([])) is not None:
        claimed.append(lane["_id"])
    assert len(claimed) == 10


async def test_rows_wait_in_their_order_and_leave_when_they_are_sent(outbox, database):
    await told(database, "1", "2")
    await outbox.put([row("2"), row("1"), row("3")])
    assert [each["_id"] for each in await outbox.waiting("k1:c1")] == ["1", "2", "3"]
    await outbox.sent(row("1"), ["x1"])
    await outbox.begin(row("2"), "me")
    assert [each["_id"] for each in await outbox.waiting("k1:c1")] == ["2", "3"]
    assert await outbox.pending() == {"c1": 2}


async def test_a_row_is_put_once(outbox, database):
    await outbox.put([row("1")])
    await outbox.sent(row("1"), ["x1"])
    await outbox.put([row("1"), row("2")])
    assert [each["_id"] for each in await outbox.waiting("k1:c1")] == ["2"]
    assert await database.durable.outbox.count_documents({}) == 2


async def test_a_lane_that_is_released_empty_is_gone(outbox, database):
    await outbox.put([row("1")])
    lane = await outbox.claim([])
    await outbox.sent(row("1"), ["x1"])
    await outbox.release(lane, None)
    assert await database.durable.lanes.count_documents({}) == 0


async def test_a_row_that_comes_while_a_lane_is_worked_on_is_not_left_behind(outbox):
    await outbox.put([row("1")])
    lane = await outbox.claim([])
    await outbox.put([row("2")])
    await outbox.release(lane, None)
    assert (await outbox.claim([]))["_id"] == lane["_id"]


async def test_who_lost_a_lane_can_neither_renew_nor_release_it(outbox, database):
    await outbox.put([row("1")])
    slow = await outbox.claim([])
    await expire(database)
    heir = await outbox.claim([])
    assert heir["_id"] == slow["_id"]
    assert not await outbox.renew(slow)
    await outbox.release(slow, None)
    await outbox.release(slow, now())
    assert await outbox.claim([]) is None
    assert await outbox.renew(heir)


async def test_a_lane_comes_back_when_it_is_due(outbox):
    await outbox.put([row("1")])
    await outbox.release(await outbox.claim([]), now() + timedelta(hours=1))
    assert await outbox.claim([]) is None


async def test_a_new_row_does_not_cut_short_the_wait_that_the_provider_asked_for(outbox):
    await outbox.put([row("1")])
    await outbox.release(await outbox.claim([]), now() + timedelta(hours=1))
    await outbox.put([row("2")])
    assert await outbox.claim([]) is None


async def test_a_repaired_channels_lanes_are_due_at_once(outbox):
    await outbox.put([row("1"), row("2", "k1:c2")])
    for _ in range(2):
        await outbox.release(await outbox.claim([]), now() + timedelta(hours=1))
    await outbox.hurry("c1")
    assert (await outbox.claim([]))["_id"] == "k1:c1"
    assert await outbox.claim([]) is None


async def test_paused_channels_wait_without_holding_up_the_others(outbox):
    await outbox.put([row("1", "k1:c1")])
    await outbox.put([row("2", "k2:c2")])
    assert (await outbox.claim(["c1"]))["_id"] == "k2:c2"
    assert await outbox.claim(["c1"]) is None
    assert (await outbox.claim([]))["_id"] == "k1:c1"


async def test_rows_without_a_lane_get_one(outbox, database):
    """As after a crash between storing a message and calling for a sender."""
    await database.durable.outbox.insert_many([row("1", "k1:c1"), row("2", "k2:c1", live=False), row("3", "k3:c2")])
    assert await outbox.claim([]) is None
    await outbox.reopen_strays()
    assert {(await outbox.claim([]))["_id"], (await outbox.claim([]))["_id"]} == {"k1:c1", "k3:c2"}
    await outbox.reopen_strays()
    assert await outbox.claim([]) is None


async def test_only_what_is_not_known_to_be_sent_is_sent_again(outbox, database):
    states = {"1": "sent", "2": "uncertain", "3": "failed", "4": "queued"}
    await database.durable.messages.insert_one({"_id": "m", "state": "queued"})
    await outbox.put([row(key, message_id="m") for key in states])
    for key, state in states.items():
        error = "why" if state != "sent" else None
        await outbox.move(row(key, message_id="m"), state, among={}, error=error, attempts=3)
    revived = await outbox.revive("m")
    assert (revived["state"], revived["error"], revived["unsent"]) == ("queued", "why", 3)
    rows = {each["_id"]: each for each in await outbox.of_message("m")}
    assert [rows[key]["state"] for key in states] == ["sent", "queued", "queued", "queued"]
    assert (rows["2"]["attempts"], rows["2"]["error"], rows["2"]["live"]) == (0, None, True)
    assert "done_at" not in rows["3"]
    assert "done_at" in rows["1"]
    assert await outbox.revive("m") is None


async def test_what_the_provider_took_and_then_reported_as_failed_goes_again_as_a_whole(outbox, messages, database):
    await told(database, "1")
    await outbox.put([row("1")])
    await outbox.sent(row("1"), ["x1"])
    await messages.hold_changes([receipt("failed", error="bounced")])
    (failed,) = await messages.settle_changes("c1", ["x1"])
    assert (failed["state"], failed["error"]) == ("failed", "bounced")
    revived = await outbox.revive("m-1")
    assert (revived["state"], revived["error"]) == ("queued", None)
    sent = await outbox.sent(row("1"), ["x2"])
    assert (sent["state"], sent["external_ids"]) == ("sent", ["x1", "x2"])


async def test_a_failure_that_beat_our_own_note_stands(outbox, messages, database):
    """Of a message in two parts the first bounces before the second is sent."""
    await database.durable.messages.insert_one({"_id": "m", "channel_id": "c1", "state": "queued", "unsent": 2})
    rows = [row(key, message_id="m") for key in ("1", "2")]
    await outbox.put(rows)
    await outbox.sent(rows[0], ["x1"])
    await messages.hold_changes([receipt("failed", error="bounced")])
    (found,) = await messages.settle_changes("c1", ["x1"])
    assert found["state"] == "queued"
    sent = await outbox.sent(rows[1], ["x2"])
    assert (sent["state"], sent["error"]) == ("failed", "bounced")


async def test_a_row_its_message_and_the_providers_ids_change_together_or_not_at_all(outbox, database):
    await told(database, "1")
    other = {"_id": "other", "channel_id": "c1", "conversation_id": "k1", "external_ids": ["x1"]}
    await database.durable.messages.insert_one(other)

    await outbox.put([row("1")])
    with pytest.raises(DuplicateKeyError):
        await outbox.move(row("1"), "sent", among={}, external_ids=["x1"], error=None)
    (stored,) = await outbox.of_message("m-1")
    assert stored["state"] == "queued"
    assert (await database.durable.messages.find_one({"_id": "m-1"}))["state"] == "queued"
    sent = await outbox.sent(row("1"), ["x1"])
    assert (sent["_id"], sent["state"], sent["external_ids"]) == ("m-1", "sent", ["x1"])
    assert await database.durable.messages.count_documents({"external_ids": "x1"}) == 1


async def test_who_takes_over_a_lane_learns_what_it_was_about(outbox, database):
    await outbox.put([row("1")])
    lane = await outbox.claim([])
    assert lane["inherited"] is False
    await outbox.renew(lane, showing="m-1")
    await expire(database)
    heir = await outbox.claim([])
    assert (heir["inherited"], heir["showing"]) == (True, "m-1")
    await outbox.release(heir, now())
    assert (await outbox.claim([]))["inherited"] is False


async def test_a_lane_opened_by_many_at_once_is_one(outbox, database):
    await asyncio.gather(*(OutboxStore(database).open_lanes([row(f"{number}")]) for number in range(20)))
    (lane,) = await database.durable.lanes.find().to_list(None)
    assert lane["tickets"] == 20
