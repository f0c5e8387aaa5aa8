"""Orders: what a source tells of them, what people decide about them, and what stands when both are put together.

A source always tells an order whole, as it is at one moment (`OrderSnapshot`). So an older picture loses as a whole to
a newer one, and pictures of the same moment are ranked by what they say: whatever the order in which they come, the
same one stands. The status alone has clocks of its own, because people move it too:

- `told`     the status that the source's newest picture with a status of ours shows, and when it was taken
- `decided`  what a manager, the bot or the API set last, when, and what the source had told until then (`seen`)

What was decided stands until the source tells *another* status than it did at that time: a shop that repeats
"processing" while parcels are being packed here takes nothing back. `standing` is that rule. Both clocks move by
comparison only, so late, repeated and disordered pushes end in the same state.

The stored order: `{_id, source, number, external_id, customer_id, linked_by, contact {phone, email, name}, items
[{name, quantity, price, sku}], total, currency, payment, delivery {carrier, tracking_number}, status, told {status,
at}, decided {status, at, seen {status, at}} | null, history [{no, at, by, changes {field: {from, to}}, irregular,
reply?}], due_notices [{no, status, at}], noticing, created_at, updated_at, changed_at, version}`. Times of the source
are `created_at` and `updated_at`; ours is `changed_at`. A change's `no` is the version that it made, its `at` when it
happened: in the shop, where a shop told of it. Its `reply` {message_id, macro_id, macro} is what it came along with.
"""

import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from inbox.model.erasing import ERASED, impersonal
from inbox.model.errors import Conflict, Invalid
from inbox.model.ids import derived_id
from inbox.model.money import NoAmount, checked_amount, checked_currency
from inbox.model.people import Author
from inbox.model.pipeline import Pipeline

Document = dict[str, Any]
Payment = str | dict[str, str] | None
"""How it is paid, in the source's words: one word, or `state` and whatever else it tells."""

API_SOURCE = "api"
"""The source of orders that come by the API."""

NEWS = timedelta(hours=24)
"""How old a source's news may be to be told to the customer. What is older is a backfill."""

KEPT_CHANGES = 300
"""How many changes an order remembers."""

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_FACTS = ("contact", "items", "total", "currency", "payment", "delivery")
_MOST_LINES = 20
_QUANTITY = re.compile(r"[0-9]{1,9}(\.[0-9]{1,6})?")


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """A line of an order. `price` is for one piece; a quantity that is no whole number is a decimal string."""

    name: str
    quantity: int | str
    price: str
    sku: str = ""


class Contact(msgspec.Struct, frozen=True):
    """Who ordered, as the source tells it: the phone in E.164, the e-mail in lower case; empty where unknown."""

    phone: str = ""
    email: str = ""
    name: str = ""


class Delivery(msgspec.Struct, frozen=True):
    """By whom it is sent and under which number; empty where unknown."""

    carrier: str = ""
    tracking_number: str = ""


class OrderSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """An order as its source shows it at one moment, amounts already in their currency's digits.

    `status` is one of ours, or None where the source's word stands for none. Without `updated_at` it is the newest.
    """

    number: str
    status: str | None
    items: tuple[Item, ...]
    total: str
    currency: str
    contact: Contact = Contact()
    payment: Payment = None
    delivery: Delivery = Delivery()
    customer_id: str | None = None
    """The card that the source itself names."""
    external_id: str = ""
    """What the source calls the order in its own records, where that is not the number."""
    created_at: datetime | None = None
    updated_at: datetime | None = None


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be written over the version that it was decided on."""

    fields: Document
    """Fields to set."""
    entry: Document | None = None
    """What the history gains."""
    notice: Document | None = None
    """What the customer is due to be told."""


class ForbiddenMove(Conflict):
    """The pipeline does not lead from the order's status to the wanted one; `allowed` says where it does."""

    def __init__(self, before: str, after: str, allowed: tuple[str, ...]) -> None:
        ways = f"it may go to: {', '.join(allowed)}" if allowed else "it stays there"
        super().__init__(f"an order that is {before} cannot become {after}; {ways}", choices={"allowed": allowed})
        self.allowed = allowed


def priced(items: Iterable[Item], total: str, currency: str) -> tuple[tuple[Item, ...], str, str]:
    """Lines, total and currency in their exact form. Raises `Invalid` for what is no amount, naming it."""
    try:
        code = checked_currency(currency)
    except NoAmount as error:
        raise Invalid("currency", str(error)) from error
    lines = []
    for position, item in enumerate(items):
        if not is_quantity(item.quantity):
            raise Invalid(f"items.{position}.quantity", 'give a whole number, or a decimal such as "0.5"')
        price = _exact(item.price, code, f"items.{position}.price")
        lines.append(msgspec.structs.replace(item, price=price))
    return tuple(lines), _exact(total, code, "total"), code


def _exact(written: str, currency: str, field: str) -> str:
    try:
        return checked_amount(written, currency)
    except NoAmount as error:
        raise Invalid(field, str(error)) from error


def is_quantity(value: int | str) -> bool:
    """Whether it is a whole number or a decimal as text, not negative and not absurd."""
    return _QUANTITY.fullmatch(str(value)) is not None


def order_id(source: str, number: str) -> str:
    """An order's id: unique by source and number."""
    return derived_id("order", source, number)


def created(
    source: str, snapshot: OrderSnapshot, pipeline: Pipeline, author: Author, *, at: datetime, decides: bool = False
) -> Document:
    """A new order. Nobody is told of it, whatever its status.

    `decides` where the status comes from somebody whom the pipeline binds: it must exist then, or `Invalid`.
    """
    if decides:
        _must_exist(snapshot.status or "", pipeline)
    told_at = snapshot.updated_at or at
    status = snapshot.status if snapshot.status is not None else pipeline.codes[0]
    order: Document = {
        "_id": order_id(source, snapshot.number),
        "source": source,
        "number": snapshot.number,
        "external_id": snapshot.external_id,
        "customer_id": None,
        "linked_by": None,
        **_facts(snapshot),
        "status": status,
        "told": {"status": status, "at": told_at if snapshot.status is not None else _LONG_AGO},
        "decided": None,
        "created_at": snapshot.created_at or told_at,
        "updated_at": told_at,
        "changed_at": at,
        "version": 1,
        "due_notices": [],
        "noticing": False,
    }
    order["history"] = [_entry(1, told_at, author, {"status": {"from": None, "to": status}})]
    return order


def updated(
    order: Mapping[str, Any],
    snapshot: OrderSnapshot,
    pipeline: Pipeline,
    author: Author,
    *,
    at: datetime,
    decides: bool = False,
    quiet: bool = False,
) -> Change | None:
    """What another picture of an order changes; None where it changes nothing.

    `decides` where the pipeline binds whoever sends it: raises `ForbiddenMove` then, and `Invalid` for an unknown
    status. Others are never refused for their move: an irregular one is marked. `quiet` tells nobody.
    """
    facts = _facts(snapshot)
    if order["linked_by"] == ERASED:
        facts |= impersonal(facts)
    known = {field: order[field] for field in _FACTS}
    if snapshot.updated_at is None and facts == known and snapshot.status in (None, order["told"]["status"]):
        return None
    told_at = snapshot.updated_at or max(at, order["updated_at"] + timedelta(milliseconds=1))
    newer = (told_at, _rank(facts)) > (order["updated_at"], _rank(known))
    fields: Document = {}
    changes: Document = {}
    if newer:
        fields = {**facts, "updated_at": told_at, "external_id": snapshot.external_id}
        if snapshot.created_at is not None:
            fields["created_at"] = snapshot.created_at
        changes = {field: _difference(field, known[field], facts[field]) for field in _FACTS}
        changes = {field: change for field, change in changes.items() if known[field] != facts[field]}
    if snapshot.status is not None:
        if decides:
            _must_exist(snapshot.status, pipeline)
        fields |= _heard(order, {"status": snapshot.status, "at": told_at}, pipeline)
    status = standing(fields.get("told", order["told"]), fields.get("decided", order["decided"]))
    recent = "told" in fields and at - told_at <= NEWS
    return _settled(
        order,
        fields,
        changes,
        status,
        pipeline,
        author,
        at=at,
        happened_at=min(told_at, at),
        binding=decides,
        quiet=quiet or not recent,
    )


def moved(
    order: Mapping[str, Any],
    status: str,
    pipeline: Pipeline,
    author: Author,
    *,
    at: datetime,
    binding: bool = True,
    quiet: bool = False,
    reply: Document | None = None,
) -> Change | None:
    """What somebody's decision on a status changes; None where the order has it already.

    `reply` is what it came along with, and moves it once. Raises `Invalid` for an unknown status, and `ForbiddenMove`
    unless `binding` is False: then it is marked irregular.
    """
    _must_exist(status, pipeline)
    if status == order["status"] or (reply is not None and _came_along(order, status, reply)):
        return None
    told = order["told"]
    decided_at = max(at, told["at"])
    decided = {"status": status, "at": decided_at, "seen": told}
    change = _settled(
        order, {"decided": decided}, {}, status, pipeline, author, at=at, happened_at=at, binding=binding, quiet=quiet
    )
    if change is None or change.entry is None or reply is None:
        return change
    return msgspec.structs.replace(change, entry={**change.entry, "reply": reply})


def _came_along(order: Mapping[str, Any], status: str, reply: Document) -> bool:
    """Whether a reply has moved the order to this status before, whatever became of it since."""
    moves = [entry for entry in order["history"] if entry.get("reply", {}).get("message_id") == reply["message_id"]]
    return any(entry["changes"]["status"]["to"] == status for entry in moves)


def linked(
    order: Mapping[str, Any], customer_id: str | None, linked_by: str, author: Author, *, at: datetime
) -> Change | None:
    """What it changes that an order belongs to this card, or to none; None where that is known.

    Raises `Conflict` where it belonged to somebody who was erased.
    """
    if order["linked_by"] == ERASED:
        raise Conflict("whose order this was is erased: it stays nobody's")
    if order["customer_id"] == customer_id and order["linked_by"] == linked_by:
        return None
    fields = {"customer_id": customer_id, "linked_by": linked_by}
    change = {"customer_id": {"from": order["customer_id"], "to": customer_id}}
    return _change(order, fields, change, author, at=at, happened_at=at)


def standing(told: Mapping[str, Any], decided: Mapping[str, Any] | None) -> str:
    """The status that stands: what was decided, until the source tells another one than it did by then."""
    if decided is None or (told["at"] > decided["at"] and told["status"] != decided["seen"]["status"]):
        status: str = told["status"]
    else:
        status = decided["status"]
    return status


def snapshot_of(order: Mapping[str, Any], *, status: str, at: datetime) -> OrderSnapshot:
    """An order as it is, as if its source showed it in this status at this time."""
    facts = {field: order[field] for field in (*_FACTS, "number", "external_id")}
    return msgspec.convert({**facts, "status": status, "updated_at": at}, OrderSnapshot)


def payment_state(payment: Payment) -> str:
    """How far it is paid, in the source's word; empty where that is unknown."""
    return payment if isinstance(payment, str) else (payment or {}).get("state", "")


def item_line(item: Mapping[str, Any]) -> str:
    """A line of an order in words: `2 × Mug, 150.00`."""
    return f"{item['quantity']} × {item['name'][:80]}, {item['price']}"


def _heard(order: Mapping[str, Any], told: Document, pipeline: Pipeline) -> Document:
    """Which registers move because the source told a status at a time."""
    fields: Document = {}
    if _later(told, order["told"], pipeline):
        fields["told"] = told
    decided = order["decided"]
    if decided is not None and told["at"] <= decided["at"] and _later(told, decided["seen"], pipeline):
        fields["decided"] = {**decided, "seen": told}
    return fields


def _later(one: Mapping[str, Any], other: Mapping[str, Any], pipeline: Pipeline) -> bool:
    """Whether the source said one after the other; of two at the same time the one further along is the later."""

    def place(said: Mapping[str, Any]) -> tuple[datetime, int, str]:
        return said["at"], pipeline.place(said["status"]), said["status"]

    return place(one) > place(other)


def _settled(
    order: Mapping[str, Any],
    fields: Document,
    changes: Document,
    status: str,
    pipeline: Pipeline,
    author: Author,
    *,
    at: datetime,
    happened_at: datetime,
    binding: bool,
    quiet: bool,
) -> Change | None:
    """The change with the status that stands now."""
    before = order["status"]
    if status == before:
        return _change(order, fields, changes, author, at=at, happened_at=happened_at) if fields else None
    allowed = pipeline.allowed(before)
    irregular = status not in allowed
    if irregular and binding:
        raise ForbiddenMove(before, status, allowed)
    fields = {**fields, "status": status}
    changes = {**changes, "status": {"from": before, "to": status}}
    notice = None
    if pipeline.notifies(status) and not quiet:
        notice = {"no": order["version"] + 1, "status": status, "at": at}
    return _change(order, fields, changes, author, at=at, happened_at=happened_at, irregular=irregular, notice=notice)


def _change(
    order: Mapping[str, Any],
    fields: Document,
    changes: Document,
    author: Author,
    *,
    at: datetime,
    happened_at: datetime,
    irregular: bool = False,
    notice: Document | None = None,
) -> Change:
    entry = _entry(order["version"] + 1, happened_at, author, changes, irregular=irregular) if changes else None
    return Change(fields={**fields, "changed_at": at} if changes else fields, entry=entry, notice=notice)


def _entry(no: int, at: datetime, author: Author, changes: Document, *, irregular: bool = False) -> Document:
    return {"no": no, "at": at, "by": msgspec.structs.asdict(author), "changes": changes, "irregular": irregular}


def _must_exist(status: str, pipeline: Pipeline) -> None:
    if pipeline.stage(status) is None:
        raise Invalid("status", f"there is no status {status[:60]!r}; there are: {', '.join(pipeline.codes)}")


def _facts(snapshot: OrderSnapshot) -> Document:
    """What a snapshot says, as it is stored."""
    told = {field: msgspec.to_builtins(getattr(snapshot, field)) for field in _FACTS}
    return {**told, "items": list(told["items"])}


def _rank(facts: Mapping[str, Any]) -> str:
    """What decides between two pictures of the same moment: anything that does not depend on which came first."""
    return json.dumps(facts, sort_keys=True)


def _difference(field: str, before: Any, after: Any) -> Document:
    """What the history keeps of a change: of the lines of an order only those that differ, in words."""
    if field != "items":
        return {"from": before, "to": after}
    old, new = [item_line(item) for item in before], [item_line(item) for item in after]
    gone, came = [line for line in old if line not in new], [line for line in new if line not in old]
    return {"from": gone[:_MOST_LINES], "to": came[:_MOST_LINES]}
