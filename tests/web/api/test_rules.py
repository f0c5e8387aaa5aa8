"""What the bot does by itself, written and tried over the API."""

import pytest

from tests.web.api.desk import written
from web.api.rules import RuleShape, RuleTrialShape
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
