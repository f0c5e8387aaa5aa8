"""Values that no form would send: each is kept as it is or refused by name, and nothing breaks."""

import json
from urllib.parse import quote

import pytest

from tests.web.api.desk import written

ODD_TEXTS = [
    "\x00",
    "a\x00b",
    "$where",
    "a.b",
    "{{ 7 * 7 }}",
    "<script>alert(1)</script>",
    "\u202eright to left",
    "\ufeff",
    "🏳️‍🌈" * 10,
    "'; DROP TABLE managers; --",
    "%00%0d%0a",
    "[" * 100,
    "(" * 100,
    "\\",
    "x" * 100_000,
]
ODD_TIMES = [
    "9999-12-31T23:59:59-14:00",
    "9999-12-31T23:59:59Z",
    "0001-01-01T00:00:00+14:00",
    "2030-02-30T00:00:00Z",
    "tomorrow",
    "1e400",
    "",
]
ODD_NUMBERS = [-1, 1 << 31, 1 << 63, 1 << 64, 10**400]


def fine(answer) -> bool:
    """Done, or refused with a reason that names its place."""
    return answer.status < 300 or (answer.status in (400, 404, 409, 422) and "detail" in answer.body)


@pytest.mark.parametrize("text", ODD_TEXTS)
async def test_odd_texts_in_bodies(desk, database, text):
    conversation = await written(database)
    path = f"/conversations/{conversation['_id']}"
    for method, where, body in (
        ("POST", "/sessions", {"email": text, "password": text}),
        ("PATCH", "/me", {"name": text}),
        ("POST", "/teams", {"name": text}),
        (
            "POST",
            "/managers",
            {"email": f"{text}@shop.example", "name": text, "password": f"{text}12345678", "role": "manager"},
        ),
        ("PATCH", "/settings", {"shop_name": text, "timezone": text}),
        ("POST", "/customers", {"name": text, "fields": {text: text}, "tags": [text], "emails": [text]}),
        ("POST", "/customers", {"name": "x", "fields": {"key": text}, "phones": [text]}),
        ("PATCH", path, {"labels": [text]}),
        ("PATCH", path, {"assignee_id": text}),
        ("POST", f"{path}/messages", {"kind": "note", "text": text}),
        ("POST", f"{path}/messages", {"kind": "note", "text": "x", "client_token": text}),
        ("POST", f"{path}/messages", {"text": "x", "channel_id": text}),
        ("POST", "/macros", {"name": text, "text": text, "shortcut": text}),
        ("POST", "/channels", {"kind": text, "name": text, "settings": {text: text}}),
        ("POST", "/channels", {"kind": "telegram", "name": "x", "settings": {"token": text, "api_base": text}}),
        ("POST", "/rules", {"name": text, "trigger": text, "actions": [{"type": text}]}),
        (
            "POST",
            "/rules",
            {
                "name": "x",
                "trigger": "message_received",
                "conditions": [{"type": "text", "any": [text], "match": "regex"}],
                "actions": [{"type": "reply", "text": text}],
            },
        ),
    ):
        answer = await desk.owner.call(method, where, body)
        assert fine(answer) or answer.status in (401, 429, 502), (where, answer)


@pytest.mark.parametrize("text", ODD_TEXTS[:-1])
async def test_odd_texts_in_addresses(desk, database, text):
    await written(database)
    odd = quote(text, safe="")
    for where in (
        f"/customers?q={odd}",
        f"/conversations?q={odd}&label=a",
        f"/conversations?assignee={odd}&team={odd}&channel={odd}&status={odd}",
        f"/conversations?cursor={odd}",
        f"/conversations/{odd}/messages",
        f"/customers/{odd}",
        f"/attachments/{odd}",
        f"/managers/{odd}",
        f"/audit?object_id={odd}&actor_id={odd}&action={odd}",
        f"/live?since={odd}",
    ):
        answer = await desk.owner.call("GET", where)
        assert fine(answer), (where, answer)


@pytest.mark.parametrize("time", ODD_TIMES)
async def test_odd_times(desk, database, time):
    path = f"/conversations/{(await written(database))['_id']}"
    answer = await desk.owner.call("PATCH", path, {"status": "snoozed", "snoozed_until": time})
    assert answer.status in (200, 422), answer
    if answer.status == 422:
        assert answer.fields == ["snoozed_until"]
    assert (await desk.owner.call("GET", "/conversations")).status == 200


@pytest.mark.parametrize("number", ODD_NUMBERS)
async def test_odd_numbers(desk, database, number):
    path = f"/conversations/{(await written(database))['_id']}"
    for method, where, field in (
        ("PATCH", path, "version"),
        ("PATCH", "/settings", "reopen_window_days"),
        ("PATCH", f"/managers/{desk.manager.id}", "capacity"),
    ):
        answer = await desk.owner.call(method, where, {field: number})
        assert answer.status in (409, 422), (where, answer)
    assert (await desk.owner.call("GET", f"/live?since={number}")).status in (400, 422)


async def test_deep_and_repeated_bodies(desk):
    deep = b'{"name": ' + b"[" * 5000 + b"]" * 5000 + b"}"
    assert (await desk.owner.call("POST", "/teams", deep)).status in (400, 422)
    nested: dict[str, object] = {}
    for _ in range(120):
        nested = {"a": nested}
    channel = {"kind": "telegram", "name": "x", "settings": nested}
    assert (await desk.owner.call("POST", "/channels", channel)).status == 422
    rule = {"name": "x", "trigger": "message_received", "conditions": [nested], "actions": [nested]}
    assert (await desk.owner.call("POST", "/rules", rule)).status == 422
    twice = b'{"name": "one", "name": "two"}'
    assert (await desk.owner.call("POST", "/teams", twice)).body["name"] == "two"
    assert json.loads((await desk.owner.call("GET", "/teams")).raw)["items"][0]["name"] == "two"
