"""Identities (a customer as one channel knows them) and customers (the card).

An identity is written first, with the id of its card, and the card under that id after it: a crash between the two
leaves an identity whose card the repeated event creates, never a card that nobody points to. A new identity's card has
an id derived from it, so that a repetition after both were forgotten comes to the same card.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
import pymongo
from pymongo.errors import BulkWriteError

from inbox.model.ids import first_customer_id, identity_id, now
from inbox.model.incoming import Person
from inbox.model.likeness import name_key
from inbox.storage.database import Database, Document
from inbox.storage.errors import duplicate_positions
from inbox.storage.places import beyond


class Sighting(msgspec.Struct, frozen=True, kw_only=True):
    """A person in an event of a channel."""

    channel_id: str
    kind: str
    person: Person
    at: datetime
    customer_id: str = ""
    """Whose card the identity joins where it is new; its own where that is empty."""
    joined: str = ""
    """By what it joins that card without proof (`answer`): until it is confirmed, it speaks for nobody there."""

    @property
    def identity_id(self) -> str:
        """The id of the identity that this is."""
        return identity_id(self.channel_id, self.person.external_id)


def _profile(person: Person) -> Document:
    """What an event says about a person, without what it leaves out."""
    told = {
        "name": person.name,
        "username": person.username,
        "language": person.language,
        "avatar_source": person.avatar,
    }
    return {field: value for field, value in told.items() if value}


def _called(identity: Document) -> str:
    """What a card is called as long as nobody gave it another name."""
    name: str = identity["name"] or identity["username"]
    return name


def address_of(identity: Mapping[str, Any]) -> str:
    """Where an identity is written to: its own id, unless the provider has given it another."""
    address: str = identity.get("address") or identity["external_id"]
    return address


class PeopleStore:
    """The `identities`, `customers` and `tags` collections.

    What an event tells is written relaxed, for its batch to make durable; what somebody was told is stored, durably.
    """

    def __init__(self, database: Database) -> None:
        self._identities = database.relaxed.identities
        self._customers = database.relaxed.customers
        self._durable_identities = database.durable.identities
        self._durable_customers = database.durable.customers
        self._tags = database.relaxed.tags

    async def resolve(self, sightings: Mapping[str, Sighting], *, ensure_cards: bool) -> dict[str, Document]:
        """The identities of these people by identity id, created with their cards where they are new.

        `ensure_cards` also repairs cards that a crash left missing. Names follow the provider until somebody edits
        them.
        """
        known = {row["_id"]: row async for row in self._identities.find({"_id": {"$in": list(sightings)}})}
        unknown = [sighting for key, sighting in sightings.items() if key not in known]
        if unknown:
            await self._create(unknown)
            fresh = self._identities.find({"_id": {"$in": [sighting.identity_id for sighting in unknown]}})
            known.update({row["_id"]: row async for row in fresh})
        changed = {
            key: _profile(sighting.person)
            for key, sighting in sightings.items()
            if any(known[key].get(field) != value for field, value in _profile(sighting.person).items())
        }
        if changed:
            await self._follow(known, changed)
            known.update({key: {**known[key], **profile} for key, profile in changed.items()})
        cards = known if ensure_cards else {sighting.identity_id: None for sighting in unknown}
        if cards:
            await self._ensure_cards([known[key] for key in cards])
        return known

    async def _follow(self, known: Mapping[str, Document], profiles: Mapping[str, Document]) -> None:
        """Take over what the provider says of people now: onto their cards first, so that a crash shows it again."""
        cards = [
            pymongo.UpdateOne(
                {"_id": before["customer_id"], "name": _called(before), "merged_into": None},
                {"$set": {"name": _called(after), "name_key": name_key(_called(after))}},
            )
            for before, after in ((known[key], {**known[key], **profile}) for key, profile in profiles.items())
            if _called(before) != _called(after)
        ]
        if cards:
            await self._customers.bulk_write(cards, ordered=False)
        await self._identities.bulk_write(
            [pymongo.UpdateOne({"_id": key}, {"$set": profile}) for key, profile in profiles.items()], ordered=False
        )

    async def _create(self, sightings: Sequence[Sighting]) -> None:
        rows = [
            {
                "_id": sighting.identity_id,
                "channel_id": sighting.channel_id,
                "kind": sighting.kind,
                "external_id": sighting.person.external_id,
                "customer_id": sighting.customer_id or first_customer_id(sighting.identity_id),
                "reachable": True,
                "machine": sighting.person.machine,
                "name": "",
                "username": "",
                "language": "",
                "created_at": sighting.at,
                **({"joined": sighting.joined} if sighting.joined else {}),
                **_profile(sighting.person),
            }
            for sighting in sightings
        ]
        try:
            await self._identities.insert_many(rows, ordered=False)
        except BulkWriteError as error:
            # Another process met the same person at the same moment; its identity is as good as ours.
            duplicate_positions(error)

    async def _ensure_cards(self, identities: Iterable[Document]) -> None:
        present = now()
        writes = [
            pymongo.UpdateOne(
                {"_id": identity["customer_id"]},
                {
                    "$setOnInsert": {
                        "name": _called(identity),
                        "name_key": name_key(_called(identity)),
                        "phones": [],
                        "emails": [],
                        "tags": [],
                        "fields": {},
                        "language": identity["language"],
                        "last_manager_id": None,
                        "created_at": identity["created_at"],
                        "updated_at": present,
                    }
                },
                upsert=True,
            )
            for identity in identities
        ]
        try:
            await self._customers.bulk_write(writes, ordered=False)
        except BulkWriteError as error:
            duplicate_positions(error)

    async def set_reachable(self, identity_id: str, *, reachable: bool, reason: str, at: datetime) -> bool:
        """Note whether an identity can be written to; older news than what is known changes nothing."""
        result = await self._durable_identities.update_one(
            {"_id": identity_id, "$or": [{"reachable_at": None}, {"reachable_at": {"$lte": at}}]},
            {"$set": {"reachable": reachable, "reachable_reason": reason, "reachable_at": at}},
        )
        return bool(result.matched_count)

    async def note_asked(self, identity_id: str, at: datetime) -> None:
        """Note that the provider was asked who this is, whatever it said."""
        await self._durable_identities.update_one({"_id": identity_id}, {"$set": {"asked_at": at}})

    async def note_avatars_wanted(self, identities: Sequence[Document], at: datetime) -> None:
        """Note that these identities' pictures are being looked at, each at the source that was told last."""
        writes = [
            pymongo.UpdateOne(
                {"_id": identity["_id"]},
                {"$set": {"avatar_at": at, "avatar_of": identity.get("avatar_source", "")}},
            )
            for identity in identities
        ]
        await self._identities.bulk_write(writes, ordered=False)

    async def set_avatar(self, identity: Document, avatar: Document | None, at: datetime) -> bool:
        """Have this be the picture of an identity as it was read; False where somebody else set another since."""
        looked = {"avatar_at": at, "avatar_of": identity.get("avatar_source", "")}
        result = await self._durable_identities.update_one(
            {"_id": identity["_id"], "avatar": identity.get("avatar")}, {"$set": {"avatar": avatar, **looked}}
        )
        return bool(result.matched_count)

    async def pictured(self, customer_ids: Sequence[str]) -> list[Document]:
        """Those identities of these customers that have a picture, oldest first."""
        shown = {"customer_id": {"$in": list(customer_ids)}, "avatar": {"$ne": None}}
        return await self._identities.find(shown).sort("created_at", 1).to_list(None)

    async def move_identity(self, identity_id: str, external_id: str) -> None:
        """Write to an identity under another address from now on (Telegram's migrated chats)."""
        await self._durable_identities.update_one({"_id": identity_id}, {"$set": {"address": external_id}})

    async def note_inbound(self, wrote: Mapping[str, datetime]) -> None:
        """Remember when identities wrote last, by identity id; older news changes nothing."""
        writes = [pymongo.UpdateOne({"_id": key}, {"$max": {"last_inbound_at": at}}) for key, at in wrote.items()]
        await self._identities.bulk_write(writes, ordered=False)

    async def identity(self, identity_id: str) -> Document | None:
        """One identity."""
        return await self._identities.find_one({"_id": identity_id})

    async def many(self, identity_ids: Sequence[str]) -> list[Document]:
        """These identities, as far as they are known."""
        return await self._identities.find({"_id": {"$in": list(identity_ids)}}).to_list(None)

    async def confirmed_on(self, customer_id: str, channel_id: str) -> Document | None:
        """How this customer is reached on this channel, newest first; never by who joined their card unproven."""
        there = {"customer_id": customer_id, "channel_id": channel_id, "joined": None}
        return await self._identities.find_one(there, sort=[("reachable", -1), ("created_at", -1)])

    async def identities(self, customer_ids: Sequence[str]) -> list[Document]:
        """Every identity of these customers, oldest first."""
        cursor = self._identities.find({"customer_id": {"$in": list(customer_ids)}}).sort("created_at", 1)
        return await cursor.to_list(None)

    async def customer(self, customer_id: str) -> Document | None:
        """One card."""
        return await self._customers.find_one({"_id": customer_id})

    async def living(self, customer_id: str) -> Document | None:
        """One card, or the one that it was merged into."""
        card = await self.customer(customer_id)
        while card is not None and card.get("merged_into") is not None:
            card = await self.customer(card["merged_into"])
        return card

    async def customers(self, customer_ids: Sequence[str]) -> dict[str, Document]:
        """Cards by id."""
        cursor = self._customers.find({"_id": {"$in": list(customer_ids)}})
        return {row["_id"]: row async for row in cursor}

    async def with_contact(self, phone: str, email: str, *, proven: bool = False) -> list[Document]:
        """Cards with this phone or this e-mail (empty: none), or only those on which it is proven."""
        wanted = {"proven": True} if proven else {}
        contacts: list[Document] = []
        if phone:
            contacts.append({"phones": {"$elemMatch": {"number": phone, **wanted}}})
        if email:
            contacts.append({"emails": {"$elemMatch": {"address": email, **wanted}}})
        if not contacts:
            return []
        living = {"merged_into": None, "$or": contacts}
        return await self._durable_customers.find(living).sort("_id", 1).limit(20).to_list(20)

    async def insert_customer(self, card: Document) -> None:
        """Store a card made by hand."""
        await self._durable_customers.insert_one({**card, "name_key": name_key(card["name"])})

    async def change_customer(
        self, customer_id: str, changes: Document, *, fields: Mapping[str, str | None] | None = None, version: int = -1
    ) -> Document | None:
        """Change a card: set `changes`, and of its own `fields` those that are named, None taking one away.

        Returns it as it is now; None where it is gone, was merged into another one, or is not at `version` (-1: any).
        """
        if "name" in changes:
            changes = {**changes, "name_key": name_key(changes["name"])}
        written = {f"fields.{code}": value for code, value in (fields or {}).items()}
        update: Document = {
            "$set": {
                **changes,
                **{place: value for place, value in written.items() if value is not None},
                "updated_at": now(),
            },
            "$inc": {"version": 1},
        }
        emptied = {place: "" for place, value in written.items() if value is None}
        if emptied:
            update["$unset"] = emptied
        present: Document = {"_id": customer_id, "merged_into": None}
        if version >= 0:
            # A card that nobody has changed yet has no version.
            present["version"] = {"$in": [0, None]} if version == 0 else version
        changed: Document | None = await self._durable_customers.find_one_and_update(
            present, update, return_document=pymongo.ReturnDocument.AFTER
        )
        return changed

    async def expect_comment(self, identity_id: str, wish: Document, *, asked_by: str) -> None:
        """Take the identity's next message for a comment on a rating: `{conversation_id, no, until}`.

        `asked_by` is the message that wished for it, once however often it is heard.
        """
        await self._durable_identities.update_one(
            {"_id": identity_id, "comments.asked_by": {"$ne": asked_by}},
            {"$set": {"comments": {**wish, "asked_by": asked_by, "message_id": None}}},
        )

    async def take_comment(self, identity_id: str, message_id: str) -> bool:
        """Whether this message is the comment that is expected: the first one that asks is."""
        taken = await self._durable_identities.update_one(
            {"_id": identity_id, "comments.message_id": {"$in": [None, message_id]}},
            {"$set": {"comments.message_id": message_id}},
        )
        return bool(taken.matched_count)

    async def ask_for_language(self, customer_id: str, occasion: str) -> bool:
        """Note that a customer is asked which language they speak; whether they may be: once, on this occasion."""
        noted = await self._durable_customers.update_one(
            {"_id": customer_id, "merged_into": None, "language_asked": {"$in": [None, occasion]}},
            {"$set": {"language_asked": occasion}},
        )
        return bool(noted.matched_count)

    async def ask_for_rating(self, customer_id: str, case: str, *, at: datetime, since: datetime) -> bool:
        """Note that a customer is asked to rate a case, unless they were asked about another after `since`."""
        allowed = [{"rating_asked": None}, {"rating_asked.at": {"$lte": since}}, {"rating_asked.case": case}]
        noted = await self._durable_customers.update_one(
            {"_id": customer_id, "merged_into": None, "$or": allowed},
            {"$set": {"rating_asked": {"case": case, "at": at}}},
        )
        return bool(noted.matched_count)

    async def set_opting(self, customer_id: str, *, out: bool, at: datetime, sort: str) -> Document | None:
        """Note on a card whether its customer wants no automatic messages, unless a later word is noted already.

        Returns the card as it is then; None where it is gone, or where the later word stands.
        """
        known = {"$or": [{"opting.sort": None}, {"opting.sort": {"$lte": sort}}]}
        changed: Document | None = await self._durable_customers.find_one_and_update(
            {"_id": customer_id, "merged_into": None, **known},
            {"$set": {"opting": {"out": out, "at": at, "sort": sort}, "updated_at": now()}, "$inc": {"version": 1}},
            return_document=pymongo.ReturnDocument.AFTER,
        )
        return changed

    async def note_tags(self, tags: Sequence[str]) -> None:
        """Remember tags that cards got, to suggest them."""
        writes = [
            pymongo.UpdateOne({"_id": tag.casefold()}, {"$set": {"tag": tag, "used_at": now()}}, upsert=True)
            for tag in tags
        ]
        if writes:
            await self._tags.bulk_write(writes, ordered=False)

    async def tags(self, beginning: str, limit: int) -> list[str]:
        """Tags that begin so, whatever their letters' case, the last used first."""
        found = self._tags.find({"_id": {"$regex": f"^{re.escape(beginning.casefold())}"}})
        return [row["tag"] for row in await found.sort([("used_at", -1), ("_id", 1)]).limit(limit).to_list(limit)]

    async def note_manager(self, customer_id: str, manager_id: str) -> None:
        """Remember who answered this customer last."""
        await self._durable_customers.update_one({"_id": customer_id}, {"$set": {"last_manager_id": manager_id}})

    async def recent(self, after: tuple[datetime, str] | None, limit: int) -> list[Document]:
        """Cards, most recently changed first, without those that were merged into others."""
        cursor = self._customers.find({"merged_into": None, **beyond("updated_at", after)})
        return await cursor.sort([("updated_at", -1), ("_id", -1)]).limit(limit).to_list(limit)
