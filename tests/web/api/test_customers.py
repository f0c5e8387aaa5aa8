"""Customer cards."""

import pytest

from tests.web.api.desk import written
from web.api import shapes


async def test_a_card_by_hand(desk):
    card = {
        "name": " Iryna ",
        "phones": ["067 123 45 67"],
        "emails": ["Iryna@Example.com"],
        "tags": ["vip"],
        "fields": {"size": "M"},
    }
    created = (await desk.manager.call("POST", "/customers", card)).fits(shapes.CustomerShape)
    assert created.status == 201
    assert created.body["name"] == "Iryna"
    assert created.body["phones"] == ["+380671234567"]
    assert created.body["emails"] == ["iryna@example.com"]
    assert created.body["proven"] == []
    path = f"/customers/{created.body['id']}"
    changed = (await desk.manager.call("PATCH", path, {"tags": []})).fits(shapes.CustomerShape)
    assert (changed.body["tags"], changed.body["fields"]) == ([], {"size": "M"})


async def test_a_card_shows_where_it_can_be_reached(desk, database):
    conversation = await written(database)
    card = (await desk.manager.call("GET", f"/customers/{conversation['customer_id']}")).fits(shapes.CustomerShape).body
    (identity,) = card["identities"]
    assert (identity["channel_id"], identity["kind"], identity["username"]) == ("channel", "telegram", "taras")
    assert identity["reachable"] is True


async def test_cards_are_found_by_any_of_their_names(desk, database):
    await written(database)
    await desk.manager.call("POST", "/customers", {"name": "Iryna", "phones": ["+380671234567"]})
    for q, names in (
        ("iry", ["Iryna"]),
        ("671234", ["Iryna"]),
        ("taras", ["Taras Bondar"]),
        (".*", []),
        ("", ["Iryna", "Taras Bondar"]),
    ):
        page = (await desk.manager.call("GET", "/customers", params={"q": q})).fits(shapes.Page[shapes.CustomerShape])
        assert sorted(row["name"] for row in page.body["items"]) == names, q


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"phones": ["call me"]}, "phones"),
        ({"fields": {"a.b": "c"}}, "fields.a.b.[key]"),
        ({"fields": {"$where": "c"}}, "fields.$where.[key]"),
        ({"tags": ["x" * 61]}, "tags.0"),
        ({"name": "\t"}, "name"),
    ],
)
async def test_wrong_values_are_named(desk, wrong, field):
    refused = await desk.manager.call("POST", "/customers", {"name": "Iryna", **wrong})
    assert (refused.status, refused.fields) == (422, [field])
    assert (await desk.manager.get("/customers"))["items"] == []


async def test_nobody_by_that_id(desk):
    for path in ("/customers/nobody", "/customers/nobody/timeline"):
        assert (await desk.manager.call("GET", path)).status == 404
    assert (await desk.manager.call("PATCH", "/customers/nobody", {"name": "X"})).status == 404
