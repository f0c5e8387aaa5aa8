"""Whose a phone or an e-mail address is: proofs, which merge cards, and what was merely told, which suggests it.

Proven is a phone by a Telegram contact whose user is its sender, an address by the provider's own verdict on a letter,
and either by a one-time code (`inbox.codes`). A forwarded contact, somebody else's, one of a provider that names no
owner, and what was typed prove nothing. A batch only sets timers; what they do may be repeated and in any order.
"""

from collections.abc import Mapping
from typing import Any

import structlog

from inbox.events import EventBus
from inbox.live import Frame, LiveFeed
from inbox.merging import Merging
from inbox.model.contacts import FIELDS, email_address, phone_number
from inbox.model.domain_events import ContactProven
from inbox.model.errors import NotFound
from inbox.model.ids import derived_id, now
from inbox.model.incoming import Contact, NewMessage
from inbox.model.likeness import contacts_in, looks_like_code, may_tell
from inbox.settings import ShopSettings
from inbox.storage.contacts import ContactStore
from inbox.storage.database import Document
from inbox.storage.messages import MessageStore

PROVEN, TOLD, CODE_TYPED = "contact.proven", "contact.told", "code.typed"
"""Kinds of timers."""

_log = structlog.get_logger(__name__)


def contact_timers(
    event: NewMessage, message: Mapping[str, Any], identity: Mapping[str, Any]
) -> list[tuple[str, str, Document]]:
    """What a message makes worth looking at, as timers: kind, id and data. Most messages have none."""
    due: list[tuple[str, str, Document]] = []
    known = {proof["value"] for proof in identity.get("proven", ())}
    proofs: list[tuple[str, str]] = []
    if event.proven_email:
        proofs.append(("email", email_address(event.proven_email)))
    contact = event.content if isinstance(event.content, Contact) else None
    if contact is not None and contact.own and not event.forwarded:
        proofs.append(("phone", international(contact.phone) or ""))
    for type_, value in proofs:
        if value and value not in known:
            timer_id = f"{PROVEN}:{derived_id(identity['_id'], type_, value)}"
            due.append((PROVEN, timer_id, {"identity_id": identity["_id"], "type": type_, "value": value}))
    told = contact is not None and not (contact.own and not event.forwarded)
    if told or may_tell(event.text):
        due.append((TOLD, f"{TOLD}:{message['_id']}", {"message_id": message["_id"]}))
    if looks_like_code(event.text):
        due.append((CODE_TYPED, f"{CODE_TYPED}:{message['_id']}", {"message_id": message["_id"]}))
    return due


def international(written: str, region: str = "") -> str | None:
    """A shared contact's phone in E.164: providers leave out the plus before the country."""
    digits = written.strip()
    return (phone_number(f"+{digits}") if digits.isdigit() else None) or phone_number(digits, region)


class Proofs:
    """Notes proofs and hints on cards, and merges what is proven to be one."""

    def __init__(
        self,
        *,
        store: ContactStore,
        merging: Merging,
        messages: MessageStore,
        settings: ShopSettings,
        feed: LiveFeed,
        bus: EventBus,
    ) -> None:
        self._store = store
        self._merging = merging
        self._messages = messages
        self._settings = settings
        self._feed = feed
        self._bus = bus

    async def learn(self, data: Mapping[str, Any]) -> None:
        """A proof came (timer `contact.proven`)."""
        try:
            await self.prove(data["identity_id"], data["type"], data["value"])
        except NotFound:
            _log.info("proof_of_nobody", identity_id=data["identity_id"])  # The card was erased meanwhile.

    async def prove(self, identity_id: str, type_: str, value: str, *, reason: str = "") -> None:
        """Note that a contact is an identity's, and merge its card with those that proved the same.

        `reason` is what the merge says of why: the type of the contact, where it is empty.
        """
        card = await self._store.prove(identity_id, type_, value, now())
        if card is None:
            return
        await self._feed.publish([Frame(type="customer.updated", data=card)])
        await self._bus.announce(ContactProven(card["_id"], type_, value))
        _log.info("contact_proven", identity_id=identity_id, customer_id=card["_id"], contact=type_)
        for other in await self._store.proven_by(type_, value):
            present = await self._merging.card(card["_id"])
            if other["_id"] != present["_id"]:
                why = {"type": reason or type_, "value": value}
                # Who typed a code has shown that a person who thought otherwise was wrong.
                await self._merging.merge_proven(present, other, reason=why, certain=reason == "code")

    async def hear(self, data: Mapping[str, Any]) -> None:
        """A message may tell a contact (timer `contact.told`)."""
        message = await self._messages.get(data["message_id"])
        if message is None or message["deleted_at"] is not None:
            return
        region = await self._settings.region()
        told = [("typed", type_, value) for type_, value in contacts_in(message["text"], region)]
        content = message.get("content") or {}
        if content.get("type") == "contact":
            number = international(content["phone"], region)
            told += [("contact", "phone", number)] if number is not None else []
        if not told:
            return
        hints = [
            {"type": type_, "value": value, "source": source, "message_id": message["_id"], "at": message["sent_at"]}
            for source, type_, value in told
        ]
        card = await self._merging.card(message["customer_id"])
        noted = await self._store.hint(card["_id"], hints)
        if noted is not None and noted != card:
            await self._feed.publish([Frame(type="customer.updated", data=noted)])


def contacts_of(card: Mapping[str, Any]) -> dict[tuple[str, str], Document]:
    """Everything that a card says of its contacts by (type, value): its own rows, and hints."""
    found = {
        (type_, row[key]): {**row, "source": "card"} for type_, (field, key) in FIELDS.items() for row in card[field]
    }
    for hint in card.get("hints", ()):
        found.setdefault((hint["type"], hint["value"]), hint)
    return found
