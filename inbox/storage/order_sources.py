"""The shops that push orders. Their secrets are encrypted before they come here (`inbox.order_sources`)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pymongo

from inbox.storage.database import Database, Document

_REACH_SECONDS = 1.2
_MOST_WORDS = 30


class OrderSourceStore:
    """The `order_sources` collection.

    A row is `{_id, name, kind, sealed, previous, previous_until, status_map {word: code or null}, unknown_words,
    last_push_at, created_at, updated_at}`; `previous` is the secret before this one, good until then.
    """

    def __init__(self, database: Database) -> None:
        self._sources = database.durable.order_sources
        self._relaxed = database.relaxed.order_sources
        self._orders = database.durable.orders
        self._journal = database.durable.journal

    async def all(self) -> list[Document]:
        """Every source, oldest first."""
        return await self._sources.find({}).sort([("created_at", 1), ("_id", 1)]).to_list(None)

    async def page(self, after: str | None, limit: int) -> list[Document]:
        """Sources in the order in which they were connected."""
        condition: Document = {} if after is None else {"_id": {"$gt": after}}
        return await self._sources.find(condition).sort("_id", 1).limit(limit).to_list(limit)

    async def get(self, source_id: str) -> Document | None:
        """One source."""
        return await self._sources.find_one({"_id": source_id})

    async def glance(self, source_id: str) -> Document | None:
        """The same for a call that waits: within a second, or not at all."""
        with pymongo.timeout(_REACH_SECONDS):
            return await self.get(source_id)

    async def insert(self, source: Document) -> None:
        """Store a new source."""
        await self._sources.insert_one(source)

    async def change(self, source_id: str, changes: Mapping[str, Any]) -> Document | None:
        """Set fields; returns the source as it is now."""
        changed: Document | None = await self._sources.find_one_and_update(
            {"_id": source_id}, {"$set": dict(changes)}, return_document=pymongo.ReturnDocument.AFTER
        )
        return changed

    async def delete(self, source_id: str) -> bool:
        """Forget a source; its orders stay."""
        return bool((await self._sources.delete_one({"_id": source_id})).deleted_count)

    async def note_push(self, source_id: str, at: datetime) -> None:
        """Remember when a source pushed last; older news changes nothing."""
        await self._relaxed.update_one({"_id": source_id}, {"$max": {"last_push_at": at}})

    async def note_word(self, source_id: str, word: str) -> None:
        """Remember a word for a status that nobody has translated, as long as they are not too many."""
        few = {"_id": source_id, f"unknown_words.{_MOST_WORDS - 1}": {"$exists": False}}
        await self._relaxed.update_one(few, {"$addToSet": {"unknown_words": word}})

    async def counts(self, source_id: str) -> tuple[int, int]:
        """How many orders a source has told of, and how many of its pushes are in quarantine."""
        orders = await self._orders.count_documents({"source": source_id})
        aside = await self._journal.count_documents({"state": "quarantined", "channel_id": source_id})
        return orders, aside
