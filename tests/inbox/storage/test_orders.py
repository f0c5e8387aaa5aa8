"""Orders as they are kept: over the version that was decided on, and found by what waits."""

from datetime import UTC, datetime
from typing import Any

import pytest

from inbox.model.orders import KEPT_CHANGES, Change, Contact, OrderSnapshot, created
from inbox.model.people import Author
from inbox.model.pipeline import DEFAULT_PIPELINE
from inbox.storage.orders import OrderStore

AT = datetime(2026, 11, 20, 9, tzinfo=UTC)
SHOP = Author(type="shop", id="s1", name="Site")
PHONE, EMAIL = "+380671234567", "oksana@example.com"


def sold(number: str, **facts: Any) -> dict[str, Any]:
    snapshot = OrderSnapshot(number=number, status="new", items=(), total="1.00", currency="UAH", **facts)
    return created("s1", snapshot, DEFAULT_PIPELINE, SHOP, at=AT)


@pytest.fixture
def store(database) -> OrderStore:
    return OrderStore(database)


async def test_a_change_is_written_over_the_version_that_was_decided_on(store):
    order = sold("1")
    assert await store.insert(order)
    assert not await store.insert(order)
    changed = await store.change(order, Change(fields={"status": "paid"}))
    assert changed is not None
    assert (changed["version"], changed["status"]) == (2, "paid")
    assert await store.change(order, Change(fields={"status": "packed"})) is None


async def test_the_latest_changes_are_remembered(store):
    order = sold("1")
    order["history"] = [{"no": number} for number in range(KEPT_CHANGES)]
    await store.insert(order)
    changed = await store.change(order, Change(fields={}, entry={"no": KEPT_CHANGES}))
    assert changed is not None
    assert [entry["no"] for entry in changed["history"]] == list(range(1, KEPT_CHANGES + 1))


async def test_who_waits_is_found_by_an_index_of_those_who_wait(store, database):
    for number in range(50):
        await store.insert(sold(str(number), contact=Contact(phone=f"+38067000{number:04}")))
    await store.insert(sold("mine", contact=Contact(phone=PHONE)))
    await store.insert(sold("mail", contact=Contact(email=EMAIL)))
    await database.durable.command("profile", 2)
    found = await store.waiting([PHONE], [EMAIL], 10)
    await database.durable.command("profile", 0)
    assert {order["number"] for order in found} == {"mine", "mail"}
    looked = await database.durable["system.profile"].find({"op": "query", "ns": {"$regex": "orders$"}}).to_list(None)
    await database.durable["system.profile"].drop()
    assert [query["docsExamined"] for query in looked] == [1, 1]
