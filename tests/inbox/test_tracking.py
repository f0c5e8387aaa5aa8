"""Parcels: followed, asked about in batches, and moving their orders as far as the pipeline lets them."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from channels.faults import Fault
from inbox.model.carrier import Stage
from inbox.model.domain_events import ParcelWaiting
from inbox.model.errors import Invalid, NotFound, ProviderUnavailable
from inbox.model.ids import now
from inbox.model.orders import Contact, Delivery
from inbox.storage.database import Document
from inbox.timers import Later
from inbox.tracking import LONGEST_PAUSE, PAUSED_SECONDS, CarrierSettings
from tests.inbox.customers import ANN, channel, customer, notices_said, order
from web.house import House

NAME = "nova_poshta"


@pytest.fixture
async def post(house: House, sandbox: Any) -> Any:
    """Nova Poshta, connected to its sandbox."""
    settings = {"api_key": sandbox.nova_poshta.create_key(), "api_base": sandbox.api_base(NAME)}
    await house.tracking.put(NAME, CarrierSettings(settings=settings))
    yield sandbox.nova_poshta
    await house.tracking.close()


async def sent(
    house: House, number: str, *, customer_id: str | None = None, status: str = "packed", **told: Any
) -> str:
    """An order that was packed and given to the post; its id."""
    delivery = Delivery(carrier=told.pop("carrier", "Нова Пошта"), tracking_number=number)
    order_id = await order(house, customer_id, f"o{number}", delivery=delivery, **told)
    if status != "new":
        await house.orders.set_status(order_id, status, ANN, binding=False)
    await house.tracking.adopt()
    return order_id


async def look(house: House) -> float:
    """Let everything be due and look; returns the seconds until the next turn."""
    await house.database.durable.parcels.update_many({"next_look_at": {"$ne": None}}, {"$set": {"next_look_at": now()}})
    with pytest.raises(Later) as later:
        await house.tracking.look({"carrier": NAME})
    return later.value.seconds


async def status(house: House, order_id: str) -> str:
    return str((await house.orders.by_id(order_id))["status"])


async def carrier(house: House) -> Document:
    (row,) = await house.tracking.connected()
    return row


async def test_a_parcel_moves_its_order_along_and_so_the_customer_hears_of_it(house, post):
    oksana = await customer(house, await channel(house))
    waybill = post.send(scheduled="2027-05-04 10:00:00")
    order_id = await sent(house, waybill.number, customer_id=oksana)
    await look(house)
    assert await status(house, order_id) == "packed"
    waybill.move("5")
    await look(house)
    assert await status(house, order_id) == "shipped"
    entry = (await house.orders.by_id(order_id))["history"][-1]
    assert (entry["by"]["type"], entry["by"]["name"]) == ("system", "Nova Poshta")
    waybill.move("7")
    await look(house)
    parcel = await house.tracking.parcel(order_id)
    assert (parcel["stage"], parcel["expected_on"], parcel["final"]) == (Stage.ARRIVED, "2027-05-04", False)
    assert "Прибув на відділення" in parcel["text"]
    waybill.move("9")
    await look(house)
    assert await status(house, order_id) == "delivered"
    assert (await house.tracking.parcel(order_id))["next_look_at"] is None
    while await house.database.durable.notices.count_documents({"open": True}) or not await notices_said(house):
        await house.database.durable.notices.update_many({}, {"$set": {"due_at": now()}})
        await house.notices.work_off()
    assert [message["notice"]["status"] for message in await notices_said(house)] == ["shipped", "delivered"]


async def test_two_hundred_and_fifty_parcels_are_three_requests(house, post):
    for number in range(250):
        await house.database.durable.orders.insert_one(
            {
                "_id": f"o{number}",
                "changed_at": now(),
                "contact": {"phone": ""},
                "delivery": {"carrier": "", "tracking_number": f"2045{number:010d}"},
            }
        )
    await house.tracking.adopt()
    await look(house)
    assert post.seen.batches == [100, 100, 50]
    await look(house)
    assert len(post.seen.batches) == 6


async def test_what_is_not_due_is_not_asked_about(house, post):
    await sent(house, post.send().number)
    await look(house)
    with pytest.raises(Later):
        await house.tracking.look({"carrier": NAME})
    assert post.seen.batches == [1]


async def test_who_checks_a_carrier_has_all_its_parcels_asked_about(house, post):
    waybill = post.send()
    order_id = await sent(house, waybill.number)
    await look(house)
    waybill.move("5")
    await house.tracking.check(NAME)
    with pytest.raises(Later):
        await house.tracking.look({"carrier": NAME})
    assert await status(house, order_id) == "shipped"


async def test_two_processes_that_look_at_once_move_an_order_once(house, post):
    waybill = post.send(code="5")
    order_id = await sent(house, waybill.number)
    await asyncio.gather(*(house.tracking.look({"carrier": NAME}) for _ in range(4)), return_exceptions=True)
    order_ = await house.orders.by_id(order_id)
    assert [entry["changes"]["status"]["to"] for entry in order_["history"]] == ["new", "packed", "shipped"]


async def test_a_move_that_the_pipeline_forbids_is_marked_and_made_once_the_order_has_caught_up(house, post):
    waybill = post.send()
    order_id = await sent(house, waybill.number)
    waybill.move("9")
    await look(house)
    parcel = await house.tracking.parcel(order_id)
    assert (await status(house, order_id), parcel["irregular"]["status"]) == ("packed", "delivered")
    assert "shipped" in parcel["irregular"]["reason"]
    assert parcel["next_look_at"] is not None
    await house.orders.set_status(order_id, "shipped", ANN)
    await look(house)
    parcel = await house.tracking.parcel(order_id)
    assert (await status(house, order_id), parcel["irregular"]) == ("delivered", None)
    assert parcel["next_look_at"] is None


async def test_what_a_manager_decided_since_is_not_taken_back(house, post):
    waybill = post.send(code="5")
    order_id = await sent(house, waybill.number)
    await look(house)
    await house.orders.set_status(order_id, "returned", ANN)
    waybill.move("6")
    await look(house)
    assert await status(house, order_id) == "returned"


async def test_another_map_moves_orders_another_way(house, post):
    await house.tracking.put(NAME, CarrierSettings(status_map={"moving": "", "arrived": "shipped"}))
    waybill = post.send(code="5")
    order_id = await sent(house, waybill.number)
    await look(house)
    assert await status(house, order_id) == "packed"
    waybill.move("8")
    await look(house)
    assert await status(house, order_id) == "shipped"


@pytest.mark.parametrize(
    ("carrier_name", "number", "followed"),
    [
        ("Нова Пошта", "20450000000001", True),
        ("", "20450000000001", True),
        ("nova_poshta", "RB123456789UA", True),
        ("Укрпошта", "20450000000001", False),
        ("", "not-a-number", False),
    ],
)
async def test_which_orders_parcels_are_followed(house, post, carrier_name, number, followed):
    order_id = await sent(house, number, carrier=carrier_name)
    found = await house.tracking.of_orders([order_id])
    assert (order_id in found) is followed


async def test_a_corrected_number_is_followed_instead(house, post):
    first, second = post.send(code="9"), post.send(code="5")
    order_id = await sent(house, first.number)
    await house.database.durable.orders.update_one(
        {"_id": order_id}, {"$set": {"delivery.tracking_number": second.number, "changed_at": now()}}
    )
    await house.tracking.adopt()
    await look(house)
    parcel = await house.tracking.parcel(order_id)
    assert (parcel["number"], parcel["stage"]) == (second.number, Stage.MOVING)
    assert await status(house, order_id) == "shipped"


async def test_the_recipients_phone_is_named_so_that_everything_is_told(house, post):
    waybill = post.send(phone="380671112233", code="7")
    order_id = await sent(house, waybill.number, contact=Contact(phone="+380671112233"))
    await look(house)
    assert waybill.branch in (await house.tracking.parcel(order_id))["text"]


async def test_a_parcel_that_waits_is_told_of_once_a_stay(house, post):
    told: list[ParcelWaiting] = []

    async def hear(event: ParcelWaiting) -> None:
        told.append(event)

    house.bus.subscribe(ParcelWaiting, hear)
    waybill = post.send()
    order_id = await sent(house, waybill.number)
    waybill.move("7")
    await look(house)
    assert told == []
    waybill.arrived = (now() - timedelta(days=4)).strftime("%Y-%m-%d %H:%M:%S")
    await look(house)
    await look(house)
    assert [event.order["_id"] for event in told] == [order_id]
    waybill.move("104")
    await look(house)
    waybill.move("7")
    waybill.arrived = (now() - timedelta(days=5)).strftime("%Y-%m-%d %H:%M:%S")
    await look(house)
    assert len(told) == 2


# When the carrier is in trouble


async def test_a_dead_key_pauses_the_tracking_tells_admins_and_a_new_one_resumes_it(house, post):
    waybill = post.send(code="5")
    order_id = await sent(house, waybill.number)
    post.keys.clear()
    fresh = post.create_key()
    assert await look(house) > PAUSED_SECONDS / 2
    row = await carrier(house)
    assert (row["state"], "API key" in row["state_reason"]) == ("paused", True)
    told = await house.feed.told("carrier.updated", [NAME], now() - timedelta(minutes=1))
    assert told == {NAME}
    await house.tracking.put(NAME, CarrierSettings(settings={"api_key": fresh}))
    assert (await carrier(house))["state"] == "connected"
    await look(house)
    assert await status(house, order_id) == "shipped"


async def test_trouble_makes_pauses_longer_and_ends_by_itself(house, post):
    await sent(house, post.send().number)
    post.fault(Fault(kind="status", status=500))
    pauses = [await look(house) for _ in range(8)]
    assert pauses[0] < 60
    assert pauses[3] > 2 * pauses[0]
    assert LONGEST_PAUSE * 0.8 < pauses[7] < LONGEST_PAUSE * 1.2
    assert (await carrier(house))["state"] == "degraded"
    post.faults.clear()
    await look(house)
    row = await carrier(house)
    assert (row["state"], row["state_reason"], row["failures"]) == ("connected", "", 0)


async def test_a_limit_is_kept_as_long_as_it_lasts(house, post):
    await sent(house, post.send().number)
    post.fault(Fault(kind="status", description="To many requests", times=1))
    assert await look(house) > 50


async def test_one_number_that_is_choked_on_does_not_keep_the_news_of_the_others(house, post):
    good, bad = post.send(code="5"), post.send(code="5")
    order_id = await sent(house, good.number)
    await sent(house, bad.number)
    post.choke_on = bad.number
    await look(house)
    assert await status(house, order_id) == "shipped"
    assert (await carrier(house))["state"] == "connected"


async def test_wrong_settings_change_nothing(house, post):
    with pytest.raises(Invalid) as refused:
        await house.tracking.put(NAME, CarrierSettings(settings={"api_key": "0" * 32}))
    assert refused.value.field == "settings"
    for wrong, field in (
        (CarrierSettings(settings={"api_key": "short"}), "settings.api_key"),
        (CarrierSettings(status_map={"moving": "nowhere"}), "status_map.moving"),
        (CarrierSettings(status_map={"flying": "shipped"}), "status_map.flying"),
    ):
        with pytest.raises(Invalid) as refused:
            await house.tracking.put(NAME, wrong)
        assert refused.value.field == field
    post.fault(Fault(kind="status", status=503, times=1))
    with pytest.raises(ProviderUnavailable):
        await house.tracking.put(NAME, CarrierSettings(settings={"api_key": "1" * 32}))
    assert (await house.tracking.check(NAME))["state"] == "connected"


async def test_a_carrier_that_is_disconnected_is_asked_nothing(house, post):
    order_id = await sent(house, post.send().number)
    await house.tracking.disconnect(NAME)
    await house.tracking.look({"carrier": NAME})
    assert post.seen.batches == []
    assert (await house.tracking.parcel(order_id))["number"]
    with pytest.raises(NotFound):
        await house.tracking.check(NAME)
    with pytest.raises(NotFound):
        await house.tracking.put("pigeons", CarrierSettings())
