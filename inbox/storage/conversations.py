"""Conversations: one case with one customer, at most one of them active.

What messages do to a conversation is decided by pure functions (`inbox.model.conversation`) and written only over the
`revision` that they decided on: every write counts it up.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

import pymongo
from pymongo.errors import BulkWriteError

from inbox.model.conversation import ConversationStatus, preview
from inbox.model.errors import Conflict
from inbox.model.ids import now, sort_moment
from inbox.storage.database import Database, Document
from inbox.storage.errors import Duplicate, duplicate_positions

CURRENT: dict[str, Any] = {"return_document": pymongo.ReturnDocument.AFTER}
_TRIES = 20

Decision = Callable[[Document], Document]
"""A pure function from a conversation to the fields that change in it."""


class Consequences(Protocol):
    """What of a conversation follows from the rest of it without being a matter of the inbox: its clock."""

    async def __call__(self, changes: Mapping[str, tuple[Document, Document]]) -> Mapping[str, Document]:
        """The fields that change along, by id, where a conversation becomes the second document of the two.

        They are written together with what they follow from, and only after this: what has to stand before stands then.
        """


class ConversationStore:
    """The `conversations` collection. `consequences` go along with what is decided or revised."""

    def __init__(self, database: Database, consequences: Consequences | None = None) -> None:
        self._consequences = consequences
        self._durable = database.durable.conversations
        self._relaxed = database.relaxed.conversations
        self._absorbed = database.durable.absorbed

    async def get(self, conversation_id: str) -> Document | None:
        """One conversation, or the one that it ended in when two cards were merged."""
        while True:
            found: Document | None = await self._durable.find_one({"_id": conversation_id})
            if found is not None:
                return found
            row = await self._absorbed.find_one({"_id": conversation_id}, {"into": 1})
            if row is None:
                return None
            conversation_id = row["into"]

    async def many(self, conversation_ids: Sequence[str]) -> dict[str, Document]:
        """Conversations by id."""
        return {row["_id"]: row async for row in self._relaxed.find({"_id": {"$in": list(conversation_ids)}})}

    async def active(self, customer_ids: Sequence[str]) -> dict[str, Document]:
        """The active conversation of each customer who has one."""
        cursor = self._relaxed.find({"customer_id": {"$in": list(customer_ids)}, "active": True})
        return {row["customer_id"]: row async for row in cursor}

    async def last_closed(self, customer_ids: Sequence[str]) -> dict[str, Document]:
        """The conversation that each customer's last case was closed in."""
        rows = self._relaxed.aggregate(
            [
                {"$match": {"customer_id": {"$in": list(customer_ids)}, "active": False}},
                {"$sort": {"customer_id": 1, "closed_at": -1}},
                {"$group": {"_id": "$customer_id", "conversation": {"$first": "$$ROOT"}}},
            ]
        )
        return {row["_id"]: row["conversation"] async for row in rows}

    async def latest(self, customer_ids: Sequence[str], visibility: Document) -> dict[str, Document]:
        """Each customer's active conversation, else the one that was closed last, of those that can be seen."""
        rows = self._relaxed.aggregate(
            [
                {"$match": {"$and": [{"customer_id": {"$in": list(customer_ids)}}, visibility]}},
                {"$sort": {"customer_id": 1, "active": -1, "closed_at": -1}},
                {"$group": {"_id": "$customer_id", "conversation": {"$first": "$$ROOT"}}},
            ]
        )
        return {row["_id"]: row["conversation"] async for row in rows}

    async def insert(self, conversations: Sequence[Document], *, durable: bool = False) -> None:
        """Begin conversations. Raises `Conflict` where another process began one for the same customer first."""
        collection = self._durable if durable else self._relaxed
        try:
            await collection.insert_many(conversations, ordered=False)
        except BulkWriteError as error:
            if duplicate_positions(error):
                raise Conflict("another process opened a conversation for this customer") from error

    async def decide(
        self, known: Mapping[str, Document], decisions: Mapping[str, Decision], *, durable: bool = False
    ) -> dict[str, Document]:
        """Apply decisions to conversations by id; returns them as they are now.

        Written durably where that is asked for, else with the next durable write.

        `known` is what was read of them before. Each is written only where its `revision` is still the one that was
        decided on; where it is not, it is read and decided anew. Raises `Conflict` where a reopening met another active
        conversation of the customer, and where a conversation is not there any more: it was joined with another.
        """
        present = dict(known)
        for _ in range(_TRIES):
            missing = [key for key in decisions if key not in present]
            if missing:
                present.update(await self.many(missing))
            if any(key not in present for key in decisions):
                raise Conflict("this conversation was joined with another one: look again")
            decided = {key: _differing(present[key], decide(present[key])) for key, decide in decisions.items()}
            along = await self._along({key: (present[key], changes) for key, changes in decided.items() if changes})
            writes = []
            for key, changes in decided.items():
                before = present[key]
                if changes:
                    revised = {**changes, **along.get(key, {}), "revision": before["revision"] + 1}
                    writes.append(pymongo.UpdateOne({"_id": key, "revision": before["revision"]}, {"$set": revised}))
                    present[key] = {**before, **revised}
            if not writes or await self._written(writes, durable=durable):
                return {key: present[key] for key in decisions}
            present = {}
        raise Conflict("this conversation changes too fast: look again")

    async def _along(self, decided: Mapping[str, tuple[Document, Document]]) -> Mapping[str, Document]:
        """What follows from changes, given by id as (document, changes)."""
        if self._consequences is None or not decided:
            return {}
        return await self._consequences({key: (row, {**row, **changes}) for key, (row, changes) in decided.items()})

    async def _written(self, writes: list[pymongo.UpdateOne], *, durable: bool) -> bool:
        collection = self._durable if durable else self._relaxed
        try:
            result = await collection.bulk_write(writes, ordered=False)
        except BulkWriteError as error:
            if duplicate_positions(error):
                raise Conflict("another conversation of this customer became active") from error
            return False
        return bool(result.matched_count == len(writes))

    async def message_changed(self, message: Document) -> Document | None:
        """Keep the row's preview true after an edit or a delete; None where the message is not the last one."""
        changed: Document | None = await self._relaxed.find_one_and_update(
            {"_id": message["conversation_id"], "last_message.id": message["_id"]},
            {"$set": {"last_message": preview(message)}, "$inc": {"revision": 1}},
            **CURRENT,
        )
        return changed

    async def change(self, conversation_id: str, changes: Document, *, expected: Document) -> Document | None:
        """Set fields where the document still matches `expected` (field: value); None where it does not."""
        try:
            changed: Document | None = await self._durable.find_one_and_update(
                {"_id": conversation_id, **expected},
                {"$set": changes, "$inc": {"version": 1, "revision": 1}},
                **CURRENT,
            )
        except Duplicate as error:
            raise Conflict("this customer has another active conversation; continue there") from error
        return changed

    async def rate(self, conversation_id: str, rating: Document) -> Document | None:
        """Keep a rating of one of its cases, unless a later one of the same case is kept; the conversation then.

        None where the conversation is gone. Nothing that is decided about a conversation looks at its ratings.
        """
        same = {"$eq": ["$$this.no", rating["no"]]}
        known = {"$ifNull": ["$ratings", []]}
        later = {"$filter": {"input": known, "cond": {"$and": [same, {"$gte": ["$$this.sort", rating["sort"]]}]}}}
        others = {"$filter": {"input": known, "cond": {"$not": [same]}}}
        rated = {"$concatArrays": [others, [{field: {"$literal": value} for field, value in rating.items()}]]}
        changed: Document | None = await self._durable.find_one_and_update(
            {"_id": conversation_id},
            [{"$set": {"ratings": {"$cond": [{"$gt": [{"$size": later}, 0]}, known, rated]}}}],
            **CURRENT,
        )
        return changed

    async def comment_rating(self, conversation_id: str, no: int, comment: str) -> Document | None:
        """Add a comment to the rating of one of its cases; None where there is none."""
        changed: Document | None = await self._durable.find_one_and_update(
            {"_id": conversation_id, "ratings.no": no}, {"$set": {"ratings.$.comment": comment}}, **CURRENT
        )
        return changed

    async def revise(self, before: Document, changes: Document) -> Document | None:
        """Change the very document that was read, and what follows from it; None where it is another one by now."""
        key = before["_id"]
        along = await self._along({key: (before, changes)})
        return await self.change(key, {**changes, **along.get(key, {})}, expected={"revision": before["revision"]})

    async def label(self, conversation_id: str, *, add: Sequence[str], remove: Sequence[str]) -> Document | None:
        """Add and remove labels in one step."""
        kept = {"$setDifference": ["$labels", list(remove)]}
        changed: Document | None = await self._durable.find_one_and_update(
            {"_id": conversation_id},
            [
                {
                    "$set": {
                        "labels": {"$setUnion": [kept, list(add)]},
                        "version": {"$add": ["$version", 1]},
                        "revision": {"$add": ["$revision", 1]},
                    }
                }
            ],
            **CURRENT,
        )
        return changed

    async def read(self, conversation_id: str, manager_id: str, sort: str) -> Document | None:
        """Move a manager's read mark forward, never back."""
        changed: Document | None = await self._durable.find_one_and_update(
            {"_id": conversation_id}, {"$max": {f"read_by.{manager_id}": sort}, "$inc": {"revision": 1}}, **CURRENT
        )
        return changed

    async def open_handed_over(self, conversation_id: str, manager_id: str) -> Document | None:
        """Note that who got a conversation handed over has opened it; None where it is not theirs, or was noted."""
        changed: Document | None = await self._durable.find_one_and_update(
            {"_id": conversation_id, "assignee_id": manager_id, "handed_over.opened": False},
            {"$set": {"handed_over.opened": True}, "$inc": {"revision": 1}},
            **CURRENT,
        )
        return changed

    async def of_team(self, team_id: str, limit: int = 200) -> list[str]:
        """Ids of active conversations of a team."""
        cursor = self._durable.find({"team_id": team_id, "active": True}, {"_id": 1}).limit(limit)
        return [row["_id"] async for row in cursor]

    async def leave_team(self, team_id: str) -> None:
        """Take every conversation out of a team."""
        await self._durable.update_many(
            {"team_id": team_id}, {"$set": {"team_id": None}, "$inc": {"version": 1, "revision": 1}}
        )

    async def held_by(self, manager_id: str) -> list[str]:
        """Ids of what counts towards a manager's load: assigned, open or pending."""
        cursor = self._durable.find(
            {
                "assignee_id": manager_id,
                "status": {"$in": [ConversationStatus.OPEN, ConversationStatus.PENDING]},
            },
            {"_id": 1},
        )
        return [row["_id"] async for row in cursor]

    async def counts(self, visibility: Document, manager_id: str) -> dict[str, int]:
        """How many conversations the tabs mine, unassigned and all hold for this viewer."""
        result = await self._relaxed.aggregate(
            [
                {"$match": {"$and": [{"active": True}, visibility]}},
                {
                    "$group": {
                        "_id": None,
                        "mine": {"$sum": {"$cond": [{"$eq": ["$assignee_id", manager_id]}, 1, 0]}},
                        "unassigned": {"$sum": {"$cond": [{"$eq": ["$assignee_id", None]}, 1, 0]}},
                        "all": {"$sum": 1},
                    }
                },
            ]
        ).to_list(1)
        found = result[0] if result else {}
        return {tab: found.get(tab, 0) for tab in ("mine", "unassigned", "all")}

    async def find(self, conditions: Sequence[Document], sort: Sequence[tuple[str, int]], limit: int) -> list[Document]:
        """Conversations that meet all conditions."""
        cursor = self._relaxed.find({"$and": list(conditions)} if conditions else {})
        return await cursor.sort(list(sort)).limit(limit).to_list(limit)

    async def between(self, customer_ids: Sequence[str]) -> dict[str, tuple[datetime, datetime | None]]:
        """When these customers' first conversation began, and when they wrote last (None: never), by customer."""
        rows = self._relaxed.aggregate(
            [
                {"$match": {"customer_id": {"$in": list(customer_ids)}}},
                {
                    "$group": {
                        "_id": "$customer_id",
                        "first": {"$min": "$created_at"},
                        "last": {"$max": "$last_inbound_sort"},
                    }
                },
            ]
        )
        return {row["_id"]: (row["first"], sort_moment(row["last"]) if row["last"] else None) async for row in rows}

    async def of_customer(self, customer_id: str) -> list[Document]:
        """Every case of a customer, newest first."""
        cursor = self._relaxed.find({"customer_id": customer_id}).sort("created_at", -1)
        return await cursor.to_list(None)


def _differing(before: Document, changes: Document) -> Document:
    """Those of `changes` that change anything."""
    return {field: value for field, value in changes.items() if before.get(field) != value}


def closing(at: datetime | None = None) -> Document:
    """The fields that change together when a conversation is closed."""
    return {
        "status": ConversationStatus.CLOSED,
        "active": False,
        "closed_at": at or now(),
        "waiting_since": None,
        "clock": None,
        "snoozed_until": None,
    }
