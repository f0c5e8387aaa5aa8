"""The flow's second step on the real database: whatever comes, however often and in what order, ends the same."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inbox.model.accepted import Accepted
from inbox.model.conversation import unread
from inbox.model.domain_events import ConversationOpened, MessageReceived
from inbox.model.ids import event_id, identity_id, new_id, now
from inbox.model.incoming import (
    ButtonPress,
    Incoming,
    Media,
    MessageDeleted,
    MessageEdited,
    NewMessage,
    Person,
    ReachabilityChanged,
    ReactionChanged,
)
from inbox.storage.conversations import ConversationStore, closing
from inbox.storage.messages import MessageStore
from tests.conftest import SECRET_KEY
from tests.inbox.arrivals import ANN, accepted, at, said, work_off
from tests.inbox.orders import told
from web.house import House

BOB = Person(external_id="bob", name="Bob")


@pytest.fixture
async def other_house(house):
    """Another process of the same shop."""
    other = House(house.database, house.redis, secret_key=SECRET_KEY, base_url="http://127.0.0.1:1")
    yield other
    await other.channels.close()


def picture(number: int, group: int, caption: str = "", *, person: Person = ANN) -> NewMessage:
    media = (Media(type="photo", ref=f"ref{number}", part=f"{number:03d}"),)
    return NewMessage(
        person=person,
        external_id=f"{person.external_id}:{number}",
        sent_at=at(group),
        sequence=number,
        text=caption,
        media=media,
        group=f"{person.external_id}:g{group}",
    )


def reacted(number: int, second: int, *emoji: str, person: Person = ANN) -> ReactionChanged:
    key = f"{person.external_id}:{number}"
    return ReactionChanged(person=person, external_id=key, at=at(second), emoji=emoji)


def edited(number: int, second: int, *, person: Person = ANN, emptied: bool = False) -> MessageEdited:
    key, text = f"{person.external_id}:{number}", "" if emptied else f"edited {second}"
    return MessageEdited(person=person, external_id=key, at=at(second), text=text)


def deleted(number: int, second: int, *, person: Person = ANN) -> MessageDeleted:
    return MessageDeleted(person=person, external_id=f"{person.external_id}:{number}", at=at(second))


@st.composite
def _stories(draw: st.DrawFn) -> list[Incoming]:
    """What two customers did: messages, albums of three, answers to earlier messages, and changes of all of these."""
    events: list[Incoming] = []
    for person in (ANN, BOB)[: draw(st.integers(1, 2))]:
        count = draw(st.integers(1, 4))
        for turn in range(1, count + 1):
            number = turn * 10
            if draw(st.booleans()):
                caption = draw(st.integers(0, 3))
                parts = (number + 1, number + 2, number + 3)
                events.extend(
                    picture(part, number, "Look" if part == number + caption else "", person=person) for part in parts
                )
                number += 1
            else:
                quoted = f"{person.external_id}:{number - 10}" if turn > 1 and draw(st.booleans()) else ""
                events.append(said(number, person=person, reply_to=quoted))
            if draw(st.booleans()):
                events.append(reacted(number, number + 4, "👍", person=person))
            if draw(st.booleans()):
                events.append(reacted(number, number + 5, person=person))
            for later, emptied in enumerate(draw(st.lists(st.booleans(), max_size=2))):
                events.append(edited(number, number + 4 + later, person=person, emptied=emptied))
            if draw(st.booleans()):
                events.append(deleted(number, number + 8, person=person))
    return events


@st.composite
def _cases(draw: st.DrawFn) -> tuple[list[Incoming], list[list[tuple[Incoming, bool]]]]:
    """A story, and the same as it may come: shuffled, repeated, in batches for one process or the other."""
    story = draw(_stories())
    coming = draw(st.permutations(story))
    coming = coming + draw(st.lists(st.sampled_from(story), max_size=4))
    batches: list[list[tuple[Incoming, bool]]] = []
    seen: set[str] = set()
    while coming:
        size = draw(st.integers(1, 8))
        batches.append([(event, repr(event) in seen or draw(st.booleans())) for event in coming[:size]])
        seen.update(repr(event) for event in coming[:size])
        coming = coming[size:]
    return story, batches


@settings(
    max_examples=25,
    deadline=None,  # A shared machine pauses as it likes.
    # Each example has channels of its own; and a database takes its time.
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
    ],
)
@given(case=_cases(), together=st.booleans())
async def test_any_order_repetition_and_division_ends_in_the_documents_of_one_clean_run(
    house, other_house, case, together
):
    story, batches = case
    clean, messy = f"clean-{new_id()}", f"messy-{new_id()}"
    moment = now()
    await work_off(house.ingest, [accepted(event, channel_id=clean, received_at=moment) for event in story])
    work = [
        [accepted(event, channel_id=messy, repeated=repeated, received_at=moment) for event, repeated in batch]
        for batch in batches
    ]
    houses = (house, other_house)
    if together:
        await asyncio.gather(*(_all(each, work[side::2]) for side, each in enumerate(houses)))
    else:
        for turn, batch in enumerate(work):
            await work_off(houses[turn % 2].ingest, batch)
    assert await told(house.database, messy) == await told(house.database, clean)


async def _all(house: House, batches: Sequence[list[Accepted]]) -> None:
    for batch in batches:
        await work_off(house.ingest, batch)


async def only_case(house: House, channel_id: str = "c1") -> dict[str, Any]:
    (row,) = await house.database.durable.conversations.find({"channel_id": channel_id}).to_list(None)
    found: dict[str, Any] = row
    return found


async def test_an_album_whose_parts_come_last_first_is_one_unread_message(house):
    for number in (3, 1, 2):
        await work_off(house.ingest, [accepted(picture(number, 10, "See" if number == 2 else ""))])
    row = await only_case(house)
    assert unread(row, "mary") == 1
    assert row["last_message"]["text"] == "See"


@pytest.mark.parametrize("order", [(1, 2), (2, 1)], ids=["question first", "answer first"])
async def test_an_answer_knows_what_it_answers_in_any_order(house, order):
    events = {1: said(1), 2: said(2, reply_to="ann:1")}
    for number in order:
        await work_off(house.ingest, [accepted(events[number])])
    await work_off(house.ingest, [accepted(events[number], channel_id="c2") for number in order])
    for channel_id in ("c1", "c2"):
        found = await MessageStore(house.database).external_to_ids(channel_id, ["ann:1", "ann:2"])
        assert found["ann:2"]["reply_to"] == found["ann:1"]["_id"]


async def test_messages_from_two_processes_at_once_meet_in_one_conversation(house, other_house):
    halves = [[accepted(said(number)) for number in range(side, 40, 2)] for side in (0, 1)]
    await asyncio.gather(work_off(house.ingest, halves[0]), work_off(other_house.ingest, halves[1]))
    row = await only_case(house)
    assert unread(row, "mary") == 40
    assert await house.database.durable.messages.count_documents({"conversation_id": row["_id"]}) == 40
    assert await house.database.durable.customers.count_documents({}) == 1


async def test_one_event_that_can_never_be_processed_is_set_aside_alone(house):
    unstorable = said(2, text="\ud800")  # Half a character: no database takes it.
    batch = [accepted(said(1)), accepted(unstorable, key="poison"), accepted(said(3)), accepted(edited(1, 9))]
    await house.database.durable.journal.insert_many(
        [{"_id": event.id, "state": "pending", "channel_id": "c1", "kind": "telegram"} for event in batch]
    )
    await work_off(house.ingest, batch)
    states = {row["_id"]: row["state"] async for row in house.database.durable.journal.find()}
    assert states.pop(event_id("c1", "poison")) == "quarantined"
    assert set(states.values()) == {"done"}
    texts = [row["text"] async for row in house.database.durable.messages.find().sort("sort", 1)]
    assert texts == ["edited 9", "message 3"]


async def test_events_whose_kind_is_unknown_here_are_set_aside_with_the_reason(house):
    lost = accepted(said(1), key="lost")
    lost.kind, lost.events = "pigeon", None
    await house.database.durable.journal.insert_one({"_id": lost.id, "state": "pending"})
    await work_off(house.ingest, [lost])
    row = await house.database.durable.journal.find_one({})
    assert row["state"] == "quarantined"
    assert "could not be processed" in row["reason"]


async def close(house: House, ago: timedelta) -> dict[str, Any]:
    row = await only_case(house)
    changed = await ConversationStore(house.database).change(row["_id"], closing(now() - ago), expected={})
    assert changed is not None
    return changed


@pytest.mark.parametrize(
    ("ago", "window", "reopened"),
    [
        (timedelta(days=13), None, True),
        (timedelta(days=15), None, False),
        (timedelta(days=15), 30, True),
        (timedelta(days=3), 2, False),
    ],
)
async def test_a_closed_case_is_reopened_within_the_shops_window(house, ago, window, reopened):
    await work_off(house.ingest, [accepted(said(1))])
    closed = await close(house, ago)
    if window is not None:
        await house.settings.change({"reopen_window_days": window})
    await work_off(house.ingest, [accepted(said(2)), accepted(said(3))])
    rows = await house.database.durable.conversations.find().sort("created_at", 1).to_list(None)
    assert [row["active"] for row in rows] == ([True] if reopened else [False, True])
    assert rows[0]["_id"] == closed["_id"]
    assert (rows[0]["closed_at"] is None) == reopened


async def test_changes_and_news_about_reachability_open_nothing(house):
    await work_off(house.ingest, [accepted(said(1))])
    await close(house, timedelta(days=1))
    block = ReachabilityChanged(person=ANN, at=at(9), reachable=False, reason="blocked")
    await work_off(house.ingest, [accepted(edited(1, 5)), accepted(reacted(1, 6, "👍")), accepted(block)])
    row = await only_case(house)
    assert (row["status"], row["active"]) == ("closed", False)
    assert row["last_message"]["text"] == "edited 5"
    identity = await house.database.durable.identities.find_one({"_id": identity_id("c1", "ann")})
    assert (identity["reachable"], identity["reachable_reason"]) == (False, "blocked")


async def test_an_event_repeated_after_its_case_was_closed_opens_nothing(house):
    event = accepted(said(1))
    await work_off(house.ingest, [event])
    await close(house, timedelta(seconds=5))
    await work_off(house.ingest, [accepted(said(1), repeated=True)])
    assert (await only_case(house))["status"] == "closed"


async def test_an_opening_is_announced_for_its_message_however_often_it_is_repeated(house):
    heard: list[tuple[str, str]] = []

    async def listen(event: ConversationOpened | MessageReceived) -> None:
        heard.append((type(event).__name__, event.message["external_ids"][0]))

    house.bus.subscribe(ConversationOpened, listen)
    house.bus.subscribe(MessageReceived, listen)
    await work_off(house.ingest, [accepted(said(1)), accepted(said(2))])
    await work_off(house.ingest, [accepted(said(1), repeated=True)])
    opened = [external for name, external in heard if name == "ConversationOpened"]
    received = [external for name, external in heard if name == "MessageReceived"]
    assert opened == ["ann:1", "ann:1"]
    assert received == ["ann:1", "ann:2", "ann:1"]


async def test_waking_a_snoozed_case_is_an_opening(house):
    await work_off(house.ingest, [accepted(said(1))])
    row = await only_case(house)
    await house.conversations.change(row["_id"], {"status": "snoozed", "snoozed_until": now() + timedelta(days=1)})
    heard: list[str] = []

    async def listen(event: ConversationOpened) -> None:
        heard.append(event.message["external_ids"][0])

    house.bus.subscribe(ConversationOpened, listen)
    await work_off(house.ingest, [accepted(said(2))])
    assert heard == ["ann:2"]


async def test_files_are_expected_and_buttons_confirmed_once(house):
    press = said(2, content=ButtonPress(data="yes", acknowledge="q1"))
    for repeated in (False, True):
        await work_off(house.ingest, [accepted(picture(1, 1), repeated=repeated), accepted(press, repeated=repeated)])
    kinds = [row["kind"] async for row in house.database.durable.timers.find()]
    assert sorted(kinds) == ["channel.acknowledge", "identity.avatar", "media.fetch"]
    assert await house.database.durable.attachments.count_documents({"state": "pending"}) == 1


async def test_what_is_submitted_twice_while_it_waits_is_worked_on_once(house):
    event = accepted(said(1))
    house.ingest.submit([event, event])
    await work_off(house.ingest, [event])
    row = await only_case(house)
    assert row["version"] == 1
    frames = [frame["type"] async for live in house.database.durable.live.find() for frame in live["frames"]]
    assert frames.count("message.created") == 1


async def test_a_stranded_event_is_adopted_and_read_anew(house):
    raw = b'{"update_id": 7, "message": {"message_id": 3, "date": 1793523600, "chat": {"id": 5, "type": "private"},'
    raw += b' "from": {"id": 5, "first_name": "Ann"}, "text": "Hello?"}}'
    row: dict[str, Any] = {
        "_id": event_id("c1", "7"),
        "channel_id": "c1",
        "kind": "telegram",
        "key": "7",
        "raw": raw,
        "request_id": "",
    }
    row |= {"state": "pending", "received_at": now(), "lease_until": now() - timedelta(seconds=1)}
    await house.database.durable.journal.insert_one(row)
    await house.ingest.adopt()
    await work_off(house.ingest, [])
    stored = await house.database.durable.messages.find_one({})
    assert stored["text"] == "Hello?"
    assert await house.journal_store.pending() == 0
