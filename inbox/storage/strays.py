"""Messages that lie on another card than their identity's, brought home; and conversations that tell of messages gone.

Merges, splits and their undoing move identities at once and messages behind them, and whoever stored a message
meanwhile may have read the card before. So whatever lies elsewhere is looked for by what it says itself, as often as
one likes.
"""

from collections.abc import Collection, Sequence
from typing import Any

from motor.motor_asyncio import AsyncIOMotorClientSession

from inbox.model.conversation import KEEP_UNANSWERED, new_conversation
from inbox.model.ids import new_id
from inbox.model.merging import recounted
from inbox.storage.database import Database, Document
from inbox.storage.transactions import together

CHUNK = 400
"""How many messages change their conversation in one transaction."""

_Session = AsyncIOMotorClientSession


class StrayStore:
    """The `messages` of cards that were merged or split, with what belongs to them, and their `conversations`."""

    def __init__(self, database: Database) -> None:
        self._client = database.client
        self._durable = database.durable

    async def cards_of(self, identity_ids: Sequence[str]) -> dict[str, str]:
        """Whose these identities are now."""
        rows = self._durable.identities.find({"_id": {"$in": list(identity_ids)}}, {"customer_id": 1})
        return {row["_id"]: row["customer_id"] async for row in rows}

    async def sort_out(self, customer_ids: Sequence[str]) -> bool:
        """Bring every message of these cards to the card of its identity, into a conversation of that card.

        Returns whether any was elsewhere.
        """
        moved = False
        for card in customer_ids:
            own = await self._durable.identities.find({"customer_id": card}, {"_id": 1}).to_list(None)
            mine = [None, *(row["_id"] for row in own)]
            moved |= await self._sort({"customer_id": card, "identity_id": {"$nin": mine}})
            cases = await self._durable.conversations.find({"customer_id": card}, {"_id": 1}).to_list(None)
            within = {"conversation_id": {"$in": [row["_id"] for row in cases]}, "customer_id": {"$ne": card}}
            moved |= await self._sort({**within, "identity_id": {"$ne": None}})
            # Notes and system lines stay with the conversation that they were written in.
            await self._durable.messages.update_many({**within, "identity_id": None}, {"$set": {"customer_id": card}})
        for card in customer_ids:
            await self._mend(card)
        return moved

    async def _mend(self, card: str) -> None:
        """Count anew those conversations of a card that tell of messages which are not theirs.

        A conversation is given back as it was when it was joined, and messages that were in it may have gone elsewhere.
        """
        cases = await self._durable.conversations.find({"customer_id": card}).to_list(None)
        for case in cases:
            shown = case["last_message"]
            told = {*case["unanswered"], *([shown["sort"]] if shown is not None else [])}
            there = {"conversation_id": case["_id"], "sort": {"$in": list(told)}}
            found = self._durable.messages.find(there, {"sort": 1})
            missing = told - {row["sort"] async for row in found}
            if missing and not await self._coming(case["_id"], missing):
                await self.recount(case["_id"])

    async def _coming(self, conversation_id: str, sorts: Collection[str]) -> bool:
        """Whether such messages are still to follow a conversation that ended in this one."""
        ended = await self._durable.absorbed.find({"into": conversation_id}, {"_id": 1}).to_list(None)
        within = {"conversation_id": {"$in": [row["_id"] for row in ended]}, "sort": {"$in": list(sorts)}}
        return await self._durable.messages.find_one(within, {"_id": 1}) is not None

    async def _sort(self, strays: Document) -> bool:
        """Bring home those messages whose identity is known; whether there were any."""
        found = self._durable.messages.aggregate([{"$match": strays}, {"$group": {"_id": "$identity_id"}}])
        cards = await self.cards_of([row["_id"] async for row in found])
        moved = False
        for identity_id, card in cards.items():
            moved |= await self._relocate({**strays, "identity_id": identity_id}, card)
        return moved

    async def _relocate(self, strays: Document, card: str) -> bool:
        moved = False
        while True:
            found = await self._durable.messages.find(strays, {"_id": 1}).sort("sort", 1).limit(CHUNK).to_list(CHUNK)
            if not found:
                return moved
            moved = True
            ids = [row["_id"] for row in found]

            async def write(session: _Session, ids: list[str] = ids) -> None:
                await self._rehouse({**strays, "_id": {"$in": ids}}, card, session)

            await together(self._client, write)

    async def _rehouse(self, strays: Document, card: str, session: _Session) -> None:
        """Move messages into a conversation of their card's and count both conversations anew."""
        messages = self._durable.messages
        rows = await messages.find(strays, session=session).to_list(None)
        left = {"$in": list({row["conversation_id"] for row in rows})}
        cases = await self._durable.conversations.find({"_id": left}, session=session).to_list(None)
        own = [case["_id"] for case in cases if case["customer_id"] == card]
        await messages.update_many(
            {"_id": {"$in": [row["_id"] for row in rows if row["conversation_id"] in own]}},
            {"$set": {"customer_id": card}, "$unset": {"moved": ""}},
            session=session,
        )
        leaving = [row for row in rows if row["conversation_id"] not in own]
        if not leaving:
            return
        sources = [case for case in cases if case["_id"] not in own]
        target = await self._home(card, sources, leaving, session)
        for source in sources:
            await free_tokens(self._durable, source["_id"], target["_id"], session)
        ids = {"$in": [row["_id"] for row in leaving]}
        change: Document = {"$set": {"customer_id": card, "conversation_id": target["_id"]}, "$unset": {"moved": ""}}
        await messages.update_many({"_id": ids}, change, session=session)
        for name in ("attachments", "outbox"):
            follow = {"$set": {"conversation_id": target["_id"]}}
            await self._durable[name].update_many({"message_id": ids}, follow, session=session)
        # What is restored over a conversation by its revision must not be restored over one that messages have left.
        revised = {"_id": {"$in": [conversation["_id"] for conversation in (*sources, target)]}}
        await self._durable.conversations.update_many(revised, {"$inc": {"revision": 1}}, session=session)
        for conversation in (*sources, target):
            await self._recount(conversation, session)

    async def _home(
        self, card: str, sources: Sequence[Document], rows: Sequence[Document], session: _Session
    ) -> Document:
        """The conversation of a card that messages come to: the active one, one as awake as theirs, or a closed one."""
        conversations = self._durable.conversations
        active = await conversations.find_one({"customer_id": card, "active": True}, session=session)
        if active is not None:
            return active
        awake = next((row for row in sources if row["active"]), None)
        if awake is None:
            closed = await conversations.find_one({"customer_id": card}, session=session, sort=[("closed_at", -1)])
            if closed is not None:
                return closed
        first = min(rows, key=lambda row: str(row["sort"]))
        begun = new_conversation(
            new_id(),
            customer_id=card,
            channel_id=first["channel_id"],
            at=first["received_at"],
            closed=awake is None,
        )
        begun["opened_by"] = first["_id"]
        begun["openings"] = 1
        if awake is not None:
            begun |= {
                "team_id": awake["team_id"],
                "last_assignee_id": awake["assignee_id"],
                "status": awake["status"],
                "snoozed_until": awake["snoozed_until"],
            }
        await conversations.insert_one(begun, session=session)
        return begun

    async def recount(self, conversation_id: str) -> None:
        """Have a conversation tell of the messages that it has, where it may tell of others."""

        async def write(session: _Session) -> None:
            present = await self._durable.conversations.find_one({"_id": conversation_id}, session=session)
            if present is not None:
                await self._recount(present, session)

        await together(self._client, write)

    async def _recount(self, conversation: Document, session: _Session) -> None:
        """Have a conversation tell of the messages that it has; one that has none left goes."""
        messages = self._durable.messages
        within: Document = {"conversation_id": conversation["_id"]}
        if await messages.find_one(within, {"_id": 1}, session=session) is None:
            await self._durable.conversations.delete_one({"_id": conversation["_id"]}, session=session)
            return
        newest: dict[str, Any] = {"sort": [("sort", -1)], "session": session}
        last = await messages.find_one({**within, "direction": {"$in": ["in", "out"]}}, **newest)
        written = {**within, "direction": "in", "quiet": {"$ne": True}}
        heard = await messages.find_one(written, **newest)
        by_person = {"direction": "out", "author.type": {"$in": ["manager", "shop"]}}
        answer = await messages.find_one({**within, **by_person}, **newest)
        since = answer["sort"] if answer is not None else ""
        by_itself = {**within, "answers": {"$exists": True}, "sort": {"$gt": since}}
        settled = sorted(await messages.distinct("answers", by_itself, session=session))
        behind = {"sort": {"$gt": since, "$nin": settled}}
        waiting = messages.find({**written, **behind}, session=session).sort("sort", -1).limit(KEEP_UNANSWERED)
        changes = recounted(
            conversation,
            last=last,
            heard=heard,
            answer=answer,
            settled=settled,
            waiting=list(reversed(await waiting.to_list(KEEP_UNANSWERED))),
        )
        changes = {field: value for field, value in changes.items() if conversation.get(field) != value}
        if changes:
            await self._durable.conversations.update_one(
                {"_id": conversation["_id"]}, {"$set": changes, "$inc": {"revision": 1}}, session=session
            )


async def free_tokens(durable: Any, source: str, target: str, session: _Session | None = None) -> None:
    """Rename client tokens that both conversations have: they are unique within one."""
    messages = durable.messages
    told = {"conversation_id": source, "client_token": {"$exists": True}}
    tokens = [row["client_token"] async for row in messages.find(told, {"client_token": 1}, session=session)]
    taken = {"conversation_id": target, "client_token": {"$in": tokens}}
    both = [row["client_token"] async for row in messages.find(taken, {"client_token": 1}, session=session)]
    if both:
        marked = {"client_token": {"$concat": ["$client_token", ending_of(source)]}}
        theirs = {"conversation_id": source, "client_token": {"$in": both}}
        await messages.update_many(theirs, [{"$set": marked}], session=session)


def ending_of(conversation_id: str) -> str:
    """How a client token ends that had to give way to the same one in another conversation."""
    return f" of {conversation_id}"
