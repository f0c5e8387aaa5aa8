"""The shop's own fields: defined by admins, kept to on cards."""

import pytest

from web.api.customer_fields import FieldsShape
from web.api.shapes import CustomerShape

CITY = {"code": "city", "title": "City"}
SIZE = {"code": "size", "title": "Shoe size", "type": "number"}
WAY = {"code": "way", "title": "Delivery", "type": "choice", "choices": ["Post", "Courier"]}


async def define(desk, *fields, **options):
    return await desk.admin.call("PUT", "/customer-fields", {"fields": list(fields)}, **options)


async def card(desk, **fields):
    created = await desk.manager.call("POST", "/customers", {"name": "Iryna", "fields": fields})
    assert created.status == 201, created
    return f"/customers/{created.body['id']}"


async def test_fields_are_defined_and_kept_to(desk):
    assert (await desk.manager.get("/customer-fields")) == {"fields": []}
    defined = (await define(desk, CITY, SIZE, WAY)).fits(FieldsShape)
    assert defined.status == 200
    assert [(one["code"], one["position"]) for one in defined.body["fields"]] == [("city", 0), ("size", 1), ("way", 2)]
    assert (await desk.manager.get("/customer-fields")) == defined.body

    path = await card(desk, city="Lviv", size=41.5, way="courier", vip=True)
    shown = (await desk.manager.call("GET", path)).fits(CustomerShape).body
    assert shown["fields"] == {"city": "Lviv", "size": "41.5", "way": "Courier", "vip": "yes"}


@pytest.mark.parametrize(
    ("fields", "named", "remedy"),
    [
        ({"size": "big"}, "fields.size", "a number"),
        ({"way": "Bike"}, "fields.way", "Post, Courier"),
        ({"city": ["Lviv"]}, "fields.city", "is a text"),
    ],
)
async def test_a_wrong_value_is_named_and_changes_nothing(desk, fields, named, remedy):
    await define(desk, CITY, SIZE, WAY)
    path = await card(desk, size=40)
    refused = await desk.manager.call("PATCH", path, {"name": "Other", "fields": fields})
    assert (refused.status, refused.fields) == (422, [named])
    assert remedy in refused.body["errors"][0]["message"]
    shown = await desk.manager.get(path)
    assert (shown["name"], shown["fields"]) == ("Iryna", {"size": "40"})


async def test_what_nobody_defined_is_a_text(desk):
    path = await card(desk, colour="red")
    changed = await desk.manager.call("PATCH", path, {"fields": {"colour": None, "Розмір взуття": "41"}})
    assert changed.body["fields"] == {"Розмір взуття": "41"}


async def test_what_stands_on_cards_binds_the_definitions(desk):
    await define(desk, CITY, SIZE)
    path = await card(desk, city="5,50", size=40)
    other = await card(desk, city="Lviv")

    assert (await define(desk, {**CITY, "title": "Town", "archived": True}, SIZE)).status == 200
    left_out = await define(desk, CITY)
    assert (left_out.status, left_out.fields) == (422, ["fields"])
    assert "size" in left_out.body["detail"]
    assert "archive" in left_out.body["detail"]
    misfit = await define(desk, {**CITY, "type": "number"}, SIZE)
    assert (misfit.status, misfit.fields) == (422, ["fields.0.type"])
    assert "Lviv" in misfit.body["detail"]

    await desk.manager.call("PATCH", other, {"name": "Olha"})
    await define(desk, CITY, SIZE)
    await desk.manager.call("PATCH", other, {"fields": {"city": None}})
    assert (await define(desk, {**CITY, "type": "number"}, {**SIZE, "type": "text"})).status == 200
    assert (await desk.manager.get(path))["fields"] == {"city": "5.5", "size": "40"}


async def test_a_choice_that_cards_have_cannot_go(desk):
    await define(desk, WAY)
    await card(desk, way="Post")
    refused = await define(desk, {**WAY, "choices": ["Courier"]})
    assert (refused.status, refused.fields) == (422, ["fields.0.choices"])
    assert (await define(desk, {**WAY, "choices": ["POST", "Drone"]})).status == 200


async def test_of_two_admins_the_second_is_told(desk):
    shown = await desk.admin.call("GET", "/customer-fields")
    assert (await define(desk, CITY, headers={"If-Match": shown.headers["ETag"]})).status == 200
    assert (await define(desk, SIZE, headers={"If-Match": shown.headers["ETag"]})).status == 409


async def test_fields_are_the_admins_to_define(desk):
    assert (await desk.manager.call("PUT", "/customer-fields", {"fields": []})).status == 403
    assert (await desk.anonymous.call("GET", "/customer-fields")).status == 401
