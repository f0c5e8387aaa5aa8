"""One person, one card: merging cards, parting them again, splitting an identity off.

What decides happens in one transaction (`inbox.storage.merging`); the rest is finished here, by whoever began it, by
the timer that came into being with it, or by a batch that meets what is left. All of it may be repeated, in any
process.

A writer may have looked up the old card just before and write just after. So what a merge, an undo or a split left
behind is looked for again several times over the following day, and a batch asks after its writes whose its identities
are by then (`Merging.strayed`).
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog

from inbox.events import EventBus
from inbox.live import Frame, LiveFeed, about
from inbox.model.conversation import ConversationStatus, preview
from inbox.model.domain_events import CardsChanged
from inbox.model.errors import Invalid, NotFound
from inbox.model.ids import now, sort_key
from inbox.model.people import SYSTEM, Author
from inbox.storage.conversations import ConversationStore
from inbox.storage.database import Document
from inbox.storage.merging import MergeStore, system_line_id
from inbox.storage.messages import MessageStore
from inbox.storage.people import PeopleStore
from inbox.storage.timers import TimerStore
from inbox.timers import Later

LOOKS = (
    timedelta(seconds=5),
    timedelta(minutes=1),
    timedelta(minutes=10),
    timedelta(hours=1),
    timedelta(days=1),
)
"""How long after it began a merge is looked at again for what came late."""

TOLD_AGAIN = timedelta(seconds=30)
"""How long pages are told again whatever is found: a frame of somebody's older look may have come behind ours."""

_log = structlog.get_logger(__name__)


class Merging:
    """Merges, undoes and splits."""

    def __init__(
        self,
        *,
        store: MergeStore,
        people: PeopleStore,
        conversations: ConversationStore,
        messages: MessageStore,
        timers: TimerStore,
        feed: LiveFeed,
        bus: EventBus,
    ) -> None:
        self._store = store
        self._people = people
        self._conversations = conversations
        self._messages = messages
        self._timers = timers
        self._feed = feed
        self._bus = bus

    async def merge(self, customer_id: str, other_id: str, *, by: Author, reason: Mapping[str, Any]) -> Document:
        """Join the other card into this one, which stays; returns the card.

        `reason` is `{type, value?}`: `manual`, `suggestion`, `phone`, `email` or `code`. Raises `Invalid` where both
        are one card already.
        """
        merge = await self._store.merge(customer_id, other_id, by=_told(by), reason=dict(reason))
        if merge is None:
            raise Invalid("other_id", "these two are one card already")
        await self._finish(merge)
        return await self.card(merge["survivor_id"])

    async def merge_proven(
        self, first: Document, second: Document, *, reason: Mapping[str, Any], certain: bool = False
    ) -> None:
        """Join two cards that proved the same contact: the older one stays.

        Not where a person said that they are two, unless it is `certain`.
        """
        older, younger = sorted((first, second), key=lambda card: (card["created_at"], card["_id"]))
        merge = await self._store.merge(
            older["_id"], younger["_id"], by=_told(SYSTEM), reason=dict(reason), unless_strangers=not certain
        )
        if merge is not None:
            await self._finish(merge)

    async def undo(self, customer_id: str, merge_id: str, *, by: Author) -> Document:
        """Part what a merge joined; returns the card that had stayed. They are not merged again by themselves."""
        merge = await self._store.get(merge_id)
        if merge is None or merge["kind"] != "merge" or customer_id not in (merge["survivor_id"], merge["loser_id"]):
            raise NotFound("there is no such merge")
        # What the merge has left to do comes before what its undoing has.
        if merge["state"] == "merged":
            await self._move(merge)
        await self._finish(await self._store.undo(merge_id, _told(by)))
        return await self.card(merge["survivor_id"])

    async def split(self, customer_id: str, identity_id: str, *, by: Author) -> Document:
        """Give an identity, with what was said over it, a card of its own; returns that card."""
        split = await self._store.split(customer_id, identity_id, by=_told(by))
        await self._finish(split)
        return await self.card(split["loser_id"])

    async def confirm(self, customer_id: str, identity_id: str) -> Document:
        """Have an identity that joined a card unproven count as that person's; returns the card."""
        card = await self._store.confirm(customer_id, identity_id)
        await self._feed.publish([Frame(type="customer.updated", data=card)])
        return card

    async def card(self, customer_id: str) -> Document:
        """A card, or the one that it was merged into."""
        card = await self._people.living(customer_id)
        if card is None:
            raise NotFound("there is no such customer")
        return card

    async def merges(self, customer_id: str) -> list[Document]:
        """The merges into a card that can be undone, newest first."""
        return await self._store.of_survivor(customer_id)

    async def strangers(self, customer_id: str) -> set[str]:
        """The cards that somebody said are other people than this one."""
        return await self._store.strangers(customer_id)

    async def set_apart(self, card: Document, other: Document, *, by: Author) -> None:
        """Remember that two cards are two people. Raises `Invalid` for one and the same."""
        if card["_id"] == other["_id"]:
            raise Invalid("other", "these two are one card")
        await self._store.set_apart(card["_id"], other["_id"], _told(by))

    async def strayed(self, messages: Sequence[Document]) -> list[Document]:
        """Those of these messages that were stored on a card which is not their identity's by now."""
        present = await self._store.strays.cards_of(
            list({row["identity_id"] for row in messages if row["identity_id"]})
        )
        return [row for row in messages if present.get(row["identity_id"], row["customer_id"]) != row["customer_id"]]

    async def bring_home(self, strays: Sequence[Document]) -> None:
        """Finish whatever these messages met, so that they go where they belong and count there alone."""
        for merge in await self._store.involving(list({row["customer_id"] for row in strays})):
            await self._finish(merge)
        for conversation_id in {row["conversation_id"] for row in strays}:
            await self._store.strays.recount(conversation_id)

    async def complete(self, customer_id: str) -> dict[str, str]:
        """Finish every merge, undo and split that a card and those merged into it had a part in.

        Returns in which state each of them is.
        """
        card = await self._people.living(customer_id)
        family = {customer_id if card is None else card["_id"]}
        while True:
            merges = await self._store.involving(list(family))
            joined = {row["loser_id"] for row in merges if row["state"] == "merged" and row["survivor_id"] in family}
            if joined <= family:
                break
            family |= joined
        for merge in merges:
            await self._finish(merge)
        return {merge["_id"]: merge["state"] for merge in merges}

    async def bring_home_from(self, conversation_ids: Iterable[str]) -> None:
        """The same for what was said in conversations that ended in another one."""
        for merge_id in {row["merge_id"] for row in await self._store.absorbed(list(conversation_ids))}:
            merge = await self._store.get(merge_id)
            if merge is not None:
                await self._finish(merge)

    async def settle(self, data: Mapping[str, Any]) -> None:
        """Finish what was begun, and look again for what came late (timer `cards.settle`)."""
        merge = await self._store.get(data["merge_id"])
        if merge is None:
            return
        await self._finish(merge)
        age = _age(merge)
        following = next((look for look in LOOKS if look > age), None)
        if following is not None:
            raise Later((following - age).total_seconds())

    async def _finish(self, merge: Document) -> None:
        moved = await self._move(merge)
        if moved or _age(merge) < TOLD_AGAIN:
            await self._tell(merge)

    async def _move(self, merge: Document) -> bool:
        """Move what is not where it belongs; whether there was anything."""
        if merge["state"] == "merged":
            strays = await self._store.take_over(merge)
            moved = await self._store.bring(merge)
            noted = await self._note(merge)
            # What another merge, undo or split had still to move may have come along.
            sorted_out = await self._store.strays.sort_out([merge["survivor_id"]])
            return strays or moved or noted or sorted_out
        restored = merge["state"] == "undone" and await self._store.restore(merge)
        sorted_out = await self._store.strays.sort_out([merge["survivor_id"], merge["loser_id"]])
        return restored or sorted_out

    async def _note(self, merge: Document) -> bool:
        """Have the conversation tell of the merge, once."""
        cases = await self._conversations.of_customer(merge["survivor_id"])
        home = next((case for case in cases if case["active"]), cases[0] if cases else None)
        if home is None:
            return False
        present = merge["at"]
        return await self._store.note(
            {
                "_id": system_line_id(merge),
                "conversation_id": home["_id"],
                "customer_id": merge["survivor_id"],
                "channel_id": home["channel_id"],
                "identity_id": None,
                "direction": "system",
                "author": {"type": "system", "id": None, "name": "", "machine": False},
                "text": told_of(merge),
                "content": None,
                "entities": [],
                "attachments": [],
                "forwarded": False,
                "reply_to": None,
                "state": "stored",
                "error": None,
                "sort": sort_key(present),
                "sent_at": present,
                "received_at": present,
                "created_at": present,
                "edited_at": None,
                "deleted_at": None,
                "reactions": [],
                "automatic": True,
            }
        )

    async def _tell(self, merge: Document) -> None:
        """Have routing, timers and every open page know how things are now."""
        cards = [merge["survivor_id"], merge["loser_id"]]
        joins = await self._store.joins(merge["_id"])
        cases = [case for card in cards for case in await self._conversations.of_customer(card)]
        concerned = [case for case in cases if case["active"] or case["_id"] in joins.values()]
        concerned = [await self._with_true_preview(case) for case in concerned]
        await self._keep_snoozes(concerned, joins)
        frames = []
        for card in await asyncio.gather(*map(self._people.customer, cards)):
            if card is not None and card.get("merged_into") is None:
                frames.append(Frame(type="customer.updated", data=card))
            elif card is not None:
                frames.append(Frame(type="customer.merged", data={"_id": card["_id"], "into": card["merged_into"]}))
        frames += [
            Frame(type="conversation.moved", data={"_id": source, "into": target}) for source, target in joins.items()
        ]
        if merge["state"] != "merged":
            # What was said in them is said elsewhere now: pages read them anew.
            frames += [Frame(type="conversation.moved", data={"_id": row["_id"], "into": row["_id"]}) for row in cases]
        frames += [about("conversation.updated", row, row) for row in concerned]
        await self._feed.publish(frames)
        await self._bus.announce(CardsChanged(merge, [*joins, *(row["_id"] for row in cases)]))
        _log.info("cards_changed", kind=merge["kind"], state=merge["state"], merge_id=merge["_id"])

    async def _with_true_preview(self, conversation: Document) -> Document:
        """The conversation, its last message as that is now: somebody may have changed it while it moved."""
        last = conversation["last_message"]
        message = await self._messages.get(last["id"]) if last is not None else None
        if message is not None and message["conversation_id"] != conversation["_id"]:
            await self._store.strays.recount(conversation["_id"])
            return await self._conversations.get(conversation["_id"]) or conversation
        if message is None or preview(message) == last:
            return conversation
        return await self._conversations.message_changed(message) or conversation

    async def _keep_snoozes(self, present: Sequence[Document], joins: Mapping[str, str]) -> None:
        for key in joins:
            await self._timers.clear(f"conversation.wake:{key}")
        for row in present:
            if row["status"] == ConversationStatus.SNOOZED:
                wake = f"conversation.wake:{row['_id']}"
                await self._timers.set(wake, "conversation.wake", row["snoozed_until"], {"conversation_id": row["_id"]})


def _age(merge: Mapping[str, Any]) -> timedelta:
    """How long ago it was done, or undone."""
    since: datetime = merge["undone_at"] if merge["state"] == "undone" else merge["at"]
    return now() - since


def told_of(merge: Mapping[str, Any]) -> str:
    """A merge in words."""
    name = merge["before"]["loser"]["name"] or "somebody without a name"
    reason = merge["reason"]
    because = {
        "phone": "both proved the phone {value}",
        "email": "both proved the address {value}",
        "code": "a one-time code for {value} was typed",
    }
    if reason["type"] in because:
        why = because[reason["type"]].format(value=reason["value"])
    else:
        why = f"{merge['by']['name'] or 'somebody'} says that they are one person"
    outdone = {field.removeprefix("fields."): value for field, value in merge["outdone"].items() if field != "name"}
    said = ", ".join(f"{field} {value}" for field, value in outdone.items())
    return f"The card of {name} joined this one: {why}." + (f" It said: {said}." if said else "")


def _told(author: Author) -> Document:
    return {"type": author.type, "id": author.id, "name": author.name}
