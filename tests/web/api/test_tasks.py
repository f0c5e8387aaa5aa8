"""Tasks: made once, for the right eyes, overdue when their time has passed."""

from datetime import datetime, timedelta

import pytest

from inbox.model.ids import now
from inbox.timers import Later
from tests.flow import until
from tests.web.api.desk import Caller, Desk, written
from web.api.tasks import TaskPage, TaskShape


def at(**span: float) -> str:
    return (now() + timedelta(**span)).isoformat()


async def made(caller: Caller, title: str = "Call back", **fields: object) -> dict[str, object]:
    answer = await caller.call("POST", "/tasks", {"title": title, "due_at": at(hours=2), **fields})
    assert answer.status == 201, answer
    return dict(answer.fits(TaskShape).body)


async def titles(caller: Caller, query: str = "") -> list[str]:
    answer = await caller.call("GET", f"/tasks?{query}")
    return [task["title"] for task in answer.fits(TaskPage).body["items"]]


async def test_a_task_is_its_makers_and_tied_to_the_customer_of_its_conversation(desk, database):
    conversation = await written(database)
    task = await made(desk.manager, conversation_id=conversation["_id"])
    assert (task["assignee_id"], task["customer_id"]) == (desk.manager.id, conversation["customer_id"])
    assert (task["state"], task["overdue"]) == ("open", False)
    nobodys = await made(desk.manager, assignee_id=None)
    assert (nobodys["assignee_id"], nobodys["customer_id"]) == (None, None)


async def test_the_list_is_in_the_order_of_time_and_can_be_narrowed_down(desk, database):
    conversation = await written(database)
    await made(desk.manager, "Next week", due_at=at(days=7))
    await made(desk.owner, "Late", due_at=at(hours=-1), assignee_id=None)
    await made(desk.manager, "Tonight", due_at=at(hours=5), conversation_id=conversation["_id"])
    assert await titles(desk.manager) == ["Late", "Tonight", "Next week"]
    assert await titles(desk.manager, "mine=true") == ["Tonight", "Next week"]
    assert await titles(desk.manager, "due=true") == ["Late", "Tonight"]
    assert await titles(desk.manager, "overdue=true") == ["Late"]
    assert await titles(desk.manager, f"customer={conversation['customer_id']}") == ["Tonight"]
    assert await titles(desk.manager, f"conversation={conversation['_id']}") == ["Tonight"]
    first = await desk.manager.get("/tasks?limit=2")
    rest = await desk.manager.get(f"/tasks?limit=2&cursor={first['next_cursor']}")
    assert [task["title"] for task in rest["items"]] == ["Next week"]
    assert first["overdue"] == 1


async def test_a_token_makes_a_task_once_for_each_author(desk):
    body = {"title": "Call back", "due_at": at(hours=1), "client_token": "t1"}
    first = await desk.manager.call("POST", "/tasks", body)
    again = await desk.manager.call("POST", "/tasks", {**body, "title": "Call back!"})
    assert (first.status, again.status) == (201, 200)
    assert again.body == first.body
    assert (await desk.owner.call("POST", "/tasks", body)).status == 201


async def test_a_task_is_for_the_eyes_that_its_conversation_is_for(desk, database):
    conversation = await written(database, team_id="sales")
    task = await made(desk.owner, conversation_id=conversation["_id"], assignee_id=None)
    assert await titles(desk.owner) == ["Call back"]
    assert await titles(desk.manager) == []
    assert (await desk.manager.get("/tasks"))["overdue"] == 0
    path = f"/tasks/{task['id']}"
    assert (await desk.manager.call("PATCH", path, {"done": True})).status == 404
    assert (await desk.manager.call("DELETE", path)).status == 404
    wanted = {"title": "Mine", "due_at": at(hours=1), "conversation_id": conversation["_id"]}
    refused = await desk.manager.call("POST", "/tasks", wanted)
    assert (refused.status, refused.fields) == (422, ["conversation_id"])
    given = await desk.owner.call("PATCH", path, {"assignee_id": desk.manager.id})
    assert (given.status, given.fields) == (422, ["assignee_id"])


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"title": "  "}, "title"),
        ({"due_at": "tomorrow"}, "due_at"),
        ({"due_at": "2031-01-01T09:00:00"}, "due_at"),
        ({"assignee_id": "nobody"}, "assignee_id"),
        ({"customer_id": "nobody"}, "customer_id"),
        ({"conversation_id": "none"}, "conversation_id"),
    ],
)
async def test_wrong_values_make_no_task(desk, wrong, field):
    refused = await desk.manager.call("POST", "/tasks", {"title": "Call", "due_at": at(hours=1), **wrong})
    assert (refused.status, refused.fields) == (422, [field])
    assert await titles(desk.owner) == []


async def test_a_task_is_done_and_can_be_taken_up_again(desk):
    path = f"/tasks/{(await made(desk.manager))['id']}"
    done = (await desk.owner.call("PATCH", path, {"done": True})).fits(TaskShape).body
    assert done["state"] == "done"
    assert done["done_at"] is not None
    assert await titles(desk.manager) == []
    assert await titles(desk.manager, "done=true") == ["Call back"]
    late = (await desk.manager.call("PATCH", path, {"done": False, "due_at": at(minutes=-1)})).body
    assert (late["state"], late["overdue"], late["done_at"]) == ("due", True, None)
    assert (await desk.manager.call("DELETE", path)).status == 204
    assert (await desk.manager.call("PATCH", path, {"done": True})).status == 404


async def test_what_is_overdue_is_counted_for_whose_it_is_and_for_everybody_where_it_is_nobodys(desk):
    await made(desk.manager, due_at=at(hours=-1))
    await made(desk.manager, due_at=at(hours=-1), assignee_id=None)
    await made(desk.manager)
    assert [(await caller.get("/tasks"))["overdue"] for caller in (desk.manager, desk.owner)] == [2, 1]


async def test_a_task_falls_due_at_its_time_and_open_pages_hear_of_it(desk: Desk):
    task = await made(desk.manager, due_at=at(seconds=0.05))
    ring = desk.house.tasks.ring
    timer = await desk.house.database.durable.timers.find_one({"_id": f"task.due:{task['id']}"})
    assert timer is not None
    assert timer["due_at"] == datetime.fromisoformat(str(task["due_at"]))

    async def its_time_has_come() -> bool:
        return bool(now() > timer["due_at"])

    await until(its_time_has_come)
    await ring(timer["data"])
    (rung,) = (await desk.manager.get("/tasks"))["items"]
    assert (rung["state"], rung["overdue"]) == ("due", True)
    told = await desk.house.feed.told("task.updated", [str(task["id"])], now() - timedelta(minutes=1))
    assert told == {task["id"]}
    await ring(timer["data"])  # Once more changes nothing.


async def test_a_timer_waits_for_the_task_that_it_was_set_for(desk: Desk):
    with pytest.raises(Later):
        await desk.house.tasks.ring({"task_id": "not stored yet", "due_at": now()})
    await desk.house.tasks.ring({"task_id": "never stored", "due_at": now() - timedelta(hours=1)})


async def test_a_task_that_was_moved_rings_at_its_new_time(desk: Desk):
    task = await made(desk.manager)
    await desk.manager.call("PATCH", f"/tasks/{task['id']}", {"due_at": at(days=3)})
    await desk.house.tasks.ring({"task_id": task["id"], "due_at": now()})
    (moved,) = (await desk.manager.get("/tasks"))["items"]
    assert moved["state"] == "open"
    timers = [row async for row in desk.house.database.durable.timers.find({"kind": "task.due"})]
    assert [row["due_at"] for row in timers] == [datetime.fromisoformat(moved["due_at"])]
