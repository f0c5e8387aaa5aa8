"""Sessions as they are kept."""

from datetime import timedelta

import pytest

from inbox.model.ids import now
from inbox.storage.sessions import SessionStore


@pytest.fixture
def store(database):
    return SessionStore(database)


@pytest.fixture
async def manager(database):
    await database.durable.managers.insert_one({"_id": "olena", "email": "olena@shop.example", "active": True})
    return "olena"


async def opened(store, key: str, manager_id: str = "olena", left: timedelta = timedelta(days=1)) -> str:
    await store.open(key, manager_id, expires_at=now() + left, address="192.0.2.1", agent="tests")
    return key


async def test_a_living_session_has_its_manager(store, manager):
    found = await store.holder(await opened(store, "a"))
    assert found is not None
    session, held_by = found
    assert (session["manager_id"], held_by["_id"], session["address"]) == (manager, manager, "192.0.2.1")


async def test_a_session_is_over_by_time_by_sign_out_and_with_its_manager(store, manager, database):
    assert await store.holder(await opened(store, "late", left=timedelta(seconds=-1))) is None
    await store.end(await opened(store, "ended"))
    assert await store.holder("ended") is None
    assert await store.holder(await opened(store, "orphan", "nobody")) is None
    await opened(store, "a")
    await database.durable.managers.update_one({"_id": manager}, {"$set": {"active": False}})
    assert await store.holder("a") is None


async def test_all_end_but_the_one_that_asks(store, manager):
    for key in ("a", "b", "c"):
        await opened(store, key)
    await opened(store, "other", "taras")
    assert await store.end_all(manager, but="b") == 2
    assert await store.holder("b") is not None
    assert await store.end_all(manager) == 1


async def test_a_session_is_extended(store, manager):
    await opened(store, "a")
    later = now() + timedelta(days=30)
    await store.extend("a", later)
    found = await store.holder("a")
    assert found is not None
    assert found[0]["expires_at"] == later
