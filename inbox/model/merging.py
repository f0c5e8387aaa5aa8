"""What becomes of two cards and two conversations that turn out to be one person's, and of one that is parted again.

Pure functions from documents to documents; what they are given stays as it is.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from inbox.model.conversation import KEEP_UNANSWERED, ConversationStatus, preview
from inbox.model.opting import opted_out

Document = dict[str, Any]

_AWAKE = (ConversationStatus.OPEN, ConversationStatus.PENDING, ConversationStatus.SNOOZED, ConversationStatus.CLOSED)
"""Who needs somebody most comes first."""

_LISTS = {"phones": "number", "emails": "address", "hints": "value"}
"""Lists of a card, and what is unique in them."""


def united(survivor: Mapping[str, Any], loser: Mapping[str, Any]) -> Document:
    """What changes on the card that stays when another joins it. Where both say something, the one that stays is right.

    Contacts and tags are united; a contact that is proven on either is proven, and who wanted no notices, or
    nothing automatic, gets none.
    """
    changes: Document = {}
    for field, key in _LISTS.items():
        rows = _joined_rows(survivor.get(field, []), loser.get(field, []), key)
        if rows != survivor.get(field, []):
            changes[field] = rows
    changes["tags"] = [*survivor["tags"], *(tag for tag in loser["tags"] if tag not in survivor["tags"])]
    changes["fields"] = {**loser["fields"], **survivor["fields"]}
    named = survivor if survivor["name"] else loser
    changes |= {"name": named["name"], "name_key": named.get("name_key")}
    for field in ("language", "last_manager_id", "responsible_manager_id"):
        changes[field] = survivor.get(field) or loser.get(field)
    spoken = dict.fromkeys([*survivor.get("languages", ()), *loser.get("languages", ())])
    if spoken:
        changes["languages"] = list(spoken)
    # Whoever saw one of the two before writes over neither.
    changes["version"] = max(survivor.get("version", 0), loser.get("version", 0)) + 1
    if not loser.get("notices", True):
        changes["notices"] = False
    if opted_out(loser) and not opted_out(survivor):
        changes["opting"] = loser["opting"]
    changes["created_at"] = min(survivor["created_at"], loser["created_at"])
    return {field: value for field, value in changes.items() if value != survivor.get(field)}


def outdone(survivor: Mapping[str, Any], loser: Mapping[str, Any]) -> Document:
    """What the card that goes said differently, by field: kept where people see it."""
    said = {**{f"fields.{name}": value for name, value in loser["fields"].items()}, **loser}
    kept = {**{f"fields.{name}": value for name, value in survivor["fields"].items()}, **survivor}
    compared = ["name", "language", *(f"fields.{name}" for name in loser["fields"])]
    return {field: said[field] for field in compared if said[field] and kept.get(field) not in (None, "", said[field])}


def tombstone(loser: Mapping[str, Any], survivor_id: str, merge_id: str, at: datetime) -> Document:
    """A card that was merged: nobody finds it by what it said, and who has its id finds the way."""
    return {
        "_id": loser["_id"],
        "name": "",
        "phones": [],
        "emails": [],
        "tags": [],
        "fields": {},
        "language": "",
        "last_manager_id": None,
        "created_at": loser["created_at"],
        "updated_at": at,
        "merged_into": survivor_id,
        "merge_id": merge_id,
    }


def parted(present: Mapping[str, Any], before: Mapping[str, Any], loser: Mapping[str, Any]) -> Document:
    """The card that stayed, after the other leaves it again: what it was, with what was changed on it meanwhile.

    `before` and `loser` are the two as they were when they were merged.
    """
    merged = {**before, **united(before, loser)}
    card = dict(present)
    for field in {*merged, *before} - {"updated_at", *_LISTS, "tags", "fields"}:
        if present.get(field) == merged.get(field):
            card[field] = before.get(field)
    for field, key in _LISTS.items():
        if field in present:
            own = {row[key]: row for row in before.get(field, [])}
            brought = {row[key] for row in loser.get(field, [])}
            card[field] = [
                own.get(row[key], row) for row in present[field] if row[key] in own or row[key] not in brought
            ]
    card["tags"] = [tag for tag in present["tags"] if tag in before["tags"] or tag not in loser["tags"]]
    card["fields"] = {
        name: value
        for name, value in present["fields"].items()
        if name in before["fields"] or loser["fields"].get(name) != value
    }
    return {field: value for field, value in card.items() if value is not None or field in before}


def _joined_rows(first: Sequence[Document], second: Sequence[Document], key: str) -> list[Document]:
    rows = {row[key]: row for row in first}
    for row in second:
        known = rows.get(row[key])
        if known is None:
            rows[row[key]] = row
        elif row.get("proven") and not known.get("proven"):
            rows[row[key]] = {**known, "proven": True}
    return list(rows.values())


def joined(kept: Mapping[str, Any], other: Mapping[str, Any]) -> Document:
    """What changes in an active conversation when the other one of the same person ends in it.

    Nothing that waits for an answer is hidden by it: the marks of what was read and answered go back as far as the
    first message that was not.
    """
    both = (kept, other)
    awake = min(both, key=lambda case: (_AWAKE.index(case["status"]), case is other))
    unanswered = sorted({*kept["unanswered"], *other["unanswered"]})[-KEEP_UNANSWERED:]
    newest = max(both, key=lambda case: (case["last_message"] or {}).get("sort", ""))
    heard = max(both, key=lambda case: str(case["last_inbound_sort"]))
    holder = kept if kept["assignee_id"] is not None else other
    waiting = [case for case in both if case["waiting_since"] is not None]
    longest = min(waiting, key=lambda case: (case["waiting_since"], case is other), default=None)
    until = [case["snoozed_until"] for case in both if case["snoozed_until"] is not None]
    return {
        "status": awake["status"],
        "snoozed_until": min(until) if awake["status"] == ConversationStatus.SNOOZED else None,
        "assignee_id": holder["assignee_id"],
        "assignment": holder["assignment"],
        "last_assignee_id": kept["last_assignee_id"] or other["last_assignee_id"],
        # Without a team everybody sees it: what was for one team's eyes stays so.
        "team_id": kept["team_id"] or other["team_id"],
        "priority": max(kept["priority"], other["priority"]),
        "labels": sorted({*kept["labels"], *other["labels"]}),
        "channel_id": heard["channel_id"],
        "waiting_since": longest["waiting_since"] if longest is not None else None,
        # As far as it fits: whoever keeps the clocks hears of what was joined.
        "clock": longest.get("clock") if longest is not None else None,
        "created_at": min(kept["created_at"], other["created_at"]),
        "opened_at": min(kept["opened_at"], other["opened_at"]),
        "opened_by": kept["opened_by"] or other["opened_by"],
        "openings": max(kept["openings"], other["openings"]),
        "last_at": max(kept["last_at"], other["last_at"]),
        "last_message": newest["last_message"],
        "last_inbound_sort": heard["last_inbound_sort"],
        "last_reply_sort": _mark([case["last_reply_sort"] for case in both], unanswered),
        **_settled([key for case in both for key in case.get("settled") or ()]),
        "unanswered": unanswered,
        "read_by": _read(kept, other),
        "source": kept["source"] or other["source"],
        "version": max(kept["version"], other["version"]) + 1,
    }


def _settled(keys: Iterable[str]) -> Document:
    """What the bot answered by itself; nothing where it never did."""
    settled = sorted(set(keys))[-KEEP_UNANSWERED:]
    return {"settled": settled} if settled else {}


def _mark(marks: Sequence[str], unseen: Sequence[str]) -> str:
    """The furthest of these marks that leaves everything unseen behind it."""
    return max((mark for mark in marks if not unseen or mark < unseen[0]), default="")


def _read(kept: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, str]:
    """How far each manager has read what is one conversation now."""
    marks: dict[str, str] = {}
    for manager_id in {*kept["read_by"], *other["read_by"]}:
        seen = [case["read_by"].get(manager_id, "") for case in (kept, other)]
        unseen = sorted(
            key
            for case, mark in zip((kept, other), seen, strict=True)
            for key in case["unanswered"]
            if key > max(mark, case["last_reply_sort"])
        )
        mark = _mark(seen, unseen)
        if mark:
            marks[manager_id] = mark
    return marks


def unjoined(present: Mapping[str, Any], kept: Mapping[str, Any], other: Mapping[str, Any]) -> Document:
    """What changes in a conversation when the other one leaves it again, where it was changed meanwhile.

    `kept` and `other` are the two as they were when they were joined. What messages tell of it is counted anew.
    """
    merged = joined(kept, other)
    back = {field: kept.get(field) for field, value in merged.items() if present.get(field) == value}
    return {
        **back,
        "labels": [label for label in present["labels"] if label in kept["labels"] or label not in other["labels"]],
    }


def recounted(
    conversation: Mapping[str, Any],
    *,
    last: Mapping[str, Any] | None,
    heard: Mapping[str, Any] | None,
    answer: Mapping[str, Any] | None,
    settled: Sequence[str] = (),
    waiting: Sequence[Mapping[str, Any]],
) -> Document:
    """What a conversation says of its messages, after some of them came or went.

    `last` is the newest message that its row may show, `heard` the customer's newest, `answer` the newest that a person
    of the shop wrote, `settled` the sort keys of what the bot answered since; `waiting` are the customer's messages
    behind the one without the others, oldest first. Quiet ones are in `last` alone.
    """
    unanswered = [message["sort"] for message in waiting][-KEEP_UNANSWERED:]
    since = conversation["waiting_since"]
    if waiting and since is None:
        since = min(message["received_at"] for message in waiting)
    shown = conversation["last_message"]
    if last is None or shown is None or shown["id"] != last["_id"]:
        shown = preview(last) if last is not None else None
    return {
        "last_message": shown,
        "last_at": max(conversation["created_at"], last["sent_at"]) if last is not None else conversation["last_at"],
        # A message of several parts was heard of wherever any of them stands.
        "last_inbound_sort": max([heard["sort"], *heard.get("sorts", ())]) if heard is not None else "",
        "channel_id": heard["channel_id"] if heard is not None else conversation["channel_id"],
        "last_reply_sort": answer["sort"] if answer is not None else "",
        **_settled(settled),
        "unanswered": unanswered,
        "waiting_since": since if unanswered and conversation["active"] else None,
    }
