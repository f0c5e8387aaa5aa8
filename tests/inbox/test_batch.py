"""What a message brings along beyond its words: where it belongs, what it opens, what is kept with it."""

import asyncio
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from inbox.model.conversation import unread
from inbox.model.domain_events import ConversationOpened, MessageReceived
from inbox.model.ids import identity_id, now
from inbox.model.incoming import Media, MessageEdited, NewMessage, Person
from inbox.model.people import Author
from inbox.replies import Draft
from inbox.storage.conversations import closing
from tests.inbox.arrivals import ANN, accepted, at, said, work_off
from tests.inbox.paper import Floor

MARY = Author(type="manager", id="mary", name="Mary")
BOB = Person(external_id="bob", name="Bob")
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d494844520000000100000001080600000"
    "01f15c4890000000d49444154789c6360f8ffff3f0005fe02fea7350881"
    "0000000049454e44ae426082"
)


async def come(floor: Floor, *events: NewMessage, channel_id: str = "c1", repeated: bool = False) -> None:
    await work_off(floor.ingest, [accepted(event, channel_id=channel_id, repeated=repeated) for event in events])


async def cases(floor: Floor) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = await floor.database.durable.conversations.find().sort("created_at", 1).to_list(None)
    return found


async def stored(floor: Floor, external_id: str, channel_id: str = "c1") -> dict[str, Any]:
    found = await floor.messages.external_to_ids(channel_id, [external_id])
    return found[external_id]


async def test_who_writes_within_the_second_of_a_reply_waits_for_an_answer(floor):
    channel_id = await floor.connect()
    await come(floor, said(1), channel_id=channel_id)
    (case,) = await cases(floor)
    # A second that has just begun holds both.
    await asyncio.sleep(1 - now().microsecond / 1e6)
    second = now().replace(microsecond=0)
    reply, _ = await floor.replies.post(case["_id"], Draft(text="Yes, two left"), author=MARY)
    await come(floor, msgspec.structs.replace(said(2, "And in ash?"), sent_at=second), channel_id=channel_id)
    (case,) = await cases(floor)
    assert reply["sent_at"] - second < timedelta(seconds=1)
    assert (case["last_message"]["text"], unread(case, "mary")) == ("And in ash?", 1)
    newest = await floor.messages.thread(case["_id"], None, 2)
    assert [row["text"] for row in newest] == ["And in ash?", "Yes, two left"]


@pytest.fixture
def heard(floor: Floor) -> list[str]:
    """What routing and bot hear of, by the messages' external ids."""
    told: list[str] = []

    async def listen(event: ConversationOpened | MessageReceived) -> None:
        told.append(event.message["external_ids"][0])

    floor.bus.subscribe(ConversationOpened, listen)
    floor.bus.subscribe(MessageReceived, listen)
    return told


@pytest.mark.parametrize("order", [(1, 2), (2, 1)], ids=["loud first", "quiet first"])
async def test_a_quiet_message_is_shown_and_opens_nothing(floor, heard, order):
    events = {1: said(1, "Is it ready?"), 2: said(2, "I am on holiday", quiet=True)}
    for number in order:
        await come(floor, events[number])
    (case,) = await cases(floor)
    assert (case["status"], case["active"], unread(case, "mary")) == ("open", True, 1)
    assert case["last_message"]["text"] == "I am on holiday"
    assert case["opened_by"] == (await stored(floor, "ann:1"))["_id"]
    assert set(heard) == {"ann:1"}


async def test_a_quiet_message_leaves_a_closed_case_closed_however_old(floor, heard):
    await come(floor, said(1))
    (case,) = await cases(floor)
    await floor.conversations.change(case["_id"], closing(now() - timedelta(days=300)), expected={})
    heard.clear()
    await come(floor, said(2, "Your mailbox is full", quiet=True))
    (case,) = await cases(floor)
    assert (case["status"], case["waiting_since"], heard) == ("closed", None, [])


async def test_who_writes_quietly_first_gets_a_case_that_is_closed(floor, heard):
    for number in (1, 2):
        await come(floor, said(number, "out of office", quiet=True))
    (case,) = await cases(floor)
    assert (case["status"], case["active"], case["unanswered"], heard) == ("closed", False, [], [])
    assert (await stored(floor, "ann:1"))["conversation_id"] == case["_id"]


async def _sent(floor: Floor, external_id: str) -> None:
    (case,) = await cases(floor)
    message, _ = await floor.replies.post(case["_id"], Draft(text="Your order is ready"), author=MARY)
    (row,) = await floor.outbox.of_message(message["_id"])
    await floor.outbox.sent(row, [external_id])


async def test_a_stranger_who_answers_what_we_wrote_joins_that_card(floor):
    channel_id = await floor.connect()
    await come(floor, said(1), channel_id=channel_id)
    await _sent(floor, "<m1>")
    answer = said(2, person=BOB, answers=("<unknown>", "<m1>"))
    await come(floor, answer, channel_id=channel_id)
    await come(floor, answer, channel_id=channel_id, repeated=True)
    (case,) = await cases(floor)
    assert (await stored(floor, "bob:2", channel_id))["conversation_id"] == case["_id"]
    people = await floor.people.identities([case["customer_id"]])
    assert [(row["external_id"], row.get("joined")) for row in people] == [("ann", None), ("bob", "answer")]
    assert await floor.database.durable.customers.count_documents({}) == 1


async def test_who_answers_from_an_address_that_is_proven_to_be_the_cards_is_no_stranger(floor):
    channel_id = await floor.connect()
    await come(floor, said(1), channel_id=channel_id)
    await _sent(floor, "<m1>")
    proven = {"$set": {"emails": [{"address": "ann@home.example", "proven": True}]}}
    await floor.database.durable.customers.update_one({}, proven)
    home = Person(external_id="Ann@home.example")
    await come(floor, said(2, answers=("<m1>",)), said(3, person=home, answers=("<m1>",)), channel_id=channel_id)
    people = await floor.database.durable.identities.find().to_list(None)
    assert [("joined" in row, row["customer_id"]) for row in people] == 2 * [(False, people[0]["customer_id"])]


async def test_who_is_known_already_keeps_their_own_card(floor):
    channel_id = await floor.connect()
    await come(floor, said(1), channel_id=channel_id)
    await _sent(floor, "<m1>")
    await come(floor, said(2, person=BOB), channel_id=channel_id)
    await come(floor, said(3, person=BOB, answers=("<m1>",)), channel_id=channel_id)
    await come(floor, said(4, person=Person(external_id="eve"), answers=("bob:2",)), channel_id=channel_id)
    assert await floor.database.durable.customers.count_documents({}) == 3


async def test_what_a_letter_says_is_kept_apart_from_what_lists_read(floor):
    letter = said(1, "Yes", subject="Order 7", original="Yes\n> shall I?", html="<p>Yes</p>")
    await come(floor, letter)
    await come(floor, letter, repeated=True)
    message = await stored(floor, "ann:1")
    assert (message["subject"], message["original"], message["html"]) == ("Order 7", "Yes\n> shall I?", True)
    assert await floor.messages.html(message["_id"]) == "<p>Yes</p>"
    assert await floor.messages.html("nothing") is None


async def test_a_file_that_came_with_the_event_is_here_at_once(floor):
    photo = Media(type="photo", content=PNG, name="dot.png", content_type="application/pdf")
    event = said(1, media=(photo, Media(type="document", ref="r1")))
    await come(floor, event)
    await come(floor, event, repeated=True)
    here, there = (await stored(floor, "ann:1"))["attachments"]
    assert (here["state"], here["content_type"], here["size"]) == ("stored", "image/png", len(PNG))
    assert there["state"] == "pending"
    kept, read = await floor.media.open(here["id"])
    assert b"".join([chunk async for chunk in read(0, kept["size"])]) == PNG
    timers = [row["data"]["attachment_id"] async for row in floor.database.durable.timers.find()]
    assert timers == [there["id"]]


async def test_a_change_that_was_set_aside_for_weeks_is_not_forgotten_before_its_message_comes(floor):
    edited = MessageEdited(person=ANN, external_id="ann:1", at=at(5), text="Hello!")
    await work_off(floor.ingest, [accepted(edited, received_at=now() - timedelta(days=30))])
    (held,) = await floor.database.durable.early_changes.find().to_list(None)
    assert now() - held["stored_at"] < timedelta(minutes=1), "the database forgets it by this time"


async def test_when_somebody_wrote_last_is_noted_only_where_it_matters(floor):
    await come(floor, said(1))
    identity = await floor.people.identity(identity_id("c1", "ann"))
    assert identity is not None
    assert "last_inbound_at" not in identity
    assert at(1) == (await stored(floor, "ann:1"))["sent_at"]
