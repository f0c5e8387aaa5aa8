"""What everybody sees and sets about themselves."""

import pytest

from tests.web.api.desk import PASSWORD
from web.api import shapes

MANAGER = {"email": "manager@shop.example", "password": PASSWORD}


async def test_i_am_who_signed_in(desk):
    me = (await desk.manager.call("GET", "/me")).fits(shapes.MeShape).body
    assert (me["id"], me["role"], me["status"], me["load"], me["capacity"]) == (
        desk.manager.id,
        "manager",
        "offline",
        0,
        10,
    )


async def test_i_set_my_name_and_languages_but_not_my_role(desk):
    changed = (await desk.manager.call("PATCH", "/me", {"name": "Halyna", "languages": ["uk", "ka"]})).fits(
        shapes.MeShape
    )
    assert (changed.body["name"], changed.body["languages"]) == ("Halyna", ["uk", "ka"])
    refused = await desk.manager.call("PATCH", "/me", {"role": "owner"})
    assert (refused.status, refused.fields) == (422, ["role"])
    assert (await desk.manager.call("PATCH", "/me", {})).body["name"] == "Halyna"


@pytest.mark.parametrize("status", ["online", "busy", "away", "offline"])
async def test_i_say_how_free_i_am(desk, status):
    changed = (await desk.manager.call("PUT", "/me/status", {"status": status})).fits(shapes.MeShape)
    assert changed.body["status"] == status
    assert (await desk.manager.get("/me"))["status"] == status


async def test_a_new_password_ends_my_other_sessions(desk):
    other = {"Authorization": f"Bearer {(await desk.anonymous.call('POST', '/sessions', MANAGER)).body['token']}"}
    new = {"current_password": PASSWORD, "new_password": "battery staple"}
    assert (await desk.manager.call("PUT", "/me/password", new)).status == 204
    assert (await desk.manager.call("GET", "/me")).status == 200
    assert (await desk.anonymous.call("GET", "/me", headers=other)).status == 401
    assert (await desk.anonymous.call("POST", "/sessions", MANAGER)).status == 401
    assert (await desk.anonymous.call("POST", "/sessions", {**MANAGER, "password": "battery staple"})).status == 201


async def test_a_new_password_needs_the_present_one(desk):
    new = {"current_password": "wrong horse", "new_password": "battery staple"}
    for _ in range(5):
        refused = await desk.manager.call("PUT", "/me/password", new)
        assert (refused.status, refused.fields) == (422, ["current_password"])
    assert (await desk.manager.call("PUT", "/me/password", new)).status == 429


@pytest.mark.parametrize("password", ["short", "x" * 201])
async def test_a_password_has_bounds(desk, password):
    refused = await desk.manager.call("PUT", "/me/password", {"current_password": PASSWORD, "new_password": password})
    assert (refused.status, refused.fields) == (422, ["new_password"])
    assert password not in refused.raw.decode()
