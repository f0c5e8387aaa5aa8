"""The table of the API: every endpoint under /api/v1, and nothing that is not in it."""

from collections.abc import Callable
from functools import partial

from aiohttp import web

from web.api import requests, shapes
from web.api.audit import AuditHandlers
from web.api.managers import ManagerHandlers
from web.api.me import MeHandlers
from web.api.openapi import OpenApiHandlers
from web.api.services import ApiServices
from web.api.sessions import SessionHandlers
from web.api.settings import SettingsHandlers
from web.api.teams import TeamHandlers
from web.doors.bodies import PageQuery
from web.doors.gate import Doors
from web.doors.table import Route, Who

PREFIX = "/api/v1"


def _row(method: str, path: str, who: Who) -> Callable[..., Route]:
    """The first three columns of a row; the rest are named."""
    return partial(Route, method=method, path=f"{PREFIX}{path}", who=who)


def add_api(app: web.Application, doors: Doors, services: ApiServices) -> None:
    """Serve the API through `doors`."""
    openapi = OpenApiHandlers(doors.table)
    doors.add(app, [*api_table(doors, services), openapi.row(f"{PREFIX}/openapi.json")])


def api_table(doors: Doors, services: ApiServices) -> list[Route]:
    """Every row, grouped by subject."""
    return [*_people(doors, services), *_shop(services)]


def _people(doors: Doors, services: ApiServices) -> list[Route]:
    sessions = SessionHandlers(sign_in=doors.sign_in, secure=doors.secure)
    me = MeHandlers(
        managers=services.managers,
        sign_in=doors.sign_in,
        passwords=services.passwords,
        set_manager_status=services.set_manager_status,
    )
    managers = ManagerHandlers(managers=services.managers, passwords=services.passwords)
    teams = TeamHandlers(teams=services.teams)
    return [
        _row("POST", "/sessions", Who.PUBLIC)(
            handler=sessions.open,
            summary="Sign in",
            body=requests.Credentials,
            answer=shapes.SessionShape,
            statuses=(201,),
            audit="session.open",
            checks_origin=True,
        ),
        _row("DELETE", "/sessions/current", Who.SIGNED_IN)(
            handler=sessions.end, summary="Sign out", statuses=(204,), audit="session.end"
        ),
        _row("GET", "/me", Who.SIGNED_IN)(handler=me.show, summary="Who is signed in", answer=shapes.MeShape),
        _row("PATCH", "/me", Who.SIGNED_IN)(
            handler=me.change,
            summary="Change one's own name and languages",
            body=requests.MeChange,
            answer=shapes.MeShape,
            audit="me.change",
        ),
        _row("PUT", "/me/status", Who.SIGNED_IN)(
            handler=me.set_status,
            summary="Take conversations, or stop taking them",
            body=requests.StatusBody,
            answer=shapes.MeShape,
            audit="me.status",
        ),
        _row("PUT", "/me/password", Who.SIGNED_IN)(
            handler=me.set_password,
            summary="Set a new password; other sessions end",
            body=requests.PasswordBody,
            statuses=(204,),
            audit="me.password",
        ),
        _row("GET", "/managers", Who.SIGNED_IN)(
            handler=managers.index,
            summary="The people who answer",
            query=PageQuery,
            answer=shapes.Page[shapes.ManagerShape],
        ),
        _row("POST", "/managers", Who.ADMIN)(
            handler=managers.create,
            summary="Let somebody join; only owners make owners",
            body=requests.NewManagerBody,
            answer=shapes.ManagerShape,
            statuses=(201,),
            audit="manager.create",
        ),
        _row("GET", "/managers/{id}", Who.SIGNED_IN)(
            handler=managers.show, summary="One manager", answer=shapes.ManagerShape
        ),
        _row("PATCH", "/managers/{id}", Who.ADMIN)(
            handler=managers.change,
            summary="Change a manager; deactivating ends their sessions and requeues their conversations",
            body=requests.ManagerChange,
            answer=shapes.ManagerShape,
            audit="manager.change",
        ),
        _row("GET", "/teams", Who.SIGNED_IN)(
            handler=teams.index,
            summary="Teams and their members",
            query=PageQuery,
            answer=shapes.Page[shapes.TeamShape],
        ),
        _row("POST", "/teams", Who.ADMIN)(
            handler=teams.create,
            summary="Form a team",
            body=requests.NewTeam,
            answer=shapes.TeamShape,
            statuses=(201,),
            audit="team.create",
        ),
    ]


def _shop(services: ApiServices) -> list[Route]:
    settings = SettingsHandlers(settings=services.settings)
    audit = AuditHandlers(audit=services.audit)
    return [
        _row("GET", "/settings", Who.ADMIN)(
            handler=settings.show, summary="The shop's settings", answer=shapes.SettingsShape
        ),
        _row("PATCH", "/settings", Who.ADMIN)(
            handler=settings.change,
            summary="Change the shop's settings",
            body=requests.SettingsChange,
            answer=shapes.SettingsShape,
            audit="settings.change",
        ),
        _row("GET", "/audit", Who.ADMIN)(
            handler=audit.index,
            summary="Who did what, newest first",
            query=requests.AuditPageQuery,
            answer=shapes.Page[shapes.AuditShape],
        ),
    ]
