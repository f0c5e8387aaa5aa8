"""Customer cards."""

import pytest

from inbox.model.ids import now
from inbox.storage.database import Document
from tests.web.api.desk import written
from web.api import shapes
from web.api.customers import GalleryItemShape


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


async def test_a_card_says_when_they_wrote_first_and_last_whatever_the_channel(desk, database):
    conversation = await written(database, "one", "two")
    said = await desk.manager.get(f"/conversations/{conversation['_id']}/messages")
    path = f"/customers/{conversation['customer_id']}"
    card = await desk.manager.get(path)
    (identity,) = card["identities"]
    assert identity["window_until"] is None, "a channel without a window notes no time on the identity"
    assert card["last_contact_at"] == max(message["sent_at"] for message in said["items"])
    assert card["first_contact_at"] <= min(message["sent_at"] for message in said["items"])
    answer = {"text": "Hello", "channel_id": identity["channel_id"]}
    await desk.manager.call("POST", f"/conversations/{conversation['_id']}/messages", answer)
    (listed,) = (await desk.manager.get("/customers"))["items"]
    assert listed["last_contact_at"] == card["last_contact_at"], "what the shop writes is no word of theirs"
    by_hand = (await desk.manager.call("POST", "/customers", {"name": "Iryna"})).body
    assert (by_hand["first_contact_at"], by_hand["last_contact_at"]) == (None, None)


async def test_a_card_says_how_much_was_ordered(desk, database):
    conversation = await written(database)
    await history(desk, conversation["customer_id"])
    for path in (f"/customers/{conversation['customer_id']}", "/customers"):
        answer = await desk.manager.get(path)
        card = answer["items"][0] if "items" in answer else answer
        assert (card["order_count"], card["order_sums"]) == (1, [{"currency": "UAH", "total": "10.00"}])


async def test_cards_are_found_by_any_of_their_names(desk, database):
    await written(database)
    await desk.manager.call("POST", "/customers", {"name": "Iryna", "phones": ["+380671234567"]})
    await desk.house.indexing.build()
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
        ({"emails": ["no address"]}, "emails"),
        ({"languages": ["Ukrainian"]}, "languages.0"),
        ({"responsible_manager_id": "nobody"}, "responsible_manager_id"),
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


async def test_a_card_says_who_looks_after_them_and_how_they_speak(desk, database):
    conversation = await written(database)
    path = f"/customers/{conversation['customer_id']}"
    changes = {"languages": ["ka", "en"], "responsible_manager_id": desk.manager.id}
    card = (await desk.manager.call("PATCH", path, changes)).fits(shapes.CustomerShape).body
    assert (card["language"], card["languages"]) == ("ka", ["ka", "en"])
    assert card["responsible_manager_id"] == desk.manager.id
    assert card["first_contact_at"] is not None


async def test_of_two_who_saw_the_same_card_the_second_is_told(desk):
    card = (await desk.manager.call("POST", "/customers", {"name": "Iryna"})).body
    path = f"/customers/{card['id']}"
    changed = await desk.manager.call("PATCH", path, {"tags": ["vip"], "version": card["version"]})
    assert changed.status == 200
    refused = await desk.owner.call("PATCH", path, {"tags": [], "version": card["version"]})
    assert (refused.status, refused.body["current_version"]) == (409, changed.body["version"])


async def test_tags_to_choose_from(desk):
    await desk.manager.call("POST", "/customers", {"name": "Iryna", "tags": ["VIP", "wholesale"]})
    assert await desk.manager.get("/tags?q=vi") == {"items": ["VIP"]}
    assert (await desk.manager.call("GET", "/tags?limit=0")).fields == ["limit"]
    assert (await desk.anonymous.call("GET", "/tags")).status == 401


async def history(desk, customer_id):
    """A card with something of every kind: messages, a note, an order that moved, a holder, a closed conversation."""
    order = {
        "customer_id": customer_id,
        "status": "new",
        "items": [{"name": "Box", "quantity": 1, "price": "10.00"}],
        "total": "10.00",
        "currency": "UAH",
    }
    assert (await desk.owner.call("PUT", "/orders/17", order)).status in (200, 201)
    assert (await desk.owner.call("POST", "/orders/17/status", {"status": "confirmed"})).status == 200
    await desk.owner.call("POST", f"/customers/{customer_id}/notes", {"text": "Calls after six"})


async def test_a_timeline_tells_all_that_happened_in_the_order_of_time(desk, database):
    conversation = await written(database, "one", "two", "three")
    customer, path = conversation["customer_id"], f"/conversations/{conversation['_id']}"
    await history(desk, customer)
    assert (await desk.owner.call("PATCH", path, {"assignee_id": desk.manager.id})).status == 200
    assert (await desk.owner.call("PATCH", path, {"status": "closed"})).status == 200

    where = f"/customers/{customer}/timeline"
    said = (await desk.manager.call("GET", where)).fits(shapes.Page[shapes.MessageShape]).body["items"]
    assert [message["text"] for message in said] == ["three", "two", "one"]

    entries: list[Document] = []
    cursor = None
    while cursor or not entries:
        query = {"include": "all", "limit": 2, **({"cursor": cursor} if cursor else {})}
        page = (await desk.manager.call("GET", where, params=query)).body
        entries += page["items"]
        cursor = page["next_cursor"]
    kinds = [entry["kind"] for entry in entries]
    assert kinds[:5] == ["status", "assignment", "note", "order", "order"]
    assert kinds[5:] == ["message"] * 3
    assert (entries[0]["status"], entries[1]["assignee_id"]) == ("closed", desk.manager.id)
    assert [(entry["by"]["type"], entry["by"]["id"]) for entry in entries[:2]] == 2 * [("manager", desk.owner.id)]
    assert entries[3]["status"] == {"from": "new", "to": "confirmed"}
    whole = (await desk.manager.get(f"{where}?include=all&limit=100"))["items"]
    assert whole == entries

    orders = (await desk.manager.get(f"{where}?include=order"))["items"]
    assert {entry["kind"] for entry in orders} == {"order", "message"}
    assert (await desk.manager.call("GET", f"{where}?include=weather")).fields == ["include"]


async def test_of_anothers_conversation_a_timeline_tells_nothing(desk, database):
    team = (await desk.owner.call("POST", "/teams", {"name": "Wholesale"})).body["id"]
    conversation = await written(database, "secret", team_id=team)
    await desk.owner.call("PATCH", f"/conversations/{conversation['_id']}", {"assignee_id": desk.owner.id})
    where = f"/customers/{conversation['customer_id']}/timeline?include=all"
    assert (await desk.manager.get(where))["items"] == []
    assert [entry["kind"] for entry in (await desk.admin.get(where))["items"]] == ["assignment", "message"]


async def test_files_of_a_customer_are_found_on_pages(desk, database):
    conversation = await written(database, "one", "two", "three")
    messages = await database.durable.messages.find({"conversation_id": conversation["_id"]}).sort("sort", 1).to_list(3)
    for number, message in enumerate(messages):
        files = [_file(f"{number}-{place}", kind) for place, kind in enumerate(("photo", "document", "photo"))]
        await database.durable.messages.update_one({"_id": message["_id"]}, {"$set": {"attachments": files}})
    where = f"/customers/{conversation['customer_id']}/attachments"

    names: list[str] = []
    cursor = None
    while cursor or not names:
        query = {"limit": 2, **({"cursor": cursor} if cursor else {})}
        page = (await desk.manager.call("GET", where, params=query)).fits(shapes.Page[GalleryItemShape]).body
        names += [item["name"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert names == [f"{number}-{place}" for number in (2, 1, 0) for place in range(3)]

    media = (await desk.manager.get(f"{where}?type=media"))["items"]
    assert [item["name"] for item in media] == ["2-0", "2-2", "1-0", "1-2", "0-0", "0-2"]
    assert media[0]["message_id"] == messages[2]["_id"]
    await database.durable.messages.update_one({"_id": messages[2]["_id"]}, {"$set": {"deleted_at": now()}})
    assert len((await desk.manager.get(where))["items"]) == 6
    await database.durable.conversations.update_one({"_id": conversation["_id"]}, {"$set": {"team_id": "others"}})
    assert (await desk.manager.get(where))["items"] == []
    assert (await desk.anonymous.call("GET", where)).status == 401


def _file(name, kind):
    content_type = "image/png" if kind == "photo" else "application/pdf"
    return {"id": name, "name": name, "content_type": content_type, "size": 3, "type": kind, "state": "stored"}
