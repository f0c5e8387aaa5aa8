"""Settings have defaults until somebody sets them."""

import pytest

from inbox.settings import DEFAULTS, ShopSettings
from inbox.storage.settings import SettingsStore


@pytest.fixture
def settings(database):
    return ShopSettings(SettingsStore(database))


async def test_nothing_set_is_the_defaults(settings):
    assert await settings.get() == dict(DEFAULTS)
    assert await settings.change({}) == dict(DEFAULTS)


async def test_what_is_set_stays_set(settings):
    assert (await settings.change({"shop_name": "Крамниця"}))["shop_name"] == "Крамниця"
    changed = await settings.change({"reopen_window_days": 3})
    assert (changed["shop_name"], changed["reopen_window_days"]) == ("Крамниця", 3)
    assert await settings.get() == changed
