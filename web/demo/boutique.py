"""The demo shop's own site: what its customers ordered, pushed over HTTP and signed, as WooCommerce or Shopify do it.

    async with Boutique() as boutique:
        boutique.connect("woocommerce", hook_url, secret)
        order = boutique.sell("1001", buyer, lines, "processing", at=...)
        await boutique.push(order)                  # the hook is called
        await boutique.set_status(order, "completed")

Its page shows every order with its status as the site words it. Whoever changes one there sees it in the inbox a moment
later. It also plays what shops do on a bad day: the same push again, and an older one that comes late.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Self

import jinja2
from aiohttp import ClientSession, web

from inbox.model.ids import new_id

WORDS: Final[Mapping[str, Sequence[str]]] = {
    "woocommerce": ("pending", "on-hold", "processing", "completed", "refunded", "cancelled", "failed"),
    "shopify": ("pending", "authorized", "paid", "fulfilled", "delivered", "refunded", "cancelled"),
}
"""The statuses that each kind of shop has words for."""

_PAGES: Final = Path(__file__).parent / "pages"


@dataclass(frozen=True, kw_only=True)
class Buyer:
    """Who orders, as they filled in the form."""

    name: str
    phone: str = ""
    email: str = ""
    country: str = "UA"


@dataclass(frozen=True)
class Line:
    """A line of an order; the price is for one piece."""

    name: str
    quantity: int
    price: str
    sku: str = ""


@dataclass(kw_only=True)
class ShopOrder:
    """An order in the shop's own books."""

    kind: str
    number: str
    buyer: Buyer
    lines: tuple[Line, ...]
    currency: str
    status: str
    created_at: datetime
    changed_at: datetime
    method: str = ""
    parcel: tuple[str, str] = ("", "")
    """Carrier and number."""
    pushed: list[int] = field(default_factory=list)
    """What each push was answered with."""
    earlier: bytes = b""
    """The push before the last one."""
    latest: bytes = b""

    @property
    def total(self) -> str:
        """What it comes to."""
        cents = sum(line.quantity * round(float(line.price) * 100) for line in self.lines)
        return f"{cents // 100}.{cents % 100:02d}"


@dataclass(frozen=True)
class _Hook:
    """Where one kind of shop pushes, and with what it signs."""

    url: str
    secret: str


class Boutique:
    """The site. `port` 0 takes a free one."""

    def __init__(self, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self._host = host
        self._port = port
        self._hooks: dict[str, _Hook] = {}
        self.orders: dict[str, ShopOrder] = {}
        self._http: ClientSession | None = None
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        self._http = ClientSession()
        app = web.Application()
        app.router.add_get("/", self._page)
        app.router.add_post("/orders/{number}/{what}", self._act)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
        if self._http is not None:
            await self._http.close()

    @property
    def url(self) -> str:
        """Where the page is."""
        if self._runner is None:
            raise RuntimeError("the boutique is closed")
        host, port = self._runner.addresses[0][:2]
        return f"http://{host}:{port}"

    def connect(self, kind: str, url: str, secret: str) -> None:
        """Have orders of this kind of shop pushed there."""
        self._hooks[kind] = _Hook(url, secret)

    def sell(
        self,
        number: str,
        buyer: Buyer,
        lines: Sequence[Line],
        status: str,
        *,
        at: datetime,
        kind: str = "woocommerce",
        currency: str = "UAH",
        method: str = "",
        parcel: tuple[str, str] = ("", ""),
    ) -> ShopOrder:
        """Take an order; nothing is pushed yet."""
        order = ShopOrder(
            kind=kind,
            number=number,
            buyer=buyer,
            lines=tuple(lines),
            currency=currency,
            status=status,
            created_at=at,
            changed_at=at,
            method=method,
            parcel=parcel,
        )
        self.orders[number] = order
        return order

    async def set_status(self, order: ShopOrder, status: str, *, at: datetime | None = None) -> int:
        """Change an order and push it; what the push was answered with."""
        order.status, order.changed_at = status, at or datetime.now(UTC)
        return await self.push(order)

    async def push(self, order: ShopOrder) -> int:
        """Push an order as it is; what that was answered with."""
        order.earlier, order.latest = order.latest, json.dumps(_BODIES[order.kind](order), ensure_ascii=False).encode()
        return await self._post(order, order.latest)

    async def push_again(self, order: ShopOrder) -> int:
        """Push once more what was pushed last."""
        return await self._post(order, order.latest)

    async def push_late(self, order: ShopOrder) -> int:
        """Push what was true before the last change, as if it had been under way for long."""
        return await self._post(order, order.earlier or order.latest)

    async def _post(self, order: ShopOrder, body: bytes) -> int:
        hook = self._hooks[order.kind]
        digest = base64.b64encode(hmac.new(hook.secret.encode(), body, hashlib.sha256).digest()).decode()
        signature, delivery = _HEADERS[order.kind]
        headers = {signature: digest, delivery: new_id(), "Content-Type": "application/json"}
        if self._http is None:
            raise RuntimeError("the boutique is closed")
        async with self._http.post(hook.url, data=body, headers=headers) as answer:
            order.pushed.append(answer.status)
            return answer.status

    async def _page(self, _request: web.Request) -> web.Response:
        pages = jinja2.Environment(loader=jinja2.FileSystemLoader(_PAGES), autoescape=True)
        newest = sorted(self.orders.values(), key=lambda order: order.created_at, reverse=True)
        page = pages.get_template("boutique.html").render(orders=newest, words=WORDS)
        return web.Response(text=page, content_type="text/html")

    async def _act(self, request: web.Request) -> web.Response:
        """Do what a button says: `status` with the word as the body, `again` or `late`."""
        order = self.orders.get(request.match_info["number"])
        what = request.match_info["what"]
        if order is None or what not in ("status", "again", "late"):
            raise web.HTTPNotFound
        if what == "status":
            word = (await request.text()).strip()
            if word not in WORDS[order.kind]:
                raise web.HTTPUnprocessableEntity(text=f"this shop has no status {word[:40]!r}")
            answered = await self.set_status(order, word)
        else:
            answered = await (self.push_again(order) if what == "again" else self.push_late(order))
        return web.json_response({"status": order.status, "answered": answered})


def _woocommerce(order: ShopOrder) -> dict[str, Any]:
    """The order as WooCommerce's REST API shows it."""
    first, _, last = order.buyer.name.partition(" ")
    parcel = {"custom_tracking_provider": order.parcel[0], "tracking_number": order.parcel[1]}
    key = int(hashlib.sha256(order.number.encode()).hexdigest()[:8], 16)
    return {
        "id": key,
        "number": order.number,
        "status": order.status,
        "currency": order.currency,
        "total": order.total,
        "date_created_gmt": _naive(order.created_at),
        "date_modified_gmt": _naive(order.changed_at),
        "date_paid_gmt": _naive(order.changed_at) if order.status in ("processing", "completed") else None,
        "payment_method_title": order.method,
        "billing": {
            "first_name": first,
            "last_name": last,
            "email": order.buyer.email,
            "phone": order.buyer.phone,
            "country": order.buyer.country,
        },
        "line_items": [
            {"name": line.name, "quantity": line.quantity, "price": float(line.price), "sku": line.sku}
            for line in order.lines
        ],
        "shipping_lines": [{"method_title": order.parcel[0]}] if order.parcel[0] else [],
        "meta_data": [{"key": "_wc_shipment_tracking_items", "value": [parcel]}] if order.parcel[1] else [],
    }


def _shopify(order: ShopOrder) -> dict[str, Any]:
    """The order as Shopify's REST Admin API shows it."""
    first, _, last = order.buyer.name.partition(" ")
    sent = order.status in ("fulfilled", "delivered")
    parcel = {
        "status": "success",
        "tracking_company": order.parcel[0],
        "tracking_number": order.parcel[1],
        "shipment_status": "delivered" if order.status == "delivered" else "in_transit",
    }
    return {
        "id": int(hashlib.sha256(order.number.encode()).hexdigest()[:12], 16),
        "name": f"#{order.number}",
        "currency": order.currency,
        "total_price": order.total,
        "financial_status": order.status if order.status in ("pending", "authorized", "refunded") else "paid",
        "fulfillment_status": "fulfilled" if sent else None,
        "cancelled_at": order.changed_at.isoformat() if order.status == "cancelled" else None,
        "created_at": order.created_at.isoformat(timespec="seconds"),
        "updated_at": order.changed_at.isoformat(timespec="seconds"),
        "email": order.buyer.email,
        "phone": order.buyer.phone or None,
        "billing_address": {"first_name": first, "last_name": last, "country_code": order.buyer.country},
        "payment_gateway_names": [order.method] if order.method else [],
        "line_items": [
            {"title": line.name, "variant_title": "", "quantity": line.quantity, "price": line.price, "sku": line.sku}
            for line in order.lines
        ],
        "shipping_lines": [{"title": order.parcel[0]}] if order.parcel[0] else [],
        "fulfillments": [parcel] if sent and order.parcel[1] else [],
    }


def _naive(moment: datetime) -> str:
    """A time as WooCommerce writes it: UTC, and it does not say so."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds")


_BODIES: Final[Mapping[str, Callable[[ShopOrder], dict[str, Any]]]] = {"woocommerce": _woocommerce, "shopify": _shopify}
_HEADERS: Final = {
    "woocommerce": ("X-WC-Webhook-Signature", "X-WC-Webhook-Delivery-ID"),
    "shopify": ("X-Shopify-Hmac-Sha256", "X-Shopify-Webhook-Id"),
}
