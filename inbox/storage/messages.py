"""Messages and the changes that reach them, in whatever order they come.

A customer's message has an id derived from the channel and the provider's id, so that inserting it twice stores it
once. A change (edit, delete, reaction, receipt) is put into `early_changes` first and then looked for its message; a
message is stored first and then looked for its early changes. Whoever comes second sees the other, so no change is
lost.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pymongo
from motor.motor_asyncio import AsyncIOMotorClientSession
from pymongo.errors import BulkWriteError

from inbox.storage.database import Database, Document
from inbox.storage.errors import Duplicate, duplicate_positions

CURRENT: dict[str, Any] = {"return_document": pymongo.ReturnDocument.AFTER}

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_RECEIPT_RANK = {"queued": 0, "sending": 1, "uncertain": 2, "failed": 3, "sent": 3, "delivered": 4, "read": 5}


def _newer(key: str, at: object) -> Document:
    return {"$gt": [at, {"$ifNull": [f"${key}", _NEVER]}]}


def _edited(change: Document) -> Document:
    newer = _newer("edited_at", change["at"])
    return {
        "text": {"$cond": [newer, {"$literal": change["text"]}, "$text"]},
        "entities": {"$cond": [newer, {"$literal": change["entities"]}, "$entities"]},
        "edited_at": {"$cond": [newer, change["at"], {"$ifNull": ["$edited_at", None]}]},
    }


def _deleted(change: Document) -> Document:
    return {"deleted_at": {"$ifNull": ["$deleted_at", change["at"]]}}


def _reacted(change: Document) -> Document:
    author = change["person"]
    newer = {
        "$gt": [
            change["at"],
            {
                "$ifNull": [
                    {
                        "$max": {
                            "$map": {
                                "input": {"$filter": {"input": "$reactions", "cond": {"$eq": ["$$this.by", author]}}},
                                "in": "$$this.at",
                            }
                        }
                    },
                    _NEVER,
                ]
            },
        ]
    }
    others = {"$filter": {"input": "$reactions", "cond": {"$ne": ["$$this.by", author]}}}
    mine = [{"emoji": emoji, "by": author, "at": change["at"]} for emoji in change["emoji"]]
    # Taking a reaction back leaves an empty mark, so that an older event cannot bring it back.
    mark = mine or [{"emoji": "", "by": author, "at": change["at"]}]
    return {"reactions": {"$cond": [newer, {"$concatArrays": [others, {"$literal": mark}]}, "$reactions"]}}


def _receipted(change: Document) -> Document:
    rank = {
        "$switch": {
            "branches": [{"case": {"$eq": ["$state", state]}, "then": value} for state, value in _RECEIPT_RANK.items()],
            "default": 0,
        }
    }
    better = {"$gt": [_RECEIPT_RANK[change["state"]], rank]}
    if change["state"] == "failed":
        better = {"$in": ["$state", ["sending", "uncertain", "sent"]]}
    return {
        "state": {"$cond": [better, change["state"], "$state"]},
        "error": {"$cond": [better, {"$literal": change["error"] or None}, "$error"]},
    }


_APPLY = {"edited": _edited, "deleted": _deleted, "reaction": _reacted, "receipt": _receipted}


def _utf16(text: str) -> int:
    """The unit of entities' offsets."""
    return len(text.encode("utf-16-le")) // 2


_BEHIND = {"$add": ["$$value.length", {"$cond": [{"$eq": ["$$value.length", 0]}, 0, 1]}]}
_SPOKEN: Document = {
    "$reduce": {
        "input": "$captions",
        "initialValue": {"text": "", "entities": [], "length": 0},
        "in": {
            "text": {"$concat": ["$$value.text", {"$cond": [{"$eq": ["$$value.length", 0]}, "", "\n"]}, "$$this.text"]},
            "entities": {
                "$concatArrays": [
                    "$$value.entities",
                    {
                        "$map": {
                            "input": "$$this.entities",
                            "as": "mark",
                            "in": {"$mergeObjects": ["$$mark", {"offset": {"$add": ["$$mark.offset", _BEHIND]}}]},
                        }
                    },
                ]
            },
            "length": {"$add": [_BEHIND, "$$this.length"]},
        },
    }
}
"""An album's captions, one a line, as one text with its marks."""


class MessageStore:
    """The `messages` and `early_changes` collections."""

    def __init__(self, database: Database) -> None:
        self._relaxed = database.relaxed.messages
        self._durable = database.durable.messages
        self._early = database.relaxed.early_changes
        self._outbox = database.durable.outbox
        self._client = database.client

    async def get(self, message_id: str) -> Document | None:
        """One message."""
        return await self._durable.find_one({"_id": message_id})

    async def existing(self, message_ids: Sequence[str]) -> dict[str, Document]:
        """Those of these messages that are stored, by id."""
        return {row["_id"]: row async for row in self._relaxed.find({"_id": {"$in": list(message_ids)}})}

    async def insert(self, messages: Sequence[Document]) -> set[str]:
        """Store messages; returns the ids of those that were there already."""
        try:
            await self._relaxed.insert_many(messages, ordered=False)
        except BulkWriteError as error:
            return {messages[position]["_id"] for position in duplicate_positions(error)}
        return set()

    async def forget(self, message_ids: Sequence[str]) -> None:
        """Remove messages that are about to be stored anew."""
        await self._relaxed.delete_many({"_id": {"$in": list(message_ids)}})

    async def join_album(self, part: Document) -> Document:
        """Store one part of an album into its message, creating it with the first part that comes.

        The message keeps every part's place (`sorts`) and its caption: where it stands and what it says are made of all
        parts there are, and so do not depend on which came first. A caption that was edited stays as edited.
        """
        caption = {
            "sort": part["sort"],
            "text": part["text"],
            "entities": part["entities"],
            "length": _utf16(part["text"]),
        }
        first = {**part, "sorts": [part["sort"]], "captions": [caption] if part["text"] else []}
        files = {"$setUnion": ["$attachments", {"$literal": part["attachments"]}]}
        known = {"$setIsSubset": [[entry["id"] for entry in part["attachments"]], "$attachments.id"]}
        collected = {
            "external_ids": {"$setUnion": ["$external_ids", {"$literal": part["external_ids"]}]},
            "attachments": {"$cond": [known, "$attachments", {"$sortArray": {"input": files, "sortBy": {"part": 1}}}]},
            "sorts": {"$setUnion": ["$sorts", first["sorts"]]},
            "captions": {
                "$sortArray": {
                    "input": {"$setUnion": ["$captions", {"$literal": first["captions"]}]},
                    "sortBy": {"sort": 1},
                }
            },
        }
        edited = {"$ne": [{"$ifNull": ["$edited_at", None]}, None]}
        told = {
            "sort": {"$min": "$sorts"},
            "text": {"$cond": [edited, "$text", "$spoken.text"]},
            "entities": {"$cond": [edited, "$entities", "$spoken.entities"]},
        }
        update: list[Document] = [
            {"$replaceWith": {"$mergeObjects": [{"$literal": first}, "$$ROOT"]}},
            {"$set": collected},
            {"$set": {"spoken": _SPOKEN}},
            {"$set": told},
            {"$unset": "spoken"},
        ]
        for _ in range(3):
            try:
                joined: Document = await self._relaxed.find_one_and_update(
                    {"_id": part["_id"]}, update, upsert=True, **CURRENT
                )
            except Duplicate:
                continue
            return joined
        message = f"album {part['_id']} could not be joined"
        raise RuntimeError(message)

    async def post(self, message: Document, rows: Sequence[Document]) -> tuple[Document, bool]:
        """Store a message of ours together with its outbox rows, both or neither.

        A client token known in its conversation returns the first message and False.
        """

        async def write(session: AsyncIOMotorClientSession) -> None:
            await self._durable.insert_one(message, session=session)
            if rows:
                await self._outbox.insert_many(rows, session=session)

        try:
            async with await self._client.start_session() as session:
                await session.with_transaction(write)
        except (Duplicate, BulkWriteError):
            first = await self._durable.find_one(
                {"conversation_id": message["conversation_id"], "client_token": message["client_token"]}
            )
            if first is None:
                raise
            return first, False
        return message, True

    async def change(self, message_id: str, changes: Mapping[str, Any]) -> Document | None:
        """Set fields of a message."""
        changed: Document | None = await self._durable.find_one_and_update(
            {"_id": message_id}, {"$set": dict(changes)}, **CURRENT
        )
        return changed

    async def set_sending_state(self, message_id: str, state: str, error: str | None) -> Document | None:
        """Show how far a message of ours got.

        A receipt that came first (delivered, read) is not taken back by `sent`.
        """
        condition: Document = {"_id": message_id}
        if state == "sent":
            condition["state"] = {"$nin": ["delivered", "read"]}
        changed: Document | None = await self._relaxed.find_one_and_update(
            condition, {"$set": {"state": state, "error": error}}, **CURRENT
        )
        return changed

    async def note_sent(self, message_id: str, external_ids: Sequence[str]) -> None:
        """Add the provider's ids of a sent part."""
        await self._relaxed.update_one(
            {"_id": message_id}, {"$addToSet": {"external_ids": {"$each": list(external_ids)}}}
        )

    async def set_attachment(self, attachment_id: str, message_id: str, changes: Mapping[str, Any]) -> Document | None:
        """Change what a message says of one of its files."""
        changed: Document | None = await self._relaxed.find_one_and_update(
            {"_id": message_id, "attachments.id": attachment_id},
            {"$set": {f"attachments.$.{field}": value for field, value in changes.items()}},
            **CURRENT,
        )
        return changed

    async def external_to_ids(self, channel_id: str, external_ids: Sequence[str]) -> dict[str, Document]:
        """Messages of one channel by the provider's ids (each message under each of its ids that was asked for)."""
        cursor = self._relaxed.find({"channel_id": channel_id, "external_ids": {"$in": list(external_ids)}})
        wanted = set(external_ids)
        return {external: row async for row in cursor for external in wanted.intersection(row["external_ids"])}

    async def hold_changes(self, changes: Sequence[Document]) -> None:
        """Remember changes until their message is known. Each has `_id`, `channel_id`, `external_id`, `type`, `at`."""
        try:
            await self._early.insert_many(changes, ordered=False)
        except BulkWriteError as error:
            duplicate_positions(error)

    async def settle_changes(self, channel_id: str, external_ids: Sequence[str]) -> list[Document]:
        """Apply what was held for these messages as far as they are stored; returns the messages as they are now."""
        held = await self._early.find({"channel_id": channel_id, "external_id": {"$in": list(external_ids)}}).to_list(
            None
        )
        if not held:
            return []
        messages = await self.external_to_ids(channel_id, [change["external_id"] for change in held])
        settled: list[str] = []
        touched: dict[str, Document] = {}
        for change in sorted(held, key=lambda row: row["at"]):
            message = messages.get(change["external_id"])
            if message is None:
                continue
            if change["type"] == "quotation":
                key, apply = change["by"], {"reply_to": message["_id"]}
            else:
                key, apply = message["_id"], _APPLY[change["type"]](change)
            changed = await self._relaxed.find_one_and_update({"_id": key}, [{"$set": apply}], **CURRENT)
            if changed is not None:
                touched[key] = changed
                settled.append(change["_id"])
        await self._early.delete_many({"_id": {"$in": settled}})
        return list(touched.values())

    async def thread(self, conversation_id: str, before: str | None, limit: int) -> list[Document]:
        """A page of a conversation, newest first; `before` is a sort key."""
        condition: Document = {"conversation_id": conversation_id}
        if before is not None:
            condition["sort"] = {"$lt": before}
        return await self._durable.find(condition).sort([("sort", -1), ("_id", -1)]).limit(limit).to_list(limit)

    async def timeline(
        self, customer_id: str, conversation_ids: Sequence[str], before: str | None, limit: int
    ) -> list[Document]:
        """A page of everything said with a customer in these conversations, newest first."""
        condition: Document = {"customer_id": customer_id, "conversation_id": {"$in": list(conversation_ids)}}
        if before is not None:
            condition["sort"] = {"$lt": before}
        return await self._durable.find(condition).sort([("sort", -1), ("_id", -1)]).limit(limit).to_list(limit)
