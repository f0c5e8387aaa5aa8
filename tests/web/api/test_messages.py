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
