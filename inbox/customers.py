"""Customer cards."""

from collections.abc import Mapping, Sequence
from typing import Any

from inbox.customer_fields import CustomerFields
from inbox.live import Frame, LiveFeed
from inbox.model.contacts import email_address, example_phone, is_address, phone_number
from inbox.model.errors import Conflict, Invalid, NotFound
from inbox.model.ids import new_id, now, sort_key
from inbox.model.people import Viewer
from inbox.model.searched import Searched
from inbox.paging import moment_and_id, page
from inbox.reach import Reach
from inbox.search import Search
from inbox.settings import ShopSettings
from inbox.storage.database import Document
from inbox.storage.managers import ManagerStore
from inbox.storage.people import PeopleStore
from inbox.storage.queue import QueueStore


class Customers:
    """The cards of the shop, readable by every manager."""

    def __init__(
        self,
        *,
        people: PeopleStore,
        managers: ManagerStore,
        reach: Reach,
        fields: CustomerFields,
        settings: ShopSettings,
        search: Search,
        queue: QueueStore,
        feed: LiveFeed,
    ) -> None:
        self._people = people
        self._managers = managers
        self._reach = reach
        self._fields = fields
        self._settings = settings
        self._search = search
        self._queue = queue
        self._feed = feed

    async def page(
        self, viewer: Viewer, q: str, *, limit: int, cursor: str | None
    ) -> tuple[list[Document], str | None]:
        """A page of cards that have a word for each word of `q`, newest first; without `q`, what changed last first."""
        if q:
            found = await self._search.find(viewer, Searched.CUSTOMERS, q, limit=limit, cursor=cursor)
            return [hit.document for hit in found.hits], found.next_cursor
        return page(await self._people.recent(moment_and_id(cursor), limit + 1), limit, "updated_at", "_id")

    async def get(self, customer_id: str) -> Document:
        """One card, or the one that it was merged into."""
        found = await self._people.living(customer_id)
        if found is None:
            raise NotFound("there is no such customer")
        return found

    async def many(self, customer_ids: Sequence[str]) -> dict[str, Document]:
        """Cards by id."""
        return await self._people.customers(customer_ids)

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

    async def check(self, given: Mapping[str, Any]) -> None:
        """Raise `Invalid` where `create` or `change` would."""
        await self._checked(given)

    async def create(self, given: Mapping[str, Any], *, key: str | None = None) -> Document:
        """Make a card by hand, under the id `key` where there is one. Takes what `change` takes."""
        present = now()
        checked, fields = await self._checked(given)
        card: Document = {
            "_id": key or new_id(),
            "name": "",
            "phones": [],
            "emails": [],
            "tags": [],
            "fields": {code: value for code, value in fields.items() if value is not None},
            "language": "",
            "last_manager_id": None,
            "version": 0,
            "created_at": present,
            "updated_at": present,
            **checked,
        }
        await self._people.insert_customer(card)
        await self._people.note_tags(card["tags"])
        await self._feed.publish([Frame(type="customer.updated", data=card)])
        return card

    async def change(self, customer_id: str, given: Mapping[str, Any], *, version: int | None = None) -> Document:
        """Set what a card says of its customer: each field whole.

        That is `name`, `phones`, `emails`, `tags`, `languages`, `notices`, `opted_out` and `responsible_manager_id`.
        Of `fields` those are set that are named, None taking one away. Raises `Conflict` where `version` is not the
        card's present one.
        """
        while True:
            # It may have been merged between our look and our write: then its heir is changed.
            before = await self.get(customer_id)
            if version is not None and before.get("version", 0) != version:
                raise Conflict("somebody changed this card meanwhile: look again", current=before.get("version", 0))
            checked, fields = await self._checked(given, before)
            changed = await self._people.change_customer(
                before["_id"], checked, fields=fields, version=before.get("version", 0)
            )
            if changed is not None:
                break
        await self._people.note_tags([tag for tag in changed["tags"] if tag not in before["tags"]])
        if changed["language"] != before["language"]:
            await self._queue.look_anew(changed["_id"])
        await self._feed.publish([Frame(type="customer.updated", data=changed)])
        return changed

    async def tags(self, beginning: str, limit: int) -> list[str]:
        """Tags that cards have or had and that begin so, the last used first."""
        return await self._people.tags(beginning.strip(), limit)

    async def _checked(
        self, given: Mapping[str, Any], before: Mapping[str, Any] | None = None
    ) -> tuple[Document, dict[str, str | None]]:
        """What changes on a card, and which of its own fields.

        A phone or an e-mail typed by a manager is not proven; one that was proven stays so.
        """
        checked: Document = {key: given[key] for key in ("name", "tags", "notices") if key in given}
        if "phones" in given:
            region = await self._settings.region()
            proven = {phone["number"]: phone["proven"] for phone in (before or {}).get("phones", ())}
            numbers = dict.fromkeys(normalised_phone(number, region) for number in given["phones"])
            checked["phones"] = [{"number": number, "proven": proven.get(number, False)} for number in numbers]
        if "emails" in given:
            proven = {email["address"]: email["proven"] for email in (before or {}).get("emails", ())}
            addresses = dict.fromkeys(checked_address(address) for address in given["emails"])
            checked["emails"] = [{"address": address, "proven": proven.get(address, False)} for address in addresses]
        if "languages" in given:
            checked |= {"languages": list(given["languages"]), "language": next(iter(given["languages"]), "")}
        if "opted_out" in given:
            present = now()
            checked["opting"] = {"out": given["opted_out"], "at": present, "sort": sort_key(present)}
        if "responsible_manager_id" in given:
            checked["responsible_manager_id"] = await self._colleague(given["responsible_manager_id"])
        return checked, await self._fields.checked(given.get("fields", {}))

    async def _colleague(self, manager_id: str | None) -> str | None:
        manager = await self._managers.get(manager_id) if manager_id is not None else None
        if manager_id is not None and (manager is None or not manager["active"]):
            raise Invalid("responsible_manager_id", "there is no such active manager")
        return manager_id


def languages_of(card: Mapping[str, Any]) -> list[str]:
    """A card's languages, the preferred one first."""
    return [code for code in dict.fromkeys([card["language"], *card.get("languages", ())]) if code]


def normalised_phone(number: str, region: str = "") -> str:
    """E.164. Raises `Invalid` for what is no phone number; one without country is read as of `region`."""
    known = phone_number(number, region)
    if known is None:
        raise Invalid("phones", f"{number[:40]!r} is not a phone number; write it as {example_phone(region)}")
    return known


def checked_address(written: str) -> str:
    """The address as cards keep it. Raises `Invalid` for what is none."""
    address = email_address(written)
    if not is_address(address):
        raise Invalid("emails", f"{written[:60]!r} is not an e-mail address; write it as name@example.com")
    return address
