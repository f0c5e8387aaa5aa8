"""Who holds what: routing's fields of a manager's row.

`holding` is the set of conversations that count towards a manager's load, `ratio` is its size over the capacity.
Choosing the best manager and taking a place with them is one conditional update, so parallel processes cannot overfill
anyone.
"""

from collections.abc import Sequence
from typing import Any

import pymongo

from inbox.model.ids import now
from inbox.model.people import Status
from inbox.storage.database import Database, Document

_CURRENT: dict[str, Any] = {"return_document": pymongo.ReturnDocument.AFTER}
_SHOWN = {"password_hash": 0}


def _holding(expression: Document, **also: Any) -> list[Document]:
    """An update that sets what is held and lets the ratio follow."""
    load = {"$size": "$holding"}
    full = {"$cond": [{"$gt": ["$capacity", 0]}, {"$divide": [load, {"$max": ["$capacity", 1]}]}, 1.0]}
    return [{"$set": {"holding": expression, **also}}, {"$set": {"ratio": full}}]


class WorkloadStore:
    """Routing's view of the `managers` collection."""

    def __init__(self, database: Database) -> None:
        self._managers = database.durable.managers

    async def claim(
        self,
        conversation_id: str,
        *,
        team_id: str | None,
        language: str,
        among: Sequence[str] | None = None,
        but: str | None = None,
    ) -> Document | None:
        """Take a place for a conversation with the eligible manager of the lowest load, ties to who waited longest.

        Eligible: online, below capacity, in the team, serving the language (everybody, where `language` is empty).
        `among` narrows the choice, `but` is left out of it. None where nobody is eligible.
        """
        eligible: Document = {"active": True, "status": Status.ONLINE, "ratio": {"$lt": 1}}
        if team_id is not None:
            eligible["teams"] = team_id
        if language:
            eligible["$or"] = [{"languages": []}, {"languages": language}]
        if among is not None or but is not None:
            eligible["_id"] = {
                **({} if among is None else {"$in": list(among)}),
                **({} if but is None else {"$ne": but}),
            }
        claimed: Document | None = await self._managers.find_one_and_update(
            eligible,
            _holding({"$setUnion": ["$holding", [conversation_id]]}, last_assigned_at=now()),
            projection=_SHOWN,
            sort=[("ratio", 1), ("last_assigned_at", 1)],
            **_CURRENT,
        )
        return claimed

    async def anybody_free(self) -> bool:
        """Whether any manager could take anything at all."""
        free = {"active": True, "status": Status.ONLINE, "ratio": {"$lt": 1}}
        return await self._managers.find_one(free, {"_id": 1}) is not None

    async def take(self, manager_id: str, conversation_id: str) -> Document | None:
        """Count a conversation for a manager whatever their capacity (a person decided so)."""
        taken: Document | None = await self._managers.find_one_and_update(
            {"_id": manager_id, "active": True},
            _holding({"$setUnion": ["$holding", [conversation_id]]}, last_assigned_at=now()),
            projection=_SHOWN,
            **_CURRENT,
        )
        return taken

    async def release(self, manager_id: str, conversation_ids: Sequence[str]) -> Document | None:
        """Count these conversations for this manager no more."""
        released: Document | None = await self._managers.find_one_and_update(
            {"_id": manager_id, "holding": {"$in": list(conversation_ids)}},
            _holding({"$setDifference": ["$holding", list(conversation_ids)]}),
            projection=_SHOWN,
            **_CURRENT,
        )
        return released

    async def holders(self, conversation_id: str) -> set[str]:
        """Ids of the managers for whom a conversation counts: one, but for what a crash or a merge left behind."""
        return {row["_id"] async for row in self._managers.find({"holding": conversation_id}, {"_id": 1})}

    async def set_status(self, manager_id: str, status: Status) -> Document | None:
        """Note what a manager says about themselves."""
        changed: Document | None = await self._managers.find_one_and_update(
            {"_id": manager_id, "active": True},
            {"$set": {"status": status, "status_at": now()}},
            projection=_SHOWN,
            **_CURRENT,
        )
        return changed

    async def all(self) -> list[Document]:
        """Every manager with what they hold."""
        return await self._managers.find({}, {"holding": 1, "active": 1}).to_list(None)
