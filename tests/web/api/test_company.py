"""Who looks at a conversation and who types in it, as the live socket tells it to those who may see it."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientWebSocketResponse, DummyCookieJar, WSMsgType, web
from aiohttp.test_utils import TestClient, TestServer

from tests.web.api.desk import API, Caller, written
from tests.web.api.test_live import heard, listen, nothing_heard
from web.api.live import LiveHandlers, LiveQuery
from web.doors.addresses import TrustedProxies
from web.doors.gate import Doors
from web.doors.passwords import Passwords
from web.doors.signin import SignIn
from web.doors.table import Route, Who
from web.doors.throttle import LoginThrottle


async def say(socket: ClientWebSocketResponse, type_: str, conversation_id: str | None) -> None:
    await socket.send_json({"type": type_, "conversation_id": conversation_id})


async def company(socket: ClientWebSocketResponse) -> tuple[str, list[tuple[str, bool]]]:
    """The next frame, which tells of a conversation: its id, and who is there, each with whether they type."""
    frame = await heard(socket)
    assert frame["type"] == "conversation.viewers", frame
    assert isinstance(frame["seq"], int)
    data = frame["data"]
    return data["id"], [(one["name"], one["typing"]) for one in data["people"]]


async def page(caller: Caller, conversation_id: str | None) -> ClientWebSocketResponse:
    """An open page that shows a conversation, or none."""
    socket = await listen(caller)
    assert (await heard(socket))["type"] == "ready"
    await say(socket, "viewing", conversation_id)
    return socket


@pytest.fixture
async def case(database) -> str:
    identifier: str = (await written(database))["_id"]
    return identifier


async def test_who_comes_types_stops_and_goes(desk, case):
    admin = await page(desk.admin, None)
    manager = await page(desk.manager, case)
    assert await company(admin) == (case, [("Manager", False)])
    await say(manager, "typing", case)
    assert await company(admin) == (case, [("Manager", True)])
    await say(manager, "typing", case)
    await say(manager, "viewing", case)
    assert await company(admin) == (case, [("Manager", False)])
    await say(admin, "viewing", case)
    assert await company(manager) == (case, [("Admin", False)])
    await say(manager, "viewing", None)
    assert await company(admin) == (case, [])
    assert await nothing_heard(manager)
    await manager.close()
    await admin.close()


async def test_a_closed_tab_is_gone_and_another_one_stays(desk, case):
    admin = await page(desk.admin, None)
    first, second = await page(desk.manager, case), await page(desk.manager, None)
    assert await company(admin) == (case, [("Manager", False)])
    await say(second, "typing", case)
    assert await company(admin) == (case, [("Manager", True)])
    await first.close()
    await say(second, "viewing", case)
    assert await company(admin) == (case, [("Manager", False)])
    await second.close()
    assert await company(admin) == (case, [])
    await admin.close()


async def test_who_comes_later_hears_who_is_there(desk, case, database):
    other = (await written(database))["_id"]
    manager, admin = await page(desk.manager, case), await page(desk.admin, other)
    assert await company(admin) == (case, [("Manager", False)])
    owner = await page(desk.owner, None)
    told = [await company(owner) for _ in range(2)]
    assert sorted(told) == sorted([(case, [("Manager", False)]), (other, [("Admin", False)])])
    for socket in (manager, admin, owner):
        await socket.close()


async def test_a_page_that_says_nothing_hears_the_feed_alone(desk, case):
    quiet = await listen(desk.admin)
    await heard(quiet)
    manager = await page(desk.manager, case)
    await say(manager, "typing", case)
    assert await nothing_heard(quiet)
    await quiet.close()
    await manager.close()


async def test_only_who_may_see_a_conversation_hears_who_is_there(desk, database):
    team = (await desk.owner.call("POST", "/teams", {"name": "Returns"})).body["id"]
    hidden = (await written(database, team_id=team))["_id"]
    manager = await page(desk.manager, None)
    admin = await page(desk.admin, hidden)
    assert await nothing_heard(manager)
    await say(manager, "viewing", hidden)
    refused = await heard(manager)
    assert (refused["type"], refused["data"]["detail"]) == ("refused", "there is no such conversation")
    await say(manager, "typing", hidden)
    assert (await heard(manager))["type"] == "refused"
    assert await nothing_heard(admin)
    await manager.close()
    await admin.close()


async def test_who_loses_sight_is_there_no_more_and_hears_no_more(desk, case):
    team = (await desk.owner.call("POST", "/teams", {"name": "Returns"})).body["id"]
    manager, admin = await page(desk.manager, case), await page(desk.admin, case)
    assert await company(admin) == (case, [("Manager", False)])
    assert await company(manager) == (case, [("Admin", False)])
    await desk.owner.call("PATCH", f"/conversations/{case}", {"team_id": team})
    assert (await heard(manager))["type"] == "conversation.removed"
    frames = sorted([await heard(admin), await heard(admin)], key=lambda frame: frame["type"])
    assert [frame["type"] for frame in frames] == ["conversation.updated", "conversation.viewers"]
    assert frames[1]["data"]["people"] == []
    await say(admin, "typing", case)
    assert await nothing_heard(manager)
    await manager.close()
    await admin.close()


@pytest.mark.parametrize(
    "nonsense",
    [
        "",
        "hello",
        "[]",
        '{"type": "viewing"}',
        '{"type": "typing", "conversation_id": null}',
        '{"type": "typing", "conversation_id": ""}',
        '{"type": "viewing", "conversation_id": 7}',
        '{"type": "shouting", "conversation_id": "x"}',
        '{"type": "viewing", "conversation_id": "x", "name": "Boss"}',
        json.dumps({"type": "viewing", "conversation_id": "x" * 65}),
    ],
)
async def test_nonsense_is_answered_and_breaks_nothing(desk, case, nonsense):
    socket = await listen(desk.manager)
    ready = await heard(socket)
    await socket.send_str(nonsense)
    refused = await heard(socket)
    assert (refused["type"], refused["seq"]) == ("refused", ready["seq"])
    assert "conversation_id" in refused["data"]["detail"]
    admin = await page(desk.admin, None)
    await say(socket, "viewing", case)
    assert await company(admin) == (case, [("Manager", False)])
    await admin.close()
    await socket.close()


async def test_bytes_are_answered_and_floods_are_cut_off(desk):
    socket = await listen(desk.manager)
    await heard(socket)
    await socket.send_bytes(b"{}")
    assert (await heard(socket))["data"]["detail"] == "say it as text"
    await socket.send_str("x" * 5000)
    message = await asyncio.wait_for(socket.receive(), 5)
    assert (message.type, socket.close_code) == (WSMsgType.CLOSE, 1009)


async def test_what_is_said_aside_does_not_disturb_where_a_page_resumes(desk, case):
    admin = await page(desk.admin, None)
    manager = await page(desk.manager, case)
    place = (await heard(admin))["seq"]
    for text in ("one", "two"):
        await desk.owner.call("POST", f"/conversations/{case}/messages", {"kind": "note", "text": text})
    assert [(await heard(admin))["seq"] for _ in range(2)] == [place + 1, place + 2]
    await say(manager, "typing", case)
    aside = await heard(admin)
    assert (aside["type"], aside["seq"]) == ("conversation.viewers", place + 2)
    await admin.close()
    resumed = await listen(desk.admin, aside["seq"])
    assert await nothing_heard(resumed)
    await desk.owner.call("POST", f"/conversations/{case}/messages", {"kind": "note", "text": "three"})
    assert (await heard(resumed))["seq"] == place + 3
    await resumed.close()
    await manager.close()


@pytest.fixture
async def impatient(desk, house) -> AsyncIterator[Any]:
    """Opens `/live` at a server that asks every 100 ms, in place of 10 s, whether pages are still there."""
    passwords = Passwords()
    sign_in = SignIn(
        house.manager_store, house.session_store, passwords, LoginThrottle(house.redis, namespace=house.database.name)
    )
    doors = Doors(sign_in=sign_in, audit=house.audit, proxies=TrustedProxies(), public_url=None)
    live = LiveHandlers(
        feed=house.feed,
        gathering=house.gathering,
        presence=house.presence,
        conversations=house.conversations,
        sign_in=sign_in,
        heartbeat_seconds=0.1,
    )
    app = web.Application()
    doors.install(app)
    path = f"{API}/live"
    doors.add(
        app, [Route(method="GET", path=path, handler=live.follow, who=Who.SIGNED_IN, summary="", query=LiveQuery)]
    )
    client = TestClient(TestServer(app), cookie_jar=DummyCookieJar())
    await client.start_server()

    async def connect(caller: Caller) -> ClientWebSocketResponse:
        headers = {"Authorization": f"Bearer {caller.token}"}
        return await client.ws_connect(path, headers=headers, autoping=False)

    yield connect
    await client.close()
    passwords.close()


async def test_a_lost_line_is_noticed(desk, case, impatient):
    admin = await page(desk.admin, None)
    # It never answers a ping: to the server that is a page whose cable was pulled.
    manager = await impatient(desk.manager)
    await say(manager, "viewing", case)
    assert await company(admin) == (case, [("Manager", False)])
    assert await company(admin) == (case, [])
    await admin.close()
    await manager.close()
