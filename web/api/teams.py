"""Groups of managers."""

from dataclasses import dataclass

from aiohttp import web

from inbox.model.ids import new_id, now
from inbox.paging import decode_cursor, page
from inbox.storage.teams import TeamStore
from web.api.requests import NewTeam
from web.api.views import team_view
from web.doors.answers import json_answer
from web.doors.bodies import PageQuery
from web.doors.table import Call


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamHandlers:
    """`/teams`."""

    teams: TeamStore

    async def index(self, call: Call[None, PageQuery]) -> web.Response:
        """Every team and who is in it."""
        after = decode_cursor(call.query.cursor, str)[0] if call.query.cursor else None
        found, cursor = page(await self.teams.page(after, call.query.limit + 1), call.query.limit, "_id")
        members = await self.teams.members([team["_id"] for team in found])
        return json_answer({"items": [team_view(row, members[row["_id"]]) for row in found], "next_cursor": cursor})

    async def create(self, call: Call[NewTeam, None]) -> web.Response:
        """Form a team; managers join it by their own record."""
        created = await self.teams.insert({"_id": new_id(), "name": call.body.name, "created_at": now()})
        call.note.object_id = created["_id"]
        return json_answer(team_view(created, ()), status=201)
