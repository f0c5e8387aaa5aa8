"""What somebody has to do by a time.

A task is `{_id, title, details, customer_id, conversation_id, order_id, due_at, assignee_id, created_by, created_at,
updated_at, state, open, done_at, done_by}`. `state` is `open` until its time has come, then `due`, then `done`; `open`
is False with `done`, for the partial indexes. A task that was made under a token has an id derived from it, so that
making it twice makes one.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pymongo

from inbox.model.ids import now
from inbox.storage.database import Database, Document
from inbox.storage.errors import Duplicate

_CURRENT: dict[str, Any] = {"return_document": pymongo.ReturnDocument.AFTER}


class TaskStore:
    """The `tasks` collection."""

    def __init__(self, database: Database) -> None:
        self._tasks = database.durable.tasks

    async def insert(self, task: Document) -> bool:
        """Store a new task; False where there is one with this id."""
        try:
            await self._tasks.insert_one(task)
        except Duplicate:
            return False
        return True

    async def get(self, task_id: str) -> Document | None:
        """One task."""
        return await self._tasks.find_one({"_id": task_id})

    async def find(
        self,
        conditions: Mapping[str, Any],
        visibility: Mapping[str, Any],
        *,
        sort: Sequence[tuple[str, int]],
        limit: int,
    ) -> list[Document]:
        """Tasks that meet `conditions`; one tied to a conversation only where that meets `visibility`."""
        pipeline = [{"$match": dict(conditions)}, {"$sort": dict(sort)}, *_visible(visibility), {"$limit": limit}]
        return await self._tasks.aggregate(pipeline).to_list(limit)

    async def count(self, conditions: Mapping[str, Any], visibility: Mapping[str, Any], limit: int) -> int:
        """How many such tasks there are, counted up to a limit."""
        pipeline = [
            {"$match": dict(conditions)},
            {"$sort": {"due_at": 1}},
            *_visible(visibility),
            {"$limit": limit},
            {"$count": "tasks"},
        ]
        counted = await self._tasks.aggregate(pipeline).to_list(1)
        return int(counted[0]["tasks"]) if counted else 0

    async def change(self, task_id: str, changes: Mapping[str, Any]) -> Document | None:
        """Set fields; returns the task as it is now."""
        changed: Document | None = await self._tasks.find_one_and_update(
            {"_id": task_id}, {"$set": {**changes, "updated_at": now()}}, **_CURRENT
        )
        return changed

    async def fall_due(self, task_id: str, present: datetime) -> Document | None:
        """Mark a task whose time has come; None where it has not, or where that is known."""
        due: Document | None = await self._tasks.find_one_and_update(
            {"_id": task_id, "state": "open", "due_at": {"$lte": present}}, {"$set": {"state": "due"}}, **_CURRENT
        )
        return due

    async def delete(self, task_id: str) -> bool:
        """Forget a task; whether there was one."""
        return bool((await self._tasks.delete_one({"_id": task_id})).deleted_count)


def _visible(visibility: Mapping[str, Any]) -> list[Document]:
    if not visibility:
        return []
    lookup = {
        "from": "conversations",
        "localField": "conversation_id",
        "foreignField": "_id",
        "pipeline": [{"$match": dict(visibility)}, {"$project": {"_id": 1}}],
        "as": "seen",
    }
    return [
        {"$lookup": lookup},
        {"$match": {"$or": [{"conversation_id": None}, {"seen": {"$ne": []}}]}},
        {"$unset": "seen"},
    ]
