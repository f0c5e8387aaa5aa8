"""What could not be read is shown to admins, and can be tried again."""

from inbox.model.ids import new_id, now
from web.api import shapes


async def set_aside(database, raw: bytes) -> str:
    key = new_id()
    await database.durable.journal.insert_one(
        {
            "_id": key,
            "channel_id": "channel",
            "kind": "telegram",
            "key": key,
            "raw": raw,
            "state": "quarantined",
            "reason": "update_id is missing",
            "received_at": now(),
            "request_id": "",
        }
    )
    return key


async def test_what_was_set_aside_is_shown_with_its_reason(desk, database):
    key = await set_aside(database, b'{"message": "\xff"}')
    page = (await desk.admin.call("GET", "/quarantine")).fits(shapes.Page[shapes.QuarantinedShape]).body
    (event,) = page["items"]
    assert (event["id"], event["reason"]) == (key, "update_id is missing")
    assert event["raw"].startswith('{"message"')


async def test_what_still_cannot_be_read_stays(desk, database):
    key = await set_aside(database, b"rubbish")
    refused = await desk.admin.call("POST", f"/quarantine/{key}/replay")
    assert refused.status == 409
    assert len((await desk.admin.get("/quarantine"))["items"]) == 1


async def test_what_can_be_read_now_goes_back_to_work(desk, database):
    key = await set_aside(database, b'{"update_id": 1}')
    replayed = (await desk.admin.call("POST", f"/quarantine/{key}/replay")).fits(shapes.ReplayedShape)
    assert replayed.status == 202
    assert (await desk.admin.get("/quarantine"))["items"] == []
    assert (await desk.admin.call("POST", f"/quarantine/{key}/replay")).status == 404
