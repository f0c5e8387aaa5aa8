"""What the numbers tell: the shop at this moment, and reports over past days. Admins see all of it.

Managers see their own numbers and those of their teams: sums of what they did themselves, and of cases of their teams.
On the wallboard they see the conversations that they may see, and the people of their teams.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import date

from inbox.channels import Channels
from inbox.model.ids import now
from inbox.model.people import Viewer
from inbox.model.reports import REPORTS, By, Group, Name, Period
from inbox.settings import ShopSettings
from inbox.storage.database import Document
from inbox.storage.managers import ManagerStore
from inbox.storage.numbers import NumberStore
from inbox.storage.people import PeopleStore
from inbox.storage.teams import TeamStore

SHOWN = 8
"""How many conversations a part of the wallboard shows."""

EVERYBODY = 1000
"""How many managers, teams or channels are told of; a shop has fewer."""


class Reports:
    """Reads the numbers."""

    def __init__(
        self,
        *,
        store: NumberStore,
        settings: ShopSettings,
        managers: ManagerStore,
        teams: TeamStore,
        channels: Channels,
        people: PeopleStore,
    ) -> None:
        self._store = store
        self._settings = settings
        self._managers = managers
        self._teams = teams
        self._channels = channels
        self._people = people

    async def period(self, first: date | None, last: date | None, timezone: str | None) -> Period:
        """The days that were asked for, by the shop's clock where no zone is named. Raises `Invalid`."""
        timezone = timezone or (await self._settings.get())["timezone"]
        return Period.of(first, last, timezone, present=now())

    async def report(
        self, viewer: Viewer, name: Name, period: Period, *, by: By | None, group: Group | None
    ) -> tuple[list[Document], Document]:
        """A report's rows in the order of time and name, `{time, id, name, …columns}`, and the columns of all together.

        Where nothing is grouped every time has a row, else what has something to tell. Without `by` the time is empty,
        without `group` the name is; `id` is None then, and for what belongs to no manager or team.
        """
        told = REPORTS[name]
        sums, total, titles = await asyncio.gather(
            self._store.report(told, period, by=by, group=group, only=_visible(viewer)),
            self._whole(viewer, name, period),
            self._titles(group),
        )
        figures = {place: told.row(row) for place, row in sums.items()}
        if group is None:
            nothing = told.row({})
            figures = {(time, None): figures.get((time, None), nothing) for time in period.times(by)}
        else:
            figures = {place: row for place, row in figures.items() if any(row.values())}
        order = {time: number for number, time in enumerate(period.times(by))}
        rows = [
            {"time": time, "id": key, "name": titles.get(key, "") if key is not None else "", **row}
            for (time, key), row in figures.items()
        ]
        rows.sort(key=lambda row: (order[row["time"]], row["id"] is None, row["name"].casefold(), row["id"] or ""))
        return rows, total

    async def _whole(self, viewer: Viewer, name: Name, period: Period) -> Document:
        """A report's columns over all of a period."""
        sums = await self._store.report(REPORTS[name], period, by=None, group=None, only=_visible(viewer))
        return REPORTS[name].row(sums.get(("", None), {}))

    async def _titles(self, group: Group | None) -> Mapping[str, str]:
        if group == "manager":
            return {row["_id"]: row["name"] for row in await self._managers.page(None, EVERYBODY)}
        if group == "team":
            return {row["_id"]: row["name"] for row in await self._teams.page(None, EVERYBODY)}
        return {row["_id"]: row["name"] for row in await self._channels.all()} if group == "channel" else {}

    async def wallboard(self, viewer: Viewer) -> Document:
        """The shop at this moment, as far as a viewer may see it."""
        present, seen = now(), viewer.visibility()
        (queue, waiting), (at_risk, late, due), managers, teams, today = await asyncio.gather(
            self._store.queue(seen, SHOWN),
            self._store.at_risk(seen, present, SHOWN),
            self._managers.page(None, EVERYBODY),
            self._titles("team"),
            self._today(viewer),
        )
        customers = await self._people.customers([row["customer_id"] for row in (*waiting, *due)])
        names = {key: card["name"] for key, card in customers.items()}
        return {
            "at": present,
            "queue": [
                {**row, "name": teams.get(row["team_id"], "") if row["team_id"] else ""}
                for row in sorted(queue, key=lambda row: (-row["count"], row["team_id"] or ""))
            ],
            "waiting": [_waiting(row, names, row["waiting_since"]) for row in waiting],
            "at_risk": at_risk,
            "late": late,
            "due": [_waiting(row, names, row["clock"]["since"]) | {"due_at": row["clock"]["due_at"]} for row in due],
            "managers": _working(viewer, managers),
            "today": today,
        }

    async def _today(self, viewer: Viewer) -> Document:
        """What was done today, by the shop's calendar."""
        period = await self.period(None, None, None)
        today = Period(first=period.last, last=period.last, timezone=period.timezone)
        load, replies, resolutions = await asyncio.gather(
            self._whole(viewer, "load", today),
            self._whole(viewer, "replies", today),
            self._whole(viewer, "resolutions", today),
        )
        counted = ("opened", "returned", "messages", "replies", "late", "assigned", "wait_median")
        return {
            **{name: load[name] for name in counted},
            "replied": replies["replied"],
            "reply_median": replies["median"],
            "resolved": resolutions["resolved"],
            "resolution_median": resolutions["median"],
        }


def _visible(viewer: Viewer) -> Document:
    """Whose numbers a viewer may see, as a filter over hours."""
    if viewer.administers:
        return {}
    return {"$or": [{"manager_id": viewer.id}, {"team_id": {"$in": sorted(viewer.teams)}}]}


def _working(viewer: Viewer, managers: Sequence[Document]) -> list[Document]:
    """The managers whom a viewer sees, those who can take something first, then by how full they are."""
    seen = [
        row
        for row in managers
        if row["active"] and (viewer.administers or row["_id"] == viewer.id or viewer.teams & set(row["teams"]))
    ]
    order = ("online", "busy", "away", "offline")
    return sorted(seen, key=lambda row: (order.index(_shown(row)), -row["ratio"], row["name"]))


def _shown(manager: Document) -> str:
    """A manager's status as routing goes by it: who is gone is away, and off shift nobody is there."""
    if manager.get("off_shift", False):
        return "offline"
    return "away" if manager.get("gone", False) and manager["status"] == "online" else str(manager["status"])


def _waiting(conversation: Document, names: Mapping[str, str], since: object) -> Document:
    told = ("channel_id", "team_id", "assignee_id", "priority")
    return {
        "id": conversation["_id"],
        "customer": names.get(conversation["customer_id"], ""),
        "since": since,
        **{field: conversation[field] for field in told},
    }
