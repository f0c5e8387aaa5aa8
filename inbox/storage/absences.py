"""Whose customers wait for somebody who is not there."""

from collections.abc import Collection
from typing import Any

from inbox.model.conversation import ConversationStatus
from inbox.model.people import Status
from inbox.storage.database import Database, Document

_AWAY: Document = {
    "active": True,
    "$or": [{"status": Status.OFFLINE}, {"gone": True}, {"off_shift": True}],
}
_SINCE = dict.fromkeys(("status", "status_at", "gone", "gone_at", "off_shift", "off_shift_at", "created_at"), 1)


class AbsenceStore:
    """Reads `managers` and `conversations` for those who are offline, gone or off shift."""

    def __init__(self, database: Database) -> None:
        self._managers = database.durable.managers
        self._conversations = database.durable.conversations

    async def away(self) -> frozenset[str]:
        """Ids of the managers who are away."""
        return frozenset([row["_id"] async for row in self._managers.find(_AWAY, {"_id": 1})])

    async def get(self, manager_id: str) -> Document | None:
        """What tells since when a manager has been away; None where they are not."""
        return await self._managers.find_one({"_id": manager_id, **_AWAY}, _SINCE)

    async def waiting(self, manager_id: str) -> list[Document]:
        """The conversations of a manager whose customer waits, with what the time is counted from."""
        fields: dict[str, Any] = dict.fromkeys(("team_id", "assignment", "last_reply_sort", "waiting_since"), 1)
        return await self._conversations.find(_waiting(manager_id), fields).to_list(None)

    async def neglecting(self, manager_ids: Collection[str]) -> list[str]:
        """Which of these managers have customers who wait."""
        held: list[str] = await self._conversations.distinct("assignee_id", _waiting({"$in": list(manager_ids)}))
        return held


def _waiting(holder: Any) -> Document:
    return {"assignee_id": holder, "status": ConversationStatus.OPEN, "waiting_since": {"$ne": None}}
