"""Who may join, change and leave: the rules about managers that hold whoever asks, over HTTP or at the terminal."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec

from inbox.model.errors import Forbidden, Invalid, NotFound
from inbox.model.ids import new_id, now
from inbox.model.people import Role, Status, Viewer
from inbox.model.schedule import DaysOff, Schedule
from inbox.paging import decode_cursor, page
from inbox.storage.channels import ChannelStore
from inbox.storage.database import Document
from inbox.storage.managers import ManagerStore
from inbox.storage.sessions import SessionStore
from inbox.storage.teams import TeamStore

DEFAULT_CAPACITY = 10

_LABEL = r"[^\W_](?:[\w-]{0,61}[^\W_])?"
_ADDRESS = re.compile(rf"[^\s@<>()\[\],;:\\\"]{{1,64}}@{_LABEL}(?:\.{_LABEL})*")
_ADDRESS_LIMIT = 254


class NewManager(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who is to join. The password comes as its hash.

    `channels` are ids, none stands for all. `schedule` is when they work, None stands for always; not on `days_off`.
    """

    email: str
    name: str
    password_hash: str
    role: Role = Role.MANAGER
    capacity: int = DEFAULT_CAPACITY
    teams: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    schedule: Schedule | None = None
    days_off: tuple[DaysOff, ...] = ()


def normalised_email(email: str) -> str:
    """The form under which an address is kept and compared. Raises `Invalid` for what is no address."""
    address = email.strip().lower()
    if len(address) > _ADDRESS_LIMIT or not _ADDRESS.fullmatch(address):
        raise Invalid("email", "give an e-mail address such as name@shop.example")
    return address


class Managers:
    """The managers of the shop.

    `on_deactivated` is told the id of everybody who leaves, so that their conversations find somebody else;
    `on_changed` gets everybody who joined or changed, as they are now, since a place may have come free.
    """

    def __init__(
        self,
        managers: ManagerStore,
        sessions: SessionStore,
        teams: TeamStore,
        channels: ChannelStore,
        *,
        on_deactivated: Callable[[str], Awaitable[None]],
        on_changed: Callable[[Document], Awaitable[None]] | None = None,
    ) -> None:
        self._managers = managers
        self._sessions = sessions
        self._teams = teams
        self._channels = channels
        self._on_deactivated = on_deactivated
        self._on_changed = on_changed

    async def create(self, wanted: NewManager, *, by: Viewer | None) -> Document:
        """Let somebody join, offline. `by` nobody: whoever has the server's terminal or environment."""
        _refuse_owners_to_admins(by, wanted.role)
        await self._refuse_unknown(wanted.teams, wanted.channels)
        created = await self._managers.insert(
            {
                "_id": new_id(),
                "email": normalised_email(wanted.email),
                "name": wanted.name,
                "password_hash": wanted.password_hash,
                "role": wanted.role.value,
                "status": Status.OFFLINE.value,
                "capacity": wanted.capacity,
                "teams": list(wanted.teams),
                "languages": list(wanted.languages),
                "channels": list(wanted.channels),
                **_stored_shifts({"schedule": wanted.schedule, "days_off": wanted.days_off}),
                "active": True,
                "created_at": now(),
            }
        )
        await self._tell(created)
        return await self.get(created["_id"])

    async def page(self, cursor: str | None, limit: int) -> tuple[list[Document], str | None]:
        """A page of managers, and the cursor for the next."""
        after = decode_cursor(cursor, str)[0] if cursor else None
        return page(await self._managers.page(after, limit + 1), limit, "_id")

    async def get(self, manager_id: str) -> Document:
        """One manager."""
        found = await self._managers.get(manager_id)
        if found is None:
            raise NotFound("there is no such manager")
        return found

    async def change(self, manager_id: str, changes: dict[str, Any], *, by: Viewer) -> Document:
        """Set `email`, `name`, `role`, `capacity`, `teams`, `languages`, `channels`, `active` or `password_hash`.

        `schedule` (a `Schedule` or None) and `days_off` (of `DaysOff`) say when they work.

        Whoever is deactivated, and whoever's password somebody else sets, is signed out everywhere.
        """
        before = await self.get(manager_id)
        _refuse_owners_to_admins(by, Role(before["role"]), Role(changes.get("role", Role.MANAGER)))
        if "email" in changes:
            changes = {**changes, "email": normalised_email(changes["email"])}
        await self._refuse_unknown(changes.get("teams", ()), changes.get("channels", ()))
        changes = {**changes, **_stored_shifts(changes)}
        leaves = changes.get("active") is False
        if leaves:
            changes = {**changes, "status": Status.OFFLINE.value}
        ends_ownership = leaves or changes.get("role", Role.OWNER) != Role.OWNER
        if before["role"] == Role.OWNER and ends_ownership:
            changed = await self._managers.change_unless_last_owner(manager_id, changes)
        elif changes:
            changed = await self._managers.change(manager_id, changes)
        else:
            changed = before
        if changed is None:
            raise NotFound("there is no such manager")
        if leaves or "password_hash" in changes:
            await self._sessions.end_all(manager_id)
        if leaves:
            await self._on_deactivated(manager_id)
        await self._tell(changed)
        # Whoever heard of it may have put them off shift, or taken from them what they held.
        return await self.get(manager_id)

    async def change_own(self, viewer: Viewer, changes: dict[str, Any]) -> Document:
        """Set what everybody may set about themselves: `name` and `languages`."""
        changed = await self._managers.change(viewer.id, changes) if changes else await self.get(viewer.id)
        if changed is None:
            raise NotFound("there is no such manager")
        await self._tell(changed)
        return changed

    async def set_own_password(self, viewer: Viewer, password_hash: str, *, session: str) -> None:
        """Set a new password; every session but `session` ends."""
        await self._managers.change(viewer.id, {"password_hash": password_hash})
        await self._sessions.end_all(viewer.id, but=session)

    async def _tell(self, manager: Document) -> None:
        if self._on_changed is not None:
            await self._on_changed({field: value for field, value in manager.items() if field != "password_hash"})

    async def _refuse_unknown(self, teams: Sequence[str], channels: Sequence[str]) -> None:
        missing = await self._teams.missing(teams) if teams else []
        if missing:
            raise Invalid("teams", f"there is no team {missing[0]}")
        known = {channel["_id"] for channel in await self._channels.all()} if channels else set()
        for position, channel_id in enumerate(channels):
            if channel_id not in known:
                raise Invalid(f"channels.{position}", f"there is no channel {channel_id}")


def _stored_shifts(changes: Mapping[str, Any]) -> Document:
    """What `changes` say of the `schedule` and the `days_off` of a manager, as their row keeps it."""
    stored: Document = {}
    if "schedule" in changes:
        schedule: Schedule | None = changes["schedule"]
        stored["schedule"] = None if schedule is None else schedule.model_dump(mode="json", by_alias=True)
    if "days_off" in changes:
        stored["days_off"] = [days.model_dump(mode="json", by_alias=True) for days in changes["days_off"]]
    return stored


def _refuse_owners_to_admins(by: Viewer | None, *roles: Role) -> None:
    if by is not None and by.role is not Role.OWNER and Role.OWNER in roles:
        raise Forbidden("only an owner may make or change an owner")
