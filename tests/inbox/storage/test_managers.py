"""Managers as they are kept: one address each, a ratio that follows, an owner who stays."""

import asyncio

import pytest

from inbox.model.errors import Conflict, Taken
from inbox.model.ids import new_id, now
from inbox.storage.managers import ManagerStore


@pytest.fixture
def store(database):
    return ManagerStore(database)


def row(email: str, role: str = "manager", **fields: object) -> dict[str, object]:
    return {
        "_id": new_id(),
        "email": email,
        "name": email,
        "password_hash": "hash",
        "role": role,
        "status": "offline",
        "capacity": 10,
        "teams": [],
        "languages": [],
        "active": True,
        "created_at": now(),
        **fields,
    }


async def test_of_ten_who_join_with_one_address_one_does(store):
    outcomes = await asyncio.gather(
        *(store.insert(row("olena@shop.example")) for _ in range(10)), return_exceptions=True
    )
    assert sum(isinstance(outcome, Taken) for outcome in outcomes) == 9
    assert len(await store.page(None, 100)) == 1


async def test_owners_who_remove_each_other_leave_one(store, database):
    owners = [await store.insert(row(f"{number}@shop.example", "owner")) for number in range(5)]
    outcomes = await asyncio.gather(
        *(store.change_unless_last_owner(owner["_id"], {"active": False}) for owner in owners),
        return_exceptions=True,
    )
    assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, dict) for outcome in outcomes) == 4
    assert await database.durable.managers.count_documents({"role": "owner", "active": True}) == 1


async def test_values_are_values_whatever_they_look_like(store):
    manager = await store.insert(row("olena@shop.example"))
    changed = await store.change(manager["_id"], {"name": "$email", "languages": ["$uk"]})
    assert changed is not None
    assert (changed["name"], changed["languages"]) == ("$email", ["$uk"])


async def test_the_ratio_follows_the_capacity(store, database):
    manager = await store.insert(row("olena@shop.example"))
    await database.durable.managers.update_one({"_id": manager["_id"]}, {"$set": {"holding": ["a", "b"]}})
    for capacity, ratio in ((4, 0.5), (2, 1.0), (1, 2.0), (0, 1.0)):
        changed = await store.change(manager["_id"], {"capacity": capacity})
        assert changed is not None
        assert changed["ratio"] == ratio


async def test_names_and_addresses_find_their_manager(store):
    manager = await store.insert(row("olena@shop.example"))
    assert await store.named([manager["_id"], "nobody"]) == {manager["_id"]: "olena@shop.example"}
    assert (await store.by_email("olena@shop.example"))["_id"] == manager["_id"]
    assert await store.by_email("nobody@shop.example") is None
    assert await store.exists()
