"""Prepared replies: `{_id, name, shortcut, text{language: text}, owner_id, created_at, updated_at}`.

A macro without owner is shared; one with an owner is that manager's alone.
"""

import pymongo

from inbox.model.errors import Taken
from inbox.model.ids import now
from inbox.storage.database import Database, Document
from inbox.storage.errors import Duplicate

_TAKEN = "another macro of the same owner has it"


class MacroStore:
    """The `macros` collection."""

    def __init__(self, database: Database) -> None:
        self._macros = database.durable.macros

    async def insert(self, macro: Document) -> Document:
        """Store a new macro. Raises `Conflict` where its shortcut is taken."""
        try:
            await self._macros.insert_one(macro)
        except Duplicate as error:
            raise Taken("shortcut", _TAKEN) from error
        return macro

    async def get(self, macro_id: str) -> Document | None:
        """One macro, whoever owns it."""
        return await self._macros.find_one({"_id": macro_id})

    async def page(self, viewer_id: str, after: str | None, limit: int) -> list[Document]:
        """The shared macros and this manager's own, in the order they were created."""
        condition: Document = {"owner_id": {"$in": [None, viewer_id]}}
        if after is not None:
            condition["_id"] = {"$gt": after}
        return await self._macros.find(condition).sort("_id", 1).limit(limit).to_list(limit)

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
        return changed

    async def delete(self, macro_id: str) -> bool:
        """Forget a macro; whether there was one."""
        deleted = await self._macros.delete_one({"_id": macro_id})
        return bool(deleted.deleted_count)
