"""The composition root: every part of the house is made here, once, and handed what it needs.

Reading `House` from top to bottom is reading the architecture. Nothing is made at import time and nothing looks for its
collaborators by itself.
"""

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator, Coroutine
from datetime import timedelta
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from bot.engine import BotEngine
from bot.library import RuleLibrary
from channels.registry import KINDS
from inbox.batch import Batches
from inbox.channels import Channels
from inbox.conversations import Conversations
from inbox.customers import Customers
from inbox.echoes import Echoes
from inbox.events import EventBus
from inbox.files import Files
from inbox.ingest import Ingest
from inbox.journal import Journal
from inbox.links import LIFETIME, FileLinks
from inbox.listening import Listening
from inbox.live import LiveFeed
from inbox.macros import Macros
from inbox.managers import Managers
from inbox.media import Media
from inbox.messages import Messages
from inbox.metrics import Metrics
from inbox.model.domain_events import ContactProven, MessageReceived
from inbox.model.macros import MacroTexts
from inbox.orders import Orders
from inbox.outbox import Sender
from inbox.pacing import Pacer
from inbox.pipeline import OrderPipeline
from inbox.profiles import Profiles
from inbox.quarantine import Quarantine
from inbox.reach import Reach
from inbox.replies import Replies
from inbox.secrets import SecretBox
from inbox.settings import ShopSettings
from inbox.storage.attachments import AttachmentStore
from inbox.storage.audit import AuditStore
from inbox.storage.channels import ChannelStore
from inbox.storage.conversations import ConversationStore
from inbox.storage.database import Database
from inbox.storage.journal import JournalStore
from inbox.storage.listeners import ListenerStore
from inbox.storage.livelog import LiveLog
from inbox.storage.macros import MacroStore
from inbox.storage.managers import ManagerStore
from inbox.storage.messages import MessageStore
from inbox.storage.orders import OrderStore
from inbox.storage.outbox import OutboxStore
from inbox.storage.people import PeopleStore
from inbox.storage.pipeline import PipelineStore
from inbox.storage.rules import ReplyBudget, RuleStore
from inbox.storage.s3 import Buckets
from inbox.storage.sessions import SessionStore
from inbox.storage.settings import SettingsStore
from inbox.storage.tasks import TaskStore
from inbox.storage.teams import TeamStore
from inbox.storage.timers import TimerStore
from inbox.storage.workloads import WorkloadStore
from inbox.sweeper import Chore, Sweeper
from inbox.tasks import Tasks
from inbox.timers import Timers
from inbox.wakeups import Wakeups
from routing.assignment import Assigner

REDIS_SECONDS = 0.5
"""How long anybody waits for Redis. It carries nothing that must not be lost, so nobody waits long."""

_log = structlog.get_logger(__name__)


def connect_redis(url: str) -> Redis:
    """A Redis client that fails fast."""
    return Redis.from_url(
        url, socket_timeout=REDIS_SECONDS, socket_connect_timeout=REDIS_SECONDS, retry=Retry(NoBackoff(), 0)
    )


class House:
    """All parts, wired. `base_url` is where customers' apps reach this server; files go to `buckets`, if any.

    `file_links_last` is how long an address lasts that stands for a file which a channel cannot carry.
    """

    def __init__(
        self,
        database: Database,
        redis: Redis,
        *,
        secret_key: str,
        base_url: str,
        buckets: Buckets | None = None,
        file_links_last: timedelta = LIFETIME,
    ) -> None:
        self.database = database
        self.redis = redis
        self.box = SecretBox(secret_key)
        self.metrics = Metrics()
        self.bus = EventBus()
        self.wakeups = Wakeups(redis, database.name)
        self.feed = LiveFeed(LiveLog(database), self.wakeups)

        # What is kept.
        self.journal_store = JournalStore(database)
        self.outbox_store = OutboxStore(database)
        timer_store = TimerStore(database)
        people = PeopleStore(database)
        conversation_store = ConversationStore(database)
        message_store = MessageStore(database)
        self.attachment_store = attachment_store = AttachmentStore(database, buckets)
        self.manager_store = ManagerStore(database)
        self.session_store = SessionStore(database)
        self.audit = AuditStore(database)
        self.teams = TeamStore(database)

        # The ground floor: the flow of messages.
        self.files = Files(attachment_store)
        self.settings = ShopSettings(SettingsStore(database))
        self.channels = Channels(
            store=ChannelStore(database),
            outbox=self.outbox_store,
            timers=timer_store,
            kinds=KINDS,
            box=self.box,
            feed=self.feed,
            bus=self.bus,
            wakeups=self.wakeups,
            base_url=base_url,
            # A provider's library brings hundreds of thousands of objects that never die. Taken out of the collector's
            # sight they cost nothing; left in it, every full collection stops the server for a quarter of a second.
            on_loaded=gc.freeze,
        )
        self.links = FileLinks(self.box, base_url, file_links_last)
        reach = Reach(KINDS, message_store)
        self.profiles = Profiles(channels=self.channels, people=people, reach=reach, feed=self.feed)
        batches = Batches(
            kinds=KINDS,
            journal=self.journal_store,
            people=people,
            conversations=conversation_store,
            messages=message_store,
            attachments=attachment_store,
            files=self.files,
            echoes=Echoes(messages=message_store, outbox=self.outbox_store, channels=self.channels),
            channels=self.channels,
            reach=reach,
            timers=timer_store,
            settings=self.settings,
            feed=self.feed,
            bus=self.bus,
            wakeups=self.wakeups,
            metrics=self.metrics,
        )
        self.ingest = Ingest(batches, self.journal_store, self.metrics)
        self.journal = Journal(self.journal_store, self.ingest, self.metrics)
        self.listening = Listening(ListenerStore(database), self.channels, self.journal)
        self.quarantine = Quarantine(self.journal_store, self.ingest, KINDS)
        self.sender = Sender(
            outbox=self.outbox_store,
            messages=message_store,
            conversations=conversation_store,
            people=people,
            attachments=attachment_store,
            channels=self.channels,
            reach=reach,
            links=self.links,
            pacer=Pacer(redis, database.name),
            feed=self.feed,
            wakeups=self.wakeups,
            metrics=self.metrics,
        )
        self.replies = Replies(
            conversations=conversation_store,
            messages=message_store,
            outbox=self.outbox_store,
            people=people,
            attachments=attachment_store,
            channels=self.channels,
            reach=reach,
            links=self.links,
            feed=self.feed,
            bus=self.bus,
            wakeups=self.wakeups,
        )
        self.conversations = Conversations(
            store=conversation_store,
            people=people,
            channels=self.channels,
            timers=timer_store,
            feed=self.feed,
            bus=self.bus,
            wakeups=self.wakeups,
        )
        order_store, macro_store = OrderStore(database), MacroStore(database)
        self.pipeline = OrderPipeline(PipelineStore(database), order_store, macro_store)
        self.orders = Orders(
            store=order_store,
            pipeline=self.pipeline,
            people=people,
            feed=self.feed,
            bus=self.bus,
            wakeups=self.wakeups,
            metrics=self.metrics,
        )
        self.macros = Macros(
            store=macro_store,
            attachments=attachment_store,
            settings=self.settings,
            texts=MacroTexts(),
            orders=self.orders,
        )
        self.messages = Messages(message_store, conversation_store)
        self.customers = Customers(people, reach, self.feed)
        self.tasks = Tasks(
            store=TaskStore(database),
            conversations=conversation_store,
            people=people,
            managers=self.manager_store,
            timers=timer_store,
            feed=self.feed,
            wakeups=self.wakeups,
        )
        self.media = Media(self.files, attachment_store, message_store, conversation_store, self.channels, self.feed)

        # The upper floors: who answers, and what a machine answers.
        self.assigner = Assigner(
            workloads=WorkloadStore(database),
            conversations=conversation_store,
            people=people,
            settings=self.settings,
            feed=self.feed,
            bus=self.bus,
            metrics=self.metrics,
        )
        self.rules = RuleLibrary(RuleStore(database), conversation_store, message_store, people, self.settings)
        self.bot = BotEngine(
            library=self.rules,
            replies=self.replies,
            conversations=self.conversations,
            conversation_store=conversation_store,
            people=people,
            budget=ReplyBudget(database),
        )
        self.managers = Managers(
            self.manager_store,
            self.session_store,
            self.teams,
            on_deactivated=self.assigner.manager_left,
            on_changed=self.assigner.manager_changed,
        )

        # Who hears of what.
        self.bus.subscribe(MessageReceived, self.channels.hear)
        self.bus.subscribe(ContactProven, self.orders.contact_proven)
        self.assigner.subscribe()
        self.bot.subscribe(self.bus)

        # What is done at a time, and every so often.
        self.timers = Timers(timer_store, self.wakeups)
        self.timers.handle("media.fetch", self.media.fetch)
        self.timers.handle("channel.check", self.channels.check_again)
        self.timers.handle("channel.acknowledge", self.channels.acknowledge)
        self.timers.handle("conversation.wake", self.conversations.wake)
        self.timers.handle("identity.profile", self.profiles.learn)
        self.timers.handle("task.due", self.tasks.ring)
        self.sweeper = Sweeper(
            [
                Chore("adopt_events", 2.0, self.ingest.adopt),
                Chore("renew_leases", 2.0, self.ingest.renew_leases),
                Chore("adopt_lanes", 5.0, self.outbox_store.reopen_strays),
                Chore("look_after_channels", 60.0, self.channels.look_after_all),
                Chore("note_arrivals", 15.0, self.channels.note_heard),
                Chore("reconcile_loads", 5.0, self.assigner.reconcile),
                Chore("forget_frames", 600.0, self.feed.forget),
                Chore("forget_files", 600.0, self.files.forget_released),
                Chore("forget_large_events", 60.0, self.journal_store.forget_large),
            ]
        )

    @contextlib.asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Have all workers work. Leaving finishes what was accepted and leaves the rest to whoever adopts it."""
        background = [
            asyncio.create_task(_lasting(work, name), name=name)
            for name, work in (
                ("wakeups", self.wakeups.run()),
                ("live", self.feed.run()),
                ("sweeper", self.sweeper.run()),
            )
        ]
        ingest = asyncio.create_task(_lasting(self.ingest.run(), "ingest"))
        sender = asyncio.create_task(_lasting(self.sender.run(), "sender"))
        timers = asyncio.create_task(_lasting(self.timers.run(), "timers"))
        listening = asyncio.create_task(_lasting(self.listening.run(), "listening"))
        try:
            yield
        finally:
            listening.cancel()
            await asyncio.wait([listening], timeout=2)
            self.ingest.stop()
            await asyncio.wait([ingest], timeout=10)
            await asyncio.gather(self.sender.stop(), self.timers.stop())
            workers = [ingest, sender, timers, *background]
            for task in workers:
                task.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
            await self.channels.close()


async def _lasting(work: Coroutine[Any, Any, None], name: str) -> None:
    """A worker that ends by an exception of its own is a bug that must be seen."""
    try:
        await work
    except Exception:
        _log.critical("worker_died", worker=name, exc_info=True)
        raise
