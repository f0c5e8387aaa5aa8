"""Notes on customers' cards."""

from dataclasses import dataclass
from typing import Annotated

from aiohttp import web
from pydantic import AwareDatetime, StringConstraints

from inbox.model.people import Author
from inbox.notes import CustomerNotes
from inbox.storage.database import Document
from web.api.rows import row
from web.api.services import ApiServices
from web.api.shapes import AuthorShape, Page, Shape
from web.api.views import View, author_view
from web.doors.answers import json_answer, no_content
from web.doors.bodies import Body, Change, PageQuery
from web.doors.table import Call, Route, Who

Noted = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=5000)]


class NewNote(Body):
    """Something to know of a customer; a pinned one stands on top of the card."""

    audited = frozenset({"pinned"})

    text: Noted
    pinned: bool = False


class NoteChange(Change):
    """What changes about a note."""

    audited = frozenset({"pinned"})

    text: Noted = ""
    pinned: bool = False


class NoteShape(Shape):
    """A note, by whom and since when."""

    id: str
    customer_id: str
    text: str
    pinned: bool
    author: AuthorShape
    created_at: AwareDatetime
    edited_at: AwareDatetime | None


def note_view(note: Document) -> View:
    """A note."""
    told = ("customer_id", "text", "pinned", "created_at", "edited_at")
    return {"id": note["_id"], "author": author_view(note["author"]), **{field: note[field] for field in told}}


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteHandlers:
    """`/customers/{id}/notes`."""

    notes: CustomerNotes

    async def index(self, call: Call[None, PageQuery]) -> web.Response:
        """A card's notes, newest first."""
        found, cursor = await self.notes.page(call.path(), limit=call.query.limit, cursor=call.query.cursor)
        return json_answer({"items": [note_view(note) for note in found], "next_cursor": cursor})

    async def create(self, call: Call[NewNote, None]) -> web.Response:
        """Note something."""
        body = call.body
        note = await self.notes.create(call.path(), body.text, pinned=body.pinned, author=Author.of(call.viewer))
        call.note.object_id = note["_id"]
        return json_answer(note_view(note), status=201)

    async def change(self, call: Call[NoteChange, None]) -> web.Response:
        """Say it otherwise, pin it, unpin it."""
        changes = call.body.changes()
        text, pinned = changes.get("text"), changes.get("pinned")
        changed = await self.notes.change(call.viewer, call.path(), call.path("note_id"), text=text, pinned=pinned)
        return json_answer(note_view(changed))

    async def delete(self, call: Call[None, None]) -> web.Response:
        """Forget it."""
        await self.notes.delete(call.viewer, call.path(), call.path("note_id"))
        return no_content()


def rows(services: ApiServices) -> list[Route]:
    """The endpoints of notes."""
    notes = NoteHandlers(notes=services.customer_notes)
    return [
        row("GET", "/customers/{id}/notes", Who.SIGNED_IN)(
            handler=notes.index,
            summary="What was noted on a card, newest first",
            query=PageQuery,
            answer=Page[NoteShape],
        ),
        row("POST", "/customers/{id}/notes", Who.SIGNED_IN)(
            handler=notes.create,
            summary="Note something on a card",
            body=NewNote,
            answer=NoteShape,
            statuses=(201,),
            audit="customer.note",
        ),
        row("PATCH", "/customers/{id}/notes/{note_id}", Who.SIGNED_IN)(
            handler=notes.change,
            summary="Change a note of one's own, or pin any",
            body=NoteChange,
            answer=NoteShape,
            audit="customer.note.change",
        ),
        row("DELETE", "/customers/{id}/notes/{note_id}", Who.SIGNED_IN)(
            handler=notes.delete, summary="Forget a note of one's own", statuses=(204,), audit="customer.note.delete"
        ),
    ]
