"""What is said: notes, replies over a real channel, edits and second thoughts."""

import pytest

from tests.web.api.desk import written
from web.api import shapes


@pytest.fixture
async def thread(desk, database):
    """The path of a conversation's messages."""
    return f"/conversations/{(await written(database, 'one', 'two', 'three'))['_id']}/messages"


async def test_the_newest_comes_first_page_by_page(desk, thread):
    page = (await desk.manager.call("GET", f"{thread}?limit=2")).fits(shapes.Page[shapes.MessageShape]).body
    assert [row["text"] for row in page["items"]] == ["three", "two"]
    rest = await desk.manager.get(f"{thread}?limit=2&cursor={page['next_cursor']}")
    assert ([row["text"] for row in rest["items"]], rest["next_cursor"]) == (["one"], None)


async def test_a_note_is_kept_once_for_one_token(desk, thread):
    note = {"kind": "note", "text": "Ask the warehouse", "client_token": "t-1"}
    first = (await desk.manager.call("POST", thread, note)).fits(shapes.MessageShape)
    again = (await desk.manager.call("POST", thread, note)).fits(shapes.MessageShape)
    assert (first.status, again.status) == (201, 200)
    assert first.body["id"] == again.body["id"]
    assert (first.body["direction"], first.body["author"]["id"]) == ("note", desk.manager.id)
    assert len((await desk.manager.get(thread))["items"]) == 4


@pytest.mark.parametrize("empty", [{}, {"text": "  "}, {"attachments": []}])
async def test_something_must_be_said(desk, thread, empty):
    refused = await desk.manager.call("POST", thread, empty)
    assert refused.status == 422
    assert len((await desk.manager.get(thread))["items"]) == 3


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"channel_id": "nowhere"}, "channel_id"),
        ({"attachments": ["nothing"]}, "attachments"),
        ({"macro_id": "nothing"}, "macro_id"),
        ({"kind": "note", "text": "x", "reply_to": "nothing"}, "reply_to"),
        ({"kind": "shout", "text": "x"}, "kind"),
        ({"text": "x" * 20_001}, "text"),
    ],
)
async def test_what_cannot_be_sent_is_named(desk, thread, wrong, field):
    body = wrong if {"macro_id"} & wrong.keys() else {"text": "x", **wrong}
    refused = await desk.manager.call("POST", thread, body)
    assert (refused.status, refused.fields) == (422, [field])


async def test_a_note_changes_and_goes(desk, thread):
    note = (await desk.manager.call("POST", thread, {"kind": "note", "text": "Ask"})).body
    edited = (await desk.manager.call("PATCH", f"/messages/{note['id']}", {"text": "Asked"})).fits(shapes.MessageShape)
    assert (edited.body["text"], edited.body["edited_at"] is not None) == ("Asked", True)
    foreign = await desk.admin.call("PATCH", f"/messages/{note['id']}", {"text": "Never mind"})
    assert foreign.status == 409
    gone = (await desk.manager.call("DELETE", f"/messages/{note['id']}")).fits(shapes.MessageShape)
    assert gone.body["deleted_at"] is not None
    assert (await desk.manager.call("POST", f"/messages/{note['id']}/retry")).status == 409


async def test_a_customers_words_are_not_ours_to_change(desk, thread):
    theirs = (await desk.manager.get(thread))["items"][0]["id"]
    assert (await desk.manager.call("PATCH", f"/messages/{theirs}", {"text": "x"})).status == 404
    assert (await desk.manager.call("DELETE", f"/messages/{theirs}")).status == 404


async def test_a_macro_speaks_for_itself(desk, thread):
    macro = {"name": "Thanks", "text": {"uk": "Дякуємо, {{ customer.first_name }}!"}}
    macro_id = (await desk.owner.call("POST", "/macros", macro)).body["id"]
    posted = (await desk.manager.call("POST", thread, {"kind": "note", "macro_id": macro_id})).body
    assert posted["text"] == "Дякуємо, Taras!"
    own_words = (await desk.manager.call("POST", thread, {"kind": "note", "macro_id": macro_id, "text": "Hi"})).body
    assert own_words["text"] == "Hi"


async def test_what_a_macro_lacks_is_named_and_not_sent(desk, thread):
    text = "{{ order.number }} {{ order.tracking_number }}"
    macro_id = (await desk.owner.call("POST", "/macros", {"name": "Parcel", "text": text})).body["id"]
    body = {"kind": "note", "macro_id": macro_id, "client_token": "once"}
    refused = await desk.manager.call("POST", thread, body)
    assert (refused.status, refused.fields) == (422, ["macro_id", "macro_id"])
    told = [error["message"] for error in refused.body["errors"]]
    assert told == ["order.number has no value here", "order.tracking_number has no value here"]
    assert all(message["direction"] == "in" for message in (await desk.manager.get(thread))["items"])
    written = await desk.manager.call("POST", thread, {**body, "text": "№ 7, 2045"})
    assert (written.status, written.body["text"], written.body["macro_id"]) == (201, "№ 7, 2045", macro_id)
    # What was said once is known, whatever the macro has become.
    again = await desk.manager.call("POST", thread, body)
    assert (again.status, again.body["id"]) == (200, written.body["id"])


async def test_an_archived_macro_is_not_used(desk, thread):
    macro_id = (await desk.owner.call("POST", "/macros", {"name": "Old", "text": "Old"})).body["id"]
    await desk.owner.call("PATCH", f"/macros/{macro_id}", {"archived": True})
    refused = await desk.manager.call("POST", thread, {"kind": "note", "macro_id": macro_id})
    assert (refused.status, refused.fields) == (422, ["macro_id"])


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"kind": "note", "buttons": [{"title": "Yes", "data": "yes"}]}, "body"),
        ({"kind": "note", "actions": [{"type": "close"}]}, "body"),
        ({"actions": [{"type": "dance"}]}, "actions.0.type"),
        ({"actions": [{"type": "assign", "manager_id": "nobody"}]}, "actions.0"),
        ({"actions": [{"type": "order_status", "status": "packed"}]}, "actions.0"),
        ({"actions": [{"type": "close"}], "order": "7"}, "order"),
        ({"buttons": [{"title": "Yes"}]}, "buttons.0.data"),
    ],
)
async def test_what_cannot_go_along_is_named(desk, thread, fields, field):
    refused = await desk.manager.call("POST", thread, {"text": "x", **fields})
    assert (refused.status, refused.fields) == (422, [field])
