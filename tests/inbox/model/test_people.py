from typing import Any

import pytest

from inbox.model.people import Author, Role, Viewer


def viewer(role: Role, *teams: str) -> Viewer:
    return Viewer(id="me", name="Mary", role=role, teams=frozenset(teams))


CONVERSATIONS: dict[str, dict[str, Any]] = {
    "nobody's": {"team_id": None, "assignee_id": None},
    "my team's": {"team_id": "sales", "assignee_id": None},
    "another team's": {"team_id": "repairs", "assignee_id": "somebody"},
    "another team's, mine": {"team_id": "repairs", "assignee_id": "me"},
}


@pytest.mark.parametrize(
    ("role", "seen"),
    [
        (Role.OWNER, set(CONVERSATIONS)),
        (Role.ADMIN, set(CONVERSATIONS)),
        (Role.MANAGER, {"nobody's", "my team's", "another team's, mine"}),
    ],
)
def test_who_sees_which_conversation(role, seen):
    asks = viewer(role, "sales")
    assert {name for name, conversation in CONVERSATIONS.items() if asks.may_see(conversation)} == seen


@pytest.mark.parametrize("role", Role)
async def test_the_database_filters_by_the_very_same_rule(role, database):
    asks = viewer(role, "sales")
    await database.durable.conversations.insert_many(
        [{"_id": name, "customer_id": name, **fields} for name, fields in CONVERSATIONS.items()]
    )
    found = {row["_id"] async for row in database.durable.conversations.find(asks.visibility())}
    assert found == {name for name, conversation in CONVERSATIONS.items() if asks.may_see(conversation)}


def test_a_manager_writes_under_their_own_name():
    assert Author.of(viewer(Role.MANAGER)) == Author(type="manager", id="me", name="Mary")
