"""Conversations: who sees them, and how they change."""

from datetime import timedelta

import pytest

from inbox.model.ids import now
from tests.web.api.desk import written
from web.api import shapes


@pytest.fixture
async def team(desk):
    """A team that the owner formed and nobody is in."""
    return (await desk.owner.call("POST", "/teams", {"name": "Returns"})).body["id"]


async def ids(caller, query=""):
    page = (await caller.call("GET", f"/conversations{query}")).fits(shapes.Page[shapes.ConversationShape])
    return [row["id"] for row in page.body["items"]]


async def test_a_conversation_and_what_is_unread_in_it(desk, database):
    conversation = await written(database, "Good day", "Is it in stock?")
    shown = (
        (await desk.manager.call("GET", f"/conversations/{conversation['_id']}")).fits(shapes.ConversationShape).body
    )
    assert (shown["status"], shown["priority"], shown["unread"], shown["version"]) == ("open", "normal", 2, 1)
    assert shown["last_message"]["text"] == "Is it in stock?"
    read = (await desk.manager.call("POST", f"/conversations/{conversation['_id']}/read")).fits(
        shapes.ConversationShape
    )
    assert read.body["unread"] == 0
    assert (await desk.admin.get(f"/conversations/{conversation['_id']}"))["unread"] == 2, "each for themselves"


async def test_a_team_keeps_its_conversations_to_itself(desk, database, team):
    conversation = await written(database, team_id=team)
    key, path = conversation["_id"], f"/conversations/{conversation['_id']}"
    assert await ids(desk.manager) == []
    message = (await desk.admin.get(f"{path}/messages"))["items"][0]["id"]
    for method, where, body in (
        ("GET", path, None),
        ("PATCH", path, {"priority": "high"}),
        ("GET", f"{path}/messages", None),
        ("POST", f"{path}/messages", {"kind": "note", "text": "hm"}),
        ("POST", f"{path}/read", None),
        ("POST", f"{path}/typing", None),
        ("PATCH", f"/messages/{message}", {"text": "hm"}),
        ("DELETE", f"/messages/{message}", None),
        ("POST", f"/messages/{message}/retry", None),
    ):
        assert (await desk.manager.call(method, where, body)).status == 404, where
    timeline = f"/customers/{conversation['customer_id']}/timeline"
    assert (await desk.manager.get(timeline))["items"] == []
    assert len((await desk.admin.get(timeline))["items"]) == 1
    await desk.admin.call("PATCH", path, {"assignee_id": desk.manager.id})
    assert await ids(desk.manager) == [key], "its holder sees it"
    await desk.admin.call("PATCH", path, {"assignee_id": None})
    await desk.admin.call("PATCH", f"/managers/{desk.manager.id}", {"teams": [team]})
    assert await ids(desk.manager) == [key], "its members see it"


async def test_the_list_is_narrowed_by_what_is_asked(desk, database, team):
    one, two = await written(database, "first"), await written(database, "second", team_id=team)
    await desk.admin.call("PATCH", f"/conversations/{one['_id']}", {"labels": ["vip"], "assignee_id": desk.manager.id})
    await desk.admin.call("PATCH", f"/conversations/{two['_id']}", {"status": "closed"})
    await desk.house.indexing.build()
    for query, found in {
        "?status=open": [one],
        "?status=closed": [two],
        "?assignee=none": [],
        f"?assignee={desk.manager.id}": [one],
        f"?team={team}": [two],
        "?label=vip": [one],
        "?q=second": [two],
        "?channel=elsewhere": [],
    }.items():
        assert await ids(desk.admin, query) == [row["_id"] for row in found], query
    assert await ids(desk.manager, "?assignee=me") == [one["_id"]]


def clock(minutes, **fields):
    """A clock that is due in so many minutes, and warns five before."""
    due_at = now() + timedelta(minutes=minutes)
    told = {"kind": "next", "since": now(), "warn_at": due_at - timedelta(minutes=5), "due_at": due_at}
    return told | {"warned_at": None, "breached_at": None, "raised": False, "left": None} | fields


@pytest.mark.parametrize(
    ("minutes", "fields", "state"),
    [
        (60, {}, "running"),
        (4, {}, "at_risk"),
        (-1, {}, "late"),
        (0, {"due_at": None, "warn_at": None, "left": {"warn": 1.0, "due": 2.0}}, None),
        (None, {}, None),
    ],
)
async def test_a_conversation_tells_by_when_it_is_to_be_answered(desk, database, minutes, fields, state):
    key = (await written(database))["_id"]
    stored = None if minutes is None else clock(minutes, **fields)
    await database.durable.conversations.update_one({"_id": key}, {"$set": {"clock": stored}})
    shown = (await desk.manager.call("GET", f"/conversations/{key}")).fits(shapes.ConversationShape).body["clock"]
    assert (shown and (shown["kind"], shown["state"])) == (state and ("next", state))


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 100])
async def test_who_is_to_be_answered_soonest_comes_first_and_who_has_no_clock_last(desk, database, limit):
    clocks = [
        clock(30),
        None,
        clock(-5),
        clock(0, due_at=None, warn_at=None, left={"warn": 1.0, "due": 2.0}),
        clock(10),
    ]
    keys = []
    for each in clocks:
        keys.append((await written(database))["_id"])
        await database.durable.conversations.update_one({"_id": keys[-1]}, {"$set": {"clock": each}})
    found, path = [], f"/conversations?sort=due&limit={limit}"
    page = await desk.manager.get(path)
    while page["next_cursor"]:
        found += [row["id"] for row in page["items"]]
        page = await desk.manager.get(f"{path}&cursor={page['next_cursor']}")
    found += [row["id"] for row in page["items"]]
    assert found == [keys[2], keys[4], keys[0], keys[3], keys[1]]


async def test_a_cursor_of_another_order_is_refused(desk, database):
    for _ in range(2):
        await written(database)
    cursor = (await desk.manager.get("/conversations?sort=recent&limit=1"))["next_cursor"]
    refused = await desk.manager.call("GET", f"/conversations?sort=due&cursor={cursor}")
    assert (refused.status, refused.fields) == (422, ["cursor"])


@pytest.mark.parametrize(("query", "field"), [("?status=asleep", "status"), ("?sort=beauty", "sort")])
async def test_a_question_that_makes_no_sense_is_refused(desk, query, field):
    refused = await desk.admin.call("GET", f"/conversations{query}")
    assert (refused.status, refused.fields) == (422, [field])


async def test_a_stale_version_is_refused_with_the_present_one(desk, database):
    path = f"/conversations/{(await written(database))['_id']}"
    first = await desk.manager.call("PATCH", path, {"priority": "urgent", "version": 1})
    assert (first.status, first.body["priority"], first.body["version"]) == (200, "urgent", 2)
    for change in ({"priority": "low"}, {"assignee_id": desk.manager.id}, {"labels": ["a"], "assignee_id": None}):
        stale = await desk.manager.call("PATCH", path, {**change, "version": 1})
        assert (stale.status, stale.body["current_version"]) == (409, 2)
    assert (await desk.manager.get(path))["priority"] == "urgent"


async def test_handing_over_and_changing_go_together(desk, database):
    path = f"/conversations/{(await written(database))['_id']}"
    change = {"assignee_id": desk.manager.id, "labels": ["vip", "vip"], "version": 1}
    changed = (await desk.admin.call("PATCH", path, change)).fits(shapes.ConversationShape).body
    assert (changed["assignee_id"], changed["labels"]) == (desk.manager.id, ["vip"])
    assert changed["assignment"]["reason"] == "manual"
    assert (await desk.manager.get("/me"))["load"] == 1


async def test_snoozing_needs_a_time_to_come(desk, database):
    path = f"/conversations/{(await written(database))['_id']}"
    later = (now() + timedelta(hours=1)).isoformat()
    snoozed = await desk.manager.call("PATCH", path, {"status": "snoozed", "snoozed_until": later})
    assert (snoozed.status, snoozed.body["status"]) == (200, "snoozed")
    earlier = (now() - timedelta(hours=1)).isoformat()
    for wrong in ({"status": "snoozed", "snoozed_until": earlier}, {"snoozed_until": "2030-01-01T00:00:00"}):
        refused = await desk.manager.call("PATCH", path, wrong)
        assert (refused.status, refused.fields) == (422, ["snoozed_until"])


@pytest.mark.parametrize(
    ("wrong", "field"),
    [({"team_id": "nowhere"}, "team_id"), ({"assignee_id": "nobody"}, "assignee_id"), ({"priority": 9}, "priority")],
)
async def test_wrong_values_change_nothing(desk, database, wrong, field):
    path = f"/conversations/{(await written(database))['_id']}"
    refused = await desk.manager.call("PATCH", path, wrong)
    assert (refused.status, refused.fields) == (422, [field])
    assert (await desk.manager.get(path))["version"] == 1


@pytest.mark.parametrize(("wrong", "field"), [("customer_id", "customer_id"), ("channel_id", "channel_id")])
async def test_writing_first_needs_somebody_and_somewhere(desk, database, wrong, field):
    conversation = await written(database)
    body = {"customer_id": conversation["customer_id"], "channel_id": "channel", "text": "Hello"}
    refused = await desk.manager.call("POST", "/conversations", {**body, wrong: "nothing"})
    assert (refused.status, refused.fields) == (422, [field])
