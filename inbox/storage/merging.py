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

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from motor.motor_asyncio import AsyncIOMotorClientSession

from inbox.model.errors import Conflict, NotFound
from inbox.model.ids import derived_id, new_id, now
from inbox.model.likeness import name_key
from inbox.model.merging import joined, outdone, parted, tombstone, united, unjoined
from inbox.model.opting import opted_out
from inbox.storage.conversations import closing
from inbox.storage.database import Database, Document
from inbox.storage.errors import Duplicate
from inbox.storage.schema import COLLECTIONS
from inbox.storage.strays import StrayStore, ending_of, free_tokens
from inbox.storage.transactions import together

TIMER = "cards.settle"
"""The kind of timer that finishes what a merge, an undo or a split began; its data names the row of `merges`."""

_PATIENCE = timedelta(seconds=2)
"""How long whoever began it is left to finish it before others look."""

_OF_CUSTOMER = tuple(declared.name for declared in COLLECTIONS if declared.of_customer)
_OF_CONVERSATION = tuple(declared.name for declared in COLLECTIONS if declared.of_conversation)
_AT_ONCE = frozenset({"identities", "conversations"})
"""What moves in the transaction itself."""

_Session = AsyncIOMotorClientSession


def pair_id(first: str, second: str) -> str:
    """The same id for the same two cards, whichever comes first."""
    return derived_id("pair", *sorted((first, second)))


class MergeStore:
    """The `merges`, `absorbed` and `strangers` collections, and whatever has a customer or a conversation."""

    def __init__(self, database: Database) -> None:
        self._client = database.client
        self._durable = database.durable
        self.strays = StrayStore(database)

    async def get(self, merge_id: str) -> Document | None:
        """One merge or split."""
        return await self._durable.merges.find_one({"_id": merge_id})

    async def many(self, merge_ids: Sequence[str]) -> list[Document]:
        """Merges by id."""
        return await self._durable.merges.find({"_id": {"$in": list(merge_ids)}}).to_list(None)

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

        return await together(self._client, write)

    async def take_over(self, merge: Document) -> bool:
        """Bring home what came to a merged card behind its merge: identities and conversations; whether any did."""

        async def write(session: _Session) -> None:
            if await self._still_merged(merge, session):
                await self._take_over(merge, session)

        stray = {"customer_id": merge["loser_id"]}
        for name in _AT_ONCE:
            if await self._durable[name].find_one(stray, {"_id": 1}) is not None:
                await together(self._client, write)
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
            await free_tokens(self._durable, source, target)
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

        return await together(self._client, write)

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
            await self.strays.recount(conversation_id)
        return moved > 0

    async def _restore_tokens(self, conversation_id: str) -> None:
        ending = ending_of(conversation_id)
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

        return await together(self._client, write)

    async def confirm(self, customer_id: str, identity_id: str) -> Document:
        """Note that an identity is the person's whose card it is on; returns the card."""

        async def write(session: _Session) -> Document:
            card = await self._living(customer_id, session)
            theirs = {"_id": identity_id, "customer_id": card["_id"]}
            known = await self._durable.identities.update_one(theirs, {"$unset": {"joined": ""}}, session=session)
            if not known.matched_count:
                raise NotFound("this card has no such identity")
            return card

        return await together(self._client, write)

    async def note(self, message: Document) -> bool:
        """Store a line about a merge, once; False where it is there."""
        try:
            await self._durable.messages.insert_one(message)
        except Duplicate:
            return False
        return True

    async def _still_merged(self, merge: Document, session: _Session) -> bool:
        """Whether a merge is in effect; an undoing that comes now has to begin anew."""
        touched = {"_id": merge["_id"], "state": "merged"}
        looked = await self._durable.merges.update_one(touched, {"$inc": {"looks": 1}}, session=session)
        return bool(looked.matched_count)

    async def _living(self, customer_id: str, session: _Session) -> Document:
        """A card, or the one that it was merged into."""
        card: Document | None = await self._durable.customers.find_one({"_id": customer_id}, session=session)
        while card is not None and card.get("merged_into") is not None:
            card = await self._durable.customers.find_one({"_id": card["merged_into"]}, session=session)
        if card is None:
            raise NotFound("there is no such customer")
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


def system_line_id(merge: Mapping[str, Any]) -> str:
    """The message that tells of a merge in its conversation."""
    return derived_id("merge line", merge["_id"])


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
    if opted_out(card):
        taken["opting"] = card["opting"]
    return left, taken
