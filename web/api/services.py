"""Everything the API's handlers need, handed in by the composition root."""

from dataclasses import dataclass

from bot.library import RuleLibrary
from bot.staff.accounts import StaffAccounts
from bot.suggesting import Suggesting
from bot.trying import DryRuns
from bot.webhooks import Webhooks
from inbox.avatars import Avatars
from inbox.cards import Cards
from inbox.channels import Channels
from inbox.codes import Codes
from inbox.conversations import Conversations
from inbox.customer_fields import CustomerFields
from inbox.customers import Customers
from inbox.erasing import Erasing
from inbox.exporting import Lists, PersonalData
from inbox.follow_ups import FollowUps
from inbox.gathering import Gathering
from inbox.imports import Imports
from inbox.live import LiveFeed
from inbox.macros import Macros
from inbox.managers import Managers
from inbox.media import Media
from inbox.merging import Merging
from inbox.messages import Messages
from inbox.notes import CustomerNotes
from inbox.notices import Notices
from inbox.order_sources import OrderSources
from inbox.orders import Orders
from inbox.pipeline import OrderPipeline
from inbox.previews import Previews
from inbox.quarantine import Quarantine
from inbox.replies import Replies
from inbox.reports import Reports
from inbox.search import Search
from inbox.settings import ShopSettings
from inbox.storage.audit import AuditStore
from inbox.suggestions import Suggestions
from inbox.tasks import Tasks
from inbox.teams import Teams
from inbox.timeline import Timeline
from inbox.tracking import Tracking
from routing.assignment import Assigner
from routing.handing_over import HandingOver
from routing.presence import Presence
from routing.setup import RoutingSetup
from web.doors.passwords import Passwords


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiServices:
    """One field a service."""

    assigner: Assigner
    audit: AuditStore
    avatars: Avatars
    cards: Cards
    channels: Channels
    codes: Codes
    conversations: Conversations
    customer_fields: CustomerFields
    customer_notes: CustomerNotes
    customers: Customers
    erasing: Erasing
    feed: LiveFeed
    follow_ups: FollowUps
    gathering: Gathering
    handing_over: HandingOver
    imports: Imports
    lists: Lists
    macros: Macros
    managers: Managers
    media: Media
    merging: Merging
    messages: Messages
    order_sources: OrderSources
    orders: Orders
    passwords: Passwords
    personal_data: PersonalData
    pipeline: OrderPipeline
    presence: Presence
    previews: Previews
    notices: Notices
    quarantine: Quarantine
    replies: Replies
    reports: Reports
    routing_setup: RoutingSetup
    rules: RuleLibrary
    dry_runs: DryRuns
    search: Search
    settings: ShopSettings
    staff_accounts: StaffAccounts
    suggesting: Suggesting
    suggestions: Suggestions
    tasks: Tasks
    tracking: Tracking
    timeline: Timeline
    teams: Teams
    webhooks: Webhooks
