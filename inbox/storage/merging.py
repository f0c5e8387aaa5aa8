"""Cards that are merged, parted again and split: who is whose, moved so that nothing is lost on the way.

A merge is a row of `merges`: `{_id, kind, survivor_id, loser_id, state, at, by, reason, outdone, before, after,
recounts, looks}`. `kind` is `merge` or `split` (where the survivor is the card that was split and the loser the new
one); `state` is `merged`, `undone` or `split`; `before` and `after` are the cards as they were.

What must never be seen half done (both cards, the identities, the conversations, the row itself and the timer that sees
to the rest) changes in one transaction: two merges that touch the same card meet in it, and the second begins anew with
the first one's result in sight, so no lock is held and none can be forgotten. Everything else of the two is moved
behind it by steps that may be repeated: each document remembers in `moved` where it came from, by which it also goes
back. A conversation that ended in another one lies in `absorbed`, with both as they were.
"""

from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from motor.motor_asyncio import AsyncIOMotorClientSession
from pymongo import ReadPreference, WriteConcern
from pymongo.read_concern import ReadConcern

from inbox.model.conversation import KEEP_UNANSWERED, new_conversation
from inbox.model.errors import Conflict, NotFound
from inbox.model.ids import derived_id, new_id, now
from inbox.model.likeness import name_key
from inbox.model.merging import joined, outdone, parted, recounted, tombstone, united, unjoined
from inbox.storage.conversations import closing
from inbox.storage.database import Database, Document
from inbox.storage.errors import Duplicate
from inbox.storage.schema import COLLECTIONS

TIMER = "cards.settle"
"""The kind of timer that finishes what a merge, an undo or a split began; its data names the row of `merges`."""

CHUNK = 400
"""How many messages change their conversation in one transaction."""

_TRIES = 10
_PATIENCE = timedelta(seconds=2)
"""How long whoever began it is left to finish it before others look."""

_OF_CUSTOMER = tuple(declared.name for declared in COLLECTIONS if declared.of_customer)
_OF_CONVERSATION = tuple(declared.name for declared in COLLECTIONS if declared.of_conversation)
_AT_ONCE = frozenset({"identities", "conversations"})
"""What moves in the transaction itself."""

_T = TypeVar("_T")
_Session = AsyncIOMotorClientSession


def pair_id(first: str, second: str) -> str:
    """The same id for the same two cards, whichever comes first."""
    return derived_id("pair", *sorted((first, second)))


class MergeStore:
    """The `merges`, `absorbed` and `strangers` collections, and whatever has a customer or a conversation."""

    def __init__(self, database: Database) -> None:
        self._client = database.client
        self._durable = database.durable

    async def get(self, merge_id: str) -> Document | None:
        """One merge or split."""
        return await self._durable.merges.find_one({"_id": merge_id})

    async def of_survivor(self, customer_id: str) -> list[Document]:
        """The merges into a card that are in effect, newest first."""
        found = self._durable.merges.find({"survivor_id": customer_id, "kind": "merge", "state": "merged"})
        return await found.sort("at", -1).to_list(None)

    async def involving(self, customer_ids: Sequence[str]) -> list[Document]:
        """Every merge and split that these cards had a part in, oldest first."""
        ids = {"$in": list(customer_ids)}
        found = self._durable.merges.find({"$or": [{"survivor_id": ids}, {"loser_id": ids}]})
        return await found.sort([("at", 1), ("_id", 1)]).to_list(None)

    async def absorbed(self, conversation_ids: Sequence[str]) -> list[Document]:
        """Which of these conversations ended in another one, and by which merge: `{_id, into, merge_id}`."""
        found = self._durable.absorbed.find({"_id": {"$in": list(conversation_ids)}}, {"into": 1, "merge_id": 1})
        return await found.to_list(None)

    async def joins(self, merge_id: str) -> dict[str, str]:
        """Which conversation ended in which one by a merge."""
        return {row["_id"]: row["into"] async for row in self._durable.absorbed.find({"merge_id": merge_id})}

    async def cards_of(self, identity_ids: Sequence[str]) -> dict[str, str]:
        """Whose these identities are now."""
        rows = self._durable.identities.find({"_id": {"$in": list(identity_ids)}}, {"customer_id": 1})
        return {row["_id"]: row["customer_id"] async for row in rows}

    async def strangers(self, customer_id: str) -> set[str]:
        """The cards that somebody said are other people than this one."""
        rows = self._durable.strangers.find({"customer_ids": customer_id}, {"customer_ids": 1})
        return {other async for row in rows for other in row["customer_ids"]} - {customer_id}

    async def set_apart(self, first: str, second: str, by: Document, *, session: _Session | None = None) -> None:
        """Remember that two cards are two people."""
        pair = {"_id": pair_id(first, second)}
        row = {"customer_ids": sorted((first, second)), "by": by, "at": now()}
        await self._durable.strangers.update_one(pair, {"$set": row}, upsert=True, session=session)

    async def merge(
        self, survivor_id: str, loser_id: str, *, by: Document, reason: Document, unless_strangers: bool = False
    ) -> Document | None:
        """Make two cards one; None where they are one already, or `unless_strangers` where somebody said otherwise.

        Cards that were merged meanwhile stand for those that they became. Raises `NotFound` for no card at all.
        """

        async def write(session: _Session) -> Document | None:
            survivor = await self._living(survivor_id, session)
            loser = await self._living(loser_id, session)
            if survivor["_id"] == loser["_id"]:
                return None
            apart = {"_id": pair_id(survivor["_id"], loser["_id"])}
            if unless_strangers and await self._durable.strangers.find_one(apart, session=session) is not None:
                return None
            await self._durable.strangers.delete_one(apart, session=session)
            present = now()
            after = {**survivor, **united(survivor, loser), "updated_at": present}
            merge = {
                "_id": new_id(),
                "kind": "merge",
                "survivor_id": survivor["_id"],
                "loser_id": loser["_id"],
                "state": "merged",
                "at": present,
                "by": by,
                "reason": reason,
                "outdone": outdone(survivor, loser),
                "before": {"survivor": survivor, "loser": loser},
                "after": after,
            }
            await self._durable.customers.replace_one({"_id": survivor["_id"]}, after, session=session)
            gone = tombstone(loser, survivor["_id"], merge["_id"], present)
            await self._durable.customers.replace_one({"_id": loser["_id"]}, gone, session=session)
            await self._durable.merges.insert_one(merge, session=session)
            await self._take_over(merge, session)
            await self._call(merge, session)
            return merge

        return await self._together(write)

    async def take_over(self, merge: Document) -> bool:
        """Bring home what came to a merged card behind its merge: identities and conversations; whether any did."""

        async def write(session: _Session) -> None:
            if await self._still_merged(merge, session):
                await self._take_over(merge, session)

        stray = {"customer_id": merge["loser_id"]}
        for name in _AT_ONCE:
            if await self._durable[name].find_one(stray, {"_id": 1}) is not None:
                await self._together(write)
                return True
        return False

    async def _take_over(self, merge: Document, session: _Session) -> None:
        theirs = {"customer_id": merge["loser_id"]}
        await self._durable.identities.update_many(theirs, _marked(merge, {}), session=session)
        active = await self._durable.conversations.find_one({**theirs, "active": True}, session=session)
        if active is not None:
            home = {"customer_id": merge["survivor_id"], "active": True}
            kept = await self._durable.conversations.find_one(home, session=session)
            if kept is not None:
                await self._join(kept, active, merge, session)
        await self._durable.conversations.update_many(theirs, _marked(merge, {}), session=session)

    async def _join(self, kept: Document, other: Document, merge: Document, session: _Session) -> None:
        present = now()
        # A revision that no other state of it ever had: who saw this one cannot take what an undo restores for it.
        revision = max(int(present.timestamp() * 1000), kept["revision"] + 1)
        after = {**kept, **joined(kept, other), "revision": revision}
        await self._durable.conversations.replace_one({"_id": kept["_id"]}, after, session=session)
        await self._durable.conversations.delete_one({"_id": other["_id"]}, session=session)
        row = {
            "_id": other["_id"],
            "into": kept["_id"],
            "merge_id": merge["_id"],
            "at": present,
            "before": {"kept": kept, "other": other},
            "revision": revision,
        }
        await self._durable.absorbed.replace_one({"_id": other["_id"]}, row, upsert=True, session=session)

    async def bring(self, merge: Document) -> bool:
        """Have everything else of a merged card and its joined conversation follow: messages, orders, tasks, files.

        Returns whether anything did.
        """
        joins = await self.joins(merge["_id"])
        for source, target in joins.items():
            await self._free_tokens(source, target)
        update = _marked(merge, joins)
        moved = 0
        for name in _OF_CUSTOMER:
            if name not in _AT_ONCE:
                moved += await self._moved(name, {"customer_id": merge["loser_id"]}, update)
        for name in _OF_CONVERSATION if joins else ():
            moved += await self._moved(name, {"conversation_id": {"$in": list(joins)}}, update)
        return moved > 0

    async def _moved(self, name: str, condition: Document, update: list[Document]) -> int:
        result = await self._durable[name].update_many(condition, update)
        return int(result.modified_count)

    async def _free_tokens(self, source: str, target: str, session: _Session | None = None) -> None:
        """Rename client tokens that both conversations have: they are unique within one."""
        messages = self._durable.messages
        told = {"conversation_id": source, "client_token": {"$exists": True}}
        tokens = [row["client_token"] async for row in messages.find(told, {"client_token": 1}, session=session)]
        taken = {"conversation_id": target, "client_token": {"$in": tokens}}
        both = [row["client_token"] async for row in messages.find(taken, {"client_token": 1}, session=session)]
        if both:
            renamed = {"client_token": {"$concat": ["$client_token", _renamed(source)]}}
            theirs = {"conversation_id": source, "client_token": {"$in": both}}
            await messages.update_many(theirs, [{"$set": renamed}], session=session)

    async def undo(self, merge_id: str, by: Document) -> Document:
        """Make a merged card two again, as they were, with what was changed on them meanwhile.

        Raises `Conflict` where it is undone already, or its card was merged into another one since.
        """

        async def write(session: _Session) -> Document:
            merge = await self._durable.merges.find_one({"_id": merge_id}, session=session)
            if merge is None or merge["kind"] != "merge":
                raise NotFound("there is no such merge")
            if merge["state"] != "merged":
                raise Conflict("this merge is undone already")
            survivor = await self._durable.customers.find_one({"_id": merge["survivor_id"]}, session=session)
            if survivor is None:
                raise NotFound("this customer is gone")
            if survivor.get("merged_into") is not None:
                raise Conflict("this card was merged into another one since: undo that first")
            loser = merge["before"]["loser"]
            back = merge["before"]["survivor"] if survivor == merge["after"] else _back(survivor, merge)
            await self._durable.customers.replace_one({"_id": survivor["_id"]}, back, session=session)
            await self._durable.customers.replace_one({"_id": loser["_id"]}, loser, upsert=True, session=session)
            recounts = await self._let_go(merge, session)
            await self._durable.messages.delete_one({"_id": system_line_id(merge)}, session=session)
            undone = {"state": "undone", "undone_at": now(), "undone_by": by, "recounts": recounts}
            await self._durable.merges.update_one({"_id": merge_id}, {"$set": undone}, session=session)
            await self.set_apart(survivor["_id"], loser["_id"], by, session=session)
            await self._call(merge, session)
            return {**merge, **undone}

        return await self._together(write)

    async def _let_go(self, merge: Document, session: _Session) -> list[str]:
        """Give identities and conversations back to the card that they came from.

        Returns the ids of conversations whose messages have to be counted anew: they changed meanwhile.
        """
        recounts: list[str] = []
        conversations = self._durable.conversations
        theirs = {"customer_id": merge["survivor_id"], "moved.merge_id": merge["_id"]}
        await self._durable.identities.update_many(theirs, _unmarked(merge), session=session)
        returning = await conversations.find(theirs, session=session).to_list(None)
        taken = any(row["active"] for row in returning)
        joins = self._durable.absorbed.find({"merge_id": merge["_id"]}, session=session).sort([("at", -1), ("_id", -1)])
        for join in await joins.to_list(None):
            before, other = join["before"]["kept"], join["before"]["other"]
            kept = await conversations.find_one({"_id": join["into"]}, session=session)
            changed = kept is None or kept["revision"] != join["revision"]
            if kept is not None and changed:
                fields = {**unjoined(kept, before, other), "version": kept["version"] + 1}
                fields["revision"] = kept["revision"] + 1
                await conversations.update_one({"_id": kept["_id"]}, {"$set": fields}, session=session)
            elif kept is not None:
                await conversations.replace_one({"_id": kept["_id"]}, before, session=session)
            if changed:
                # Something that was said in either may be on a third card by now.
                recounts += [join["into"], other["_id"]]
            settled = changed and (kept is None or not kept["active"])
            if taken or settled:
                # A case that was settled while the two were one is settled for both.
                other |= {**closing(), "revision": other["revision"] + 1, "version": other["version"] + 1}
            taken = taken or other["active"]
            await conversations.replace_one({"_id": other["_id"]}, other, upsert=True, session=session)
            await self._durable.absorbed.delete_one({"_id": join["_id"]}, session=session)
        await conversations.update_many(theirs, _unmarked(merge), session=session)
        return recounts

    async def restore(self, merge: Document) -> bool:
        """Have everything else that came with a merge go back; whether anything did.

        What came meanwhile has no mark of it: that goes by its identity (`sort_out`).
        """
        await self._durable.messages.delete_one({"_id": system_line_id(merge)})
        update = _unmarked(merge)
        marked = {"moved.merge_id": merge["_id"]}
        moved = 0
        for name in _OF_CUSTOMER:
            if name not in _AT_ONCE:
                moved += await self._moved(name, {"customer_id": merge["survivor_id"], **marked}, update)
        cases = self._durable.conversations.find({"customer_id": merge["survivor_id"]}, {"_id": 1})
        ids = [row["_id"] async for row in cases]
        for name in _OF_CONVERSATION:
            moved += await self._moved(name, {"conversation_id": {"$in": ids}, **marked}, update)
        async for row in self._durable.conversations.find({"customer_id": merge["loser_id"]}, {"_id": 1}):
            await self._restore_tokens(row["_id"])
        for conversation_id in merge.get("recounts", ()):
            await self.recount(conversation_id)
        return moved > 0

    async def _restore_tokens(self, conversation_id: str) -> None:
        ending = _renamed(conversation_id)
        renamed = {"conversation_id": conversation_id, "client_token": {"$regex": f"{ending}$"}}
        cut = {"$substrCP": ["$client_token", 0, {"$subtract": [{"$strLenCP": "$client_token"}, len(ending)]}]}
        await self._durable.messages.update_many(renamed, [{"$set": {"client_token": cut}}])

    async def split(self, customer_id: str, identity_id: str, *, by: Document) -> Document:
        """Give an identity a card of its own. Raises `Conflict` where it is the card's only one."""

        async def write(session: _Session) -> Document:
            card = await self._living(customer_id, session)
            mine = {"customer_id": card["_id"]}
            identity = await self._durable.identities.find_one({"_id": identity_id, **mine}, session=session)
            if identity is None:
                raise NotFound("this card has no such identity")
            others = self._durable.identities.find({**mine, "_id": {"$ne": identity_id}}, session=session)
            rest = await others.to_list(None)
            if not rest:
                raise Conflict("this is the card's only identity: there is nothing to split it from")
            present = now()
            left, taken = _divided(card, identity, rest, present)
            split = {
                "_id": new_id(),
                "kind": "split",
                "survivor_id": card["_id"],
                "loser_id": taken["_id"],
                "state": "split",
                "at": present,
                "by": by,
                "reason": {"type": "split", "identity_id": identity_id},
            }
            await self._durable.customers.replace_one({"_id": card["_id"]}, left, session=session)
            await self._durable.customers.insert_one(taken, session=session)
            change: Document = {"$set": {"customer_id": taken["_id"]}, "$unset": {"moved": "", "joined": ""}}
            await self._durable.identities.update_one({"_id": identity_id}, change, session=session)
            await self._durable.merges.insert_one(split, session=session)
            await self.set_apart(card["_id"], taken["_id"], by, session=session)
            await self._call(split, session)
            return split

        return await self._together(write)

    async def confirm(self, customer_id: str, identity_id: str) -> Document:
        """Note that an identity is the person's whose card it is on; returns the card."""

        async def write(session: _Session) -> Document:
            card = await self._living(customer_id, session)
            theirs = {"_id": identity_id, "customer_id": card["_id"]}
            known = await self._durable.identities.update_one(theirs, {"$unset": {"joined": ""}}, session=session)
            if not known.matched_count:
                raise NotFound("this card has no such identity")
            return card

        return await self._together(write)

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

            await self._together(write)

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
            await self._free_tokens(source["_id"], target["_id"], session)
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

        await self._together(write)

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
        behind = {"sort": {"$gt": answer["sort"] if answer is not None else ""}}
        waiting = messages.find({**written, **behind}, session=session).sort("sort", -1).limit(KEEP_UNANSWERED)
        changes = recounted(
            conversation,
            last=last,
            heard=heard,
            answer=answer,
            waiting=list(reversed(await waiting.to_list(KEEP_UNANSWERED))),
        )
        changes = {field: value for field, value in changes.items() if conversation[field] != value}
        if changes:
            await self._durable.conversations.update_one(
                {"_id": conversation["_id"]}, {"$set": changes, "$inc": {"revision": 1}}, session=session
            )

    async def note(self, message: Document) -> bool:
        """Store a line about a merge, once; False where it is there."""
        try:
            await self._durable.messages.insert_one(message)
        except Duplicate:
            return False
        return True

    async def living(self, customer_id: str) -> Document | None:
        """A card, or the one that it was merged into; None where there is none."""
        return await self._follow(customer_id, None)

    async def _still_merged(self, merge: Document, session: _Session) -> bool:
        """Whether a merge is in effect; an undoing that comes now has to begin anew."""
        touched = {"_id": merge["_id"], "state": "merged"}
        looked = await self._durable.merges.update_one(touched, {"$inc": {"looks": 1}}, session=session)
        return bool(looked.matched_count)

    async def _living(self, customer_id: str, session: _Session) -> Document:
        card = await self._follow(customer_id, session)
        if card is None:
            raise NotFound("there is no such customer")
        return card

    async def _follow(self, customer_id: str, session: _Session | None) -> Document | None:
        card: Document | None = await self._durable.customers.find_one({"_id": customer_id}, session=session)
        while card is not None and card.get("merged_into") is not None:
            card = await self._durable.customers.find_one({"_id": card["merged_into"]}, session=session)
        return card

    async def _call(self, merge: Document, session: _Session) -> None:
        """Have somebody see to the rest, whatever becomes of this process."""
        timer = {
            "kind": TIMER,
            "due_at": now() + _PATIENCE,
            "data": {"merge_id": merge["_id"]},
            "lease_until": None,
            "holder": None,
            "attempts": 0,
        }
        where = {"_id": f"{TIMER}:{merge['_id']}"}
        await self._durable.timers.update_one(where, {"$set": timer}, upsert=True, session=session)

    async def _together(self, write: Callable[[_Session], Coroutine[Any, Any, _T]]) -> _T:
        """Do all of it or nothing. A conversation that another process opened meanwhile makes it begin anew."""
        for _ in range(_TRIES):
            try:
                async with await self._client.start_session() as session:
                    outcome: _T = await session.with_transaction(
                        write,
                        read_concern=ReadConcern("snapshot"),
                        write_concern=WriteConcern(w="majority", j=True),
                        read_preference=ReadPreference.PRIMARY,
                    )
            except Duplicate:
                continue
            return outcome
        raise Conflict("this customer's conversations change too fast: try again")


def system_line_id(merge: Mapping[str, Any]) -> str:
    """The message that tells of a merge in its conversation."""
    return derived_id("merge line", merge["_id"])


def _renamed(conversation_id: str) -> str:
    """How a client token ends that had to give way to the same one in another conversation."""
    return f" of {conversation_id}"


def _marked(merge: Mapping[str, Any], joins: Mapping[str, str]) -> list[Document]:
    """An update that moves a document from the merged card, and notes where it came from."""
    came = {"merge_id": merge["_id"], "customer_id": "$customer_id", "conversation_id": "$conversation_id"}
    before = {"$ifNull": ["$moved", []]}
    known = {"$eq": [{"$last": "$moved.merge_id"}, merge["_id"]]}
    ours = {"$eq": ["$customer_id", merge["loser_id"]]}
    moves: Document = {
        "moved": {"$cond": [known, before, {"$concatArrays": [before, [came]]}]},
        "customer_id": {"$cond": [ours, merge["survivor_id"], "$customer_id"]},
    }
    if joins:
        branches = [{"case": {"$eq": ["$conversation_id", source]}, "then": to} for source, to in joins.items()]
        moves["conversation_id"] = {"$switch": {"branches": branches, "default": "$conversation_id"}}
    return [{"$set": moves}]


def _unmarked(merge: Mapping[str, Any]) -> list[Document]:
    """An update that takes a document back to where this merge found it."""
    ours = {"$eq": ["$came.merge_id", merge["_id"]]}
    count = {"$size": "$moved"}
    # Of one mark nothing remains; the length that is asked of $slice has to be positive all the same.
    rest = {"$slice": ["$moved", {"$max": [1, {"$subtract": [count, 1]}]}]}
    back: Document = {
        field: {"$cond": [ours, {"$cond": [_is_missing(f"$came.{field}"), "$$REMOVE", f"$came.{field}"]}, f"${field}"]}
        for field in ("customer_id", "conversation_id")
    }
    back["moved"] = {"$cond": [ours, {"$cond": [{"$gt": [count, 1]}, rest, "$$REMOVE"]}, "$moved"]}
    return [{"$set": {"came": {"$last": "$moved"}}}, {"$set": back}, {"$unset": "came"}]


def _is_missing(path: str) -> Document:
    return {"$eq": [{"$type": path}, "missing"]}


def _back(survivor: Document, merge: Mapping[str, Any]) -> Document:
    """The surviving card as it is without the other, where somebody changed it since."""
    before = merge["before"]
    return {**parted(survivor, before["survivor"], before["loser"]), "updated_at": now()}


def _divided(card: Document, identity: Document, rest: Sequence[Document], at: datetime) -> tuple[Document, Document]:
    """A card without one of its identities, and a new card of that one: it takes along what it has proven."""
    proven = {(proof["type"], proof["value"]) for proof in identity.get("proven", ())}
    theirs = {(proof["type"], proof["value"]) for other in rest for proof in other.get("proven", ())}
    leaving = proven - theirs
    left = {
        **card,
        "phones": [row for row in card["phones"] if ("phone", row["number"]) not in leaving],
        "emails": [row for row in card["emails"] if ("email", row["address"]) not in leaving],
        "version": card.get("version", 0) + 1,
        "updated_at": at,
    }
    name = identity["name"] or identity["username"] or card["name"]
    taken = {
        "_id": new_id(),
        "name": name,
        "name_key": name_key(name),
        "phones": [{"number": value, "proven": True} for type_, value in sorted(proven) if type_ == "phone"],
        "emails": [{"address": value, "proven": True} for type_, value in sorted(proven) if type_ == "email"],
        "tags": [],
        "fields": {},
        "language": identity["language"] or card["language"],
        "last_manager_id": card["last_manager_id"],
        "created_at": identity["created_at"],
        "updated_at": at,
    }
    if not card.get("notices", True):
        # Who said that they want to hear nothing may be either.
        taken["notices"] = False
    return left, taken
