"""The live feed's memory: an append-only log of frames with gapless sequence numbers.

A row is `{_id: first, next, at, frames}` and holds the frames `first .. next - 1`. Whoever appends uses the end of the
last row that they can see as `_id`: a racing process meets a duplicate key, reads what it missed and tries again. So a
frame can only follow frames that are already visible, which is the feed's promise, for one insert a batch and no
transaction.
"""

from collections.abc import Sequence
from datetime import datetime

from pymongo.read_concern import ReadConcern

from inbox.model.ids import now
from inbox.storage.database import Database, Document
from inbox.storage.errors import Duplicate

FIRST = 1


class LiveLog:
    """The `live` collection."""

    def __init__(self, database: Database) -> None:
        self._live = database.durable.live
        self._certain = database.durable.get_collection("live", read_concern=ReadConcern("majority"))

    async def end(self) -> int:
        """The sequence number that the next frame will get."""
        last = await self._certain.find_one({}, {"next": 1}, sort=[("_id", -1)])
        return FIRST if last is None else int(last["next"])

    async def append(self, at_end: int, frames: Sequence[Document]) -> bool:
        """Append behind `at_end`; False where another process was first."""
        try:
            await self._live.insert_one(
                {"_id": at_end, "next": at_end + len(frames), "at": now(), "frames": list(frames)}
            )
        except Duplicate:
            return False
        return True

    async def since(self, sequence: int, limit: int = 200) -> list[Document]:
        """Rows that begin at `sequence` or later, in order."""
        return await self._certain.find({"_id": {"$gte": sequence}}).sort("_id", 1).limit(limit).to_list(limit)

    async def row_holding(self, sequence: int) -> Document | None:
        """The row that holds the frame with this number; None where it is forgotten."""
        row = await self._certain.find_one({"_id": {"$lte": sequence}}, sort=[("_id", -1)])
        return row if row is not None and sequence < row["next"] else None

    async def told(self, type_: str, ids: Sequence[str], since: datetime) -> set[str]:
        """Which of these documents a frame of this type told of since a time."""
        condition = {"at": {"$gte": since}, "frames.data._id": {"$in": list(ids)}}
        rows = await self._certain.find(condition, {"frames.type": 1, "frames.data._id": 1}).to_list(None)
        return {frame["data"]["_id"] for row in rows for frame in row["frames"] if frame["type"] == type_}

    async def forget(self, before: datetime) -> None:
        """Drop rows from before a time, except the last one, which carries the numbering on."""
        last = await self._live.find_one({}, {"_id": 1}, sort=[("_id", -1)])
        if last is not None:
            await self._live.delete_many({"at": {"$lt": before}, "_id": {"$lt": last["_id"]}})
