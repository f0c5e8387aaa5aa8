"""The numbers on screens: the wallboard for now, reports for past days."""

import asyncio
import gettext
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal, get_args

from aiohttp import web
from pydantic import Field

from inbox.model.reports import LONGEST, By, Group, Name, Period
from inbox.model.schedule import DAYS
from web.api.reports import Day
from web.doors.bodies import Query
from web.doors.table import Call
from web.pages.desk import Desk, View
from web.pages.pages import Pages, clock_for, frame

_ = gettext.NullTranslations().gettext

Per = Literal["day", "hour", "weekday", "manager", "channel", "team"]

PERS: Mapping[Per, str] = {
    "day": _("Day"),
    "hour": _("Hour of the day"),
    "weekday": _("Weekday"),
    "manager": _("Manager"),
    "channel": _("Channel"),
    "team": _("Team"),
}
"""What has a row each."""

SPANS = ((1, _("Today")), (7, _("7 days")), (30, _("30 days")), (90, _("90 days")))
"""Periods that are one press away, in days until today."""

NOBODYS: Mapping[Per, str] = {"manager": _("No manager"), "team": _("No team"), "channel": _("No channel")}

_MONDAY = date(2024, 1, 1)
COUNT, SECONDS, PERCENT, SCORE = "count", "seconds", "percent", "score"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a report's table: what it is called, whether it counts or lasts, and how the plot shows it."""

    name: str
    title: str
    unit: str = COUNT
    drawn: Literal["", "bars", "line"] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A report as the screen shows it."""

    name: Name
    title: str
    said: str
    columns: tuple[Column, ...]


SECTIONS = (
    Section(
        name="replies",
        title=_("First replies"),
        said=_("How long customers waited for the first answer of a person, around the clock and in opening hours."),
        columns=(
            Column(name="replied", title=_("Answered"), drawn="bars"),
            Column(name="open_median", title=_("Half within, opening hours"), unit=SECONDS, drawn="line"),
            Column(name="open_p90", title=_("90% within, opening hours"), unit=SECONDS, drawn="line"),
            Column(name="median", title=_("Half within"), unit=SECONDS),
            Column(name="p90", title=_("90% within"), unit=SECONDS),
            Column(name="mean", title=_("Average"), unit=SECONDS),
        ),
    ),
    Section(
        name="resolutions",
        title=_("Resolutions"),
        said=_("How long it took from a customer's message that opened a case until the case was closed."),
        columns=(
            Column(name="resolved", title=_("Closed"), drawn="bars"),
            Column(name="median", title=_("Half within"), unit=SECONDS, drawn="line"),
            Column(name="p90", title=_("90% within"), unit=SECONDS),
            Column(name="mean", title=_("Average"), unit=SECONDS),
        ),
    ),
    Section(
        name="load",
        title=_("Load"),
        said=_("What came in, what was written back, and how long cases stood in the queue."),
        columns=(
            Column(name="opened", title=_("Cases"), drawn="bars"),
            Column(name="returned", title=_("Came back")),
            Column(name="messages", title=_("Messages"), drawn="line"),
            Column(name="replies", title=_("Replies"), drawn="line"),
            Column(name="answered_by_bot", title=_("Answered by the bot")),
            Column(name="late", title=_("Late")),
            Column(name="wait_median", title=_("Half queued within"), unit=SECONDS),
            Column(name="wait_p90", title=_("90% queued within"), unit=SECONDS),
        ),
    ),
    Section(
        name="ratings",
        title=_("Ratings"),
        said=_("What customers said, from 1 to 5, when they were asked after their case was closed."),
        columns=(
            Column(name="rated", title=_("Rated"), drawn="bars"),
            Column(name="satisfied", title=_("Said 4 or 5"), drawn="line"),
            Column(name="csat", title=_("Satisfied"), unit=PERCENT),
            Column(name="average", title=_("Average"), unit=SCORE),
        ),
    ),
)


class ReportsQuery(Query):
    """Which days, and what has a row each."""

    first: Day | None = Field(default=None, alias="from")
    last: Day | None = Field(default=None, alias="to")
    per: Per = "day"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportPages:
    """`/wallboard` and `/reports`."""

    desk: Desk
    pages: Pages

    async def wallboard(self, call: Call[None, None]) -> web.Response:
        """The shop at this moment."""
        me, shop, board, channels = await asyncio.gather(
            self.desk.me(call.signed_in),
            self.desk.shop(),
            self.desk.wallboard(call.viewer),
            self.desk.channels(call.viewer),
        )
        context = frame(call, me, shop, "wallboard")
        places = {channel["id"]: channel for channel in channels}
        return self.pages.html(call.request, "reports/wallboard.html", **context, board=board, channels=places)

    async def reports(self, call: Call[None, ReportsQuery]) -> web.Response:
        """Past days: plots, each with the table that says the same."""
        query, me, shop = call.query, *await asyncio.gather(self.desk.me(call.signed_in), self.desk.shop())
        today = clock_for(call.request, shop).present.date()
        last = query.last or today
        first = query.first or last - timedelta(days=6)
        if not 0 <= (last - first).days < LONGEST:
            # Typed the wrong way round, or too much of it.
            first = max(min(first, last), last - timedelta(days=LONGEST - 1))
        by: By | None = query.per if query.per in get_args(By) else None  # type: ignore[assignment]
        group: Group | None = query.per if by is None else None  # type: ignore[assignment]
        period = Period(first=first, last=last, timezone=str(clock_for(call.request, shop).zone))
        reports = await asyncio.gather(
            *(self.desk.report(call.viewer, section.name, period, by=by, group=group) for section in SECTIONS)
        )
        told = [_shown(section, report, query.per) for section, report in zip(SECTIONS, reports, strict=True)]
        context = frame(call, me, shop, "reports")
        return self.pages.html(
            call.request,
            "reports/page.html",
            **context,
            sections=told,
            first=first,
            last=last,
            today=today,
            per=query.per,
            pers=PERS,
            spans=[(title, today - timedelta(days=days - 1)) for days, title in SPANS],
            filters={"from": first, "to": last, "tz": period.timezone, ("by" if by else "group"): query.per},
        )


def _shown(section: Section, report: View, per: Per) -> dict[str, Any]:
    """A report with what its rows are called, and its plot."""
    rows = [{**row, "title": _title(row, per)} for row in report["items"]]
    drawn = [column for column in section.columns if column.drawn]
    plot = {
        "of": PERS[per],
        # People and channels do not follow upon each other.
        "apart": per not in get_args(By),
        "labels": [row["title"] for row in rows],
        "series": [
            {
                "title": column.title,
                "unit": column.unit,
                "drawn": column.drawn,
                "values": [row[column.name] for row in rows],
            }
            for column in drawn
        ],
    }
    return {"section": section, "rows": rows, "total": report["total"], "plot": plot, "empty": _is_empty(rows, drawn)}


def _is_empty(rows: Sequence[View], drawn: Sequence[Column]) -> bool:
    return not any(row[column.name] for row in rows for column in drawn)


def _title(row: View, per: Per) -> str:
    """What a row is called."""
    if per == "day":
        return f"{date.fromisoformat(row['time']):%a %-d %b}"
    if per == "weekday":
        return f"{_MONDAY + timedelta(days=DAYS.index(row['time'])):%A}"
    if per == "hour":
        return str(row["time"])
    if row["id"] is None:
        return NOBODYS[per]
    return row["name"] or _("Somebody who is gone")
