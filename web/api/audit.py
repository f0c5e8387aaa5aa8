"""Who did what."""

from dataclasses import dataclass
from typing import Annotated

from aiohttp import web
from pydantic import StringConstraints

from inbox.paging import moment_and_id, page
from inbox.storage.audit import AuditQuery, AuditStore
from web.api.fields import Id
from web.api.rows import row
from web.api.services import ApiServices
from web.api.shapes import AuditShape, Page
from web.api.views import audit_view
from web.doors.answers import json_answer
from web.doors.bodies import PageQuery
from web.doors.table import Call, Route, Who


class AuditPageQuery(PageQuery):
    """Which entries of the audit are wanted."""

    object_id: Id | None = None
    actor_id: Id | None = None
    action: Annotated[str, StringConstraints(max_length=60)] | None = None


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


def rows(services: ApiServices) -> list[Route]:
    """The endpoints of the audit log."""
    audit = AuditHandlers(audit=services.audit)
    return [
        row("GET", "/audit", Who.ADMIN)(
            handler=audit.index,
            summary="Who did what, newest first",
            query=AuditPageQuery,
            answer=Page[AuditShape],
        ),
    ]
