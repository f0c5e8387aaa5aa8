"""What routing goes by at this moment: the shop's settings and every team's policy, read once for all who ask."""

from collections.abc import Mapping
from typing import Any

import msgspec
import structlog
from pydantic import ValidationError

from inbox.fresh import Fresh
from inbox.model.schedule import Schedule
from inbox.settings import ShopSettings, opening_hours
from inbox.storage.teams import TeamStore
from routing.policy import Policy, RoutingSettings

_log = structlog.get_logger(__name__)


class _Present(msgspec.Struct, frozen=True):
    """Everything at one moment; `teams` has those only that go by a policy of their own."""

    shop: RoutingSettings
    teams: Mapping[str, Policy]
    hours: Schedule

    def of(self, team_id: str | None) -> Policy:
        return self.shop.policy if team_id is None else self.teams.get(team_id, self.shop.policy)


class Policies:
    """Reads what admins set. A change counts in this process at once, in others within a second.

    What does not validate, because another version of the house wrote it, is as good as not set: a team goes by the
    shop's policy then, and the shop by the defaults.
    """

    def __init__(self, settings: ShopSettings, teams: TeamStore) -> None:
        self._settings = settings
        self._teams = teams
        self._present = Fresh(self._read)

    async def shop(self) -> RoutingSettings:
        """What holds for the whole shop."""
        return (await self._present.current()).shop

    async def of(self, team_id: str | None) -> Policy:
        """What holds for the conversations of a team, or for those without one (None)."""
        return (await self._present.current()).of(team_id)

    async def hours(self, team_id: str | None) -> Schedule:
        """When the clocks of a team's conversations run: by its policy, else in the shop's opening hours."""
        present = await self._present.current()
        return present.of(team_id).hours or present.hours

    def forget(self) -> None:
        """Something was changed in this process: whoever asks next gets it new."""
        self._present.forget()

    async def _read(self) -> _Present:
        settings = await self._settings.get()
        shop, teams = RoutingSettings(), {}
        if settings["routing"] is not None:
            try:
                shop = RoutingSettings.model_validate(settings["routing"])
            except ValidationError as error:
                _log.warning("routing_unreadable", reason=_reason(error))
        for team_id, stored in (await self._teams.policies()).items():
            try:
                teams[team_id] = Policy.model_validate(stored)
            except ValidationError as error:
                _log.warning("policy_unreadable", team_id=team_id, reason=_reason(error))
        return _Present(shop, teams, opening_hours(settings))


def _reason(error: ValidationError) -> list[dict[str, Any]]:
    """Where it does not fit and why, without what was stored."""
    return [{"field": ".".join(map(str, flaw["loc"])), "message": flaw["msg"]} for flaw in error.errors()]
