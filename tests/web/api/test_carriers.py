"""Carriers over the API: connected by admins, secrets kept, parcels shown to everybody."""

from typing import Any

import pytest

from inbox.model.orders import Delivery
from inbox.storage.database import Document
from tests.inbox.customers import order
from web.api.carriers import CarrierPage, CarrierShape, ParcelShape

PATH = "/carriers/nova_poshta"


@pytest.fixture
def settings(sandbox: Any) -> Document:
    return {"api_key": sandbox.nova_poshta.create_key(), "api_base": sandbox.api_base("nova_poshta")}


async def test_an_admin_connects_a_carrier_and_its_key_is_never_shown(desk, settings):
    before = (await desk.admin.call("GET", "/carriers")).fits(CarrierPage).body
    assert before == {"items": [], "available": ["nova_poshta"]}
    put = (await desk.admin.call("PUT", PATH, {"settings": settings})).fits(CarrierShape)
    assert (put.status, put.body["state"], put.body["title"]) == (200, "connected", "Nova Poshta")
    assert put.body["status_map"] == {"moving": "shipped", "delivered": "delivered", "returned": "returned"}
    listed = await desk.admin.call("GET", "/carriers")
    assert settings["api_key"] not in put.raw.decode() + listed.raw.decode()
    audited = await desk.owner.get("/audit")
    assert settings["api_key"] not in str(audited)
    changed = (await desk.admin.call("PUT", PATH, {"waiting_days": 5, "status_map": {"moving": "shipped"}})).body
    assert (changed["waiting_days"], changed["status_map"]) == (5, {"moving": "shipped"})
    checked = await desk.admin.call("POST", f"{PATH}/check")
    assert (checked.status, checked.fits(CarrierShape).body["state"]) == (200, "connected")
    assert (await desk.admin.call("DELETE", PATH)).status == 204
    assert (await desk.admin.get("/carriers"))["items"] == []


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"waiting_days": 3}, 422, "settings"),
        ({"settings": {"api_key": "short"}}, 422, "settings.api_key"),
        ({"settings": {}}, 422, "settings.api_key"),
        ({"settings": {"api_key": "0" * 32, "colour": "red"}}, 422, "settings.colour"),
        ({"waiting_days": 0}, 422, "waiting_days"),
        ({"status_map": {"flying": "shipped"}}, 422, "status_map.flying.[key]"),
    ],
)
async def test_wrong_values_name_their_field(desk, body, status, field):
    refused = await desk.admin.call("PUT", PATH, body)
    assert (refused.status, refused.fields) == (status, [field])


async def test_carriers_are_for_admins_and_only_those_there_are(desk, settings):
    for method, path in (("GET", "/carriers"), ("PUT", PATH), ("POST", f"{PATH}/check"), ("DELETE", PATH)):
        body = {"settings": settings} if method == "PUT" else None
        assert (await desk.manager.call(method, path, body)).status == 403
    assert (await desk.admin.call("PUT", "/carriers/pigeons", {"settings": settings})).status == 404
    for method, path in (("DELETE", PATH), ("POST", f"{PATH}/check")):
        assert (await desk.admin.call(method, path)).status == 404


async def test_an_orders_parcel_is_shown_to_every_manager(desk, settings, sandbox):
    await desk.admin.call("PUT", PATH, {"settings": settings})
    waybill = sandbox.nova_poshta.send(code="5")
    delivery = Delivery(carrier="Nova Poshta", tracking_number=waybill.number)
    order_id = await order(desk.house, None, delivery=delivery)
    assert (await desk.manager.call("GET", f"/parcels/{order_id}")).status == 404
    await desk.house.tracking.adopt()
    shown = (await desk.manager.call("GET", f"/parcels/{order_id}")).fits(ParcelShape).body
    assert (shown["carrier"], shown["number"], shown["stage"]) == ("Nova Poshta", waybill.number, "unknown")
