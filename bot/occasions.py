"""What pulls a trigger: something that happened in a conversation, told so that whatever it causes is done once."""

from datetime import datetime

import msgspec

from inbox.storage.database import Document


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
    """The customer's message that pulled the trigger, or is the last that they wrote."""
    order: Document | None = None

    @property
    def customer_id(self) -> str:
        """Whose conversation it is."""
        owner: str = self.conversation["customer_id"]
        return owner
