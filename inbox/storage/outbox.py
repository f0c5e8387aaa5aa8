"""Messages to be sent: the second durable work list.

A row is one request to a provider: `{_id, lane, order, live, conversation_id, channel_id, identity_id, message_id,
part, action, payload, state, attempts, error, request_id}`. Rows of one conversation on one channel share a *lane*,
which is what a sender leases: `{_id, channel_id, due_at, lease_until, holder, tickets}`. A ticket is drawn with every
new row, so that a sender who found its lane empty cannot close it over a row that came meanwhile.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pymongo
from pymongo.errors import BulkWriteError

from inbox.model.ids import new_id, now
from inbox.storage.database import Database, Document
from inbox.storage.errors import Duplicate, duplicate_positions

LEASE = timedelta(seconds=18)
"""How long a lane stays with a sender who says nothing more; renewed for every row and while a request is under way."""

_CURRENT: dict[str, Any] = {"return_document": pymongo.ReturnDocument.AFTER}


class OutboxStore:
    """The `outbox` and `lanes` collections."""

    def __init__(self, database: Database) -> None:
        self._rows = database.durable.outbox
        self._lanes = database.relaxed.lanes
        self._relaxed = database.relaxed.outbox

    async def open_lanes(self, rows: Sequence[Document]) -> None:
        """Call for a sender. Done after the rows are stored; a crash between the two is mended by `reopen_strays`."""
        for lane, channel_id in {row["lane"]: row["channel_id"] for row in rows}.items():
            await self._open_lane(lane, channel_id)

    async def _open_lane(self, lane: str, channel_id: str) -> None:
        ticket: Document = {
            # A lane that is there keeps its time: it may be waiting as long as the provider asked for.
            "$setOnInsert": {"channel_id": channel_id, "lease_until": None, "holder": None, "due_at": now()},
            "$inc": {"tickets": 1},
        }
        try:
            await self._lanes.update_one({"_id": lane}, ticket, upsert=True)
        except Duplicate:
            await self._lanes.update_one({"_id": lane}, ticket, upsert=True)

    async def reopen_strays(self) -> None:
        """Open a lane for rows that have none."""
        strays = self._rows.aggregate(
            [
                {"$match": {"live": True}},
                {"$group": {"_id": "$lane", "channel_id": {"$first": "$channel_id"}}},
                {"$lookup": {"from": "lanes", "localField": "_id", "foreignField": "_id", "as": "open"}},
                {"$match": {"open": []}},
            ]
        )
        async for stray in strays:
            await self._open_lane(stray["_id"], stray["channel_id"])

    async def put(self, rows: Sequence[Document]) -> None:
        """Queue rows; those that are there already stay as they are."""
        try:
            await self._rows.insert_many(rows, ordered=False)
        except BulkWriteError as error:
            duplicate_positions(error)
        await self.open_lanes(rows)

    async def claim(self, paused_channels: Sequence[str]) -> Document | None:
        """Lease the lane that is due longest and in nobody's hands; None where there is none."""
        present = now()
        claimed: Document | None = await self._lanes.find_one_and_update(
            {
                "due_at": {"$lte": present},
                "channel_id": {"$nin": list(paused_channels)},
                "$or": [{"lease_until": None}, {"lease_until": {"$lte": present}}],
            },
            {"$set": {"lease_until": present + LEASE, "holder": new_id()}},
            sort=[("due_at", 1)],
            **_CURRENT,
        )
        return claimed

    async def renew(self, lane: Mapping[str, Any]) -> bool:
        """Hold a lane for another lease; False where somebody else has it by now."""
        result = await self._lanes.update_one(
            {"_id": lane["_id"], "holder": lane["holder"]}, {"$set": {"lease_until": now() + LEASE}}
        )
        return bool(result.matched_count)

    async def release(self, lane: Mapping[str, Any], due_at: datetime | None) -> None:
        """Give a lane back: due again at a time, or closed where no row came since it was claimed."""
        mine = {"_id": lane["_id"], "holder": lane["holder"]}
        if due_at is None:
            closed = await self._lanes.delete_one({**mine, "tickets": lane["tickets"]})
            if closed.deleted_count:
                return
            due_at = now()
        await self._lanes.update_one(mine, {"$set": {"lease_until": None, "holder": None, "due_at": due_at}})

    async def waiting(self, lane: str) -> list[Document]:
        """The rows of a lane that still have to go, in order."""
        return await self._rows.find({"lane": lane, "live": True}).sort("order", 1).to_list(None)

    async def begin(self, row_id: str, holder: str) -> bool:
        """Mark a row as leaving by this holder of its lane, once or again; False where somebody else took it.

        A holder that was held up for longer than its lease, by an outage say, meets here whoever sent it meanwhile.
        """
        began = await self._rows.update_one(
            {"_id": row_id, "$or": [{"state": "queued"}, {"state": "sending", "holder": holder}]},
            {"$set": {"state": "sending", "error": None, "holder": holder}},
        )
        return bool(began.matched_count)

    async def set_state(self, row_id: str, state: str, **changes: Any) -> None:
        """Move a row to a state; `live` says whether it still has to go."""
        live = state in ("queued", "sending")
        fields: Document = {"state": state, "live": live, **changes}
        if not live:
            fields["done_at"] = now()
        await self._rows.update_one({"_id": row_id}, {"$set": fields})

    async def of_message(self, message_id: str) -> list[Document]:
        """The rows of a message, in order."""
        return await self._rows.find({"message_id": message_id}).sort("order", 1).to_list(None)

    async def revive(self, message_id: str) -> list[Document]:
        """Queue again what is not known to have been sent; returns those rows."""
        revived = {"message_id": message_id, "state": {"$in": ["failed", "uncertain"]}}
        rows = await self._rows.find(revived).to_list(None)
        await self._rows.update_many(
            revived,
            {"$set": {"state": "queued", "live": True, "attempts": 0, "error": None}, "$unset": {"done_at": ""}},
        )
        await self.open_lanes(rows)
        return rows

    async def hurry(self, channel_id: str) -> None:
        """Make everything that waits on a channel due now (its token was repaired)."""
        await self._lanes.update_many({"channel_id": channel_id, "lease_until": None}, {"$set": {"due_at": now()}})

    async def pending(self) -> dict[str, int]:
        """How many rows wait, by channel id."""
        rows = self._relaxed.aggregate(
            [{"$match": {"live": True}}, {"$group": {"_id": "$channel_id", "count": {"$sum": 1}}}]
        )
        return {row["_id"]: row["count"] async for row in rows}
