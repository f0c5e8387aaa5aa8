"""What customers were told of their orders, on which channel, and which were passed over for what."""

from dataclasses import dataclass
from typing import Literal

from aiohttp import web
from pydantic import AwareDatetime

from inbox.notices import Notices
from inbox.storage.database import Document
from web.api.fields import Id
from web.api.rows import row
from web.api.services import ApiServices
from web.api.shapes import PassedOver, Shape
from web.api.views import View
from web.doors.answers import json_answer
from web.doors.bodies import Query
from web.doors.table import Call, Route, Who


class NoticesQuery(Query):
    """Of which order, by its id."""

    order: Id


class NoticeShape(Shape):
    """A change of an order that its customer is told of.

    `state` is `waiting`, `posted` (as `message_id`), `task` (nobody could be written to: `task_id`), or `skipped`:
    `reason` is `no_card` or `opted_out` then.
    """

    id: str
    order_id: str
    status: str
    at: AwareDatetime
    state: Literal["waiting", "posted", "task", "skipped"]
    reason: Literal["no_card", "opted_out"] | None
    due_at: AwareDatetime
    passed_over: list[PassedOver]
    conversation_id: str | None
    message_id: str | None
    task_id: str | None


class NoticeList(Shape):
    """All notices of an order, oldest first."""

    items: list[NoticeShape]


def notice_view(notice: Document) -> View:
    """A notice."""
    told = ("order_id", "status", "at", "state", "reason", "due_at", "conversation_id", "message_id", "task_id")
    return {"id": notice["_id"], **{field: notice[field] for field in told}, "passed_over": notice["tried"]}


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeHandlers:
    """`/notices`."""

    notices: Notices

    async def index(self, call: Call[None, NoticesQuery]) -> web.Response:
        """What an order's customer was told, or is due to be told."""
        found = await self.notices.of_order(call.query.order)
        return json_answer({"items": [notice_view(notice) for notice in found]})


def rows(services: ApiServices) -> list[Route]:
    """The endpoints of notices."""
    notices = NoticeHandlers(notices=services.notices)
    return [
        row("GET", "/notices", Who.SIGNED_IN)(
            handler=notices.index,
            summary="What an order's customer was told, and on which channel",
            query=NoticesQuery,
            answer=NoticeList,
        )
    ]
