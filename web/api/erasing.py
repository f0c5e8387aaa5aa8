"""Erasing a customer, and the proof of it."""

from dataclasses import dataclass
from typing import Literal

from aiohttp import web
from pydantic import AwareDatetime

from inbox.erasing import Erasing
from inbox.model.people import Author
from inbox.storage.database import Document
from web.api.rows import row
from web.api.services import ApiServices
from web.api.shapes import AuthorShape, Page, Shape
from web.api.views import View, author_view
from web.doors.answers import json_answer
from web.doors.bodies import PageQuery
from web.doors.table import Call, Route, Who


class ErasureShape(Shape):
    """What was erased, when and by whom, and nothing of the person.

    `digest` is the SHA-256 of `salt`, a colon and the card's id, in hex: who knows the id can tell that it was this
    card. `counts` says how many documents went from each collection, and how many `files`, `pictures` and live frames;
    `orders_cleared` and `audit_cleared` stayed without the person. `done_at` is null while it is under way.
    """

    id: str
    state: Literal["waiting", "erasing", "done"]
    at: AwareDatetime
    by: AuthorShape
    done_at: AwareDatetime | None
    salt: str
    digest: str
    counts: dict[str, int]


def erasure_view(erasure: Document) -> View:
    """An erasure."""
    return {
        "id": erasure["_id"],
        **{field: erasure[field] for field in ("state", "at", "salt", "digest")},
        "by": author_view(erasure["by"]),
        "done_at": erasure.get("done_at"),
        "counts": {name: count for name, count in sorted(erasure["counts"].items()) if count},
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasingHandlers:
    """`DELETE /customers/{id}` and `/erasures`."""

    erasing: Erasing

    async def erase(self, call: Call[None, None]) -> web.Response:
        """Erase a customer."""
        erasure = await self.erasing.erase(call.path(), by=Author.of(call.viewer))
        call.note.object_id = erasure["_id"]
        return json_answer(erasure_view(erasure), status=200 if erasure["state"] == "done" else 202)

    async def index(self, call: Call[None, PageQuery]) -> web.Response:
        """Erasures, newest first."""
        found, cursor = await self.erasing.page(limit=call.query.limit, cursor=call.query.cursor)
        return json_answer({"items": [erasure_view(each) for each in found], "next_cursor": cursor})

    async def show(self, call: Call[None, None]) -> web.Response:
        """One erasure."""
        return json_answer(erasure_view(await self.erasing.get(call.path())))


def rows(services: ApiServices) -> list[Route]:
    """The endpoints of erasing."""
    erasing = ErasingHandlers(erasing=services.erasing)
    return [
        row("DELETE", "/customers/{id}", Who.ADMIN)(
            handler=erasing.erase,
            summary="Erase all that is known of a customer; the answer is the proof, 202 while it is under way",
            answer=ErasureShape,
            statuses=(200, 202),
            audit="customer.erase",
        ),
        row("GET", "/erasures", Who.ADMIN)(
            handler=erasing.index,
            summary="Who was erased, newest first, without saying who that was",
            query=PageQuery,
            answer=Page[ErasureShape],
        ),
        row("GET", "/erasures/{id}", Who.ADMIN)(
            handler=erasing.show, summary="The proof of an erasure", answer=ErasureShape
        ),
    ]
