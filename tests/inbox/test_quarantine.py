import pytest

from inbox.model.errors import Conflict, NotFound
from inbox.quarantine import Quarantine
from tests.inbox.arrivals import work_off


@pytest.fixture
def quarantine(floor):
    return Quarantine(floor.journal_store, floor.ingest, {"paper": floor.kind})


async def test_events_of_one_call_are_all_paged_through(floor, quarantine):
    """They were received in the same millisecond."""
    await floor.receive(*({"key": f"{number}", "text": "???"} for number in range(7)))
    await floor.receive({"key": "8", "text": "???"})
    seen: list[str] = []
    cursor = None
    while True:
        page, cursor = await quarantine.page(limit=3, cursor=cursor)
        seen.extend(row["key"] for row in page)
        if cursor is None:
            break
    assert sorted(seen) == ["0", "1", "2", "3", "4", "5", "6", "8"]
    assert seen[0] == "8"


async def test_what_can_be_read_now_is_processed(floor, quarantine, database):
    await floor.receive({"key": "1", "text": "???"})
    ((row,), _) = await quarantine.page(limit=1, cursor=None)
    with pytest.raises(Conflict, match="nobody can read this"):
        await quarantine.replay(row["_id"])
    await database.durable.journal.update_one({}, {"$set": {"raw": b'{"key": "1", "text": "hello"}'}})
    await quarantine.replay(row["_id"])
    await work_off(floor.ingest, [])
    assert (await database.durable.messages.find_one({}))["text"] == "hello"
    assert (await database.durable.journal.find_one({}))["state"] == "done"
    with pytest.raises(NotFound):
        await quarantine.replay(row["_id"])


async def test_an_event_of_a_kind_that_is_gone_stays(floor, quarantine, database):
    await floor.receive({"key": "1", "text": "???"})
    await database.durable.journal.update_one({}, {"$set": {"kind": "pigeon"}})
    ((row,), _) = await quarantine.page(limit=1, cursor=None)
    with pytest.raises(Conflict, match="nobody here reads pigeon"):
        await quarantine.replay(row["_id"])
    assert (await database.durable.journal.find_one({}))["state"] == "quarantined"
