"""Who changed what: `{_id, at, actor{id, name, role}, action, object_id, address, request_id, changed}`.

`changed` has a key for every field that was set, and its value where that is neither secret nor personal.
"""

from datetime import datetime

import msgspec

from inbox.storage.database import Database, Document
from inbox.storage.places import beyond


class AuditQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which entries are wanted; `after` is the (time, id) of the last one seen."""

    object_id: str | None = None
    actor_id: str | None = None
    action: str | None = None
    after: tuple[datetime, str] | None = None
    limit: int = 50


class AuditStore:
    """The `audit` collection. Entries are added and read, never changed."""

    def __init__(self, database: Database) -> None:
        self._audit = database.durable.audit

    async def add(self, entry: Document) -> None:
        """Store an entry."""
        await self._audit.insert_one(entry)

    async def page(self, query: AuditQuery) -> list[Document]:
        """Entries, newest first."""
        wanted = {"object_id": query.object_id, "actor.id": query.actor_id, "action": query.action}
        condition: Document = {field: value for field, value in wanted.items() if value is not None}
        condition |= beyond("at", query.after)
        return await self._audit.find(condition).sort([("at", -1), ("_id", -1)]).limit(query.limit).to_list(query.limit)
