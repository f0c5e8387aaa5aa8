"""Teams as they are kept."""

import pytest

from inbox.model.errors import Taken
from inbox.model.ids import new_id, now
from inbox.storage.teams import TeamStore


@pytest.fixture
def store(database):
    return TeamStore(database)


async def formed(store, name: str) -> str:
    return str((await store.insert({"_id": new_id(), "name": name, "created_at": now()}))["_id"])


async def test_names_differ_by_more_than_case(store):
    await formed(store, "Повернення")
    with pytest.raises(Taken, match="name"):
        await formed(store, "ПОВЕРНЕННЯ")
    await formed(store, "Повернення 2")


async def test_missing_teams_are_told(store):
    team = await formed(store, "Returns")
    assert await store.missing([team, "nowhere"]) == ["nowhere"]


async def test_members_are_the_active_ones(store, database):
    one, two = await formed(store, "Returns"), await formed(store, "Sales")
    people = (("a", [one, two], True), ("b", [one], True), ("c", [one], False))
    await database.durable.managers.insert_many(
        [{"_id": key, "email": key, "teams": teams, "active": active} for key, teams, active in people]
    )
    assert await store.members([one, two]) == {one: ["a", "b"], two: ["a"]}
