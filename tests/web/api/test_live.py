"""The live socket: whole frames, in order, without gaps, and only to those who may see them."""

import asyncio
import json
from typing import Any

import pytest
from aiohttp import ClientWebSocketResponse, DummyCookieJar, WSMsgType, WSServerHandshakeError, web
from aiohttp.test_utils import TestClient, TestServer

from inbox.live import Frame, about
from tests.web.api.desk import API, Caller, Desk, written
from web.api import shapes
from web.api.live import SESSION_OVER, LiveHandlers, LiveQuery
from web.doors.addresses import TrustedProxies
from web.doors.gate import Doors
from web.doors.passwords import Passwords
from web.doors.signin import SignIn
from web.doors.table import Route, Who
from web.doors.throttle import LoginThrottle


async def listen(caller: Caller, since: int | None = None, **headers: str) -> ClientWebSocketResponse:
    query = "" if since is None else f"?since={since}"
    bearer = {"Authorization": f"Bearer {caller.token}"} if caller.token else {}
    return await caller.client.ws_connect(f"{API}/live{query}", headers={**bearer, **headers})


async def heard(socket: ClientWebSocketResponse) -> Any:
    return await asyncio.wait_for(socket.receive_json(), 5)


async def nothing_heard(socket: ClientWebSocketResponse) -> bool:
    try:
        await asyncio.wait_for(socket.receive(), 0.3)
    except TimeoutError:
        return True
    return False


async def note(desk: Desk, conversation: dict[str, Any], text: str) -> None:
    posted = await desk.owner.call(
        "POST", f"/conversations/{conversation['_id']}/messages", {"kind": "note", "text": text}
    )
    assert posted.status == 201


async def test_a_message_comes_whole(desk, database):
    conversation = await written(database)
    socket = await listen(desk.manager)
    assert (await heard(socket))["type"] == "ready"
    await note(desk, conversation, "Look at this")
    frame = await heard(socket)
    assert (frame["type"], frame["data"]["text"]) == ("message.created", "Look at this")
    shapes.MessageShape.model_validate_json(json.dumps(frame["data"]))
    await socket.close()


async def test_a_break_loses_nothing_and_doubles_nothing(desk, database):
    conversation = await written(database)
    first = await listen(desk.manager)
    since = (await heard(first))["seq"]
    await first.close()
    for text in ("one", "two", "three"):
        await note(desk, conversation, text)
    second = await listen(desk.manager, since)
    missed = [await heard(second) for _ in range(3)]
    assert [frame["data"]["text"] for frame in missed] == ["one", "two", "three"]
    assert [frame["seq"] for frame in missed] == [since + 1, since + 2, since + 3]
    await second.close()
    third = await listen(desk.manager, missed[1]["seq"])
    assert (await heard(third))["data"]["text"] == "three"
    assert await nothing_heard(third)
    await third.close()


async def test_who_may_not_see_a_conversation_hears_nothing_of_it(desk, database):
    team = (await desk.owner.call("POST", "/teams", {"name": "Returns"})).body["id"]
    conversation = await written(database, team_id=team)
    outside, inside = await listen(desk.manager), await listen(desk.admin)
    await heard(outside)
    await heard(inside)
    await note(desk, conversation, "Between us")
    assert (await heard(inside))["data"]["text"] == "Between us"
    assert await nothing_heard(outside)
    await outside.close()
    await inside.close()


async def test_who_loses_sight_is_told_to_forget(desk, database):
    team = (await desk.owner.call("POST", "/teams", {"name": "Returns"})).body["id"]
    conversation = await written(database)
    socket = await listen(desk.manager)
    await heard(socket)
    await desk.owner.call("PATCH", f"/conversations/{conversation['_id']}", {"team_id": team})
    frame = await heard(socket)
    assert (frame["type"], frame["data"]) == ("conversation.removed", {"id": conversation["_id"]})
    await socket.close()


async def test_every_type_of_frame_has_its_shape(desk, database):
    conversation = await written(database)
    manager = await database.durable.managers.find_one({"_id": desk.manager.id})
    card = await database.durable.customers.find_one({"_id": conversation["customer_id"]})
    identity = await database.durable.identities.find_one({"customer_id": card["_id"]})
    channel = {"_id": "c", "kind": "telegram", "name": "Bot", "state": "paused", "state_reason": "dead token"}
    socket = await listen(desk.manager)
    await heard(socket)
    published = [
        about("conversation.updated", conversation, conversation),
        Frame(type="manager.updated", data=manager),
        Frame(type="customer.updated", data=card),
        Frame(type="identity.updated", data=identity),
        Frame(type="channel.updated", data=channel),
        Frame(type="something.new", data={"_id": "x", "secret": "y"}),
        Frame(type="admins.only", data={"_id": "x"}, audience="admins"),
        Frame(type="channel.removed", data={"_id": "c"}),
    ]
    await desk.house.feed.publish(published)
    frames = [await heard(socket) for _ in range(len(published) - 1)]
    told = {frame["type"]: frame["data"] for frame in frames}
    assert list(told) == [frame.type for frame in published if frame.audience != "admins"]
    assert told["conversation.updated"]["unread"] == 1
    assert (told["manager.updated"]["id"], told["manager.updated"]["email"]) == (
        desk.manager.id,
        "manager@shop.example",
    )
    assert "password_hash" not in str(frames)
    assert told["customer.updated"]["name"] == "Taras Bondar"
    assert told["identity.updated"]["username"] == "taras"
    assert told["channel.updated"]["state"] == "paused"
    assert told["something.new"] == {"id": "x"}
    await socket.close()


async def test_a_forgotten_place_gets_a_reset(desk):
    socket = await listen(desk.manager, 1 << 40)
    assert (await heard(socket))["type"] == "reset"
    await socket.close()


@pytest.mark.parametrize(("token", "status"), [("", 401), ("nonsense", 401)])
async def test_strangers_hear_nothing(desk, token, status):
    with pytest.raises(WSServerHandshakeError) as refusal:
        await listen(Caller(desk.client, token or None))
    assert refusal.value.status == status


async def test_a_cookie_from_another_site_opens_nothing(desk):
    nobody = Caller(desk.client)
    cookie = {"Cookie": f"skrynka_session={desk.manager.token}"}
    with pytest.raises(WSServerHandshakeError) as refusal:
        await listen(nobody, None, Origin="http://evil.example", **cookie)
    assert refusal.value.status == 403
    own = f"http://{desk.client.host}:{desk.client.port}"
    socket = await listen(nobody, None, Origin=own, **cookie)
    assert (await heard(socket))["type"] == "ready"
    await socket.close()


async def test_a_socket_does_not_outlive_its_session(desk, house):
    """With a recheck of 50 ms in place of 10 s."""
    passwords = Passwords()
    throttle = LoginThrottle(house.redis, namespace=house.database.name)
    sign_in = SignIn(house.manager_store, house.session_store, passwords, throttle)
    doors = Doors(sign_in=sign_in, audit=house.audit, proxies=TrustedProxies(), public_url=None)
    live = LiveHandlers(
        feed=house.feed,
        gathering=house.gathering,
        conversations=house.conversations,
        presence=house.presence,
        sign_in=sign_in,
        recheck_seconds=0.05,
    )
    app = web.Application()
    doors.install(app)
    row = Route(method="GET", path=f"{API}/live", handler=live.follow, who=Who.SIGNED_IN, summary="", query=LiveQuery)
    doors.add(app, [row])
    client = TestClient(TestServer(app), cookie_jar=DummyCookieJar())
    await client.start_server()
    socket = await client.ws_connect(f"{API}/live", headers={"Authorization": f"Bearer {desk.manager.token}"})
    assert (await asyncio.wait_for(socket.receive_json(), 5))["type"] == "ready"
    await desk.admin.call("PATCH", f"/managers/{desk.manager.id}", {"active": False})
    message = await asyncio.wait_for(socket.receive(), 5)
    while message.type is WSMsgType.TEXT:
        message = await asyncio.wait_for(socket.receive(), 5)
    assert message.type is WSMsgType.CLOSE
    assert socket.close_code == SESSION_OVER
    await client.close()
    passwords.close()
