# ruff: noqa: ARG002  # A fake keeps the signatures of the port that it stands at.
"""A kind of channel made of paper, and the ground floor of the house built around it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Self

import msgspec
from pydantic import BaseModel, SecretStr, field_validator, model_validator

from inbox.batch import Batches
from inbox.channels import Channels
from inbox.echoes import Echoes
from inbox.events import EventBus
from inbox.files import Files
from inbox.ingest import Ingest
from inbox.journal import Journal
from inbox.links import FileLinks
from inbox.live import LiveFeed
from inbox.media import Media
from inbox.merging import Merging
from inbox.metrics import Metrics
from inbox.model.capabilities import Capabilities, Flow, MediaLimit
from inbox.model.channel import ChannelKind, Connection, Outgoing, RawEvent, Sent, WebhookRequest
from inbox.model.failures import Forged, Unreadable
from inbox.model.ids import new_id
from inbox.model.incoming import Incoming, NewMessage, Person
from inbox.outbox import Sender
from inbox.pacing import Pacer
from inbox.reach import Reach
from inbox.replies import Replies
from inbox.secrets import SecretBox
from inbox.settings import ShopSettings
from inbox.storage.attachments import AttachmentStore
from inbox.storage.channels import ChannelStore
from inbox.storage.conversations import ConversationStore
from inbox.storage.database import Database
from inbox.storage.journal import JournalStore
from inbox.storage.livelog import LiveLog
from inbox.storage.merging import MergeStore
from inbox.storage.messages import MessageStore
from inbox.storage.outbox import OutboxStore
from inbox.storage.people import PeopleStore
from inbox.storage.settings import SettingsStore
from inbox.storage.timers import TimerStore
from inbox.wakeups import Wakeups
from tests.inbox.arrivals import at

SECRET = "12345:a-token-that-nobody-may-see"
KEY = "a key for tests only, 32 bytes long"
CAPABILITIES = Capabilities(
    text=Flow.BOTH,
    media=Flow.BOTH,
    buttons=Flow.NONE,
    quote=Flow.BOTH,
    edit=Flow.BOTH,
    delete=Flow.BOTH,
    reaction=Flow.NONE,
    typing=Flow.SEND,
    text_limit=100,
    text_unit="characters",
    caption_limit=20,
    media_limits={"photo": MediaLimit(1000), "document": MediaLimit(2 * 1024 * 1024)},
    receive_max_bytes=1000,
    delete_window=3600,
)


class PaperSettings(BaseModel):
    """The address is open, the token is not."""

    token: SecretStr
    address: str = "desk"

    @field_validator("address")
    @classmethod
    def _address(cls, value: str) -> str:
        if value.startswith("no "):
            message = "address: there is no such desk"
            raise ValueError(message)
        return value

    @model_validator(mode="after")
    def _together(self) -> Self:
        if self.address == "token":
            message = "token: is not for this desk"
            raise ValueError(message)
        if self.address == "nowhere":
            message = "these do not belong together"
            raise ValueError(message)
        return self


class PaperConnection(Connection):
    """Does what its kind is told to do: fail with `failure`, or else keep what was sent."""

    def __init__(self, kind: "Paper") -> None:
        self._kind = kind

    async def _do(self, what: str, *details: Any) -> None:
        if self._kind.failure is not None:
            raise self._kind.failure
        self._kind.done.append((what, *details))

    async def register(self, webhook_url: str) -> None:
        await self._do("register", webhook_url)

    async def unregister(self) -> None:
        await self._do("unregister")

    async def check(self, webhook_url: str) -> None:
        await self._do("check", webhook_url)

    async def renew(self) -> BaseModel | None:
        fresh, self._kind.fresh = self._kind.fresh, None
        return fresh

    def names(self, message: Outgoing) -> tuple[str, ...]:
        return (message.key,) if self._kind.naming else ()

    async def send(self, message: Outgoing) -> Sent:
        await self._do("send", message.text)
        self._kind.sent.append(message)
        (external_id,) = self.names(message) or (new_id(),)
        if self._kind.on_sent is not None:
            await self._kind.on_sent(message, external_id)
        return Sent((external_id,))

    async def edit(self, to: str, external_id: str, text: str) -> None:
        await self._do("edit", external_id, text)

    async def delete(self, to: str, external_id: str) -> None:
        await self._do("delete", external_id)

    async def typing(self, to: str) -> None:
        await self._do("typing", to)

    async def acknowledge(self, token: str) -> None:
        await self._do("acknowledge", token)

    async def fetch(self, ref: str, max_bytes: int) -> AsyncIterator[bytes]:
        await self._do("fetch", ref)
        yield self._kind.files[ref]

    async def close(self) -> None:
        return


class Paper(ChannelKind):
    """The kind `paper`. A webhook's body is a JSON list of `{key, text}`.

    The text `???` cannot be read, and an event without text finds a fault in the reader.
    """

    name: str = "paper"
    title: str = "Paper"
    settings: type[BaseModel] = PaperSettings

    def __init__(self, capabilities: Capabilities = CAPABILITIES) -> None:
        self.capabilities: Capabilities = capabilities
        self.failure: Exception | None = None
        self.fresh: BaseModel | None = None
        """What the next renewal gives a connection."""
        self.done: list[tuple[Any, ...]] = []
        self.sent: list[Outgoing] = []
        self.far = True
        """Whether its customers can open our addresses."""
        self.naming = False
        """Whether a request's id is known before it leaves: then it is that of the outbox's row."""
        self.on_sent: Callable[[Outgoing, str], Awaitable[None]] | None = None
        """What else happens at the provider before its answer; gets the id that it gave the message."""
        self.files: dict[str, bytes] = {}

    def can_open(self, settings: BaseModel, url: str) -> bool:
        return self.far

    def prepare(self, settings: BaseModel) -> tuple[BaseModel, dict[str, str]]:
        return settings, {}

    def authenticate(self, settings: BaseModel, request: WebhookRequest) -> None:
        if request.headers.get("x-token") != SECRET:
            raise Forged("wrong token")

    def split(self, settings: BaseModel, request: WebhookRequest) -> list[RawEvent]:
        try:
            events = msgspec.json.decode(request.body, type=list[dict[str, str]])
        except msgspec.MsgspecError as error:
            raise Unreadable(str(error)) from error
        return [RawEvent(event["key"], msgspec.json.encode(event)) for event in events]

    def read(self, raw: bytes) -> list[Incoming]:
        try:
            event = msgspec.json.decode(raw, type=dict[str, str])
        except msgspec.MsgspecError as error:
            raise Unreadable(str(error)) from error
        if event["text"] == "???":
            raise Unreadable("nobody can read this")
        person = Person(external_id="ann", name="Ann")
        number = int(event["key"])
        return [
            NewMessage(person=person, external_id=event["key"], sent_at=at(number), sequence=number, text=event["text"])
        ]

    async def connect(self, settings: BaseModel) -> Connection:
        return PaperConnection(self)


class Floor:
    """The parts of the ground floor, wired as the composition root wires them, over one paper kind."""

    def __init__(self, database: Database, redis: Any, *, key: str = KEY, kind: Paper | None = None) -> None:
        self.database = database
        self.kind = kind or Paper()
        self.bus = EventBus()
        self.metrics = Metrics()
        self.wakeups = Wakeups(redis, database.name)
        self.feed = LiveFeed(LiveLog(database), self.wakeups)
        self.outbox = OutboxStore(database)
        self.timers = TimerStore(database)
        self.people = PeopleStore(database)
        self.conversations = ConversationStore(database)
        self.messages = MessageStore(database)
        self.attachments = AttachmentStore(database)
        self.journal_store = JournalStore(database)
        self.channels = Channels(
            store=ChannelStore(database),
            outbox=self.outbox,
            timers=self.timers,
            kinds={"paper": self.kind},
            box=SecretBox(key),
            feed=self.feed,
            bus=self.bus,
            wakeups=self.wakeups,
            base_url="https://shop.example/",
        )
        self.files = Files(self.attachments)
        self.links = FileLinks(SecretBox(key), "https://shop.example")
        self.reach = Reach({"paper": self.kind}, self.messages)
        self.merging = Merging(
            store=MergeStore(database),
            people=self.people,
            conversations=self.conversations,
            messages=self.messages,
            timers=self.timers,
            feed=self.feed,
            bus=self.bus,
        )
        batches = Batches(
            kinds={"paper": self.kind},
            journal=self.journal_store,
            people=self.people,
            conversations=self.conversations,
            messages=self.messages,
            attachments=self.attachments,
            files=self.files,
            echoes=Echoes(messages=self.messages, outbox=self.outbox, channels=self.channels),
            channels=self.channels,
            merging=self.merging,
            reach=self.reach,
            timers=self.timers,
            settings=ShopSettings(SettingsStore(database)),
            feed=self.feed,
            bus=self.bus,
            wakeups=self.wakeups,
            metrics=self.metrics,
        )
        self.ingest = Ingest(batches, self.journal_store, self.metrics)
        self.journal = Journal(self.journal_store, self.ingest, self.metrics)
        self.replies = Replies(
            conversations=self.conversations,
            messages=self.messages,
            outbox=self.outbox,
            people=self.people,
            attachments=self.attachments,
            channels=self.channels,
            reach=self.reach,
            links=self.links,
            merging=self.merging,
            feed=self.feed,
            bus=self.bus,
            wakeups=self.wakeups,
        )
        self.sender = Sender(
            outbox=self.outbox,
            messages=self.messages,
            conversations=self.conversations,
            people=self.people,
            attachments=self.attachments,
            channels=self.channels,
            reach=self.reach,
            links=self.links,
            pacer=Pacer(redis, database.name),
            feed=self.feed,
            wakeups=self.wakeups,
            metrics=self.metrics,
        )
        self.media = Media(self.files, self.attachments, self.messages, self.conversations, self.channels, self.feed)

    async def connect(self, **settings: Any) -> str:
        """Connect an account; returns the channel's id."""
        channel, _ = await self.channels.create("paper", "Letter box", {"token": SECRET, **settings})
        identifier: str = channel["_id"]
        return identifier

    async def receive(self, *events: Mapping[str, str], token: str = SECRET, body: bytes | None = None) -> None:
        """A call of the webhook."""
        raw = msgspec.json.encode(events) if body is None else body
        request = WebhookRequest(headers={"x-token": token}, query={}, body=raw)
        settings = PaperSettings(token=SecretStr(SECRET))
        await self.journal.accept(self.kind, "c1", settings, request, "request-1")

    def counted(self, outcome: str) -> float:
        """How many webhook events had this outcome."""
        labels = {"kind": "paper", "outcome": outcome}
        return self.metrics.registry.get_sample_value("skrynka_webhook_events_total", labels) or 0.0
