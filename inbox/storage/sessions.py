"""Signed-in sessions. `_id` is the hash of the token, so that a leaked backup signs nobody in."""

from datetime import datetime

from inbox.model.ids import now
from inbox.storage.database import Database, Document


class SessionStore:
    """The `sessions` collection: `{_id, manager_id, expires_at, created_at, address, agent}`."""

    def __init__(self, database: Database) -> None:
        self._sessions = database.durable.sessions

    async def open(self, key: str, manager_id: str, *, expires_at: datetime, address: str, agent: str) -> None:
        """Remember a new session; it is valid before this returns and survives a failover."""
        await self._sessions.insert_one(
            {
                "_id": key,
                "manager_id": manager_id,
                "expires_at": expires_at,
                "created_at": now(),
                "address": address,
                "agent": agent,
            }
        )

    async def holder(self, key: str) -> tuple[Document, Document] | None:
        """A living session and its active manager in one round trip."""
        found = await self._sessions.aggregate(
            [
                {"$match": {"_id": key, "expires_at": {"$gt": now()}}},
                {"$lookup": {"from": "managers", "localField": "manager_id", "foreignField": "_id", "as": "manager"}},
                {"$unwind": "$manager"},
                {"$match": {"manager.active": True}},
            ]
        ).to_list(1)
        if not found:
            return None
        return found[0], found[0]["manager"]

    async def extend(self, key: str, expires_at: datetime) -> None:
        """Let a session live until `expires_at`."""
        await self._sessions.update_one({"_id": key}, {"$set": {"expires_at": expires_at}})

    async def end(self, key: str) -> None:
        """Sign out."""
        await self._sessions.delete_one({"_id": key})

    async def end_all(self, manager_id: str, *, but: str | None = None) -> int:
        """End a manager's sessions, `but` one where given; returns how many."""
        ended = await self._sessions.delete_many({"manager_id": manager_id, "_id": {"$ne": but}})
        return ended.deleted_count
