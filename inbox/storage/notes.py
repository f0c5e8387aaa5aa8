"""What managers note on customers' cards: `{_id, customer_id, text, author, pinned, created_at, edited_at, sort}`."""

from typing import Any

import pymongo

from inbox.storage.database import Database, Document
from inbox.storage.places import Place, standing_before


class NoteStore:
    """The `customer_notes` collection."""

    def __init__(self, database: Database) -> None:
        self._notes = database.durable.customer_notes

    async def insert(self, note: Document) -> None:
        """Keep a new note."""
        await self._notes.insert_one(note)

    async def get(self, note_id: str) -> Document | None:
        """One note."""
        return await self._notes.find_one({"_id": note_id})

    async def change(self, note_id: str, changes: dict[str, Any]) -> Document | None:
        """Set fields; returns the note as it is now."""
        changed: Document | None = await self._notes.find_one_and_update(
            {"_id": note_id}, {"$set": changes}, return_document=pymongo.ReturnDocument.AFTER
        )
        return changed

    async def delete(self, note_id: str) -> bool:
        """Forget a note; whether it was there."""
        return bool((await self._notes.delete_one({"_id": note_id})).deleted_count)

    async def of_customer(self, customer_id: str, before: Place | None, limit: int) -> list[Document]:
        """A page of a card's notes, newest first: those that stand before (`sort`, id)."""
        found = self._notes.find({"customer_id": customer_id, **standing_before(before)})
        return await found.sort([("sort", -1), ("_id", -1)]).limit(limit).to_list(limit)

    async def pinned(self, customer_id: str) -> list[Document]:
        """A card's pinned notes, newest first."""
        found = self._notes.find({"customer_id": customer_id, "pinned": True})
        return await found.sort([("sort", -1), ("_id", -1)]).to_list(None)
