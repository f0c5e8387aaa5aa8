"""What one process at a time does for all: who does it now, and what was noted for whoever does it next."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pymongo

from inbox.model.ids import now
from inbox.storage.database import Collection, Document
from inbox.storage.errors import Duplicate

LEASE = timedelta(seconds=9)
"""How long a process may keep a role without saying that it still does."""


class Roles:
    """A collection of roles: `{_id: role, holder, lease_until, term, …what was noted}`."""

    def __init__(self, rows: Collection[Document]) -> None:
        self._rows = rows

    async def claim(self, role: str, holder: str) -> Document | None:
        """Take a role: what was noted in it last, or None while somebody else has it. Its `term` grows each time."""
        present = now()
        taken = await self._rows.find_one({"_id": role, "lease_until": {"$gt": present}, "holder": {"$ne": holder}})
        if taken is not None:
            return None
        free = [{"lease_until": None}, {"lease_until": {"$lte": present}}, {"holder": holder}]
        try:
            noted: Document = await self._rows.find_one_and_update(
                {"_id": role, "$or": free},
                {"$set": {"holder": holder, "lease_until": present + LEASE}, "$inc": {"term": 1}},
                upsert=True,
                return_document=pymongo.ReturnDocument.AFTER,
            )
        except Duplicate:
            return None
        return noted

    async def note(self, role: str, holder: str, fields: Mapping[str, Any] | None = None) -> bool:
        """Keep a role and note something in it; False where somebody else has it by now."""
        noted = await self._rows.update_one(
            {"_id": role, "holder": holder}, {"$set": {**(fields or {}), "lease_until": now() + LEASE}}
        )
        return bool(noted.matched_count)

    async def release(self, role: str, holder: str) -> None:
        """Let somebody else have a role at once."""
        await self._rows.update_one({"_id": role, "holder": holder}, {"$set": {"lease_until": None}})

    async def read(self, role: str) -> Document:
        """What was noted in a role last."""
        return await self._rows.find_one({"_id": role}) or {}
