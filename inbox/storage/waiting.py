"""What is asked of those who wait in the queue: how urgent they are by now, and how long it may last.

`raised` of a conversation holds the marks of what has raised its priority, each once.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pymongo

from inbox.model.conversation import ConversationStatus
from inbox.storage.database import Database, Document

KEEP_MARKS = 50

_QUEUED: Document = {
    "active": True,
    "assignee_id": None,
    "status": {"$in": [ConversationStatus.OPEN.value, ConversationStatus.PENDING.value]},
}


class WaitingStore:
    """Another view of the `conversations` collection."""

    def __init__(self, database: Database) -> None:
        self._durable = database.durable.conversations
        self._relaxed = database.relaxed.conversations

    async def raise_once(self, conversation_id: str, mark: str, priority: int) -> Document | None:
        """Raise the priority of an active conversation to at least this, once for each mark; as it was before.

        None where there was nothing to do.
        """
        before: Document | None = await self._durable.find_one_and_update(
            {"_id": conversation_id, "active": True, "raised": {"$ne": mark}},
            {
                "$max": {"priority": priority},
                "$push": {"raised": {"$each": [mark], "$slice": -KEEP_MARKS}},
                "$inc": {"version": 1, "revision": 1},
            },
            return_document=pymongo.ReturnDocument.BEFORE,
        )
        return before

    async def below(self, priority: int, limit: int) -> list[Document]:
        """Who waits longest in the queue with a lower priority than this, as far as rules ask."""
        told = ("priority", "waiting_since", "channel_id", "customer_id", "labels", "openings", "raised", "assignee_id")
        rows = self._relaxed.find(
            {**_QUEUED, "priority": {"$lt": priority}}, dict.fromkeys((*told, "active", "status"), 1)
        )
        return await rows.sort("waiting_since", 1).limit(limit).to_list(limit)

    async def overlooked(self, before: datetime, limit: int) -> list[str]:
        """Ids of conversations that should have been answered before a moment, and nobody has noticed."""
        due = {"clock.due_at": {"$type": "date", "$lte": before}, "clock.breached_at": None}
        rows = self._relaxed.find(due, {"_id": 1}).sort("clock.due_at", 1).limit(limit)
        return [row["_id"] async for row in rows]

    async def standing_before(self, conversation: Mapping[str, Any]) -> int:
        """How many of the same team's queue are to be given out before this one."""
        priority, since = conversation["priority"], conversation["waiting_since"]
        return await self._relaxed.count_documents(
            {
                **_QUEUED,
                "team_id": conversation["team_id"],
                "$or": [
                    {"priority": {"$gt": priority}},
                    {"priority": priority, "waiting_since": {"$lt": since}},
                    {"priority": priority, "waiting_since": since, "_id": {"$lt": conversation["_id"]}},
                ],
            }
        )

    async def given_out(self, team_id: str | None, since: datetime, limit: int) -> list[datetime]:
        """When conversations of a team last came to somebody, newest first."""
        rows = self._relaxed.find(
            {"team_id": team_id, "assignment.at": {"$gte": since, "$exists": True}}, {"assignment.at": 1}
        )
        found = await rows.sort("assignment.at", -1).limit(limit).to_list(limit)
        return [row["assignment"]["at"] for row in found]
