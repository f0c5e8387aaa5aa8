"""In which cases macros were sent: `{_id: the message's id, macro_id, customer_id, at, features}`.

`features` is what the customer had written, as `bot.likeness` packs it. A case goes with its customer, and with its
macro; of each macro and of all together only the newest stay.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec

from inbox.storage.database import Database, Document
from inbox.storage.errors import Duplicate

KEPT_OF_MACRO: Final = 300
KEPT: Final = 20_000

_TOGETHER: Final = 500
"""How many cases too many are forgotten at a time."""


class Standing(msgspec.Struct, frozen=True):
    """How many cases there are of a macro, and when the newest was: another one where anything has changed."""

    count: int
    newest: datetime


class MacroCaseStore:
    """The `macro_cases` collection: at most `kept` cases, and `kept_of_macro` of each macro."""

    def __init__(self, database: Database, *, kept_of_macro: int = KEPT_OF_MACRO, kept: int = KEPT) -> None:
        # A case that is lost in a crash teaches a little less.
        self._cases = database.relaxed.macro_cases
        self._macros = database.durable.macros
        self._customers = database.durable.customers
        self._kept_of_macro = kept_of_macro
        self._kept = kept

    async def keep(self, case: Document) -> bool:
        """Store a case, once; whether it was new and is there. None outlives its macro or its customer."""
        try:
            await self._cases.insert_one(case)
        except Duplicate:
            return False
        # Asked only now: whoever deletes one of them takes its cases too, those that came before and none after.
        for owners, key in ((self._macros, case["macro_id"]), (self._customers, case["customer_id"])):
            if await owners.find_one({"_id": key}, {"_id": 1}) is None:
                await self._cases.delete_one({"_id": case["_id"]})
                return False
        await self._trim(case["macro_id"])
        return True

    async def keep_many(self, cases: Sequence[Document]) -> None:
        """Store cases that are nobody's any more."""
        await self._cases.insert_many(cases)

    async def _trim(self, macro_id: str) -> None:
        older = self._cases.find({"macro_id": macro_id}, {"_id": 1}).sort("at", -1).skip(self._kept_of_macro)
        too_many = [row["_id"] async for row in older.limit(_TOGETHER)]
        over = await self._cases.estimated_document_count() - self._kept
        if over > 0:
            oldest = self._cases.find({}, {"_id": 1}).sort("at", 1).limit(min(over, _TOGETHER))
            too_many += [row["_id"] async for row in oldest]
        if too_many:
            await self._cases.delete_many({"_id": {"$in": too_many}})

    async def standings(self) -> dict[str, Standing]:
        """How much is known of each macro, read from the index alone."""
        rows = self._cases.aggregate(
            [
                {"$sort": {"macro_id": 1, "at": -1}},
                {"$group": {"_id": "$macro_id", "count": {"$sum": 1}, "newest": {"$max": "$at"}}},
            ],
            hint="macro",
        )
        return {row["_id"]: Standing(row["count"], row["newest"]) async for row in rows}

    async def of_macro(self, macro_id: str) -> list[Document]:
        """The newest cases of a macro: `{at, features}`."""
        found = self._cases.find({"macro_id": macro_id}, {"_id": 0, "at": 1, "features": 1}).sort("at", -1)
        return await found.limit(self._kept_of_macro).to_list(None)

    async def forget(self, customer_id: str) -> None:
        """Forget what was learned of a customer."""
        await self._cases.delete_many({"customer_id": customer_id})
