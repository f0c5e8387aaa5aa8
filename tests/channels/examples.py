"""One example of each kind: how to make a channel of it, what its provider does, and what may go wrong there.

The contract (`test_contract.py`, `test_sidecars.py`, `test_sending.py`, `test_order.py`) asks for nothing else.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import BaseModel, SecretStr

from channels.faults import Fault
from channels.registry import KINDS as REGISTERED
from channels.sandbox import Sandbox
from inbox.model.channel import ChannelKind, WebhookRequest
from inbox.model.failures import ChannelFailure, CredentialsRejected, Refused, RetryLater, Uncertain, Unreachable
from inbox.model.incoming import Echo, Incoming, Person, Receipt
from tests.channels.email.test_client import ANSWERS as EMAIL_ANSWERS
from tests.channels.instagram.test_client import MEANINGS as INSTAGRAM_MEANINGS
from tests.channels.instagram.test_order import OURS, THEIRS, batch
from tests.channels.telegram.test_client import SEND_FAULTS as TELEGRAM_FAULTS
from tests.channels.toy import Toy
from tests.channels.toy.parse import signature
from tests.channels.toy.sandbox import ToySandbox
from tests.channels.viber.test_client import SEND_FAULTS as VIBER_SEND_FAULTS
from tests.channels.viber.test_client import STEPS as VIBER_STEPS

HERE = Path(__file__).parent
ANSWER_SECONDS = 0.4

KINDS: Mapping[str, ChannelKind] = {**REGISTERED, "toy": Toy()}
"""Every kind of the shop's, and one that only the tests know."""


class Shelf:
    """A place on the internet that a provider reaches: it takes webhooks, and has files to fetch."""

    def __init__(self) -> None:
        self.url = ""
        self._files: dict[str, bytes] = {}

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Shelf"]:
        app = web.Application()
        app.router.add_route("*", "/webhook", self._take)
        app.router.add_get("/files/{name}", self._hand_over)
        async with TestServer(app) as server:
            self.url = str(server.make_url("")).rstrip("/")
            yield self

    @property
    def webhook(self) -> str:
        return f"{self.url}/webhook"

    def offer(self, name: str, content: bytes) -> str:
        """The address of a file."""
        self._files[name] = content
        return f"{self.url}/files/{name}"

    async def _take(self, request: web.Request) -> web.Response:
        await request.read()
        return web.Response()

    async def _hand_over(self, request: web.Request) -> web.Response:
        return web.Response(body=self._files[request.match_info["name"]])


@dataclass(frozen=True, kw_only=True)
class Stage:
    """An account at its sandbox: `to` is the customer, `asked` the external id of what they wrote."""

    settings: BaseModel
    to: str
    asked: str
    arrived: Callable[[], int]
    """How many messages of the shop's the customer has."""
    fault: Callable[[Fault], None]


NETWORK: Mapping[str, tuple[Fault, type[ChannelFailure]]] = {
    "a proxy's page": (Fault(kind="html"), RetryLater),
    "an answer that is cut off": (Fault(kind="garbage"), Uncertain),
    "no answer": (Fault(kind="hang"), Uncertain),
    "no answer to what was done": (Fault(kind="hang_after"), Uncertain),
    "a connection cut": (Fault(kind="reset_before"), Uncertain),
    "a connection cut once it was done": (Fault(kind="reset_after"), Uncertain),
}
"""What happens to anybody who speaks HTTP."""


@asynccontextmanager
async def telegram_stage(sandbox: Sandbox, shelf: Shelf) -> AsyncIterator[Stage]:
    del shelf
    bot = sandbox.telegram.create_bot()
    chat = bot.chat(sandbox.telegram.create_customer("Олена Мельник"))
    asked = chat.text("Добрий день")
    yield Stage(
        settings=settings_of("telegram", token=bot.token, api_base=sandbox.api_base("telegram")),
        to=str(chat.customer.id),
        asked=f"{chat.customer.id}:{asked}",
        arrived=lambda: len(chat.seen()),
        fault=sandbox.telegram.fault,
    )


@asynccontextmanager
async def viber_stage(sandbox: Sandbox, shelf: Shelf) -> AsyncIterator[Stage]:
    bot = sandbox.viber.create_bot("Скринька")
    settings = settings_of("viber", token=bot.token, api_base=sandbox.api_base("viber"))
    connection = await KINDS["viber"].connect(settings)
    await connection.register(shelf.webhook)
    await connection.close()
    chat = bot.chat(sandbox.viber.create_customer("Олена Мельник"))
    asked = chat.text("Добрий день")
    await bot.drained()
    yield Stage(
        settings=settings,
        to=chat.user_id,
        asked=str(asked),
        arrived=lambda: len(chat.seen()),
        fault=sandbox.viber.fault,
    )


@asynccontextmanager
async def instagram_stage(sandbox: Sandbox, shelf: Shelf) -> AsyncIterator[Stage]:
    del shelf
    account = sandbox.instagram.create_account("box_shop")
    chat = account.chat(sandbox.instagram.create_customer("Олена Мельник"))
    asked = chat.text("Добрий день")
    yield Stage(
        settings=settings_of(
            "instagram",
            account_id=account.id,
            access_token=account.access_token,
            app_secret=account.app_secret,
            meta_app_secret=account.meta_app_secret,
            api_base=sandbox.api_base("instagram"),
        ),
        to=chat.customer.id,
        asked=asked,
        arrived=lambda: len(chat.seen()),
        fault=sandbox.instagram.fault,
    )


@asynccontextmanager
async def email_stage(sandbox: Sandbox, shelf: Shelf) -> AsyncIterator[Stage]:
    del shelf
    mailbox = sandbox.email.create_mailbox("support@shop.example", password="p4ss-w0rd-of-the-mailbox")
    letters = sandbox.email.letters(mailbox, sandbox.email.create_customer("Олена", "olena@mail.example"))
    yield Stage(
        settings=settings_of("email", smtp_url=sandbox.email.smtp_url(mailbox), imap_url=None),
        to="olena@mail.example",
        asked="letter-1@mail.example",
        arrived=lambda: len(letters.letters),
        fault=sandbox.email.fault,
    )


@asynccontextmanager
async def toy_stage(sandbox: Sandbox, shelf: Shelf) -> AsyncIterator[Stage]:
    del sandbox, shelf
    toy = ToySandbox("a-token-of-the-toy")
    async with TestServer(toy.provider()) as server:
        yield Stage(
            settings=settings_of("toy", token=toy.token, api_base=str(server.make_url("")).rstrip("/")),
            to="ann",
            asked="7",
            arrived=lambda: len(toy.texts),
            fault=toy.faults.add,
        )
        toy.faults.close()


VIBER_FAULTS = {
    **{f"status {status}": (Fault(kind="status", status=status), failure) for status, failure in VIBER_STEPS.items()},
    **{name: (fault, failure) for name, (fault, failure, _) in VIBER_SEND_FAULTS.items()},
}
INSTAGRAM_FAULTS = {
    **{
        f"error {name}": (Fault(kind="status", description=name, method="messages"), failure)
        for name, (failure, _) in INSTAGRAM_MEANINGS.items()
    },
    **NETWORK,
}
EMAIL_FAULTS: Mapping[str, tuple[Fault, type[ChannelFailure]]] = {
    **{
        f"{status} to {method} {words}".strip(): (
            Fault(kind="status", method=method, status=status, description=words),
            failure,
        )
        for method, status, words, failure in EMAIL_ANSWERS
    },
    "a line that breaks before the letter left": (Fault(kind="reset_before", method="RCPT"), RetryLater),
    "no answer before the letter left": (Fault(kind="hang", method="MAIL"), RetryLater),
    "a line that breaks under the letter": (Fault(kind="reset_before", method="DATA"), Uncertain),
    "a line that breaks behind the letter": (Fault(kind="reset_after", method="DATA"), Uncertain),
    "no answer to the letter": (Fault(kind="hang_after", method="DATA"), Uncertain),
}
TOY_FAULTS: Mapping[str, tuple[Fault, type[ChannelFailure]]] = {
    "400": (Fault(kind="status", status=400), Refused),
    "401": (Fault(kind="status", status=401), CredentialsRejected),
    "404": (Fault(kind="status", status=404), Unreachable),
    "429": (Fault(kind="status", status=429), RetryLater),
    "500": (Fault(kind="status", status=500), RetryLater),
    **NETWORK,
}


def incoming(kind: str, *bodies: bytes) -> list[Incoming]:
    """What these calls of the provider say."""
    settings = settings_of(kind)
    requests = [WebhookRequest(headers={}, query={}, body=body) for body in bodies]
    events = [event for request in requests for event in KINDS[kind].split(settings, request)]
    return [found for event in events for found in KINDS[kind].read(event.raw)]


def fixture(kind: str, *names: str) -> list[Incoming]:
    """What these fixtures say."""
    paths = [next((HERE / kind / "fixtures").glob(f"{name}.*")) for name in names]
    return incoming(kind, *(EXAMPLES[kind].call(path.read_bytes()) for path in paths))


def _sent(external_id: str, person: str) -> Echo:
    """A message of the shop's own, where its provider tells of no such thing: something can only happen to it."""
    at = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
    return Echo(person=Person(external_id=person), external_id=external_id, sent_at=at, text="Вітаю")


def telegram_stories() -> Mapping[str, Sequence[Incoming]]:
    def body(name: str, update_id: int, **changes: Any) -> bytes:
        update = json.loads((HERE / "telegram" / "fixtures" / f"{name}.json").read_bytes())
        [content] = [value for key, value in update.items() if key != "update_id"]
        content.update(changes)
        return json.dumps(update | {"update_id": update_id}).encode()

    def photo(unique: str) -> list[dict[str, Any]]:
        return [{"file_id": f"of {unique}", "file_unique_id": unique, "width": 90, "height": 60, "file_size": 9}]

    told = {
        "a customer's photo": (
            body("message__photo", 1, photo=photo("one")),
            body("edited_message__other_file", 2, photo=photo("two"), caption="Один"),
            body("edited_message__other_file", 3, photo=photo("three"), caption="Два"),
            body("edited_message__text", 4, message_id=8, edit_date=1793611999, text="Без фото"),
        ),
        "a business account's customer's photo": (
            body("business_message__text", 1, photo=photo("one")),
            body("edited_business_message__text", 2, photo=photo("two"), text="Один"),
            body("edited_business_message__text", 3, text="Два"),
            body("deleted_business_messages__two", 4, message_ids=[41]),
        ),
        "a customer's": (
            body("message__text", 1, message_id=5),
            body("edited_message__text", 2, message_id=5, text="Один"),
            body("edited_message__text", 3, message_id=5, text="Два"),
            body("message_reaction__added", 4, message_id=5),
        ),
        "a customer's with a change of mind": (
            body("message__text", 1, message_id=5),
            body("message_reaction__added", 2, message_id=5),
            body("message_reaction__taken_back", 3, message_id=5),
            body("edited_message__text", 4, message_id=5, text="Один"),
        ),
        "a customer's over a business account": (
            body("business_message__text", 1),
            body("edited_business_message__text", 2, text="Один"),
            body("edited_business_message__text", 3, text="Два"),
            body("deleted_business_messages__two", 4, message_ids=[41]),
        ),
        "a business account's owner's": (
            body("business_message__by_owner", 1, reply_to_message=None),
            body("edited_business_message__by_owner", 2, text="Один"),
            body("edited_business_message__by_owner", 3, text="Два"),
            body("deleted_business_messages__two", 4, message_ids=[43]),
        ),
    }
    return {whose: incoming("telegram", *bodies) for whose, bodies in told.items()}


def viber_stories() -> Mapping[str, Sequence[Incoming]]:
    user, token = "Z8fQ3+x0/5nKpV1aYq2tUw==", 5912661846655307794

    def body(event: str, at: int) -> bytes:
        told = {"event": event, "timestamp": at, "user_id": user, "message_token": token}
        return json.dumps(told).encode()

    receipts = incoming("viber", body("delivered", 1793612400123), body("seen", 1793612460123))
    return {"a customer's": fixture("viber", "message__text"), "the shop's": [_sent(str(token), user), *receipts]}


def instagram_stories() -> Mapping[str, Sequence[Incoming]]:
    account = str(EXAMPLES["instagram"].settings["account_id"])
    return {
        whose: incoming(
            "instagram",
            *(batch(account, "770001", moment, happening) for moment, happening in enumerate(happenings.values())),
        )
        for whose, happenings in {"a customer's": THEIRS, "the shop's": OURS}.items()
    }


def email_stories() -> Mapping[str, Sequence[Incoming]]:
    bounce = fixture("email", "bounce__qmail")
    [failed] = [event for event in bounce if isinstance(event, Receipt)]
    sent = _sent(failed.external_id, failed.person.external_id)
    return {"a customer's": fixture("email", "message__plain"), "the shop's": [sent, *bounce]}


def toy_stories() -> Mapping[str, Sequence[Incoming]]:
    again = {"id": 9, "from": "ann", "at": 1793612460, "text": "Вітаю", "edits": 7}
    edits = [*fixture("toy", "message__edit"), *incoming("toy", json.dumps(again).encode())]
    return {"a customer's": [*fixture("toy", "message__text"), *edits]}


@dataclass(frozen=True, kw_only=True)
class Example:
    """How to make a channel of a kind, and how its provider proves itself over a body."""

    settings: Mapping[str, Any]
    headers: Callable[[Any, bytes], dict[str, str]]
    unknown_event: bytes
    handshake: tuple[Mapping[str, str], str] | None = None
    """The query by which its provider checks an address, the secret in it last, and the answer it wants."""
    call: Callable[[bytes], bytes] = bytes
    """A fixture as the body of its provider's call, where the fixture is not that itself."""
    stage: Callable[[Sandbox, Shelf], AbstractAsyncContextManager[Stage]]
    """An account of this kind at its sandbox, with a customer who has just written to it."""
    faults: Mapping[str, tuple[Fault, type[ChannelFailure]]]
    """What can go wrong with a text that is sent, by a name for it, and what that has to become."""
    stories: Callable[[], Mapping[str, Sequence[Incoming]]]
    """What may happen to one message, by whose it is; in any order it has to end the same."""


EXAMPLES = {
    "email": Example(
        settings={
            "address": "support@shop.example",
            "from_name": "Скринька",
            "smtp_url": "smtps://support%40shop.example:p4ss-w0rd@mail.shop.example",
            "imap_url": "imaps://support%40shop.example:p4ss-w0rd@mail.shop.example",
            "inbound": "postmark",
            "inbound_secret": "s3cret-of-the-webhook",
            "signing_key": "k" * 43,
        },
        headers=lambda settings, _body: {
            "authorization": "Basic "
            + base64.b64encode(f"postmark:{settings.inbound_secret.get_secret_value()}".encode()).decode()
        },
        unknown_event=b'{"RecordType": "SubscriptionChange", "Recipient": "olena@mail.example"}',
        call=lambda letter: json.dumps({"From": "x", "RawEmail": letter.decode(errors="replace")}).encode(),
        stage=email_stage,
        faults=EMAIL_FAULTS,
        stories=email_stories,
    ),
    "telegram": Example(
        settings={"token": "123456789:AAF0123456789abcdefghijklmnopqrstuv", "secret_token": "s3cret-of-the-webhook"},
        headers=lambda settings, _body: {"x-telegram-bot-api-secret-token": settings.secret_token.get_secret_value()},
        unknown_event=b'{"update_id": 7, "teleport": {"to": "Kyiv"}}',
        stage=telegram_stage,
        faults={name: (fault, failure) for name, (fault, failure, _) in TELEGRAM_FAULTS.items()},
        stories=telegram_stories,
    ),
    "viber": Example(
        settings={"token": "445da6az1s345z78-dazcczb2542zv51a", "sender_name": "Скринька"},
        headers=lambda settings, body: {
            "x-viber-content-signature": hmac.new(
                settings.token.get_secret_value().encode(), body, hashlib.sha256
            ).hexdigest()
        },
        unknown_event=b'{"event": "teleport", "timestamp": 1793612400123, "message_token": 7, "user": "Kyiv"}',
        stage=viber_stage,
        faults=VIBER_FAULTS,
        stories=viber_stories,
    ),
    "instagram": Example(
        settings={
            "account_id": "17841400000000001",
            "access_token": "IGAA0123456789abcdefghijklmnop",
            "app_secret": "0123456789abcdef0123456789abcdef",
            "meta_app_secret": "fedcba9876543210fedcba9876543210",
            "verify_token": "meatyhamhock",
        },
        headers=lambda settings, body: {
            "x-hub-signature-256": "sha256="
            + hmac.new(settings.app_secret.get_secret_value().encode(), body, hashlib.sha256).hexdigest()
        },
        unknown_event=b'{"object":"instagram","entry":[{"id":"17841400000000001","time":1,"teleport":{"to":"Kyiv"}}]}',
        handshake=(
            {"hub.mode": "subscribe", "hub.challenge": "1158201444", "hub.verify_token": "meatyhamhock"},
            "1158201444",
        ),
        stage=instagram_stage,
        faults=INSTAGRAM_FAULTS,
        stories=instagram_stories,
    ),
    "toy": Example(
        settings={"token": "0123456789abcdef"},
        headers=lambda settings, body: {"x-toy-signature": signature(settings.token.get_secret_value(), body)},
        unknown_event=b'{"id": 7, "teleport": "Kyiv"}',
        stage=toy_stage,
        faults=TOY_FAULTS,
        stories=toy_stories,
    ),
}


def settings_of(kind: str, **changes: Any) -> BaseModel:
    """The settings of the example, with these changes."""
    return KINDS[kind].settings.model_validate({**EXAMPLES[kind].settings, **changes})


def impatient(kind: str) -> ChannelKind:
    """The same kind, whose connections do not wait long for an answer."""
    made: Any = type(KINDS[kind])
    impatient_kind: ChannelKind = made(answer_seconds=ANSWER_SECONDS)
    return impatient_kind


def secrets_of(settings: BaseModel) -> list[str]:
    """What nobody may see."""
    return [value.get_secret_value() for _, value in settings if isinstance(value, SecretStr)]
