"""Buttons where a channel has none: they were sent as numbered lines, and a number that answers them is a press."""

import re
from collections.abc import Sequence
from datetime import datetime

import msgspec

from inbox.model.ids import CLOCKS_DIFFER, sort_key
from inbox.model.incoming import ButtonPress
from inbox.storage.database import Document
from inbox.storage.messages import MessageStore

_NUMBER = re.compile(r"[\s#№(]*([0-9]{1,2})(?:\ufe0f?\u20e3)?[\s.,!)]*")
"""A number alone, however people write it: `2`, `2.`, `№ 2`, the emoji of a keycap."""


def number_in(text: str) -> int | None:
    """The number that is all of a text; None for any other text."""
    found = _NUMBER.fullmatch(text)
    return int(found[1]) if found else None


async def note_presses(messages: MessageStore, arrived: Sequence[Document]) -> None:
    """Turn numbers that answer numbered buttons into presses of them, before the messages are stored.

    What counts is the last that we wrote to that identity before it answered. That is the same whenever it is asked, so
    repeating it changes nothing.
    """
    for message in arrived:
        number = number_in(message["text"]) if _may_press(message) else None
        if not number:
            continue
        asked = await messages.last_to(message["customer_id"], message["identity_id"], before=written_at(message))
        buttons = asked.get("buttons", ()) if asked is not None and asked.get("numbered") else ()
        if asked is not None and number <= len(buttons):
            message["content"] = msgspec.to_builtins(ButtonPress(data=buttons[number - 1]["data"]))
            message["reply_to"] = message["reply_to"] or asked["_id"]


def _may_press(message: Document) -> bool:
    ours = message["direction"] != "in"
    return not (ours or message["content"] or message["attachments"] or message.get("public") or message.get("quiet"))


def written_at(message: Document) -> str:
    """When it was written by our clock: the provider's may be slow, and what it delivers late was written earlier."""
    written: datetime = min(message["received_at"], message["sent_at"] + CLOCKS_DIFFER)
    return sort_key(written)
