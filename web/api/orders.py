"""Orders: what the shop sells, whose it is, and the stage it is in."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from aiohttp import web
from pydantic import AwareDatetime, BeforeValidator, Field, StringConstraints

from inbox.model.contacts import email_address, phone_number
from inbox.model.errors import Invalid, NotFound
from inbox.model.ids import now
from inbox.model.orders import API_SOURCE, Contact, Delivery, Item, OrderSnapshot, Payment, priced
from inbox.model.people import Author
from inbox.order_sources import OrderSources
from inbox.orders import CLOCKS_DIFFER, Orders, Suggestion
from inbox.storage.database import Document
from inbox.storage.orders import OrderQuery
from web.api.fields import Address, Id, Phone, SearchText, Time
from web.api.rows import row
from web.api.services import ApiServices
from web.api.shapes import AuthorShape, Page, Shape
from web.api.views import View, author_view
from web.doors.answers import json_answer
from web.doors.bodies import Body, PageQuery, Query
from web.doors.table import Call, Route, Who
from web.doors.versions import awaited_version, versioned_answer

_NUMBER = re.compile(r"[^\x00-\x1f]{1,64}")
_MAX_ITEMS = 500

Code = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]
Line = Annotated[str, StringConstraints(strip_whitespace=True, max_length=300)]
Word = Annotated[str, StringConstraints(strip_whitespace=True, max_length=100)]
Amount = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=30)]
NOT_GIVEN = BeforeValidator(lambda written: written or None)
"""A filter that is left empty filters nothing."""

PaymentWords = Annotated[dict[Word, Word], Field(max_length=10)]


class SourceQuery(Query):
    """Which source's order is meant, where several have the number; `api` for those that came by this API."""

    source: Id | None = None


class OrdersQuery(PageQuery):
    """Which orders: a card's, in a status, of a source, linked to a card or not, with something like `q`.

    `q` is the beginning of a number, a parcel's number, a phone in any form, an e-mail, or a part of a name.
    """

    customer: Annotated[Id | None, NOT_GIVEN] = None
    status: Annotated[Code | None, NOT_GIVEN] = None
    source: Annotated[Id | None, NOT_GIVEN] = None
    linked: bool | None = None
    q: SearchText = ""


class ItemBody(Body):
    """A line: the price is for one piece, as a decimal string."""

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]
    quantity: Annotated[int, Field(ge=0, le=10**9)] | Amount
    price: Amount
    sku: Word = ""


class BuyerBody(Body):
    """Who ordered."""

    phone: Phone | None = None
    email: Address | None = None
    name: Line | None = None


class DeliveryBody(Body):
    """By whom it is sent, and under which number."""

    carrier: Word | None = None
    tracking_number: Word | None = None


class OrderBody(Body):
    """An order as a whole. Amounts are decimal strings with as many digits as the currency has at the most.

    Whose it is says `customer_id`, or `customer` with a phone or an e-mail. `updated_at` is when it was so in the
    shop; an older one than is known changes nothing. Without it, what comes is the newest.
    """

    audited = frozenset({"status", "total", "currency", "customer_id"})

    status: Code
    items: Annotated[tuple[ItemBody, ...], Field(max_length=_MAX_ITEMS)]
    total: Amount
    currency: Annotated[str, StringConstraints(strip_whitespace=True, max_length=20)]
    customer_id: Id | None = None
    customer: BuyerBody | None = None
    payment: Word | PaymentWords | None = None
    delivery: DeliveryBody | None = None
    created_at: Time | None = None
    updated_at: Time | None = None


class OrderStatusBody(Body):
    """Where an order is to go; with `version` only if nobody has changed it since."""

    audited = frozenset({"status"})

    status: Code
    version: Annotated[int, Field(ge=1)] | None = None


class OrderLinkBody(Body):
    """Whose an order is; null for nobody's."""

    audited = frozenset({"customer_id"})

    customer_id: Id | None
    version: Annotated[int, Field(ge=1)] | None = None


class ContactShape(Shape):
    """Who ordered, as the source tells it; empty where that is unknown."""

    phone: str
    email: str
    name: str


class ItemShape(Shape):
    """A line."""

    name: str
    quantity: int | str
    price: str
    sku: str


class DeliveryShape(Shape):
    """By whom it is sent, and under which number; empty where that is unknown."""

    carrier: str
    tracking_number: str


class DifferenceShape(Shape):
    """What a field was and what it became."""

    before: Annotated[Any, Field(alias="from")]
    after: Annotated[Any, Field(alias="to")]


class MovingReplyShape(Shape):
    """The reply that a change came along with: null where it was erased; and its macro, as that was called."""

    message_id: str | None
    macro_id: str | None
    macro: str


class OrderChangeShape(Shape):
    """Who changed what, and when. `irregular` marks a move of the shop's that the pipeline does not allow.

    `reply`: what was said to the customer as the status was set; null where it was set by itself.
    """

    no: int
    at: AwareDatetime
    by: AuthorShape
    changes: dict[str, DifferenceShape]
    irregular: bool
    reply: MovingReplyShape | None


class OrderShape(Shape):
    """An order. `created_at` and `updated_at` are the source's times, `changed_at` is ours."""

    id: str
    source: str
    number: str
    customer_id: str | None
    linked_by: str | None
    contact: ContactShape
    items: list[ItemShape]
    total: str
    currency: str
    payment: str | dict[str, str] | None
    delivery: DeliveryShape
    status: str
    history: list[OrderChangeShape]
    created_at: AwareDatetime
    updated_at: AwareDatetime
    changed_at: AwareDatetime
    version: int


class SuggestionShape(Shape):
    """A card that an order may belong to; `proven` where several cards prove its contact."""

    customer_id: str
    name: str
    by: list[str]
    proven: bool


class WholeOrderShape(OrderShape):
    """An order with where it may go from here, and whose it may be."""

    allowed: list[str]
    suggestions: list[SuggestionShape]


def order_view(order: Document) -> View:
    """An order."""
    told = (
        *("source", "number", "customer_id", "linked_by", "contact", "items", "total", "currency", "payment"),
        *("delivery", "status", "created_at", "updated_at", "changed_at", "version"),
    )
    return {
        "id": order["_id"],
        **{field: order[field] for field in told},
        "history": [
            {**entry, "by": author_view(entry["by"]), "reply": entry.get("reply")} for entry in order["history"]
        ],
    }


def whole_order_view(order: Document, allowed: Sequence[str], suggestions: Sequence[Suggestion]) -> View:
    """An order, where it may go, and whose it may be."""
    return {**order_view(order), "allowed": list(allowed), "suggestions": list(suggestions)}


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderHandlers:
    """`/orders`."""

    orders: Orders
    sources: OrderSources

    async def index(self, call: Call[None, OrdersQuery]) -> web.Response:
        """Orders, what changed last first."""
        query = call.query
        wanted = OrderQuery(
            customer_id=query.customer,
            status=query.status,
            source=query.source,
            linked=query.linked,
            q=query.q,
            limit=query.limit,
        )
        found, cursor = await self.orders.page(wanted, query.cursor)
        return json_answer({"items": [order_view(order) for order in found], "next_cursor": cursor})

    async def show(self, call: Call[None, SourceQuery]) -> web.Response:
        """One order."""
        order = await self.orders.get(call.path("number"), call.query.source)
        allowed = (await self.orders.pipeline()).allowed(order["status"])
        suggestions = await self.orders.suggestions(order)
        return versioned_answer(whole_order_view(order, allowed, suggestions), order["version"])

    async def put(self, call: Call[OrderBody, SourceQuery]) -> web.Response:
        """Take an order as it is now: 201 for a new one."""
        source = call.query.source or API_SOURCE
        if source != API_SOURCE:
            await self._must_be_connected(source)
        order, new = await self.orders.put(
            Author.of(call.viewer),
            _snapshot(_number(call.path("number")), call.body),
            source=source,
            version=awaited_version(call),
        )
        call.note.object_id = order["_id"]
        return versioned_answer(order_view(order), order["version"], status=201 if new else 200)

    async def set_status(self, call: Call[OrderStatusBody, SourceQuery]) -> web.Response:
        """Move an order."""
        order = await self.orders.get(call.path("number"), call.query.source)
        call.note.object_id = order["_id"]
        moved = await self.orders.set_status(
            order["_id"],
            call.body.status,
            Author.of(call.viewer),
            version=call.body.version or awaited_version(call),
        )
        call.note.skip = moved["version"] == order["version"]
        return versioned_answer(order_view(moved), moved["version"])

    async def link(self, call: Call[OrderLinkBody, SourceQuery]) -> web.Response:
        """Say whose an order is."""
        order = await self.orders.get(call.path("number"), call.query.source)
        call.note.object_id = order["_id"]
        linked = await self.orders.link(
            order["_id"],
            call.body.customer_id,
            Author.of(call.viewer),
            version=call.body.version or awaited_version(call),
        )
        return versioned_answer(order_view(linked), linked["version"])

    async def _must_be_connected(self, source: str) -> None:
        try:
            await self.sources.get(source)
        except NotFound as error:
            raise Invalid("source", "there is no such order source; leave it out for orders of this API") from error


def _number(written: str) -> str:
    number = written.strip()
    if not _NUMBER.fullmatch(number):
        raise Invalid("number", "an order's number has 1 to 64 characters")
    return number


def _snapshot(number: str, body: OrderBody) -> OrderSnapshot:
    if body.updated_at is not None and body.updated_at > now() + CLOCKS_DIFFER:
        raise Invalid("updated_at", "this is in the future; leave it out, or give the time of the change")
    lines = [Item(name=one.name, quantity=one.quantity, price=one.price, sku=one.sku) for one in body.items]
    items, total, currency = priced(lines, body.total, body.currency)
    payment: Payment = body.payment
    delivery = body.delivery or DeliveryBody()
    return OrderSnapshot(
        number=number,
        status=body.status,
        items=items,
        total=total,
        currency=currency,
        contact=_contact(body.customer or BuyerBody()),
        payment=payment,
        delivery=Delivery(delivery.carrier or "", delivery.tracking_number or ""),
        customer_id=body.customer_id,
        created_at=body.created_at,
        updated_at=body.updated_at,
    )


def _contact(buyer: BuyerBody) -> Contact:
    phone = phone_number(buyer.phone) if buyer.phone is not None else ""
    if phone is None:
        raise Invalid("customer.phone", "this is not a phone number; write it as +380671234567")
    return Contact(phone, email_address(buyer.email or ""), buyer.name or "")


def rows(services: ApiServices) -> list[Route]:
    """The rows of orders."""
    orders = OrderHandlers(orders=services.orders, sources=services.order_sources)
    order = "/orders/{number}"
    return [
        row("GET", "/orders", Who.SIGNED_IN)(
            handler=orders.index,
            summary="Orders, what changed last first",
            query=OrdersQuery,
            answer=Page[OrderShape],
        ),
        row("GET", order, Who.SIGNED_IN)(
            handler=orders.show,
            summary="One order, where it may go and whose it may be; 409 names the sources of an ambiguous number",
            query=SourceQuery,
            answer=WholeOrderShape,
        ),
        row("PUT", order, Who.SIGNED_IN)(
            handler=orders.put,
            summary="Take an order as it is now, however often; 409 for a forbidden move names the allowed",
            body=OrderBody,
            query=SourceQuery,
            answer=OrderShape,
            statuses=(200, 201),
            audit="order.put",
        ),
        row("POST", f"{order}/status", Who.SIGNED_IN)(
            handler=orders.set_status,
            summary="Move an order along the pipeline; 409 for a forbidden move names the allowed",
            body=OrderStatusBody,
            query=SourceQuery,
            answer=OrderShape,
            audit="order.status",
        ),
        row("POST", f"{order}/link", Who.SIGNED_IN)(
            handler=orders.link,
            summary="Say whose an order is; null for nobody's",
            body=OrderLinkBody,
            query=SourceQuery,
            answer=OrderShape,
            audit="order.link",
        ),
    ]
