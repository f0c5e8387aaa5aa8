"""Parcels under way, and the carriers who are asked about them.

A parcel is `{_id, carrier, number, stage, text, code, expected_on, arrived_at, final, changed_at, looked_at,
next_look_at, applied, irregular, waiting_told}`; its `_id` is its order's. `applied` is the order status that it has
brought about, `irregular` the one that the pipeline did not allow. Those still looked after have a `next_look_at`.

A carrier is `{_id, settings, sealed, status_map, waiting_days, state, state_reason, state_since, failures, asked_at,
changed_at}`, with the carrier's name as its `_id`.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import pymongo

from inbox.storage.database import Database, Document
from inbox.storage.errors import Duplicate

_CURRENT: dict[str, Any] = {"return_document": pymongo.ReturnDocument.AFTER}


class ParcelStore:
    """The `parcels` collection."""

    def __init__(self, database: Database) -> None:
        self._parcels = database.durable.parcels
        self._orders = database.durable.orders

    async def unfollowed(self, since: datetime) -> AsyncIterator[Document]:
        """Orders changed since a time whose tracking number has no parcel yet, or another one."""
        same = {"$eq": [{"$first": "$parcel.number"}, "$delivery.tracking_number"]}
        found = self._orders.aggregate(
            [
                {"$match": {"changed_at": {"$gte": since}, "delivery.tracking_number": {"$gt": ""}}},
                {"$lookup": {"from": "parcels", "localField": "_id", "foreignField": "_id", "as": "parcel"}},
                {"$match": {"$expr": {"$not": same}}},
            ]
        )
        async for order in found:
            yield order

    async def orders(self, order_ids: Sequence[str]) -> dict[str, Document]:
        """Orders by id."""
        return {row["_id"]: row async for row in self._orders.find({"_id": {"$in": list(order_ids)}})}

    async def follow(self, parcel: Document) -> None:
        """Look after an order's parcel from now on, and no more after the one before it."""
        try:
            await self._parcels.replace_one({"_id": parcel["_id"]}, parcel, upsert=True)
        except Duplicate:
            await self._parcels.replace_one({"_id": parcel["_id"]}, parcel)

    async def get(self, order_id: str) -> Document | None:
        """An order's parcel."""
        return await self._parcels.find_one({"_id": order_id})

    async def many(self, order_ids: Sequence[str]) -> dict[str, Document]:
        """Orders' parcels, by order id."""
        return {row["_id"]: row async for row in self._parcels.find({"_id": {"$in": list(order_ids)}})}

    async def due(self, carrier: str, at: datetime, limit: int) -> list[Document]:
        """A carrier's parcels that are to be asked about, what is due longest first."""
        condition = {"carrier": carrier, "next_look_at": {"$lte": at}}
        return await self._parcels.find(condition).sort("next_look_at", 1).limit(limit).to_list(limit)

    async def hurry(self, carrier: str, at: datetime) -> None:
        """Have a carrier asked about all its parcels that are still looked after."""
        await self._parcels.update_many(
            {"carrier": carrier, "next_look_at": {"$gt": at}}, {"$set": {"next_look_at": at}}
        )

    async def change(self, parcel: Document, changes: Mapping[str, Any]) -> Document | None:
        """Set fields of a parcel, unless its order has another one by now."""
        changed: Document | None = await self._parcels.find_one_and_update(
            {"_id": parcel["_id"], "number": parcel["number"]}, {"$set": dict(changes)}, **_CURRENT
        )
        return changed

    async def counts(self, carrier: str) -> int:
        """How many parcels of a carrier are looked after."""
        return await self._parcels.count_documents({"carrier": carrier, "next_look_at": {"$ne": None}})


class CarrierStore:
    """The `carriers` collection."""

    def __init__(self, database: Database) -> None:
        self._carriers = database.durable.carriers

    async def all(self) -> list[Document]:
        """Every connected carrier."""
        return await self._carriers.find().sort("_id", 1).to_list(None)

    async def get(self, name: str) -> Document | None:
        """One carrier, where it is connected."""
        return await self._carriers.find_one({"_id": name})

    async def put(self, name: str, fields: Mapping[str, Any]) -> Document:
        """Connect a carrier, or set these fields of it."""
        put: Document = await self._carriers.find_one_and_update(
            {"_id": name}, {"$set": dict(fields)}, upsert=True, **_CURRENT
        )
        return put

    async def note(self, name: str, changed_at: datetime, fields: Mapping[str, Any]) -> Document | None:
        """Note how a carrier does under the settings of this time; None where it has others by now."""
        noted: Document | None = await self._carriers.find_one_and_update(
            {"_id": name, "changed_at": changed_at}, {"$set": dict(fields)}, **_CURRENT
        )
        return noted

    async def delete(self, name: str) -> bool:
        """Forget a carrier; whether it was connected."""
        return bool((await self._carriers.delete_one({"_id": name})).deleted_count)
