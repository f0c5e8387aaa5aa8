"""Who may join, change and leave."""

import asyncio

import pytest

from tests.web.api.desk import PASSWORD, written
from web.api import shapes

SPAN_DAYS, SPAN_FROM = "schedule.open.0.days", "schedule.open.0.from"
NIGHTS = {"timezone": "Europe/Kyiv", "open": [{"days": ["mon", "fri"], "from": "22:00", "to": "06:00"}]}
NEW = {"email": "Olha@Shop.example ", "name": " Olha ", "password": "battery staple", "role": "manager"}


async def test_a_new_manager_is_offline_with_room_for_ten(desk):
    created = (await desk.admin.call("POST", "/managers", NEW)).fits(shapes.ManagerShape)
    assert created.status == 201
    assert created.body["email"] == "olha@shop.example"
    assert created.body["name"] == "Olha"
    assert (created.body["status"], created.body["load"], created.body["capacity"]) == ("offline", 0, 10)
    assert "password" not in created.raw.decode()
    signed_in = await desk.anonymous.call(
        "POST", "/sessions", {"email": "olha@shop.example", "password": "battery staple"}
    )
    assert signed_in.status == 201


async def test_an_address_joins_once(desk):
    assert (await desk.admin.call("POST", "/managers", NEW)).status == 201
    again = await desk.admin.call("POST", "/managers", {**NEW, "email": "OLHA@shop.example"})
    assert (again.status, again.fields) == (409, ["email"])
    moved = await desk.admin.call("PATCH", f"/managers/{desk.manager.id}", {"email": "olha@shop.example"})
    assert (moved.status, moved.fields) == (409, ["email"])


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"email": "no address"}, "email"),
        ({"email": "a@b@c"}, "email"),
        ({"name": " "}, "name"),
        ({"password": "short"}, "password"),
        ({"password": "x" * 201}, "password"),
        ({"role": "emperor"}, "role"),
        ({"capacity": -1}, "capacity"),
        ({"capacity": 1 << 70}, "capacity"),
        ({"teams": ["nowhere"]}, "teams"),
        ({"languages": ["Ukrainian"]}, "languages.0"),
        ({"status": "online"}, "status"),
        ({"channels": ["nothing"]}, "channels.0"),
        ({"schedule": {"timezone": "Mars/Base", "open": []}}, "schedule.timezone"),
        ({"schedule": {"timezone": "UTC", "open": [{"days": [], "from": "09:00", "to": "18:00"}]}}, SPAN_DAYS),
        ({"schedule": {"timezone": "UTC", "open": [{"days": ["mon"], "from": "09:60", "to": "18:00"}]}}, SPAN_FROM),
        ({"days_off": [{"from": "2026-12-24", "to": "2026-12-20"}]}, "days_off.0"),
        ({"days_off": [{"from": "2026-02-30", "to": "2026-03-01"}]}, "days_off.0.from"),
        ({"off_shift": True}, "off_shift"),
    ],
)
async def test_wrong_values_are_named_and_nothing_is_stored(desk, wrong, field):
    refused = await desk.admin.call("POST", "/managers", {**NEW, **wrong})
    assert (refused.status, refused.fields) == (422, [field])
    assert len((await desk.admin.get("/managers"))["items"]) == 3


async def test_colleagues_see_who_is_there_but_not_their_addresses(desk):
    everybody = (await desk.manager.call("GET", "/managers")).fits(shapes.Page[shapes.ManagerShape]).body["items"]
    shown = {row["name"]: row["email"] for row in everybody}
    assert shown == {"Owner": None, "Admin": None, "Manager": "manager@shop.example"}
    assert (await desk.manager.get(f"/managers/{desk.owner.id}"))["email"] is None
    assert (await desk.admin.get(f"/managers/{desk.owner.id}"))["email"] == "owner@shop.example"


async def test_a_list_comes_in_pages(desk):
    seen, path = [], "/managers?limit=2"
    while path:
        page = await desk.owner.get(path)
        seen += [row["id"] for row in page["items"]]
        path = f"/managers?limit=2&cursor={page['next_cursor']}" if page["next_cursor"] else ""
    assert sorted(seen) == sorted(person.id for person in desk.people.values() if person.id)


async def test_an_admin_neither_makes_nor_changes_owners(desk):
    assert (await desk.admin.call("POST", "/managers", {**NEW, "role": "owner"})).status == 403
    assert (await desk.admin.call("PATCH", f"/managers/{desk.owner.id}", {"name": "Fool"})).status == 403
    assert (await desk.admin.call("PATCH", f"/managers/{desk.owner.id}", {"password": "battery staple"})).status == 403
    assert (await desk.admin.call("PATCH", f"/managers/{desk.manager.id}", {"role": "owner"})).status == 403
    assert (await desk.admin.call("PATCH", f"/managers/{desk.manager.id}", {"role": "admin"})).status == 200
    assert (await desk.owner.call("POST", "/managers", {**NEW, "role": "owner"})).status == 201


@pytest.mark.parametrize("change", [{"active": False}, {"role": "admin"}, {"role": "manager", "active": False}])
async def test_the_last_owner_stays(desk, change):
    refused = await desk.owner.call("PATCH", f"/managers/{desk.owner.id}", change)
    assert refused.status == 409
    me = await desk.owner.get("/me")
    assert (me["role"], me["active"]) == ("owner", True)


async def test_two_owners_cannot_remove_each_other_at_once(desk):
    second = (await desk.owner.call("POST", "/managers", {**NEW, "role": "owner"})).body
    sign_in = {"email": second["email"], "password": NEW["password"]}
    token = (await desk.anonymous.call("POST", "/sessions", sign_in)).body["token"]
    answers = await asyncio.gather(
        desk.owner.call("PATCH", f"/managers/{second['id']}", {"active": False}),
        desk.anonymous.call(
            "PATCH",
            f"/managers/{desk.owner.id}",
            {"active": False},
            headers={"Authorization": f"Bearer {token}"},
        ),
    )
    # Whoever comes second finds either the rule or the own session in the way.
    assert min(answer.status for answer in answers) == 200
    assert {answer.status for answer in answers} <= {200, 409, 401}
    assert await desk.house.database.durable.managers.count_documents({"role": "owner", "active": True}) == 1


async def test_deactivating_ends_sessions_and_passes_conversations_on(desk, database):
    conversation = await written(database)
    assert (await desk.manager.call("PUT", "/me/status", {"status": "online"})).status == 200
    held = await desk.admin.get(f"/conversations/{conversation['_id']}")
    assert held["assignee_id"] == desk.manager.id
    left = (await desk.admin.call("PATCH", f"/managers/{desk.manager.id}", {"active": False})).fits(shapes.ManagerShape)
    assert (left.body["active"], left.body["status"]) == (False, "offline")
    assert (await desk.manager.call("GET", "/me")).status == 401
    sign_in = {"email": "manager@shop.example", "password": PASSWORD}
    assert (await desk.anonymous.call("POST", "/sessions", sign_in)).status == 401
    assert (await desk.admin.get(f"/conversations/{conversation['_id']}"))["assignee_id"] is None
    assert (await desk.admin.get(f"/managers/{desk.manager.id}"))["load"] == 0


async def test_a_password_set_by_an_admin_ends_the_sessions(desk):
    changed = await desk.admin.call("PATCH", f"/managers/{desk.manager.id}", {"password": "battery staple"})
    assert changed.status == 200
    assert (await desk.manager.call("GET", "/me")).status == 401


async def test_capacity_and_its_ratio_change_together(desk, database):
    await written(database)
    await desk.manager.call("PUT", "/me/status", {"status": "online"})
    for capacity, ratio in ((4, 0.25), (0, 1.0), (1, 1.0)):
        changed = await desk.admin.call("PATCH", f"/managers/{desk.manager.id}", {"capacity": capacity})
        assert (changed.body["capacity"], changed.body["load"]) == (capacity, 1)
        row = await database.durable.managers.find_one({"_id": desk.manager.id})
        assert row["ratio"] == ratio


async def test_nobody_by_that_id(desk):
    assert (await desk.admin.call("GET", "/managers/nobody")).status == 404
    assert (await desk.admin.call("PATCH", "/managers/nobody", {"name": "X"})).status == 404


async def test_working_hours_days_off_and_channels_are_the_admins_to_set(desk):
    await desk.house.database.durable.channels.insert_one({"_id": "bot", "kind": "telegram", "name": "Bot"})
    absence = {"from": "2026-12-24", "to": "2026-12-26"}
    wanted = {"schedule": NIGHTS, "days_off": [absence], "channels": ["bot", "bot"]}
    joined = (await desk.admin.call("POST", "/managers", {**NEW, **wanted})).fits(shapes.ManagerShape)
    assert joined.body["schedule"] == NIGHTS
    assert (joined.body["days_off"], joined.body["channels"]) == ([absence], ["bot"])
    path = f"/managers/{joined.body['id']}"
    changed = (await desk.admin.call("PATCH", path, {"schedule": None, "days_off": []})).fits(shapes.ManagerShape)
    assert (changed.body["schedule"], changed.body["days_off"], changed.body["channels"]) == (None, [], ["bot"])
    entry = (await desk.admin.get(f"/audit?object_id={joined.body['id']}"))["items"][0]
    assert entry["changed"] == {"schedule": None, "days_off": []}
    shown = (await desk.manager.call("GET", f"/managers/{desk.manager.id}")).fits(shapes.ManagerShape)
    assert (shown.body["schedule"], shown.body["days_off"], shown.body["channels"]) == (None, [], [])
    for field, value in wanted.items():
        refused = await desk.manager.call("PATCH", "/me", {field: value})
        assert (refused.status, refused.fields) == (422, [field])
