"""What rules tell other systems.

A row is `{_id, rule_id, customer_id, url, secret, body, state, attempts, status, error, at, done_at, forget_at}`.
`state` is `waiting`, `done` or `failed`; `status` is the last HTTP status, 0 where there was none. `body` and `secret`
are gone once it is over.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pymongo

from inbox.model.ids import now
from inbox.storage.database import Database, Document
from inbox.storage.errors import Duplicate
from inbox.storage.places import beyond

REMEMBERED = timedelta(days=30)


class WebhookCallStore:
    """The `webhook_calls` collection."""

    def __init__(self, database: Database) -> None:
        self._calls = database.durable.webhook_calls

    async def add(self, call: Mapping[str, Any]) -> bool:
        """Keep a call that is to be made, once for each id; whether it is still to be made."""
        fresh = {"state": "waiting", "attempts": 0, "status": 0, "error": "", "at": now(), "done_at": None}
        try:
            await self._calls.insert_one({**call, **fresh, "forget_at": now() + REMEMBERED})
        except Duplicate:
            known = await self.get(call["_id"])
            return known is not None and known["state"] == "waiting"
        return True

    async def get(self, call_id: str) -> Document | None:
        """One call."""
        return await self._calls.find_one({"_id": call_id})

    async def note(self, call_id: str, *, state: str, status: int, error: str) -> Document | None:
        """Note how a try ended."""
        told: Document = {"state": state, "status": status, "error": error}
        change: Document = {"$set": told, "$inc": {"attempts": 1}}
        if state != "waiting":
            told["done_at"] = now()
            change["$unset"] = {"body": "", "secret": ""}
        found: Document | None = await self._calls.find_one_and_update(
            {"_id": call_id, "state": "waiting"}, change, return_document=pymongo.ReturnDocument.AFTER
        )
        return found

    async def of_rule(self, rule_id: str, after: tuple[datetime, str] | None, limit: int) -> list[Document]:
        """The calls of a rule, newest first, without what was posted."""
        wanted = {"rule_id": rule_id, **beyond("at", after)}
        found = self._calls.find(wanted, {"body": 0, "secret": 0}).sort([("at", -1), ("_id", -1)])
        return await found.limit(limit).to_list(limit)
