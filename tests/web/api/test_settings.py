"""The shop's settings."""

import pytest

from web.api import shapes


async def test_a_fresh_shop_has_sensible_settings(desk):
    settings = (await desk.admin.call("GET", "/settings")).fits(shapes.SettingsShape).body
    assert settings["quiet_hours"]["enabled"] is False
    assert settings["reopen_window_days"] == 14


async def test_what_is_sent_changes_and_the_rest_stays(desk):
    hours = {"open": [{"days": ["sat", "sun"], "from": "10:00", "to": "24:00"}]}
    change = {"shop_name": "Крамниця", "timezone": "Europe/Kyiv", "hours": hours, "reopen_window_days": 0}
    changed = (await desk.owner.call("PATCH", "/settings", change)).fits(shapes.SettingsShape).body
    assert {field: changed[field] for field in change} == change
    assert changed["languages"] == ["uk", "en"]
    assert await desk.admin.get("/settings") == changed


async def test_of_the_bots_settings_what_is_sent_changes_and_the_rest_stays(desk):
    before = (await desk.admin.get("/settings"))["bot"]
    assert before["skills"] == {
        "order_status": True, "opt_out": True, "person": True, "language": False, "rating": False,
    }  # fmt: skip
    await desk.admin.call("PATCH", "/settings", {"bot": {"skills": {"rating": True}, "rating_after": 30}})
    changed = await desk.admin.call("PATCH", "/settings", {"bot": {"classifier": {"url": "http://127.0.0.1:9/read"}}})
    assert changed.fits(shapes.SettingsShape).body["bot"] == {
        **before,
        "skills": {**before["skills"], "rating": True},
        "rating_after": 30,
        "classifier": {"url": "http://127.0.0.1:9/read"},
    }
    taken_back = await desk.admin.call("PATCH", "/settings", {"bot": {"classifier": None}})
    assert taken_back.body["bot"]["classifier"] is None


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"timezone": "../../etc/passwd"}, "timezone"),
        ({"languages": []}, "languages"),
        ({"hours": {"open": [{"days": ["mon"], "from": "25:00", "to": "26:00"}]}}, "hours.open.0.from"),
        ({"hours": {"open": [{"days": ["moonday"], "from": "09:00", "to": "10:00"}]}}, "hours.open.0.days.0"),
        ({"quiet_hours": {"enabled": "yes"}}, "quiet_hours.enabled"),
        ({"reopen_window_days": -1}, "reopen_window_days"),
        ({"reopen_window_days": True}, "reopen_window_days"),
        ({"bot": None}, "bot"),
        ({"bot": {"skills": {"juggling": True}}}, "bot.skills.juggling"),
        ({"bot": {"skills": {"rating": "yes"}}}, "bot.skills.rating"),
        ({"bot": {"most_per_hour": 0}}, "bot.most_per_hour"),
        ({"bot": {"most_per_hour": True}}, "bot.most_per_hour"),
        ({"bot": {"confidence": 1.5}}, "bot.confidence"),
        ({"bot": {"classifier": {"url": "ftp://here/read"}}}, "bot.classifier.url"),
        ({"bot": {"classifier": {"url": "http://me:secret@here/read"}}}, "bot.classifier.url"),
        ({"bot": {"classifier": {"url": "http://[here/read"}}}, "bot.classifier.url"),
        ({"bot": {"rating_after": 0}}, "bot.rating_after"),
    ],
)
async def test_wrong_settings_are_named(desk, wrong, field):
    before = await desk.admin.get("/settings")
    refused = await desk.admin.call("PATCH", "/settings", wrong)
    assert refused.status == 422
    assert field in refused.fields
    assert await desk.admin.get("/settings") == before
