"""The shop's own fields of cards: one document of `settings`.

`{fields: [{code, title, type, choices, archived}], version}`.
"""

from collections.abc import AsyncIterator, Mapping, Sequence

from inbox.storage.database import Database, Document
from inbox.storage.errors import Duplicate

_KEY = "customer_fields"


class CustomerFieldStore:
    """Where the definitions are kept, and what stands in them on cards."""

    def __init__(self, database: Database) -> None:
        self._settings = database.durable.settings
        self._customers = database.durable.customers

    async def read(self) -> Document:
        """`fields` and their `version`; none at version 0 as long as nobody defined any."""
        found: Document | None = await self._settings.find_one({"_id": _KEY})
        return found or {"fields": [], "version": 0}

    async def write(self, fields: Sequence[Document], *, version: int) -> bool:
        """Set the definitions over this version of them; whether it was still that one."""
        fresh = {"_id": _KEY, "fields": list(fields), "version": version + 1}
        if version == 0:
            try:
                await self._settings.insert_one(fresh)
            except Duplicate:
                return False
            return True
        replaced = await self._settings.replace_one({"_id": _KEY, "version": version}, fresh)
        return bool(replaced.matched_count)

    async def values(self, code: str) -> AsyncIterator[tuple[str, int]]:
        """What stands in a field, each value with the number of its cards."""
        place = f"fields.{code}"
        counted = self._customers.aggregate(
            [{"$match": {place: {"$exists": True}}}, {"$group": {"_id": f"${place}", "cards": {"$sum": 1}}}],
            allowDiskUse=True,
        )
        async for row in counted:
            yield row["_id"], row["cards"]

    async def rewrite(self, code: str, values: Mapping[str, str]) -> None:
        """Write values of a field anew, as they are kept from now on."""
        place = f"fields.{code}"
        for before, after in values.items():
            await self._customers.update_many({place: before}, {"$set": {place: after}, "$inc": {"version": 1}})
