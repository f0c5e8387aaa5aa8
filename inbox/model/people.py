"""Who asks, and what they may see. The one rule that lists, the live feed and every single object obey."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec


class Role(StrEnum):
    """What a manager may do. Owners and admins see and set everything."""

    OWNER = "owner"
    ADMIN = "admin"
    MANAGER = "manager"


class Status(StrEnum):
    """What a manager says about themselves; only `online` takes new conversations."""

    ONLINE = "online"
    BUSY = "busy"
    AWAY = "away"
    OFFLINE = "offline"


class Viewer(msgspec.Struct, frozen=True, kw_only=True):
    """A signed-in manager."""

    id: str
    name: str
    role: Role
    teams: frozenset[str] = frozenset()

    @classmethod
    def of(cls, manager: Mapping[str, Any]) -> "Viewer":
        """A manager's row as somebody who asks."""
        return cls(
            id=manager["_id"], name=manager["name"], role=Role(manager["role"]), teams=frozenset(manager["teams"])
        )

    @property
    def administers(self) -> bool:
        """Whether settings, channels, audit and other people's records are theirs."""
        return self.role is not Role.MANAGER

    def may_see(self, conversation: Mapping[str, Any]) -> bool:
        """A conversation without team is everybody's; with one, its members', its assignee's and the admins'."""
        team = conversation.get("team_id")
        return self.administers or team is None or team in self.teams or conversation.get("assignee_id") == self.id

    def visibility(self) -> dict[str, Any]:
        """The same rule as a filter over conversation fields (`team_id`, `assignee_id`)."""
        if self.administers:
            return {}
        return {"$or": [{"team_id": {"$in": [None, *sorted(self.teams)]}}, {"assignee_id": self.id}]}


class Author(msgspec.Struct, frozen=True, kw_only=True):
    """Who wrote a message or made a change: `type` is customer, manager, bot, system or shop."""

    type: str
    id: str | None = None
    name: str = ""

    @classmethod
    def of(cls, viewer: Viewer) -> "Author":
        """The manager as an author."""
        return cls(type="manager", id=viewer.id, name=viewer.name)


SYSTEM = Author(type="system")
BOT = Author(type="bot", name="Bot")
