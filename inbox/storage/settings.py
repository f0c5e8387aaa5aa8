"""The shop's settings: one document, where what nobody set has its default."""

from typing import Any

import pymongo

from inbox.storage.database import Database, Document

_KEY = "shop"


class SettingsStore:
    """The `settings` collection."""

    def __init__(self, database: Database) -> None:
        self._settings = database.durable.settings

    async def read(self) -> Document:
        """What was set; empty on a fresh installation."""
        found: Document = await self._settings.find_one({"_id": _KEY}, {"_id": 0}) or {}
        return found

    async def change(self, changes: dict[str, Any]) -> Document:
        """Set these fields; returns everything that is set now."""
        changed: Document = await self._settings.find_one_and_update(
            {"_id": _KEY},
            {"$set": changes},
            {"_id": 0},
            upsert=True,
            return_document=pymongo.ReturnDocument.AFTER,
        )
        return changed
