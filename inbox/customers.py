"""Customer cards."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from inbox.live import Frame, LiveFeed
from inbox.model.contacts import email_address, phone_number
from inbox.model.errors import Invalid, NotFound
from inbox.model.ids import new_id, now
from inbox.model.people import Viewer
from inbox.model.searched import Searched
from inbox.paging import decode_cursor, page
from inbox.reach import Reach
from inbox.search import Search
from inbox.storage.database import Document
from inbox.storage.people import PeopleStore


class Customers:
    """The cards of the shop, readable by every manager."""

    def __init__(self, people: PeopleStore, reach: Reach, feed: LiveFeed, search: Search) -> None:
        self._people = people
        self._reach = reach
        self._feed = feed
        self._search = search

    async def page(
        self, viewer: Viewer, q: str, *, limit: int, cursor: str | None
    ) -> tuple[list[Document], str | None]:
        """A page of cards that have a word for each word of `q`, newest first; without `q`, what changed last first."""
        if q:
            found = await self._search.find(viewer, Searched.CUSTOMERS, q, limit=limit, cursor=cursor)
            return [hit.document for hit in found.hits], found.next_cursor
        after: tuple[datetime, str] | None = None
        if cursor:
            at, key = decode_cursor(cursor, datetime, str)
            after = (at, key)
        return page(await self._people.recent(after, limit + 1), limit, "updated_at", "_id")

    async def get(self, customer_id: str) -> Document:
        """One card, or the one that it was merged into."""
        found = await self._people.living(customer_id)
        if found is None:
            raise NotFound("there is no such customer")
        return found

    async def many(self, customer_ids: Sequence[str]) -> dict[str, Document]:
        """Cards by id."""
        return await self._people.customers(customer_ids)

    async def identities(self, customer_ids: Sequence[str]) -> dict[str, list[Document]]:
        """Every identity of these customers with what its channel allows now, by customer."""
        found: dict[str, list[Document]] = {customer_id: [] for customer_id in customer_ids}
        for identity in await self._reach.told(await self._people.identities(customer_ids)):
            found[identity["customer_id"]].append(identity)
        return found

    async def pictured(self, customer_ids: Sequence[str]) -> dict[str, Document]:
        """Of those of these customers who have a picture, the first identity with one, by customer."""
        found: dict[str, Document] = {}
        for identity in await self._people.pictured(customer_ids):
            found.setdefault(identity["customer_id"], identity)
        return found

    async def show(self, identity: Document) -> None:
        """Put an identity and its card on every screen as they are now."""
        present = await self._people.many([identity["_id"]])
        card = await self._people.customer(identity["customer_id"])
        frames = [Frame(type="identity.updated", data=told) for told in await self._reach.told(present)]
        if card is not None:
            frames.append(Frame(type="customer.updated", data=card))
        await self._feed.publish(frames)

    async def create(self, fields: Mapping[str, Any]) -> Document:
        """Make a card by hand."""
        present = now()
        card: Document = {
            "_id": new_id(),
            "name": "",
            "phones": [],
            "emails": [],
            "tags": [],
            "fields": {},
            "language": "",
            "last_manager_id": None,
            "created_at": present,
            "updated_at": present,
            **_card_fields(fields),
        }
        await self._people.insert_customer(card)
        await self._feed.publish([Frame(type="customer.updated", data=card)])
        return card

    async def change(self, customer_id: str, fields: Mapping[str, Any]) -> Document:
        """Set `name`, `phones`, `emails`, `tags`, `fields`, `language` or `notices`."""
        changed = None
        while changed is None:
            # It may have been merged between our look and our write: then its heir is changed.
            before = await self.get(customer_id)
            changed = await self._people.change_customer(before["_id"], _card_fields(fields, before))
        await self._feed.publish([Frame(type="customer.updated", data=changed)])
        return changed


def _card_fields(fields: Mapping[str, Any], before: Mapping[str, Any] | None = None) -> Document:
    """Checked values; a phone or an e-mail typed by a manager is not proven, one that was proven stays so."""
    checked: Document = {key: fields[key] for key in ("name", "tags", "fields", "language", "notices") if key in fields}
    if "phones" in fields:
        proven = {phone["number"]: phone["proven"] for phone in (before or {}).get("phones", ())}
        numbers = dict.fromkeys(normalised_phone(number) for number in fields["phones"])
        checked["phones"] = [{"number": number, "proven": proven.get(number, False)} for number in numbers]
    if "emails" in fields:
        proven = {email["address"]: email["proven"] for email in (before or {}).get("emails", ())}
        addresses = dict.fromkeys(email_address(address) for address in fields["emails"])
        checked["emails"] = [{"address": address, "proven": proven.get(address, False)} for address in addresses]
    return checked


def normalised_phone(number: str) -> str:
    """E.164. Raises `Invalid` for what is no phone number; a number without country is read as Ukrainian."""
    known = phone_number(number)
    if known is None:
        raise Invalid("phones", f"{number[:40]!r} is not a phone number; write it as +380671234567")
    return known
