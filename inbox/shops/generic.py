"""A shop of one's own: the body of `PUT /orders/{number}` with `number` and `updated_at` in it, signed with its time.

`X-Timestamp: 1760000000` (Unix seconds) and `X-Signature: sha256=<hex of HMAC-SHA256(secret, timestamp + "." + body)>`.
A call whose time is more than five minutes away is refused, so what somebody recorded cannot be played again later.
Within that time it can, and changes nothing: the same body is the same event.
"""

import hmac
import re
import time
from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta
from pydantic import BaseModel

from inbox.model.channel import WebhookRequest
from inbox.model.errors import Invalid
from inbox.model.failures import Forged, Unreadable
from inbox.model.orders import Delivery, Item, OrderSnapshot, priced
from inbox.shops.shop import ShopKind, ShopNews, ShopOrder, accepted, contact, mac, unreadable

WINDOW_SECONDS = 300
"""How far a call's time may be from ours."""

_STAMP = re.compile(r"[0-9]{1,12}")

_EXAMPLE = """\
Content-Type: application/json
X-Timestamp: 1763805600
X-Signature: sha256=…

{
  "number": "S-15",
  "status": "confirmed",
  "items": [{"name": "Mug", "quantity": 2, "price": "150.00", "sku": "CUP"}],
  "total": "300.00",
  "currency": "UAH",
  "updated_at": "2026-11-22T10:00:00Z",
  "created_at": "2026-11-22T09:00:00Z",
  "customer": {"phone": "+380671234567", "email": "oksana@example.com", "name": "Oksana"},
  "payment": "paid",
  "delivery": {"carrier": "Nova Poshta", "tracking_number": "20450000000017"}
}"""

_Word = Annotated[str, Meta(min_length=1, max_length=100)]
_Time = Annotated[datetime, Meta(tz=True)]


class _Customer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    phone: str = ""
    email: str = ""
    name: str = ""


class _Order(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    number: Annotated[str, Meta(min_length=1, max_length=64)]
    status: _Word
    items: Annotated[list[Item], Meta(max_length=500)]
    total: str
    currency: str
    updated_at: _Time
    created_at: _Time | None = None
    customer: _Customer = _Customer()
    payment: str | dict[str, str] | None = None
    delivery: Delivery = Delivery()


class Generic(ShopKind):
    """Any other shop."""

    name = "generic"
    title = "Another shop"
    statuses = {}  # noqa: RUF012  # A constant of the class: our own codes stand for themselves.
    steps = (
        "After each change of an order post it as a whole, as JSON, to the address shown here, as in the example.",
        "customer, payment, delivery, created_at and an item's sku may be left out. Amounts are decimal strings.",
        "X-Timestamp is the Unix time in seconds. X-Signature is sha256= and the hex HMAC-SHA256 of time, “.”, body.",
        "Anything but 200 means: post it again a little later. Posting the same twice does nothing.",
    )
    example = _EXAMPLE

    def authenticate(self, settings: BaseModel, request: WebhookRequest) -> None:
        """A signature over time and body, of a time near ours."""
        stamp = request.headers.get("x-timestamp", "")
        message = stamp.encode(errors="replace") + b"." + request.body
        told = request.headers.get("x-signature", "").encode(errors="replace")
        signatures = [f"sha256={mac(secret, message).hex()}".encode() for secret in accepted(settings)]
        if not any(hmac.compare_digest(told, signature) for signature in signatures):
            raise Forged("the signature is not ours")
        if not _STAMP.fullmatch(stamp) or abs(time.time() - int(stamp)) > WINDOW_SECONDS:
            raise Forged(f"the time is more than {WINDOW_SECONDS} s away")

    def news(self, raw: bytes) -> ShopNews | None:
        """The order."""
        try:
            told = msgspec.json.decode(raw, type=_Order)
            items, total, currency = priced(told.items, told.total, told.currency)
        except (msgspec.DecodeError, UnicodeError) as error:
            raise Unreadable(str(error)) from error
        except Invalid as error:
            raise unreadable(error) from error
        order = OrderSnapshot(
            number=told.number.strip(),
            status=None,
            items=items,
            total=total,
            currency=currency,
            contact=contact(phone=told.customer.phone, email=told.customer.email, name=told.customer.name),
            payment=told.payment,
            delivery=told.delivery,
            created_at=told.created_at,
            updated_at=told.updated_at,
        )
        return ShopOrder(told.status, order)
