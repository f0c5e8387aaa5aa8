"""Managers' working hours, and whether they are off shift: `schedule`, `days_off`, `off_shift` and `off_shift_at`."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pymongo

from inbox.storage.database import Database, Document

_SHOWN = {"password_hash": 0}


class ShiftStore:
    """Shifts' fields of the `managers` collection."""

    def __init__(self, database: Database) -> None:
        self._managers = database.durable.managers

    async def get(self, manager_id: str) -> Document | None:
        """One manager."""
        return await self._managers.find_one({"_id": manager_id}, _SHOWN)

    async def with_shifts(self) -> list[Document]:
        """Managers who have hours or days off, or had: who are off shift."""
        named = [{"schedule": {"$gt": {}}}, {"days_off.0": {"$exists": True}}, {"off_shift": True}]
        return await self._managers.find({"$or": named}, _SHOWN).to_list(None)

    async def turn(self, manager: Mapping[str, Any], *, off_shift: bool, at: datetime) -> Document | None:
        """Note that a manager's shift began or ended, as it follows from the hours and days off of their row.

        None where those are others by now, or another process noted it first.
        """
        changed: Document | None = await self._managers.find_one_and_update(
            {
                "_id": manager["_id"],
                **{field: manager.get(field) for field in ("schedule", "days_off")},
                "off_shift": True if not off_shift else {"$ne": True},
            },
            {"$set": {"off_shift": off_shift, "off_shift_at": at if off_shift else None}},
            projection=_SHOWN,
            return_document=pymongo.ReturnDocument.AFTER,
        )
        return changed
