"""Settings as they are kept: one document."""

from inbox.storage.settings import SettingsStore


async def test_what_is_set_is_read_back(database):
    store = SettingsStore(database)
    assert await store.read() == {}
    assert await store.change({"shop_name": "Крамниця"}) == {"shop_name": "Крамниця"}
    assert await store.change({"hours": {"open": []}}) == {"shop_name": "Крамниця", "hours": {"open": []}}
    assert await database.durable.settings.count_documents({}) == 1
