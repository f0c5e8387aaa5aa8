"""Whom an order is told of by a machine: whoever has proven that it is theirs, or names its number and its phone.

Proven is an order for an identity where all of this holds:

- the message is the identity's own for certain, and the identity is the card's (not one that joined it by answering a
  letter, and no letter that its provider does not vouch for);
- the order is linked to the card, and where that was by a contact, somebody of the card still proves this contact;
- whatever merged the identity's card with the order's is in effect, and was more than a suggestion: a proof, or a
  person's own word. Who proved the order's contact themselves needs no merge.

Everybody else is a stranger, and gets an order for its number together with its phone. They may try a few times an
hour; whatever was wrong, and also where all was right but too often tried, the outcome is the same.
"""

import hmac
from collections.abc import Mapping, Sequence
from typing import Any, Final

from inbox.model.channel import ChannelKind
from inbox.model.contacts import is_proven
from inbox.storage.database import Document
from inbox.storage.merging import MergeStore
from inbox.storage.order_tries import OrderTryStore
from inbox.storage.orders import OrderStore
from inbox.storage.people import PeopleStore

TRIES: Final = 5
"""How many wrong tries an hour a person has, over all their identities, and how many there may be at one number."""

_SIGNS: Final = ("", "#", "№")
"""What a shop may keep before a number."""

SHOWN: Final = 50
"""How many of a card's orders are looked at."""


class Disclosure:
    """Decides whom orders are told of. `kinds` are the channel kinds that there are."""

    def __init__(
        self,
        *,
        orders: OrderStore,
        people: PeopleStore,
        merges: MergeStore,
        tries: OrderTryStore,
        kinds: Mapping[str, ChannelKind],
    ) -> None:
        self._orders = orders
        self._people = people
        self._merges = merges
        self._tries = tries
        self._kinds = kinds

    async def own(self, message: Mapping[str, Any]) -> list[Document]:
        """The orders that are proven to be those of whoever wrote a message, newest first; none for a stranger."""
        identity = await self._people.identity(message["identity_id"])
        if identity is None or not self._is_certain(message, identity):
            return []
        card = await self._people.customer(identity["customer_id"])
        if card is None or card.get("merged_into") is not None:
            return []
        orders = await self._orders.of_customer(card["_id"], SHOWN)
        family = await self._people.identities([card["_id"]]) if orders else []
        apart = {order["_id"]: _merges(order) ^ _merges(identity) for order in orders}
        joins = await self._joins(set().union(*apart.values()))
        return [
            order
            for order in orders
            if _holds(order, card, family)
            and (_proves(identity, order) or apart[order["_id"]] <= joins)
            and _merges(order) <= joins | _merges(identity)
        ]

    async def matching(self, message: Mapping[str, Any], spellings: Sequence[str], phone: str) -> Document | None:
        """The order whose number is spelled in one of these ways, with this phone (E.164), for who wrote the message.

        None in every other case; nothing but that tells the cases apart.
        """
        identity = await self._people.identity(message["identity_id"])
        family = await self._people.identities([identity["customer_id"]]) if identity is not None else []
        allowed = await self._tries.note(
            message["_id"],
            message["identity_id"],
            among=[row["_id"] for row in family],
            number=_counted(spellings),
            most=TRIES,
        )
        found = await self._orders.spelled([sign + spelling for spelling in spellings for sign in _SIGNS])
        given = phone.encode()
        right = [order for order in found if hmac.compare_digest(order["contact"]["phone"].encode(), given)]
        if not (allowed and phone and right):
            return None
        await self._tries.forget(message["_id"])
        return right[0]

    def _is_certain(self, message: Mapping[str, Any], identity: Mapping[str, Any]) -> bool:
        """Whether a message is certainly its identity's, and the identity certainly the card's."""
        kind = self._kinds.get(identity["kind"])
        if kind is None or identity.get("joined") or message.get("unconfirmed"):
            return False
        return not kind.capabilities.forgeable or bool(message.get("vouched"))

    async def _joins(self, merge_ids: set[str]) -> set[str]:
        """Those of these merges that are in effect and were more than a suggestion."""
        found = await self._merges.many(sorted(merge_ids)) if merge_ids else []
        return {row["_id"] for row in found if row["state"] == "merged" and row["reason"]["type"] != "suggestion"}


def _merges(document: Mapping[str, Any]) -> set[str]:
    """The merges by which a document came to its card."""
    return {mark["merge_id"] for mark in document.get("moved") or ()}


def _holds(order: Mapping[str, Any], card: Mapping[str, Any], family: Sequence[Mapping[str, Any]]) -> bool:
    """Whether what linked an order to its card still holds."""
    if order["linked_by"] != "contact":
        return True
    phone, email = order["contact"]["phone"], order["contact"]["email"]
    still = is_proven(card, "phone", phone) or is_proven(card, "email", email)
    return still and any(_proves(identity, order) for identity in family if not identity.get("joined"))


def _proves(identity: Mapping[str, Any], order: Mapping[str, Any]) -> bool:
    """Whether an identity has itself proven an order's phone or address."""
    contact = order["contact"]
    return any(proof["value"] and proof["value"] == contact[proof["type"]] for proof in identity.get("proven", ()))


def _counted(spellings: Sequence[str]) -> str:
    """By what tries at a number are counted: all its spellings, and whatever is found by them, have these digits."""
    return "".join(sign for sign in spellings[0] if sign.isdecimal()).lstrip("0")
