"""Everything the API's handlers need, handed in by the composition root."""

from dataclasses import dataclass

from inbox.managers import Managers
from inbox.settings import ShopSettings
from inbox.storage.audit import AuditStore
from inbox.storage.teams import TeamStore
from web.api.me import SetStatus
from web.doors.passwords import Passwords


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiServices:
    """One field a service."""

    audit: AuditStore
    managers: Managers
    passwords: Passwords
    set_manager_status: SetStatus
    settings: ShopSettings
    teams: TeamStore
