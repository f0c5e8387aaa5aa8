"""Prepared replies: shared ones, one's own, what they carry, and what they become."""

from typing import Any

import pytest
from aiohttp import FormData

from inbox.model.customer_fields import CustomerField
from inbox.model.ids import now
from inbox.model.orders import OrderSnapshot
from inbox.model.people import BOT
from tests.web.api.desk import written
from web.api import shapes
from web.api.macros import MacroPreviewShape, MacroShape

TEXT = {
    "uk": "Вітаю, {{ customer.first_name }}! Це {{ manager.name }}.",
    "en": "Hello {{ customer.name | default('there', true) }}",
}
MACRO = {"name": "Hi", "text": TEXT}


async def upload(caller, name: str = "price.pdf", content: bytes = b"%PDF-1.4 a price list") -> str:
    form = FormData()
    form.add_field("file", content, filename=name, content_type="application/pdf")
    stored = await caller.call("POST", "/attachments", data=form)
    assert stored.status == 201
    return str(stored.body["id"])


async def made(caller, **fields) -> dict[str, Any]:
    answer = (await caller.call("POST", "/macros", {**MACRO, **fields})).fits(MacroShape)
    assert answer.status == 201
    return dict(answer.body)


async def test_a_managers_macro_is_theirs_alone(desk):
    own = await made(desk.manager)
    assert own["shared"] is False
    assert (await desk.owner.call("GET", f"/macros/{own['id']}")).status == 404
    assert (await desk.owner.get("/macros"))["items"] == []
    assert (await desk.manager.call("POST", "/macros", {**MACRO, "shared": True})).status == 403


async def test_a_shared_macro_is_used_by_all_and_changed_by_admins(desk):
    shared = await made(desk.admin, text="Hello", shortcut="hi", folder=" Greetings ")
    assert (shared["shared"], shared["text"], shared["folder"]) == (True, {"uk": "Hello"}, "Greetings")
    path = f"/macros/{shared['id']}"
    listed = (await desk.manager.call("GET", "/macros")).fits(shapes.Page[MacroShape]).body["items"]
    assert [row["id"] for row in listed] == [shared["id"]]
    assert (await desk.manager.call("PATCH", path, {"name": "Ho"})).status == 403
    assert (await desk.manager.call("DELETE", path)).status == 403
    changed = (await desk.owner.call("PATCH", path, {"name": "Ho"})).fits(MacroShape)
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


async def test_an_archived_macro_is_out_of_the_way_and_comes_back(desk):
    macro = await made(desk.owner)
    path = f"/macros/{macro['id']}"
    assert (await desk.owner.call("PATCH", path, {"archived": True})).fits(MacroShape).body["archived"]
    assert (await desk.owner.get("/macros"))["items"] == []
    assert [row["id"] for row in (await desk.owner.get("/macros?archived=true"))["items"]] == [macro["id"]]
    await desk.owner.call("PATCH", path, {"archived": False})
    assert len((await desk.owner.get("/macros"))["items"]) == 1


async def test_a_preview_is_what_would_be_sent(desk, database):
    conversation = await written(database)
    path = f"/macros/{(await made(desk.manager))['id']}/preview"
    for body, expected in (
        ({"conversation_id": conversation["_id"]}, ("Вітаю, Taras! Це Manager.", "uk", [])),
        ({"customer_id": conversation["customer_id"], "language": "en"}, ("Hello Taras Bondar", "en", [])),
        ({"language": "en"}, ("Hello there", "en", [])),
        (None, ("Вітаю, {{ customer.first_name }}! Це Manager.", "uk", ["customer.first_name"])),
    ):
        shown = (await desk.manager.call("POST", path, body)).fits(MacroPreviewShape).body
        assert (shown["text"], shown["language"], shown["missing"]) == expected
        assert shown["languages"] == ["uk", "en"]
    for body, field in (({"language": "ka"}, "language"), ({"order": "7"}, "order")):
        refused = await desk.manager.call("POST", path, body)
        assert (refused.status, refused.fields) == (422, [field])
    nowhere = await desk.manager.call("POST", path, {"conversation_id": "nowhere"})
    assert nowhere.status == 404


async def ordered(desk, customer_id: str, number: str, status: str, **fields) -> None:
    snapshot = OrderSnapshot(
        number=number,
        items=(),
        customer_id=customer_id,
        status=status,
        total="1250.00",
        currency="UAH",
        updated_at=now(),
        **fields,
    )
    await desk.house.orders.put(BOT, snapshot, quiet=True)


async def test_a_macro_speaks_of_the_order_that_is_under_way(desk, database):
    customer_id = (await written(database))["customer_id"]
    text = (
        "№ {{ order.number }}, {{ order.status }}: {{ order.total }} {{ order.currency }} {{ order.tracking_number }}"
    )
    path = f"/macros/{(await made(desk.owner, text=text))['id']}/preview"
    body = {"customer_id": customer_id, "language": "uk"}
    assert (await desk.manager.call("POST", path, body)).body["missing"][0] == "order.number"
    await ordered(desk, customer_id, "7", "paid")
    await ordered(desk, customer_id, "8", "cancelled")
    shown = (await desk.manager.call("POST", path, body)).fits(MacroPreviewShape).body
    assert (shown["order"]["number"], shown["missing"]) == ("7", ["order.tracking_number"])
    assert shown["text"].startswith("№ 7, Оплачено: 1250.00 UAH")
    named = (await desk.manager.call("POST", path, {**body, "order": "8"})).body
    assert named["order"]["number"] == "8"


async def test_a_macro_keeps_its_files(desk):
    file = await upload(desk.admin)
    macro = await made(desk.admin, attachments=[file])
    assert [kept["name"] for kept in macro["attachments"]] == ["price.pdf"]
    assert (await desk.manager.call("GET", f"/attachments/{file}")).raw.startswith(b"%PDF")
    mine = await made(desk.manager, attachments=[await upload(desk.manager)])
    assert (await desk.owner.call("GET", f"/attachments/{mine['attachments'][0]['id']}")).status == 404
    for wrong in (["nothing"], [await upload(desk.owner)], [mine["attachments"][0]["id"]]):
        refused = await desk.admin.call("POST", "/macros", {**MACRO, "attachments": wrong})
        assert (refused.status, refused.fields) == (422, ["attachments"])


async def test_a_duplicate_shares_files_and_each_lets_go_of_its_own(desk):
    first = await made(desk.admin, attachments=[await upload(desk.admin)])
    second = await made(desk.admin, attachments=[first["attachments"][0]["id"]])
    assert first["attachments"][0]["id"] != second["attachments"][0]["id"]
    assert (await desk.admin.call("DELETE", f"/macros/{first['id']}")).status == 204
    await _an_hour_later(desk)
    assert (await desk.admin.call("GET", f"/attachments/{first['attachments'][0]['id']}")).status == 404
    assert (await desk.admin.call("GET", f"/attachments/{second['attachments'][0]['id']}")).raw.startswith(b"%PDF")
    await desk.admin.call("PATCH", f"/macros/{second['id']}", {"attachments": []})
    await _an_hour_later(desk)
    assert (await desk.admin.call("GET", f"/attachments/{second['attachments'][0]['id']}")).status == 404
    assert await desk.house.database.durable["files.files"].count_documents({}) == 0


async def _an_hour_later(desk) -> None:
    rows = desk.house.database.durable.attachments
    async for row in rows.find({"released_at": {"$exists": True}}):
        await rows.update_one({"_id": row["_id"]}, {"$set": {"released_at": row["created_at"].replace(year=2020)}})
    await desk.house.files.forget_released()


async def test_buttons_have_titles_by_language_and_something_behind_them(desk, database):
    buttons = [{"title": {"uk": "Так", "en": "Yes"}, "data": "yes"}, {"title": "Ні"}]
    macro = await made(desk.admin, buttons=buttons)
    assert macro["buttons"] == [
        {"title": {"uk": "Так", "en": "Yes"}, "data": "yes"},
        {"title": {"uk": "Ні"}, "data": "Ні"},
    ]
    shown = (await desk.admin.call("POST", f"/macros/{macro['id']}/preview", {"language": "en"})).body
    assert shown["buttons"] == [{"title": "Yes", "data": "yes"}, {"title": "Ні", "data": "Ні"}]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"buttons": [{"title": ""}]}, "buttons.0.title"),
        ({"buttons": [{"title": "A", "data": "і" * 33}]}, "buttons.0.data"),
        ({"buttons": [{"title": "A"}, {"title": "A", "data": "b"}]}, "buttons.1.title"),
        ({"buttons": [{"title": "A", "data": "b"}, {"title": "B", "data": "b"}]}, "buttons.1.data"),
        ({"actions": [{"type": "dance"}]}, "actions.0.type"),
        ({"actions": [{"type": "close"}, {"type": "label"}]}, "actions.1"),
        ({"actions": [{"type": "assign", "manager_id": "a", "team_id": "b"}]}, "actions.0"),
        ({"actions": [{"type": "snooze", "minutes": 0}]}, "actions.0.minutes"),
        ({"actions": [{"type": "close", "why": "x"}]}, "actions.0.why"),
        ({"shortcut": "two words"}, "shortcut"),
    ],
)
async def test_what_a_macro_must_not_carry_is_named(desk, fields, field):
    refused = await desk.admin.call("POST", "/macros", {**MACRO, **fields})
    assert refused.status == 422
    assert refused.fields[0].startswith(field)
    assert (await desk.admin.get("/macros"))["items"] == []


async def test_a_macro_that_is_being_written_is_checked_and_shown_and_not_kept(desk):
    draft = {
        "text": {"uk": "Вітаю, {{ customer.first_name | default('друже') }}!"},
        "buttons": [{"title": "Так"}],
        "actions": [{"type": "label", "add": ["vip"]}, {"type": "snooze", "minutes": 2880}],
    }
    shown = (await desk.manager.call("POST", "/macros/preview", draft)).fits(MacroPreviewShape).body
    assert (shown["text"], shown["missing"]) == ("Вітаю, друже!", [])
    assert [action["words"] for action in shown["actions"]] == ["Label vip", "Snooze for 2 days"]
    refused = await desk.manager.call("POST", "/macros/preview", {**draft, "text": {"uk": "\n{{ customer.nam }}"}})
    assert (refused.status, refused.fields) == (422, ["text.uk"])
    assert refused.body["errors"][0]["message"].startswith("line 2: there is no variable customer.nam")
    assert (await desk.manager.get("/macros"))["items"] == []


async def test_macros_come_in_the_order_of_their_use(desk, database):
    thread = f"/conversations/{(await written(database))['_id']}/messages"
    rare, mine, common = [(await made(desk.owner, name=name, text=name))["id"] for name in ("rare", "mine", "common")]
    for caller, macro_id, times in ((desk.owner, common, 3), (desk.manager, mine, 1)):
        for time in range(times):
            body = {"kind": "note", "macro_id": macro_id, "client_token": f"{macro_id}{time}"}
            for _ in range(2):
                posted = await caller.call("POST", thread, body)
                assert posted.status in (200, 201)
                await desk.house.follow_ups.finish({"message_id": posted.body["id"]})
    used = (await desk.manager.call("GET", "/macros?sort=use&limit=2")).fits(shapes.Page[MacroShape]).body
    assert [row["id"] for row in used["items"]] == [mine, common]
    assert [(row["usage"]["count"], row["usage"]["mine"]) for row in used["items"]] == [(1, 1), (3, 0)]
    assert used["items"][0]["usage"]["last_used_at"] is not None
    rest = await desk.manager.get(f"/macros?sort=use&cursor={used['next_cursor']}")
    assert ([row["id"] for row in rest["items"]], rest["next_cursor"]) == ([rare], None)


async def test_the_variables_there_are(desk):
    assert "order.tracking_number" in (await desk.manager.get("/macros/variables"))["items"]


async def test_a_text_mentions_the_fields_that_cards_have(desk):
    text = {"name": "City", "text": "{{ customer.fields.city }}"}
    assert (await desk.manager.call("POST", "/macros", text)).status == 201
    await desk.house.customer_fields.change([CustomerField(code="town", title="Town")])
    refused = await desk.manager.call("POST", "/macros", text)
    assert (refused.status, refused.fields) == (422, ["text"])
    assert "there are: town" in refused.body["errors"][0]["message"]
    assert (await desk.manager.call("POST", "/macros", {**text, "text": "{{ customer.fields.town }}"})).status == 201
    assert "customer.fields.town" in (await desk.manager.get("/macros/variables"))["items"]


@pytest.mark.parametrize("text", ["{{ customer.name", "{{ customer.__class__ }}", "{% include '/etc/passwd' %}"])
async def test_a_text_that_is_more_than_text_is_refused(desk, text):
    refused = await desk.manager.call("POST", "/macros", {"name": "Bad", "text": text})
    assert (refused.status, refused.fields) == (422, ["text"])
    translated = await desk.manager.call("POST", "/macros", {"name": "Bad", "text": {"uk": "Good", "en": text}})
    assert (translated.status, translated.fields) == (422, ["text.en"])
    assert (await desk.manager.get("/macros"))["items"] == []
