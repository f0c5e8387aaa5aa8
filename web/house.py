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

from bot.doing import Doer
from bot.engine import BotEngine
from bot.flows import Flows
from bot.handoff import Handoff
from bot.hearing import NO_REPLY, BotHearing
from bot.library import RuleLibrary
from bot.looking import Lookout
from bot.questions import Questions
from bot.references import References
from bot.settings import BotSettings
from bot.skills.language import LanguageSkill
from bot.skills.opting_out import OptingOut
from bot.skills.order_status import OrderStatus
from bot.skills.person import PersonSkill
from bot.skills.rating import ASK, RatingSkill
from bot.speaking import Speaker
from bot.staff.accounts import CHECK as STAFF_CHECK
from bot.staff.accounts import StaffAccounts
from bot.staff.desk import StaffDesk
from bot.staff.opening import Opener, open_line
from bot.staff.source import StaffSource
from bot.staff.telling import TELL, Tellings
from bot.staff.updates import Companions, StaffUpdates
from bot.suggesting import Suggesting
from bot.trying import DryRuns
from bot.understanding.as_set import AsSet
from bot.understanding.by_http import ByHttp
from bot.webhooks import POST, Webhooks
from channels.carriers.registry import CARRIERS
from channels.posting import Posting
from channels.registry import KINDS
from inbox.avatars import Avatars
from inbox.batch import Batches
from inbox.cards import Cards
from inbox.channels import Channels
from inbox.codes import SEND as SEND_CODE
from inbox.codes import Codes
from inbox.conversations import Conversations
from inbox.customer_fields import CustomerFields
from inbox.customers import Customers
from inbox.disclosure import Disclosure
from inbox.echoes import Echoes
from inbox.erasing import Erasing
from inbox.events import EventBus
from inbox.exporting import Lists, PersonalData
from inbox.files import Files
from inbox.follow_ups import FollowUps
from inbox.gathering import Gathering
from inbox.imports import TIMER as IMPORT
from inbox.imports import Imports
from inbox.indexing import Indexing
from inbox.ingest import Ingest
from inbox.journal import Journal
from inbox.links import LIFETIME, FileLinks
from inbox.listening import Listening
from inbox.live import LiveFeed
from inbox.macros import Macros
from inbox.managers import Managers
from inbox.media import Media
from inbox.merging import Merging
from inbox.messages import Messages
from inbox.metrics import Metrics
from inbox.model.domain_events import CardsChanged, ContactProven, MessageReceived
from inbox.model.macros import MacroTexts
from inbox.model.tables import Table
from inbox.notes import CustomerNotes
from inbox.notices import Notices
from inbox.numbers import Numbers
from inbox.order_pushes import ByKind, OrderPushes
from inbox.order_sources import OrderSources
from inbox.orders import Orders
from inbox.outbox import Sender
from inbox.pacing import Pacer
from inbox.pipeline import OrderPipeline
from inbox.previews import Previews
from inbox.profiles import Profiles
from inbox.proofs import CODE_TYPED, PROVEN, TOLD, Proofs
from inbox.quarantine import Quarantine
from inbox.ratings import GIVEN, Ratings
from inbox.reach import Reach
from inbox.readers import CustomerReader, MacroReader, OrderReader
from inbox.replies import Replies
from inbox.reports import Reports
from inbox.search import Search
from inbox.secrets import SecretBox
from inbox.settings import ShopSettings
from inbox.shops import SHOPS
from inbox.storage.absences import AbsenceStore
from inbox.storage.attachments import AttachmentStore
from inbox.storage.audit import AuditStore
from inbox.storage.channels import ChannelStore
from inbox.storage.codes import CodeStore
from inbox.storage.contacts import ContactStore
from inbox.storage.conversations import ConversationStore
from inbox.storage.customer_fields import CustomerFieldStore
from inbox.storage.database import Database, Document
from inbox.storage.erasing import TIMER as ERASE
from inbox.storage.erasing import ErasureStore
from inbox.storage.exporting import ExportStore
from inbox.storage.firings import FiringStore
from inbox.storage.imports import ImportStore
from inbox.storage.journal import JournalStore
from inbox.storage.listeners import ListenerStore
from inbox.storage.livelog import LiveLog
from inbox.storage.macro_cases import MacroCaseStore
from inbox.storage.macros import MacroStore
from inbox.storage.managers import ManagerStore
from inbox.storage.merging import TIMER as SETTLE
from inbox.storage.merging import MergeStore
from inbox.storage.messages import MessageStore
from inbox.storage.notes import NoteStore
from inbox.storage.notices import NoticeStore
from inbox.storage.numbers import NumberStore
from inbox.storage.order_sources import OrderSourceStore
from inbox.storage.order_tries import OrderTryStore
from inbox.storage.orders import OrderStore
from inbox.storage.outbox import OutboxStore
from inbox.storage.parcels import CarrierStore, ParcelStore
from inbox.storage.people import PeopleStore
from inbox.storage.pipeline import PipelineStore
from inbox.storage.presence import PresenceStore
from inbox.storage.questions import QuestionStore
from inbox.storage.queue import QueueStore
from inbox.storage.roles import Roles
from inbox.storage.rules import ReplyBudget, RuleStore
from inbox.storage.s3 import Buckets
from inbox.storage.search import SearchStore
from inbox.storage.sessions import SessionStore
from inbox.storage.settings import SettingsStore
from inbox.storage.shifts import ShiftStore
from inbox.storage.staff import StaffStore
from inbox.storage.tasks import TaskStore
from inbox.storage.teams import TeamStore
from inbox.storage.timeline import TimelineStore
from inbox.storage.timers import FOLLOW_UP, TimerStore
from inbox.storage.waiting import WaitingStore
from inbox.storage.webhook_calls import WebhookCallStore
from inbox.storage.workloads import WorkloadStore
from inbox.suggestions import Suggestions
from inbox.sweeper import Chore, Sweeper
from inbox.tasks import Tasks
from inbox.teams import DISSOLVE, Teams
from inbox.timeline import Timeline
from inbox.timers import Timers
from inbox.tracking import Tracking
from inbox.wakeups import Wakeups
from routing.assignment import Assigner
from routing.clocks import STRIKE, Clocks, Winder
from routing.finding import WAIT
from routing.handing_over import HandingOver
from routing.outlook import Outlooks
from routing.policies import Policies
from routing.presence import Presence
from routing.priorities import LOOK_SECONDS, Priorities
from routing.relief import TIMER as RELIEVE
from routing.relief import Relief
from routing.setup import RoutingSetup
from routing.shifts import TIMER as SHIFT
from routing.shifts import ShiftChanges
from web.memory import give_back

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
        self.database = database
        self.redis = redis
        self.box = SecretBox(secret_key)
        self.metrics = Metrics()
        self.bus = EventBus()
        self.wakeups = Wakeups(redis, database.name)
        self.feed = LiveFeed(LiveLog(database), self.wakeups)
        self.gathering = Gathering(redis, database.name)

        # What is kept.
        self.journal_store = JournalStore(database)
        self.outbox_store = OutboxStore(database)
        timer_store = TimerStore(database)
        people = PeopleStore(database)
        queue_store = QueueStore(database)
        message_store = MessageStore(database)
        self.attachment_store = attachment_store = AttachmentStore(database, buckets)
        self.manager_store = ManagerStore(database)
        self.session_store = SessionStore(database)
        self.audit = AuditStore(database)
        self.team_store = TeamStore(database)
        self.settings = ShopSettings(SettingsStore(database))
        self.policies = Policies(self.settings, self.team_store)
        winder = Winder(self.policies, timer_store)
        conversation_store = ConversationStore(database, winder)

        # The ground floor: the flow of messages.
        self.files = Files(attachment_store)
        channel_store = ChannelStore(database)
        self.channels = Channels(
            store=channel_store,
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
        search_store = SearchStore(database)
        self.search = Search(search_store, conversation_store)
        self.customer_fields = CustomerFields(CustomerFieldStore(database))
        self.customers = Customers(
            people=people,
            managers=self.manager_store,
            reach=reach,
            fields=self.customer_fields,
            settings=self.settings,
            search=self.search,
            queue=queue_store,
            feed=self.feed,
        )
        note_store = NoteStore(database)
        self.customer_notes = CustomerNotes(note_store, people, self.feed)
        self.timeline = Timeline(
            store=TimelineStore(database), messages=message_store, notes=note_store, conversations=conversation_store
        )
        self.avatars = Avatars(
            channels=self.channels,
            people=people,
            files=self.files,
            attachments=attachment_store,
            customers=self.customers,
        )
        self.profiles = Profiles(channels=self.channels, people=people, customers=self.customers, avatars=self.avatars)
        self.merging = Merging(
            store=MergeStore(database),
            people=people,
            conversations=conversation_store,
            messages=message_store,
            timers=timer_store,
            feed=self.feed,
            bus=self.bus,
        )
        contacts = ContactStore(database)
        self.proofs = Proofs(
            store=contacts,
            merging=self.merging,
            messages=message_store,
            settings=self.settings,
            feed=self.feed,
            bus=self.bus,
        )
        self.suggestions = Suggestions(contacts, people, self.merging)
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
            merging=self.merging,
            reach=reach,
            timers=timer_store,
            settings=self.settings,
            feed=self.feed,
            bus=self.bus,
            wakeups=self.wakeups,
            metrics=self.metrics,
        )
        macro_store, order_store, source_store = MacroStore(database), OrderStore(database), OrderSourceStore(database)
        self.pipeline = OrderPipeline(
            store=PipelineStore(database), orders=order_store, macros=macro_store, sources=source_store, shops=SHOPS
        )
        self.orders = Orders(
            store=order_store,
            pipeline=self.pipeline,
            people=people,
            feed=self.feed,
            bus=self.bus,
            wakeups=self.wakeups,
            metrics=self.metrics,
        )
        self.cards = Cards(people, reach, conversation_store, self.orders)
        self.order_sources = OrderSources(
            store=source_store, kinds=SHOPS, pipeline=self.pipeline, box=self.box, base_url=base_url
        )
        pushes = OrderPushes(
            kinds=SHOPS,
            sources=self.order_sources,
            store=source_store,
            orders=self.orders,
            journal=self.journal_store,
        )
        staff = StaffSource()
        # The companion's worker is made below, with all that managers do.
        apart = {staff.name: lambda updates: self.staff_ingest.submit(updates)}  # noqa: PLW0108
        by_kind = ByKind(batches, pushes, SHOPS, apart)
        self.ingest = Ingest(by_kind, self.journal_store, self.metrics)
        self.indexing = Indexing(search_store, gives_way=lambda: self.ingest.crowded)
        self.journal = Journal(self.journal_store, self.ingest, self.metrics)
        self.listening = Listening(ListenerStore(database), self.channels, self.journal)
        self.quarantine = Quarantine(self.journal_store, self.ingest, {**KINDS, **SHOPS, staff.name: staff})
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
            merging=self.merging,
            feed=self.feed,
            bus=self.bus,
            wakeups=self.wakeups,
        )
        self.codes = Codes(
            store=CodeStore(database),
            contacts=contacts,
            people=people,
            conversations=conversation_store,
            messages=message_store,
            merging=self.merging,
            proofs=self.proofs,
            replies=self.replies,
            settings=self.settings,
            timers=timer_store,
            wakeups=self.wakeups,
            box=self.box,
        )
        self.conversations = Conversations(
            store=conversation_store,
            people=people,
            channels=self.channels,
            timers=timer_store,
            feed=self.feed,
            bus=self.bus,
            wakeups=self.wakeups,
            search=self.search,
        )
        self.macros = Macros(
            store=macro_store,
            attachments=attachment_store,
            settings=self.settings,
            texts=MacroTexts(),
            orders=self.orders,
            fields=self.customer_fields,
        )
        self.previews = Previews(
            channels=self.channels,
            people=people,
            managers=self.manager_store,
            teams=self.team_store,
            orders=self.orders,
            settings=self.settings,
            links=self.links,
        )
        self.messages = Messages(message_store, conversation_store)
        self.tasks = Tasks(
            store=TaskStore(database),
            conversations=conversation_store,
            people=people,
            orders=order_store,
            managers=self.manager_store,
            timers=timer_store,
            feed=self.feed,
            wakeups=self.wakeups,
        )
        self.notices = Notices(
            store=NoticeStore(database),
            orders=self.orders,
            order_store=order_store,
            conversations=conversation_store,
            messages=message_store,
            people=people,
            channels=self.channels,
            replies=self.replies,
            macros=self.macros,
            tasks=self.tasks,
            settings=self.settings,
            wakeups=self.wakeups,
        )
        self.tracking = Tracking(
            carriers=CARRIERS,
            store=CarrierStore(database),
            parcels=ParcelStore(database),
            orders=self.orders,
            timers=timer_store,
            box=self.box,
            feed=self.feed,
            bus=self.bus,
        )
        self.erasing = Erasing(
            store=ErasureStore(database),
            journal=self.journal_store,
            merging=self.merging,
            files=self.files,
            indexing=self.indexing,
            kinds={**KINDS, **SHOPS, staff.name: staff},
            feed=self.feed,
            bus=self.bus,
        )
        self.media = Media(self.files, attachment_store, message_store, conversation_store, self.channels, self.feed)
        export_store = ExportStore(database)
        self.imports = Imports(
            store=ImportStore(database),
            readers={
                Table.CUSTOMERS: CustomerReader(self.customers, people, self.settings),
                Table.ORDERS: OrderReader(self.orders, self.order_sources, self.settings, people),
                Table.MACROS: MacroReader(self.macros),
            },
            attachments=attachment_store,
            managers=self.manager_store,
            timers=timer_store,
            feed=self.feed,
            wakeups=self.wakeups,
        )
        self.lists = Lists(export_store, self.cards, self.customer_fields)
        self.personal_data = PersonalData(export_store, conversation_store, message_store, self.media)

        # The upper floors: who answers, and what a machine answers.
        self.assigner = Assigner(
            workloads=WorkloadStore(database),
            queue=queue_store,
            roles=Roles(database.durable.meta),
            conversations=conversation_store,
            people=people,
            channels=self.channels,
            policies=self.policies,
            settings=self.settings,
            timers=timer_store,
            feed=self.feed,
            bus=self.bus,
            metrics=self.metrics,
        )
        self.presence = Presence(PresenceStore(database), self.policies, on_changed=self.assigner.availability_changed)
        self.shifts = ShiftChanges(
            store=ShiftStore(database),
            settings=self.settings,
            timers=timer_store,
            on_changed=self.assigner.availability_changed,
        )
        self.relief = Relief(
            store=AbsenceStore(database),
            assigner=self.assigner,
            policies=self.policies,
            timers=timer_store,
            wakeups=self.wakeups,
        )
        self.handing_over = HandingOver(
            assigner=self.assigner,
            conversations=conversation_store,
            replies=self.replies,
            managers=self.manager_store,
            teams=self.team_store,
        )
        self.suggesting = Suggesting(
            store=MacroCaseStore(database),
            macros=self.macros,
            macro_store=macro_store,
            messages=message_store,
            conversations=self.conversations,
            people=people,
            channels=self.channels,
            settings=self.settings,
        )
        self.follow_ups = FollowUps(
            messages=message_store,
            conversations=self.conversations,
            conversation_store=conversation_store,
            managers=self.manager_store,
            teams=self.team_store,
            orders=self.orders,
            macros=self.macros,
            timers=timer_store,
            audit=self.audit,
            feed=self.feed,
            hand_over=self.assigner.hand_to,
            on_used=self.suggesting.learn,
        )
        firings = FiringStore(database)
        rule_store = RuleStore(database)
        references = References(
            rules=rule_store,
            macros=self.macros,
            managers=self.manager_store,
            teams=self.team_store,
            orders=self.orders,
            fields=self.customer_fields,
        )
        self.rules = RuleLibrary(rule_store, firings, self.settings, references)
        waiting_store = WaitingStore(database)
        self.clocks = Clocks(
            winder=winder,
            conversations=conversation_store,
            waiting=waiting_store,
            people=people,
            managers=self.manager_store,
            tasks=self.tasks,
            replies=self.replies,
            relieve=self.assigner.relieve,
            feed=self.feed,
            bus=self.bus,
        )
        self.priorities = Priorities(
            policies=self.policies,
            store=waiting_store,
            conversations=conversation_store,
            people=people,
            channels=self.channels,
            feed=self.feed,
            bus=self.bus,
        )
        handoff = Handoff(self.conversations)
        speaker = Speaker(
            replies=self.replies,
            people=people,
            messages=message_store,
            budget=ReplyBudget(database),
            playbook=self.rules.playbook,
            handoff=handoff,
        )
        self.opting_out = OptingOut(people=people, speaker=speaker, playbook=self.rules.playbook, feed=self.feed)
        questions = Questions(store=QuestionStore(database), messages=message_store, speaker=speaker)
        self.posting = Posting(private=private_webhooks)
        self.webhooks = Webhooks(
            store=WebhookCallStore(database), timers=timer_store, wakeups=self.wakeups, post=self.posting.post
        )
        doer = Doer(
            speaker=speaker,
            questions=questions,
            handoff=handoff,
            webhooks=self.webhooks,
            conversations=self.conversations,
            conversation_store=conversation_store,
            people=people,
            macros=self.macros,
            follow_ups=self.follow_ups,
            orders=self.orders,
            tasks=self.tasks,
            outlooks=Outlooks(waiting_store),
            playbook=self.rules.playbook,
        )
        self.ratings = Ratings(
            conversations=conversation_store, messages=message_store, people=people, feed=self.feed, bus=self.bus
        )
        self.rating_skill = RatingSkill(
            conversations=conversation_store,
            people=people,
            channels=self.channels,
            speaker=speaker,
            playbook=self.rules.playbook,
            settings=self.settings,
            timers=timer_store,
        )
        self.classifier = ByHttp(classifier_secret)
        lookout = Lookout(
            people=people,
            conversations=conversation_store,
            orders=order_store,
            workloads=WorkloadStore(database),
            understanding=AsSet(self._bot_settings, self.classifier),
        )
        self.bot = BotEngine(
            library=self.rules,
            lookout=lookout,
            firings=firings,
            conversation_store=conversation_store,
            doer=doer,
            questions=questions,
            flows=Flows(
                doer=doer,
                questions=questions,
                speaker=speaker,
                customers=self.customers,
                fields=self.customer_fields,
                settings=self.settings,
                audit=self.audit,
            ),
            skills=(
                LanguageSkill(
                    people=people,
                    customers=self.customers,
                    questions=questions,
                    speaker=speaker,
                    playbook=self.rules.playbook,
                ),
                PersonSkill(read=lookout.reading, speaker=speaker, handoff=handoff, playbook=self.rules.playbook),
                OrderStatus(
                    read=lookout.reading,
                    disclosure=Disclosure(
                        orders=order_store,
                        people=people,
                        merges=MergeStore(database),
                        tries=OrderTryStore(database),
                        kinds=KINDS,
                    ),
                    orders=self.orders,
                    tracking=self.tracking,
                    messages=message_store,
                    settings=self.settings,
                    speaker=speaker,
                    questions=questions,
                    handoff=handoff,
                ),
            ),
        )
        self.dry_runs = DryRuns(
            library=self.rules,
            engine=self.bot,
            lookout=lookout,
            conversations=conversation_store,
            messages=message_store,
            orders=order_store,
            macros=self.macros,
        )
        self.hearing = BotHearing(
            engine=self.bot, conversations=conversation_store, messages=message_store, timers=timer_store
        )
        self.managers = Managers(
            self.manager_store,
            self.session_store,
            self.team_store,
            channel_store,
            on_deactivated=self._manager_left,
            on_changed=self._manager_changed,
        )
        self.routing_setup = RoutingSetup(
            policies=self.policies,
            settings=self.settings,
            channels=self.channels,
            managers=self.manager_store,
            kinds=KINDS,
            drain=self.assigner.drain,
        )
        self.teams = Teams(
            store=self.team_store,
            managers=self.manager_store,
            macros=macro_store,
            conversations=self.conversations,
            conversation_store=conversation_store,
            timers=timer_store,
            on_member=self.assigner.manager_changed,
            on_policy=self.routing_setup.changed,
            rules_naming=references.naming_team,
        )

        # The companion by which managers answer from their phones: beside the flow, with a worker of its own.
        staff_store = StaffStore(database)
        self.staff_accounts = StaffAccounts(
            store=staff_store,
            managers=self.manager_store,
            channels=self.channels,
            timers=timer_store,
            box=self.box,
            base_url=base_url,
            open_line=open_line,
        )
        staff_desk = StaffDesk(
            assigner=self.assigner,
            handing_over=self.handing_over,
            conversations=self.conversations,
            messages=self.messages,
            customers=self.customers,
            channels=self.channels,
            replies=self.replies,
            macros=self.macros,
            follow_ups=self.follow_ups,
            managers=self.managers,
            teams=self.teams,
            media=self.media,
            audit=self.audit,
        )
        opener = Opener(
            desk=staff_desk,
            accounts=self.staff_accounts,
            settings=self.settings,
            redis=redis,
            namespace=database.name,
        )
        self.companions = Companions(self.staff_accounts, opener, on_loaded=gc.freeze)
        updates = StaffUpdates(self.companions, self.journal_store)
        self.staff_ingest: Ingest = Ingest(updates, self.journal_store, self.metrics)
        self.staff_journal = Journal(self.journal_store, self.staff_ingest, self.metrics)
        tellings = Tellings(
            accounts=self.staff_accounts,
            companions=self.companions,
            desk=staff_desk,
            store=staff_store,
            timers=timer_store,
            wakeups=self.wakeups,
        )

        number_store = NumberStore(database)
        self.numbers = Numbers(number_store, self.policies.hours, self.feed, gives_way=lambda: self.ingest.crowded)
        self.reports = Reports(
            store=number_store,
            settings=self.settings,
            managers=self.manager_store,
            teams=self.team_store,
            channels=self.channels,
            people=people,
        )

        # Who hears of what.
        self.timeline.subscribe(self.bus)
        self.numbers.subscribe(self.bus)
        self.bus.subscribe(MessageReceived, self.channels.hear)
        self.bus.subscribe(ContactProven, self.orders.contact_proven)
        self.bus.subscribe(CardsChanged, self.orders.cards_changed)
        self.priorities.subscribe()
        self.assigner.subscribe()
        self.clocks.subscribe()
        self.relief.subscribe(self.bus)
        self.follow_ups.subscribe(self.bus)
        self.suggesting.subscribe(self.bus)
        self.opting_out.subscribe(self.bus)
        self.rating_skill.subscribe(self.bus)
        self.hearing.subscribe(self.bus)
        tellings.subscribe(self.bus)

        # What is done at a time, and every so often.
        self.timers = Timers(timer_store, self.wakeups)
        self.timers.handle("media.fetch", self.media.fetch)
        self.timers.handle("channel.check", self.channels.check_again)
        self.timers.handle("channel.acknowledge", self.channels.acknowledge)
        self.timers.handle("conversation.wake", self.conversations.wake)
        self.timers.handle(WAIT, self.assigner.wait_is_over)
        self.timers.handle(SHIFT, self.shifts.turn)
        self.timers.handle(RELIEVE, self.relief.relieve)
        self.timers.handle(DISSOLVE, self.teams.dissolve)
        self.timers.handle(FOLLOW_UP, self.follow_ups.finish)
        self.timers.handle(SETTLE, self.merging.settle)
        self.timers.handle(IMPORT, self.imports.run)
        self.timers.handle(ERASE, self.erasing.finish)
        self.timers.handle(PROVEN, self.proofs.learn)
        self.timers.handle(TOLD, self.proofs.hear)
        self.timers.handle(SEND_CODE, self.codes.send)
        self.timers.handle(CODE_TYPED, self.codes.read)
        self.timers.handle("identity.profile", self.profiles.learn)
        self.timers.handle_at_leisure("identity.avatar", self.avatars.fetch)
        self.timers.handle_at_leisure(STAFF_CHECK, self.staff_accounts.look_after)
        self.timers.handle_at_leisure(TELL, tellings.tell)
        self.timers.handle_at_leisure(POST, self.webhooks.deliver)
        self.timers.handle(GIVEN, self.ratings.take)
        self.timers.handle(ASK, self.rating_skill.ask)
        self.timers.handle("task.due", self.tasks.ring)
        self.timers.handle(STRIKE, self.clocks.strike)
        self.timers.handle("carrier.look", self.tracking.look)
        self.timers.handle(NO_REPLY, self.hearing.strike)
        self.sweeper = Sweeper(
            [
                Chore("adopt_events", 2.0, self.ingest.adopt),
                Chore("renew_leases", 2.0, self.ingest.renew_leases),
                Chore("renew_staff_leases", 2.0, self.staff_ingest.renew_leases),
                Chore("look_after_staff_bot", 60.0, self.staff_accounts.look_after_all),
                Chore("adopt_lanes", 5.0, self.outbox_store.reopen_strays),
                Chore("follow_parcels", 15.0, self.tracking.adopt),
                Chore("look_after_channels", 60.0, self.channels.look_after_all),
                Chore("note_arrivals", 15.0, self.channels.note_heard),
                Chore("renew_presence", 5.0, self.presence.renew),
                Chore("look_for_absent", 1.0, self.presence.look),
                Chore("check_presence", 60.0, self.presence.look_after_all),
                Chore("check_shifts", 60.0, self.shifts.look_after_all),
                Chore("check_relief", 60.0, self.relief.look_after_all),
                Chore("reconcile_loads", 5.0, self.assigner.reconcile),
                Chore("look_at_the_queue", LOOK_SECONDS, self.priorities.look),
                Chore("check_clocks", 60.0, self.clocks.look_after_all),
                Chore("forget_frames", 600.0, self.feed.forget),
                Chore("forget_files", 600.0, self.files.forget_released),
                Chore("forget_imported_files", 600.0, self.imports.forget_files),
                Chore("forget_large_events", 60.0, self.journal_store.forget_large),
                Chore("give_back_memory", 20.0, give_back),
            ]
        )

    async def _bot_settings(self) -> BotSettings:
        return (await self.rules.playbook()).bot

    async def _manager_left(self, manager_id: str) -> None:
        await self.staff_accounts.unlink(manager_id)
        await self.assigner.manager_left(manager_id)

    async def _manager_changed(self, manager: Document) -> None:
        await self.assigner.manager_changed(await self.shifts.follow(manager))

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
