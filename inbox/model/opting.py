"""Who wants no automatic messages: `opting` on the card, `{out, at, sort}`, as the last word about it says.

`sort` is the place of that word among all that was said: an older one that is heard of later changes nothing.
"""

from collections.abc import Mapping
from typing import Any


def opted_out(card: Mapping[str, Any] | None) -> bool:
    """Whether nothing automatic may be said to a customer: no answer of the bot, no question, no news of an order."""
    return card is not None and bool((card.get("opting") or {}).get("out"))
