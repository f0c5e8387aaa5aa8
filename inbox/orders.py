"""The shop's orders: what sources tell of them, what people decide about them, and whose they are.

Each change is decided by `inbox.model.orders` on the order as it was read and written only over that version; who was
second reads and decides again. An order that nobody named a card for is linked to the one card on which its phone or
e-mail is proven. That is looked for after the order is stored, and again when a contact becomes proven after the card
says so: whichever of the two comes second sees the other.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from inbox.events import EventBus
from inbox.live import Frame, LiveFeed
from inbox.metrics import Metrics
from inbox.model.contacts import phone_number
from inbox.model.domain_events import CardsChanged, ContactProven, OrderStatusChanged
from inbox.model.erasing import ERASED
from inbox.model.errors import Conflict, Invalid, NotFound
from inbox.model.ids import now
from inbox.model.orders import (
    API_SOURCE,
    Change,
    OrderSnapshot,
    created,
    linked,
    moved,
    order_id,
    snapshot_of,
    updated,
)
from inbox.model.people import SYSTEM, Author
from inbox.model.pipeline import Pipeline
from inbox.paging import moment_and_id, page
from inbox.pipeline import OrderPipeline
from inbox.storage.database import Document
from inbox.storage.orders import OrderQuery, OrderStore, Sum
from inbox.storage.people import PeopleStore
from inbox.wakeups import Wakeups

CLOCKS_DIFFER = timedelta(minutes=5)
"""How far a source's clock may be ahead of ours."""

NOTICES = "notices"
"""The bell of whoever tells customers what is due to them."""

SHOWN = 50
"""How many orders a card shows."""

_TRIES = 20
_WAITING = 100

_Decision = Callable[[Document], Change | None]


class Ambiguous(Conflict):
    """Several sources have an order of this number; `sources` says which."""

    def __init__(self, number: str, sources: list[str]) -> None:
        told = f"several sources have an order {number[:40]}: {', '.join(sources)}; choose one with ?source="
        super().__init__(told, choices={"sources": sources})
        self.sources = sources


class Suggestion(msgspec.Struct, frozen=True, kw_only=True):
    """A card that an order may belong to, and by what."""

    customer_id: str
    name: str
    by: list[str]
    """`phone`, `email`."""
    proven: bool
    """Whether one of them is proven there: then several cards have it, or the two are on different ones."""


class Orders:
    """Reads and changes orders."""

    def __init__(
        self,
        *,
        store: OrderStore,
        pipeline: OrderPipeline,
        people: PeopleStore,
        feed: LiveFeed,
        bus: EventBus,
        wakeups: Wakeups,
        metrics: Metrics,
    ) -> None:
        self._store = store
        self._pipeline = pipeline
        self._people = people
        self._feed = feed
        self._bus = bus
        self._wakeups = wakeups
        self._metrics = metrics

    async def get(self, number: str, source: str | None = None) -> Document:
        """The order of this number. Raises `NotFound`, and `Ambiguous` where several sources have it."""
        found = await self._store.numbered(number, source)
        if not found:
            raise NotFound("there is no such order")
        if len(found) > 1:
            raise Ambiguous(number, [order["source"] for order in found])
        return found[0]

    async def by_id(self, key: str) -> Document:
        """One order by its id."""
        found = await self._store.get(key)
        if found is None:
            raise NotFound("there is no such order")
        return found

    async def page(self, query: OrderQuery, cursor: str | None) -> tuple[list[Document], str | None]:
        """A page of orders, what changed last first, and the cursor for the next."""
        wanted = msgspec.structs.replace(
            query, after=moment_and_id(cursor), limit=query.limit + 1, phone=phone_number(query.q)
        )
        return page(await self._store.page(wanted), query.limit, "changed_at", "_id")

    async def pipeline(self) -> Pipeline:
        """The stages that orders go through."""
        return await self._pipeline.get()

    async def of_customer(self, customer_id: str, limit: int = SHOWN) -> list[Document]:
        """A card's orders, newest first."""
        return await self._store.of_customer(customer_id, limit)

    async def sums(self, customer_ids: Sequence[str]) -> dict[str, list[Sum]]:
        """How many orders cards have and what they come to, by currency; what came to nothing adds nothing."""
        return await self._store.sums(customer_ids, (await self._pipeline.get()).void)

    async def waiting_for(self, customer: Mapping[str, Any]) -> list[Document]:
        """Orders of nobody that have a phone or an e-mail of this card."""
        phones = [phone["number"] for phone in customer["phones"]]
        emails = [email["address"] for email in customer["emails"]]
        return await self._store.waiting(phones, emails, SHOWN)

    async def suggestions(self, order: Mapping[str, Any]) -> list[Suggestion]:
        """The cards that an order of nobody may belong to."""
        if order["customer_id"] is not None:
            return []
        phone, email = order["contact"]["phone"], order["contact"]["email"]
        found = []
        for card in await self._people.with_contact(phone, email):
            phones = [known["proven"] for known in card["phones"] if phone and known["number"] == phone]
            emails = [known["proven"] for known in card["emails"] if email and known["address"] == email]
            by = [kind for kind, known in (("phone", phones), ("email", emails)) if known]
            found.append(Suggestion(customer_id=card["_id"], name=card["name"], by=by, proven=any([*phones, *emails])))
        return found

    async def put(
        self,
        author: Author,
        snapshot: OrderSnapshot,
        *,
        source: str = API_SOURCE,
        binding: bool = True,
        quiet: bool = False,
        version: int | None = None,
    ) -> tuple[Document, bool]:
        """Take a picture of an order; returns the order as it stands, and whether it is new.

        `binding` holds the move to the pipeline: raises `ForbiddenMove`; an irregular one is only marked otherwise.
        `quiet` tells no customer, as for a backfill. Raises `Conflict` where the order is no longer at `version`.
        """
        pipeline, at = await self._pipeline.get(), now()
        if snapshot.customer_id is not None:
            snapshot = msgspec.structs.replace(snapshot, customer_id=await self._living(snapshot.customer_id))
        key = order_id(source, snapshot.number)
        if await self._store.get(key) is None:
            if version is not None:
                raise Conflict("there is no such order yet; leave out the version to make it", current=0)
            order = created(source, snapshot, pipeline, author, at=at, decides=binding)
            if snapshot.customer_id is not None:
                order |= {"customer_id": snapshot.customer_id, "linked_by": "source"}
            if await self._store.insert(order):
                self._metrics.orders.labels("created").inc()
                order = await self._belonging(order)
                await self._show(order)
                return order, True
        before, after = await self._decide(
            key,
            lambda order: updated(order, snapshot, pipeline, author, at=at, decides=binding, quiet=quiet),
            version,
        )
        await self._tell(before, after, author)
        return await self._claimed(after, snapshot, author), False

    async def take(
        self, source: Mapping[str, Any], snapshot: OrderSnapshot, *, received_at: datetime, repeated: bool
    ) -> None:
        """Take what a shop pushed. `repeated` shows the order once more: who took it before may not have come to it."""
        if snapshot.updated_at is not None and snapshot.updated_at > received_at + CLOCKS_DIFFER:
            snapshot = msgspec.structs.replace(snapshot, updated_at=received_at)
        author = Author(type="shop", id=source["_id"], name=source["name"])
        order, _ = await self.put(author, snapshot, source=source["_id"], binding=False)
        if repeated:
            await self._show(order)

    async def remove(self, source: Mapping[str, Any], external_id: str, status: str, *, at: datetime) -> None:
        """Take word that a shop deleted an order: it gets this status. One that we never heard of stays unknown."""
        order = await self._store.called(source["_id"], external_id)
        if order is None:
            return
        pipeline = await self._pipeline.get()
        author = Author(type="shop", id=source["_id"], name=source["name"])
        told = snapshot_of(order, status=status, at=max(at, order["updated_at"]))
        before, after = await self._decide(
            order["_id"], lambda current: updated(current, told, pipeline, author, at=at)
        )
        await self._tell(before, after, author)

    async def set_status(
        self,
        key: str,
        status: str,
        author: Author,
        *,
        version: int | None = None,
        binding: bool = True,
        reply: Document | None = None,
    ) -> Document:
        """Move an order by its id, along with a `reply` perhaps; does nothing where it has the status already.

        Raises `ForbiddenMove` unless `binding` is False: an irregular move is marked then.
        """
        pipeline = await self._pipeline.get()
        before, after = await self._decide(
            key, lambda order: moved(order, status, pipeline, author, at=now(), binding=binding, reply=reply), version
        )
        await self._tell(before, after, author)
        return after

    async def link(self, key: str, customer_id: str | None, author: Author, *, version: int | None = None) -> Document:
        """Say whose an order is, or that it is nobody's: from then on no proven contact says otherwise."""
        owner = await self._living(customer_id) if customer_id is not None else None
        before, after = await self._decide(
            key, lambda order: linked(order, owner, "manager", author, at=now()), version
        )
        await self._tell(before, after, author)
        return after

    async def contact_proven(self, event: ContactProven) -> None:
        """Link what waited for this contact. Subscribed to the bus."""
        phones, emails = ([event.value], []) if event.kind == "phone" else ([], [event.value])
        await self._link_waiting(phones, emails)

    async def cards_changed(self, event: CardsChanged) -> None:
        """Link what waited because two cards proved its contact, which are one now. Subscribed to the bus."""
        for card in (await self._people.customers([event.merge["survivor_id"]])).values():
            phones = [phone["number"] for phone in card["phones"] if phone["proven"]]
            emails = [email["address"] for email in card["emails"] if email["proven"]]
            await self._link_waiting(phones, emails)

    async def _link_waiting(self, phones: Sequence[str], emails: Sequence[str]) -> None:
        while waiting := await self._store.waiting(phones, emails, _WAITING):
            found = [await self._belonging(order) for order in waiting]
            mine = [order for order in found if order["customer_id"] is not None]
            await self._feed.publish([Frame(type="order.updated", data=order) for order in mine])
            if len(mine) < len(waiting):
                return

    async def _claimed(self, order: Document, snapshot: OrderSnapshot, author: Author) -> Document:
        """The order with the card that its source names, or that has its contact; a manager's word stands over both."""
        if order["linked_by"] in ("manager", ERASED):
            return order
        customer_id = snapshot.customer_id
        if customer_id is None or customer_id == order["customer_id"]:
            shown = await self._belonging(order)
        else:
            _, shown = await self._decide(
                order["_id"], lambda current: linked(current, customer_id, "source", author, at=now())
            )
        if shown["version"] != order["version"]:
            await self._show(shown)
        return shown

    async def _belonging(self, order: Document) -> Document:
        """The order, linked to the one card that proves its contact, where there is one."""
        contact = order["contact"]
        if order["customer_id"] is not None or order["linked_by"] is not None:
            return order
        owners = await self._people.with_contact(contact["phone"], contact["email"], proven=True)
        if len(owners) != 1:
            return order

        def decide(current: Document) -> Change | None:
            if current["customer_id"] is not None or current["linked_by"] is not None:
                return None
            return linked(current, owners[0]["_id"], "contact", SYSTEM, at=now())

        _, after = await self._decide(order["_id"], decide)
        self._metrics.orders.labels("linked").inc()
        return after

    async def _decide(self, key: str, decide: _Decision, version: int | None = None) -> tuple[Document, Document]:
        """Decide on an order and write that over the version that was decided on; the order before and after it."""
        for _ in range(_TRIES):
            order = await self.by_id(key)
            if version not in (None, order["version"]):
                raise Conflict("somebody else has changed the order; look at it again", current=order["version"])
            change = decide(order)
            if change is None:
                return order, order
            changed = await self._store.change(order, change)
            if changed is not None:
                return order, changed
        raise Conflict("the order changes all the time; try again")

    async def _tell(self, before: Document, after: Document, author: Author) -> None:
        """Have everybody concerned hear of a change."""
        if after["version"] == before["version"]:
            return
        await self._show(after)
        if after["status"] == before["status"]:
            return
        irregular = after["history"][-1]["irregular"]
        self._metrics.orders.labels("moved_irregularly" if irregular else "moved").inc()
        if after["noticing"]:
            self._wakeups.ring(NOTICES)
        await self._bus.announce(OrderStatusChanged(order=after, before=before["status"], author=author))

    async def _show(self, order: Document) -> None:
        await self._feed.publish([Frame(type="order.updated", data=order)])

    async def _living(self, customer_id: str) -> str:
        """The card, or the one that it was merged into."""
        card = await self._people.living(customer_id)
        if card is None:
            raise Invalid("customer_id", "there is no such customer")
        key: str = card["_id"]
        return key
