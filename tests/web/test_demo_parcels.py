"""The demo's parcels: followed, and where the shop's site says."""

from datetime import UTC, datetime

import pytest

from inbox.model.carrier import Stage
from inbox.model.orders import Contact, Delivery
from inbox.timers import Later
from tests.inbox.customers import order
from web.demo.orders import ORDERS
from web.demo.parcels import send_parcels


async def test_the_carrier_knows_the_parcels_of_the_shops_orders(house, sandbox):
    keys = {}
    for bought in ORDERS:
        carrier, number = bought.parcel
        contact = Contact(phone=bought.phone)
        delivery = Delivery(carrier=carrier, tracking_number=number)
        keys[bought.number] = await order(
            house, None, bought.number, delivery=delivery, contact=contact, created_at=datetime(2026, 1, 1, tzinfo=UTC)
        )
    await send_parcels(house, sandbox)
    followed = await house.tracking.of_orders(list(keys.values()))
    assert sorted(followed) == sorted([keys["1042"], keys["1179"]])
    await house.database.durable.orders.update_many({}, {"$set": {"status": "delivered"}})
    with pytest.raises(Later):
        await house.tracking.look({"carrier": "nova_poshta"})
    stages = {key: parcel["stage"] for key, parcel in (await house.tracking.of_orders(list(keys.values()))).items()}
    assert stages == {keys["1042"]: Stage.DELIVERED, keys["1179"]: Stage.CREATED}
    await house.tracking.close()
