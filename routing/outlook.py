"""What somebody in the queue can be told: how many come before them, and about how long it may last.

The wait is reckoned from how fast conversations of the same team lately came to somebody: the time since the `LATELY`th
last one, divided by how many those were, for each one that is before the customer and for their own. Where nobody was
in a hurry that time is long because few wrote, so the estimate errs to the long side. Of fewer than `ENOUGH` nothing
can be reckoned.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from inbox.model.conversation import ConversationStatus
from inbox.model.ids import now
from inbox.storage.waiting import WaitingStore

LATELY = 20
ENOUGH = 5
LOOK_BACK = timedelta(hours=2)

_ROUGHLY = 10
_STEP = 5
"""Beyond so many minutes, a multiple of these is told: more exactly nobody knows."""


class Outlook(msgspec.Struct, frozen=True):
    """A place, from 1, and minutes; None where they are not known."""

    place: int
    minutes: int | None


def expected_minutes(place: int, given_out: Sequence[datetime], at: datetime) -> int | None:
    """About how many minutes a place in the queue lasts, by when conversations lately left it, newest first."""
    if len(given_out) < ENOUGH:
        return None
    each = (at - given_out[-1]) / len(given_out)
    minutes = max(1, math.ceil(place * each / timedelta(minutes=1)))
    return minutes if minutes <= _ROUGHLY else math.ceil(minutes / _STEP) * _STEP


class Outlooks:
    """Looks at the queue."""

    def __init__(self, store: WaitingStore) -> None:
        self._store = store

    async def of(self, conversation: Mapping[str, Any]) -> Outlook | None:
        """What a conversation can be told; None where it waits for nobody."""
        queued = conversation["active"] and conversation["status"] != ConversationStatus.SNOOZED
        if not queued or conversation["assignee_id"] is not None:
            return None
        present = now()
        place = await self._store.standing_before(conversation) + 1
        lately = await self._store.given_out(conversation["team_id"], present - LOOK_BACK, LATELY)
        return Outlook(place, expected_minutes(place, lately, present))
