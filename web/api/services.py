"""Everything the API's handlers need, handed in by the composition root."""

from dataclasses import dataclass

from bot.library import RuleLibrary
from inbox.channels import Channels
from inbox.conversations import Conversations
from inbox.customers import Customers
from inbox.live import LiveFeed
from inbox.macros import Macros
from inbox.managers import Managers
from inbox.media import Media
from inbox.messages import Messages
from inbox.quarantine import Quarantine
from inbox.replies import Replies
from inbox.settings import ShopSettings
from inbox.storage.audit import AuditStore
from inbox.storage.teams import TeamStore
from inbox.tasks import Tasks
from routing.assignment import Assigner
from web.doors.passwords import Passwords


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiServices:
    """One field a service."""

    assigner: Assigner
    audit: AuditStore
    channels: Channels
    conversations: Conversations
    customers: Customers
    feed: LiveFeed
    macros: Macros
    managers: Managers
    media: Media
    messages: Messages
    passwords: Passwords
    quarantine: Quarantine
    replies: Replies
    rules: RuleLibrary
    settings: ShopSettings
    tasks: Tasks
    teams: TeamStore
