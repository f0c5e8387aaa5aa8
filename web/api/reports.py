"""The numbers: the wallboard, and reports over past days as JSON or CSV. `docs/numbers.md` says what each means."""

import re
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Annotated, Any, Literal

from aiohttp import web
from pydantic import AwareDatetime, BeforeValidator, Field

from inbox.model.conversation import Priority
from inbox.model.people import Viewer
from inbox.model.reports import REPORTS, By, Group, Name, Period
from inbox.model.schedule import TimeZone
from inbox.model.tables import csv_line
from inbox.reports import Reports
from inbox.storage.database import Document
from web.api.rows import row
from web.api.services import ApiServices
from web.api.shapes import ManagerShape, Shape
from web.api.views import View, manager_view
from web.doors.answers import json_answer
from web.doors.bodies import Query
from web.doors.table import Call, Route, Who

_DAY = re.compile(r"20\d\d-\d\d-\d\d")


def _written_out(value: object) -> object:
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise ValueError("write a day such as 2026-11-30")
    return value


Day = Annotated[date, BeforeValidator(_written_out)]
Seconds = float | None


class PeriodQuery(Query):
    """Which days, the last one included, by the clocks of which time zone (the shop's); a week until today."""

    first: Day | None = Field(default=None, alias="from")
    last: Day | None = Field(default=None, alias="to")
    tz: TimeZone | None = None


class ReportQuery(PeriodQuery):
    """What has a row each: every day, or an hour of the day or a weekday of all days together; whom the rows are of."""

    by: By | None = None
    group: Group | None = None
    format: Literal["json", "csv"] = "json"


class WaitingShape(Shape):
    """A conversation in which somebody waits."""

    id: str
    customer: str
    since: AwareDatetime
    channel_id: str
    team_id: str | None
    assignee_id: str | None
    priority: str


class DueShape(WaitingShape):
    """One that is to be answered by a time."""

    due_at: AwareDatetime


class QueueShape(Shape):
    """The queue of a team, or of no team; `since` is when who waits longest began to, null where nobody waits."""

    team_id: str | None
    name: str
    count: int
    since: AwareDatetime | None


class RepliesShape(Shape):
    """First replies: how many, after how long, and after how much of it in opening hours. Seconds."""

    replied: int
    mean: Seconds
    median: Seconds
    p90: Seconds
    open_mean: Seconds
    open_median: Seconds
    open_p90: Seconds


class ResolutionsShape(Shape):
    """Cases that were closed: how many, and how long after they were opened. Seconds."""

    resolved: int
    mean: Seconds
    median: Seconds
    p90: Seconds


class LoadShape(Shape):
    """What came in and what was done; the wait is from opening to the first manager who held it. Seconds.

    `replies` are those of people; `answered_by_bot` says how often the bot answered so that nobody had to.
    """

    opened: int
    returned: int
    messages: int
    replies: int
    answered_by_bot: int
    late: int
    assigned: int
    wait_mean: Seconds
    wait_median: Seconds
    wait_p90: Seconds


class RatingsShape(Shape):
    """What customers said of closed cases, from 1 to 5: how many did, and how many of them said 4 or 5.

    `points` is the sum of all, `average` their mean, and `csat` how many in a hundred said 4 or 5.
    """

    rated: int
    satisfied: int
    points: int
    csat: float | None
    average: float | None


class _Placed(Shape):
    """Which row it is: of a time (empty: all), and of a manager, channel or team (null: of none)."""

    time: str
    id: str | None
    name: str


class RepliesRow(RepliesShape, _Placed):
    """A row of first replies."""


class ResolutionsRow(ResolutionsShape, _Placed):
    """A row of resolutions."""


class LoadRow(LoadShape, _Placed):
    """A row of load."""


class RatingsRow(RatingsShape, _Placed):
    """A row of ratings."""


class _Report(Shape):
    """A report: `from` and `to` are days of `timezone`, the last one included."""

    first: date = Field(alias="from")
    last: date = Field(alias="to")
    timezone: str
    by: By | None
    group: Group | None


class RepliesReport(_Report):
    """First replies."""

    items: list[RepliesRow]
    total: RepliesShape


class ResolutionsReport(_Report):
    """Resolutions."""

    items: list[ResolutionsRow]
    total: ResolutionsShape


class LoadReport(_Report):
    """Load."""

    items: list[LoadRow]
    total: LoadShape


class RatingsReport(_Report):
    """What customers said."""

    items: list[RatingsRow]
    total: RatingsShape


class TodayShape(Shape):
    """Today so far, by the shop's calendar."""

    opened: int
    returned: int
    messages: int
    replies: int
    late: int
    assigned: int
    wait_median: Seconds
    replied: int
    reply_median: Seconds
    resolved: int
    resolution_median: Seconds


class WallboardShape(Shape):
    """The shop at this moment."""

    at: AwareDatetime
    queue: list[QueueShape]
    waiting: list[WaitingShape]
    at_risk: int
    late: int
    due: list[DueShape]
    managers: list[ManagerShape]
    today: TodayShape


def wallboard_view(board: Document, viewer: Viewer) -> View:
    """The shop at this moment."""
    return {
        **{field: board[field] for field in ("at", "queue", "at_risk", "late", "today")},
        "waiting": [_waiting_view(case) for case in board["waiting"]],
        "due": [_waiting_view(case) for case in board["due"]],
        "managers": [manager_view(manager, viewer) for manager in board["managers"]],
    }


def _waiting_view(case: Document) -> View:
    return {**case, "priority": Priority(case["priority"]).name.lower()}


def report_view(period: Period, query: ReportQuery, items: list[Document], total: Document) -> View:
    """A report with what was asked for."""
    return {
        "from": period.first.isoformat(),
        "to": period.last.isoformat(),
        "timezone": period.timezone,
        "by": query.by,
        "group": query.group,
        "items": items,
        "total": total,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportHandlers:
    """`/reports`."""

    reports: Reports

    async def wallboard(self, call: Call[None, None]) -> web.Response:
        """The present."""
        return json_answer(wallboard_view(await self.reports.wallboard(call.viewer), call.viewer))

    async def show(self, name: Name, call: Call[None, ReportQuery]) -> web.Response:
        """The past."""
        query = call.query
        period = await self.reports.period(query.first, query.last, query.tz)
        items, total = await self.reports.report(call.viewer, name, period, by=query.by, group=query.group)
        if query.format == "json":
            return json_answer(report_view(period, query, items, total))
        columns = ("time", "id", "name", *REPORTS[name].columns)
        lines = [columns, *([_cell(item[column]) for column in columns] for item in items)]
        file = f"{name}-{period.first}-{period.last}.csv"
        headers = {"Content-Disposition": f'attachment; filename="{file}"', "Cache-Control": "private, no-store"}
        body = b"".join(csv_line(line, ",") for line in lines)
        return web.Response(body=body, headers=headers, content_type="text/csv", charset="utf-8")


def _cell(value: Any) -> str:
    return "" if value is None else str(value)


def rows(services: ApiServices) -> list[Route]:
    """The endpoints of numbers."""
    reports = ReportHandlers(reports=services.reports)
    told: dict[Name, tuple[str, type[_Report]]] = {
        "replies": ("How soon customers were answered first", RepliesReport),
        "resolutions": ("How many cases were closed, and how soon", ResolutionsReport),
        "load": ("What came in, what was done, and how long the queue was waited in", LoadReport),
        "ratings": ("What customers said of closed cases", RatingsReport),
    }
    return [
        row("GET", "/reports/wallboard", Who.SIGNED_IN)(
            handler=reports.wallboard, summary="The shop at this moment", answer=WallboardShape
        ),
        *(
            row("GET", f"/reports/{name}", Who.SIGNED_IN)(
                handler=partial(reports.show, name), summary=summary, query=ReportQuery, answer=shape
            )
            for name, (summary, shape) in told.items()
        ),
    ]
