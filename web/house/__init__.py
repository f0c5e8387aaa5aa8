"""The composition root: every part of the house is made here, once, and handed what it needs.

Nothing is made at import time and nothing looks for its collaborators by itself. `floors` lists the floors from the
ground up, each in a module of its own:

    stores         what is kept
    basics         what every floor uses: announcements, bells, secrets, files, channels
    ordering       orders, the shops they come from, the parcels they travel in
    people         customers
    flow           messages, in and out
    desk           what managers have at hand
    routing        who answers, and by when
    rules          what managers wrote beforehand
    skills         what the bot is able to do
    bot            what a machine answers
    crew           managers and their teams
    companion      managers on their phones
    counting       numbers and reports

`announcements` says who hears of what, `timetable` what is done at a time, and every so often. `House` gathers what
others ask for by name, and has the workers work.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from datetime import timedelta
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from inbox.links import LIFETIME
from inbox.storage.database import Database
from inbox.storage.s3 import Buckets
from web.house import announcements, timetable
from web.house.floors import Floors

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
    `private_webhooks` lets rules post to addresses of our own network.
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
        private_webhooks: bool = False,
        classifier_secret: str = "",
    ) -> None:
        floors = Floors(
            database,
            redis,
            secret_key=secret_key,
            base_url=base_url,
            buckets=buckets,
            file_links_last=file_links_last,
            private_webhooks=private_webhooks,
            classifier_secret=classifier_secret,
        )
        announcements.subscribe(floors)
        self.timers = timetable.at_a_time(floors)
        self.sweeper = timetable.every_so_often(floors)

        # What others ask the house for, each with the floor where it is made.
        self.database = database
        self.redis = redis
        self.journal_store = floors.stores.journal
        self.outbox_store = floors.stores.outbox
        self.attachment_store = floors.stores.attachments
        self.manager_store = floors.stores.managers
        self.session_store = floors.stores.sessions
        self.team_store = floors.stores.teams
        self.audit = floors.stores.audit
        self.settings = floors.stores.settings
        self.policies = floors.stores.policies

        self.box = floors.basics.box
        self.metrics = floors.basics.metrics
        self.bus = floors.basics.bus
        self.wakeups = floors.basics.wakeups
        self.feed = floors.basics.feed
        self.gathering = floors.basics.gathering
        self.files = floors.basics.files
        self.links = floors.basics.links
        self.channels = floors.basics.channels

        self.pipeline = floors.ordering.pipeline
        self.orders = floors.ordering.orders
        self.order_sources = floors.ordering.sources
        self.tracking = floors.ordering.tracking

        self.search = floors.people.search
        self.customer_fields = floors.people.fields
        self.customers = floors.people.customers
        self.cards = floors.people.cards
        self.customer_notes = floors.people.notes
        self.timeline = floors.people.timeline
        self.avatars = floors.people.avatars
        self.merging = floors.people.merging
        self.proofs = floors.people.proofs
        self.suggestions = floors.people.suggestions

        self.ingest = floors.flow.ingest
        self.indexing = floors.flow.indexing
        self.journal = floors.flow.journal
        self.listening = floors.flow.listening
        self.quarantine = floors.flow.quarantine
        self.media = floors.flow.media
        self.sender = floors.flow.sender
        self.replies = floors.flow.replies

        self.conversations = floors.desk.conversations
        self.messages = floors.desk.messages
        self.macros = floors.desk.macros
        self.previews = floors.desk.previews
        self.codes = floors.desk.codes
        self.tasks = floors.desk.tasks
        self.notices = floors.desk.notices
        self.imports = floors.desk.imports
        self.lists = floors.desk.lists
        self.personal_data = floors.desk.personal_data
        self.erasing = floors.desk.erasing

        self.assigner = floors.routing.assigner
        self.presence = floors.routing.presence
        self.relief = floors.routing.relief
        self.handing_over = floors.routing.handing_over
        self.clocks = floors.routing.clocks
        self.priorities = floors.routing.priorities
        self.routing_setup = floors.routing.setup

        self.suggesting = floors.rules.suggesting
        self.follow_ups = floors.rules.follow_ups
        self.rules = floors.rules.library
        self.classifier = floors.skills.classifier
        self.posting = floors.bot.posting
        self.webhooks = floors.bot.webhooks
        self.bot = floors.bot.engine
        self.dry_runs = floors.bot.dry_runs

        self.managers = floors.crew.managers
        self.teams = floors.crew.teams
        self.staff_accounts = floors.companion.accounts
        self.companions = floors.companion.companions
        self.staff_ingest = floors.companion.ingest
        self.staff_journal = floors.companion.journal
        self.numbers = floors.counting.numbers
        self.reports = floors.counting.reports

    @contextlib.asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Have all workers work. Leaving finishes what was accepted and leaves the rest to whoever adopts it."""
        background = [
            asyncio.create_task(_lasting(work, name), name=name)
            for name, work in (
                ("wakeups", self.wakeups.run()),
                ("live", self.feed.run()),
                ("gathering", self.gathering.run()),
                ("sweeper", self.sweeper.run()),
                ("indexing", self.indexing.run()),
                ("notices", self.notices.run()),
                ("presence", self.presence.run()),
                ("numbers", self.numbers.run()),
            )
        ]
        ingest = asyncio.create_task(_lasting(self.ingest.run(), "ingest"))
        staff_ingest = asyncio.create_task(_lasting(self.staff_ingest.run(), "staff_ingest"))
        sender = asyncio.create_task(_lasting(self.sender.run(), "sender"))
        timers = asyncio.create_task(_lasting(self.timers.run(), "timers"))
        listening = asyncio.create_task(_lasting(self.listening.run(), "listening"))
        try:
            yield
        finally:
            listening.cancel()
            await asyncio.wait([listening], timeout=2)
            self.ingest.stop()
            self.staff_ingest.stop()
            await asyncio.wait([ingest, staff_ingest], timeout=10)
            await asyncio.gather(self.sender.stop(), self.timers.stop())
            workers = [ingest, staff_ingest, sender, timers, *background]
            for task in workers:
                task.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
            await self.presence.leave()
            await self.tracking.close()
            await self.posting.close()
            await self.classifier.close()
            await self.companions.close()
            await self.channels.close()


async def _lasting(work: Coroutine[Any, Any, None], name: str) -> None:
    """A worker that ends by an exception of its own is a bug that must be seen."""
    try:
        await work
    except Exception:
        _log.critical("worker_died", worker=name, exc_info=True)
        raise
