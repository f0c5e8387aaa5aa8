"""What is known of whose a phone or an e-mail address is.

A proof stands on the identity that gave it (`proven: [{type, value, at}]`) and on its card (`proven: true` of a phone
or an address). What was merely told stands in the card's `hints: [{type, value, source, message_id, at}]`. `type` is
`phone` or `email`; `source` is `typed`, or `contact` where a contact was shared that is nobody's for certain.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pymongo

from inbox.model.contacts import FIELDS, is_proven
from inbox.model.errors import Conflict
from inbox.model.ids import now
from inbox.storage.database import Database, Document

MOST_HINTS = 30
"""How many told contacts a card keeps; the newest stay."""

_TRIES = 5
_CURRENT: dict[str, Any] = {"return_document": pymongo.ReturnDocument.AFTER}


class ContactStore:
    """Phones and addresses on `identities` and `customers`."""

    def __init__(self, database: Database) -> None:
        self._identities = database.durable.identities
        self._customers = database.durable.customers

    async def prove(self, identity_id: str, type_: str, value: str, at: datetime) -> Document | None:
        """Note a proof on an identity and on its card; returns the card.

        None where the identity is gone; also where it joined its card unproven (`joined`), and nobody of that card has
        proven the same: what is theirs is not the card's. Raises `Conflict` where the card is on its way into another
        one: try again.
        """
        if not await self._belongs(identity_id, type_, value):
            return None
        proof = {"type": type_, "value": value, "at": at}
        unknown = {"_id": identity_id, "proven": {"$not": {"$elemMatch": {"type": type_, "value": value}}}}
        await self._identities.update_one(unknown, {"$push": {"proven": proof}, "$unset": {"joined": ""}})
        for _ in range(_TRIES):
            identity = await self._identities.find_one({"_id": identity_id}, {"customer_id": 1})
            if identity is None:
                return None
            card = await self._prove_on(identity["customer_id"], type_, value)
            if card is not None:
                return card
        raise Conflict("this card is being merged: try again")

    async def _belongs(self, identity_id: str, type_: str, value: str) -> bool:
        identity = await self._identities.find_one({"_id": identity_id})
        if identity is None or not identity.get("joined"):
            return identity is not None
        card = await self._customers.find_one({"_id": identity["customer_id"]})
        return card is not None and is_proven(card, type_, value)

    async def _prove_on(self, customer_id: str, type_: str, value: str) -> Document | None:
        """The card, with this contact proven; None where it is gone or was merged into another one meanwhile."""
        field, key = FIELDS[type_]
        living = {"_id": customer_id, "merged_into": None}
        present = await self._customers.find_one(
            {**living, field: {"$elemMatch": {key: value, "proven": True}}},
        )
        if present is not None:
            return present
        changed: Document | None = await self._customers.find_one_and_update(
            {**living, f"{field}.{key}": value},
            {"$set": {f"{field}.$.proven": True, "updated_at": now()}, "$inc": {"version": 1}},
            **_CURRENT,
        )
        if changed is None:
            changed = await self._customers.find_one_and_update(
                {**living, f"{field}.{key}": {"$ne": value}},
                {
                    "$push": {field: {key: value, "proven": True}},
                    "$set": {"updated_at": now()},
                    "$inc": {"version": 1},
                },
                **_CURRENT,
            )
        return changed

    async def hint(self, customer_id: str, hints: Sequence[Document]) -> Document | None:
        """Note told contacts on a card that does not have them yet; the card, or None where it is not there."""
        card: Document | None = await self._customers.find_one({"_id": customer_id, "merged_into": None})
        for hint in hints:
            field, key = FIELDS[hint["type"]]
            unknown = {f"{field}.{key}": {"$ne": hint["value"]}, "hints.value": {"$ne": hint["value"]}}
            kept = {"$push": {"hints": {"$each": [hint], "$slice": -MOST_HINTS}}}
            changed: Document | None = await self._customers.find_one_and_update(
                {"_id": customer_id, "merged_into": None, **unknown}, kept, **_CURRENT
            )
            card = changed or card
        return card

    async def proven_by(self, type_: str, value: str) -> list[Document]:
        """The cards on which a contact is proven, oldest first."""
        field, key = FIELDS[type_]
        found = self._customers.find({field: {"$elemMatch": {key: value, "proven": True}}, "merged_into": None})
        return await found.sort([("created_at", 1), ("_id", 1)]).to_list(None)

    async def identities_proven_by(self, customer_id: str, type_: str, value: str) -> list[Document]:
        """A card's confirmed identities that can be reached: those that gave this proof, then the latest heard."""
        mine = {"customer_id": customer_id, "reachable": True, "joined": None}
        rows = await self._identities.find(mine).sort("created_at", -1).to_list(None)
        return sorted(rows, key=lambda row: not _gave(row, type_, value))

    async def alike(self, contacts: Sequence[str], name_key: str, limit: int) -> list[Document]:
        """Cards that have or were told any of these contacts, then those that are called the same."""
        found: dict[str, Document] = {}
        if contacts:
            among = {"$in": list(contacts)}
            having = {"$or": [{"phones.number": among}, {"emails.address": among}, {"hints.value": among}]}
            found |= {row["_id"]: row for row in await self._found({**having, "merged_into": None}, limit)}
        if name_key:
            found |= {row["_id"]: row for row in await self._found({"name_key": name_key, "merged_into": None}, limit)}
        return list(found.values())

    async def _found(self, condition: Document, limit: int) -> list[Document]:
        return await self._customers.find(condition).limit(limit).to_list(limit)


def _gave(identity: Document, type_: str, value: str) -> bool:
    return any(proof["type"] == type_ and proof["value"] == value for proof in identity.get("proven", ()))
