"""How conversations are given out in the whole shop."""

import pytest

from routing.policy import RoutingSettings
from web.api.shapes import ProblemShape, SettingsShape


async def a_channel(desk) -> str:
    await desk.house.database.durable.channels.insert_one(
        {"_id": "shop-bot", "kind": "telegram", "name": "Shop bot", "state": "connected", "settings": {}, "sealed": ""}
    )
    return "shop-bot"


async def test_nothing_set_is_the_defaults(desk):
    shown = (await desk.admin.call("GET", "/routing")).fits(RoutingSettings)
    assert shown.body["policy"]["strategy"] == "balanced"
    assert (shown.body["grace"], shown.body["priorities"], shown.body["weights"]) == (120, [], {})


async def test_what_is_set_holds_at_once_and_is_audited(desk):
    channel = await a_channel(desk)
    sent = {
        "policy": {
            "strategy": "round_robin",
            "targets": {"first_reply": 15, "next_reply": 60},
            "channel_targets": {channel: {"first_reply": 5}},
            "leads": [desk.admin.id],
        },
        "priorities": [{"channels": ["email", channel], "tags": ["vip"], "waiting": 30, "priority": "high"}],
        "weights": {channel: 2, "email": 0.5},
        "grace": 60,
    }
    put = (await desk.admin.call("PUT", "/routing", sent)).fits(RoutingSettings)
    assert put.status == 200
    assert put.body["policy"]["channel_targets"] == {channel: {"first_reply": 5, "next_reply": None}}
    assert (await desk.admin.get("/routing")) == put.body
    assert await desk.house.policies.shop() == RoutingSettings.model_validate(sent)
    entry = (await desk.admin.get("/audit?object_id=routing"))["items"][0]
    assert (entry["action"], entry["changed"]["grace"]) == ("routing.change", 60)
    settings = (await desk.admin.call("GET", "/settings")).fits(SettingsShape)
    assert "routing" not in settings.body


async def test_what_is_left_out_takes_its_default(desk):
    await desk.admin.call("PUT", "/routing", {"grace": 60, "policy": {"strategy": "manual"}})
    put = await desk.admin.call("PUT", "/routing", {"policy": {"warn_at": 50}})
    assert (put.body["grace"], put.body["policy"]["strategy"], put.body["policy"]["warn_at"]) == (120, "balanced", 50)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"grace": 5}, "grace"),
        ({"grace": 10.5}, "grace"),
        ({"weights": {"email": 0}}, "weights.email"),
        ({"weights": {"pigeon": 1}}, "weights.pigeon"),
        ({"priorities": [{"priority": "high"}]}, "priorities.0"),
        ({"priorities": [{"waiting": 5, "priority": "huge"}]}, "priorities.0.priority"),
        ({"priorities": [{"channels": ["email", "pigeon"], "priority": "high"}]}, "priorities.0.channels.1"),
        ({"policy": {"channel_targets": {"email": {"first_reply": 5}}}}, "policy.channel_targets.email"),
        ({"policy": {"leads": ["nobody"]}}, "policy.leads.0"),
        ({"policy": {"hours": {"timezone": "Mars/Base", "open": []}}}, "policy.hours.timezone"),
        ({"policy": {"offline": 0}}, "policy.offline"),
        ({"sunshine": True}, "sunshine"),
    ],
)
async def test_what_is_wrong_is_named_and_nothing_is_changed(desk, wrong, field):
    refused = (await desk.admin.call("PUT", "/routing", {"grace": 60, **wrong})).fits(ProblemShape)
    assert (refused.status, refused.fields[0]) == (422, field)
    assert (await desk.admin.get("/routing"))["grace"] == 120


async def test_routing_is_for_admins(desk):
    assert (await desk.manager.call("GET", "/routing")).status == 403
    assert (await desk.manager.call("PUT", "/routing", {"grace": 60})).status == 403


async def test_leads_have_to_be_there_still(desk):
    await desk.owner.call("PATCH", f"/managers/{desk.manager.id}", {"active": False})
    refused = await desk.admin.call("PUT", "/routing", {"policy": {"leads": [desk.admin.id, desk.manager.id]}})
    assert (refused.status, refused.fields) == (422, ["policy.leads.1"])
