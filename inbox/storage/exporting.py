"""Reading much, a little at a time, for what is handed out as a whole. Nothing here holds more than a batch."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from inbox.storage.database import Database, Document

_BATCH = 200


class ExportStore:
    """Whole collections, and all that belongs to a customer, as streams in a lasting order."""

    def __init__(self, database: Database) -> None:
        self._stored = database.durable

    def messages(self, conversation_id: str) -> AsyncIterator[Document]:
        """What was said in a conversation, oldest first."""
        return self._stream("messages", {"conversation_id": conversation_id}, "sort")

    def orders(self, customer_id: str) -> AsyncIterator[Document]:
        """A card's orders, oldest first."""
        return self._stream("orders", {"customer_id": customer_id}, "created_at")

    def notes(self, customer_id: str) -> AsyncIterator[Document]:
        """What was noted on a card, oldest first."""
        return self._stream("customer_notes", {"customer_id": customer_id}, "sort")

    def tasks(self, customer_id: str, conversation_ids: Sequence[str]) -> AsyncIterator[Document]:
        """What is to be done for a customer, but for what is tied to other conversations than these."""
        within = {"conversation_id": {"$in": [None, *conversation_ids]}}
        return self._stream("tasks", {"customer_id": customer_id, **within}, "due_at")

    def happenings(self, customer_id: str, conversation_ids: Sequence[str]) -> AsyncIterator[Document]:
        """Who held these conversations of a customer and what became of them, oldest first."""
        within = {"conversation_id": {"$in": list(conversation_ids)}}
        return self._stream("happenings", {"customer_id": customer_id, **within}, "sort")

    async def cards(self) -> AsyncIterator[list[Document]]:
        """Every card that was not merged into another one, some hundred at a time."""
        batch: list[Document] = []
        async for card in self._stream("customers", {"merged_into": None}, "_id"):
            batch.append(card)
            if len(batch) == _BATCH:
                yield batch
                batch = []
        if batch:
            yield batch

    def all_orders(self) -> AsyncIterator[Document]:
        """Every order."""
        return self._stream("orders", {}, "_id")

    def shared_macros(self) -> AsyncIterator[Document]:
        """Every macro that is nobody's alone."""
        return self._stream("macros", {"owner_id": None}, "_id")

    async def field_codes(self) -> list[str]:
        """Every field that any card has a value for."""
        return await self._keys("customers", "fields")

    async def macro_languages(self) -> list[str]:
        """Every language that any shared macro speaks."""
        return await self._keys("macros", "text")

    async def _keys(self, name: str, field: str) -> list[str]:
        rows = self._stored[name].aggregate(
            [
                {"$project": {"keys": {"$map": {"input": {"$objectToArray": f"${field}"}, "in": "$$this.k"}}}},
                {"$unwind": "$keys"},
                {"$group": {"_id": "$keys"}},
                {"$sort": {"_id": 1}},
            ]
        )
        return [row["_id"] async for row in rows]

    async def _stream(self, name: str, condition: Mapping[str, Any], order: str) -> AsyncIterator[Document]:
        sort = [(order, 1)] if order == "_id" else [(order, 1), ("_id", 1)]
        async for row in self._stored[name].find(dict(condition), batch_size=_BATCH).sort(sort):
            yield row
