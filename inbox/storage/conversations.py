"""Conversations: one case with one customer, at most one of them active.

What a batch of messages does to its conversations is one pipeline update each, written so that repeating it, or applying
two of them in either order, ends in the same document.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
import pymongo
from pymongo.errors import BulkWriteError

from inbox.model.conversation import ConversationStatus, Priority, preview
from inbox.model.errors import Conflict
from inbox.model.ids import now
from inbox.storage.database import Database, Document
from inbox.storage.errors import Duplicate, duplicate_positions

KEEP_UNANSWERED = 100
"""How many unanswered messages a conversation counts; the badge says 99+ beyond."""

CURRENT: dict[str, Any] = {"return_document": pymongo.ReturnDocument.AFTER}


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """What a batch brought to one conversation: its newest message and the sort keys of all of them."""

    conversation_id: str
    newest: Document
    sorts: tuple[str, ...]
    opens: bool


def new_conversation(
    conversation_id: str, *, customer_id: str, channel_id: str, at: datetime, active: bool, source: str = ""
) -> Document:
    """A conversation as it begins; created closed where only a receipt or an edit asks for one."""
    return {
        "_id": conversation_id,
        "customer_id": customer_id,
        "channel_id": channel_id,
        "assignee_id": None,
        "last_assignee_id": None,
        "team_id": None,
        "status": ConversationStatus.OPEN if active else ConversationStatus.CLOSED,
        "active": active,
        "priority": int(Priority.NORMAL),
        "labels": [],
        "version": 1,
        "waiting_since": None,
        "created_at": at,
        "opened_at": at,
        "opened_by": None,
        "closed_at": None if active else at,
        "snoozed_until": None,
        "last_at": at,
        "last_message": None,
        "last_inbound_sort": "",
        "last_reply_sort": "",
        "unanswered": [],
        "read_by": {},
        "assignment": None,
        "source": source,
    }


def _later(field: str, candidate: object, key: str, candidate_key: str) -> Document:
    """`candidate` where its key is past the stored one, else what is stored."""
    return {"$cond": [{"$gt": [candidate_key, {"$ifNull": [key, ""]}]}, {"$literal": candidate}, f"${field}"]}


def _union(field: str, keys: Sequence[str], floor: str) -> Document:
    """A sorted set of sort keys above `floor`, the newest `KEEP_UNANSWERED` of them."""
    merged = {"$setUnion": [f"${field}", list(keys)]}
    above = {"$filter": {"input": merged, "cond": {"$gt": ["$$this", floor]}}}
    return {"$slice": [{"$sortArray": {"input": above, "sortBy": 1}}, -KEEP_UNANSWERED]}


def _arrival_pipeline(arrival: Arrival) -> list[Document]:
    message = arrival.newest
    sort, at = message["sort"], message["sent_at"]
    summary = {
        "last_message": _later("last_message", preview(message), "$last_message.sort", sort),
        "last_at": {"$max": ["$last_at", at]},
        "unanswered": _union("unanswered", arrival.sorts, "$last_reply_sort"),
    }
    if not arrival.opens:
        return [{"$set": summary}]
    fresh = {"$gt": [sort, "$last_inbound_sort"]}
    opening = {"$and": [fresh, {"$or": [{"$not": ["$active"]}, {"$eq": ["$opened_by", None]}]}]}
    # What was closed or snoozed counted for nobody: it is assigned anew, to the same manager where possible.
    waking = {"$and": [fresh, {"$in": ["$status", [ConversationStatus.CLOSED, ConversationStatus.SNOOZED]]}]}
    stirred = {"$and": [fresh, {"$ne": ["$status", ConversationStatus.OPEN]}]}

    def when(condition: Document, value: object, field: str) -> Document:
        return {"$cond": [condition, {"$literal": value}, f"${field}"]}

    return [
        {
            "$set": {
                **summary,
                "opened_by": when(opening, message["_id"], "opened_by"),
                "opened_at": when(opening, message["received_at"], "opened_at"),
                "version": {"$add": ["$version", {"$cond": [stirred, 1, 0]}]},
                "channel_id": when(fresh, message["channel_id"], "channel_id"),
                "status": when(fresh, ConversationStatus.OPEN, "status"),
                "last_assignee_id": {"$cond": [waking, "$assignee_id", "$last_assignee_id"]},
                "assignee_id": when(waking, None, "assignee_id"),
                "active": when(fresh, True, "active"),
                "closed_at": when(fresh, None, "closed_at"),
                "snoozed_until": when(fresh, None, "snoozed_until"),
                "last_inbound_sort": {"$max": ["$last_inbound_sort", sort]},
            }
        },
        {
            "$set": {
                "waiting_since": {
                    "$cond": [
                        {"$eq": [{"$size": "$unanswered"}, 0]},
                        None,
                        {"$ifNull": ["$waiting_since", message["received_at"]]},
                    ]
                }
            }
        },
    ]


class ConversationStore:
    """The `conversations` collection."""

    def __init__(self, database: Database) -> None:
        self._durable = database.durable.conversations
        self._relaxed = database.relaxed.conversations

    async def get(self, conversation_id: str) -> Document | None:
        """One conversation."""
        return await self._durable.find_one({"_id": conversation_id})

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

    async def insert(self, conversations: Sequence[Document]) -> None:
        """Begin conversations. Raises `Conflict` where another process began one for the same customer first."""
        try:
            await self._relaxed.insert_many(conversations, ordered=False)
        except BulkWriteError as error:
            if duplicate_positions(error):
                raise Conflict("another process opened a conversation for this customer") from error

    async def arrive(self, arrivals: Sequence[Arrival]) -> None:
        """Apply what a batch brought. Raises `Conflict` where a reopening met another active conversation."""
        writes = [
            pymongo.UpdateOne({"_id": arrival.conversation_id}, _arrival_pipeline(arrival)) for arrival in arrivals
        ]
        try:
            await self._relaxed.bulk_write(writes, ordered=False)
        except BulkWriteError as error:
            if duplicate_positions(error):
                raise Conflict("another conversation of this customer became active") from error

    async def answered(self, conversation_id: str, message: Document, *, by_person: bool) -> Document | None:
        """Note what the shop wrote: it shows in the list; a person's reply also ends the customer's wait."""
        changes: Document = {
            "last_message": _later("last_message", preview(message), "$last_message.sort", message["sort"]),
            "last_at": {"$max": ["$last_at", message["sent_at"]]},
        }
        if by_person:
            changes["last_reply_sort"] = {"$max": ["$last_reply_sort", message["sort"]]}
            changes["unanswered"] = _union("unanswered", (), message["sort"])
            changes["waiting_since"] = None
        changed: Document | None = await self._relaxed.find_one_and_update(
            {"_id": conversation_id}, [{"$set": changes}], **CURRENT
        )
        return changed

    async def message_changed(self, message: Document) -> Document | None:
        """Keep the row's preview true after an edit or a delete; None where the message is not the last one."""
        changed: Document | None = await self._relaxed.find_one_and_update(
            {"_id": message["conversation_id"], "last_message.id": message["_id"]},
            {"$set": {"last_message": preview(message)}},
            **CURRENT,
        )
        return changed

    async def change(self, conversation_id: str, changes: Document, *, expected: Document) -> Document | None:
        """Set fields where the document still matches `expected` (field: value); None where it does not."""
        try:
            changed: Document | None = await self._durable.find_one_and_update(
                {"_id": conversation_id, **expected}, {"$set": changes, "$inc": {"version": 1}}, **CURRENT
            )
        except Duplicate as error:
            raise Conflict("this customer has another active conversation; continue there") from error
        return changed

    async def label(self, conversation_id: str, *, add: Sequence[str], remove: Sequence[str]) -> Document | None:
        """Add and remove labels in one step."""
        kept = {"$setDifference": ["$labels", list(remove)]}
        changed: Document | None = await self._durable.find_one_and_update(
            {"_id": conversation_id},
            [{"$set": {"labels": {"$setUnion": [kept, list(add)]}, "version": {"$add": ["$version", 1]}}}],
            **CURRENT,
        )
        return changed

    async def read(self, conversation_id: str, manager_id: str, sort: str) -> Document | None:
        """Move a manager's read mark forward, never back."""
        changed: Document | None = await self._relaxed.find_one_and_update(
            {"_id": conversation_id}, {"$max": {f"read_by.{manager_id}": sort}}, **CURRENT
        )
        return changed

    async def queue(self, limit: int) -> list[Document]:
        """Active conversations that nobody holds: higher priority first, then who waits longest."""
        cursor = self._durable.find(
            {
                "active": True,
                "assignee_id": None,
                "status": {"$in": [ConversationStatus.OPEN, ConversationStatus.PENDING]},
            }
        )
        return await cursor.sort([("priority", -1), ("waiting_since", 1), ("_id", 1)]).limit(limit).to_list(limit)

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

    async def find(
        self, conditions: Sequence[Document], sort: Sequence[tuple[str, int]], limit: int
    ) -> list[Document]:
        """Conversations that meet all conditions."""
        cursor = self._relaxed.find({"$and": list(conditions)} if conditions else {})
        return await cursor.sort(list(sort)).limit(limit).to_list(limit)

    async def of_customer(self, customer_id: str) -> list[Document]:
        """Every case of a customer, newest first."""
        cursor = self._relaxed.find({"customer_id": customer_id}).sort("created_at", -1)
        return await cursor.to_list(None)

    async def mentioning(self, q: str, limit: int) -> list[str]:
        """Ids of conversations whose last message contains `q`, whatever its case."""
        pattern = {"$regex": re.escape(q), "$options": "i"}
        cursor = self._relaxed.find({"last_message.text": pattern}, {"_id": 1}).sort("last_at", -1).limit(limit)
        return [row["_id"] async for row in cursor]


def closing(at: datetime | None = None) -> Document:
    """The fields that change together when a conversation is closed."""
    return {
        "status": ConversationStatus.CLOSED,
        "active": False,
        "closed_at": at or now(),
        "waiting_since": None,
        "snoozed_until": None,
    }
