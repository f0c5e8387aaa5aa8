"""The people who answer."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from aiohttp import web
from pydantic import AfterValidator, Field, SecretStr

from inbox.managers import Managers, NewManager
from inbox.model.people import Role
from inbox.model.schedule import DaysOff, Schedule
from web.api.fields import Address, Id, Languages, Name, Password, each_once
from web.api.rows import row
from web.api.services import ApiServices
from web.api.shapes import ManagerShape, Page
from web.api.views import manager_view
from web.doors.answers import json_answer
from web.doors.bodies import Body, Change, PageQuery
from web.doors.passwords import Passwords
from web.doors.table import Call, Route, Who

Capacity = Annotated[int, Field(ge=0, le=1000)]
TeamIds = Annotated[tuple[Id, ...], Field(max_length=50), AfterValidator(each_once)]
ChannelIds = Annotated[tuple[Id, ...], Field(max_length=100), AfterValidator(each_once)]
Absences = Annotated[tuple[DaysOff, ...], Field(max_length=200)]

_AUDITED = frozenset({"name", "role", "capacity", "teams", "languages", "channels", "schedule", "days_off", "active"})


class NewManagerBody(Body):
    """Somebody who is to join. `channels` are those they serve, none for all; without a `schedule` they always work."""

    audited: ClassVar = _AUDITED

    email: Address
    name: Name
    password: Password
    role: Role
    capacity: Capacity = 10
    teams: TeamIds = ()
    languages: Languages = ()
    channels: ChannelIds = ()
    schedule: Schedule | None = None
    days_off: Absences = ()


class ManagerChange(Change):
    """What an admin changes about a manager."""

    audited: ClassVar = _AUDITED

    email: Address = ""
    name: Name = ""
    password: Password = SecretStr("")
    role: Role = Role.MANAGER
    capacity: Capacity = 10
    teams: TeamIds = ()
    languages: Languages = ()
    channels: ChannelIds = ()
    schedule: Schedule | None = None
    days_off: Absences = ()
    active: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagerHandlers:
    """`/managers`."""

    managers: Managers
    passwords: Passwords

    async def index(self, call: Call[None, PageQuery]) -> web.Response:
        """Everybody, with what one needs for handing over a conversation."""
        found, cursor = await self.managers.page(call.query.cursor, call.query.limit)
        return json_answer({"items": [manager_view(row, call.viewer) for row in found], "next_cursor": cursor})

    async def create(self, call: Call[NewManagerBody, None]) -> web.Response:
        """Let somebody join."""
        body = call.body
        created = await self.managers.create(
            NewManager(
                email=body.email,
                name=body.name,
                password_hash=await self.passwords.hash(body.password.get_secret_value()),
                role=body.role,
                capacity=body.capacity,
                teams=body.teams,
                languages=body.languages,
                channels=body.channels,
                schedule=body.schedule,
                days_off=body.days_off,
            ),
            by=call.viewer,
        )
        call.note.object_id = created["_id"]
        return json_answer(manager_view(created, call.viewer), status=201)

    async def show(self, call: Call[None, None]) -> web.Response:
        """One manager."""
        return json_answer(manager_view(await self.managers.get(call.path()), call.viewer))

    async def change(self, call: Call[ManagerChange, None]) -> web.Response:
        """Change somebody; deactivating ends their sessions and passes their conversations on."""
        changes = {field: getattr(call.body, field) for field in call.body.model_fields_set}
        password = changes.pop("password", None)
        if password is not None:
            changes["password_hash"] = await self.passwords.hash(password.get_secret_value())
        changed = await self.managers.change(call.path(), changes, by=call.viewer)
        return json_answer(manager_view(changed, call.viewer))


def rows(services: ApiServices) -> list[Route]:
    """The endpoints of managers."""
    managers = ManagerHandlers(managers=services.managers, passwords=services.passwords)
    return [
        row("GET", "/managers", Who.SIGNED_IN)(
            handler=managers.index, summary="The people who answer", query=PageQuery, answer=Page[ManagerShape]
        ),
        row("POST", "/managers", Who.ADMIN)(
            handler=managers.create,
            summary="Let somebody join; only owners make owners",
            body=NewManagerBody,
            answer=ManagerShape,
            statuses=(201,),
            audit="manager.create",
        ),
        row("GET", "/managers/{id}", Who.SIGNED_IN)(handler=managers.show, summary="One manager", answer=ManagerShape),
        row("PATCH", "/managers/{id}", Who.ADMIN)(
            handler=managers.change,
            summary="Change a manager; deactivating ends their sessions and requeues their conversations",
            body=ManagerChange,
            answer=ManagerShape,
            audit="manager.change",
        ),
    ]
