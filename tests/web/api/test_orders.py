"""Orders over the API: whole, exact, along the pipeline, and of whom."""

from typing import Any

import pytest

from inbox.live import LiveFrame
from inbox.model.orders import OrderSnapshot
from inbox.model.people import Author, Role, Viewer
from tests.web.api.desk import Caller, Desk
from web.api.live import frame_view
from web.api.orders import OrderShape, WholeOrderShape
from web.api.shapes import Page, ProblemShape
from web.doors.answers import json_bytes

MUG = {"name": "Mug", "quantity": 2, "price": "150.00"}
ORDER: dict[str, Any] = {"status": "new", "items": [MUG], "total": "300.00", "currency": "UAH"}


async def put(caller: Caller, number: str = "1001", **fields: Any) -> dict[str, Any]:
    answer = await caller.call("PUT", f"/orders/{number}", {**ORDER, **fields})
    assert answer.status in (200, 201), answer
    return dict(answer.fits(OrderShape).body)


async def pushed(desk: Desk, number: str = "1001", source: str = "s1") -> None:
    """The same number by another source."""
    snapshot = OrderSnapshot(number=number, status="new", items=(), total="1.00", currency="UAH")
    await desk.house.orders.put(Author(type="shop", id=source), snapshot, source=source, binding=False)


async def test_an_order_is_put_once_however_often(desk):
    first = await desk.manager.call("PUT", "/orders/1001", {**ORDER, "payment": "unpaid"})
    again = await desk.manager.call("PUT", "/orders/1001", {**ORDER, "payment": "unpaid"})
    assert (first.status, again.status) == (201, 200)
    assert first.body == again.body
    assert first.headers["ETag"] == '"1"'
    assert (first.body["source"], first.body["payment"]) == ("api", "unpaid")
    changed = await put(desk.manager, total="290.00", payment={"state": "paid", "method": "Card"})
    assert changed["version"] == 2
    entry = changed["history"][-1]
    assert (entry["by"]["type"], entry["by"]["name"], entry["no"]) == ("manager", "Manager", 2)
    assert entry["changes"]["total"] == {"from": "300.00", "to": "290.00"}


async def test_a_whole_order_comes_back_as_it_went(desk):
    body = {
        **ORDER,
        "items": [{**MUG, "sku": "M-1"}, {"name": "Rope", "quantity": "1.5", "price": "0.1"}],
        "total": "300.15",
        "customer": {"phone": "067 123 45 67", "email": "Oksana@Example.com", "name": "Oksana"},
        "delivery": {"carrier": "Nova Poshta", "tracking_number": "59000000000001"},
        "created_at": "2026-11-01T10:00:00+02:00",
        "updated_at": "2026-11-01T10:05:00Z",
    }
    answer = await desk.manager.call("PUT", "/orders/A%2F7", body)
    assert answer.status == 201, answer
    order = (await desk.manager.call("GET", "/orders/A%2F7")).fits(WholeOrderShape).body
    assert order["number"] == "A/7"
    assert order["contact"] == {"phone": "+380671234567", "email": "oksana@example.com", "name": "Oksana"}
    assert order["items"][1] == {"name": "Rope", "quantity": "1.5", "price": "0.10", "sku": ""}
    assert (order["total"], order["delivery"]["tracking_number"]) == ("300.15", "59000000000001")
    assert (order["created_at"], order["updated_at"]) == ("2026-11-01T08:00:00Z", "2026-11-01T10:05:00Z")
    assert order["allowed"] == ["confirmed", "awaiting_payment", "paid", "cancelled"]


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"status": "lost"}, "status"),
        ({"total": "1.005"}, "total"),
        ({"total": 300}, "total"),
        ({"total": "10.5", "currency": "JPY", "items": []}, "total"),
        ({"currency": "XYZ"}, "currency"),
        ({"items": [{**MUG, "price": "1,5"}]}, "items.0.price"),
        ({"items": [{**MUG, "quantity": "half"}]}, "items.0.quantity"),
        ({"items": [{**MUG, "quantity": -1}]}, "items.0.quantity"),
        ({"payment": 5}, "payment"),
        ({"customer": {"phone": "not a phone"}}, "customer.phone"),
        ({"customer_id": "nobody"}, "customer_id"),
        ({"updated_at": "2999-01-01T00:00:00Z"}, "updated_at"),
        ({"delivery": {"tracking": "1"}}, "delivery.tracking"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_what_is_wrong_is_named(desk, fields, named):
    answer = await desk.manager.call("PUT", "/orders/1001", {**ORDER, **fields})
    assert answer.status == 422, answer
    assert named in answer.fields
    assert (await desk.manager.call("GET", "/orders/1001")).status == 404


@pytest.mark.parametrize(("total", "currency", "kept"), [("1500", "JPY", "1500"), ("1.5", "KWD", "1.500")])
async def test_an_amount_has_the_digits_of_its_currency(desk, total, currency, kept):
    assert (await put(desk.manager, total=total, currency=currency, items=[]))["total"] == kept


async def test_every_forbidden_move_is_refused_naming_the_allowed_ones(desk):
    stages = (await desk.admin.get("/order-pipeline"))["statuses"]
    for stage in stages:
        await put(desk.manager, stage["code"], status=stage["code"])
        wrong = [other["code"] for other in stages if other["code"] not in (*stage["next"], stage["code"])]
        for code in wrong:
            by_move = await desk.manager.call("POST", f"/orders/{stage['code']}/status", {"status": code})
            by_put = await desk.manager.call("PUT", f"/orders/{stage['code']}", {**ORDER, "status": code})
            for answer in (by_move, by_put):
                assert answer.status == 409, (stage["code"], code)
                assert answer.fits(ProblemShape).body["allowed"] == stage["next"]
        assert (await desk.manager.get(f"/orders/{stage['code']}"))["version"] == 1


async def test_an_allowed_move_is_made_and_repeating_it_does_nothing(desk):
    await put(desk.manager)
    moved = await desk.manager.call("POST", "/orders/1001/status", {"status": "confirmed"})
    again = await desk.manager.call("POST", "/orders/1001/status", {"status": "confirmed"})
    assert (moved.status, again.status) == (200, 200)
    assert moved.fits(OrderShape).body == again.body
    assert moved.body["history"][-1]["changes"] == {"status": {"from": "new", "to": "confirmed"}}
    unknown = await desk.manager.call("POST", "/orders/1001/status", {"status": "lost"})
    assert (unknown.status, unknown.fields) == (422, ["status"])
    audit = [entry["action"] for entry in (await desk.owner.get("/audit"))["items"]]
    assert audit.count("order.status") == 1


async def test_a_version_that_is_over_is_refused(desk):
    await put(desk.manager)
    move = {"status": "confirmed"}
    headers = {"If-Match": '"1"'}
    assert (await desk.manager.call("POST", "/orders/1001/status", move, headers=headers)).status == 200
    stale = await desk.manager.call("POST", "/orders/1001/status", {"status": "paid"}, headers=headers)
    assert (stale.status, stale.body["current_version"]) == (409, 2)
    stale = await desk.manager.call("POST", "/orders/1001/status", {"status": "paid", "version": 1})
    assert stale.status == 409
    odd = await desk.manager.call("PUT", "/orders/1001", ORDER, headers={"If-Match": "one"})
    assert (odd.status, odd.fields) == (422, ["If-Match"])


async def test_an_ambiguous_number_names_its_sources(desk):
    await put(desk.manager)
    await pushed(desk)
    for method, path, body in (
        ("GET", "/orders/1001", None),
        ("POST", "/orders/1001/status", {"status": "confirmed"}),
        ("POST", "/orders/1001/link", {"customer_id": None}),
    ):
        answer = await desk.manager.call(method, path, body)
        assert answer.status == 409, answer
        assert answer.fits(ProblemShape).body["sources"] == ["api", "s1"]
    assert (await desk.manager.get("/orders/1001?source=s1"))["total"] == "1.00"
    moved = await desk.manager.call("POST", "/orders/1001/status?source=api", {"status": "confirmed"})
    assert moved.body["source"] == "api"
    unknown = await desk.manager.call("PUT", "/orders/1001?source=s9", ORDER)
    assert (unknown.status, unknown.fields) == (422, ["source"])


async def test_the_list_is_narrowed(desk):
    card = (await desk.manager.call("POST", "/customers", {"name": "Oksana"})).body
    await put(desk.manager, "1", customer_id=card["id"])
    await put(desk.manager, "2", customer={"phone": "+380671234567"})
    await desk.manager.call("POST", "/orders/1/status", {"status": "confirmed"})

    async def numbers(query: str) -> list[str]:
        answer = await desk.manager.call("GET", f"/orders?{query}")
        return [order["number"] for order in answer.fits(Page[OrderShape]).body["items"]]

    assert await numbers("") == ["1", "2"]
    assert await numbers("customer=&status=") == ["1", "2"]
    assert await numbers(f"customer={card['id']}") == ["1"]
    assert await numbers("status=confirmed") == ["1"]
    assert await numbers("linked=false") == ["2"]
    assert await numbers("q=067%20123%2045%2067") == ["2"]
    assert await numbers("source=s1") == []
    first = await desk.manager.get("/orders?limit=1")
    rest = await desk.manager.get(f"/orders?limit=1&cursor={first['next_cursor']}")
    assert [order["number"] for order in rest["items"]] == ["2"]


async def test_an_order_of_nobody_is_suggested_and_linked_by_a_manager(desk):
    card = (await desk.manager.call("POST", "/customers", {"name": "Oksana", "phones": ["+380671234567"]})).body
    await put(desk.manager, customer={"phone": "+380671234567"})
    order = (await desk.manager.call("GET", "/orders/1001")).fits(WholeOrderShape).body
    suggested = {"customer_id": card["id"], "name": "Oksana", "by": ["phone"], "proven": False}
    assert (order["customer_id"], order["suggestions"]) == (None, [suggested])
    linked = await desk.manager.call("POST", "/orders/1001/link", {"customer_id": card["id"]})
    assert linked.fits(OrderShape).body["customer_id"] == card["id"]
    loose = await desk.manager.call("POST", "/orders/1001/link", {"customer_id": None})
    assert (loose.body["customer_id"], loose.body["linked_by"]) == (None, "manager")
    wrong = await desk.manager.call("POST", "/orders/1001/link", {"customer_id": "nobody"})
    assert (wrong.status, wrong.fields) == (422, ["customer_id"])


async def test_the_pipeline_is_for_admins(desk):
    whole = await desk.admin.get("/order-pipeline")
    for method, body in (("GET", None), ("PUT", whole)):
        assert (await desk.manager.call(method, "/order-pipeline", body)).status == 403
    assert (await desk.anonymous.call("GET", "/orders")).status == 401


async def test_the_pipeline_is_set_as_it_was_read(desk):
    whole = await desk.admin.get("/order-pipeline")
    assert set(whole["statuses"][0]) == {"code", "title", "next", "notify", "macro_id", "void"}
    assert [one["code"] for one in whole["statuses"] if one["notify"]] == ["confirmed", "shipped", "delivered"]
    assert [one["code"] for one in whole["statuses"] if one["void"]] == ["returned", "cancelled"]
    whole["statuses"][0]["next"] = ["confirmed"]
    del whole["statuses"][-1]["void"]
    whole["statuses"][-2]["void"] = False
    whole["statuses"].append({"code": "lost", "title": {"uk": "Загублено"}, "next": ["returned"]})
    answer = await desk.admin.call("PUT", "/order-pipeline", whole, headers={"If-Match": '"0"'})
    assert answer.status == 200, answer
    assert len(answer.body["warnings"]) == 1
    assert "lost" in answer.body["warnings"][0]
    after = await desk.admin.get("/order-pipeline")
    assert after["statuses"][0]["next"] == ["confirmed"]
    assert [one["code"] for one in after["statuses"] if one["void"]] == ["cancelled"]
    stale = await desk.admin.call("PUT", "/order-pipeline", whole, headers={"If-Match": '"0"'})
    assert (stale.status, stale.body["current_version"]) == (409, 1)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"next": ["gone"]}, "statuses.0.next"),
        ({"next": ["new"]}, "statuses.0.next"),
        ({"code": "confirmed"}, "statuses.1.code"),
        ({"code": "New!"}, "statuses.0.code"),
        ({"title": {}}, "statuses.0.title"),
        ({"macro_id": "none"}, "statuses.0.macro_id"),
    ],
)
async def test_a_pipeline_that_contradicts_itself_is_refused(desk, change, named):
    whole = await desk.admin.get("/order-pipeline")
    whole["statuses"][0] |= change
    answer = await desk.admin.call("PUT", "/order-pipeline", whole)
    assert answer.status == 422, answer
    assert answer.fields == [named]


async def test_a_status_in_use_cannot_vanish(desk):
    await put(desk.manager, status="packed")
    whole = await desk.admin.get("/order-pipeline")
    kept = [one for one in whole["statuses"] if one["code"] != "packed"]
    for one in kept:
        one["next"] = [code for code in one["next"] if code != "packed"]
    answer = await desk.admin.call("PUT", "/order-pipeline", {"statuses": kept})
    assert answer.status == 422
    assert "packed (1)" in answer.body["detail"]
    created = await desk.admin.call("POST", "/order-sources", {"name": "Boutique", "kind": "shopify"})
    await desk.manager.call("POST", "/orders/1001/status", {"status": "shipped"})
    answer = await desk.admin.call("PUT", "/order-pipeline", {"statuses": kept})
    assert "packed (Boutique)" in answer.body["detail"]
    path = f"/order-sources/{created.body['id']}"
    assert (await desk.admin.call("PATCH", path, {"status_map": {"partial": "paid"}})).status == 200
    assert (await desk.admin.call("PUT", "/order-pipeline", {"statuses": kept})).status == 200


async def test_a_page_is_shown_the_order_as_the_api_shows_it(desk):
    await put(desk.manager, customer={"email": "oksana@example.com"})
    order = await desk.house.orders.get("1001")
    viewer = Viewer(id="m1", name="Ann", role=Role.MANAGER)
    frame = frame_view(LiveFrame(7, "order.updated", order), viewer)
    assert (frame["seq"], frame["type"]) == (7, "order.updated")
    OrderShape.model_validate_json(json_bytes(frame["data"]))


@pytest.mark.parametrize("number", ["%00", "%0A", "a" * 65, "%20"])
async def test_an_odd_number_is_no_number(desk, number):
    answer = await desk.manager.call("PUT", f"/orders/{number}", ORDER)
    assert (answer.status, answer.fields) == (422, ["number"])
    assert (await desk.manager.call("GET", f"/orders/{number}")).status == 404
