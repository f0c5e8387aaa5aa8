"""What the bot does by itself, written and tried over the API."""

import pytest

from tests.web.api.desk import written
from web.api.rules import RuleAttemptShape, RuleKindsShape, RuleShape, RuleTrialShape, RuleVersionsShape
from web.api.shapes import Page

RULE = {
    "name": "Greeting",
    "enabled": False,
    "trigger": "conversation_opened",
    "conditions": [{"type": "text", "any": ["hello"], "match": "word"}],
    "actions": [{"type": "reply", "text": "Hello!"}],
}


async def test_a_rule_is_kept_changed_and_forgotten(desk):
    created = (await desk.admin.call("POST", "/rules", RULE)).fits(RuleShape)
    assert created.status == 201
    assert created.body["trigger"] == "conversation_opened"
    path = f"/rules/{created.body['id']}"
    enabled = (await desk.admin.call("PATCH", path, {"enabled": True, "version": 1})).fits(RuleShape)
    assert (enabled.body["enabled"], enabled.body["version"]) == (True, 2)
    stale = await desk.admin.call("PATCH", path, {"enabled": False, "version": 1})
    assert (stale.status, stale.body["current_version"]) == (409, 2)
    listed = (await desk.admin.call("GET", "/rules")).fits(Page[RuleShape]).body["items"]
    assert [row["id"] for row in listed] == [created.body["id"]]
    assert (await desk.admin.call("DELETE", path)).status == 204
    assert (await desk.admin.call("GET", path)).status == 404


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"trigger": "full_moon"}, "trigger"),
        ({"conditions": [{"type": "weather"}]}, "conditions.0.type"),
        ({"actions": []}, "actions"),
        ({"actions": [{"type": "reply"}]}, "actions.0.text"),
        ({"actions": ["reply"]}, "actions.0"),
    ],
)
async def test_what_a_rule_cannot_say_is_named(desk, wrong, field):
    refused = await desk.admin.call("POST", "/rules", {**RULE, **wrong})
    assert (refused.status, refused.fields) == (422, [field])
    assert (await desk.admin.get("/rules"))["items"] == []


async def test_a_rule_is_tried_without_sending(desk, database):
    greeted, other = await written(database, "hello there"), await written(database, "where is it?")
    path = f"/rules/{(await desk.admin.call('POST', '/rules', RULE)).body['id']}/test"
    for conversation, fires in ((greeted, True), (other, False)):
        trial = await desk.admin.call("POST", path, {"conversation_id": conversation["_id"]})
        assert trial.fits(RuleTrialShape).body["would_fire"] is fires
        thread = await desk.admin.get(f"/conversations/{conversation['_id']}/messages")
        assert len(thread["items"]) == 1


async def test_a_rule_tells_its_versions_and_is_given_one_back(desk):
    path = f"/rules/{(await desk.admin.call('POST', '/rules', RULE)).body['id']}"
    await desk.admin.call("PATCH", path, {"name": "Hello", "trigger": "no_reply", "when": {"minutes": 5}})
    kept = (await desk.admin.call("GET", f"{path}/versions")).fits(RuleVersionsShape).body["items"]
    assert [(form["version"], form["name"], form["when"]) for form in kept] == [
        (2, "Hello", {"minutes": 5}),
        (1, "Greeting", {}),
    ]
    assert kept[0]["by"]["id"] == (await desk.admin.get("/me"))["id"]
    restored = (await desk.admin.call("POST", f"{path}/restore", {"version": 1})).fits(RuleShape)
    assert (restored.body["name"], restored.body["version"]) == ("Greeting", 3)
    unknown = await desk.admin.call("POST", f"{path}/restore", {"version": 9})
    assert (unknown.status, unknown.fields) == (422, ["version"])
    for attempt in (("GET", "/rules/none/versions", None), ("POST", "/rules/none/restore", {"version": 1})):
        assert (await desk.admin.call(*attempt)).status == 404


async def test_rules_are_put_in_order(desk):
    first, second = [(await desk.admin.call("POST", "/rules", {**RULE, "name": name})).body["id"] for name in "ab"]
    assert (await desk.admin.call("PUT", "/rules/order", {"ids": [second, first]})).status == 204
    assert [row["id"] for row in (await desk.admin.get("/rules"))["items"]] == [second, first]
    refused = await desk.admin.call("PUT", "/rules/order", {"ids": [second, "none"]})
    assert (refused.status, refused.fields) == (422, ["ids.1"])
    twice = await desk.admin.call("PUT", "/rules/order", {"ids": [second, second]})
    assert (twice.status, twice.fields) == (422, ["ids"])


async def test_what_rules_are_made_of_is_told_as_schemas(desk):
    kinds = (await desk.admin.call("GET", "/rules/kinds")).fits(RuleKindsShape).body
    when = {
        trigger["type"]: trigger["when"]["properties"] for trigger in kinds["triggers"] if trigger["type"] == "no_reply"
    }
    assert set(when["no_reply"]) == {"minutes"}
    assert {"text", "intent", "customer_field"} <= set(kinds["conditions"])
    assert "is" in kinds["conditions"]["hours"]["properties"]
    assert {"reply", "label"} <= set(kinds["actions"])
    assert "queue.place" in kinds["blanks"]


async def test_all_rules_are_tried_on_a_message_of_the_past(desk, database):
    conversation = await written(database, "hello there")
    rule = (await desk.admin.call("POST", "/rules", RULE)).body["id"]
    wanted = {"conversation_id": conversation["_id"]}
    [item] = (await desk.admin.call("POST", "/rules/try", wanted)).fits(RuleAttemptShape).body["items"]
    assert (item["rule_id"], item["does"]) == (rule, ["says “Hello!”"])
    draft = {
        **RULE,
        "trigger": "message_received",
        "conditions": [{"type": "text", "match": "regex", "any": ["^hel+o"]}],
    }
    [item] = (await desk.admin.call("POST", "/rules/try", {**wanted, "rule": draft})).body["items"]
    assert (item["name"], item["would_fire"]) == ("Greeting", True)
    broken = {**draft, "conditions": [{"type": "text", "match": "regex", "any": ["(hello"]}]}
    refused = await desk.admin.call("POST", "/rules/try", {**wanted, "rule": broken})
    assert (refused.status, refused.fields) == (422, ["conditions.0.any"])
    nowhere = await desk.admin.call("POST", "/rules/try", {"conversation_id": "none"})
    assert (nowhere.status, nowhere.fields) == (422, ["conversation_id"])
    thread = await desk.admin.get(f"/conversations/{conversation['_id']}/messages")
    assert len(thread["items"]) == 1


CALL = {"type": "webhook", "url": "https://crm.example/hook", "secret": "signs the calls"}
ASK = {
    "type": "ask",
    "text": "Which?",
    "expects": "choice",
    "buttons": [{"title": "One", "value": "1", "actions": [CALL]}],
}


async def test_a_secret_is_shown_to_nobody_again(desk):
    created = (await desk.admin.call("POST", "/rules", {**RULE, "actions": [CALL, ASK]})).fits(RuleShape)
    path = f"/rules/{created.body['id']}"
    renamed = await desk.admin.call("PATCH", path, {"name": "Calls", "actions": created.body["actions"]})
    shown = [renamed.body, (await desk.admin.call("GET", path)).body]
    shown += (await desk.admin.call("GET", "/rules")).body["items"]
    shown += (await desk.admin.call("GET", f"{path}/versions")).body["items"]
    assert len(shown) == 5
    for told in shown:
        call, ask = told["actions"]
        assert call["secret"] == ask["buttons"][0]["actions"][0]["secret"] == "••••••••"
    (stored,) = [row async for row in desk.house.database.durable.rules.find({"_id": created.body["id"]})]
    assert stored["actions"][0]["secret"] == CALL["secret"]
    assert stored["actions"][1]["buttons"][0]["actions"][0]["secret"] == CALL["secret"]


@pytest.mark.parametrize("way", ["made", "changed"])
async def test_a_mask_where_no_secret_was_is_named(desk, way):
    masked = {**CALL, "secret": "••••••••"}
    if way == "made":
        refused = await desk.admin.call("POST", "/rules", {**RULE, "actions": [masked]})
    else:
        created = await desk.admin.call("POST", "/rules", {**RULE, "actions": [CALL]})
        elsewhere = {"actions": [{**masked, "url": "https://elsewhere.example/"}]}
        refused = await desk.admin.call("PATCH", f"/rules/{created.body['id']}", elsewhere)
    assert refused.status == 422
    assert [error["field"] for error in refused.body["errors"]] == ["actions.0.secret"]
