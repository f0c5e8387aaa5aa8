"""Connecting accounts, over the sandbox's real HTTP."""

import json

import pytest

from web.api import shapes


@pytest.fixture
def bot(sandbox):
    """A bot that Telegram knows."""
    return sandbox.telegram.create_bot()


@pytest.fixture
def wanted(sandbox, bot):
    """What connects it."""
    settings = {"token": bot.token, "api_base": sandbox.api_base("telegram")}
    return {"kind": "telegram", "name": "Shop bot", "settings": settings}


async def test_a_channel_is_connected_before_the_answer(desk, bot, wanted):
    created = (await desk.admin.call("POST", "/channels", wanted)).fits(shapes.NewChannelShape)
    assert created.status == 201
    channel = created.body
    assert channel["state"] == "connected"
    assert channel["webhook_url"]["path"] == f"/webhooks/telegram/{channel['id']}"
    assert channel["webhook_url"]["absolute"].endswith(channel["webhook_url"]["path"])
    assert channel["secret_token"]
    shown = (await desk.admin.call("GET", f"/channels/{channel['id']}")).fits(shapes.ChannelShape)
    for secret in (bot.token, channel["secret_token"]):
        assert secret not in shown.raw.decode()
        assert secret not in json.dumps(await desk.admin.get("/channels"))
        assert secret not in json.dumps(await desk.admin.get("/audit"))
    assert bot.token not in created.raw.decode()


async def test_managers_see_what_their_composer_needs(desk, wanted):
    await desk.admin.call("POST", "/channels", wanted)
    (channel,) = (await desk.manager.call("GET", "/channels")).fits(shapes.Page[shapes.ChannelShape]).body["items"]
    assert (channel["kind"], channel["name"], channel["state"]) == ("telegram", "Shop bot", "connected")
    assert channel["capabilities"]["text"] == "both"
    assert channel["settings"] is None
    assert channel["webhook_url"] is None
    assert (await desk.manager.call("GET", f"/channels/{channel['id']}")).status == 403


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"kind": "pigeon"}, "kind"),
        ({"settings": {}}, "settings.token"),
        ({"settings": {"token": "not a token"}}, "settings.token"),
        ({"settings": {"token": "1:abcdef", "colour": "red"}}, "settings.colour"),
    ],
)
async def test_wrong_settings_are_named_and_not_repeated(desk, wanted, wrong, field):
    refused = await desk.admin.call("POST", "/channels", {**wanted, **wrong})
    assert (refused.status, refused.fields) == (422, [field])
    assert "not a token" not in refused.raw.decode().replace("not a bot token", "")
    assert (await desk.admin.get("/channels"))["items"] == []


async def test_a_token_that_the_provider_refuses_connects_nothing(desk, wanted):
    wanted["settings"]["token"] = "1:a-token-nobody-gave"
    refused = await desk.admin.call("POST", "/channels", wanted)
    assert (refused.status, refused.fields) == (422, ["settings"])
    assert "a-token-nobody-gave" not in refused.raw.decode()
    assert (await desk.admin.get("/channels"))["items"] == []


async def test_a_provider_that_is_away_is_502(desk, wanted):
    wanted["settings"]["api_base"] = "http://127.0.0.1:1"
    refused = await desk.admin.call("POST", "/channels", wanted)
    assert refused.status == 502
    assert wanted["settings"]["token"] not in refused.raw.decode()
    assert (await desk.admin.get("/channels"))["items"] == []


async def test_a_channel_is_paused_and_resumed_by_hand(desk, wanted):
    path = f"/channels/{(await desk.admin.call('POST', '/channels', wanted)).body['id']}"
    for paused, state in ((True, "paused"), (False, "connected")):
        shown = (await desk.admin.call("PATCH", path, {"paused": paused})).fits(shapes.ChannelShape).body
        assert (shown["state"], shown["paused_by_hand"]) == (state, paused)
        assert shown["state_since"] is not None
    assert (await desk.admin.call("PATCH", path, {"paused": "perhaps"})).status == 422
    assert (await desk.manager.call("PATCH", path, {"paused": True})).status == 403


async def test_a_channel_is_renamed_checked_and_disconnected(desk, wanted):
    path = f"/channels/{(await desk.admin.call('POST', '/channels', wanted)).body['id']}"
    renamed = (await desk.admin.call("PATCH", path, {"name": "Our bot"})).fits(shapes.ChannelShape)
    assert renamed.body["name"] == "Our bot"
    refused = await desk.admin.call("PATCH", path, {"settings": {"token": "nonsense"}})
    assert (refused.status, refused.fields) == (422, ["settings.token"])
    checked = (await desk.admin.call("POST", f"{path}/check")).fits(shapes.ChannelShape)
    assert checked.body["state"] == "connected"
    assert (await desk.admin.call("DELETE", path)).status == 204
    for method in ("GET", "DELETE"):
        assert (await desk.admin.call(method, path)).status == 404
    assert (await desk.admin.call("POST", f"{path}/check")).status == 404


async def test_an_account_is_connected_once(desk, sandbox, bot, wanted):
    first = (await desk.admin.call("POST", "/channels", wanted)).body
    again = await desk.admin.call("POST", "/channels", {**wanted, "name": "The same bot"})
    assert (again.status, again.fields) == (422, ["settings"])
    assert "connected already, as Shop bot" in again.raw.decode()
    assert bot.webhook.url == first["webhook_url"]["absolute"]

    other = {**wanted, "settings": {**wanted["settings"], "token": sandbox.telegram.create_bot().token}}
    second = (await desk.admin.call("POST", "/channels", other)).body
    turned = await desk.admin.call("PATCH", f"/channels/{second['id']}", {"settings": {"token": bot.token}})
    assert (turned.status, turned.fields) == (422, ["settings"])
    assert [row["name"] for row in (await desk.admin.get("/channels"))["items"]] == ["Shop bot", "Shop bot"]

    assert (await desk.admin.call("PATCH", f"/channels/{first['id']}", {"settings": wanted["settings"]})).status == 200
    await desk.admin.call("DELETE", f"/channels/{first['id']}")
    assert (await desk.admin.call("POST", "/channels", wanted)).status == 201


async def test_a_list_comes_in_pages(desk, sandbox, wanted):
    ids = []
    for _ in range(3):
        wanted["settings"]["token"] = sandbox.telegram.create_bot().token
        ids.append((await desk.admin.call("POST", "/channels", wanted)).body["id"])
    page = await desk.admin.get("/channels?limit=2")
    assert [row["id"] for row in page["items"]] == ids[:2]
    rest = await desk.admin.get(f"/channels?limit=2&cursor={page['next_cursor']}")
    assert ([row["id"] for row in rest["items"]], rest["next_cursor"]) == (ids[2:], None)
