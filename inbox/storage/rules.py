"""What the bot goes by: its rules, and how often it has spoken in each conversation lately."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any

import msgspec
import pymongo
from motor.motor_asyncio import AsyncIOMotorClientSession

from inbox.model.ids import new_id, now
from inbox.storage.database import Database, Document
from inbox.storage.errors import Duplicate
from inbox.storage.places import beyond

_INSTALLED = "starter_rules"
_EDITION = "rules"
_KEEP_SPOKEN = 100
"""How many automatic replies a conversation remembers: no budget is larger."""
_ORDER = [("position", pymongo.ASCENDING), ("_id", pymongo.ASCENDING)]


class RuleStore:
    """The `rules` collection."""

    def __init__(self, database: Database) -> None:
        self._rules = database.durable.rules
        self._versions = database.durable.rule_versions
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
            async with self._another_edition(), await self._client.start_session() as session:
                await session.with_transaction(write)
        except Duplicate:
            return False
        return True

    async def insert(self, rule: Document) -> Document:
        """Store a new rule behind all others."""
        last = await self._rules.find_one({}, {"position": 1}, sort=[("position", -1)])
        placed = {**rule, "position": 0 if last is None else last["position"] + 1}
        async with self._another_edition():
            await self._rules.insert_one(placed)
        return placed

    async def get(self, rule_id: str) -> Document | None:
        """One rule."""
        return await self._rules.find_one({"_id": rule_id})

    async def page(self, after: Sequence[Any] | None, limit: int) -> list[Document]:
        """Rules in the order in which they are evaluated, after this (position, id)."""
        return await self._rules.find(beyond("position", after, direction=1)).sort(_ORDER).limit(limit).to_list(limit)

    async def enabled(self) -> list[Document]:
        """Every enabled rule, in the same order."""
        return await self._rules.find({"enabled": True}).sort(_ORDER).to_list(None)

    async def all(self) -> list[Document]:
        """What every rule is called and does: `{_id, name, actions}`."""
        return await self._rules.find({}, {"name": 1, "actions": 1}).sort(_ORDER).to_list(None)

    async def known(self, rule_ids: Sequence[str]) -> set[str]:
        """Those of these ids that are rules."""
        return {row["_id"] async for row in self._rules.find({"_id": {"$in": list(rule_ids)}}, {"_id": 1})}

    async def arrange(self, rule_ids: Sequence[str]) -> None:
        """Have these rules evaluated first, in this order; the others follow as they stood."""
        rows = await self._rules.find({}, {"position": 1}).sort(_ORDER).to_list(None)
        first = set(rule_ids)
        order = [*rule_ids, *(row["_id"] for row in rows if row["_id"] not in first)]
        placed = {row["_id"]: row["position"] for row in rows}
        moves = [
            pymongo.UpdateOne({"_id": rule_id}, {"$set": {"position": position}})
            for position, rule_id in enumerate(order)
            if placed.get(rule_id) != position
        ]
        if moves:
            async with self._another_edition():
                await self._rules.bulk_write(moves, ordered=False)

    async def change(self, before: Document, changes: Document) -> Document | None:
        """Set fields of a rule that still is as it was read, and keep its earlier form; None where it is another."""
        earlier = {**before, "_id": f"{before['_id']}:{before['version']}", "rule_id": before["_id"]}
        with contextlib.suppress(Duplicate):
            await self._versions.insert_one(earlier)
        async with self._another_edition():
            changed: Document | None = await self._rules.find_one_and_update(
                {"_id": before["_id"], "version": before["version"]},
                {"$set": {**changes, "updated_at": now()}, "$inc": {"version": 1}},
                return_document=pymongo.ReturnDocument.AFTER,
            )
        return changed

    async def earlier(self, rule: Document, limit: int) -> list[Document]:
        """The forms that a rule had before, the newest first."""
        condition = {"rule_id": rule["_id"], "version": {"$lt": rule["version"]}}
        return await self._versions.find(condition).sort("version", -1).limit(limit).to_list(limit)

    async def version(self, rule_id: str, version: int) -> Document | None:
        """A rule as it was in an earlier version."""
        return await self._versions.find_one({"_id": f"{rule_id}:{version}"})

    async def delete(self, rule_id: str) -> bool:
        """Forget a rule with all its versions; whether there was one."""
        async with self._another_edition():
            deleted = await self._rules.delete_one({"_id": rule_id})
        await self._versions.delete_many({"rule_id": rule_id})
        return bool(deleted.deleted_count)

    async def edition(self) -> str | None:
        """What is another one as soon as any rule is."""
        row = await self._meta.find_one({"_id": _EDITION})
        return None if row is None else str(row["edition"])

    @contextlib.asynccontextmanager
    async def _another_edition(self) -> AsyncIterator[None]:
        """Rules change in here. Whoever reads them meanwhile reads them again."""
        await self._begin_edition()
        try:
            yield
        finally:
            await self._begin_edition()

    async def _begin_edition(self) -> None:
        await self._meta.update_one({"_id": _EDITION}, {"$set": {"edition": new_id()}}, upsert=True)


class Spoken(msgspec.Struct, frozen=True, kw_only=True):
    """An automatic reply as it is counted. `words` names what it says; empty where the same may be said again."""

    token: str
    at: datetime
    words: str
    until: datetime
    """What was said before this is forgotten."""


class ReplyBudget:
    """What the bot said in each conversation of late; kept on its row, as `automatic: [{token, at, words}]`.

    A reply is counted before it is sent and in one conditional step, so that processes that answer side by side can
    neither exceed the budget together nor say the same twice. A reply that was counted already is not counted again.
    The row's `revision` stays as it is: nothing that is decided about a conversation looks at this field.
    """

    def __init__(self, database: Database) -> None:
        self._conversations = database.relaxed.conversations

    async def spend(self, conversation_id: str, spoken: Spoken, *, since: datetime, most: int) -> Document | None:
        """Count a reply, unless `most` others were counted after `since`, or its words were counted before.

        Returns the conversation as it is then; None where the reply may not be sent.
        """
        kept = {"$filter": {"input": {"$ifNull": ["$automatic", []]}, "cond": {"$gt": ["$$this.at", spoken.until]}}}
        latest = {"$size": {"$filter": {"input": "$automatic", "cond": {"$gt": ["$$this.at", since]}}}}
        refused = [
            {"$in": [spoken.token, "$automatic.token"]},
            {"$gte": [latest, most]},
        ]
        if spoken.words:
            in_this_case = {"$gte": ["$$this.at", "$opened_at"]}
            same = {"$and": [{"$eq": ["$$this.words", spoken.words]}, in_this_case]}
            refused.append({"$gt": [{"$size": {"$filter": {"input": "$automatic", "cond": same}}}, 0]})
        entry = {"token": {"$literal": spoken.token}, "at": spoken.at, "words": spoken.words}
        added = {"$slice": [{"$concatArrays": ["$automatic", [entry]]}, -_KEEP_SPOKEN]}
        counted = {"$cond": [{"$or": refused}, "$automatic", added]}
        row: Document | None = await self._conversations.find_one_and_update(
            {"_id": conversation_id},
            [{"$set": {"automatic": kept}}, {"$set": {"automatic": counted}}],
            return_document=pymongo.ReturnDocument.AFTER,
        )
        granted = row is not None and any(entry["token"] == spoken.token for entry in row["automatic"])
        return row if granted else None
