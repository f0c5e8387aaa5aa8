"""Who did what."""

from dataclasses import dataclass

from aiohttp import web

from inbox.paging import moment_and_id, page
from inbox.storage.audit import AuditQuery, AuditStore
from web.api.requests import AuditPageQuery
from web.api.views import audit_view
from web.doors.answers import json_answer
from web.doors.table import Call


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditHandlers:
    """`/audit`."""

    audit: AuditStore

    async def index(self, call: Call[None, AuditPageQuery]) -> web.Response:
        """Entries, newest first."""
        query = call.query
        rows = await self.audit.page(
            AuditQuery(
                object_id=query.object_id,
                actor_id=query.actor_id,
                action=query.action,
                after=moment_and_id(query.cursor),
                limit=query.limit + 1,
            )
        )
        found, cursor = page(rows, query.limit, "at", "_id")
        return json_answer({"items": [audit_view(row) for row in found], "next_cursor": cursor})
