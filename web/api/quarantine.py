"""Authentic events that could not be read."""

from dataclasses import dataclass

from aiohttp import web

from inbox.quarantine import Quarantine
from web.api.rows import row
from web.api.services import ApiServices
from web.api.shapes import Page, QuarantinedShape, ReplayedShape
from web.api.views import quarantined_view
from web.doors.answers import json_answer
from web.doors.bodies import PageQuery
from web.doors.table import Call, Route, Who


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantineHandlers:
    """`/quarantine`."""

    quarantine: Quarantine

    async def index(self, call: Call[None, PageQuery]) -> web.Response:
        """What was set aside, newest first."""
        found, cursor = await self.quarantine.page(limit=call.query.limit, cursor=call.query.cursor)
        return json_answer({"items": [quarantined_view(row) for row in found], "next_cursor": cursor})

    async def replay(self, call: Call[None, None]) -> web.Response:
        """Put an event back to work; 409 says why it still cannot be read."""
        await self.quarantine.replay(call.path())
        return json_answer({"id": call.path(), "state": "pending"}, status=202)


def rows(services: ApiServices) -> list[Route]:
    """The endpoints of events that could not be read."""
    quarantine = QuarantineHandlers(quarantine=services.quarantine)
    return [
        row("GET", "/quarantine", Who.ADMIN)(
            handler=quarantine.index,
            summary="Authentic events that could not be read, newest first",
            query=PageQuery,
            answer=Page[QuarantinedShape],
        ),
        row("POST", "/quarantine/{id}/replay", Who.ADMIN)(
            handler=quarantine.replay,
            summary="Put an event back to work",
            answer=ReplayedShape,
            statuses=(202,),
            audit="quarantine.replay",
        ),
    ]
