"""Who may be given a conversation: what it asks for, and what stands between it and a manager.

`inbox.storage.workloads` says the same to MongoDB, where it is decided; this is for telling, and for simulations.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal, get_args

import msgspec

from inbox.model.conversation import ConversationStatus
from inbox.model.people import Status

Hindrance = Literal[
    "other_team",
    "other_language",
    "other_channel",
    "gave_it_up",
    "offline",
    "away",
    "busy",
    "gone",
    "off_shift",
    "full",
]
"""Why a manager does not come into question. `gone`: online, but without a connection for longer than the grace."""


LASTING: frozenset[Hindrance | None] = frozenset({"other_team", "other_language", "other_channel"})
"""What does not pass by itself."""

PASSING: frozenset[Hindrance | None] = frozenset(get_args(Hindrance)) - LASTING

_ABSENT: Mapping[Status, Hindrance] = MappingProxyType(
    {Status.BUSY: "busy", Status.AWAY: "away", Status.OFFLINE: "offline"}
)
_COUNTED = frozenset({ConversationStatus.OPEN, ConversationStatus.PENDING})


def counts(conversation: Mapping[str, Any]) -> bool:
    """Whether a conversation is part of its assignee's load."""
    return conversation["assignee_id"] is not None and conversation["status"] in _COUNTED


def waits(conversation: Mapping[str, Any]) -> bool:
    """Whether a conversation is in the queue."""
    return conversation["assignee_id"] is None and conversation["status"] in _COUNTED


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What a conversation asks of whoever takes it."""

    team_id: str | None = None
    language: str = ""
    """Empty: nobody knows the customer's, or the shop serves it nowhere; everybody will do."""
    channel_id: str = ""
    but: str | None = None
    """Who gave it up, or was relieved of it."""


def hindrance(manager: Mapping[str, Any], wanted: Wanted) -> Hindrance | None:
    """What keeps an active manager from taking it now; None where nothing does."""
    languages, channels = manager["languages"], manager.get("channels")
    if wanted.team_id is not None and wanted.team_id not in manager["teams"]:
        return "other_team"
    if wanted.language and languages and wanted.language not in languages:
        return "other_language"
    if channels and wanted.channel_id not in channels:
        return "other_channel"
    if manager["_id"] == wanted.but:
        return "gave_it_up"
    return _absence(manager)


def _absence(manager: Mapping[str, Any]) -> Hindrance | None:
    if manager["status"] != Status.ONLINE:
        return _ABSENT[Status(manager["status"])]
    if manager.get("gone"):
        return "gone"
    if manager.get("off_shift"):
        return "off_shift"
    return "full" if manager["ratio"] >= 1 else None


def is_available(manager: Mapping[str, Any]) -> bool:
    """Whether a manager could take anything at all now."""
    return bool(manager["active"]) and _absence(manager) is None
