"""What is kept: every store over the database, made once."""

from inbox.settings import ShopSettings
from inbox.storage.absences import AbsenceStore
from inbox.storage.attachments import AttachmentStore
from inbox.storage.audit import AuditStore
from inbox.storage.channels import ChannelStore
from inbox.storage.codes import CodeStore
from inbox.storage.contacts import ContactStore
from inbox.storage.conversations import ConversationStore
from inbox.storage.customer_fields import CustomerFieldStore
from inbox.storage.database import Database
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
from inbox.storage.timers import TimerStore
from inbox.storage.waiting import WaitingStore
from inbox.storage.webhook_calls import WebhookCallStore
from inbox.storage.workloads import WorkloadStore
from routing.clocks import Winder
from routing.policies import Policies


class Stores:
    """The only part that is handed the database. Files go to `buckets`, if any."""

    def __init__(self, database: Database, buckets: Buckets | None) -> None:
        # Messages on their way in and out.
        self.journal = JournalStore(database)
        self.outbox = OutboxStore(database)
        self.messages = MessageStore(database)
        self.attachments = AttachmentStore(database, buckets)
        self.channels = ChannelStore(database)
        self.listeners = ListenerStore(database)
        self.live_log = LiveLog(database)
        self.timers = TimerStore(database)
        self.search = SearchStore(database)

        # Customers.
        self.people = PeopleStore(database)
        self.contacts = ContactStore(database)
        self.codes = CodeStore(database)
        self.merges = MergeStore(database)
        self.customer_fields = CustomerFieldStore(database)
        self.notes = NoteStore(database)
        self.timeline = TimelineStore(database)
        self.erasures = ErasureStore(database)
        self.exports = ExportStore(database)
        self.imports = ImportStore(database)

        # Orders.
        self.orders = OrderStore(database)
        self.order_sources = OrderSourceStore(database)
        self.order_tries = OrderTryStore(database)
        self.pipeline = PipelineStore(database)
        self.carriers = CarrierStore(database)
        self.parcels = ParcelStore(database)
        self.notices = NoticeStore(database)

        # Managers, and what they work with.
        self.managers = ManagerStore(database)
        self.sessions = SessionStore(database)
        self.teams = TeamStore(database)
        self.staff = StaffStore(database)
        self.audit = AuditStore(database)
        self.macros = MacroStore(database)
        self.macro_cases = MacroCaseStore(database)
        self.tasks = TaskStore(database)
        self.numbers = NumberStore(database)

        # Who answers.
        self.queue = QueueStore(database)
        self.waiting = WaitingStore(database)
        self.workloads = WorkloadStore(database)
        self.presence = PresenceStore(database)
        self.shifts = ShiftStore(database)
        self.absences = AbsenceStore(database)
        self.roles = Roles(database.durable.meta)

        # What the bot answers.
        self.rules = RuleStore(database)
        self.firings = FiringStore(database)
        self.reply_budget = ReplyBudget(database)
        self.questions = QuestionStore(database)
        self.webhook_calls = WebhookCallStore(database)

        # A conversation's clock is wound in the very write that changes it: its store needs the winder, and the winder
        # needs what admins set.
        self.settings = ShopSettings(SettingsStore(database))
        self.policies = Policies(self.settings, self.teams)
        self.winder = Winder(self.policies, self.timers)
        self.conversations = ConversationStore(database, self.winder)
