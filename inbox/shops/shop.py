"""The port between orders and a kind of shop: how its pushes are believed, and what they say. All of it is pure.

A push is a picture of one order in the shop's own words. The word for its status is translated by its source's
`status_map`, of which a kind brings the defaults.
"""

import base64
import hashlib
import hmac
import secrets
import string
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec
from pydantic import BaseModel, SecretStr

from inbox.model.channel import EventSource, RawEvent, WebhookRequest
from inbox.model.contacts import email_address, phone_number
from inbox.model.failures import Forged, Unreadable
from inbox.model.ids import derived_id
from inbox.model.incoming import Incoming
from inbox.model.money import NoAmount, checked_currency, rounded_amount
from inbox.model.orders import Contact, OrderSnapshot, is_quantity

DELETED = "deleted"
"""The word of every kind for an order that was deleted in the shop."""

MAX_BYTES = 2 << 20
"""How large a push may be. An order with hundreds of lines has some hundred kilobytes."""

MAX_NUMBER = 64

_SECRET_LETTERS = string.ascii_letters + string.digits
_SECRET_LENGTH = 40
_decoder = msgspec.json.Decoder(dict[str, Any], float_hook=str)


class ShopSecrets(BaseModel):
    """With what a source's pushes are signed: the present secret, and for a while the one before it."""

    accepted: tuple[SecretStr, ...]


class ShopOrder(msgspec.Struct, frozen=True):
    """What a push tells of an order. Its `status` is left to whoever knows what the shop's `word` stands for."""

    word: str
    order: OrderSnapshot


class ShopDeletion(msgspec.Struct, frozen=True):
    """Word that the order which the shop calls by this id of its own was deleted."""

    external_id: str


ShopNews = ShopOrder | ShopDeletion


class ShopKind(EventSource, Protocol):
    """A kind of shop."""

    title: str
    statuses: Mapping[str, str | None]
    """What the shop's words for a status stand for in the default pipeline; None for what is no order yet."""
    steps: Sequence[str]
    """What an admin does in the shop, a plain sentence a step."""
    example: str = ""
    """A call as it has to be, where somebody has to write it themselves: headers, an empty line, the body."""
    max_webhook_bytes: int = MAX_BYTES

    def news(self, raw: bytes) -> ShopNews | None:
        """What a push says; None where it is about no order. Raises `Unreadable`."""

    def read(self, raw: bytes) -> list[Incoming]:
        """No messages; the attempt tells whether the push can be read."""
        self.news(raw)
        return []

    def split(self, settings: BaseModel, request: WebhookRequest) -> list[RawEvent]:
        """A push is one event. Its name is the shop's for this delivery, and what it says."""
        said = hashlib.sha256(request.body).hexdigest()
        return [RawEvent(derived_id("push", self.delivery(request), said), request.body)]

    def delivery(self, request: WebhookRequest) -> str:
        """What the shop calls this delivery, the same when it sends it again; empty where it has no name for it."""
        return ""


def status_map(kind: ShopKind, source: Mapping[str, Any]) -> dict[str, str | None]:
    """What a source's words stand for: the defaults of its kind, and what an admin has said instead."""
    return {**kind.statuses, **source["status_map"]}


def new_secret() -> str:
    """A secret of letters and digits: shops are known to garble others before they sign with them."""
    return "".join(secrets.choice(_SECRET_LETTERS) for _ in range(_SECRET_LENGTH))


def check_base64_signature(settings: BaseModel, signature: str, body: bytes) -> None:
    """Raise `Forged` unless this is the base64 of the body's HMAC-SHA256 under an accepted secret."""
    told = signature.encode(errors="replace")
    if not any(hmac.compare_digest(told, base64.b64encode(mac(secret, body))) for secret in accepted(settings)):
        raise Forged("the signature is not ours")


def accepted(settings: BaseModel) -> list[str]:
    """The secrets that a push may be signed with."""
    if not isinstance(settings, ShopSecrets):
        raise TypeError("a shop's settings are its secrets")
    return [secret.get_secret_value() for secret in settings.accepted]


def mac(secret: str, message: bytes) -> bytes:
    """HMAC-SHA256."""
    return hmac.new(secret.encode(), message, hashlib.sha256).digest()


def decoded(raw: bytes) -> dict[str, Any]:
    """A push as JSON, decimals as they are written. Raises `Unreadable`."""
    try:
        return _decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise Unreadable(f"not a JSON object: {error}") from error


def moment(text: Any, field: str) -> datetime:
    """A time as shops write them; one without zone is UTC. Raises `Unreadable`."""
    try:
        parsed = datetime.fromisoformat(text)
        return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (TypeError, ValueError, OverflowError) as error:
        raise Unreadable(f"{field} is no time: {str(text)[:40]!r}") from error


def order_number(value: Any) -> str:
    """What an order is called. Raises `Unreadable`."""
    number = str(value).strip() if isinstance(value, str | int) else ""
    if not 0 < len(number) <= MAX_NUMBER:
        raise Unreadable(f"{str(value)[:40]!r} is no order number")
    return number


def quantity(value: Any) -> int | str:
    """How many of a line: whole, or a decimal as it is written. Raises `Unreadable`."""
    if isinstance(value, bool) or not is_quantity(value):
        raise Unreadable(f"{str(value)[:40]!r} is no quantity")
    counted: int | str = value
    return counted


def contact(*, phone: Any, email: Any, name: str, region: Any = "") -> Contact:
    """Who ordered, as far as it is a phone and an address. What is neither stays in the shop."""
    number = phone_number(str(phone or ""), str(region or ""))
    return Contact(phone=number or "", email=email_address(str(email or "")), name=" ".join(name.split())[:200])


def currency(code: Any) -> str:
    """A push's currency. Raises `Unreadable`."""
    try:
        return checked_currency(str(code))
    except NoAmount as error:
        raise Unreadable(str(error)) from error


def amount(value: Any, code: str) -> str:
    """A push's amount in this currency's digits: some shops write more of them than there are. Raises `Unreadable`."""
    try:
        return rounded_amount(str(value), code)
    except NoAmount as error:
        raise Unreadable(str(error)) from error


def unreadable(error: Exception) -> Unreadable:
    """What to say of a push that lacks a field, or has something else in its place."""
    if isinstance(error, KeyError):
        return Unreadable(f"there is no field {error.args[0]}")
    return Unreadable(str(error))
