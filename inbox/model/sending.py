"""How far a message of ours got: the states of its requests, and what the message shows of them."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

WORST_FIRST: Final = ("failed", "uncertain", "queued", "sending", "sent")


def shown_state(rows: Iterable[Mapping[str, Any]]) -> tuple[str, str | None]:
    """The state of a message, which is the worst of its rows' of the outbox, and the first reason given for it."""
    told = list(rows)
    state = min((row["state"] for row in told), key=WORST_FIRST.index)
    reasons = (row["error"] for row in told if row["state"] == state and row["error"])
    return state, next(reasons, None)
