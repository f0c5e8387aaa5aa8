"""Prepared replies: shared ones, one's own, and what they become."""

import pytest

from tests.web.api.desk import written
from web.api import shapes

TEXT = {
    "uk": "Вітаю, {{ customer.first_name }}! Це {{ manager.name }}.",
    "en": "Hello {{ customer.name | default('there', true) }}",
}


async def test_a_managers_macro_is_theirs_alone(desk):
    own = (await desk.manager.call("POST", "/macros", {"name": "Hi", "text": TEXT})).fits(shapes.MacroShape)
    assert (own.status, own.body["shared"]) == (201, False)
    assert (await desk.owner.call("GET", f"/macros/{own.body['id']}")).status == 404
    assert (await desk.owner.get("/macros"))["items"] == []
    assert (await desk.manager.call("POST", "/macros", {"name": "Hi", "text": "x", "shared": True})).status == 403


async def test_a_shared_macro_is_used_by_all_and_changed_by_admins(desk):
    shared = (await desk.admin.call("POST", "/macros", {"name": "Hi", "text": "Hello", "shortcut": "hi"})).body
    assert (shared["shared"], shared["text"]) == (True, {"uk": "Hello"})
    path = f"/macros/{shared['id']}"
    listed = (await desk.manager.call("GET", "/macros")).fits(shapes.Page[shapes.MacroShape]).body["items"]
    assert [row["id"] for row in listed] == [shared["id"]]
    assert (await desk.manager.call("PATCH", path, {"name": "Ho"})).status == 403
    assert (await desk.manager.call("DELETE", path)).status == 403
    changed = (await desk.owner.call("PATCH", path, {"name": "Ho"})).fits(shapes.MacroShape)
    assert (changed.body["name"], changed.body["text"]) == ("Ho", {"uk": "Hello"})
    assert (await desk.owner.call("DELETE", path)).status == 204
    assert (await desk.manager.call("GET", path)).status == 404


async def test_a_shortcut_is_taken_once_for_an_owner(desk):
    macro = {"name": "Hi", "text": "Hello", "shortcut": "hi"}
    assert (await desk.admin.call("POST", "/macros", macro)).status == 201
    again = await desk.owner.call("POST", "/macros", {**macro, "shortcut": "HI"})
    assert (again.status, again.fields) == (409, ["shortcut"])
    assert (await desk.manager.call("POST", "/macros", macro)).status == 201
    assert (await desk.manager.call("POST", "/macros", {"name": "A", "text": "a"})).status == 201
    assert (await desk.manager.call("POST", "/macros", {"name": "B", "text": "b"})).status == 201


async def test_a_preview_is_what_would_be_sent(desk, database):
    conversation = await written(database)
    path = f"/macros/{(await desk.manager.call('POST', '/macros', {'name': 'Hi', 'text': TEXT})).body['id']}/preview"
    for body, expected in (
        ({"conversation_id": conversation["_id"]}, {"text": "Вітаю, Taras! Це Manager.", "language": "uk"}),
        (
            {"customer_id": conversation["customer_id"], "language": "en"},
            {"text": "Hello Taras Bondar", "language": "en"},
        ),
        ({"language": "en"}, {"text": "Hello there", "language": "en"}),
        (None, {"text": "Вітаю, ! Це Manager.", "language": "uk"}),
    ):
        assert (await desk.manager.call("POST", path, body)).fits(shapes.MacroPreviewShape).body == expected
    refused = await desk.manager.call("POST", path, {"language": "ka"})
    assert (refused.status, refused.fields) == (422, ["language"])


@pytest.mark.parametrize(
    "text",
    [
        "{{ customer.name",
        "{{ nobody }}",
        "{{ customer.password_hash }}",
        "{{ customer.__class__ }}",
        "{{ ''.__class__.__mro__ }}",
        "{% for i in range(1000000000) %}x{% endfor %}",
        "{{ 'x' * 1000000000 }}",
        "{{ customer.name | pprint }}",
        "{% include '/etc/passwd' %}",
        "{% set x = 1 %}",
    ],
)
async def test_a_text_that_is_more_than_text_is_refused(desk, text):
    refused = await desk.manager.call("POST", "/macros", {"name": "Bad", "text": text})
    assert (refused.status, refused.fields) == (422, ["text"])
    translated = await desk.manager.call("POST", "/macros", {"name": "Bad", "text": {"uk": "Good", "en": text}})
    assert (translated.status, translated.fields) == (422, ["text.en"])
    assert (await desk.manager.get("/macros"))["items"] == []
