"""Shopify's order webhooks: the order as its REST Admin API shows it, signed over the raw body.

https://shopify.dev/docs/apps/build/webhooks/subscribe/https and https://shopify.dev/docs/api/admin-rest/latest/resources/order
Shopify has no one status: money, parcel and cancellation each have a word. The word that counts here is the first of:
`cancelled`, `refunded`, then the parcel's (`delivered`, `fulfilled`, `partial`, `restocked`), then the money's.
"""

from typing import Any

from pydantic import BaseModel

from inbox.model.channel import WebhookRequest
from inbox.model.orders import Delivery, Item, OrderSnapshot
from inbox.shops.shop import (
    DELETED,
    ShopDeletion,
    ShopKind,
    ShopNews,
    ShopOrder,
    amount,
    check_base64_signature,
    contact,
    currency,
    decoded,
    moment,
    order_number,
    quantity,
    unreadable,
)


class Shopify(ShopKind):
    """Shopify shops."""

    name = "shopify"
    title = "Shopify"
    statuses = {  # noqa: RUF012  # A constant of the class, as its protocol wants it.
        "pending": "awaiting_payment",
        "partially_paid": "awaiting_payment",
        "authorized": "confirmed",
        "paid": "paid",
        "partially_refunded": "paid",
        "partial": "packed",
        "fulfilled": "shipped",
        "delivered": "delivered",
        "restocked": "returned",
        "refunded": "returned",
        "voided": "cancelled",
        "expired": "cancelled",
        "cancelled": "cancelled",
        DELETED: "cancelled",
    }
    steps = (
        "In Shopify open Settings, Notifications, Webhooks, and create a webhook.",
        "Event: Order update. Format: JSON. URL: as shown here. Add Order creation, cancellation and deletion alike.",
        "Shopify signs with a secret of its own, shown below its list of webhooks: set that one as the secret here.",
    )

    def authenticate(self, settings: BaseModel, request: WebhookRequest) -> None:
        """The signature."""
        check_base64_signature(settings, request.headers.get("x-shopify-hmac-sha256", ""), request.body)

    def delivery(self, request: WebhookRequest) -> str:
        """Its id, the same each time it tries."""
        return request.headers.get("x-shopify-webhook-id", "")

    def news(self, raw: bytes) -> ShopNews | None:
        """The order; its deletion where there is nothing but an id; None for a parcel's or a refund's own events."""
        told = decoded(raw)
        if told.keys() == {"id"}:
            return ShopDeletion(str(told["id"]))
        if "order_id" in told:
            return None
        try:
            return ShopOrder(_word(told), _order(told))
        except (KeyError, TypeError, AttributeError) as error:
            raise unreadable(error) from error


def _word(told: dict[str, Any]) -> str:
    money, parcel = told["financial_status"], told.get("fulfillment_status")
    if told.get("cancelled_at"):
        return "cancelled"
    if money == "refunded":
        return "refunded"
    if parcel == "fulfilled":
        shipments = [row.get("shipment_status") for row in told.get("fulfillments") or ()]
        return "delivered" if shipments and all(state == "delivered" for state in shipments) else "fulfilled"
    return str(parcel or money)


def _order(told: dict[str, Any]) -> OrderSnapshot:
    code = currency(told["currency"])
    buyer, billing = told.get("customer") or {}, told.get("billing_address") or told.get("shipping_address") or {}
    person = billing if billing.get("first_name") or billing.get("last_name") else buyer
    return OrderSnapshot(
        number=order_number(str(told["name"]).removeprefix("#")),
        external_id=str(told["id"]),
        status=None,
        items=tuple(_item(line, code) for line in told["line_items"]),
        total=amount(told.get("current_total_price") or told["total_price"], code),
        currency=code,
        contact=contact(
            phone=told.get("phone") or buyer.get("phone") or billing.get("phone"),
            email=told.get("email") or told.get("contact_email") or buyer.get("email"),
            name=f"{person.get('first_name') or ''} {person.get('last_name') or ''}",
            region=billing.get("country_code"),
        ),
        payment={
            "state": str(told["financial_status"]),
            "method": ", ".join(map(str, told.get("payment_gateway_names") or ())),
        },
        delivery=_delivery(told),
        created_at=moment(told["created_at"], "created_at"),
        updated_at=moment(told["updated_at"], "updated_at"),
    )


def _item(line: dict[str, Any], code: str) -> Item:
    name = f"{line['title']}, {line['variant_title']}" if line.get("variant_title") else str(line["title"])
    return Item(
        name=name[:300],
        quantity=quantity(line["quantity"]),
        price=amount(line["price"], code),
        sku=str(line.get("sku") or "")[:100],
    )


def _delivery(told: dict[str, Any]) -> Delivery:
    method = next((str(line.get("title") or "") for line in told.get("shipping_lines") or ()), "")
    parcels = [row for row in told.get("fulfillments") or () if row.get("status") != "cancelled"] or [{}]
    last = parcels[-1]
    return Delivery(str(last.get("tracking_company") or method)[:100], str(last.get("tracking_number") or "")[:100])
