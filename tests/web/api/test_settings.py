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
    ],
)
async def test_wrong_settings_are_named(desk, wrong, field):
    before = await desk.admin.get("/settings")
    refused = await desk.admin.call("PATCH", "/settings", wrong)
    assert refused.status == 422
    assert field in refused.fields
    assert await desk.admin.get("/settings") == before
