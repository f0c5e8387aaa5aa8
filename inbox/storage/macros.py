"""Prepared replies and how often they are used.

A macro: `{_id, name, shortcut, folder, text {language: text}, attachments [id], buttons [{title {language: title},
data}], actions [{type, …}], archived, owner_id, created_at, updated_at}`. One without owner is shared; one with an
owner is that manager's alone.

Its use by one manager, or by the bot: `{_id, macro_id, manager_id, count, last_used_at, recent [message id]}`.
"""

from collections.abc import Sequence
from datetime import datetime

import pymongo

from inbox.model.errors import Taken
from inbox.model.ids import derived_id, now
from inbox.storage.database import Database, Document
from inbox.storage.errors import Duplicate

_BEGINNING: Document = {"folder": "", "attachments": [], "buttons": [], "actions": [], "archived": False}
"""What a macro has from the beginning; those that were made before there was such a thing lack it in their row."""

_TAKEN = "another macro of the same owner has it"
_RECENT = 100
"""How many messages a count remembers: more than are counted again after a crash."""


class MacroStore:
    """The `macros` and `macro_uses` collections."""

    def __init__(self, database: Database) -> None:
        self._macros = database.durable.macros
        self._uses = database.durable.macro_uses
        self._cases = database.durable.macro_cases

    async def insert(self, macro: Document) -> Document:
        """Store a new macro. Raises `Conflict` where its shortcut is taken."""
        try:
            await self._macros.insert_one(macro)
        except Duplicate as error:
            raise Taken("shortcut", _TAKEN) from error
        return macro

    async def get(self, macro_id: str) -> Document | None:
        """One macro, whoever owns it."""
        found = await self._macros.find_one({"_id": macro_id})
        return None if found is None else _BEGINNING | found

    async def shared_like(self, macro_id: str, shortcut: str, name: str, folder: str) -> Document | None:
        """The shared macro of this id, else of this shortcut, else of this name in this folder."""
        called: Document = {"name": name, "folder": {"$in": [folder, None] if not folder else [folder]}}
        for wanted in ({"_id": macro_id}, {"shortcut": shortcut} if shortcut else None, called):
            found = await self._macros.find_one({**wanted, "owner_id": None}) if wanted else None
            if found is not None:
                return _BEGINNING | found
        return None

    async def that_assign_to(self, team_id: str) -> list[Document]:
        """The macros in use, whoever owns them, that give conversations to a team: `{_id, name, owner_id}`."""
        wanted = {"actions.team_id": team_id, "archived": {"$ne": True}}
        return await self._macros.find(wanted, {"name": 1, "owner_id": 1}).sort("name", 1).to_list(None)

    async def page(self, viewer_id: str, after: str | None, limit: int, *, archived: bool = False) -> list[Document]:
        """The shared macros and this manager's own, in the order they were created; the `archived` ones or the rest."""
        condition: Document = {"owner_id": {"$in": [None, viewer_id]}, "archived": True if archived else {"$ne": True}}
        if after is not None:
            condition["_id"] = {"$gt": after}
        rows = await self._macros.find(condition).sort("_id", 1).limit(limit).to_list(limit)
        return [_BEGINNING | row for row in rows]

    async def outlines(self, limit: int) -> list[Document]:
        """The macros that are in use, whoever owns them, as they were changed last: `{_id, owner_id, updated_at}`."""
        told = {"owner_id": 1, "updated_at": 1}
        return await self._macros.find({"archived": {"$ne": True}}, told).sort("_id", 1).limit(limit).to_list(limit)

    async def change(self, macro_id: str, changes: Document) -> Document | None:
        """Set fields; returns the macro as it is now. Raises `Taken` where the shortcut is taken."""
        try:
            changed: Document | None = await self._macros.find_one_and_update(
                {"_id": macro_id},
                {"$set": {**changes, "updated_at": now()}},
                return_document=pymongo.ReturnDocument.AFTER,
            )
        except Duplicate as error:
            raise Taken("shortcut", _TAKEN) from error
        return None if changed is None else _BEGINNING | changed

    async def delete(self, macro_id: str) -> bool:
        """Forget a macro, its use and what was learned of it; whether there was one."""
        deleted = await self._macros.delete_one({"_id": macro_id})
        await self._uses.delete_many({"macro_id": macro_id})
        await self._cases.delete_many({"macro_id": macro_id})
        return bool(deleted.deleted_count)

    async def count_use(self, macro_id: str, manager_id: str | None, message_id: str, *, at: datetime) -> None:
        """Count a message that was made with a macro; one that was counted already changes nothing."""
        key = derived_id("macro use", macro_id, manager_id or "")
        uncounted = {"_id": key, "recent": {"$ne": message_id}}
        counted = {
            "$inc": {"count": 1},
            "$max": {"last_used_at": at},
            "$push": {"recent": {"$each": [message_id], "$slice": -_RECENT}},
            "$setOnInsert": {"macro_id": macro_id, "manager_id": manager_id},
        }
        try:
            await self._uses.update_one(uncounted, counted, upsert=True)
        except Duplicate:
            # The row is there: somebody made it at this moment, or has this message counted.
            await self._uses.update_one(uncounted, counted)

    async def usage(self, macro_ids: Sequence[str], manager_id: str) -> dict[str, Document]:
        """How often these macros were used, by everybody and by one manager, and when last: for each of them."""
        rows = self._uses.aggregate(
            [
                {"$match": {"macro_id": {"$in": list(macro_ids)}}},
                {
                    "$group": {
                        "_id": "$macro_id",
                        "count": {"$sum": "$count"},
                        "mine": {"$sum": {"$cond": [{"$eq": ["$manager_id", manager_id]}, "$count", 0]}},
                        "last_used_at": {"$max": "$last_used_at"},
                    }
                },
            ]
        )
        unused: Document = {"count": 0, "mine": 0, "last_used_at": None}
        found = {row.pop("_id"): row async for row in rows}
        return {macro_id: found.get(macro_id, unused) for macro_id in macro_ids}
