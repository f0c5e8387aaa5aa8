# ruff: noqa: ARG002  # A fake keeps the signatures of the port that it stands at.
"""The bot on real databases, with a channel made of paper: the messages that customers send and what they are sent."""

import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import pytest
from pydantic import BaseModel
from redis.asyncio import Redis

from bot.doing import Doer
from bot.engine import BotEngine
from bot.flows import Flows
from bot.handoff import Handoff
from bot.hearing import BotHearing
from bot.library import RuleLibrary
from bot.looking import Lookout
from bot.questions import Questions
from bot.references import References
from bot.skills.opting_out import OptingOut
from bot.skills.skill import Skill
from bot.speaking import Speaker
from bot.trying import DryRuns
from bot.understanding.built_in import BuiltIn
from bot.webhooks import Webhooks
from channels.posting import Posting
from inbox.batch import Batches
from inbox.channels import Channels
from inbox.conversations import Conversations
from inbox.customer_fields import CustomerFields
from inbox.customers import Customers
from inbox.echoes import Echoes
from inbox.events import EventBus
from inbox.files import Files
from inbox.follow_ups import FollowUps
from inbox.ingest import Ingest
from inbox.links import FileLinks
from inbox.live import LiveFeed
from inbox.macros import Macros
from inbox.merging import Merging
from inbox.metrics import Metrics
from inbox.model.accepted import Accepted
from inbox.model.capabilities import Capabilities, Flow
from inbox.model.channel import ChannelKind, Connection, Outgoing, RawEvent, Sent, WebhookRequest
from inbox.model.domain_events import ConversationOpened, MessageReceived
from inbox.model.ids import new_id, now
from inbox.model.incoming import Content, Incoming, NewMessage, Person
from inbox.model.macros import MacroTexts
from inbox.model.people import Author
from inbox.orders import Orders
from inbox.pipeline import OrderPipeline
from inbox.reach import Reach
from inbox.replies import Draft, Replies
from inbox.search import Search
from inbox.secrets import SecretBox
from inbox.settings import ShopSettings
from inbox.storage.attachments import AttachmentStore
from inbox.storage.audit import AuditStore
from inbox.storage.channels import ChannelStore
from inbox.storage.conversations import ConversationStore
from inbox.storage.customer_fields import CustomerFieldStore
from inbox.storage.database import Database, Document
from inbox.storage.firings import FiringStore
from inbox.storage.journal import JournalStore
from inbox.storage.livelog import LiveLog
from inbox.storage.macros import MacroStore
from inbox.storage.managers import ManagerStore
from inbox.storage.merging import MergeStore
from inbox.storage.messages import MessageStore
from inbox.storage.order_sources import OrderSourceStore
from inbox.storage.orders import OrderStore
from inbox.storage.outbox import OutboxStore
from inbox.storage.people import PeopleStore
from inbox.storage.pipeline import PipelineStore
from inbox.storage.questions import QuestionStore
from inbox.storage.queue import QueueStore
from inbox.storage.rules import ReplyBudget, RuleStore
from inbox.storage.search import SearchStore
from inbox.storage.settings import SettingsStore
from inbox.storage.tasks import TaskStore
from inbox.storage.teams import TeamStore
from inbox.storage.timers import TimerStore
from inbox.storage.waiting import WaitingStore
from inbox.storage.webhook_calls import WebhookCallStore
from inbox.storage.workloads import WorkloadStore
from inbox.tasks import Tasks
from inbox.wakeups import Wakeups
from routing.outlook import Outlooks

Event = ConversationOpened | MessageReceived


class PaperSettings(BaseModel):
    """A letter box needs no token."""


class PaperConnection(Connection):
    """Takes everything and tells nobody."""

    async def register(self, webhook_url: str) -> None:
        return

    async def unregister(self) -> None:
        return

    async def check(self, webhook_url: str) -> None:
        return

    async def send(self, message: Outgoing) -> Sent:
        return Sent((new_id(),))

    async def edit(self, to: str, external_id: str, text: str) -> None:
        return

    async def delete(self, to: str, external_id: str) -> None:
        return

    async def fetch(self, ref: str, max_bytes: int) -> AsyncIterator[bytes]:
        yield b""

    async def close(self) -> None:
        return


class Paper(ChannelKind):
    """The kind `paper`: text both ways and nothing else."""

    name: str = "paper"
    title: str = "Paper"
    settings: type[BaseModel] = PaperSettings
    capabilities: Capabilities = Capabilities(
        text=Flow.BOTH,
        media=Flow.NONE,
        buttons=Flow.NONE,
        quote=Flow.NONE,
        edit=Flow.NONE,
        delete=Flow.NONE,
        reaction=Flow.NONE,
        typing=Flow.NONE,
        text_limit=4096,
        text_unit="characters",
        caption_limit=0,
        media_limits={},
        receive_max_bytes=0,
    )

    def prepare(self, settings: BaseModel) -> tuple[BaseModel, dict[str, str]]:
        return settings, {}

    def authenticate(self, settings: BaseModel, request: WebhookRequest) -> None:
        return

    def split(self, settings: BaseModel, request: WebhookRequest) -> list[RawEvent]:
        return []

    def read(self, raw: bytes) -> list[Incoming]:
        return []

    async def connect(self, settings: BaseModel) -> Connection:
        return PaperConnection()


@dataclass
class Process:
    """The parts of one server process that the bot needs, wired as the composition root wires them."""

    database: Database
    redis: Redis
    channel_id: str = ""
    deaf: bool = False
    """Whether its bot hears nothing by itself."""
    skills: Sequence[Skill] = ()
    announced: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.bus = EventBus()
        self.wakeups = Wakeups(self.redis, self.database.name)
        self.feed = LiveFeed(LiveLog(self.database), self.wakeups)
        self.people = PeopleStore(self.database)
        self.conversation_store = ConversationStore(self.database)
        self.messages = MessageStore(self.database)
        self.settings = ShopSettings(SettingsStore(self.database))
        self.journal = JournalStore(self.database)
        self.attachments = AttachmentStore(self.database)
        self.timers = TimerStore(self.database)
        self.outbox = OutboxStore(self.database)
        box = SecretBox("a key for tests only, 32 bytes long")
        self.reach = Reach({"paper": Paper()}, self.messages)
        self.channels = Channels(
            store=ChannelStore(self.database),
            outbox=self.outbox,
            timers=self.timers,
            kinds={"paper": Paper()},
            box=box,
            feed=self.feed,
            bus=self.bus,
            wakeups=self.wakeups,
            base_url="http://127.0.0.1:1",
        )
        self.merging = Merging(
            store=MergeStore(self.database),
            people=self.people,
            conversations=self.conversation_store,
            messages=self.messages,
            timers=self.timers,
            feed=self.feed,
            bus=self.bus,
        )
        self.replies = Replies(
            conversations=self.conversation_store,
            messages=self.messages,
            merging=self.merging,
            outbox=self.outbox,
            people=self.people,
            attachments=self.attachments,
            channels=self.channels,
            reach=self.reach,
            links=FileLinks(box, "http://127.0.0.1:1"),
            feed=self.feed,
            bus=self.bus,
            wakeups=self.wakeups,
        )
        self.conversations = Conversations(
            store=self.conversation_store,
            people=self.people,
            channels=self.channels,
            timers=self.timers,
            feed=self.feed,
            bus=self.bus,
            wakeups=self.wakeups,
            search=Search(SearchStore(self.database), self.conversation_store),
        )
        macro_store, order_store = MacroStore(self.database), OrderStore(self.database)
        self.fields = CustomerFields(CustomerFieldStore(self.database))
        orders = Orders(
            store=order_store,
            pipeline=OrderPipeline(
                store=PipelineStore(self.database),
                orders=order_store,
                macros=macro_store,
                sources=OrderSourceStore(self.database),
                shops={},
            ),
            people=self.people,
            feed=self.feed,
            bus=self.bus,
            wakeups=self.wakeups,
            metrics=Metrics(),
        )
        self.macros = Macros(
            store=macro_store,
            attachments=self.attachments,
            settings=self.settings,
            texts=MacroTexts(),
            orders=orders,
            fields=self.fields,
        )
        self.orders = orders
        managers = ManagerStore(self.database)
        self.customers = Customers(
            people=self.people,
            managers=managers,
            reach=self.reach,
            fields=self.fields,
            settings=self.settings,
            search=Search(SearchStore(self.database), self.conversation_store),
            queue=QueueStore(self.database),
            feed=self.feed,
        )
        self.tasks = Tasks(
            store=TaskStore(self.database),
            conversations=self.conversation_store,
            people=self.people,
            orders=order_store,
            managers=managers,
            timers=self.timers,
            feed=self.feed,
            wakeups=self.wakeups,
        )
        follow_ups = FollowUps(
            messages=self.messages,
            conversations=self.conversations,
            conversation_store=self.conversation_store,
            managers=ManagerStore(self.database),
            teams=TeamStore(self.database),
            orders=orders,
            macros=self.macros,
            timers=self.timers,
            audit=AuditStore(self.database),
            feed=self.feed,
            hand_over=self._hand_over,
        )
        follow_ups.subscribe(self.bus)
        rule_store = RuleStore(self.database)
        references = References(
            rules=rule_store,
            macros=self.macros,
            managers=managers,
            teams=TeamStore(self.database),
            orders=orders,
            fields=self.fields,
        )
        self.library = RuleLibrary(rule_store, FiringStore(self.database), self.settings, references)
        self.speaker = speaker = Speaker(
            replies=self.replies,
            people=self.people,
            messages=self.messages,
            budget=ReplyBudget(self.database),
            playbook=self.library.playbook,
            handoff=Handoff(self.conversations),
        )
        self.questions = Questions(store=QuestionStore(self.database), messages=self.messages, speaker=speaker)
        self.posting = Posting(private=True)
        self.webhooks = Webhooks(
            store=WebhookCallStore(self.database), timers=self.timers, wakeups=self.wakeups, post=self.posting.post
        )
        doer = Doer(
            speaker=speaker,
            questions=self.questions,
            handoff=Handoff(self.conversations),
            webhooks=self.webhooks,
            conversations=self.conversations,
            conversation_store=self.conversation_store,
            people=self.people,
            macros=self.macros,
            follow_ups=follow_ups,
            orders=orders,
            tasks=self.tasks,
            outlooks=Outlooks(WaitingStore(self.database)),
            playbook=self.library.playbook,
        )
        self.flows = Flows(
            doer=doer,
            questions=self.questions,
            speaker=speaker,
            customers=self.customers,
            fields=self.fields,
            settings=self.settings,
            audit=AuditStore(self.database),
        )
        OptingOut(people=self.people, speaker=speaker, playbook=self.library.playbook, feed=self.feed).subscribe(
            self.bus
        )
        self.lookout = Lookout(
            people=self.people,
            conversations=self.conversation_store,
            orders=order_store,
            workloads=WorkloadStore(self.database),
            understanding=BuiltIn(),
        )
        engine = BotEngine(
            library=self.library,
            lookout=self.lookout,
            firings=FiringStore(self.database),
            conversation_store=self.conversation_store,
            doer=doer,
            questions=self.questions,
            flows=self.flows,
            skills=self.skills,
        )
        self.dry_runs = DryRuns(
            library=self.library,
            engine=engine,
            lookout=self.lookout,
            conversations=self.conversation_store,
            messages=self.messages,
            orders=order_store,
            macros=self.macros,
        )
        self.hearing = BotHearing(
            engine=engine, conversations=self.conversation_store, messages=self.messages, timers=self.timers
        )
        if not self.deaf:
            self.hearing.subscribe(self.bus)
        self.bus.subscribe(ConversationOpened, self._note)
        self.bus.subscribe(MessageReceived, self._note)

    async def _hand_over(
        self, conversation_id: str, manager_id: str | None, *, by: Author, reason: str, once: str
    ) -> Document:
        """Nobody routes here: who holds a conversation stays."""
        return await self.conversation(conversation_id)

    async def close(self) -> None:
        """Close what it opened."""
        await self.posting.close()
        await self.channels.close()

    async def _note(self, event: Event) -> None:
        self.announced.append(event)

    async def receive(
        self,
        text: str = "Hello",
        *,
        received_at: datetime | None = None,
        public: bool = False,
        content: Content | None = None,
        **person: Any,
    ) -> Document:
        """A customer writes, and the message goes through ingest. Returns the conversation as it is after that."""
        known = {"external_id": "ann", "name": "Ann", "language": "en", **person}
        at = received_at or now()
        event = NewMessage(
            person=Person(**known),
            external_id=new_id(),
            sent_at=at,
            sequence=time.monotonic_ns(),
            text=text,
            public=public,
            content=content,
        )
        batches = Batches(
            kinds={},
            journal=self.journal,
            people=self.people,
            conversations=self.conversation_store,
            messages=self.messages,
            attachments=self.attachments,
            files=Files(self.attachments),
            echoes=Echoes(messages=self.messages, outbox=self.outbox, channels=self.channels),
            channels=self.channels,
            merging=self.merging,
            reach=self.reach,
            timers=self.timers,
            settings=self.settings,
            feed=self.feed,
            bus=self.bus,
            wakeups=self.wakeups,
            metrics=Metrics(),
        )
        ingest = Ingest(batches, self.journal, Metrics())
        accepted = Accepted(
            id=new_id(),
            channel_id=self.channel_id,
            kind="paper",
            raw=b"",
            events=[event],
            received_at=at,
            accepted_at=time.monotonic(),
        )
        ingest.submit([accepted])
        ingest.stop()
        await ingest.run()
        return await self.conversation(self.announced[-1].conversation["_id"])

    async def conversation(self, conversation_id: str) -> Document:
        found = await self.conversation_store.get(conversation_id)
        assert found is not None
        return found

    async def manager_writes(self, conversation_id: str, kind: Literal["reply", "note"] = "reply") -> None:
        author = Author(type="manager", id="m1", name="Mary")
        await self.replies.post(conversation_id, Draft(text="I am on it", kind=kind), author=author)

    async def bot_texts(self, conversation_id: str) -> list[str]:
        """What the bot said in a conversation, oldest first."""
        thread = await self.messages.thread(conversation_id, None, 100)
        return [row["text"] for row in reversed(thread) if row["author"]["type"] == "bot"]

    async def greet(self, **changes: Any) -> Document:
        """A rule that says "Welcome!" to whoever opens a conversation."""
        rule = {
            "name": "Welcome",
            "enabled": True,
            "trigger": "conversation_opened",
            "conditions": [],
            "actions": [{"type": "reply", "text": "Welcome!"}],
        }
        return await self.library.create({**rule, **changes})

    async def echo(self, **changes: Any) -> Document:
        """A rule that answers every message."""
        return await self.greet(
            **{
                "name": "Echo",
                "trigger": "message_received",
                "actions": [{"type": "reply", "text": "Noted"}],
                **changes,
            }
        )


@pytest.fixture
async def shop_process(database: Database, redis: Redis) -> AsyncIterator[Process]:
    """A process of a shop with one channel."""
    process = Process(database, redis)
    channel, _ = await process.channels.create("paper", "Letter box", {})
    process.channel_id = channel["_id"]
    yield process
    await process.close()


@pytest.fixture
async def other_process(shop_process: Process) -> AsyncIterator[Process]:
    """Another process of the same shop."""
    process = Process(shop_process.database, shop_process.redis, shop_process.channel_id)
    yield process
    await process.close()
