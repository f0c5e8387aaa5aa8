"""What a rule's text leaves to be filled in, such as `{{ queue.place }}`. The rest stands as it is."""

import re
from collections.abc import Mapping

from inbox.model.errors import Invalid

PLACE, MINUTES, OPENS, NAME = "queue.place", "queue.minutes", "shop.opens", "customer.name"
BLANKS = (PLACE, MINUTES, OPENS, NAME)
"""The customer's place in the queue, from 1, and about how many minutes they will wait; when the shop opens next ("on
Monday at 09:00"), known while it is closed; the customer's name, where the card has one."""

_BLANK = re.compile(r"\{\{\s*((?:queue|shop|customer)\.\w*)\s*\}\}")


def blanks(text: str) -> set[str]:
    """What a text leaves blank."""
    return set(_BLANK.findall(text))


def check(text: str) -> str:
    """The text itself. Raises `ValueError` where it leaves blank what nobody knows."""
    unknown = sorted(blanks(text).difference(BLANKS))
    if unknown:
        raise ValueError(f"there is no {unknown[0]}; there are: {', '.join(BLANKS)}")
    return text


def fill(text: str, values: Mapping[str, int | str | None]) -> str:
    """The whole text. Raises `Invalid` where a blank has no value: a sentence with a gap helps nobody."""
    missing = sorted(name for name in blanks(text) if values.get(name) in (None, ""))
    if missing:
        raise Invalid("text", f"{', '.join(missing)} is not known now")
    return _BLANK.sub(lambda blank: str(values[blank[1]]), text)
