"""Connecting the staff bot and linking oneself: for the right people, checked before it is kept, without secrets."""

import contextlib

import pytest

from channels.faults import Fault
from inbox.model.ids import now
from inbox.timers import Later
from tests.flow import Shop
from web.api.staff import StaffBotShape, StaffLinkShape, StaffOfferShape

TOKEN = "123456789:" + "A" * 35


def settings(shop: Shop, token: str = "") -> dict[str, str]:
    """What connects a bot of the sandbox."""
    made = shop.sandbox.telegram.create_bot("staff_bot", token=token)
    return {"token": made.token, "api_base": shop.sandbox.api_base("telegram")}


async def test_a_bot_is_checked_and_its_webhook_set_before_it_is_kept(shop):
    body = settings(shop)
    created = await shop.owner.call("PUT", "/staff-bot", body)
    assert created.status == 201, created
    shown = StaffBotShape.model_validate(created.body)
    assert (shown.username, shown.shows, shown.at_desk, shown.linked, shown.state) == (
        *("staff_bot", "name", False, 0, "connected"),
    )
    hook = shop.sandbox.telegram.bots[body["token"]].webhook
    assert (hook.url, bool(hook.secret)) == (shown.webhook_url.absolute, True)
    stored = await shop.house.database.durable.staff_bots.find_one({})
    for secret in (body["token"], hook.secret):
        assert secret not in str(stored)
        assert secret not in str(created.body)
        assert secret not in str(await shop.owner.get("/audit"))
    assert [row["action"] for row in (await shop.owner.get("/audit"))["items"]].count("staff_bot.put") == 1


async def test_settings_change_without_a_token(shop):
    await shop.owner.call("PUT", "/staff-bot", settings(shop))
    changed = await shop.owner.call("PUT", "/staff-bot", {"shows": "none", "at_desk": True})
    assert (changed.status, changed.body["shows"], changed.body["at_desk"]) == (200, "none", True)
    assert (await shop.owner.get("/staff-bot"))["shows"] == "none"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"token": "no token"}, "token"),
        ({"token": TOKEN, "api_base": "no address"}, "api_base"),
        ({"shows": "everything"}, "shows"),
        ({"at_desk": "yes"}, "at_desk"),
        ({"shows": "none"}, "token"),
        ({"tokens": "x"}, "tokens"),
    ],
)
async def test_what_is_wrong_is_named_and_nothing_is_kept(shop, body, field):
    answer = await shop.owner.call("PUT", "/staff-bot", body)
    assert answer.status == 422, answer
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert [error["field"] for error in answer.body["errors"]] == [field]
    assert (await shop.owner.call("GET", "/staff-bot")).status == 404


async def test_an_unknown_token_is_refused_and_one_that_nobody_answers_for_is_not_kept(shop):
    known = settings(shop)
    unknown = await shop.owner.call("PUT", "/staff-bot", known | {"token": TOKEN})
    assert (unknown.status, [error["field"] for error in unknown.body["errors"]]) == (422, ["token"])
    shop.sandbox.telegram.fault(Fault(kind="status", status=500, method="setWebhook"))
    silent = await shop.owner.call("PUT", "/staff-bot", known)
    assert silent.status == 502
    assert (await shop.owner.call("GET", "/staff-bot")).status == 404


async def test_the_bot_that_customers_write_to_is_refused(shop):
    customers = {"token": shop.bot.token, "api_base": shop.sandbox.api_base("telegram")}
    answer = await shop.owner.call("PUT", "/staff-bot", customers)
    assert (answer.status, [error["field"] for error in answer.body["errors"]]) == (422, ["token"])
    assert "customers write to this bot" in str(answer.body)
    assert shop.bot.webhook.url == shop.webhook


async def test_only_admins_see_and_set_it(shop):
    manager = await shop.manager("Marta")
    await shop.owner.call("PUT", "/staff-bot", settings(shop))
    for method, body in (("GET", None), ("PUT", {"shows": "none"}), ("DELETE", None)):
        assert (await manager.call(method, "/staff-bot", body)).status == 403


async def test_disconnecting_ends_every_link_and_takes_the_webhook_back(shop):
    body = settings(shop)
    await shop.owner.call("PUT", "/staff-bot", body)
    bot = shop.sandbox.telegram.bots[body["token"]]
    code = (await shop.owner.call("POST", "/me/staff-link")).body["url"].partition("?start=")[2]
    chat = bot.chat(shop.sandbox.telegram.create_customer("Owner", language="en"))
    chat.start(code)
    await chat.until(lambda chat: len(chat.texts()) == 2, seconds=40)
    linked = StaffLinkShape.model_validate((await shop.owner.call("GET", "/me/staff-link")).body)
    assert (linked.linked, linked.name, linked.bot) == (True, "Owner", "staff_bot")
    assert (await shop.owner.call("DELETE", "/staff-bot")).status == 204
    assert bot.webhook.url == ""
    alone = StaffLinkShape.model_validate((await shop.owner.call("GET", "/me/staff-link")).body)
    assert (alone.linked, alone.bot) == (False, None)
    assert (await shop.owner.call("DELETE", "/staff-bot")).status == 404


async def test_another_bot_in_its_place_ends_every_link(shop):
    first, second = settings(shop), settings(shop)
    await shop.owner.call("PUT", "/staff-bot", first)
    path = (await shop.owner.get("/staff-bot"))["webhook_url"]["path"]
    replaced = await shop.owner.call("PUT", "/staff-bot", second)
    assert (replaced.status, replaced.body["linked"]) == (200, 0)
    assert replaced.body["webhook_url"]["path"] != path
    assert shop.sandbox.telegram.bots[first["token"]].webhook.url == ""
    again = await shop.owner.call("PUT", "/staff-bot", second)
    assert again.body["webhook_url"] == replaced.body["webhook_url"]


async def test_a_link_is_offered_for_a_quarter_of_an_hour_where_there_is_a_bot(shop):
    nobody = await shop.owner.call("POST", "/me/staff-link")
    assert (nobody.status, "an admin connects one" in str(nobody.body)) == (409, True)
    await shop.owner.call("PUT", "/staff-bot", settings(shop))
    offered = await shop.owner.call("POST", "/me/staff-link")
    assert offered.status == 201
    offer = StaffOfferShape.model_validate(offered.body)
    address, _, code = offer.url.partition("?start=")
    assert address == "https://t.me/staff_bot"
    assert 20 <= len(code) <= 64
    assert (await shop.owner.call("DELETE", "/me/staff-link")).status == 404


async def look_after(shop: Shop) -> tuple[str, str]:
    """Have the bot looked after, as its timer does; how it stands then."""
    with contextlib.suppress(Later):
        await shop.house.staff_accounts.look_after({})
    shown = await shop.owner.get("/staff-bot")
    return shown["state"], shown["state_reason"]


async def test_a_webhook_that_points_elsewhere_is_set_anew(shop):
    body = settings(shop)
    await shop.owner.call("PUT", "/staff-bot", body)
    hook = shop.sandbox.telegram.bots[body["token"]].webhook
    url, hook.url = hook.url, "http://127.0.0.1:1/elsewhere"
    assert await look_after(shop) == ("connected", "")
    assert hook.url == url


async def test_a_token_that_died_is_told_and_one_that_lives_again_is_too(shop):
    body = settings(shop)
    await shop.owner.call("PUT", "/staff-bot", body)
    bot = shop.sandbox.telegram.bots.pop(body["token"])
    state, reason = await look_after(shop)
    assert (state, "token" in reason, body["token"] in reason) == ("paused", True, False)
    shop.sandbox.telegram.bots[body["token"]] = bot
    assert await look_after(shop) == ("connected", "")


async def test_a_bot_that_is_a_channel_too_is_not_taken_away_from_customers(shop):
    """As databases have it from before the second use of an account was refused."""
    body = settings(shop)
    await shop.owner.call("PUT", "/staff-bot", body)
    hook = shop.sandbox.telegram.bots[body["token"]].webhook
    channels, box = shop.house.database.durable.channels, shop.house.box
    (channel,) = await channels.find().to_list(None)
    sealed = box.seal({**box.open(channel["sealed"]), "token": body["token"]})
    await channels.update_one({"_id": channel["_id"]}, {"$set": {"sealed": sealed, "changed_at": now()}})
    hook.url = shop.webhook
    state, reason = await look_after(shop)
    assert (state, f"customers write to this bot ({channel['name']})" in reason) == ("paused", True)
    assert hook.url == shop.webhook


async def test_the_bot_that_managers_answer_by_is_refused_to_customers(shop):
    body = settings(shop)
    await shop.owner.call("PUT", "/staff-bot", body)
    hook = shop.sandbox.telegram.bots[body["token"]].webhook
    url = hook.url
    wanted = {"kind": "telegram", "name": "Second", "settings": body}
    refused = await shop.owner.call("POST", "/channels", wanted)
    assert (refused.status, [error["field"] for error in refused.body["errors"]]) == (422, ["settings"])
    assert "managers answer by this bot" in str(refused.body)
    assert hook.url == url
    await shop.owner.call("DELETE", "/staff-bot")
    assert (await shop.owner.call("POST", "/channels", wanted)).status == 201
