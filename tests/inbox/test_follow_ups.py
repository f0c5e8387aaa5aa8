"""What goes along with a reply is done once: whatever crashes in between, however often it is begun again.

The floor posts replies and forgets them, as a process that dies right after the write. The house finds what is left.
"""

import asyncio
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from inbox.managers import NewManager
from inbox.model.actions import FOLLOW_UPS
from inbox.model.errors import Invalid
from inbox.model.ids import now
from inbox.model.orders import ForbiddenMove, OrderSnapshot
from inbox.model.people import BOT, Author, Role, Viewer
from inbox.model.typed import each
from inbox.replies import Draft
from inbox.storage.timers import FOLLOW_UP
from tests.inbox.arrivals import accepted, said, work_off

MARY = Author(type="manager", id="mary", name="Mary")


class Desk:
    """A customer's conversation, and replies to it after which the process dies."""

    def __init__(self, floor: Any, house: Any) -> None:
        self.floor = floor
        self.house = house
        self.channel_id = ""
        self.case = ""

    async def open(self) -> "Desk":
        self.channel_id = await self.floor.connect()
        await work_off(self.floor.ingest, [accepted(said(1), channel_id=self.channel_id)])
        row = await self.floor.database.durable.conversations.find_one({})
        self.case = row["_id"]
        return self

    async def conversation(self) -> dict[str, Any]:
        return dict(await self.floor.conversations.get(self.case))

    async def plan(self, *actions: dict[str, Any], order: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        typed = each(actions, FOLLOW_UPS, "actions")
        return list(await self.house.follow_ups.planned(await self.conversation(), typed, order))

    async def reply(self, *actions: dict[str, Any], order: dict[str, Any] | None = None) -> dict[str, Any]:
        planned = await self.plan(*actions, order=order)
        message, _ = await self.floor.replies.post(self.case, Draft(text="Done", actions=planned), author=MARY)
        return dict(message)

    async def finish(self, message: dict[str, Any]) -> dict[str, Any]:
        """The message once its actions are done."""
        await self.house.follow_ups.finish({"message_id": message["_id"]})
        return dict(await self.floor.messages.get(message["_id"]))

    async def forget(self, message: dict[str, Any]) -> None:
        """As if the process had died before it noted that the first action is done."""
        await self.floor.messages.change(message["_id"], {"actions.0.state": "pending"})

    async def order(self, status: str) -> dict[str, Any]:
        customer_id = (await self.conversation())["customer_id"]
        snapshot = OrderSnapshot(
            number="7", customer_id=customer_id, status=status, items=(), total="1.00", currency="UAH", updated_at=now()
        )
        order, _ = await self.house.orders.put(BOT, snapshot, quiet=True)
        return dict(order)

    async def hire(self, name: str, **fields: Any) -> str:
        wanted = NewManager(email=f"{name}@shop.example", name=name, password_hash="x", role=Role.MANAGER, **fields)
        return str((await self.house.managers.create(wanted, by=None))["_id"])


@pytest.fixture
async def desk(floor, house):
    return await Desk(floor, house).open()


def states(message: dict[str, Any]) -> list[str]:
    return [action["state"] for action in message["actions"]]


async def test_a_reply_keeps_what_goes_along_and_a_timer_that_has_it_done(desk):
    message = await desk.reply({"type": "label", "add": ["vip"]})
    assert states(message) == ["pending"]
    timer = await desk.floor.database.durable.timers.find_one({"_id": f"{FOLLOW_UP}:{message['_id']}"})
    assert timer["data"] == {"message_id": message["_id"]}
    assert (await desk.conversation())["labels"] == []
    assert states(await desk.finish(message)) == ["done"]
    assert (await desk.conversation())["labels"] == ["vip"]


async def test_all_of_it_is_done_once_however_many_begin(desk):
    manager_id = await desk.hire("olena")
    order = await desk.order("paid")
    message = await desk.reply(
        {"type": "label", "add": ["vip"], "remove": ["new"]},
        {"type": "priority", "value": "high"},
        {"type": "assign", "manager_id": manager_id},
        {"type": "order_status", "status": "packed"},
        {"type": "snooze", "minutes": 60},
        order=order,
    )
    before = await desk.conversation()
    await asyncio.gather(*(desk.finish(message) for _ in range(4)))
    done = await desk.finish(message)
    assert states(done) == ["done"] * 5
    after = await desk.conversation()
    assert (after["labels"], after["priority"], after["assignee_id"], after["status"]) == (
        ["vip"],
        2,
        manager_id,
        "snoozed",
    )
    assert after["assignment"]["reason"] == "macro"
    assert after["snoozed_until"] == message["created_at"] + timedelta(hours=1)
    assert after["version"] == before["version"] + 4
    moved = await desk.house.orders.by_id(order["_id"])
    assert (moved["status"], moved["version"]) == ("packed", order["version"] + 1)
    audit = await desk.floor.database.durable.audit.find({"actor.id": "mary"}).to_list(None)
    assert sorted(entry["changed"]["type"] for entry in audit) == [
        "assign",
        "label",
        "order_status",
        "priority",
        "snooze",
    ]


async def test_what_somebody_changed_since_is_not_changed_back(desk):
    message = await desk.reply({"type": "label", "add": ["vip"]})
    await desk.finish(message)
    await desk.house.conversations.label(desk.case, add=[], remove=["vip"])
    await desk.forget(message)
    assert states(await desk.finish(message)) == ["done"]
    assert (await desk.conversation())["labels"] == []


async def test_a_holder_who_was_relieved_since_is_not_burdened_again(desk):
    first, second = await desk.hire("olena"), await desk.hire("taras")
    message = await desk.reply({"type": "assign", "manager_id": first})
    await desk.finish(message)
    await desk.house.assigner.hand_to(desk.case, second, by=MARY)
    await desk.forget(message)
    await desk.finish(message)
    assert (await desk.conversation())["assignee_id"] == second


async def test_an_orders_history_says_with_which_macro_it_moved(desk):
    macro = await desk.house.macros.create(
        Viewer(id="mary", name="Mary", role=Role.ADMIN), name="Packed!", text={"en": "It is packed"}, shared=True
    )
    order = await desk.order("paid")
    planned = await desk.plan({"type": "order_status", "status": "packed"}, order=order)
    draft = Draft(text="It is packed", actions=planned, macro_id=macro["_id"])
    message, _ = await desk.floor.replies.post(desk.case, draft, author=MARY)
    await desk.finish(message)
    told = (await desk.house.orders.by_id(order["_id"]))["history"][-1]
    assert (told["by"]["name"], told["changes"]["status"]["to"]) == ("Mary", "packed")
    assert told["reply"] == {"message_id": message["_id"], "macro_id": macro["_id"], "macro": "Packed!"}


async def test_a_move_by_hand_between_two_of_the_same_reply_stands(desk):
    order = await desk.order("paid")
    message = await desk.reply({"type": "order_status", "status": "packed"}, order=order)
    reply = {"message_id": message["_id"], "macro_id": None, "macro": ""}
    await desk.finish(message)
    await desk.house.orders.set_status(order["_id"], "cancelled", MARY)
    again = await desk.house.orders.set_status(order["_id"], "packed", MARY, reply=reply)
    assert again["status"] == "cancelled"
    with pytest.raises(ForbiddenMove):
        await desk.house.orders.set_status(order["_id"], "packed", MARY, reply={**reply, "message_id": "another"})


async def test_an_order_that_moved_on_since_does_not_move_back(desk):
    order = await desk.order("paid")
    message = await desk.reply({"type": "order_status", "status": "packed"}, order=order)
    await desk.finish(message)
    await desk.house.orders.set_status(order["_id"], "shipped", BOT)
    await desk.forget(message)
    assert states(await desk.finish(message)) == ["done"]
    assert (await desk.house.orders.by_id(order["_id"]))["status"] == "shipped"


@pytest.mark.parametrize("action", [{"type": "close"}, {"type": "snooze", "minutes": 60}])
async def test_nothing_is_put_aside_that_the_customer_has_written_to_since(desk, action):
    message = await desk.reply(action)
    written = msgspec.structs.replace(said(2), sent_at=now())
    await work_off(desk.floor.ingest, [accepted(written, channel_id=desk.channel_id)])
    refused = await desk.finish(message)
    assert states(refused) == ["refused"]
    assert "written again" in refused["actions"][0]["error"]
    assert (await desk.conversation())["status"] == "open"


async def test_what_is_not_possible_any_more_is_said_and_the_rest_is_done(desk):
    order = await desk.order("paid")
    message = await desk.reply({"type": "order_status", "status": "packed"}, {"type": "close"}, order=order)
    await desk.house.orders.set_status(order["_id"], "cancelled", BOT)
    done = await desk.finish(message)
    assert states(done) == ["refused", "done"]
    assert "cancelled" in done["actions"][0]["error"]
    assert (await desk.conversation())["status"] == "closed"


async def test_a_team_gets_what_its_holder_is_no_member_of(desk):
    team = await desk.house.team_store.insert({"_id": "team", "name": "Packing", "created_at": now()})
    outsider = await desk.hire("olena")
    await desk.house.assigner.hand_to(desk.case, outsider, by=MARY)
    message = await desk.reply({"type": "assign", "team_id": team["_id"]})
    assert states(await desk.finish(message)) == ["done"]
    conversation = await desk.conversation()
    assert (conversation["team_id"], conversation["assignee_id"]) == ("team", None)


@pytest.mark.parametrize(
    ("action", "remedy"),
    [
        ({"type": "assign", "manager_id": "nobody"}, "no such active manager"),
        ({"type": "assign", "team_id": "nothing"}, "no such team"),
        ({"type": "order_status", "status": "flown"}, "there is no status flown; there are: new"),
        ({"type": "order_status", "status": "delivered"}, "order 7 is paid; it may go to: confirmed, packed"),
        ({"type": "label", "add": [f"l{number}" for number in range(20)]}, "at most 20"),
    ],
)
async def test_what_could_not_be_done_by_hand_is_refused_before_anything_is_sent(desk, action, remedy):
    order = await desk.order("paid")
    await desk.house.conversations.label(desk.case, add=["present"], remove=[])
    with pytest.raises(Invalid, match=remedy) as refused:
        await desk.plan({"type": "close"}, action, order=order)
    assert refused.value.field == "actions.1"


async def test_without_an_order_there_is_none_to_move(desk):
    with pytest.raises(Invalid, match="no order to move"):
        await desk.plan({"type": "order_status", "status": "packed"})
