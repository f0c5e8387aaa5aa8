"""Files that are read in, row by row, and the rows that were refused.

An import is `{_id, table, format, name, dry_run, encoding, delimiter, state, reason, file_id, size, headers, columns,
total, next, counts {created, updated, unchanged, refused}, by, at, finished_at}`. `state` is `waiting`, `running`,
`done` or `failed` for a `reason`; `next` is how many rows are done, of `total`. A refused row is `{_id, import_id, row,
field, reason, at}`, its id made of the import's and the row's number.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import pymongo
from pymongo.errors import BulkWriteError

from inbox.model.ids import now
from inbox.storage.database import Database, Document
from inbox.storage.errors import duplicate_positions
from inbox.storage.places import beyond


class ImportStore:
    """The `imports` and `import_refusals` collections."""

    def __init__(self, database: Database) -> None:
        self._imports = database.durable.imports
        self._refusals = database.durable.import_refusals

    async def insert(self, row: Document) -> None:
        """Store a new import."""
        await self._imports.insert_one(row)

    async def get(self, import_id: str) -> Document | None:
        """One import."""
        return await self._imports.find_one({"_id": import_id})

    async def page(self, before: tuple[datetime, str] | None, limit: int) -> list[Document]:
        """Imports, newest first; `before` is the (time, id) of the last one seen."""
        found = self._imports.find(beyond("at", before)).sort([("at", -1), ("_id", -1)])
        return await found.limit(limit).to_list(limit)

    async def change(self, import_id: str, changes: Mapping[str, Any]) -> Document | None:
        """Set fields; returns the import as it is now."""
        changed: Document | None = await self._imports.find_one_and_update(
            {"_id": import_id}, {"$set": dict(changes)}, return_document=pymongo.ReturnDocument.AFTER
        )
        return changed

    async def take_file(self, row: Mapping[str, Any]) -> bool:
        """Take the file that an import had away from it; whether it had it still."""
        kept = {"_id": row["_id"], "file_id": row["file_id"]}
        return bool((await self._imports.update_one(kept, {"$set": {"file_id": ""}})).matched_count)

    async def begin_again(self, import_id: str, changes: Mapping[str, Any]) -> Document | None:
        """Have a file that was tried to its end be tried anew; None where it was not, or is not kept any more."""
        tried = {"_id": import_id, "dry_run": True, "state": "done", "file_id": {"$gt": ""}}
        if await self._imports.find_one(tried, {"_id": 1}) is not None:
            await self._refusals.delete_many({"import_id": import_id})
        begun: Document | None = await self._imports.find_one_and_update(
            tried, {"$set": dict(changes)}, return_document=pymongo.ReturnDocument.AFTER
        )
        return begun

    async def advance(
        self, row: Mapping[str, Any], done: int, counts: Mapping[str, int], refused: Sequence[Document]
    ) -> Document | None:
        """Note that the next `done` rows are done; None where somebody else has noted them."""
        try:
            if refused:
                await self._refusals.insert_many(refused, ordered=False)
        except BulkWriteError as error:
            duplicate_positions(error)
        update = {"$inc": {"next": done, **{f"counts.{name}": count for name, count in counts.items()}}}
        advanced: Document | None = await self._imports.find_one_and_update(
            {"_id": row["_id"], "next": row["next"]}, update, return_document=pymongo.ReturnDocument.AFTER
        )
        return advanced

    async def refusals(self, import_id: str) -> AsyncIterator[Document]:
        """The rows that were refused, in the file's order."""
        async for row in self._refusals.find({"import_id": import_id}).sort("row", 1):
            yield row

    async def stale(self, before: datetime) -> list[Document]:
        """Finished imports whose file is still kept since a time."""
        over = {"state": {"$in": ["done", "failed"]}, "file_id": {"$gt": ""}, "finished_at": {"$lte": before}}
        return await self._imports.find(over).to_list(100)


def refusal(import_id: str, number: int, field: str, reason: str) -> Document:
    """A refused row."""
    key = f"{import_id}:{number:09}"
    return {"_id": key, "import_id": import_id, "row": number, "field": field, "reason": reason, "at": now()}
