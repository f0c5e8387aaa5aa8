"""What a conversation says of what happened to it last, for its customer's history.

Who holds it and since when is its `assignment`; how it came back to the queue last is its `let_go` {reason, team_id,
at, by, case}, with the team that it was handed over to; which status somebody set is its `status_set` {status,
snoozed_until, at, by, case}; that the bot left the case to people is its `handed_off` {reason, at, by, case}. Each is
written together with what it tells of, so a line of the history follows from the conversation alone, whoever dies
before it is kept.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from inbox.model.ids import derived_id, now, sort_key
from inbox.model.people import SYSTEM, Author

Document = dict[str, Any]

ASSIGNMENT: Final = "assignment"
STATUS: Final = "status"
HANDED_OFF: Final = "handoff"


def status_set(
    conversation: Mapping[str, Any], status: str, snoozed_until: datetime | None, by: Author, at: datetime
) -> Document:
    """What a conversation remembers of a status that somebody sets now."""
    told = {"status": status, "snoozed_until": snoozed_until, "at": at, "by": msgspec.structs.asdict(by)}
    return {**told, "case": conversation["openings"]}


def let_go(conversation: Mapping[str, Any], reason: str, by: Author, *, team_id: str | None = None) -> Document:
    """What a conversation remembers of coming back to the queue now, or to that of a team."""
    told = {"reason": reason, "team_id": team_id, "at": now(), "by": msgspec.structs.asdict(by)}
    return {**told, "case": conversation["openings"]}


def handed_off(conversation: Mapping[str, Any], reason: str, by: Author) -> Document:
    """What a conversation remembers of the bot's leaving it to people now."""
    return {"reason": reason, "at": now(), "by": msgspec.structs.asdict(by), "case": conversation["openings"]}


def is_handed_off(conversation: Mapping[str, Any]) -> bool:
    """Whether the bot has left this case to people; closing ends that, a snooze does not."""
    told = conversation.get("handed_off")
    return told is not None and bool(told["at"] >= conversation["opened_at"])


def lines_of(conversation: Mapping[str, Any], by: Author | None = None) -> list[Document]:
    """The lines that follow from a conversation as it is; `by` is who has just given it to its holder, where known."""
    lines = []
    assignment, gone, told = conversation["assignment"], conversation.get("let_go"), conversation.get("status_set")
    if conversation["assignee_id"] is not None and assignment is not None:
        giver = by or (Author(type="manager", id=None, name=assignment["by"]) if assignment.get("by") else SYSTEM)
        data = {"assignee_id": conversation["assignee_id"], "reason": assignment["reason"], "to_team": None}
        lines.append(line(ASSIGNMENT, conversation, data, msgspec.structs.asdict(giver), assignment["at"]))
    if gone is not None:
        data = {"assignee_id": None, "reason": gone["reason"], "to_team": gone["team_id"], "case": gone["case"]}
        lines.append(line(ASSIGNMENT, conversation, data, gone["by"], gone["at"]))
    if told is not None:
        data = {field: told[field] for field in ("status", "snoozed_until", "case")}
        lines.append(line(STATUS, conversation, data, told["by"], told["at"]))
    left = conversation.get("handed_off")
    if left is not None:
        data = {field: left[field] for field in ("reason", "case")}
        lines.append(line(HANDED_OFF, conversation, data, left["by"], left["at"]))
    return lines


def line(kind: str, conversation: Mapping[str, Any], data: Document, by: Document, at: datetime) -> Document:
    """A line of a history, once however often it is made."""
    return {
        "_id": derived_id(kind, conversation["_id"], at.isoformat()),
        "customer_id": conversation["customer_id"],
        "conversation_id": conversation["_id"],
        "case": conversation["openings"],
        "team_id": conversation["team_id"],
        "kind": kind,
        "at": at,
        "sort": sort_key(at),
        "by": by,
        **data,
    }


def same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two lines tell of one thing: a case that was joined with another one brings its holder along."""
    told = ("kind", "at", "assignee_id", "status")
    return all(one.get(field) == other.get(field) for field in told)
