"""What a conversation says of what happened to it last, for its customer's history.

Who holds it and since when is its `assignment`; which status somebody set is its `status_set` {status, snoozed_until,
at, by, case}. Both are written together with what they tell of, so a line of the history follows from the conversation
alone, whoever dies before it is kept.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from inbox.model.ids import derived_id, sort_key
from inbox.model.people import SYSTEM, Author

Document = dict[str, Any]

ASSIGNMENT: Final = "assignment"
STATUS: Final = "status"


def status_set(
    conversation: Mapping[str, Any], status: str, snoozed_until: datetime | None, by: Author, at: datetime
) -> Document:
    """What a conversation remembers of a status that somebody sets now."""
    told = {"status": status, "snoozed_until": snoozed_until, "at": at, "by": msgspec.structs.asdict(by)}
    return {**told, "case": conversation["openings"]}


def lines_of(conversation: Mapping[str, Any], by: Author | None = None) -> list[Document]:
    """The lines that follow from a conversation as it is; `by` is who has just given it to its holder, where known."""
    lines = []
    assignment, told = conversation["assignment"], conversation.get("status_set")
    if conversation["assignee_id"] is not None and assignment is not None:
        giver = by or (Author(type="manager", id=None, name=assignment["by"]) if assignment.get("by") else SYSTEM)
        data = {"assignee_id": conversation["assignee_id"], "reason": assignment["reason"]}
        lines.append(line(ASSIGNMENT, conversation, data, msgspec.structs.asdict(giver), assignment["at"]))
    if told is not None:
        data = {field: told[field] for field in ("status", "snoozed_until", "case")}
        lines.append(line(STATUS, conversation, data, told["by"], told["at"]))
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
