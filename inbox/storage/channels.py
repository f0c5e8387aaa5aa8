"""Connected accounts. Secrets are encrypted before they come here (`inbox.channels`)."""

from collections.abc import Mapping
from typing import Any

import pymongo

from inbox.storage.database import Database, Document


class ChannelStore:
    """The `channels` collection: `{_id, kind, name, settings, sealed, state, state_reason, created_at, changed_at}`."""

    def __init__(self, database: Database) -> None:
        self._channels = database.durable.channels

    async def all(self) -> list[Document]:
        """Every channel, oldest first."""
        return await self._channels.find({}).sort("created_at", 1).to_list(None)

    async def get(self, channel_id: str) -> Document | None:
        """One channel."""
        return await self._channels.find_one({"_id": channel_id})

    async def insert(self, channel: Document) -> None:
        """Store a new channel."""
        await self._channels.insert_one(channel)

    async def change(self, channel_id: str, changes: Mapping[str, Any]) -> Document | None:
        """Set fields; returns the channel as it is now."""
        changed: Document | None = await self._channels.find_one_and_update(
            {"_id": channel_id}, {"$set": dict(changes)}, return_document=pymongo.ReturnDocument.AFTER
        )
        return changed

    async def set_state(self, channel_id: str, state: str, reason: str) -> Document | None:
        """Note a channel's state; None where it was that already."""
        changed: Document | None = await self._channels.find_one_and_update(
            {"_id": channel_id, "$or": [{"state": {"$ne": state}}, {"state_reason": {"$ne": reason}}]},
            {"$set": {"state": state, "state_reason": reason}},
            return_document=pymongo.ReturnDocument.AFTER,
        )
        return changed

    async def delete(self, channel_id: str) -> bool:
        """Forget a channel; its conversations stay."""
        return bool((await self._channels.delete_one({"_id": channel_id})).deleted_count)
