"""WooCommerce's order webhooks: the order as its REST API (v3) shows it, signed over the raw body.

https://developer.woocommerce.com/docs/best-practices/urls-and-routing/webhooks and
https://woocommerce.github.io/woocommerce-rest-api-docs/#order-properties
"""

import re
from typing import Any

from pydantic import BaseModel

from inbox.model.channel import RawEvent, WebhookRequest
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

_PING = re.compile(rb"webhook_id=[0-9]{1,20}")
"""What WooCommerce posts unsigned when a webhook is saved. It wants exactly 200, else the webhook stays off."""

_TRACKING = "_wc_shipment_tracking_items"
"""Under which name its Shipment Tracking extension keeps parcel numbers; WooCommerce itself has none."""


class WooCommerce(ShopKind):
    """WordPress shops."""

    name = "woocommerce"
    title = "WooCommerce"
    statuses = {  # noqa: RUF012  # A constant of the class, as its protocol wants it.
        "pending": "awaiting_payment",
        "on-hold": "awaiting_payment",
        "failed": "awaiting_payment",
        "processing": "confirmed",
        "completed": "delivered",
        "refunded": "returned",
        "cancelled": "cancelled",
        "trash": "cancelled",
        DELETED: "cancelled",
        "checkout-draft": None,
        "auto-draft": None,
    }
    steps = (
        "In WordPress open WooCommerce, Settings, Advanced, Webhooks, and add a webhook.",
        "Status: Active. Topic: Order updated. Delivery URL and Secret: as shown here. API version: WP REST API v3.",
        "Save it; the shop tries the address at once. Add three more alike: Order created, deleted, restored.",
    )

    def authenticate(self, settings: BaseModel, request: WebhookRequest) -> None:
        """The signature, or the ping that has none and says nothing."""
        if not _PING.fullmatch(request.body):
            check_base64_signature(settings, request.headers.get("x-wc-webhook-signature", ""), request.body)

    def split(self, settings: BaseModel, request: WebhookRequest) -> list[RawEvent]:
        """One event, none for a ping."""
        return [] if _PING.fullmatch(request.body) else super().split(settings, request)

    def delivery(self, request: WebhookRequest) -> str:
        """Its hash of the delivery."""
        return request.headers.get("x-wc-webhook-delivery-id", "")

    def news(self, raw: bytes) -> ShopNews | None:
        """The order; its deletion where there is nothing but an id."""
        told = decoded(raw)
        if told.keys() == {"id"}:
            return ShopDeletion(str(told["id"]))
        try:
            return ShopOrder(str(told["status"]).removeprefix("wc-"), _order(told))
        except (KeyError, TypeError, AttributeError) as error:
            raise unreadable(error) from error


def _order(told: dict[str, Any]) -> OrderSnapshot:
    code = currency(told["currency"])
    billing, shipping = told["billing"], told.get("shipping") or {}
    return OrderSnapshot(
        number=order_number(told.get("number") or told["id"]),
        external_id=str(told["id"]),
        status=None,
        items=tuple(_item(line, code) for line in told["line_items"]),
        total=amount(told["total"], code),
        currency=code,
        contact=contact(
            phone=billing.get("phone") or shipping.get("phone"),
            email=billing.get("email"),
            name=f"{billing.get('first_name', '')} {billing.get('last_name', '')}",
            region=billing.get("country"),
        ),
        payment={
            "state": "paid" if told.get("date_paid_gmt") else "unpaid",
            "method": str(told.get("payment_method_title") or ""),
        },
        delivery=_delivery(told),
        created_at=moment(told["date_created_gmt"], "date_created_gmt"),
        updated_at=moment(told.get("date_modified_gmt") or told["date_created_gmt"], "date_modified_gmt"),
    )


def _item(line: dict[str, Any], code: str) -> Item:
    """A line. WooCommerce's price is the line's total by its quantity, with as many digits as that gives."""
    return Item(
        name=str(line["name"])[:300],
        quantity=quantity(line["quantity"]),
        price=amount(line.get("price", 0), code),
        sku=str(line.get("sku") or "")[:100],
    )


def _delivery(told: dict[str, Any]) -> Delivery:
    method = next((str(line.get("method_title") or "") for line in told.get("shipping_lines") or ()), "")
    parcels = next((row["value"] for row in told.get("meta_data") or () if row.get("key") == _TRACKING), None) or [{}]
    last = parcels[-1]
    carrier = last.get("custom_tracking_provider") or last.get("tracking_provider") or method
    return Delivery(str(carrier)[:100], str(last.get("tracking_number") or "")[:100])
