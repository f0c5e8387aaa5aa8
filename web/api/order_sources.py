"""The shops that push orders."""

import asyncio
from dataclasses import dataclass
from typing import Annotated, Literal

from aiohttp import web
from pydantic import AwareDatetime, Field, SecretStr, StringConstraints

from inbox.model.remedies import Told
from inbox.order_sources import OrderSources
from inbox.storage.database import Document
from web.api.fields import Name
from web.api.rows import row
from web.api.services import ApiServices
from web.api.shapes import Page, Shape, WebhookUrl
from web.api.views import View
from web.doors.answers import json_answer, no_content
from web.doors.bodies import Body, Change, PageQuery
from web.doors.table import Call, Route, Who

ShopName = Literal["woocommerce", "shopify", "generic"]
Secret = Annotated[SecretStr, Field(min_length=8, max_length=200)]
ShopWord = Annotated[
    str,
    StringConstraints(pattern=r"^[^\s.$\x00][^.$\x00]{0,99}$"),
    Told("is a word of at most 100 characters, without a dot or a dollar sign"),
]
StatusMap = Annotated[
    dict[ShopWord, Annotated[str, StringConstraints(min_length=1, max_length=60)] | None], Field(max_length=100)
]


class NewOrderSource(Body):
    """A shop to connect. The secret is made up where it is left out."""

    audited = frozenset({"name", "kind"})

    name: Name
    kind: ShopName
    secret: Secret | None = None


class OrderSourceChange(Change):
    """Fields of a source. `status_map` replaces what was said instead of the kind's own; null: no order yet."""

    audited = frozenset({"name", "status_map"})

    name: Name = ""
    secret: Secret = SecretStr("")
    status_map: StatusMap = Field(default_factory=dict)


class OrderSourceShape(Shape):
    """A connected shop. `status_map` says what its words for a status stand for, null for what is no order yet.

    `unknown_words` are words that came and stand for nothing so far; such pushes leave the status as it is.
    """

    id: str
    name: str
    kind: ShopName
    webhook_url: WebhookUrl
    status_map: dict[str, str | None]
    unknown_words: list[str]
    orders: int
    quarantined: int
    last_push_at: AwareDatetime | None
    created_at: AwareDatetime


class NewOrderSourceShape(OrderSourceShape):
    """A shop that was just connected, with its secret, which is told once."""

    secret: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderSourceHandlers:
    """`/order-sources`."""

    sources: OrderSources

    async def index(self, call: Call[None, PageQuery]) -> web.Response:
        """The connected shops."""
        found, cursor = await self.sources.page(call.query.cursor, call.query.limit)
        items = await asyncio.gather(*(source_view(self.sources, source) for source in found))
        return json_answer({"items": items, "next_cursor": cursor})

    async def create(self, call: Call[NewOrderSource, None]) -> web.Response:
        """Connect one."""
        body = call.body
        wanted = body.secret.get_secret_value() if body.secret is not None else None
        source, secret = await self.sources.create(name=body.name, kind=body.kind, secret=wanted)
        call.note.object_id = source["_id"]
        return json_answer({**await source_view(self.sources, source), "secret": secret}, status=201)

    async def show(self, call: Call[None, None]) -> web.Response:
        """One."""
        return json_answer(await source_view(self.sources, await self.sources.get(call.path())))

    async def change(self, call: Call[OrderSourceChange, None]) -> web.Response:
        """Rename it, give it another secret, or say what its words stand for."""
        changes = call.body.changes()
        if "secret" in changes:
            changes["secret"] = call.body.secret.get_secret_value()
        return json_answer(await source_view(self.sources, await self.sources.change(call.path(), changes)))

    async def delete(self, call: Call[None, None]) -> web.Response:
        """Disconnect it; its orders stay."""
        await self.sources.delete(call.path())
        return no_content()


async def source_view(sources: OrderSources, source: Document) -> View:
    """A connected shop."""
    orders, quarantined = await sources.counts(source["_id"])
    told = ("name", "kind", "unknown_words", "last_push_at", "created_at")
    return {
        "id": source["_id"],
        **{field: source[field] for field in told},
        "webhook_url": {"path": sources.webhook_path(source), "absolute": sources.webhook_url(source)},
        "status_map": sources.status_map(source),
        "orders": orders,
        "quarantined": quarantined,
    }


def rows(services: ApiServices) -> list[Route]:
    """The rows of order sources."""
    sources = OrderSourceHandlers(sources=services.order_sources)
    return [
        row("GET", "/order-sources", Who.ADMIN)(
            handler=sources.index, summary="Shops that push orders", query=PageQuery, answer=Page[OrderSourceShape]
        ),
        row("POST", "/order-sources", Who.ADMIN)(
            handler=sources.create,
            summary="Connect a shop; its secret is told once",
            body=NewOrderSource,
            answer=NewOrderSourceShape,
            statuses=(201,),
            audit="order_source.create",
        ),
        row("GET", "/order-sources/{id}", Who.ADMIN)(handler=sources.show, summary="One shop", answer=OrderSourceShape),
        row("PATCH", "/order-sources/{id}", Who.ADMIN)(
            handler=sources.change,
            summary="Rename a shop, give it another secret, or say what its words for a status stand for",
            body=OrderSourceChange,
            answer=OrderSourceShape,
            audit="order_source.change",
        ),
        row("DELETE", "/order-sources/{id}", Who.ADMIN)(
            handler=sources.delete,
            summary="Disconnect a shop; its orders stay",
            statuses=(204,),
            audit="order_source.delete",
        ),
    ]
