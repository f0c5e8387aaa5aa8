"""What pulls a trigger: something that happened in a conversation, told so that whatever it causes is done once."""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from datetime import datetime

import msgspec

from inbox.storage.database import Document

MAX_DEPTH = 5
"""How many rules may set each other off, one by what the one before it did."""

_DEPTH: ContextVar[int] = ContextVar("depth", default=0)


class Occasion(msgspec.Struct, frozen=True, kw_only=True):
    """A trigger that was pulled, once for each `key` however often it is announced.

    `at` is when it happened by our clock, not when it was heard: hours and times are judged by it, so that an event
    that is announced again after a crash ends in the same decision.
    """

    trigger: str
    key: str
    """Names the occasion for ever: the message's id where a message pulled the trigger."""
    at: datetime
    conversation: Document
    """As it was when its batch was read; whoever acts reads it anew."""
    message: Document | None = None
    """The customer's message that pulled the trigger, or which nobody has replied to."""
    order: Document | None = None
    """The order that moved, or that waits to be collected."""
    parcel: Document | None = None
    labels: frozenset[str] = frozenset()
    """What the conversation was labelled with."""
    waited: int = 0
    """For how many minutes the customer has waited, where that is what happened."""
    depth: int = 0
    """How many rules led to it, one by what the one before it did; 0 where a person or the world did."""

    @property
    def customer_id(self) -> str:
        """Whose conversation it is."""
        owner: str = self.conversation["customer_id"]
        return owner


def depth() -> int:
    """How many rules led to what happens now."""
    return _DEPTH.get()


@contextlib.contextmanager
def caused_by(occasion: Occasion) -> Iterator[None]:
    """What is announced in here is what rules did on this occasion."""
    token = _DEPTH.set(occasion.depth + 1)
    try:
        yield
    finally:
        _DEPTH.reset(token)
