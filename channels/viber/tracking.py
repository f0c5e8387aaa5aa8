"""What we attach to a message and Viber gives back with the customer's next one: `tracking_data`.

A pressed button comes back as ordinary text. Attached to the message whose buttons they were, that text says again what
was pressed, without anything having to be remembered here.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

LIMIT: Final = 4000
"""General send message parameters, tracking_data: max 4000 characters."""


class Tracking(msgspec.Struct, frozen=True, omit_defaults=True):
    """`key` is `Outgoing.key`; `buttons` are data by title."""

    key: str = ""
    buttons: Mapping[str, str] = {}


_decoder = msgspec.json.Decoder(Tracking)


def written(tracking: Tracking) -> str:
    """The text to attach; without the buttons where they do not fit."""
    text = msgspec.json.encode(tracking).decode()
    return text if len(text) <= LIMIT else msgspec.json.encode(Tracking(tracking.key)).decode()


def read(text: str) -> Tracking:
    """What was attached; nothing where it is not ours, for it has been on a customer's device."""
    try:
        return _decoder.decode(text)
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError):
        return Tracking()
