"""What the demo's shop did in the weeks before: numbers without the conversations that they came from.

Cases are made up as conversations with their messages and read as all others are; what is kept of them is what is kept
of people who were erased: what they add to hours. So reports have something to show, and the inbox nobody to look up.
"""

import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from inbox.model.conversation import new_conversation
from inbox.model.ids import sort_key
from inbox.model.numbers import cases_of
from inbox.model.schedule import Schedule
from inbox.storage.database import Document
from inbox.storage.numbers import NumberStore

WEEKS: Final = 9
SEED: Final = 1846

_BUSY: Final = (14, 12, 12, 13, 18, 9, 5)
"""About how many cases each weekday brings."""

_RUSH: Final = {8: 1, 9: 4, 10: 7, 11: 8, 12: 6, 13: 5, 14: 6, 15: 6, 16: 5, 17: 6, 18: 7, 19: 8, 20: 6, 21: 3, 22: 1}
"""How much of a day's customers write in which hour."""


async def tell_the_past(
    store: NumberStore, managers: Sequence[str], channels: Sequence[str], schedule: Schedule, present: datetime
) -> None:
    """Have a shop's past in its numbers, until yesterday. Its last manager is the quickest."""
    rows = list(_cases(managers, channels, schedule, present))
    # Nobody else ever writes these, so that no term is too low.
    await store.put(rows, {}, 0)


def _cases(
    managers: Sequence[str], channels: Sequence[str], schedule: Schedule, present: datetime
) -> Iterator[Document]:
    chance = random.Random(SEED)  # noqa: S311 - made up, and the same each time
    midnight = present.astimezone(ZoneInfo(schedule.timezone)).replace(hour=0, minute=0, second=0, microsecond=0)
    likely = range(len(channels), 0, -1)
    for day in range(WEEKS * 7, 0, -1):
        began = midnight - timedelta(days=day)
        for number in range(round(chance.gauss(_BUSY[began.weekday()], 2.5))):
            [hour] = chance.choices(list(_RUSH), list(_RUSH.values()))
            opened = began + timedelta(hours=hour, minutes=chance.randrange(60), seconds=chance.randrange(60))
            [channel] = chance.choices(channels, likely)
            who = chance.randrange(len(managers))
            for row in _case(chance, f"past:{day}:{number}", opened, channel, managers[who], who, schedule):
                yield {"_id": row["_id"], "shares": row["shares"]}


def _case(
    chance: random.Random, key: str, opened: datetime, channel: str, manager: str, pace: int, schedule: Schedule
) -> list[Document]:
    """One case from its opening to its closing: some chat, and an answer that waits for the shop to open."""
    heard = opened if schedule.is_open(opened) else schedule.next_change(opened) or opened
    assigned = heard + timedelta(seconds=chance.expovariate(1 / 90))
    messages: list[dict[str, Any]] = []

    def say(direction: str, at: datetime) -> datetime:
        author = {"type": "customer", "id": ""} if direction == "in" else {"type": "manager", "id": manager}
        place = {"sort": sort_key(at), "created_at": at, "channel_id": channel}
        messages.append({"_id": f"{key}:{len(messages)}", "direction": direction, "author": author, **place})
        return at + timedelta(minutes=chance.expovariate(1 / 4))

    at = say("in", opened)
    at = max(at, assigned + timedelta(minutes=chance.lognormvariate(1.6 - 0.2 * pace, 0.9)))
    for _ in range(chance.randrange(1, 5)):
        at = say("in", say("out", at))
    closed = say("out", at) + timedelta(minutes=chance.lognormvariate(3, 1))
    conversation = {
        **new_conversation(key, customer_id="", channel_id=channel, at=opened),
        "openings": 1,
        "begun": [{"no": 1, "at": opened, "sort": sort_key(opened), "channel_id": channel}],
        "assignee_id": manager,
        "assignment": {"at": assigned},
        "closed_at": closed,
    }
    return cases_of(conversation, (), messages, schedule, {})
