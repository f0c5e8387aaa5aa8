"""Whom orders are told of: what must hold of the message, of the card, and of what merged it with the order's."""

from typing import Any

import pytest

from channels.registry import KINDS
from inbox.disclosure import Disclosure
from inbox.model.orders import Contact
from inbox.model.people import Author
from inbox.storage.database import Document
from inbox.storage.merging import MergeStore
from inbox.storage.order_tries import OrderTryStore
from inbox.storage.orders import OrderStore
from inbox.storage.people import PeopleStore
from tests.inbox import customers
from web.house import House

PHONE = "+380671234567"
ANN = Author(type="manager", id="m1", name="Ann")


class Counter:
    """A house, two people at its counter, and who is told what."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.disclosure = Disclosure(
            orders=OrderStore(house.database),
            people=PeopleStore(house.database),
            merges=MergeStore(house.database),
            tries=OrderTryStore(house.database),
            kinds=KINDS,
        )

    async def identity(self, card: str) -> Document:
        found = await self.house.database.durable.identities.find_one({"customer_id": card})
        assert found is not None
        return dict(found)

    async def told(self, identity: Document, **message: Any) -> list[str]:
        said = {"_id": "m", "identity_id": identity["_id"], **message}
        return [order["number"] for order in await self.disclosure.own(said)]


@pytest.fixture
async def counter(house: House) -> Counter:
    return Counter(house)


async def test_an_order_that_names_a_card_is_told_to_who_is_on_it(counter):
    channel = await customers.channel(counter.house)
    oksana, petro = [await customers.customer(counter.house, channel) for _ in range(2)]
    await customers.order(counter.house, oksana, "1001")
    assert await counter.told(await counter.identity(oksana)) == ["1001"]
    assert await counter.told(await counter.identity(petro)) == []


@pytest.mark.parametrize("mark", [{"joined": "answer"}, {"kind": "nothing that there is"}])
async def test_whoever_is_not_certainly_the_cards_is_told_nothing(counter, mark):
    oksana = await customers.customer(counter.house, await customers.channel(counter.house))
    await customers.order(counter.house, oksana, "1001")
    identity = await counter.identity(oksana)
    await counter.house.database.durable.identities.update_one({"_id": identity["_id"]}, {"$set": mark})
    assert await counter.told(identity) == []


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ({}, []),
        ({"unconfirmed": True}, []),
        ({"vouched": True, "unconfirmed": True}, []),
        ({"vouched": True}, ["1001"]),
    ],
)
async def test_a_letter_is_its_senders_only_where_somebody_vouches_for_it(counter, message, told):
    oksana = await customers.customer(counter.house, await customers.channel(counter.house, "email"))
    await customers.order(counter.house, oksana, "1001")
    assert await counter.told(await counter.identity(oksana), **message) == told


async def test_what_a_contact_brought_to_a_card_is_told_while_somebody_there_proves_it(counter):
    house = counter.house
    oksana = await customers.customer(house, await customers.channel(house))
    identity = await counter.identity(oksana)
    await house.proofs.prove(identity["_id"], "phone", PHONE)
    await customers.order(house, None, "1001", contact=Contact(phone=PHONE))
    assert await counter.told(identity) == ["1001"]
    await house.database.durable.identities.update_one({"_id": identity["_id"]}, {"$unset": {"proven": ""}})
    assert await counter.told(identity) == []


@pytest.mark.parametrize(
    ("reason", "told"), [("manual", ["1001"]), ("phone", ["1001"]), ("code", ["1001"]), ("suggestion", [])]
)
async def test_a_merged_card_is_told_what_more_than_a_suggestion_joined(counter, reason, told):
    house = counter.house
    channel = await customers.channel(house)
    oksana, petro = [await customers.customer(house, channel) for _ in range(2)]
    theirs, his = await counter.identity(oksana), await counter.identity(petro)
    await customers.order(house, oksana, "1001")
    await house.merging.merge(petro, oksana, by=ANN, reason={"type": reason, "value": PHONE})
    assert await counter.told(his) == told
    assert await counter.told(theirs) == ["1001"]


async def test_an_order_that_is_still_on_its_way_back_from_an_undone_merge_is_told_to_nobody_else(counter):
    """The identities go back at once, and orders a moment later: whoever asks in between is told nothing."""
    house = counter.house
    channel = await customers.channel(house)
    oksana, petro = [await customers.customer(house, channel) for _ in range(2)]
    theirs, his = await counter.identity(oksana), await counter.identity(petro)
    await customers.order(house, oksana, "1001")
    await house.merging.merge(petro, oksana, by=ANN, reason={"type": "manual"})
    assert await counter.told(his) == ["1001"]
    [merge] = await house.merging.merges(petro)
    stored = MergeStore(house.database)
    undone = await stored.undo(merge["_id"], {"type": "manager", "id": "m1", "name": "Ann"})
    assert (await house.orders.get("1001"))["customer_id"] == petro
    assert await counter.told(his) == []
    await stored.restore(undone)
    assert await counter.told(his) == []
    assert await counter.told(theirs) == ["1001"]


@pytest.mark.parametrize(
    ("spellings", "phone", "found"),
    [
        (["1001"], PHONE, True),
        (["A-1001", "1001"], PHONE, True),
        (["1001"], "+380671234568", False),
        (["1001"], "", False),
        (["1002"], PHONE, False),
        (["1003"], "", False),  # It has no phone.
    ],
)
async def test_a_stranger_needs_number_and_phone(counter, spellings, phone, found):
    house = counter.house
    await customers.order(house, None, "#1001", contact=Contact(phone=PHONE))
    await customers.order(house, None, "1003")
    message = {"_id": "m", "identity_id": "nobody"}
    assert (await counter.disclosure.matching(message, spellings, phone) is not None) is found
