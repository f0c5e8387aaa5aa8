"""Which process listens to a channel that fetches its events itself, and how far it has read.

A row is `{_id: channel_id, holder, lease_until, cursor}`.
"""

from collections.abc import Mapping
from datetime import timedelta

import pymongo

from inbox.model.ids import now
from inbox.storage.database import Database
from inbox.storage.errors import Duplicate

LEASE = timedelta(seconds=12)
"""How long a process may listen to a channel without saying that it still does."""


class ListenerStore:
    """The `listeners` collection."""

    def __init__(self, database: Database) -> None:
        self._listeners = database.durable.listeners

    async def claim(self, channel_id: str, holder: str) -> dict[str, str] | None:
        """Become a channel's listener: what was noted last, or None while somebody else listens."""
        present = now()
        try:
            row = await self._listeners.find_one_and_update(
                {"_id": channel_id, "$or": [{"lease_until": {"$lte": present}}, {"holder": holder}]},
                {"$set": {"holder": holder, "lease_until": present + LEASE}, "$setOnInsert": {"cursor": {}}},
                upsert=True,
                return_document=pymongo.ReturnDocument.AFTER,
            )
        except Duplicate:
            return None
        return dict(row["cursor"])

    async def renew(self, channel_id: str, holder: str) -> bool:
        """Say that this process still listens; False where somebody else does."""
        renewed = await self._listeners.update_one(
            {"_id": channel_id, "holder": holder}, {"$set": {"lease_until": now() + LEASE}}
        )
        return bool(renewed.matched_count)

    async def note(self, channel_id: str, holder: str, cursor: Mapping[str, str]) -> bool:
        """Remember how far was read; False where somebody else listens by now."""
        noted = await self._listeners.update_one(
            {"_id": channel_id, "holder": holder}, {"$set": {"cursor": dict(cursor), "lease_until": now() + LEASE}}
        )
        return bool(noted.matched_count)

    async def release(self, channel_id: str, holder: str) -> None:
        """Let somebody else listen at once."""
        await self._listeners.update_one({"_id": channel_id, "holder": holder}, {"$set": {"lease_until": now()}})

    async def forget(self, channel_ids: list[str]) -> None:
        """Forget all but these channels."""
        await self._listeners.delete_many({"_id": {"$nin": channel_ids}})
