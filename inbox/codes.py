"""One-time codes: somebody proves that a phone or an address is theirs by a code that only its owner can read.

A code goes to an identity that has proven the contact already, and is typed where the claim was made. Whoever asks is
told the same whether anybody was found. Six digits, good for ten minutes, five tries and one use; a wrong one is
answered by nobody.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import structlog

from inbox.merging import Merging
from inbox.model.contacts import email_address, phone_number
from inbox.model.conversation import new_conversation
from inbox.model.errors import DomainError, Invalid, TooOften
from inbox.model.ids import derived_id, now
from inbox.model.people import SYSTEM, Author
from inbox.proofs import Proofs
from inbox.replies import Draft, Replies
from inbox.secrets import SecretBox
from inbox.settings import ShopSettings
from inbox.storage.codes import CodeStore
from inbox.storage.contacts import ContactStore
from inbox.storage.conversations import ConversationStore
from inbox.storage.database import Document
from inbox.storage.messages import MessageStore
from inbox.storage.people import PeopleStore
from inbox.storage.timers import TimerStore
from inbox.wakeups import Wakeups

GOOD_FOR = timedelta(minutes=10)
TRIES = 5
PERIOD = timedelta(hours=1)
MOST = 3
"""How many codes within `PERIOD` one identity may be asked for, and one contact."""

SEND = "code.send"
"""The kind of timer that sends a code."""

_ADDRESS = re.compile(r"[^@\s]{1,64}@[^@\s]+\.[^@\s]+")
_TEXTS: Mapping[str, str] = {
    "uk": "Ваш код: {code}. Введіть його в чаті, де вас про нього запитали, протягом 10 хвилин. "
    "Якщо ви нічого не запитували, просто пропустіть це повідомлення.",
    "ru": "Ваш код: {code}. Введите его в чате, где вас о нём спросили, в течение 10 минут. "
    "Если вы ничего не запрашивали, просто пропустите это сообщение.",
    "en": "Your code: {code}. Type it in the chat where you were asked for it, within 10 minutes. "
    "If you did not ask for anything, ignore this message.",
    "ka": "თქვენი კოდი: {code}. ჩაწერეთ ის ჩატში, სადაც მოგთხოვეს, 10 წუთის განმავლობაში. "
    "თუ არაფერი მოგითხოვიათ, უგულებელყავით ეს შეტყობინება.",
}
_log = structlog.get_logger(__name__)


class Codes:
    """Sends codes and recognises them when they are typed."""

    def __init__(
        self,
        *,
        store: CodeStore,
        contacts: ContactStore,
        people: PeopleStore,
        conversations: ConversationStore,
        messages: MessageStore,
        merging: Merging,
        proofs: Proofs,
        replies: Replies,
        settings: ShopSettings,
        timers: TimerStore,
        wakeups: Wakeups,
        box: SecretBox,
    ) -> None:
        self._store = store
        self._contacts = contacts
        self._people = people
        self._conversations = conversations
        self._messages = messages
        self._merging = merging
        self._proofs = proofs
        self._replies = replies
        self._settings = settings
        self._timers = timers
        self._wakeups = wakeups
        self._box = box
        self._key = box.derive("one-time codes")

    async def ask(self, customer_id: str, identity_id: str, written: str, *, by: Author) -> None:
        """Have a code sent to whoever has proven this phone or address, to be typed over this identity of the card.

        Raises `Invalid` for what is neither, or no identity of the card; `TooOften` where enough was asked for.
        Whether there is anybody to send it to is told to nobody, by neither the answer nor its time.
        """
        type_, value = await self._contact(written)
        identity = await self._people.identity(identity_id)
        if identity is None or identity["customer_id"] != (await self._merging.card(customer_id))["_id"]:
            raise Invalid("identity", "this card has no such identity")
        if identity.get("joined"):
            raise Invalid("identity", "is not known to be this customer: confirm it, or split it off, first")
        present = now()
        typed = f"{secrets.randbelow(10**6):06d}"
        code_id = secrets.token_hex(12)
        code: Document = {
            "_id": code_id,
            "identity_id": identity_id,
            "contact": f"{type_}:{value}",
            "type": type_,
            "value": value,
            "digest": self._digest(code_id, typed),
            "by": {"type": by.type, "id": by.id},
            "created_at": present,
            "expires_at": present + GOOD_FOR,
            "tried": [],
            "used_by": None,
        }
        if not await self._store.insert(code, since=present - PERIOD, most=MOST):
            raise TooOften(f"at most {MOST} codes an hour for one contact: try later", after=PERIOD.total_seconds())
        sealed = self._box.seal({"code": typed})
        await self._timers.set(f"{SEND}:{code_id}", SEND, present, {"code_id": code_id, "sealed": sealed})
        self._wakeups.ring("timers")

    async def _contact(self, written: str) -> tuple[str, str]:
        if "@" in written:
            if _ADDRESS.fullmatch(written.strip()) is None:
                raise Invalid("contact", "is not an e-mail address; write it as name@example.com")
            return "email", email_address(written)
        number = phone_number(written, await self._settings.region())
        if number is None:
            raise Invalid("contact", "is neither a phone number nor an address; write a phone as +380671234567")
        return "phone", number

    def _digest(self, code_id: str, typed: str) -> bytes:
        return hmac.new(self._key, f"{code_id}:{typed}".encode(), hashlib.sha256).digest()

    async def send(self, data: Mapping[str, Any]) -> None:
        """Send a code to its contact's owner, if there is one who can be reached (timer `code.send`)."""
        code = await self._store.get(data["code_id"])
        asking = await self._people.identity(code["identity_id"]) if code is not None else None
        if code is None or asking is None or code["expires_at"] <= now():
            return
        typed = self._box.open(data["sealed"])["code"]
        for card in await self._contacts.proven_by(code["type"], code["value"]):
            if card["_id"] == asking["customer_id"]:
                continue
            reachable = await self._contacts.identities_proven_by(card["_id"], code["type"], code["value"])
            if await self._send_to(card, reachable, code, typed):
                return
        _log.info("code_for_nobody", code_id=code["_id"])

    async def _send_to(self, card: Document, identities: Sequence[Document], code: Document, typed: str) -> bool:
        language = card["language"] if card["language"] in _TEXTS else (await self._settings.get())["languages"][0]
        for identity in identities:
            conversation_id = await self._conversation(card["_id"], identity["channel_id"])
            draft = Draft(
                text=_TEXTS.get(language, _TEXTS["en"]).format(code=typed),
                secret=typed,
                channel_id=identity["channel_id"],
                identity_id=identity["_id"],
                client_token=f"code:{code['_id']}",
                automatic=True,
            )
            try:
                await self._replies.post(conversation_id, draft, author=SYSTEM)
            except DomainError as error:
                _log.info("code_not_sent_there", code_id=code["_id"], channel_id=identity["channel_id"], why=str(error))
            else:
                return True
        return False

    async def _conversation(self, customer_id: str, channel_id: str) -> str:
        """Where a code is noted: in the active case, else the last one, else a closed one. It opens nothing."""
        active = await self._conversations.active([customer_id])
        known = active or await self._conversations.last_closed([customer_id])
        if customer_id in known:
            return str(known[customer_id]["_id"])
        key = derived_id("conversation", customer_id)
        begun = new_conversation(key, customer_id=customer_id, channel_id=channel_id, at=now(), closed=True)
        await self._conversations.insert([begun], durable=True)
        return key

    async def read(self, data: Mapping[str, Any]) -> None:
        """A customer wrote six digits: perhaps a code (timer `code.typed`)."""
        message = await self._messages.get(data["message_id"])
        if message is None or message["direction"] != "in":
            return
        typed = "".join(character for character in message["text"] if character.isdecimal())
        for code in await self._store.awaited(message["identity_id"], message["received_at"]):
            tried = await self._store.attempt(code, message["_id"], TRIES)
            if tried is None or not hmac.compare_digest(self._digest(code["_id"], typed), tried["digest"]):
                continue
            if await self._store.use(code, message["_id"]):
                await self._proofs.prove(code["identity_id"], code["type"], code["value"], reason="code")
                return
