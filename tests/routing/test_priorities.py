"""Rules raise a conversation's priority, once, and the queue follows."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from inbox.managers import NewManager
from inbox.model.conversation import Priority
from inbox.model.domain_events import ConversationChanged
from inbox.model.ids import new_id, now
from inbox.model.incoming import Person
from inbox.model.people import Author, Role, Status, Viewer
from routing.policy import PriorityRule, RoutingSettings
from routing.priorities import meets
from tests.conftest import SECRET_KEY
from tests.inbox.arrivals import ANN, accepted, said, work_off
from web.house import House

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
BOSS = Author.of(Viewer(id="boss", name="Boss", role=Role.OWNER))


def rule(priority: str = "high", **asked: Any) -> PriorityRule:
    return PriorityRule.model_validate({"priority": priority, **asked})


WAITING = {"assignee_id": None, "status": "open", "waiting_since": NOON - timedelta(minutes=30)}


@pytest.mark.parametrize(
    ("asked", "conversation", "met"),
    [
        ({"channels": ["c1", "c2"]}, {}, True),
        ({"channels": ["telegram"]}, {}, True),
        ({"channels": ["viber"]}, {}, False),
        ({"labels": ["vip", "complaint"]}, {"labels": ["complaint", "size"]}, True),
        ({"labels": ["vip"]}, {"labels": ["size"]}, False),
        ({"tags": ["regular"]}, {}, True),
        ({"tags": ["wholesale"]}, {}, False),
        ({"waiting": 30}, {}, True),
        ({"waiting": 31}, {}, False),
        ({"waiting": 30}, {"assignee_id": "mary"}, False),
        ({"waiting": 30}, {"status": "snoozed"}, False),
        ({"waiting": 30}, {"waiting_since": None}, False),
        ({"waiting": 10, "channels": ["telegram"], "labels": ["vip"]}, {"labels": ["vip"]}, True),
        ({"waiting": 10, "channels": ["telegram"], "labels": ["vip"]}, {"labels": []}, False),
    ],
)
def test_all_that_a_rule_names_must_be_met(asked, conversation, met):
    row = {"channel_id": "c1", "labels": [], **WAITING, **conversation}
    assert meets(rule(**asked), row, "telegram", ("regular",), NOON) is met


def test_a_rule_that_asks_nothing_is_refused():
    with pytest.raises(ValidationError, match="name channels, labels, tags or waiting"):
        rule()


class Office:
    def __init__(self, house: House) -> None:
        self.house = house
        self.rows = house.database.durable.conversations
        self._numbers = 0

    async def go_by(self, *rules: PriorityRule) -> None:
        shop = RoutingSettings(priorities=rules).model_dump(mode="json", by_alias=True)
        await self.house.settings.change({"routing": shop})
        self.house.policies.forget()

    async def write(self, person: Person = ANN, *, channel_id: str = "c1") -> str:
        self._numbers += 1
        event = said(self._numbers, person=person)
        await work_off(self.house.ingest, [accepted(event, channel_id=channel_id)])
        row = await self.rows.find_one({"last_message.text": event.text})
        assert row is not None
        identifier: str = row["_id"]
        return identifier

    async def priority(self, conversation_id: str) -> str:
        row = await self.rows.find_one({"_id": conversation_id})
        assert row is not None
        return Priority(row["priority"]).name.lower()

    async def waits(self, conversation_id: str, minutes: int) -> None:
        since = now() - timedelta(minutes=minutes)
        await self.rows.update_one({"_id": conversation_id}, {"$set": {"waiting_since": since}})

    async def set(self, conversation_id: str, **changes: Any) -> None:
        await self.house.conversations.change(conversation_id, changes, by=BOSS)


@pytest.fixture
async def office(house):
    return Office(house)


@pytest.fixture
async def other_house(house):
    """Another process of the same shop."""
    other = House(house.database, house.redis, secret_key=SECRET_KEY, base_url="http://127.0.0.1:1")
    yield other
    await other.channels.close()


async def test_a_channel_raises_what_is_opened_there(office):
    await office.go_by(rule(channels=["c2"]))
    assert await office.priority(await office.write()) == "normal"
    assert await office.priority(await office.write(Person(external_id="bob"), channel_id="c2")) == "high"


async def test_who_goes_on_where_a_rule_looks_is_raised_too(office):
    conversation = await office.write()
    await office.go_by(rule(channels=["c1"]))
    await office.write()
    assert await office.priority(conversation) == "high"


async def test_a_label_raises_at_once_and_what_a_person_sets_afterwards_stays(office):
    await office.go_by(rule("urgent", labels=["complaint"]))
    conversation = await office.write()
    await office.house.conversations.label(conversation, add=["complaint"], remove=[])
    assert await office.priority(conversation) == "urgent"
    await office.set(conversation, priority="low")
    await office.house.conversations.label(conversation, add=["size"], remove=[])
    await office.write()
    await office.house.priorities.look()
    assert await office.priority(conversation) == "low"


async def test_nothing_is_ever_lowered(office):
    await office.go_by(rule("high", labels=["complaint"]))
    conversation = await office.write()
    await office.set(conversation, priority="urgent")
    await office.set(conversation, labels=["complaint"])
    assert await office.priority(conversation) == "urgent"
    # The rule was met and has done what it does: what a person sets later stays.
    await office.set(conversation, priority="normal")
    await office.house.priorities.look()
    assert await office.priority(conversation) == "normal"


async def test_a_tag_on_the_customers_card_raises_when_they_write_or_when_it_is_put_there(office):
    await office.go_by(rule(tags=["vip"]))
    conversation = await office.write()
    assert await office.priority(conversation) == "normal"
    row = await office.rows.find_one({"_id": conversation})
    await office.house.customers.change(row["customer_id"], {"tags": ["vip"]})
    await office.house.priorities.look()
    assert await office.priority(conversation) == "high"
    await office.set(conversation, status="closed", priority="low")
    await office.write()
    assert await office.priority(conversation) == "high"


async def test_who_waits_too_long_goes_first_once_however_many_processes_look(office, other_house):
    heard: list[ConversationChanged] = []

    async def hear(event: ConversationChanged) -> None:
        heard.append(event)

    for house in (office.house, other_house):
        house.bus.subscribe(ConversationChanged, hear)
    await office.go_by(rule("high", waiting=20), rule("urgent", waiting=60))
    conversation = await office.write()
    await office.waits(conversation, 19)
    await office.house.priorities.look()
    assert await office.priority(conversation) == "normal"
    await office.waits(conversation, 21)
    await asyncio.gather(*(house.priorities.look() for house in (office.house, other_house) for _ in range(4)))
    assert await office.priority(conversation) == "high"
    await office.waits(conversation, 61)
    await office.house.priorities.look()
    assert await office.priority(conversation) == "urgent"
    assert [(event.before["priority"], event.after["priority"]) for event in heard] == [(1, 2), (2, 3)]


async def test_a_rule_counts_again_when_the_conversation_is_opened_again(office):
    await office.go_by(rule(waiting=20))
    conversation = await office.write()
    await office.waits(conversation, 30)
    await office.house.priorities.look()
    await office.set(conversation, priority="normal")
    await office.set(conversation, status="closed")
    await office.write()
    await office.waits(conversation, 30)
    await office.house.priorities.look()
    assert await office.priority(conversation) == "high"


async def test_the_queue_is_given_out_by_what_rules_have_raised(office):
    await office.go_by(rule("urgent", labels=["complaint"]))
    people = [Person(external_id=f"p{number}", name=f"P{number}") for number in range(3)]
    first, second, third = [await office.write(person) for person in people]
    await office.set(third, labels=["complaint"])
    wanted = NewManager(email=f"{new_id()}@shop.example", name="Mary", password_hash="", capacity=2)
    mary = (await office.house.managers.create(wanted, by=None))["_id"]
    await office.house.assigner.set_status(mary, Status.ONLINE)
    holders = [(await office.rows.find_one({"_id": key}))["assignee_id"] for key in (first, second, third)]
    assert holders == [mary, None, mary]


async def test_who_is_raised_at_the_opening_comes_to_whoever_is_free_all_the_same(office):
    await office.go_by(rule("urgent", channels=["c1"]))
    wanted = NewManager(email=f"{new_id()}@shop.example", name="Mary", password_hash="")
    mary = (await office.house.managers.create(wanted, by=None))["_id"]
    await office.house.assigner.set_status(mary, Status.ONLINE)
    row = await office.rows.find_one({"_id": await office.write()})
    assert (row["assignee_id"], row["priority"]) == (mary, Priority.URGENT)
    assert (await office.house.managers.get(mary))["holding"] == [row["_id"]]


async def test_two_cards_that_become_one_bring_their_tags_together(office):
    await office.go_by(rule(tags=["vip"]))
    ann, bob = await office.write(), await office.write(Person(external_id="bob", name="Bob"))
    cards = [(await office.rows.find_one({"_id": key}))["customer_id"] for key in (ann, bob)]
    await office.set(bob, status="closed")
    await office.house.customers.change(cards[1], {"tags": ["vip"]})
    await office.house.merging.merge(*cards, by=BOSS, reason={"type": "manual"})
    assert await office.priority(ann) == "high"
