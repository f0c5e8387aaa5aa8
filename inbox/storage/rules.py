"""What the bot goes by: its rules, and how often it has spoken in each conversation lately."""

from collections.abc import Sequence
from datetime import datetime

import pymongo
from motor.motor_asyncio import AsyncIOMotorClientSession

from inbox.model.ids import now
from inbox.storage.database import Database, Document
from inbox.storage.errors import Duplicate

_INSTALLED = "starter_rules"


class RuleStore:
    """The `rules` collection."""

    def __init__(self, database: Database) -> None:
        self._rules = database.durable.rules
        self._meta = database.durable.meta
        self._client = database.client

    async def install(self, rules: Sequence[Document]) -> bool:
        """Store the rules of a fresh installation, once in its life whoever asks: a deleted one does not come back."""
        if await self._meta.find_one({"_id": _INSTALLED}) is not None:
            return False

        async def write(session: AsyncIOMotorClientSession) -> None:
            await self._meta.insert_one({"_id": _INSTALLED, "at": now()}, session=session)
            await self._rules.insert_many(rules, session=session)

        try:
            async with await self._client.start_session() as session:
                await session.with_transaction(write)
        except Duplicate:
            return False
        return True

    async def insert(self, rule: Document) -> Document:
        """Store a new rule."""
        await self._rules.insert_one(rule)
        return rule

    async def get(self, rule_id: str) -> Document | None:
        """One rule."""
        return await self._rules.find_one({"_id": rule_id})

    async def page(self, after: str | None, limit: int) -> list[Document]:
        """Rules in the order in which they were created and are evaluated."""
        condition: Document = {} if after is None else {"_id": {"$gt": after}}
        return await self._rules.find(condition).sort("_id", 1).limit(limit).to_list(limit)

    async def enabled(self) -> list[Document]:
        """Every enabled rule, in the same order."""
        return await self._rules.find({"enabled": True}).sort("_id", 1).to_list(None)

    async def change(self, rule_id: str, changes: Document, *, version: int) -> Document | None:
        """Set fields where the rule still has this version; None where it does not."""
        changed: Document | None = await self._rules.find_one_and_update(
            {"_id": rule_id, "version": version},
            {"$set": {**changes, "updated_at": now()}, "$inc": {"version": 1}},
            return_document=pymongo.ReturnDocument.AFTER,
        )
        return changed

    async def delete(self, rule_id: str) -> bool:
        """Forget a rule; whether there was one."""
        deleted = await self._rules.delete_one({"_id": rule_id})
        return bool(deleted.deleted_count)


class ReplyBudget:
    """How many automatic replies a conversation may still get; kept on its row, as `automatic: [{token, at}]`.

    A reply is counted before it is sent and in one conditional step, so that processes that answer side by side cannot
    exceed the budget together. A reply that was counted already is not counted again. The row's `revision` stays as it
    is: nothing that is decided about a conversation looks at this field.
    """

    def __init__(self, database: Database) -> None:
        self._conversations = database.relaxed.conversations

    async def spend(self, conversation_id: str, token: str, *, at: datetime, since: datetime, most: int) -> bool:
        """Count the reply of this token, unless `most` others were counted after `since`. Whether it may be sent."""
        recent = {
            "$filter": {"input": {"$ifNull": ["$automatic", []]}, "cond": {"$gt": ["$$this.at", since]}},
        }
        counted = {"$or": [{"$in": [token, "$automatic.token"]}, {"$gte": [{"$size": "$automatic"}, most]}]}
        added = {"$concatArrays": ["$automatic", [{"token": {"$literal": token}, "at": at}]]}
        row: Document | None = await self._conversations.find_one_and_update(
            {"_id": conversation_id},
            [{"$set": {"automatic": recent}}, {"$set": {"automatic": {"$cond": [counted, "$automatic", added]}}}],
            {"automatic": 1},
            return_document=pymongo.ReturnDocument.AFTER,
        )
        return row is not None and any(entry["token"] == token for entry in row["automatic"])
