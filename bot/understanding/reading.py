"""What is understood of a message, and what whoever understands messages is to the bot."""

from typing import Literal, Protocol, get_args

import msgspec

Intent = Literal[
    "order_status",
    "complaint",
    "new_order",
    "delivery_price",
    "returning",
    "person",
    "thanks",
    "greeting",
    "other",
]
INTENTS: tuple[Intent, ...] = get_args(Intent)
"""Where an order is; something is wrong with what came; wants to buy; terms of delivery; sends back or wants money
back; asks for a person; thanks; greets and says nothing else; and whatever else a shop is asked."""

CONFIDENCE = 0.6
"""From which confidence on an intent is taken for true, unless the shop sets another."""


class Reading(msgspec.Struct, frozen=True):
    """What is understood of one message."""

    intent: Intent | None = None
    """None where nothing is known, or not surely enough: then the bot does not guess."""
    confidence: float = 0.0
    """How probable the likeliest intent is, from 0 to 1, also where it does not suffice."""
    language: str | None = None
    """`uk`, `ru`, `en` or `ka`, in whatever letters it is written; None for other languages and where none shows."""

    def at(self, confidence: float) -> "Reading":
        """The same, its intent only where it is known surely enough."""
        return self if self.confidence >= confidence else msgspec.structs.replace(self, intent=None)


class Understanding(Protocol):
    """Reads messages; it never raises for what somebody wrote."""

    async def read(self, text: str) -> Reading:
        """What `text` is about, as far as the shop wants to be sure; texts of any length."""
