"""Macros as they are kept."""

import pytest

from inbox.model.errors import Taken
from inbox.model.ids import new_id, now
from inbox.storage.macros import MacroStore


@pytest.fixture
def store(database):
    return MacroStore(database)


async def kept(store, owner_id: str | None, shortcut: str = "") -> str:
    macro = {
        "_id": new_id(),
        "name": "Hi",
        "shortcut": shortcut,
        "text": {"uk": "Вітаю"},
        "owner_id": owner_id,
        "created_at": now(),
        "updated_at": now(),
    }
    return str((await store.insert(macro))["_id"])


async def test_one_sees_the_shared_and_ones_own(store):
    shared, own, foreign = await kept(store, None), await kept(store, "olena"), await kept(store, "taras")
    assert [row["_id"] for row in await store.page("olena", None, 10)] == [shared, own]
    assert [row["_id"] for row in await store.page("taras", shared, 10)] == [foreign]


async def test_a_shortcut_is_one_macros_of_an_owner(store):
    await kept(store, None, "hi")
    await kept(store, "olena", "hi")
    with pytest.raises(Taken, match="shortcut"):
        await kept(store, None, "HI")
    free = await kept(store, None)
    await kept(store, None)
    with pytest.raises(Taken, match="shortcut"):
        await store.change(free, {"shortcut": "hi"})


async def test_a_macro_is_forgotten_once(store):
    key = await kept(store, None)
    assert await store.delete(key)
    assert not await store.delete(key)
    assert await store.change(key, {"name": "Ho"}) is None
