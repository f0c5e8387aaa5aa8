"""How a conversation lives: statuses, priorities, and the few decisions that need no storage."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from typing import Any, Final

from inbox.model.ids import sort_key, sort_moment


class ConversationStatus(StrEnum):
    """`pending` waits for the customer, `snoozed` until a time. Active means not closed."""

    OPEN = "open"
    PENDING = "pending"
    SNOOZED = "snoozed"
    CLOSED = "closed"


class Priority(IntEnum):
    """How much a conversation hurries; the queue takes the higher first."""

    LOW = 0
    NORMAL = 1
    HIGH = 2
    URGENT = 3


MAX_LABELS = 20
"""How many labels a conversation may have."""

MAX_LABEL = 40
"""How long a label may be, in characters."""

_SECOND: Final = timedelta(seconds=1)
_TICK: Final = timedelta(milliseconds=1)

KEEP_DONE = 20
"""How many of the things that are done to a conversation only once it remembers."""

KEEP_BEGUN = 20
"""How many of its openings a conversation remembers."""

KEEP_UNANSWERED = 50
"""How many unanswered messages a conversation counts; a badge says "50+" beyond."""


def reopens(conversation: Mapping[str, Any], received_at: datetime, window: timedelta) -> bool:
    """Whether a message received at `received_at` reopens this closed conversation instead of starting a new one."""
    closed_at: datetime | None = conversation["closed_at"]
    return closed_at is not None and received_at - closed_at < window


def new_conversation(
    conversation_id: str, *, customer_id: str, channel_id: str, at: datetime, closed: bool = False
) -> dict[str, Any]:
    """A conversation as it begins, before its first message arrives in it; `closed` where that opens nothing."""
    return {
        "_id": conversation_id,
        "customer_id": customer_id,
        "channel_id": channel_id,
        "assignee_id": None,
        "last_assignee_id": None,
        "team_id": None,
        "status": (ConversationStatus.CLOSED if closed else ConversationStatus.OPEN).value,
        "active": not closed,
        "priority": int(Priority.NORMAL),
        "labels": [],
        "version": 1,
        "revision": 1,
        "waiting_since": None,
        "clock": None,
        "created_at": at,
        "opened_at": at,
        "opened_by": None,
        "openings": 0,
        "closed_at": at if closed else None,
        "snoozed_until": None,
        "last_at": at,
        "last_message": None,
        "last_inbound_sort": "",
        "last_reply_sort": "",
        "unanswered": [],
        "read_by": {},
        "assignment": None,
        "source": "",
    }


def _summary(conversation: Mapping[str, Any], newest: Mapping[str, Any]) -> dict[str, Any]:
    """The row of the list after `newest`, unless something newer is shown there already."""
    shown = conversation["last_message"]
    changes: dict[str, Any] = {"last_at": max(conversation["last_at"], newest["sent_at"])}
    # An album grows: its row follows what it has become.
    if shown is None or newest["sort"] > shown["sort"] or ("sorts" in newest and newest["_id"] == shown["id"]):
        changes["last_message"] = preview(newest)
    return changes


def place_among(conversation: Mapping[str, Any], message: Mapping[str, Any]) -> str:
    """The sort key of a customer's message that comes now: not before what was said when it came.

    A provider that tells time in whole seconds leaves open where in its second something was said. There it comes after
    what the conversation already had when it was accepted: who answers at once is not taken for somebody answered.
    """
    at = sort_moment(message["sort"])
    shown = conversation["last_message"]
    theirs = shown["sort"] if shown is not None and shown["direction"] == "in" else ""
    ours = max(conversation["last_reply_sort"], shown["sort"] if shown is not None else "")
    latest = sort_moment(max(theirs, ours)) if theirs or ours else at
    if at.microsecond or not at < latest < at + _SECOND or latest > message["received_at"]:
        return str(message["sort"])
    # What they wrote themselves is in its order by the provider's sequence, which the key ends with.
    return sort_key(latest if theirs >= ours else latest + _TICK, int(message["sort"][13:]))


def brought(
    conversation: Mapping[str, Any], messages: Sequence[Mapping[str, Any]], *, opens: bool = True
) -> dict[str, Any]:
    """What a channel's messages change in their conversation: the customer's, and what the shop wrote elsewhere.

    A customer who was written to elsewhere was answered. Quiet messages are shown and change nothing else.
    """
    written = [message for message in messages if message["direction"] == "in" and not message.get("quiet")]
    changes = arrived(conversation, written, opens=opens) if written else {}
    for message in messages:
        if message["direction"] == "out":
            changes |= answered({**conversation, **changes}, message, by_person=True)
        elif message.get("quiet"):
            changes |= _summary({**conversation, **changes}, message)
    return changes | _came_from(conversation, messages)


def _came_from(conversation: Mapping[str, Any], messages: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """How the customer came: as the first message says that says it, whichever of them is heard of first."""
    told = min(((message["sort"], message["source"]) for message in messages if message.get("source")), default=None)
    if told is None or (conversation.get("source") and told[0] >= conversation.get("source_sort", "")):
        return {}
    return {"source": told[1], "source_sort": told[0]}


def arrived(
    conversation: Mapping[str, Any], messages: Sequence[Mapping[str, Any]], *, opens: bool = True
) -> dict[str, Any]:
    """What a customer's messages change in their conversation.

    Pure, repeatable and free of order: applying messages twice, in another order or in other portions ends in the same
    conversation. The first message that is past everything the customer wrote before opens what was not open; a closed
    or snoozed conversation counted for nobody, so it also loses its assignee and routing gives it back to them.
    """
    newest = max(messages, key=lambda message: str(message["sort"]))
    places = {message["sort"] for message in messages}
    # A message of several parts stands where the first of them does, and was heard of wherever any of them stands.
    heard = places.union(*(message.get("sorts", ()) for message in messages))
    sort = max(heard)
    unanswered = sorted({*conversation["unanswered"], *places} - (heard - places))
    settled = set(conversation.get("settled") or ())
    left = [key for key in unanswered if key > conversation["last_reply_sort"] and key not in settled]
    kept = left[-KEEP_UNANSWERED:]
    changes = _summary(conversation, newest)
    changes["unanswered"] = kept
    if opens and sort > conversation["last_inbound_sort"]:
        changes |= {
            "last_inbound_sort": sort,
            "channel_id": newest["channel_id"],
            "status": ConversationStatus.OPEN.value,
            "active": True,
            "closed_at": None,
            "snoozed_until": None,
        }
        rested = conversation["status"] in (ConversationStatus.CLOSED, ConversationStatus.SNOOZED)
        if rested:
            changes |= {"assignee_id": None, "last_assignee_id": conversation["assignee_id"]}
        if rested or conversation["opened_by"] is None:
            first = min(messages, key=lambda message: str(message["sort"]))
            changes["opened_by"] = first["_id"]
            if conversation["status"] != ConversationStatus.SNOOZED:
                # A snooze is a pause within one case: what a manager wrote before it still keeps the bot silent.
                changes["opened_at"] = first["received_at"]
                changes["openings"] = conversation["openings"] + 1
                changes["begun"] = [*conversation.get("begun", ())[1 - KEEP_BEGUN :], _opening(changes, first)]
        if conversation["status"] != ConversationStatus.OPEN:
            changes["version"] = conversation["version"] + 1
    changes["waiting_since"] = None
    if kept and changes.get("active", conversation["active"]):
        # What is only heard of again begins no wait: the conversation may have rested since.
        fresh = set(kept).difference(conversation["unanswered"])
        began = [message["received_at"] for message in messages if message["sort"] in fresh]
        known = conversation["waiting_since"]
        changes["waiting_since"] = min([*began, *([known] if known else [])], default=newest["received_at"])
    return changes


def _opening(changes: Mapping[str, Any], first: Mapping[str, Any]) -> dict[str, Any]:
    """An opening as it is remembered: its number, when it was, where in the thread, and on which channel."""
    told = {"no": changes["openings"], "at": changes["opened_at"]}
    return {**told, "sort": first["sort"], "channel_id": first["channel_id"]}


def answered(conversation: Mapping[str, Any], message: Mapping[str, Any], *, by_person: bool) -> dict[str, Any]:
    """What a message of the shop changes: it shows in the list, and a person's reply ends the customer's wait.

    An automatic one that answers messages fully (`answers`: their sort keys) ends it as far as they go, and no person
    has replied by it; where it leaves nothing unanswered, the customer is waited for.
    """
    changes = _summary(conversation, message)
    if by_person:
        changes["last_reply_sort"] = max(conversation["last_reply_sort"], message["sort"])
        changes |= _left(conversation, [key for key in conversation["unanswered"] if key > message["sort"]])
    elif "answers" in message:
        settled = {*(conversation.get("settled") or ()), *message["answers"]}
        changes["settled"] = sorted(settled)[-KEEP_UNANSWERED:]
        changes |= _left(conversation, [key for key in conversation["unanswered"] if key not in settled])
        if not changes["unanswered"] and conversation["status"] == ConversationStatus.OPEN:
            changes |= {"status": ConversationStatus.PENDING.value, "version": conversation["version"] + 1}
    return changes


def _left(conversation: Mapping[str, Any], left: list[str]) -> dict[str, Any]:
    """What changes in how a customer waits of whose messages these are left unanswered."""
    since = conversation["waiting_since"]
    changes: dict[str, Any] = {"unanswered": left}
    if not left:
        changes["waiting_since"] = None
    elif since is not None and left[0] != conversation["unanswered"][0]:
        # What the customer wrote before was answered: they wait since what they wrote after it.
        changes["waiting_since"] = max(since, sort_moment(left[0]))
    return changes


def marked(conversation: Mapping[str, Any], once: str | None) -> dict[str, Any]:
    """The field by which a change that names itself by `once` is known to have been made."""
    if once is None:
        return {}
    return {"done_once": [*conversation.get("done_once", ())[1 - KEEP_DONE :], once]}


def unread(conversation: Mapping[str, Any], viewer_id: str) -> int:
    """How many of the customer's messages this manager has neither read nor seen answered.

    Derived from the sort keys of what nobody has answered yet, so that it cannot drift.
    """
    seen = max(conversation["read_by"].get(viewer_id, ""), conversation["last_reply_sort"])
    return sum(key > seen for key in conversation["unanswered"])


def preview(message: Mapping[str, Any]) -> dict[str, Any]:
    """What a conversation's row shows of its last message."""
    text = message["text"]
    if not text and message["attachments"]:
        text = message["attachments"][0]["type"].capitalize()
    elif not text and message.get("content"):
        text = message["content"]["type"].capitalize()
    return {
        "id": message["_id"],
        "text": text[:200],
        "direction": message["direction"],
        "author": message["author"],
        "state": message["state"],
        "public": message.get("public", False),
        "at": message["sent_at"],
        "sort": message["sort"],
    }
