"""Groups of managers and the policy that each goes by."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from aiohttp import web
from pydantic import AfterValidator, AwareDatetime, Field

from inbox.storage.database import Document
from inbox.teams import Teams
from routing.policy import Policy
from routing.setup import RoutingSetup
from web.api.fields import Id, Name, each_once
from web.api.rows import row
from web.api.services import ApiServices
from web.api.shapes import Page, Shape
from web.api.views import View
from web.doors.answers import json_answer, no_content
from web.doors.bodies import Body, Change, PageQuery
from web.doors.table import Call, Route, Who

Members = Annotated[tuple[Id, ...], Field(max_length=500), AfterValidator(each_once)]


class NewTeam(Body):
    """A team that is to be."""

    audited: ClassVar = frozenset({"name"})

    name: Name


class TeamChange(Change):
    """What an admin changes about a team: `members` are all who are in it, a `policy` of null is the shop's."""

    audited: ClassVar = frozenset({"name", "policy", "members"})

    name: Name = ""
    policy: Policy | None = None
    members: Members = ()


class TeamShape(Shape):
    """A group of managers. `policy` is how its conversations are given out and watched over; null: as the shop's."""

    id: str
    name: str
    members: list[str]
    policy: Policy | None
    created_at: AwareDatetime


def team_view(team: Document) -> View:
    """A team with its `members`."""
    told = ("name", "members", "created_at")
    return {"id": team["_id"], **{field: team[field] for field in told}, "policy": team.get("policy")}


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamHandlers:
    """`/teams`."""

    teams: Teams
    setup: RoutingSetup

    async def index(self, call: Call[None, PageQuery]) -> web.Response:
        """Every team and who is in it."""
        found, cursor = await self.teams.page(call.query.cursor, call.query.limit)
        return json_answer({"items": [team_view(team) for team in found], "next_cursor": cursor})

    async def create(self, call: Call[NewTeam, None]) -> web.Response:
        """Form a team that nobody is in yet."""
        created = await self.teams.create(call.body.name)
        call.note.object_id = created["_id"]
        return json_answer(team_view(created), status=201)

    async def show(self, call: Call[None, None]) -> web.Response:
        """One team."""
        return json_answer(team_view(await self.teams.get(call.path())))

    async def change(self, call: Call[TeamChange, None]) -> web.Response:
        """Change its name, who is in it, or how its conversations are given out."""
        changes = call.body.changes()
        if call.body.policy is not None:
            changes["policy"] = await self.setup.checked(call.body.policy, "policy")
        return json_answer(team_view(await self.teams.change(call.path(), changes)))

    async def delete(self, call: Call[None, None]) -> web.Response:
        """Forget a team; its conversations are everybody's from then on."""
        await self.teams.delete(call.path())
        return no_content()


def rows(services: ApiServices) -> list[Route]:
    """The endpoints of teams."""
    teams = TeamHandlers(teams=services.teams, setup=services.routing_setup)
    return [
        row("GET", "/teams", Who.SIGNED_IN)(
            handler=teams.index, summary="Teams and their members", query=PageQuery, answer=Page[TeamShape]
        ),
        row("POST", "/teams", Who.ADMIN)(
            handler=teams.create,
            summary="Form a team",
            body=NewTeam,
            answer=TeamShape,
            statuses=(201,),
            audit="team.create",
        ),
        row("GET", "/teams/{id}", Who.SIGNED_IN)(handler=teams.show, summary="One team", answer=TeamShape),
        row("PATCH", "/teams/{id}", Who.ADMIN)(
            handler=teams.change,
            summary="Change a team's name, members or policy; a policy of null is the shop's",
            body=TeamChange,
            answer=TeamShape,
            audit="team.change",
        ),
        row("DELETE", "/teams/{id}", Who.ADMIN)(
            handler=teams.delete,
            summary="Delete a team: its conversations are everybody's then; 409 names the macros that still need it",
            statuses=(204,),
            audit="team.delete",
        ),
    ]
