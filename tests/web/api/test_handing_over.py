"""Handing conversations over: to a manager or a team, with a note, once."""

import asyncio

import pytest

from inbox.managers import NewManager
from inbox.model.people import Role
from tests.web.api.desk import written
from web.api import shapes


@pytest.fixture
async def case(desk, database):
    """The path of a conversation that the manager holds."""
    path = f"/conversations/{(await written(database))['_id']}"
    taken = await desk.manager.call("PATCH", path, {"assignee_id": desk.manager.id})
    assert taken.body["assignee_id"] == desk.manager.id
    return path


@pytest.fixture
async def team(desk):
    return (await desk.owner.call("POST", "/teams", {"name": "Returns"})).body["id"]


async def hand_over(caller, case, **wanted):
    return await caller.call("POST", f"{case}/transfer", wanted)


async def notes(caller, case):
    return [row for row in (await caller.get(f"{case}/messages"))["items"] if row["direction"] == "note"]


async def online(caller):
    assert (await caller.call("PUT", "/me/status", {"status": "online"})).status == 200


async def test_a_manager_gets_it_with_the_note_and_the_reason(desk, case):
    given = await hand_over(desk.manager, case, manager_id=desk.admin.id, note="  She asks about the lid ")
    conversation = given.fits(shapes.ConversationShape).body
    assert (given.status, conversation["assignee_id"]) == (200, desk.admin.id)
    told = conversation["assignment"]
    assert (told["reason"], told["by"], told["note"]) == ("handed_over", "Manager", "She asks about the lid")
    (note,) = await notes(desk.admin, case)
    assert (note["text"], note["author"]["id"]) == ("@Admin She asks about the lid", desk.manager.id)
    loads = {row["id"]: row["load"] for row in (await desk.owner.get("/managers"))["items"]}
    assert (loads[desk.manager.id], loads[desk.admin.id]) == (0, 1)


async def test_it_stands_out_for_who_got_it_until_they_open_it(desk, case):
    await hand_over(desk.manager, case, manager_id=desk.admin.id, note="Yours")
    theirs = (await desk.admin.get(case))["handed_over"]
    assert (theirs["new"], theirs["note"], theirs["by"]["name"]) == (True, "Yours", "Manager")
    assert not (await desk.manager.get(case))["handed_over"]["new"]
    await desk.manager.call("POST", f"{case}/read")
    assert (await desk.admin.get(case))["handed_over"]["new"]
    opened = (await desk.admin.call("POST", f"{case}/read")).body
    assert not opened["handed_over"]["new"]
    taken = (
        await desk.manager.call("PATCH", case, {"assignee_id": desk.manager.id, "version": opened["version"]})
    ).body
    assert taken["handed_over"] is None


async def test_a_team_gets_it_from_the_queue_and_not_who_gave_it(desk, case, team):
    for person in (desk.manager, desk.admin):
        await desk.owner.call("PATCH", f"/managers/{person.id}", {"teams": [team]})
    await online(desk.manager)
    given = (await hand_over(desk.manager, case, team_id=team, note="A parcel came back")).body
    assert (given["team_id"], given["assignee_id"]) == (team, None)
    assert (await desk.manager.get(case))["assignee_id"] is None
    assert (await notes(desk.manager, case))[0]["text"] == "@Returns A parcel came back"
    await online(desk.admin)
    got = await desk.admin.get(case)
    assert (got["assignee_id"], got["assignment"]["note"]) == (desk.admin.id, "A parcel came back")
    assert got["handed_over"]["new"]


async def test_who_passes_on_what_nobody_holds_does_not_get_it(desk, database, team):
    case = f"/conversations/{(await written(database))['_id']}"
    await desk.owner.call("PATCH", f"/managers/{desk.manager.id}", {"teams": [team]})
    await online(desk.manager)
    given = (await hand_over(desk.manager, case, team_id=team)).body
    assert (given["team_id"], given["assignee_id"]) == (team, None)
    assert (await desk.manager.get(case))["assignee_id"] is None
    await desk.owner.call("PATCH", f"/managers/{desk.admin.id}", {"teams": [team]})
    await online(desk.admin)
    assert (await desk.admin.get(case))["assignee_id"] == desk.admin.id


@pytest.mark.parametrize("target", ["manager", "team"])
async def test_once_however_often_it_is_asked_for(desk, case, team, target):
    wanted = {"manager": {"manager_id": desk.admin.id}, "team": {"team_id": team}}[target]
    version = (await desk.manager.get(case))["version"]
    body = {**wanted, "note": "Please look", "client_token": "t-1", "version": version}
    answers = await asyncio.gather(*(hand_over(desk.manager, case, **body) for _ in range(4)))
    assert {answer.status for answer in answers} == {200}
    now = await desk.owner.get(case)
    assert now["version"] == version + 1
    assert len(await notes(desk.owner, case)) == 1
    # Taken back by hand meanwhile, a late repetition does not give it away again.
    await desk.owner.call("PATCH", case, {"assignee_id": desk.manager.id})
    assert (await hand_over(desk.manager, case, **body)).body["assignee_id"] == desk.manager.id
    audit = (await desk.owner.get("/audit?action=conversation.hand_over"))["items"]
    assert len(audit) == 1
    assert "Please look" not in str(audit)


async def test_without_words_there_is_no_note(desk, case):
    assert (await hand_over(desk.manager, case, manager_id=desk.admin.id)).status == 200
    assert await notes(desk.admin, case) == []


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({}, "manager_id"),
        ({"manager_id": "a", "team_id": "b"}, "manager_id"),
        ({"manager_id": "nobody"}, "manager_id"),
        ({"team_id": "none"}, "team_id"),
        ({"manager_id": "a", "note": "x" * 2001}, "note"),
        ({"manager_id": "a", "version": -1}, "version"),
        ({"manager_id": "a", "why": "x"}, "why"),
    ],
)
async def test_what_is_wrong_is_named(desk, case, wanted, field):
    refused = await hand_over(desk.manager, case, **wanted)
    assert (refused.status, refused.fields) == (422, [field])
    assert (await desk.manager.get(case))["assignee_id"] == desk.manager.id
    assert await notes(desk.manager, case) == []


async def test_nobody_hands_over_to_themselves_nor_to_who_left(desk, house, case):
    oneself = await hand_over(desk.manager, case, manager_id=desk.manager.id)
    assert (oneself.status, oneself.fields) == (422, ["manager_id"])
    leaver = await house.managers.create(
        NewManager(email="l@shop.example", name="Lev", password_hash="", role=Role.MANAGER), by=None
    )
    await desk.owner.call("PATCH", f"/managers/{leaver['_id']}", {"active": False})
    gone = await hand_over(desk.manager, case, manager_id=leaver["_id"])
    assert (gone.status, gone.fields) == (422, ["manager_id"])
    assert "Lev" in gone.body["detail"]


async def test_what_the_state_forbids_says_so(desk, case):
    version = (await desk.manager.get(case))["version"]
    stale = await hand_over(desk.manager, case, manager_id=desk.admin.id, note="Look", version=version - 1)
    assert (stale.status, stale.body["current_version"]) == (409, version)
    await hand_over(desk.manager, case, manager_id=desk.admin.id)
    assert (await hand_over(desk.manager, case, manager_id=desk.admin.id)).status == 409
    await desk.manager.call("PATCH", case, {"status": "closed"})
    closed = await hand_over(desk.manager, case, manager_id=desk.owner.id, note="Look")
    assert (closed.status, await notes(desk.manager, case)) == (409, [])


async def test_only_who_sees_it_hands_it_over(desk, database, team):
    hidden = f"/conversations/{(await written(database, team_id=team))['_id']}"
    assert (await hand_over(desk.manager, hidden, manager_id=desk.admin.id)).status == 404
    assert (await hand_over(desk.anonymous, hidden, manager_id=desk.admin.id)).status == 401
    assert (await desk.owner.get(hidden))["assignee_id"] is None


async def test_who_gave_it_out_of_their_sight_may_still_repeat_it(desk, case, team):
    body = {"team_id": team, "note": "Look", "client_token": "t-1"}
    assert (await hand_over(desk.manager, case, **body)).status == 200
    assert (await desk.manager.call("GET", case)).status == 404
    assert (await hand_over(desk.manager, case, **body)).status == 200
    assert (await hand_over(desk.manager, case, **{**body, "client_token": "t-2"})).status == 404
    assert len(await notes(desk.owner, case)) == 1
