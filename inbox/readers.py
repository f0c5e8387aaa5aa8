"""What becomes of the rows of files that are read in: cards, orders and macros.

A row is matched with what is there already: a card by its id, else by the only card that has one of its phones or
addresses; an order by source and number; a macro by its id, its shortcut or its name. A card made of a row without
contacts has an id made of the row, so that the same row finds it again.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from inbox.customers import Customers, checked_address, normalised_phone
from inbox.imports import moment, shaped, text, texts
from inbox.macros import Macros
from inbox.model.contacts import email_address, phone_number
from inbox.model.errors import Invalid, NotFound
from inbox.model.ids import derived_id, now
from inbox.model.languages import LANGUAGE
from inbox.model.orders import API_SOURCE, Contact, Delivery, Item, OrderSnapshot, created, priced, updated
from inbox.model.people import Author, Viewer
from inbox.model.tables import Record, customer_record, macro_record, order_record
from inbox.order_sources import OrderSources
from inbox.orders import Orders
from inbox.settings import ShopSettings
from inbox.storage.database import Document
from inbox.storage.people import PeopleStore

_YES = frozenset({"yes", "true", "1", "да", "так", "y"})
_NO = frozenset({"no", "false", "0", "нет", "ні", "n"})
_SHORTCUT = re.compile(r"[^\s/]{0,40}")


class CustomerReader:
    """Takes cards. Phones, addresses and tags are added to those that a card has; what else is said replaces it."""

    def __init__(self, customers: Customers, people: PeopleStore, settings: ShopSettings) -> None:
        self._customers = customers
        self._people = people
        self._settings = settings

    async def take(self, record: Record, viewer: Viewer, *, dry_run: bool) -> str:  # noqa: ARG002 - anybody's word
        """Take a card."""
        region = await self._settings.region()
        phones = [normalised_phone(phone, region) for phone in texts(record, "phones")]
        emails = [checked_address(address) for address in texts(record, "emails")]
        given: Document = {
            "phones": list(dict.fromkeys(phones)),
            "emails": list(dict.fromkeys(emails)),
            "tags": texts(record, "tags", most=50),
            "fields": _fields(record),
        }
        name, languages, notices = text(record, "name", most=200), texts(record, "languages"), _notices(record)
        given |= {"name": name} if name else {}
        given |= {"languages": languages} if languages else {}
        given |= {"notices": notices} if notices is not None else {}
        if not (name or phones or emails):
            raise Invalid("name", "a card needs a name, a phone or an e-mail address")
        key = derived_id("imported customer", json.dumps(record, sort_keys=True, default=str))
        card = await self._known(text(record, "id"), phones, emails, key)
        if card is None:
            await self._customers.check(given)
            if not dry_run:
                await self._customers.create(given, key=key)
            return "created"
        before = customer_record(card)
        for field in ("phones", "emails", "tags"):
            given[field] = list(dict.fromkeys([*before[field], *given[field]]))
        told = {field: value for field, value in given.items() if field != "notices"}
        same = all(before[field] == value for field, value in told.items() if field != "fields")
        same = same and notices in (None, card.get("notices", True))
        if same and all(before["fields"].get(code) == value for code, value in given["fields"].items()):
            return "unchanged"
        await self._customers.check(given)
        if not dry_run:
            await self._customers.change(card["_id"], given)
        return "updated"

    async def _known(self, key: str, phones: list[str], emails: list[str], made: str) -> Document | None:
        card = await self._people.living(key) if key else None
        if card is not None:
            return card
        found: dict[str, Document] = {}
        for phone in phones:
            found |= {row["_id"]: row for row in await self._people.with_contact(phone, "")}
        for email in emails:
            found |= {row["_id"]: row for row in await self._people.with_contact("", email)}
        living = {card["_id"]: card for card in [await self._people.living(one) for one in found] if card is not None}
        if len(living) > 1:
            raise Invalid("id", "several cards have these contacts; say which one is meant by its id, or merge them")
        return next(iter(living.values()), None) or await self._people.living(made)


class OrderReader:
    """Takes orders, without telling anybody. A move has to be one that the pipeline allows."""

    def __init__(self, orders: Orders, sources: OrderSources, settings: ShopSettings, people: PeopleStore) -> None:
        self._orders = orders
        self._sources = sources
        self._settings = settings
        self._people = people

    async def take(self, record: Record, viewer: Viewer, *, dry_run: bool) -> str:
        """Take an order."""
        number, source = text(record, "number", most=64), text(record, "source") or API_SOURCE
        if not number or not number.isprintable():
            raise Invalid("number", "an order's number has 1 to 64 characters")
        await self._must_be_connected(source)
        known = await self._known(number, source)
        if known is not None and {**order_record(known), **record} == order_record(known):
            return "unchanged"
        snapshot = await self._snapshot(number, record, known)
        author, pipeline = Author.of(viewer), await self._orders.pipeline()
        if known is None:
            created(source, snapshot, pipeline, author, at=now(), decides=True)
        elif updated(known, snapshot, pipeline, author, at=now(), decides=True, quiet=True) is None:
            return "unchanged"
        if not dry_run:
            await self._orders.put(author, snapshot, source=source, quiet=True)
        return "created" if known is None else "updated"

    async def _known(self, number: str, source: str) -> Document | None:
        try:
            return await self._orders.get(number, source)
        except NotFound:
            return None

    async def _snapshot(self, number: str, record: Record, known: Document | None) -> OrderSnapshot:
        """The order as the row says; what it leaves out is as it is known."""
        if known is not None:
            record = {**order_record(known), **record}
        region = await self._settings.region()
        phone = text(record, "customer_phone")
        normalised = phone_number(phone, region) if phone else ""
        if normalised is None:
            raise Invalid("customer_phone", "this is not a phone number; write it as +380671234567")
        owner = text(record, "customer_id") or None
        if owner is not None and await self._people.living(owner) is None:
            raise Invalid("customer_id", "there is no such customer; leave it empty")
        lines = shaped(record, "items", list[Item]) if record.get("items") else []
        items, total, currency = priced(lines, text(record, "total"), text(record, "currency"))
        payment = record.get("payment") or None
        if payment is not None:
            payment = shaped(record, "payment", str | dict[str, str])
        return OrderSnapshot(
            number=number,
            status=text(record, "status", most=60),
            items=items,
            total=total,
            currency=currency,
            contact=Contact(normalised, email_address(text(record, "customer_email")), text(record, "customer_name")),
            payment=payment,
            delivery=Delivery(text(record, "carrier", most=100), text(record, "tracking_number", most=100)),
            customer_id=owner,
            created_at=moment(record, "created_at"),
        )

    async def _must_be_connected(self, source: str) -> None:
        if source != API_SOURCE:
            try:
                await self._sources.get(source)
            except NotFound as error:
                raise Invalid(
                    "source", "there is no such order source; leave it empty for orders of your own"
                ) from error


class MacroReader:
    """Takes macros for everybody. Their files stay where they are."""

    def __init__(self, macros: Macros) -> None:
        self._macros = macros

    async def take(self, record: Record, viewer: Viewer, *, dry_run: bool) -> str:
        """Take a macro."""
        name = text(record, "name", most=100)
        if not name:
            raise Invalid("name", "a macro needs a name")
        given: Document = {
            "name": name,
            "text": _texts(record),
            "shortcut": _shortcut(record),
            "folder": text(record, "folder", most=60),
            "buttons": shaped(record, "buttons", list[dict[str, Any]]) if record.get("buttons") else [],
            "actions": shaped(record, "actions", list[dict[str, Any]]) if record.get("actions") else [],
        }
        known = await self._macros.shared_like(text(record, "id"), given["shortcut"], name, given["folder"])
        if known is not None and {**macro_record(known), **given} == macro_record(known):
            return "unchanged"
        await self._macros.draft(viewer, {field: given[field] for field in ("text", "buttons", "actions")})
        if not dry_run and known is not None:
            await self._macros.change(viewer, known["_id"], given)
        elif not dry_run:
            await self._macros.create(viewer, shared=True, **given)
        return "created" if known is None else "updated"


def _fields(record: Record) -> dict[str, str]:
    fields = record.get("fields", {})
    if not isinstance(fields, Mapping):
        raise Invalid("fields", "this has to be an object of fields and their values")
    return {str(code): str(value) for code, value in fields.items() if value not in (None, "")}


def _texts(record: Record) -> dict[str, str]:
    said = record.get("text", {})
    by_language = isinstance(said, Mapping) and all(LANGUAGE.fullmatch(str(code)) for code in said)
    if not said or not by_language or not all(isinstance(one, str) for one in said.values()):
        raise Invalid("text", "give its text by language, in columns such as text:uk")
    return dict(said)


def _shortcut(record: Record) -> str:
    shortcut = text(record, "shortcut").removeprefix("/")
    if not _SHORTCUT.fullmatch(shortcut):
        raise Invalid("shortcut", "at most 40 characters, without spaces and strokes")
    return shortcut


def _notices(record: Record) -> bool | None:
    said = text(record, "notices").lower()
    if said and said not in _YES | _NO:
        raise Invalid("notices", "this has to be yes or no")
    return said in _YES if said else None
