"""Orders in the database: one change wins, exact sums, and whose they are."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from inbox.model.domain_events import CardsChanged, ContactProven, OrderStatusChanged
from inbox.model.errors import Conflict, Invalid, NotFound
from inbox.model.ids import new_id, now
from inbox.model.orders import API_SOURCE, Contact, ForbiddenMove, Item, OrderSnapshot
from inbox.model.people import Author
from inbox.model.pipeline import Pipeline
from inbox.orders import Ambiguous
from inbox.storage.orders import OrderQuery
from web.house import House

ANN = Author(type="manager", id="m1", name="Ann")
SHOP = {"_id": "s1", "name": "Shop"}
PHONE, EMAIL = "+380671234567", "oksana@example.com"


def snapshot(number: str = "1001", status: str | None = "new", **facts: Any) -> OrderSnapshot:
    fields = {"items": (Item(name="Mug", quantity=2, price="150.00"),), "total": "300.00", "currency": "UAH"} | facts
    return OrderSnapshot(number=number, status=status, **fields)


async def made(house: House, *args: Any, **facts: Any) -> dict[str, Any]:
    order, new = await house.orders.put(ANN, snapshot(*args, **facts))
    assert new
    return order


async def card(house: House, *, phone: bool | None = None, email: bool | None = None, name: str = "Oksana") -> str:
    """A card with that phone and that e-mail, proven or not."""
    present = now()
    key = new_id()
    await house.database.durable.customers.insert_one(
        {
            "_id": key,
            "name": name,
            "phones": [] if phone is None else [{"number": PHONE, "proven": phone}],
            "emails": [] if email is None else [{"address": EMAIL, "proven": email}],
            "tags": [],
            "fields": {},
            "language": "",
            "last_manager_id": None,
            "created_at": present,
            "updated_at": present,
        }
    )
    return key


async def test_an_order_is_one_by_source_and_number(house):
    order = await made(house)
    assert house.metrics.registry.get_sample_value("skrynka_orders_total", {"outcome": "created"}) == 1
    again, new = await house.orders.put(ANN, snapshot())
    assert (new, again) == (False, order)
    await house.orders.take(SHOP, snapshot(), received_at=now(), repeated=False)
    with pytest.raises(Ambiguous) as ambiguous:
        await house.orders.get("1001")
    assert ambiguous.value.sources == [API_SOURCE, "s1"]
    assert await house.orders.get("1001", API_SOURCE) == order
    with pytest.raises(NotFound):
        await house.orders.get("1001", "s2")


async def test_a_move_changes_status_history_and_what_is_due_in_one_write(house):
    heard: list[OrderStatusChanged] = []

    async def hear(event: OrderStatusChanged) -> None:
        heard.append(event)

    house.bus.subscribe(OrderStatusChanged, hear)
    order = await made(house)
    moved = await house.orders.set_status(order["_id"], "confirmed", ANN)
    entry = moved["history"][-1]
    assert (entry["by"]["name"], entry["changes"]) == ("Ann", {"status": {"from": "new", "to": "confirmed"}})
    assert moved["due_notices"] == [{"no": entry["no"], "status": "confirmed", "at": entry["at"]}]
    assert moved["noticing"] is True
    assert await house.orders.set_status(order["_id"], "confirmed", ANN) == moved
    assert [(event.before, event.order["status"], event.author) for event in heard] == [("new", "confirmed", ANN)]
    paid = await house.orders.set_status(order["_id"], "paid", ANN)
    assert paid["due_notices"] == moved["due_notices"]


async def test_of_many_who_move_an_order_at_once_one_does(house):
    order = await made(house)
    ends = await asyncio.gather(*(house.orders.set_status(order["_id"], "confirmed", ANN) for _ in range(8)))
    assert all(end["status"] == "confirmed" for end in ends)
    stored = await house.orders.by_id(order["_id"])
    assert [entry["changes"]["status"]["to"] for entry in stored["history"]] == ["new", "confirmed"]
    assert len(stored["due_notices"]) == 1


async def test_of_two_who_want_different_things_the_second_decides_on_what_the_first_left(house):
    order = await made(house, "1001", "packed")
    ends = await asyncio.gather(
        house.orders.set_status(order["_id"], "shipped", ANN),
        house.orders.set_status(order["_id"], "cancelled", ANN),
        return_exceptions=True,
    )
    refused = [end for end in ends if isinstance(end, ForbiddenMove)]
    stored = await house.orders.by_id(order["_id"])
    assert len(refused) == 1
    assert len(stored["history"]) == 2
    assert refused[0].allowed == (await house.pipeline.get()).allowed(stored["status"])


async def test_an_order_that_is_made_twice_at_once_is_one(house):
    ends = await asyncio.gather(*(house.orders.put(ANN, snapshot()) for _ in range(8)))
    assert sum(new for _, new in ends) == 1
    assert len({order["_id"] for order, _ in ends}) == 1


async def test_who_saw_another_version_is_told_so(house):
    order = await made(house)
    await house.orders.set_status(order["_id"], "confirmed", ANN, version=1)
    with pytest.raises(Conflict) as stale:
        await house.orders.set_status(order["_id"], "paid", ANN, version=1)
    assert stale.value.current == 2


async def test_a_clock_that_runs_ahead_is_set_right(house):
    future = snapshot(status="confirmed", updated_at=now() + timedelta(days=300))
    await house.orders.take(SHOP, future, received_at=now(), repeated=False)
    later = snapshot(status="shipped", updated_at=now() + timedelta(seconds=2))
    await house.orders.take(SHOP, later, received_at=now(), repeated=False)
    assert (await house.orders.get("1001"))["status"] == "shipped"


async def test_sums_are_exact_by_currency(house):
    owner = await card(house)
    for number, total, currency in (("1", "0.10", "UAH"), ("2", "0.20", "UAH"), ("3", "1500", "JPY")):
        await made(house, number, total=total, currency=currency, customer_id=owner)
    sums = await house.orders.sums([owner, "nobody"])
    assert [(one.currency, one.count, one.total) for one in sums[owner]] == [
        ("UAH", 2, Decimal("0.30")),
        ("JPY", 1, Decimal(1500)),
    ]
    assert sums["nobody"] == []


async def test_what_came_to_nothing_is_counted_and_in_no_sum(house):
    owner, other = await card(house), await card(house)
    for number, status in (("1", "delivered"), ("2", "returned"), ("3", "cancelled"), ("4", "new")):
        await made(house, number, status, total="10.00", customer_id=owner)
    await made(house, "5", "cancelled", total="10.00", customer_id=other)
    sums = await house.orders.sums([owner, other])
    assert [(one.count, one.total) for one in sums[owner]] == [(4, Decimal("20.00"))]
    assert [(one.count, str(one.total)) for one in sums[other]] == [(1, "0.00")]
    pipeline = await house.pipeline.get()
    kept = [msgspec.structs.replace(one, void=one.code == "new") for one in pipeline.stages]
    await house.pipeline.change(Pipeline(tuple(kept)))
    assert (await house.orders.sums([owner]))[owner][0].total == Decimal("30.00")


async def test_a_proven_contact_links_and_an_unproven_one_is_suggested(house):
    owner = await card(house, phone=True)
    mine = await made(house, "1", contact=Contact(phone=PHONE, name="Oksana"))
    assert (mine["customer_id"], mine["linked_by"]) == (owner, "contact")
    stranger = await card(house, email=False, name="Somebody")
    waiting = await made(house, "2", contact=Contact(email=EMAIL))
    assert waiting["customer_id"] is None
    (suggested,) = await house.orders.suggestions(waiting)
    assert (suggested.customer_id, suggested.by, suggested.proven) == (stranger, ["email"], False)
    assert await house.orders.waiting_for(await house.customers.get(stranger)) == [waiting]


async def test_a_contact_that_two_cards_prove_links_to_neither(house):
    both = {await card(house, phone=True), await card(house, phone=True)}
    waiting = await made(house, contact=Contact(phone=PHONE))
    assert waiting["customer_id"] is None
    assert {one.customer_id for one in await house.orders.suggestions(waiting)} == both


async def test_a_phone_and_an_email_of_two_people_link_to_neither(house):
    await card(house, phone=True)
    await card(house, email=True)
    assert (await made(house, contact=Contact(phone=PHONE, email=EMAIL)))["customer_id"] is None


@pytest.mark.parametrize(("kind", "value"), [("phone", PHONE), ("email", EMAIL)])
async def test_what_waited_is_linked_once_the_contact_is_proven(house, kind, value):
    await made(house, "1", contact=Contact(**{kind: value}))
    taken = await made(house, "2", contact=Contact(**{kind: value}))
    await house.orders.link(taken["_id"], None, ANN)
    owner = await card(house, phone=kind == "phone" or None, email=kind == "email" or None)
    await house.orders.contact_proven(ContactProven(owner, kind, value))
    assert (await house.orders.get("1"))["customer_id"] == owner
    assert (await house.orders.get("2"))["customer_id"] is None, "a manager said that it is nobody's"


async def test_what_waited_between_two_cards_is_linked_once_they_are_one(house, database):
    one, other = await card(house, phone=True), await card(house, phone=True)
    waiting = await made(house, contact=Contact(phone=PHONE))
    await database.durable.customers.update_one({"_id": other}, {"$set": {"merged_into": one}})
    await house.bus.announce(CardsChanged({"survivor_id": one}, []))
    assert (await house.orders.by_id(waiting["_id"]))["customer_id"] == one
    named = await made(house, "1002", customer_id=other)
    assert named["customer_id"] == one, "who names a merged card means the one that it is now"


async def test_a_managers_word_stands_over_the_source(house):
    named, chosen = await card(house), await card(house)
    order = await made(house, customer_id=named)
    assert (order["customer_id"], order["linked_by"]) == (named, "source")
    await house.orders.link(order["_id"], chosen, ANN)
    after, _ = await house.orders.put(ANN, snapshot(customer_id=named, total="310.00"))
    assert (after["customer_id"], after["total"]) == (chosen, "310.00")
    with pytest.raises(Invalid, match="no such customer"):
        await house.orders.link(order["_id"], "nobody", ANN)


async def test_a_merge_that_moves_an_order_meanwhile_is_not_undone(house, database):
    one, other = await card(house), await card(house)
    order = await made(house, customer_id=one)
    await database.durable.orders.update_many({"customer_id": one}, {"$set": {"customer_id": other}})
    moved = await house.orders.set_status(order["_id"], "confirmed", ANN)
    assert moved["customer_id"] == other


async def test_the_list_is_narrowed_and_cut_into_pages(house):
    for number in ("A-1", "A-2", "B-1"):
        await made(house, number, contact=Contact(phone=PHONE, email=EMAIL, name="Oksana Melnyk"))
    await house.orders.set_status((await house.orders.get("A-1"))["_id"], "confirmed", ANN)

    async def numbers(**query: Any) -> list[str]:
        found, _ = await house.orders.page(OrderQuery(**query), None)
        return [order["number"] for order in found]

    assert await numbers() == ["A-1", "B-1", "A-2"]
    assert await numbers(status="new") == ["B-1", "A-2"]
    assert await numbers(q="A-") == ["A-1", "A-2"]
    assert await numbers(q="067 123 45 67") == ["A-1", "B-1", "A-2"]
    assert await numbers(q="melnyk") == ["A-1", "B-1", "A-2"]
    assert await numbers(q=EMAIL.upper()) == ["A-1", "B-1", "A-2"]
    assert await numbers(linked=True) == []
    first, cursor = await house.orders.page(OrderQuery(limit=2), None)
    rest, end = await house.orders.page(OrderQuery(limit=2), cursor)
    assert ([order["number"] for order in first + rest], end) == (["A-1", "B-1", "A-2"], None)


async def test_a_deletion_in_the_shop_cancels_the_order(house):
    told = snapshot(status="confirmed", external_id="77", updated_at=now())
    await house.orders.take(SHOP, told, received_at=now(), repeated=False)
    await house.orders.remove(SHOP, "77", "cancelled", at=now())
    await house.orders.remove(SHOP, "78", "cancelled", at=now())
    order = await house.orders.get("1001")
    assert (order["status"], order["total"]) == ("cancelled", "300.00")
