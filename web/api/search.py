"""Searching customers, messages and orders."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web
from pydantic import AwareDatetime, Field

from inbox.customers import Customers
from inbox.model.errors import Invalid
from inbox.model.searched import Searched
from inbox.search import Hit, Narrowed, Search
from inbox.storage.database import Document
from web.api.fields import Id, SearchText
from web.api.rows import row
from web.api.services import ApiServices
from web.api.shapes import Direction, Page, Shape
from web.api.views import View
from web.doors.answers import json_answer
from web.doors.bodies import PageQuery
from web.doors.table import Call, Route, Who


class SearchQuery(PageQuery):
    """What is looked for, and where: everything, or one kind of things page by page.

    Found is what has a word beginning like each word of `q`; a telephone number in any format, an order's number, an
    e-mail address count as a word.
    """

    q: SearchText
    kind: Searched | None = None
    conversation: Id | None = None
    customer: Id | None = None
    channel: Id | None = None
    limit: int = Field(default=10, ge=1, le=100)


class PartShape(Shape):
    """A piece of a text; `match` where it is what was looked for."""

    text: str
    match: bool


class FoundCustomerShape(Shape):
    """A card, with the conversation to open: the active one, else the last."""

    id: str
    name: str
    phones: list[str]
    emails: list[str]
    conversation_id: str | None
    created_at: AwareDatetime
    snippet: list[PartShape]


class FoundMessageShape(Shape):
    """A message."""

    id: str
    conversation_id: str
    customer_id: str
    customer_name: str
    channel_id: str | None
    direction: Direction
    sent_at: AwareDatetime
    snippet: list[PartShape]


class FoundOrderShape(Shape):
    """An order, with its card's conversation to open."""

    id: str
    source: str
    number: str
    status: str
    total: str
    currency: str
    customer_id: str | None
    customer_name: str
    conversation_id: str | None
    created_at: AwareDatetime
    snippet: list[PartShape]


class FoundShape(Shape):
    """What was found, newest first; null for kinds that were not asked for.

    A page may hold fewer than `limit` and still have a `next_cursor`: much of what fits is not for this viewer.
    """

    customers: Page[FoundCustomerShape] | None
    messages: Page[FoundMessageShape] | None
    orders: Page[FoundOrderShape] | None


def rows(services: ApiServices) -> list[Route]:
    """The rows of searching."""
    handlers = SearchHandlers(search=services.search, customers=services.customers)
    return [
        row("GET", "/search", Who.SIGNED_IN)(
            handler=handlers.find,
            summary="Customers, messages and orders by their words, newest first",
            query=SearchQuery,
            answer=FoundShape,
        ),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchHandlers:
    """`/search`: only what the viewer may see."""

    search: Search
    customers: Customers

    async def find(self, call: Call[None, SearchQuery]) -> web.Response:
        """Look among one kind of things, or among all."""
        query = call.query
        if query.cursor is not None and query.kind is None:
            raise Invalid("cursor", "belongs to a kind: ask for that `kind` with it")
        kinds = list(Searched) if query.kind is None else [query.kind]
        where = Narrowed(conversation_id=query.conversation, customer_id=query.customer, channel_id=query.channel)
        pages = await asyncio.gather(
            *(
                self.search.find(call.viewer, kind, query.q, where=where, limit=query.limit, cursor=query.cursor)
                for kind in kinds
            )
        )
        found = dict(zip(kinds, pages, strict=True))
        owners = list({owner for page in pages for hit in page.hits if (owner := _owner(hit.document)) is not None})
        cards = await self.customers.many(owners)
        cases = await self.search.cases(call.viewer, owners)
        view = {Searched.CUSTOMERS: _customer, Searched.MESSAGES: _message, Searched.ORDERS: _order}
        answer: dict[str, View | None] = dict.fromkeys(Searched)
        for kind, page in found.items():
            items = [
                {**view[kind](hit, cards.get(_owner(hit.document) or "", {}), cases), "snippet": _snippet(hit)}
                for hit in page.hits
            ]
            answer[kind] = {"items": items, "next_cursor": page.next_cursor}
        return json_answer(answer)


def _owner(document: Document) -> str | None:
    """Whose something is; a card is its own."""
    owner: str | None = document["customer_id"] if "customer_id" in document else document["_id"]
    return owner


def _snippet(hit: Hit) -> list[View]:
    return [{"text": text, "match": match} for text, match in hit.snippet]


def _customer(hit: Hit, _: Document, cases: Mapping[str, Document]) -> View:
    card = hit.document
    return {
        "id": card["_id"],
        "name": card["name"],
        "phones": [phone["number"] for phone in card["phones"]],
        "emails": [email["address"] for email in card["emails"]],
        "conversation_id": cases.get(card["_id"], {}).get("_id"),
        "created_at": card["created_at"],
    }


def _message(hit: Hit, card: Document, _: Mapping[str, Document]) -> View:
    message = hit.document
    told = ("conversation_id", "customer_id", "direction", "sent_at")
    return {
        "id": message["_id"],
        **{field: message[field] for field in told},
        "channel_id": message.get("channel_id"),
        "customer_name": card.get("name", ""),
    }


def _order(hit: Hit, card: Document, cases: Mapping[str, Document]) -> View:
    order = hit.document
    told = ("source", "number", "status", "total", "currency", "customer_id", "created_at")
    return {
        "id": order["_id"],
        **{field: order[field] for field in told},
        "customer_name": card.get("name") or order["contact"]["name"],
        "conversation_id": cases.get(order["customer_id"] or "", {}).get("_id"),
    }
