"""Orders as `inbox.model.orders` describes them, and what the shop's cards count of them.

An order is written only over the version that was decided on, so that of two who change it at once the second decides
again. Amounts are kept as the decimal strings that they came as; sums are made of them by the database, exactly.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

import msgspec
import pymongo

from inbox.model.orders import KEPT_CHANGES, Change
from inbox.storage.database import Database, Document
from inbox.storage.errors import Duplicate
from inbox.storage.places import beyond


class OrderQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which orders: of this card, in this status, of this source, with a number, phone, e-mail or parcel like `q`."""

    customer_id: str | None = None
    status: str | None = None
    source: str | None = None
    linked: bool | None = None
    q: str = ""
    phone: str | None = None
    """`q` as a phone number in E.164, where it is one."""
    after: tuple[datetime, str] | None = None
    limit: int = 50


class Sum(msgspec.Struct, frozen=True):
    """How many orders in one currency, and what those of them come to that did not come to nothing."""

    currency: str
    count: int
    total: Decimal


class OrderStore:
    """The `orders` collection."""

    def __init__(self, database: Database) -> None:
        self._orders = database.durable.orders

    async def insert(self, order: Document) -> bool:
        """Store a new order; whether there was none of this source and number."""
        try:
            await self._orders.insert_one(order)
        except Duplicate:
            return False
        return True

    async def get(self, order_id: str) -> Document | None:
        """One order."""
        return await self._orders.find_one({"_id": order_id})

    async def numbered(self, number: str, source: str | None = None) -> list[Document]:
        """The orders of this number, one for each source that has it."""
        condition: Document = {"number": number}
        if source is not None:
            condition["source"] = source
        return await self._orders.find(condition).sort("source", 1).to_list(None)

    async def spelled(self, numbers: Sequence[str]) -> list[Document]:
        """The orders that have any of these numbers, newest first, whichever source they are of."""
        found = self._orders.find({"number": {"$in": list(numbers)}})
        return await found.sort("created_at", -1).to_list(None)

    async def called(self, source: str, external_id: str) -> Document | None:
        """The order that a source calls by this id of its own."""
        return await self._orders.find_one({"source": source, "external_id": external_id})

    async def change(self, order: Document, change: Change) -> Document | None:
        """Write a change over the version that it was decided on; None where that is no longer the present one."""
        update: Document = {"$set": dict(change.fields), "$inc": {"version": 1}}
        if change.entry is not None:
            update["$push"] = {"history": {"$each": [change.entry], "$slice": -KEPT_CHANGES}}
        if change.notice is not None:
            update.setdefault("$push", {})["due_notices"] = change.notice
            update["$set"]["noticing"] = True
        # A merge of cards moves orders by their card alone, without a new version.
        seen = {"_id": order["_id"], "version": order["version"], "customer_id": order["customer_id"]}
        changed: Document | None = await self._orders.find_one_and_update(
            seen, update, return_document=pymongo.ReturnDocument.AFTER
        )
        return changed

    async def page(self, query: OrderQuery) -> list[Document]:
        """Orders, what changed last first."""
        conditions: list[Document] = []
        if query.customer_id is not None:
            conditions.append({"customer_id": query.customer_id})
        if query.linked is not None:
            conditions.append({"customer_id": {"$ne": None} if query.linked else None})
        if query.status is not None:
            conditions.append({"status": query.status})
        if query.source is not None:
            conditions.append({"source": query.source})
        if query.q:
            conditions.append({"$or": _like(query.q, query.phone)})
        if query.after is not None:
            conditions.append(beyond("changed_at", query.after))
        cursor = self._orders.find({"$and": conditions} if conditions else {})
        return await cursor.sort([("changed_at", -1), ("_id", -1)]).limit(query.limit).to_list(query.limit)

    async def of_customer(self, customer_id: str, limit: int) -> list[Document]:
        """A card's orders, newest first."""
        cursor = self._orders.find({"customer_id": customer_id}).sort([("created_at", -1), ("_id", -1)])
        return await cursor.limit(limit).to_list(limit)

    async def sums(self, customer_ids: Sequence[str], void: Sequence[str]) -> dict[str, list[Sum]]:
        """How many orders cards have and what they come to, by currency, most orders first.

        What is in one of the `void` statuses is counted and adds nothing.
        """
        # Times nothing, not nothing: so the sum has the currency's digits even where no order counts.
        times = {"$cond": [{"$in": ["$status", list(void)]}, 0, 1]}
        counted = {"$multiply": [{"$toDecimal": "$total"}, times]}
        owner_and_currency = {"owner": "$customer_id", "currency": "$currency"}
        rows = self._orders.aggregate(
            [
                {"$match": {"customer_id": {"$in": list(customer_ids)}}},
                {"$group": {"_id": owner_and_currency, "count": {"$sum": 1}, "total": {"$sum": counted}}},
                {"$sort": {"count": -1, "_id": 1}},
            ]
        )
        found: dict[str, list[Sum]] = {customer_id: [] for customer_id in customer_ids}
        async for row in rows:
            key = row["_id"]
            found[key["owner"]].append(Sum(key["currency"], row["count"], row["total"].to_decimal()))
        return found

    async def waiting(self, phones: Sequence[str], emails: Sequence[str], limit: int) -> list[Document]:
        """Orders of no card whose contact is one of these, and of which no person has said that they are nobody's."""
        found: dict[str, Document] = {}
        for kind, known in (("phone", phones), ("email", emails)):
            if known:
                # Left alone, the planner may read every order that has no card.
                told = {"customer_id": None, "linked_by": None, f"contact.{kind}": {"$in": list(known)}}
                rows = self._orders.find(told).hint(f"waiting_{kind}").sort("created_at", -1).limit(limit)
                found.update({row["_id"]: row async for row in rows})
        return sorted(found.values(), key=lambda row: row["created_at"], reverse=True)[:limit]

    async def statuses(self) -> dict[str, int]:
        """How many orders are in each status."""
        rows = self._orders.aggregate([{"$group": {"_id": "$status", "count": {"$sum": 1}}}])
        return {row["_id"]: row["count"] async for row in rows}

    async def exists(self, source: str) -> bool:
        """Whether a source has told of any order."""
        return await self._orders.find_one({"source": source}, {"_id": 1}) is not None


def _like(q: str, phone: str | None) -> list[Document]:
    """What `q` may be: the beginning of a number, a whole parcel number, e-mail or phone, a part of a name."""
    conditions: list[Document] = [
        {"number": {"$regex": f"^{re.escape(q)}"}},
        {"delivery.tracking_number": q},
        {"contact.email": q.lower()},
        {"contact.name": {"$regex": re.escape(q), "$options": "i"}},
    ]
    if phone is not None:
        conditions.append({"contact.phone": phone})
    return conditions
