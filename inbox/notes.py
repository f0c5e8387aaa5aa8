"""Notes on customers' cards: what every colleague should know of somebody, apart from any conversation."""

from typing import Final

from inbox.live import Frame, LiveFeed
from inbox.model.errors import Conflict, Forbidden, NotFound
from inbox.model.ids import new_id, now, sort_key
from inbox.model.people import Author, Viewer
from inbox.paging import decode_cursor, page
from inbox.storage.database import Document
from inbox.storage.notes import NoteStore
from inbox.storage.people import PeopleStore

MAX_PINNED: Final = 10
"""How many notes stand on top of a card."""


class CustomerNotes:
    """Everybody reads and pins them; a note is changed by who wrote it, and by admins."""

    def __init__(self, store: NoteStore, people: PeopleStore, feed: LiveFeed) -> None:
        self._store = store
        self._people = people
        self._feed = feed

    async def page(self, customer_id: str, *, limit: int, cursor: str | None) -> tuple[list[Document], str | None]:
        """A page of a card's notes, newest first."""
        card = await self._card(customer_id)
        before = decode_cursor(cursor, str, str) if cursor else None
        place = (before[0], before[1]) if before else None
        return page(await self._store.of_customer(card["_id"], place, limit + 1), limit, "sort", "_id")

    async def shown(self, customer_id: str, limit: int) -> list[Document]:
        """A card's notes as the card shows them: the pinned ones, then the newest others."""
        pinned = await self._store.pinned(customer_id)
        newest = await self._store.of_customer(customer_id, None, limit + len(pinned))
        return [*pinned, *[note for note in newest if not note["pinned"]][:limit]]

    async def create(self, customer_id: str, text: str, *, pinned: bool, author: Author) -> Document:
        """Note something."""
        card = await self._card(customer_id)
        if pinned:
            await self._room_for_a_pin(card["_id"])
        present = now()
        note: Document = {
            "_id": new_id(),
            "customer_id": card["_id"],
            "text": text,
            "author": {"type": author.type, "id": author.id, "name": author.name},
            "pinned": pinned,
            "created_at": present,
            "edited_at": None,
            "sort": sort_key(present),
        }
        await self._store.insert(note)
        await self._show(note)
        return note

    async def change(
        self, viewer: Viewer, customer_id: str, note_id: str, *, text: str | None, pinned: bool | None
    ) -> Document:
        """Say it otherwise (for who wrote it, and admins), pin it or unpin it (for all); None leaves it as it is."""
        note = await self._own(customer_id, note_id)
        changes: Document = {}
        if text is not None and text != note["text"]:
            _may_change(viewer, note)
            changes |= {"text": text, "edited_at": now()}
        if pinned is not None and pinned != note["pinned"]:
            if pinned:
                await self._room_for_a_pin(note["customer_id"])
            changes["pinned"] = pinned
        changed = await self._store.change(note_id, changes) if changes else note
        if changed is None:
            raise NotFound("there is no such note")
        await self._show(changed)
        return changed

    async def delete(self, viewer: Viewer, customer_id: str, note_id: str) -> None:
        """Forget a note."""
        note = await self._own(customer_id, note_id)
        _may_change(viewer, note)
        await self._store.delete(note_id)
        await self._show(note)

    async def _card(self, customer_id: str) -> Document:
        card = await self._people.living(customer_id)
        if card is None:
            raise NotFound("there is no such customer")
        return card

    async def _own(self, customer_id: str, note_id: str) -> Document:
        """A note of this card, or of one that joined it and whose notes are still on their way."""
        card, note = await self._card(customer_id), await self._store.get(note_id)
        if note is not None:
            home = await self._people.living(note["customer_id"])
            if home is not None and home["_id"] == card["_id"]:
                return note
        raise NotFound("there is no such note")

    async def _room_for_a_pin(self, customer_id: str) -> None:
        if len(await self._store.pinned(customer_id)) >= MAX_PINNED:
            raise Conflict(f"at most {MAX_PINNED} notes are pinned: unpin another one first")

    async def _show(self, note: Document) -> None:
        card = await self._people.living(note["customer_id"])
        if card is not None:
            await self._feed.publish([Frame(type="customer.updated", data=card)])


def _may_change(viewer: Viewer, note: Document) -> None:
    if not viewer.administers and note["author"]["id"] != viewer.id:
        raise Forbidden("only who wrote a note, and admins, change it")
