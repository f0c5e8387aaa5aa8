"""A merge, an undo or a split between any two words of a batch, or of a manager's note, to the database."""

import itertools
import os
from typing import Any

import pytest

from inbox.model.errors import Conflict
from inbox.model.ids import first_customer_id, identity_id, new_id
from inbox.model.incoming import MessageEdited
from inbox.model.people import Author
from inbox.replies import Draft
from tests.inbox.arrivals import ANN, accepted, at, said, work_off
from tests.people import check, settle
from tests.promises.crashing import with_between
from web.house import House

STRIDE = int(os.environ.get("STRIDE", "4"))
"""Of so many words one is looked at; `make test-slow` looks at each."""

MARY = Author(type="manager", id="mary", name="Mary")
MANUAL = {"type": "manual"}


class Pair:
    """Somebody with two cards, over channels of their own."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.channels = (new_id(), new_id())
        self.cards = tuple(first_customer_id(identity_id(channel, "ann")) for channel in self.channels)
        self.said: dict[str, str] = {}

    def coming(self, side: int, number: int, **fields: Any) -> Any:
        event = said(number, **fields)
        self.said[f"{self.channels[side]}:{event.external_id}"] = event.text
        return accepted(event, channel_id=self.channels[side])

    def edited(self, side: int, number: int) -> Any:
        self.said[f"{self.channels[side]}:ann:{number}"] = "edited"
        change = MessageEdited(person=ANN, external_id=f"ann:{number}", at=at(number + 50), text="edited")
        return accepted(change, channel_id=self.channels[side])

    async def write(self) -> None:
        await work_off(self.house.ingest, [self.coming(0, 1), self.coming(1, 2)])

    async def merge(self) -> None:
        await self.house.merging.merge(*self.cards, by=MARY, reason=MANUAL)

    async def undo(self) -> None:
        [merge] = await self.house.merging.merges(self.cards[0])
        await self.house.merging.undo(self.cards[0], merge["_id"], by=MARY)

    async def split(self) -> None:
        await self.house.merging.split(self.cards[0], identity_id(self.channels[1], "ann"), by=MARY)

    async def is_in_order(self) -> None:
        """Everything is stored once, at home, and counts in its conversation."""
        await settle(self.house)
        await check(self.house.database)
        durable = self.house.database.durable
        rows = await durable.messages.find({"channel_id": {"$in": self.channels}, "direction": "in"}).to_list(None)
        assert {f"{row['channel_id']}:{row['external_ids'][0]}": row["text"] for row in rows} == self.said
        assert len(rows) == len(self.said)
        async for case in durable.conversations.find({"channel_id": {"$in": self.channels}}):
            mine = sorted(row["sort"] for row in rows if row["conversation_id"] == case["_id"])
            assert case["unanswered"] == mine
            assert case["last_message"]["sort"] == mine[-1]
            shown = next(row for row in rows if row["_id"] == case["last_message"]["id"])
            assert case["last_message"]["text"] == shown["text"]


@pytest.mark.parametrize("what", ["merge", "undo", "split"])
async def test_between_any_two_words_of_a_batch(house, watched, crash, what):
    for command in itertools.count(1, STRIDE):
        pair = Pair(house)
        await pair.write()
        if what != "merge":
            await pair.merge()
        batch = [pair.coming(1, 3), pair.coming(0, 4), pair.edited(1, 2)]
        came = await with_between(crash, work_off(watched.ingest, batch), command, getattr(pair, what))
        if not came:
            assert command > 8, "a batch says more than that"
            break
        await pair.is_in_order()


async def test_a_merge_between_any_two_words_of_a_batch_that_opens_a_conversation(house, watched, crash):
    for command in itertools.count(1, STRIDE):
        pair = Pair(house)
        await pair.write()
        await house.database.durable.conversations.delete_many({"customer_id": pair.cards[1]})
        await house.database.durable.messages.delete_many({"customer_id": pair.cards[1]})
        del pair.said[f"{pair.channels[1]}:ann:2"]
        work = work_off(watched.ingest, [pair.coming(1, 3)])
        if not await with_between(crash, work, command, pair.merge):
            break
        await pair.is_in_order()


@pytest.mark.parametrize("what", ["merge", "undo", "split"])
async def test_between_any_two_words_of_a_note(house, watched, crash, what):
    durable = house.database.durable
    for command in itertools.count(1, STRIDE):
        pair = Pair(house)
        await pair.write()
        if what != "merge":
            await pair.merge()
        [case] = await durable.conversations.find({"customer_id": pair.cards[what == "merge"]}).to_list(None)
        token = new_id()
        draft = Draft(kind="note", text="a note", client_token=token)
        try:
            came = await with_between(
                crash, watched.replies.post(case["_id"], draft, author=MARY), command, getattr(pair, what)
            )
        except Conflict:
            came = True
        if not came:
            break
        await pair.is_in_order()
        assert await durable.messages.count_documents({"client_token": token}) == 1
