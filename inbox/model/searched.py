"""What search finds, and by which of its words."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from inbox.model.ids import sort_key


class Searched(StrEnum):
    """A kind of thing that is searched for; its documents lie in the collection of that name."""

    CUSTOMERS = "customers"
    MESSAGES = "messages"
    ORDERS = "orders"


TOLD_BY: Mapping[Searched, tuple[str, ...]] = {
    Searched.CUSTOMERS: ("name", "phones", "emails", "tags", "fields", "merged_into"),
    Searched.MESSAGES: ("text", "subject", "attachments", "content", "deleted_at", "sort"),
    Searched.ORDERS: ("number", "external_id", "contact", "items", "delivery", "created_at"),
}
"""The fields that a document is found by: what changes in others is nothing to search."""

IDENTITY_TOLD_BY = ("name", "username", "address", "customer_id")
"""The fields of an identity by which its card is found."""


def texts_of(kind: Searched, document: Mapping[str, Any], identities: Sequence[Mapping[str, Any]] = ()) -> list[str]:
    """What a document says; nothing where it is not to be found. `identities` are those of a card."""
    return [text for text in _TEXTS[kind](document, identities) if text]


def _customer(card: Mapping[str, Any], identities: Sequence[Mapping[str, Any]]) -> list[str]:
    if card.get("merged_into") is not None:
        return []
    known = [identity.get(field) or "" for identity in identities for field in ("name", "username", "external_id")]
    return [
        card["name"],
        *(phone["number"] for phone in card["phones"]),
        *(email["address"] for email in card["emails"]),
        *known,
        *card["tags"],
        *(str(value) for value in card["fields"].values()),
    ]


def _message(message: Mapping[str, Any], _: Sequence[Mapping[str, Any]]) -> list[str]:
    if message["deleted_at"] is not None or message["direction"] == "system":
        return []
    content = message.get("content") or {}
    return [
        message["text"],
        message.get("subject", ""),
        *(attachment["name"] for attachment in message["attachments"]),
        *(content.get(field, "") for field in ("phone", "name", "title", "address")),
    ]


def _order(order: Mapping[str, Any], _: Sequence[Mapping[str, Any]]) -> list[str]:
    contact, delivery = order.get("contact") or {}, order.get("delivery") or {}
    return [
        order["number"],
        *(contact.get(field) or "" for field in ("name", "phone", "email")),
        *(text or "" for item in order["items"] for text in (item["name"], item.get("sku"))),
        delivery.get("tracking_number") or "",
        order.get("external_id") or "",
    ]


_TEXTS = {Searched.CUSTOMERS: _customer, Searched.MESSAGES: _message, Searched.ORDERS: _order}


def place_of(kind: Searched, document: Mapping[str, Any]) -> str:
    """Where a document stands among its kind: its sort key, later ones are newer."""
    if kind is Searched.MESSAGES:
        return str(document["sort"])
    created: datetime = document["created_at"]
    return sort_key(created)


def marks_of(kind: Searched, document: Mapping[str, Any]) -> list[str]:
    """Words that nobody types and that narrow what is found: the channel of a message."""
    return [channel_mark(document["channel_id"])] if kind is Searched.MESSAGES else []


def channel_mark(channel_id: str) -> str:
    """The word that every message of a channel has. No written word begins like it."""
    return f"=channel:{channel_id}"
