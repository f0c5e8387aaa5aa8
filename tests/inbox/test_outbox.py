"""What the sender asks of a provider, and what it does not send any more."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from inbox.model.capabilities import Capabilities, Flow
from inbox.model.errors import Invalid
from inbox.model.failures import Uncertain
from inbox.model.ids import identity_id, now
from inbox.model.incoming import Receipt
from inbox.model.people import BOT, Author
from inbox.replies import Draft
from tests.flow import until
from tests.inbox.arrivals import ANN, accepted, said, work_off
from tests.inbox.paper import CAPABILITIES, Floor, Paper

MARY = Author(type="manager", id="mary", name="Mary")
DAY = 86400
WINDOWED = msgspec.structs.replace(CAPABILITIES, reply_window=DAY, person_window=7 * DAY)


class Desk:
    """A customer who wrote some time ago, and replies to them."""

    def __init__(self, floor: Floor, channel_id: str) -> None:
        self.floor = floor
        self.channel_id = channel_id
        self._working: asyncio.Task[None] | None = None

    @classmethod
    @contextlib.asynccontextmanager
    async def open(
        cls, database: Any, redis: Any, limits: Capabilities, *, ago: timedelta = timedelta(0), **said_with: Any
    ) -> AsyncIterator["Desk"]:
        floor = Floor(database, redis, kind=Paper(limits))
        desk = cls(floor, await floor.connect())
        first = msgspec.structs.replace(said(1, **said_with), sent_at=now() - ago)
        await work_off(floor.ingest, [desk.accepted(first)])
        yield desk
        await desk.close()

    def accepted(self, event: Any) -> Any:
        return msgspec.structs.replace(accepted(event, channel_id=self.channel_id), kind="paper")

    async def post(self, text: str = "Hello", *, author: Author = MARY, **draft: Any) -> dict[str, Any]:
        case = await self.floor.database.durable.conversations.find_one({})
        assert case is not None
        message, _ = await self.floor.replies.post(case["_id"], Draft(text=text, **draft), author=author)
        return message

    async def send(self, message: dict[str, Any]) -> dict[str, Any]:
        """Have the sender work until this message is settled; returns it."""
        self._working = self._working or asyncio.create_task(self.floor.sender.run())

        async def settled() -> Any:
            found = await self.floor.messages.get(message["_id"])
            return found if found is not None and found["state"] not in ("queued", "sending") else None

        found: dict[str, Any] = await until(settled)
        return found

    async def close(self) -> None:
        await self.floor.sender.stop()
        if self._working is not None:
            await self._working
        await self.floor.channels.close()

    async def wrote(self, ago: timedelta) -> None:
        """Move the customer's last message into the past."""
        key = {"_id": identity_id(self.channel_id, ANN.external_id)}
        await self.floor.database.durable.identities.update_one(key, {"$set": {"last_inbound_at": now() - ago}})


@pytest.mark.parametrize(("begun", "expected"), [("", ["1: paid", "2: paid"]), ("Hello", ["Hello", "Hello"])])
async def test_a_notice_is_about_its_order_unless_the_customer_said_what_the_exchange_is_about(
    database, redis, begun, expected
):
    subjects = msgspec.structs.replace(CAPABILITIES, subjects=True)
    async with Desk.open(database, redis, subjects, subject=begun) as desk:
        for number in "12":
            notice = {"id": number, "order_id": number, "number": number, "status": "paid", "handed_on": False}
            await desk.send(await desk.post("Paid", subject=f"{number}: paid", notice=notice, automatic=True))
        assert [request.subject for request in desk.floor.kind.sent] == expected


async def test_a_request_tells_who_wrote_it_and_what_it_belongs_to(database, redis):
    async with Desk.open(database, redis, CAPABILITIES, subject="Order 7") as desk:
        floor = desk.floor
        await desk.send(await desk.post("First"))
        message = await desk.send(await desk.post("Second", author=BOT, automatic=True))
        first, second = floor.kind.sent
        assert (first.by_person, second.by_person) == (True, False)
        assert second.key == f"{message['_id']}:000"
        assert (first.references, first.subject, message["subject"]) == (("ann:1",), "Order 7", "Order 7")
        earlier = await floor.messages.get(first.key.partition(":")[0])
        assert earlier is not None
        assert second.references == ("ann:1", *earlier["external_ids"])
        assert (second.late, second.private, second.buttons) == (False, False, ())


async def test_within_the_window_everybody_writes_and_later_only_a_person(database, redis):
    async with Desk.open(database, redis, WINDOWED, ago=timedelta(hours=2)) as desk:
        await desk.send(await desk.post(author=BOT))
        await desk.wrote(timedelta(days=2))
        with pytest.raises(Invalid, match="only a manager's own reply"):
            await desk.post(author=BOT)
        await desk.send(await desk.post())
        assert [request.late for request in desk.floor.kind.sent] == [False, True]
        await desk.wrote(timedelta(days=8))
        with pytest.raises(Invalid, match="must write first") as refused:
            await desk.post()
        assert refused.value.field == "channel_id"


async def test_a_window_that_closes_while_a_message_waits_is_kept_to(database, redis):
    async with Desk.open(database, redis, WINDOWED) as desk:
        message = await desk.post()
        await desk.wrote(timedelta(days=8))
        failed = await desk.send(message)
        assert (failed["state"], desk.floor.kind.sent) == ("failed", [])
        assert "must write first" in failed["error"]


async def test_an_older_message_that_comes_late_does_not_close_the_window(database, redis):
    async with Desk.open(database, redis, WINDOWED, ago=timedelta(hours=1)) as desk:
        late = msgspec.structs.replace(said(2), sent_at=now() - timedelta(days=30))
        await work_off(desk.floor.ingest, [desk.accepted(late)])
        (identity,) = await desk.floor.reach.told(
            await desk.floor.people.many([identity_id(desk.channel_id, ANN.external_id)])
        )
        assert identity["window_until"] > now() + timedelta(hours=22)
        frames = [frame async for row in database.durable.live.find() for frame in row["frames"]]
        told = [frame["data"] for frame in frames if frame["type"] == "identity.updated"]
        assert told[-1]["window_until"] == identity["window_until"]


async def test_so_many_messages_without_an_answer_and_no_more(database, redis):
    async with Desk.open(database, redis, msgspec.structs.replace(CAPABILITIES, unanswered_limit=3)) as desk:
        await desk.send(await desk.post("word " * 30))
        await desk.send(await desk.post("three"))
        with pytest.raises(Invalid, match="3 messages without an answer"):
            await desk.post("four")
        await work_off(desk.floor.ingest, [desk.accepted(msgspec.structs.replace(said(5), sent_at=now()))])
        assert (await desk.send(await desk.post("one")))["state"] == "sent"


async def test_a_repeated_post_of_the_last_message_that_was_allowed_is_known(database, redis):
    async with Desk.open(database, redis, msgspec.structs.replace(CAPABILITIES, unanswered_limit=1)) as desk:
        first = await desk.post("the only one", client_token="t")
        again = await desk.post("the only one", client_token="t")
        assert again["_id"] == first["_id"]
        with pytest.raises(Invalid, match="without an answer"):
            await desk.post("another one", client_token="u")


BUTTONS = (("Так", "yes"), ("Ні", "no"))


@pytest.mark.parametrize(
    ("limits", "text", "buttons"),
    [
        ({"buttons": Flow.BOTH, "button_limit": 2}, "Беремо?", BUTTONS),
        ({"buttons": Flow.BOTH, "button_limit": 1}, "Беремо?\n1. Так\n2. Ні", ()),
        ({"buttons": Flow.BOTH, "button_limit": 2, "button_title_limit": 2}, "Беремо?\n1. Так\n2. Ні", ()),
        ({"buttons": Flow.NONE, "button_limit": 2}, "Беремо?\n1. Так\n2. Ні", ()),
    ],
    ids=["buttons", "too many", "too long", "none"],
)
async def test_buttons_become_numbers_where_there_are_none(database, redis, limits, text, buttons):
    async with Desk.open(database, redis, msgspec.structs.replace(CAPABILITIES, **limits)) as desk:
        await desk.send(await desk.post("Беремо?", buttons=BUTTONS))
        (request,) = desk.floor.kind.sent
        assert (request.text, request.buttons) == (text, buttons)


async def test_a_file_that_the_channel_does_not_take_goes_along_as_a_link(database, redis):
    async with Desk.open(database, redis, msgspec.structs.replace(CAPABILITIES, media_limits={})) as desk:
        row = {"_id": "f1", "uploader_id": "mary", "message_id": None, "file_id": "f", "state": "stored"}
        file = {"name": "price list.pdf", "content_type": "application/pdf", "size": 10}
        await desk.floor.attachments.insert({**row, **file})
        with pytest.raises(Invalid, match="goes along as a link"):
            await desk.post("", attachments=["f1"])
        message = await desk.send(await desk.post("Here it is", attachments=["f1"]))
        sent = desk.floor.kind.sent
        words = " ".join(request.text for request in sent)
        assert not any(request.files for request in sent)
        assert "Here it is" in words
        address = next(word for word in message["text"].split() if word.startswith("https://"))
        assert address.endswith("/price%20list.pdf")
        assert desk.floor.links.read(address.split("/")[-2]) == "f1"


async def test_a_link_that_the_customer_could_not_open_is_refused_before_anything_is_sent(database, redis):
    async with Desk.open(database, redis, msgspec.structs.replace(CAPABILITIES, media_limits={})) as desk:
        row = {"_id": "f1", "uploader_id": "mary", "message_id": None, "file_id": "f", "state": "stored"}
        file = {"name": "price list.pdf", "content_type": "application/pdf", "size": 10}
        await desk.floor.attachments.insert({**row, **file})
        desk.floor.kind.far = False
        with pytest.raises(Invalid, match="SKRYNKA_PUBLIC_URL") as refused:
            await desk.post("Here it is", attachments=["f1"])
        assert refused.value.field == "attachments"
        assert await database.durable.messages.count_documents({"direction": "out"}) == 0
        await desk.send(await desk.post("No file then"))
        assert [request.text for request in desk.floor.kind.sent] == ["No file then"]


async def test_a_comment_is_answered_in_public_or_in_private(database, redis):
    async with Desk.open(database, redis, WINDOWED, public=True) as desk:
        comment = await database.durable.messages.find_one({"direction": "in"})
        assert comment["public"] is True
        with pytest.raises(Invalid, match="must write first"):
            await desk.post("Good evening")
        with pytest.raises(Invalid) as refused:
            await desk.post("Good evening", private=True)
        assert refused.value.field == "private"
        public = await desk.send(await desk.post("Thank you!", reply_to=comment["_id"]))
        private = await desk.send(await desk.post("The price is 7", reply_to=comment["_id"], private=True))
        with pytest.raises(Invalid, match="one answer in private") as long:
            await desk.post("Dear Ann, " * 300, reply_to=comment["_id"], private=True)
        assert long.value.field == "text"
        assert [request.private for request in desk.floor.kind.sent] == [False, True]
        assert (public["public"], private.get("public"), private["private"]) == (True, None, True)


async def test_who_takes_over_a_lane_shows_what_its_holder_sent_last(database, redis):
    async with Desk.open(database, redis, CAPABILITIES) as desk:
        floor = desk.floor
        message = await desk.post()
        lane = await floor.outbox.claim([])
        assert lane is not None
        (row,) = await floor.outbox.waiting(lane["_id"])
        await floor.outbox.renew(lane, showing=message["_id"])
        await floor.outbox.begin(row, lane["holder"])
        await floor.outbox.sent(row, ["x1"])  # And here its holder dies, before anybody saw it.
        before = await _shown_states(database, message["_id"])
        await database.durable.lanes.update_many({}, {"$set": {"lease_until": now() - timedelta(seconds=1)}})
        await desk.send(message)

        async def shown() -> bool:
            return "sent" in await _shown_states(database, message["_id"])

        assert "sent" not in before
        await until(shown)


async def _shown_states(database: Any, message_id: str) -> list[str]:
    frames = [frame async for row in database.durable.live.find() for frame in row["frames"]]
    return [frame["data"]["state"] for frame in frames if frame["data"].get("_id") == message_id]


@pytest.mark.parametrize("state", ["delivered", "failed"])
@pytest.mark.parametrize("while_sending", [True, False])
async def test_a_receipt_stands_for_an_answer_that_was_lost(database, redis, state, while_sending):
    """A letter's name is known before it leaves, and a bounce may come before or after its sender gave up."""
    async with Desk.open(database, redis, CAPABILITIES) as desk:
        desk.floor.kind.naming = True
        message = await desk.post()
        (row,) = await desk.floor.outbox.of_message(message["_id"])
        error = "no such user" if state == "failed" else ""
        told = Receipt(person=ANN, external_id=row["_id"], at=now(), state=state, error=error)

        async def no_answer(*_: Any) -> None:
            if while_sending:
                await work_off(desk.floor.ingest, [desk.accepted(told)])
            raise Uncertain("no answer")

        desk.floor.kind.on_sent = no_answer
        sent = await desk.send(message)
        if not while_sending:
            assert sent["state"] == "uncertain"
            await work_off(desk.floor.ingest, [desk.accepted(told)])

        async def settled() -> bool:
            found = await desk.floor.messages.get(message["_id"])
            return found is not None and (found["state"], found["error"]) == (state, error or None)

        await until(settled)
        (row,) = await desk.floor.outbox.of_message(message["_id"])
        assert (row["state"], row["external_ids"]) == ("sent", [row["_id"]])
        assert await database.durable.early_changes.count_documents({}) == 0


async def test_a_receipt_of_something_else_leaves_an_uncertain_message_alone(database, redis):
    async with Desk.open(database, redis, CAPABILITIES) as desk:
        desk.floor.kind.naming = True

        async def no_answer(*_: Any) -> None:
            raise Uncertain("no answer")

        desk.floor.kind.on_sent = no_answer
        message = await desk.send(await desk.post())
        other = Receipt(person=ANN, external_id="other", at=now(), state="failed")
        await work_off(desk.floor.ingest, [desk.accepted(other)])
        found = await desk.floor.messages.get(message["_id"])
        assert found is not None
        assert found["state"] == "uncertain"
