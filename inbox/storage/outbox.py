"""Messages to be sent: the second durable work list.

A row is one request to a provider: `{_id, lane, order, live, conversation_id, channel_id, identity_id, message_id,
payload, state, attempts, error, request_id}`, `names` where the provider's ids are known before it leaves, and
`external_ids` once it is sent. Rows to one identity share a *lane*,
which is what a sender leases: `{_id, channel_id, due_at, lease_until, holder, tickets, showing}`. A ticket is drawn
with every new row, so that a sender who found its lane empty cannot close it over a row that came meanwhile; `showing`
is the message whose row was moved last.

A row never moves alone: its message's state, the provider's ids and the row change together or not at all.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pymongo
from motor.motor_asyncio import AsyncIOMotorClientSession
from pymongo.errors import BulkWriteError

from inbox.model.ids import new_id, now, sort_key
from inbox.model.sending import shown_state
from inbox.storage.database import Database, Document
from inbox.storage.errors import Duplicate, duplicate_positions

LEASE = timedelta(seconds=18)
"""How long a lane stays with a sender who says nothing more; renewed for every row and while a request is under way."""

_DOUBTFUL = frozenset({"sending", "uncertain"})
_CURRENT: dict[str, Any] = {"return_document": pymongo.ReturnDocument.AFTER}


class OutboxStore:
    """The `outbox` and `lanes` collections."""

    def __init__(self, database: Database) -> None:
        self._rows = database.durable.outbox
        self._lanes = database.relaxed.lanes
        self._relaxed = database.relaxed.outbox
        self._messages = database.durable.messages
        self._conversations = database.durable.conversations
        self._client = database.client

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
        """Lease the lane that is due longest and in nobody's hands; None where there is none.

        `inherited` says that its holder died over it.
        """
        present = now()
        claimed: Document | None = await self._lanes.find_one_and_update(
            {
                "due_at": {"$lte": present},
                "channel_id": {"$nin": list(paused_channels)},
                "$or": [{"lease_until": None}, {"lease_until": {"$lte": present}}],
            },
            [
                {
                    "$set": {
                        "lease_until": present + LEASE,
                        "holder": new_id(),
                        "inherited": {"$ne": [{"$ifNull": ["$holder", None]}, None]},
                    }
                }
            ],
            sort=[("due_at", 1)],
            **_CURRENT,
        )
        return claimed

    async def renew(self, lane: Mapping[str, Any], **noted: Any) -> bool:
        """Hold a lane for another lease; False where somebody else has it by now."""
        result = await self._lanes.update_one(
            {"_id": lane["_id"], "holder": lane["holder"]}, {"$set": {"lease_until": now() + LEASE, **noted}}
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

    async def begin(self, row: Mapping[str, Any], holder: str, names: Sequence[str] = ()) -> Document | None:
        """Mark a row as leaving by this holder of its lane, once or again; None where somebody else took it.

        `names` are the external ids that it will have, as far as they are known.

        A holder that was held up for longer than its lease, by an outage say, meets here whoever sent it meanwhile.
        Returns the message.
        """
        leaving: Document = {"error": None, "holder": holder, "began_at": now(), "names": list(names)}
        return await self.move(row, "sending", among=_in_hand(holder), **leaving)

    async def finish(
        self, row: Mapping[str, Any], state: str, holder: str, *, error: str | None = None, **changes: Any
    ) -> Document | None:
        """Move a row that did not arrive to a state; None where it is not in this holder's hands any more."""
        return await self.move(row, state, among=_in_hand(holder), error=error, **changes)

    async def abandon(self, row: Mapping[str, Any], error: str) -> Document | None:
        """Mark a row as uncertain whose holder died over it; None where the holder lives and said more by now."""
        return await self.move(row, "uncertain", among={"state": "sending"}, error=error)

    async def sent(
        self, row: Mapping[str, Any], external_ids: Sequence[str], *, subject: str = "", among: Document | None = None
    ) -> Document | None:
        """Note the provider's yes, whatever was believed of the row; `among` narrows that down. Returns the message."""
        among = among or {}
        try:
            return await self.move(row, "sent", among=among, external_ids=external_ids, subject=subject, error=None)
        except Duplicate:
            # What we sent came back as if the shop had written it elsewhere, when nothing told of it any more.
            return await self.move(
                row, "sent", among=among, external_ids=external_ids, subject=subject, error=None, absorbing=True
            )

    async def move(
        self,
        row: Mapping[str, Any],
        state: str,
        *,
        among: Document,
        external_ids: Sequence[str] = (),
        subject: str = "",
        absorbing: bool = False,
        **changes: Any,
    ) -> Document | None:
        """Move a row to a state and its message along, both or neither; returns the message as it is then.

        None where the row is not `among` those that it should be. `live` says whether it still has to go. Raises
        `Duplicate` where another message has one of the `external_ids`, unless `absorbing`: then that one goes.
        """
        live = state in ("queued", "sending")
        fields: Document = {"state": state, "live": live, "doubtful": state in _DOUBTFUL, **changes}
        if not live:
            fields["done_at"] = now()
        if external_ids:
            fields["external_ids"] = list(external_ids)

        async def write(session: AsyncIOMotorClientSession) -> Document | None:
            moved = await self._rows.update_one({"_id": row["_id"], **among}, {"$set": fields}, session=session)
            if not moved.matched_count:
                return None
            if absorbing:
                await self._absorb(row, external_ids, session)
            return await self._follow(row["message_id"], external_ids, subject, session)

        async with await self._client.start_session() as session:
            written: Document | None = await session.with_transaction(write)
        return written

    async def _absorb(
        self, row: Mapping[str, Any], external_ids: Sequence[str], session: AsyncIOMotorClientSession
    ) -> None:
        """Remove messages that bear the names of what a row sent; where one shows in the list, ours shows instead."""
        doubles = {"external_ids": {"$in": list(external_ids)}, "_id": {"$ne": row["message_id"]}}
        found = await self._messages.find({"channel_id": row["channel_id"], **doubles}, session=session).to_list(None)
        ids = {"$in": [message["_id"] for message in found]}
        await self._messages.delete_many({"_id": ids}, session=session)
        await self._conversations.update_many(
            {"_id": {"$in": [message["conversation_id"] for message in found]}, "last_message.id": ids},
            {"$set": {"last_message.id": row["message_id"]}, "$inc": {"revision": 1}},
            session=session,
        )

    async def _follow(
        self, message_id: str, external_ids: Sequence[str], subject: str, session: AsyncIOMotorClientSession
    ) -> Document | None:
        """Have a message show how far its rows are. What the provider told of it stands above our own `sent`."""
        rows = await self._rows.find({"message_id": message_id}, session=session).sort("order", 1).to_list(None)
        state, error = shown_state(rows)
        shown: Document = {
            "state": state,
            "error": {"$literal": error},
            "unsent": sum(row["state"] != "sent" for row in rows),
        }
        if state == "sent":
            shown["state"] = {"$ifNull": ["$receipt.state", "sent"]}
            shown["error"] = {"$ifNull": ["$receipt.error", None]}
        if subject:
            shown["subject"] = {"$literal": subject}
        if external_ids:
            present = {"$ifNull": ["$external_ids", []]}
            fresh = {
                "$filter": {"input": {"$literal": list(external_ids)}, "cond": {"$not": {"$in": ["$$this", present]}}}
            }
            shown["external_ids"] = {"$concatArrays": [present, fresh]}
        message: Document | None = await self._messages.find_one_and_update(
            {"_id": message_id}, [{"$set": shown}], session=session, **_CURRENT
        )
        return message

    async def row(self, row_id: str) -> Document | None:
        """One row."""
        return await self._rows.find_one({"_id": row_id})

    async def unsettled(self, identity_id: str) -> list[Document]:
        """The rows to an identity whose requests left and have no answer that we know of, oldest first."""
        return await self._rows.find({"identity_id": identity_id, "doubtful": True}).sort("order", 1).to_list(None)

    async def uncertain(self, channel_id: str, names: Sequence[str]) -> list[Document]:
        """The rows without an answer that have one of these names."""
        rows = self._rows.find({"channel_id": channel_id, "names": {"$in": list(names)}, "doubtful": True})
        return [row async for row in rows if row["state"] == "uncertain"]

    async def of_message(self, message_id: str) -> list[Document]:
        """The rows of a message, in order."""
        return await self._rows.find({"message_id": message_id}).sort("order", 1).to_list(None)

    async def revive(self, message_id: str) -> Document | None:
        """Queue again what is not known to have arrived; returns the message, or None where that is nothing.

        What the provider took and then reported as failed goes again as a whole. A notice that was handed on to another
        channel is not for this one any more.
        """
        rows: list[Document] = []

        async def write(session: AsyncIOMotorClientSession) -> Document | None:
            message = await self._messages.find_one({"_id": message_id}, session=session)
            if ((message or {}).get("notice") or {}).get("handed_on"):
                return None
            refused = ((message or {}).get("receipt") or {}).get("state") == "failed"
            states = ["failed", "uncertain", *(["sent"] if refused else [])]
            doubtful = {"message_id": message_id, "state": {"$in": states}}
            rows[:] = await self._rows.find(doubtful, session=session).to_list(None)
            if not rows:
                return None
            again = {"state": "queued", "live": True, "doubtful": False, "attempts": 0, "error": None}
            gone = {"done_at": "", "external_ids": ""}
            await self._rows.update_many(doubtful, {"$set": again, "$unset": gone}, session=session)
            # What is read before it goes again says nothing of it, early as its place in the conversation is.
            resent = {"$unset": {"receipt": ""}, "$set": {"resent_sort": sort_key(now())}}
            await self._messages.update_one({"_id": message_id}, resent, session=session)
            return await self._follow(message_id, (), "", session)

        async with await self._client.start_session() as session:
            revived: Document | None = await session.with_transaction(write)
        await self.open_lanes(rows)
        return revived

    async def hurry(self, channel_id: str) -> None:
        """Make everything that waits on a channel due now (its token was repaired)."""
        await self._lanes.update_many({"channel_id": channel_id, "lease_until": None}, {"$set": {"due_at": now()}})

    async def pending(self) -> dict[str, int]:
        """How many rows wait, by channel id."""
        rows = self._relaxed.aggregate(
            [{"$match": {"live": True}}, {"$group": {"_id": "$channel_id", "count": {"$sum": 1}}}]
        )
        return {row["_id"]: row["count"] async for row in rows}


def _in_hand(holder: str) -> Document:
    """Rows that wait, or that this holder of their lane is sending."""
    return {"$or": [{"state": "queued"}, {"state": "sending", "holder": holder}]}
