"""That a rule fired: once for each occasion, however often and by whomever it is heard of.

A row is `{_id, rule_id, at}`, its id made of the rule and the occasion. Nothing is counted but rows, so nothing can
drift; they are kept for 90 days.
"""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from pymongo.errors import BulkWriteError

from inbox.model.ids import derived_id
from inbox.storage.database import Database
from inbox.storage.errors import duplicate_positions


class Fired(msgspec.Struct, frozen=True):
    """How often a rule fired within the last 90 days, and when it did last."""

    count: int = 0
    last_at: datetime | None = None


class FiringStore:
    """The `rule_firings` collection."""

    def __init__(self, database: Database) -> None:
        self._firings = database.relaxed.rule_firings

    async def note(self, rule_ids: Sequence[str], occasion: str, at: datetime) -> None:
        """Note that these rules fired on an occasion; what was noted before stays as it was."""
        rows = [{"_id": derived_id("firing", rule_id, occasion), "rule_id": rule_id, "at": at} for rule_id in rule_ids]
        try:
            await self._firings.insert_many(rows, ordered=False)
        except BulkWriteError as error:
            duplicate_positions(error)

    async def counts(self, rule_ids: Sequence[str]) -> dict[str, Fired]:
        """What there is to count, by rule."""
        rows = self._firings.aggregate(
            [
                {"$match": {"rule_id": {"$in": list(rule_ids)}}},
                {"$group": {"_id": "$rule_id", "count": {"$sum": 1}, "last_at": {"$max": "$at"}}},
            ]
        )
        return {row["_id"]: Fired(row["count"], row["last_at"]) async for row in rows}

    async def forget(self, rule_id: str) -> None:
        """The rule is gone, and what it did is nobody's."""
        await self._firings.delete_many({"rule_id": rule_id})
