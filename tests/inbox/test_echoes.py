"""What the shop writes elsewhere is its own message, once; what we sent ourselves never comes back as another one."""

import asyncio
import itertools
import random
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inbox.echoes import LONGEST_DOUBT
from inbox.model.accepted import Accepted
from inbox.model.channel import Outgoing
from inbox.model.conversation import unread
from inbox.model.domain_events import ConversationOpened, MessageReceived
from inbox.model.ids import now
from inbox.model.incoming import (
    Echo,
    Incoming,
    Media,
    MessageDeleted,
    MessageEdited,
    Person,
    ReactionChanged,
    Receipt,
)
from inbox.model.people import Author
from inbox.replies import Draft
from inbox.storage.conversations import closing
from tests.flow import until
from tests.inbox.arrivals import ANN, accepted, at, said, work_off
from tests.inbox.orders import arrive, outcome, told
from tests.inbox.paper import Floor, Paper

MARY = Author(type="manager", id="mary", name="Mary")
SENT = "x1"


def echo(external_id: str = SENT, text: str = "Hello", *, sent_at: Any = None, **fields: Any) -> Echo:
    return Echo(person=ANN, external_id=external_id, sent_at=sent_at or now(), text=text, **fields)


def receipt(state: Any, external_id: str = SENT, *, second: int = 5, all_before: bool = False) -> Receipt:
    return Receipt(person=ANN, external_id=external_id, at=at(second), state=state, all_before=all_before)


def reaction(external_id: str = SENT, *emoji: str, second: int = 6) -> ReactionChanged:
    return ReactionChanged(person=ANN, external_id=external_id, at=at(second), emoji=emoji)


WRITTEN_ELSEWHERE: list[Incoming] = [
    echo("e1", "From the phone", sent_at=at(3)),
    MessageEdited(person=ANN, external_id="e1", at=at(4), text="From the shop's phone"),
    reaction("e1", "👍"),
    receipt("delivered", "e1"),
    receipt("read", "e1", second=7),
    MessageDeleted(person=ANN, external_id="e1", at=at(9)),
]
SAID: list[Incoming] = [
    said(1, "Hello"),
    MessageEdited(person=ANN, external_id="ann:1", at=at(4), sequence=1, text="Hello!"),
    MessageEdited(person=ANN, external_id="ann:1", at=at(4), sequence=2, text="Hello?"),
    reaction("ann:1", "👍"),
    MessageDeleted(person=ANN, external_id="ann:1", at=at(9)),
    echo("e1", "Good evening", sent_at=at(3), reply_to="ann:1"),
]

on_the_database = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@on_the_database
@given(coming=st.permutations(WRITTEN_ELSEWHERE))
async def test_any_order_of_what_the_shop_wrote_elsewhere_ends_the_same(floor, coming):
    found = await outcome(floor.database, floor.ingest, coming)
    (message,) = found["messages"]
    assert (message["direction"], message["who"], message["state"]) == ("out", ("shop", ""), "read")
    assert (message["text"], message["edited_at"], message["deleted_at"]) == ("From the shop's phone", at(4), at(9))
    assert (message["reactions"], found["early"]) == (["👍"], 0)
    assert (found["cases"][0]["status"], found["cases"][0]["unanswered"]) == ("closed", [])


@pytest.fixture
async def in_order(floor: Floor) -> Any:
    """What is stored where everything comes as it happened."""
    return await outcome(floor.database, floor.ingest, SAID)


@on_the_database
@given(coming=st.permutations(SAID))
async def test_any_order_of_a_message_and_what_happens_to_it_ends_the_same(floor, in_order, coming):
    assert await outcome(floor.database, floor.ingest, coming) == in_order


READ_UP_TO: list[Incoming] = [
    echo("e1", "One", sent_at=at(1)),
    echo("e2", "Two", sent_at=at(2)),
    echo("e3", "Three", sent_at=at(3)),
    echo("e4", "Four", sent_at=at(4)),
    receipt("read", "e2", all_before=True),
    receipt("delivered", "e3", all_before=True),
    receipt("read", "e1", all_before=True),
]


@on_the_database
@given(coming=st.permutations(READ_UP_TO), repeated=st.integers(0, len(READ_UP_TO) - 1))
async def test_a_receipt_that_holds_for_all_before_reaches_back_in_any_order(floor, coming, repeated):
    found = await outcome(floor.database, floor.ingest, [*coming, coming[repeated]])
    assert [message["state"] for message in found["messages"]] == ["read", "read", "delivered", "sent"]
    assert found["early"] == 0


class Talk:
    """A customer who wrote over a connected channel, and one reply to them on its way."""

    def __init__(self, floor: Floor, channel_id: str) -> None:
        self.floor = floor
        self.channel_id = channel_id
        self.row: dict[str, Any] = {}
        self._pending: list[Accepted] = []

    @classmethod
    async def open(cls, floor: Floor) -> "Talk":
        talk = cls(floor, await floor.connect())
        await work_off(floor.ingest, [accepted(said(1), channel_id=talk.channel_id)])
        await talk.reply("Hello")
        return talk

    async def reply(self, text: str) -> None:
        case = await self.floor.database.durable.conversations.find_one({"channel_id": self.channel_id})
        assert case is not None
        message, _ = await self.floor.replies.post(case["_id"], Draft(text=text), author=MARY)
        (self.row,) = await self.floor.outbox.of_message(message["_id"])
        assert await self.floor.outbox.begin(self.row, "me") is not None

    async def do(self, step: str) -> None:
        """One of the things that happen to a reply: three are ours, the rest comes from the provider."""
        match step:
            case "noted":
                await self.floor.outbox.sent(self.row, [SENT])
                sent_to = [self.row["identity_id"]]
                await self.floor.messages.settle_changes(self.channel_id, [SENT], sent_to=sent_to)
            case "abandoned":
                await self.floor.outbox.abandon(self.row, "the server stopped")
            case "echo":
                await self.comes(echo())
            case "named echo":
                await self.comes(echo(key=self.row["_id"], text="as the provider shows it"))
            case "delivered" | "read":
                await self.comes(receipt(step))
            case "reaction":
                await self.comes(reaction(SENT, "👍"))

    async def comes(self, event: Incoming, **fields: Any) -> None:
        self._pending.append(accepted(event, channel_id=self.channel_id, **fields))
        await self.look_again()

    async def look_again(self) -> None:
        """Have the events processed that are left in the journal."""
        self._pending = await arrive(self.floor.database, self.floor.ingest, self._pending)

    async def ours_stored(self) -> list[dict[str, Any]]:
        return list(await self.floor.database.durable.messages.find({"direction": "out"}).to_list(None))

    async def ours(self) -> list[dict[str, Any]]:
        found = await told(self.floor.database, self.channel_id)
        return [message for message in found["messages"] if message["direction"] == "out"]


@pytest.mark.parametrize("sender", ["noted", "abandoned"])
@pytest.mark.parametrize("echoed", ["echo", "named echo"])
async def test_whatever_comes_first_our_reply_is_one_message_that_arrived(database, redis, sender, echoed):
    for order in itertools.permutations([sender, echoed, "delivered", "reaction"]):
        floor = Floor(database, redis)
        for name in ("messages", "outbox", "lanes", "conversations", "identities", "journal", "early_changes"):
            await database.durable[name].delete_many({})
        talk = await Talk.open(floor)
        for step in order:
            await talk.do(step)
        await talk.look_again()
        (message,) = await talk.ours()
        assert (message["who"], message["text"]) == (("manager", "Mary"), "Hello"), order
        assert (message["external_ids"], message["state"], message["reactions"]) == ([SENT], "delivered", ["👍"]), order
        (row,) = await floor.outbox.of_message(talk.row["message_id"])
        assert (row["state"], row["live"]) == ("sent", False), order
        assert await database.durable.early_changes.count_documents({}) == 0
        await floor.channels.close()


@pytest.fixture
async def talk(floor: Floor) -> Talk:
    return await Talk.open(floor)


@pytest.mark.parametrize("order", list(itertools.permutations(["noted", "echo", "read"])))
async def test_our_own_message_before_the_one_that_was_read_is_read_as_well(talk, order):
    """What we sent and what the shop wrote on its phone after it, which the customer read."""
    for step in order:
        match step:
            case "noted":
                await talk.do("noted")
            case "echo":
                await talk.comes(echo("e2", "On the phone", sent_at=now() + timedelta(seconds=1)))
            case "read":
                await talk.comes(receipt("read", "e2", all_before=True))
    await talk.look_again()
    assert [message["state"] for message in await talk.ours()] == ["read", "read"]


async def test_what_is_not_known_to_be_sent_is_not_read_nor_what_goes_again_afterwards(talk):
    await talk.do("abandoned")
    await talk.comes(echo("e2", "On the phone"))
    await talk.comes(receipt("read", "e2", all_before=True))
    assert {row["text"]: row["state"] for row in await talk.ours_stored()} == {
        "Hello": "uncertain",
        "On the phone": "read",
    }
    await talk.floor.outbox.revive(talk.row["message_id"])
    await talk.floor.outbox.sent(talk.row, [SENT])
    await talk.floor.messages.settle_changes(talk.channel_id, [SENT], sent_to=[talk.row["identity_id"]])
    assert {message["text"]: message["state"] for message in await talk.ours()} == {
        "Hello": "sent",
        "On the phone": "read",
    }


async def test_a_receipt_reaches_nobody_elses_messages(talk):
    bob = Person(external_id="bob", name="Bob")
    await talk.comes(msgspec.structs.replace(echo("b1", "To Bob", sent_at=at(1)), person=bob))
    await talk.do("noted")
    await talk.comes(receipt("read", all_before=True))
    assert {message["text"]: message["state"] for message in await talk.ours()} == {"Hello": "read", "To Bob": "sent"}


async def test_an_echo_waits_for_the_answer_of_a_request_under_way_and_then_is_its_own_message(talk):
    await talk.comes(echo("e2", "Typed on the phone meanwhile"))
    stored = talk.floor.database.durable
    assert await stored.messages.count_documents({"direction": "out"}) == 1
    await talk.do("noted")
    await talk.look_again()
    assert [message["text"] for message in await talk.ours()] == ["Hello", "Typed on the phone meanwhile"]


async def test_a_request_without_an_answer_does_not_hold_an_echo_for_ever(talk):
    await talk.comes(echo("e2", "Typed on the phone"), received_at=now() - LONGEST_DOUBT)
    assert await talk.floor.database.durable.messages.count_documents({"direction": "out"}) == 2


async def test_our_own_note_absorbs_an_echo_that_nobody_could_tell_apart_any_more(talk):
    await talk.comes(echo(), received_at=now() - LONGEST_DOUBT)
    assert len(await talk.ours_stored()) == 2
    await talk.do("noted")
    (message,) = await talk.ours()
    assert (message["who"], message["external_ids"]) == (("manager", "Mary"), [SENT])


@pytest.mark.parametrize(
    "other",
    [
        echo(text="Something else"),
        echo(sent_at=now() - timedelta(hours=1)),
        echo(media=(Media(type="photo", ref="r"),)),
    ],
    ids=["other words", "an hour ago", "with a picture"],
)
async def test_an_echo_that_says_something_else_confirms_nothing(talk, other):
    await talk.do("abandoned")
    await talk.comes(msgspec.structs.replace(other, external_id="e9"))
    stored = talk.floor.database.durable.messages
    assert (await stored.find_one({"_id": talk.row["message_id"]}))["state"] == "uncertain"
    assert await stored.count_documents({"author.type": "shop"}) == 1


async def test_an_echo_confirms_what_was_about_to_be_sent_again(talk):
    await talk.do("abandoned")
    await talk.floor.outbox.revive(talk.row["message_id"])
    await talk.do("named echo")
    (message,) = await talk.ours()
    assert message["state"] == "sent"
    assert await talk.floor.outbox.waiting(talk.row["lane"]) == []


async def test_a_sender_that_is_slower_than_the_echo_takes_nothing_back(talk):
    await talk.do("named echo")
    assert await talk.floor.outbox.finish(talk.row, "uncertain", "me", error="no answer") is None
    (message,) = await talk.ours()
    assert message["state"] == "sent"


async def test_what_the_shop_writes_elsewhere_answers_the_customer_and_moves_nothing_else(floor):
    heard: list[str] = []

    async def listen(event: ConversationOpened | MessageReceived) -> None:
        heard.append(event.message["external_ids"][0])

    floor.bus.subscribe(ConversationOpened, listen)
    floor.bus.subscribe(MessageReceived, listen)
    channel_id = await floor.connect()
    await work_off(floor.ingest, [accepted(said(1), channel_id=channel_id)])
    await work_off(floor.ingest, [accepted(echo("e1", sent_at=at(2)), channel_id=channel_id)])
    row = await floor.database.durable.conversations.find_one({})
    assert (row["waiting_since"], row["assignee_id"], row["status"]) == (None, None, "open")
    assert unread(row, "mary") == 0
    assert (row["last_message"]["author"]["name"], heard) == ("Letter box", ["ann:1", "ann:1"])
    await floor.conversations.change(row["_id"], closing(), expected={})
    await work_off(floor.ingest, [accepted(echo("e2", sent_at=at(9)), channel_id=channel_id)])
    row = await floor.database.durable.conversations.find_one({})
    assert (row["status"], row["last_message"]["id"]) == ("closed", (await _stored(floor, "e2"))["_id"])


async def _stored(floor: Floor, external_id: str) -> dict[str, Any]:
    found = await floor.database.durable.messages.find_one({"external_ids": external_id})
    assert found is not None
    return dict(found)


async def test_who_was_only_written_to_has_a_closed_case_that_their_answer_opens(floor):
    for external_id in ("e1", "e2"):
        await work_off(floor.ingest, [accepted(echo(external_id, sent_at=at(1)))])
    row = await floor.database.durable.conversations.find_one({})
    assert (row["status"], row["active"]) == ("closed", False)
    await work_off(floor.ingest, [accepted(said(5))])
    row = await floor.database.durable.conversations.find_one({})
    assert (row["status"], row["opened_by"]) == ("open", (await _stored(floor, "ann:5"))["_id"])
    assert await floor.database.durable.messages.count_documents({"conversation_id": row["_id"]}) == 3


async def test_echoes_that_race_our_own_answers_over_two_processes_double_nothing(database, redis):
    """Every reply is echoed, by another process than its sender's, before, beside or after the provider's answer."""
    kind = Paper()
    here, there = Floor(database, redis, kind=kind), Floor(database, redis, kind=kind)
    channel_id = await here.connect()
    people = [Person(external_id=f"p{number}", name=f"P {number}") for number in range(6)]
    await work_off(here.ingest, [accepted(said(1, person=person), channel_id=channel_id) for person in people])
    racing: list[asyncio.Task[list[Accepted]]] = []

    async def echoed(message: Outgoing, external_id: str) -> None:
        person = next(person for person in people if person.external_id == message.to)
        event = Echo(person=person, external_id=external_id, sent_at=now(), text=message.text)
        coming = [accepted(event, channel_id=channel_id, key=external_id)]
        racing.append(asyncio.create_task(_until_settled(there, coming, delay=chance.choice((0, 0, 0.01, 0.05)))))
        await asyncio.sleep(chance.choice((0, 0.02, 0.06)))

    chance = random.Random(7)
    kind.on_sent = echoed
    working = asyncio.create_task(here.sender.run())
    async for case in database.durable.conversations.find({}):
        for number in range(3):
            await here.replies.post(case["_id"], Draft(text=f"reply {number}"), author=MARY)
    out = {"direction": "out"}

    async def all_sent() -> bool:
        sent = await database.durable.messages.count_documents({**out, "author.type": "manager", "state": "sent"})
        return bool(sent == len(people) * 3)

    await until(all_sent)
    await asyncio.gather(*racing)
    await here.sender.stop()
    await working
    assert await database.durable.messages.count_documents(out) == len(people) * 3
    assert await database.durable.messages.count_documents({"author.type": "shop"}) == 0
    for floor in (here, there):
        await floor.channels.close()


async def _until_settled(floor: Floor, coming: list[Accepted], *, delay: float) -> list[Accepted]:
    """Have events looked at again and again until none is put off."""
    await asyncio.sleep(delay)
    while coming := await arrive(floor.database, floor.ingest, coming):
        await asyncio.sleep(0.02)
    return coming
