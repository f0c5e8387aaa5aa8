"""What is to be done: a page of tasks, and how many are overdue, for the rail."""

import asyncio
from dataclasses import dataclass
from typing import Literal

from aiohttp import web

from web.doors.bodies import Query
from web.doors.table import Call
from web.pages.desk import Desk
from web.pages.pages import Pages, frame

Whose = Literal["mine", "all", "done"]


class TasksQuery(Query):
    """Which tasks: one's own, everybody's, or what is done."""

    show: Whose = "mine"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskPages:
    """`/tasks` and its fragment."""

    desk: Desk
    pages: Pages

    async def index(self, call: Call[None, TasksQuery]) -> web.Response:
        """The list, what is due longest first."""
        show = call.query.show
        me, shop, tasks, managers = await asyncio.gather(
            self.desk.me(call.signed_in),
            self.desk.shop(),
            self.desk.tasks(call.viewer, mine=show == "mine", done=show == "done"),
            self.desk.managers(call.viewer),
        )
        context = frame(call, me, shop, "tasks")
        people = {manager["id"]: manager for manager in managers}
        return self.pages.html(call.request, "tasks/page.html", **context, show=show, tasks=tasks, managers=people)

    async def count(self, call: Call[None, None]) -> web.Response:
        """The badge of the rail."""
        overdue = await self.desk.overdue(call.viewer)
        return self.pages.html(call.request, "tasks/count.html", overdue=overdue)
