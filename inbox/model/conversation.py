"""How a conversation lives: statuses, priorities, and the few decisions that need no storage."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from typing import Any


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


DEFAULT_REOPEN_WINDOW = timedelta(days=14)


def reopens(conversation: Mapping[str, Any], received_at: datetime, window: timedelta) -> bool:
    """Whether a message received at `received_at` reopens this closed conversation instead of starting a new one."""
    closed_at: datetime | None = conversation["closed_at"]
    return closed_at is not None and received_at - closed_at < window


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
        "at": message["sent_at"],
        "sort": message["sort"],
    }
