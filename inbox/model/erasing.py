"""What remains of documents once a person is erased, and how something unreadable is known to be theirs."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any

Document = dict[str, Any]

ERASED = "erased"
"""How an order says that it was linked to a person who was erased; also the type of a live frame that was theirs."""

_PERSONAL = frozenset({"contact", "customer_id", "delivery"})
"""What an order's history must not tell of the person."""

_SHORTEST = 5
"""Ids of fewer characters are found by chance."""

_TELLING_DIGITS = 9
"""The end of a phone number that stays the same however its country is written."""

_BETWEEN_DIGITS = rb"[\s().+-]{0,3}"


def digest_of(salt: str, customer_id: str) -> str:
    """What proves, to who knows a card's id, that it was this card; nobody finds the id by it."""
    return hashlib.sha256(f"{salt}:{customer_id}".encode()).hexdigest()


def without_person(order: Mapping[str, Any]) -> Document:
    """What changes on an order whose buyer is erased: number, lines, sums and statuses stay."""
    history = [
        {
            **entry,
            "changes": {
                field: change if field != "payment" else {when: _state(paid) for when, paid in change.items()}
                for field, change in entry["changes"].items()
                if field not in _PERSONAL
            },
            **({"reply": {**entry["reply"], "message_id": None}} if "reply" in entry else {}),
        }
        for entry in order["history"]
    ]
    return {
        "customer_id": None,
        "linked_by": ERASED,
        **impersonal(order),
        "history": history,
        "due_notices": [],
        "noticing": False,
    }


def impersonal(facts: Mapping[str, Any]) -> Document:
    """What a source tells of its buyer and their parcel, without them: a parcel's number leads to who gets it."""
    return {
        "contact": {"phone": "", "email": "", "name": ""},
        "delivery": {"carrier": facts["delivery"]["carrier"], "tracking_number": ""},
        "payment": _state(facts["payment"]),
    }


def _state(payment: str | Mapping[str, str] | None) -> str | None:
    """How far something is paid, without who paid and how."""
    return payment if isinstance(payment, str) else (payment or {}).get("state")


def traces(ids: Iterable[str], emails: Iterable[str], phones: Iterable[str]) -> re.Pattern[bytes] | None:
    """What in an event that nobody can read tells that it is a person's: their ids, addresses and phones."""
    words = [re.escape(word.encode()) for word in {*ids, *emails} if len(word) >= _SHORTEST]
    found = [rb"(?<![0-9A-Za-z])(?:" + b"|".join(words) + rb")(?![0-9A-Za-z])"] if words else []
    for phone in phones:
        digits = [digit.encode() for digit in phone if digit.isdigit()][-_TELLING_DIGITS:]
        if len(digits) >= _SHORTEST:
            found.append(_BETWEEN_DIGITS.join(digits) + rb"(?![0-9])")
    return re.compile(b"|".join(found), re.IGNORECASE) if found else None
