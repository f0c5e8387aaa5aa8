"""One-time codes.

A code is `{_id, identity_id, contact, type, value, digest, by, created_at, expires_at, tried, used_at, used_by}`.
`identity_id` is who says that the contact is theirs and has to type the code; `tried` are the messages in which they
tried. The code itself is nowhere: `digest` is what it is compared by.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pymongo

from inbox.model.ids import now
from inbox.storage.database import Database, Document

_CURRENT: dict[str, Any] = {"return_document": pymongo.ReturnDocument.AFTER}


class CodeStore:
    """The `one_time_codes` collection."""

    def __init__(self, database: Database) -> None:
        self._codes = database.durable.one_time_codes

    async def insert(self, code: Document, *, since: datetime, most: int) -> bool:
        """Store a code; False where its identity or its contact had as many as `most` since a time."""
        await self._codes.insert_one(code)
        for field in ("identity_id", "contact"):
            # Counted with our own in place: two who ask at once cannot both be the last one allowed.
            asked = {field: code[field], "created_at": {"$gte": since}}
            if await self._codes.count_documents(asked, limit=most + 1) > most:
                await self._codes.delete_one({"_id": code["_id"]})
                return False
        return True

    async def get(self, code_id: str) -> Document | None:
        """One code."""
        return await self._codes.find_one({"_id": code_id})

    async def awaited(self, identity_id: str, at: datetime) -> list[Document]:
        """The codes that an identity might have typed at a time, newest first."""
        waiting = {"identity_id": identity_id, "created_at": {"$lte": at}}
        rows = await self._codes.find(waiting).sort("created_at", -1).to_list(None)
        return [row for row in rows if row["expires_at"] > at]

    async def attempt(self, code: Mapping[str, Any], message_id: str, most: int) -> Document | None:
        """Count a message as a try; None where there were too many, or the code was used by another one."""
        few = {f"tried.{most - 1}": {"$exists": False}}
        open_ = {"$or": [{"used_by": message_id}, {"used_by": None, "$or": [{"tried": message_id}, few]}]}
        tried: Document | None = await self._codes.find_one_and_update(
            {"_id": code["_id"], **open_}, {"$addToSet": {"tried": message_id}}, **_CURRENT
        )
        return tried

    async def use(self, code: Mapping[str, Any], message_id: str) -> bool:
        """Use a code up; False where another message did."""
        mine = {"_id": code["_id"], "used_by": {"$in": [None, message_id]}}
        used = await self._codes.update_one(mine, {"$set": {"used_by": message_id, "used_at": now()}})
        return bool(used.matched_count)
