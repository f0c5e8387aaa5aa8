"""What customers are due to be told of their orders: a durable work list like the outbox.

A row is `{_id, order_id, no, status, at, open, due_at, lease_until, holder, attempt, tried, state, reason,
conversation_id, message_id, task_id, settled_at}`. It is made of an entry of its order's `due_notices`, under an id
derived from the order and the entry's `no`, so that taking an entry twice makes one row. `open` rows wait to be worked.
`state` is `waiting`, `posted` (as `message_id`), `task` (nobody could be written to), or `skipped` for a `reason`.
`tried` are the channels that were passed over, each with why: `[{channel_id, name, reason}]`.

`attempt` counts the channels that a message was posted on: a message that fails for good hands its row on to the next
one (`pass_on`), and both change together or not at all.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pymongo
from motor.motor_asyncio import AsyncIOMotorClientSession
from pymongo.errors import BulkWriteError

from inbox.model.ids import derived_id, new_id, now
from inbox.storage.database import Database, Document
from inbox.storage.errors import duplicate_positions

LEASE = timedelta(seconds=30)
"""How long a row stays with a worker. Two workers on one row still post one message: its id is derived."""

_CURRENT: dict[str, Any] = {"return_document": pymongo.ReturnDocument.AFTER}


class NoticeStore:
    """The `notices` collection, and what belongs to it of `orders` and `messages`."""

    def __init__(self, database: Database) -> None:
        self._notices = database.durable.notices
        self._orders = database.durable.orders
        self._messages = database.durable.messages
        self._client = database.client

    async def take_in(self, limit: int) -> int:
        """Make rows of what is due to be told, and take that off the orders; returns how many orders had something.

        A crash between the two leaves entries whose rows are there already.
        """
        orders = await self._orders.find({"noticing": True}).sort("changed_at", 1).limit(limit).to_list(limit)
        rows = [_row(order, entry) for order in orders for entry in order["due_notices"]]
        if rows:
            try:
                await self._notices.insert_many(rows, ordered=False)
            except BulkWriteError as error:
                duplicate_positions(error)
        for order in orders:
            taken = [entry["no"] for entry in order["due_notices"]]
            left = {"$filter": {"input": "$due_notices", "cond": {"$not": {"$in": ["$$this.no", taken]}}}}
            await self._orders.update_one(
                {"_id": order["_id"]},
                [{"$set": {"due_notices": left}}, {"$set": {"noticing": {"$ne": ["$due_notices", []]}}}],
            )
        return len(orders)

    async def claim(self) -> Document | None:
        """Lease the row that is due longest; None where there is none."""
        present = now()
        claimed: Document | None = await self._notices.find_one_and_update(
            {
                "open": True,
                "due_at": {"$lte": present},
                "$or": [{"lease_until": None}, {"lease_until": {"$lte": present}}],
            },
            {"$set": {"lease_until": present + LEASE, "holder": new_id()}},
            sort=[("due_at", 1), ("no", 1)],
            **_CURRENT,
        )
        return claimed

    async def is_next(self, notice: Mapping[str, Any]) -> bool:
        """Whether everything that the order was due to be told before this is settled."""
        earlier = {"order_id": notice["order_id"], "open": True, "no": {"$lt": notice["no"]}}
        return await self._notices.find_one(earlier, {"_id": 1}) is None

    async def postpone(self, notice: Mapping[str, Any], due_at: datetime) -> None:
        """Let a row wait until a time."""
        await self._update(notice, {"due_at": due_at, "lease_until": None, "holder": None})

    async def settle(self, notice: Mapping[str, Any], state: str, **fields: Any) -> None:
        """Note how a row ended."""
        settled = {"state": state, "open": False, "lease_until": None, "holder": None, "settled_at": now(), **fields}
        await self._update(notice, settled)

    async def _update(self, notice: Mapping[str, Any], fields: Document) -> None:
        await self._notices.update_one({"_id": notice["_id"], "holder": notice["holder"]}, {"$set": fields})

    async def failed(self, limit: int) -> list[Document]:
        """Messages with a notice that failed and were not handed on yet."""
        condition = {"notice.handed_on": False, "state": "failed"}
        return await self._messages.find(condition).limit(limit).to_list(limit)

    async def pass_on(self, message: Mapping[str, Any], tried: Mapping[str, Any]) -> bool:
        """Hand the notice of a message that failed on to the next channel, once; False where somebody was faster.

        From then on the message itself is not sent again.
        """
        notice = message["notice"]

        async def write(session: AsyncIOMotorClientSession) -> bool:
            handed = await self._messages.update_one(
                {"_id": message["_id"], "state": "failed", "notice.handed_on": False},
                {"$set": {"notice.handed_on": True}},
                session=session,
            )
            if not handed.modified_count:
                return False
            await self._notices.update_one(
                {"_id": notice["id"], "attempt": notice["attempt"]},
                {
                    "$set": {"state": "waiting", "open": True, "due_at": now(), "lease_until": None, "holder": None},
                    "$inc": {"attempt": 1},
                    "$push": {"tried": dict(tried)},
                },
                session=session,
            )
            return True

        async with await self._client.start_session() as session:
            passed: bool = await session.with_transaction(write)
        return passed

    async def of_order(self, order_id: str) -> list[Document]:
        """What an order's customer was told or is due to be told, oldest first."""
        return await self._notices.find({"order_id": order_id}).sort("no", 1).to_list(None)


def notice_id(order_id: str, no: int) -> str:
    """A notice's id: one for each entry of its order."""
    return derived_id("notice", order_id, str(no))


def _row(order: Mapping[str, Any], entry: Mapping[str, Any]) -> Document:
    return {
        "_id": notice_id(order["_id"], entry["no"]),
        "order_id": order["_id"],
        "no": entry["no"],
        "status": entry["status"],
        "at": entry["at"],
        "open": True,
        "due_at": entry["at"],
        "lease_until": None,
        "holder": None,
        "attempt": 1,
        "tried": [],
        "state": "waiting",
        "reason": None,
        "conversation_id": None,
        "message_id": None,
        "task_id": None,
        "settled_at": None,
    }


def passed_over(channel_id: str, name: str, reason: str) -> Document:
    """A channel that a notice did not go out on, and why."""
    return {"channel_id": channel_id, "name": name, "reason": reason}


def reasons(tried: Sequence[Mapping[str, Any]]) -> str:
    """The channels that were passed over, for people."""
    return "; ".join(f"{one['name']}: {one['reason']}" for one in tried)
