"""Connecting shops: for admins, with a secret that is told once."""

import pytest

from web.api.order_sources import NewOrderSourceShape, OrderSourceShape
from web.api.shapes import Page


async def test_a_shops_secret_is_told_once(desk):
    created = await desk.admin.call("POST", "/order-sources", {"name": "Boutique", "kind": "woocommerce"})
    assert created.status == 201, created
    body = created.fits(NewOrderSourceShape).body
    assert len(body["secret"]) == 40
    assert body["secret"].isalnum()
    assert body["webhook_url"]["path"] == f"/hooks/orders/{body['id']}"
    assert body["webhook_url"]["absolute"].endswith(body["webhook_url"]["path"])
    shown = await desk.admin.call("GET", f"/order-sources/{body['id']}")
    assert "secret" not in shown.fits(OrderSourceShape).body
    listed = await desk.admin.call("GET", "/order-sources")
    assert listed.fits(Page[OrderSourceShape]).body["items"] == [shown.body]
    assert body["secret"].encode() not in listed.raw
    assert (await desk.owner.call("GET", "/audit")).raw.count(body["secret"].encode()) == 0


async def test_a_shops_own_secret_is_taken(desk):
    body = {"name": "Boutique", "kind": "shopify", "secret": "what Shopify shows"}
    assert (await desk.admin.call("POST", "/order-sources", body)).body["secret"] == "what Shopify shows"


async def test_words_are_translated_as_an_admin_says(desk):
    source = (await desk.admin.call("POST", "/order-sources", {"name": "Boutique", "kind": "woocommerce"})).body
    assert source["status_map"]["processing"] == "confirmed"
    path = f"/order-sources/{source['id']}"
    changed = await desk.admin.call("PATCH", path, {"status_map": {"processing": "paid", "quote": None}, "name": "B"})
    assert changed.fits(OrderSourceShape).body["name"] == "B"
    assert (changed.body["status_map"]["processing"], changed.body["status_map"]["quote"]) == ("paid", None)
    wrong = await desk.admin.call("PATCH", path, {"status_map": {"processing": "lost"}})
    assert (wrong.status, wrong.fields) == (422, ["status_map.processing"])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "", "kind": "generic"}, "name"),
        ({"name": "Shop", "kind": "magento"}, "kind"),
        ({"name": "Shop", "kind": "generic", "secret": "short"}, "secret"),
    ],
)
async def test_what_is_wrong_is_named(desk, body, field):
    answer = await desk.admin.call("POST", "/order-sources", body)
    assert (answer.status, answer.fields) == (422, [field])


async def test_sources_are_for_admins(desk):
    source = (await desk.admin.call("POST", "/order-sources", {"name": "Boutique", "kind": "generic"})).body
    path = f"/order-sources/{source['id']}"
    for method, where, body in (
        ("GET", "/order-sources", None),
        ("POST", "/order-sources", {"name": "Mine", "kind": "generic"}),
        ("GET", path, None),
        ("PATCH", path, {"name": "Mine"}),
        ("DELETE", path, None),
    ):
        assert (await desk.manager.call(method, where, body)).status == 403


async def test_a_removed_source_is_gone(desk):
    source = (await desk.admin.call("POST", "/order-sources", {"name": "Boutique", "kind": "generic"})).body
    path = f"/order-sources/{source['id']}"
    assert (await desk.admin.call("DELETE", path)).status == 204
    for method, body in (("GET", None), ("PATCH", {"name": "B"}), ("DELETE", None)):
        assert (await desk.admin.call(method, path, body)).status == 404
