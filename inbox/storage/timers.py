"""Things due at a time: the third durable work list. A row is `{_id, kind, due_at, data, lease_until, attempts}`."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pymongo
from pymongo.errors import BulkWriteError

from inbox.model.ids import new_id, now
from inbox.storage.database import Database, Document
from inbox.storage.errors import Duplicate, duplicate_positions

LEASE = timedelta(seconds=15)


FOLLOW_UP = "message.follow_up"
FOLLOWS_AFTER = timedelta(seconds=5)
"""How long whoever posted a message has to finish what goes along with it, before others look after it."""


def follow_up_timer(message: Mapping[str, Any]) -> Document:
    """The timer that has finished what a message asks for beside being sent. It is stored with the message.

    The use of a macro alone is counted at once, but nobody waits for it.
    """
    patience = FOLLOWS_AFTER if message.get("actions") else timedelta()
    return {
        "_id": f"{FOLLOW_UP}:{message['_id']}",
        **_waiting(FOLLOW_UP, now() + patience, {"message_id": message["_id"]}),
    }


def _waiting(kind: str, due_at: datetime, data: Mapping[str, Any]) -> Document:
    """The fields of a timer that nobody has claimed yet."""
    return {"kind": kind, "due_at": due_at, "data": dict(data), "lease_until": None, "holder": None, "attempts": 0}


class TimerStore:
    """The `timers` collection. A timer's id names what it is for: setting it again moves it."""

    def __init__(self, database: Database) -> None:
        self._timers = database.durable.timers
        self._relaxed = database.relaxed.timers

    async def set(self, timer_id: str, kind: str, due_at: datetime, data: Mapping[str, Any]) -> None:
        """Set a timer, or move the one with this id."""
        fields = _waiting(kind, due_at, data)
        try:
            await self._timers.update_one({"_id": timer_id}, {"$set": fields}, upsert=True)
        except Duplicate:
            await self._timers.update_one({"_id": timer_id}, {"$set": fields})

    async def set_many(self, kind: str, timers: Mapping[str, Mapping[str, Any]]) -> None:
        """Have several things done now; those whose timer is set already keep it.

        Durable with the next durable write.
        """
        present = now()
        writes = [
            pymongo.UpdateOne(
                {"_id": timer_id},
                {"$setOnInsert": _waiting(kind, present, data)},
                upsert=True,
            )
            for timer_id, data in timers.items()
        ]
        await self._relaxed.bulk_write(writes, ordered=False)

    async def bring_forward(self, kind: str, timers: Mapping[str, tuple[datetime, Mapping[str, Any]]]) -> None:
        """Set several timers by id, each with its time and data; one that is set for an earlier time keeps that.

        One that is being done is done again. Durable with the next durable write.
        """
        writes = [
            pymongo.UpdateOne(
                {"_id": timer_id},
                {
                    "$min": {"due_at": due_at},
                    "$set": {"lease_until": None, "holder": None},
                    "$setOnInsert": {"kind": kind, "data": dict(data), "attempts": 0},
                },
                upsert=True,
            )
            for timer_id, (due_at, data) in timers.items()
        ]
        try:
            await self._relaxed.bulk_write(writes, ordered=False)
        except BulkWriteError as error:
            # Another process set one at the same moment: it is there to be brought forward now.
            await self._relaxed.bulk_write([writes[place] for place in duplicate_positions(error)], ordered=False)

    async def clear(self, timer_id: str) -> None:
        """Forget a timer."""
        await self._timers.delete_one({"_id": timer_id})

    async def claim(self, kinds: Sequence[str]) -> Document | None:
        """Lease the timer of these kinds that is due longest."""
        present = now()
        claimed: Document | None = await self._timers.find_one_and_update(
            {
                "due_at": {"$lte": present},
                "kind": {"$in": list(kinds)},
                "$or": [{"lease_until": None}, {"lease_until": {"$lte": present}}],
            },
            {"$set": {"lease_until": present + LEASE, "holder": new_id()}, "$inc": {"attempts": 1}},
            sort=[("due_at", 1)],
            return_document=pymongo.ReturnDocument.AFTER,
        )
        return claimed

    async def renew(self, timer: Mapping[str, Any]) -> None:
        """Keep a timer whose work takes longer than a lease."""
        await self._timers.update_one(
            {"_id": timer["_id"], "holder": timer["holder"]}, {"$set": {"lease_until": now() + LEASE}}
        )

    async def done(self, timer: Mapping[str, Any]) -> None:
        """Forget a timer whose work is done, unless it was set anew meanwhile."""
        await self._timers.delete_one({"_id": timer["_id"], "holder": timer["holder"]})

    async def postpone(self, timer: Mapping[str, Any], due_at: datetime) -> None:
        """Try again at a time."""
        await self._timers.update_one(
            {"_id": timer["_id"], "holder": timer["holder"]},
            {"$set": {"due_at": due_at, "lease_until": None, "holder": None}},
        )
