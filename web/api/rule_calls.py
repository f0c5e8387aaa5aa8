"""What rules told other systems, and whether those have taken it."""

from dataclasses import dataclass
from typing import Literal

from aiohttp import web
from pydantic import AwareDatetime

from bot.webhooks import Webhooks
from inbox.storage.database import Document
from web.api.rows import row
from web.api.services import ApiServices
from web.api.shapes import Page, Shape
from web.api.views import View
from web.doors.answers import json_answer
from web.doors.bodies import PageQuery
from web.doors.table import Call, Route, Who


class RuleCallShape(Shape):
    """A call: `waiting` for its next try, `done` or `failed`; `status` is the last of HTTP, 0 where there was none."""

    id: str
    url: str
    state: Literal["waiting", "done", "failed"]
    attempts: int
    status: int
    error: str
    at: AwareDatetime
    done_at: AwareDatetime | None


@dataclass
class RuleCallHandlers:
    """`/rules/{id}/calls`."""

    webhooks: Webhooks

    async def index(self, call: Call[None, PageQuery]) -> web.Response:
        """The calls of a rule."""
        found, cursor = await self.webhooks.page(call.path(), call.query.cursor, call.query.limit)
        return json_answer({"items": [call_view(each) for each in found], "next_cursor": cursor})


def call_view(call: Document) -> View:
    """A call as it is shown: without what was posted."""
    told = ("url", "state", "attempts", "status", "error", "at", "done_at")
    return {"id": call["_id"], **{field: call[field] for field in told}}


def rows(services: ApiServices) -> list[Route]:
    """The endpoint of what rules told other systems."""
    calls = RuleCallHandlers(webhooks=services.webhooks)
    return [
        row("GET", "/rules/{id}/calls", Who.ADMIN)(
            handler=calls.index,
            summary="What a rule told other systems in the last 30 days, newest first",
            query=PageQuery,
            answer=Page[RuleCallShape],
        )
    ]
