"""What rules do besides talking: each thing once, and told to other systems without holding anybody up."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.webhooks import PAUSES, POST
from inbox.model.errors import Invalid
from inbox.model.happenings import is_handed_off
from inbox.model.ids import now
from inbox.model.orders import OrderSnapshot
from inbox.model.people import SYSTEM
from inbox.storage.database import Document
from inbox.timers import Later
from tests.bot.conftest import Process


async def does(process: Process, *actions: dict[str, Any], **rule: Any) -> Document:
    """A conversation in which a rule did this on its customer's first message."""
    opening = {"name": "Busy", "trigger": "conversation_opened", "conditions": []}
    await process.library.create({**opening, "actions": list(actions), **rule})
    return await process.receive("Hello")


async def again(process: Process, *others: Process) -> None:
    """What was announced last is announced again, to several processes at once."""
    await asyncio.gather(*(each.bus.announce(process.announced[0]) for each in (process, *others) * 2))


async def test_a_conversation_is_put_aside(shop_process, other_process):
    conversation = await does(shop_process, {"type": "snooze", "minutes": 90})
    until = conversation["snoozed_until"]
    assert conversation["status"] == "snoozed"
    assert timedelta(minutes=89) < until - now() < timedelta(minutes=91)
    await again(shop_process, other_process)
    assert (await shop_process.conversation(conversation["_id"]))["snoozed_until"] == until


async def test_what_a_manager_undid_is_not_done_again(shop_process):
    conversation = await does(shop_process, {"type": "priority", "value": "high"}, {"type": "label", "add": ["new"]})
    assert (conversation["priority"], conversation["labels"]) == (2, ["new"])
    await shop_process.conversations.change(conversation["_id"], {"priority": "low", "labels": []})
    await again(shop_process)
    undone = await shop_process.conversation(conversation["_id"])
    assert (undone["priority"], undone["labels"]) == (0, [])


async def test_a_case_is_left_to_people_and_the_rest_is_done(shop_process):
    conversation = await does(
        shop_process,
        {"type": "reply", "text": "One moment"},
        {"type": "handoff"},
        {"type": "reply", "text": "Never said"},
        {"type": "label", "add": ["person"]},
    )
    assert is_handed_off(conversation)
    assert conversation["labels"] == ["person"]
    assert await shop_process.bot_texts(conversation["_id"]) == ["One moment"]


async def test_a_task_is_made_once(shop_process, other_process):
    conversation = await does(shop_process, {"type": "task", "title": "Ring them", "minutes": 30})
    await again(shop_process, other_process)
    [task] = [row async for row in shop_process.database.durable.tasks.find()]
    assert (task["title"], task["conversation_id"], task["assignee_id"]) == ("Ring them", conversation["_id"], None)
    assert (task["customer_id"], task["created_by"]["type"]) == (conversation["customer_id"], "bot")
    assert timedelta(minutes=28) < task["due_at"] - now() < timedelta(minutes=31)


async def test_a_task_may_have_its_day(shop_process):
    at = "2027-03-01T09:00:00+02:00"
    await does(shop_process, {"type": "task", "title": "Call back", "at": at, "manager": "assignee"})
    [task] = [row async for row in shop_process.database.durable.tasks.find()]
    assert task["due_at"].isoformat() == "2027-03-01T07:00:00+00:00"


async def order(process: Process, number: str, customer_id: str, status: str = "new") -> str:
    snapshot = OrderSnapshot(
        number=number, status=status, items=(), total="0.00", currency="UAH", customer_id=customer_id
    )
    put, _ = await process.orders.put(SYSTEM, snapshot)
    return str(put["_id"])


MOVE = {"type": "order_status", "status": "confirmed"}


async def test_the_customers_only_open_order_is_moved_once(shop_process, other_process):
    conversation = await shop_process.receive("Hello")
    await order(shop_process, "1", conversation["customer_id"], "delivered")
    open_order = await order(shop_process, "2", conversation["customer_id"])
    await shop_process.echo(actions=[MOVE])
    await shop_process.receive("I agree")
    moved = await shop_process.orders.by_id(open_order)
    assert moved["status"] == "confirmed"
    assert moved["history"][-1]["by"]["type"] == "bot"
    await shop_process.orders.set_status(open_order, "packed", SYSTEM, binding=False)
    event = shop_process.announced[-1]
    await asyncio.gather(*(process.bus.announce(event) for process in (shop_process, other_process)))
    assert (await shop_process.orders.by_id(open_order))["status"] == "packed"


@pytest.mark.parametrize("statuses", [[], ["new", "new"], ["shipped"], ["delivered"]])
async def test_an_order_is_not_moved_where_it_is_not_clear_which_or_may_not_be(shop_process, statuses):
    conversation = await shop_process.receive("Hello")
    ids = [
        await order(shop_process, str(number), conversation["customer_id"], status)
        for number, status in enumerate(statuses)
    ]
    await shop_process.echo(actions=[MOVE, {"type": "label", "add": ["done"]}])
    after = await shop_process.receive("I agree")
    assert [(await shop_process.orders.by_id(key))["status"] for key in ids] == statuses
    assert after["labels"] == ["done"]


@pytest.mark.parametrize(
    ("action", "place"),
    [
        ({"type": "macro", "macro_id": "none"}, "macro_id"),
        ({"type": "assign", "manager_id": "none"}, "manager_id"),
        ({"type": "assign", "team_id": "none"}, "team_id"),
        ({"type": "task", "title": "x", "minutes": 1, "manager": "none"}, "manager"),
        ({"type": "order_status", "status": "lost in space"}, "status"),
        ({"type": "assign"}, ""),
        ({"type": "assign", "manager_id": "a", "team_id": "b"}, ""),
        ({"type": "snooze", "minutes": 0}, "minutes"),
        ({"type": "task", "title": "x"}, ""),
        ({"type": "task", "title": "x", "at": "2027-03-01T09:00:00"}, "at"),
        ({"type": "webhook", "url": "ftp://shop.example"}, "url"),
        ({"type": "webhook", "url": "https://me:pass@shop.example"}, "url"),
        ({"type": "webhook", "url": "https://shop.example", "secret": "short"}, "secret"),
    ],
)
async def test_what_cannot_be_done_is_refused_when_it_is_written_wherever_it_stands(shop_process, action, place):
    button = {"title": "Yes", "value": "yes", "actions": [action]}
    ask = {"type": "ask", "text": "Well?", "expects": "choice", "buttons": [button]}
    for actions, inner in (([action], "actions.0"), ([ask], "actions.0.buttons.0.actions.0")):
        with pytest.raises(Invalid) as refused:
            await does(shop_process, *actions)
        assert refused.value.field == f"{inner}.{place}".rstrip(".")


@dataclass
class Elsewhere:
    """Another system that is told things. `statuses` are answered first, then 204."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    told: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        self.told.append((dict(request.headers), await request.read()))
        status = self.statuses.pop(0) if self.statuses else 204
        return web.Response(status=status, headers={"Location": self.url} if status == 302 else {})


@pytest.fixture
async def elsewhere() -> AsyncIterator[Elsewhere]:
    there = Elsewhere()
    app = web.Application()
    app.router.add_post("/told", there.take)
    async with TestServer(app) as server:
        there.url = str(server.make_url("/told"))
        yield there


async def calls(process: Process) -> list[Document]:
    return [row async for row in process.database.durable.webhook_calls.find()]


async def deliver(process: Process) -> None:
    """What the timer does once."""
    [timer] = [row async for row in process.database.durable.timers.find({"kind": POST})]
    await process.webhooks.deliver(timer["data"])


async def test_another_system_is_told_once_and_can_tell_who_says_so(shop_process, other_process, elsewhere):
    secret = "between us two"
    conversation = await does(shop_process, {"type": "webhook", "url": elsewhere.url, "secret": secret})
    await again(shop_process, other_process)
    await deliver(shop_process)
    await deliver(shop_process)
    [(headers, body)] = elsewhere.told
    said = json.loads(body)
    assert (said["trigger"], said["message"]["text"]) == ("conversation_opened", "Hello")
    assert (said["conversation"]["id"], said["customer_id"]) == (conversation["_id"], conversation["customer_id"])
    assert (said["rule"]["name"], said["order"]) == ("Busy", None)
    signed = f"{headers['X-Skrynka-Timestamp']}.".encode() + body
    expected = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    assert headers["X-Skrynka-Signature"] == f"sha256={expected}"
    assert headers["X-Skrynka-Delivery"] == said["id"]
    [call] = await calls(shop_process)
    assert (call["state"], call["status"], call["attempts"]) == ("done", 204, 1)
    assert not {"body", "secret"} & set(call)


async def test_it_is_told_again_until_it_takes_it(shop_process, elsewhere):
    elsewhere.statuses = [500, 302]
    await does(shop_process, {"type": "webhook", "url": elsewhere.url})
    for pause in PAUSES[:2]:
        with pytest.raises(Later) as later:
            await deliver(shop_process)
        assert later.value.seconds == pause
    await deliver(shop_process)
    assert len({body for _, body in elsewhere.told}) == 1
    assert "X-Skrynka-Signature" not in elsewhere.told[0][0]
    [call] = await calls(shop_process)
    assert (call["state"], call["attempts"]) == ("done", 3)


async def test_who_never_takes_it_is_given_up(shop_process, elsewhere):
    elsewhere.statuses = [503] * 20
    await does(shop_process, {"type": "webhook", "url": elsewhere.url})
    for _ in PAUSES:
        with pytest.raises(Later):
            await deliver(shop_process)
    await deliver(shop_process)
    [call] = await calls(shop_process)
    assert (call["state"], call["status"], len(elsewhere.told)) == ("failed", 503, len(PAUSES) + 1)
    assert "503" in call["error"]


async def test_who_is_gone_is_not_asked_again(shop_process, elsewhere):
    elsewhere.statuses = [410]
    await does(shop_process, {"type": "webhook", "url": elsewhere.url})
    await deliver(shop_process)
    [call] = await calls(shop_process)
    assert (call["state"], call["status"]) == ("failed", 410)
