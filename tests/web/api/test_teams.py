"""Groups of managers."""

from typing import Any

import pytest

from inbox.model.ids import now
from inbox.storage.conversations import ConversationStore
from inbox.storage.database import Database, Document
from inbox.teams import DISSOLVE
from tests.web.api.desk import written
from web.api.shapes import Page, ProblemShape
from web.api.teams import TeamShape


async def a_team(desk, name="Returns"):
    return (await desk.admin.call("POST", "/teams", {"name": name})).fits(TeamShape).body["id"]


async def value(database: Database, conversation: Document, field: str) -> Any:
    found = await ConversationStore(database).get(conversation["_id"])
    assert found is not None
    return found[field]


async def test_a_team_and_who_is_in_it(desk):
    created = (await desk.admin.call("POST", "/teams", {"name": "Returns"})).fits(TeamShape)
    assert (created.status, created.body["members"], created.body["policy"]) == (201, [], None)
    joined = await desk.admin.call("PATCH", f"/managers/{desk.manager.id}", {"teams": [created.body["id"]]})
    assert joined.body["teams"] == [created.body["id"]]
    teams = (await desk.manager.call("GET", "/teams")).fits(Page[TeamShape]).body["items"]
    assert [(team["name"], team["members"]) for team in teams] == [("Returns", [desk.manager.id])]
    shown = (await desk.manager.call("GET", f"/teams/{created.body['id']}")).fits(TeamShape)
    assert shown.body == teams[0]


async def test_a_name_is_taken_whatever_its_case(desk):
    assert (await desk.admin.call("POST", "/teams", {"name": "Повернення"})).status == 201
    again = await desk.admin.call("POST", "/teams", {"name": "повернення"})
    assert (again.status, again.fields) == (409, ["name"])
    other = await a_team(desk)
    renamed = await desk.admin.call("PATCH", f"/teams/{other}", {"name": "ПОВЕРНЕННЯ"})
    assert (renamed.status, renamed.fields) == (409, ["name"])


async def test_members_are_set_as_a_whole_and_those_who_left_the_shop_stay_listed_nowhere(desk):
    team = await a_team(desk)
    both = [desk.manager.id, desk.admin.id]
    changed = (await desk.admin.call("PATCH", f"/teams/{team}", {"members": [*both, both[0]]})).fits(TeamShape)
    assert sorted(changed.body["members"]) == sorted(both)
    assert (await desk.admin.get(f"/managers/{desk.manager.id}"))["teams"] == [team]
    changed = await desk.admin.call("PATCH", f"/teams/{team}", {"members": [desk.admin.id], "name": "Back office"})
    assert (changed.body["members"], changed.body["name"]) == ([desk.admin.id], "Back office")
    assert (await desk.admin.get(f"/managers/{desk.manager.id}"))["teams"] == []


async def test_who_joins_a_team_gets_what_waited_for_it(desk, database):
    team = await a_team(desk)
    waiting = await written(database, "Anybody?", team_id=team)
    assert (await desk.manager.call("PUT", "/me/status", {"status": "online"})).status == 200
    assert await value(database, waiting, "assignee_id") is None
    await desk.admin.call("PATCH", f"/teams/{team}", {"members": [desk.manager.id]})
    assert await value(database, waiting, "assignee_id") == desk.manager.id


async def test_a_policy_holds_as_a_whole_until_the_shops_does_again(desk):
    team = await a_team(desk)
    sent = {
        "strategy": "sticky",
        "wait_for_last": 5,
        "targets": {"first_reply": 15},
        "hours": {"timezone": "Europe/Kyiv", "open": [{"days": ["mon"], "from": "22:00", "to": "06:00"}]},
        "leads": [desk.admin.id],
        "unanswered": 30,
        "offline": None,
    }
    changed = (await desk.admin.call("PATCH", f"/teams/{team}", {"policy": sent})).fits(TeamShape)
    policy = changed.body["policy"]
    assert {field: policy[field] for field in sent if field != "targets"} == {
        field: value for field, value in sent.items() if field != "targets"
    }
    assert policy["targets"] == {"first_reply": 15, "next_reply": None}
    assert policy["warn_at"] == 75
    assert (await desk.house.policies.of(team)).strategy == "sticky"
    again = await desk.admin.call("PATCH", f"/teams/{team}", {"policy": {"strategy": "manual"}})
    assert again.body["policy"]["leads"] == []
    none = await desk.admin.call("PATCH", f"/teams/{team}", {"policy": None})
    assert none.body["policy"] is None
    assert (await desk.house.policies.of(team)).strategy == "balanced"


async def test_what_waited_by_hand_is_given_out_as_soon_as_the_policy_says_so(desk, database):
    team = await a_team(desk)
    manual = {"policy": {"strategy": "manual"}}
    await desk.admin.call("PATCH", f"/teams/{team}", {"members": [desk.manager.id], **manual})
    await desk.admin.call("PUT", "/routing", manual)
    assert (await desk.manager.call("PUT", "/me/status", {"status": "online"})).status == 200
    of_team, of_nobody = await written(database, "Hello?", team_id=team), await written(database, "Anybody?")
    await desk.house.assigner.drain()
    assert await value(database, of_team, "assignee_id") is None
    await desk.admin.call("PATCH", f"/teams/{team}", {"policy": {"strategy": "round_robin"}})
    assert await value(database, of_team, "assignee_id") == desk.manager.id
    assert await value(database, of_nobody, "assignee_id") is None
    await desk.admin.call("PUT", "/routing", {})
    assert await value(database, of_nobody, "assignee_id") == desk.manager.id


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"policy": {"strategy": "random"}}, "policy.strategy"),
        ({"policy": {"colour": "red"}}, "policy.colour"),
        ({"policy": {"targets": {"first_reply": 0}}}, "policy.targets.first_reply"),
        ({"policy": {"targets": {"first_reply": 1.5}}}, "policy.targets.first_reply"),
        ({"policy": {"warn_at": 100}}, "policy.warn_at"),
        ({"policy": {"leads": ["nobody"]}}, "policy.leads.0"),
        ({"policy": {"channel_targets": {"no-channel": {"first_reply": 5}}}}, "policy.channel_targets.no-channel"),
        ({"policy": {"hours": {"timezone": "Mars/Base", "open": []}}}, "policy.hours.timezone"),
        (
            {"policy": {"hours": {"timezone": "UTC", "open": [{"days": [], "from": "09:00", "to": "18:00"}]}}},
            "policy.hours.open.0.days",
        ),
        (
            {"policy": {"hours": {"timezone": "UTC", "open": [{"days": ["mon"], "from": "9:00", "to": "25:00"}]}}},
            "policy.hours.open.0.from",
        ),
        ({"members": ["nobody"]}, "members.0"),
        ({"name": "  "}, "name"),
    ],
)
async def test_what_is_wrong_is_named_and_nothing_is_changed(desk, wrong, field):
    team = await a_team(desk)
    before = await desk.admin.get(f"/teams/{team}")
    refused = (await desk.admin.call("PATCH", f"/teams/{team}", {"name": "Other", **wrong})).fits(ProblemShape)
    assert (refused.status, refused.fields[0]) == (422, field)
    assert await desk.admin.get(f"/teams/{team}") == before


async def test_teams_are_for_admins_to_change(desk):
    team = await a_team(desk)
    assert (await desk.manager.call("PATCH", f"/teams/{team}", {"name": "Mine"})).status == 403
    assert (await desk.manager.call("DELETE", f"/teams/{team}")).status == 403
    for method in ("GET", "DELETE"):
        assert (await desk.admin.call(method, "/teams/nothing")).status == 404
    assert (await desk.admin.call("PATCH", "/teams/nothing", {"name": "A"})).status == 404


async def test_what_a_deleted_team_had_is_everybodys(desk, database):
    team = await a_team(desk)
    await desk.admin.call("PATCH", f"/teams/{team}", {"members": [desk.manager.id], "policy": {"strategy": "manual"}})
    waiting = await written(database, "Hello?", team_id=team)
    closed = await written(database, "Thanks", team_id=team)
    await desk.house.conversations.change(closed["_id"], {"status": "closed"})
    assert (await desk.admin.call("DELETE", f"/teams/{team}")).status == 204
    assert (await desk.admin.call("GET", f"/teams/{team}")).status == 404
    assert (await desk.admin.get(f"/managers/{desk.manager.id}"))["teams"] == []
    assert [await value(database, row, "team_id") for row in (waiting, closed)] == [None, None]
    assert (await desk.house.policies.of(team)).strategy == "balanced"
    assert await database.durable.timers.count_documents({"kind": DISSOLVE}) == 0
    entry = (await desk.admin.get(f"/audit?object_id={team}"))["items"][0]
    assert (entry["action"], entry["actor"]["name"]) == ("team.delete", "Admin")


async def test_a_deletion_that_broke_off_is_seen_through_by_its_timer(desk, database):
    team = await a_team(desk)
    waiting = await written(database, "Hello?", team_id=team)
    await desk.admin.call("PATCH", f"/teams/{team}", {"members": [desk.manager.id]})
    await desk.house.team_store.delete(team)
    for _ in range(2):
        await desk.house.teams.dissolve({"team_id": team})
    assert await value(database, waiting, "team_id") is None
    assert (await desk.admin.get(f"/managers/{desk.manager.id}"))["teams"] == []


async def test_a_team_that_macros_give_conversations_to_stays(desk, database):
    team = await a_team(desk)
    action = {"type": "assign", "team_id": team}
    shared = {"name": "To returns", "text": "One moment", "actions": [action], "shared": True}
    made = await desk.admin.call("POST", "/macros", shared)
    assert made.status == 201, made
    own = await desk.manager.call("POST", "/macros", {**shared, "name": "My way", "shared": False})
    assert own.status == 201, own
    refused = (await desk.admin.call("DELETE", f"/teams/{team}")).fits(ProblemShape)
    assert refused.status == 409
    assert refused.body["macros"] == ["My way (Manager’s own)", "To returns"]
    assert "To returns" in refused.body["detail"]
    assert (await desk.admin.get(f"/teams/{team}"))["name"] == "Returns"
    # What nobody uses any more keeps nothing.
    assert (await desk.admin.call("PATCH", f"/macros/{made.body['id']}", {"archived": True})).status == 200
    assert (await desk.admin.call("PATCH", f"/managers/{desk.manager.id}", {"active": False})).status == 200
    assert (await desk.admin.call("DELETE", f"/teams/{team}")).status == 204


async def test_a_team_from_before_policies_is_shown(desk, database):
    await database.durable.teams.insert_one({"_id": "old", "name": "Old", "created_at": now()})
    assert (await desk.manager.call("GET", "/teams/old")).fits(TeamShape).body["policy"] is None
