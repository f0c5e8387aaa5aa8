"""What rules name that has to be there: macros, managers, teams, statuses of orders, fields of cards."""

from collections.abc import Mapping, Sequence
from typing import Any

from bot.actions import every
from inbox.customer_fields import CustomerFields
from inbox.macros import Macros
from inbox.model.customer_fields import CustomerField
from inbox.model.errors import Invalid
from inbox.orders import Orders
from inbox.storage.managers import ManagerStore
from inbox.storage.rules import RuleStore
from inbox.storage.teams import TeamStore

OF_CARDS = ("name", "phone", "email", "language")
"""What an answer may be put into besides the shop's own fields."""


class References:
    """Looks after what rules name."""

    def __init__(
        self,
        *,
        rules: RuleStore,
        macros: Macros,
        managers: ManagerStore,
        teams: TeamStore,
        orders: Orders,
        fields: CustomerFields,
    ) -> None:
        self._rules = rules
        self._macros = macros
        self._managers = managers
        self._teams = teams
        self._orders = orders
        self._fields = fields

    async def check(self, actions: Sequence[Mapping[str, Any]]) -> None:
        """Raise `Invalid` naming the place of an action, in JSON, that names what is not there."""
        checks = {
            "macro": self._check_macro,
            "assign": self._check_holder,
            "task": self._check_manager,
            "order_status": self._check_status,
            "ask": self._check_field,
        }
        for place, action, _ in every(actions):
            if action["type"] in checks:
                await checks[action["type"]](place, action)

    async def naming_team(self, team_id: str) -> list[str]:
        """What the rules are called that give conversations to a team."""
        return [
            rule["name"]
            for rule in await self._rules.all()
            if any(action.get("team_id") == team_id for _, action, _ in every(rule["actions"]))
        ]

    async def _check_macro(self, place: str, action: Mapping[str, Any]) -> None:
        if await self._macros.shared(action["macro_id"]) is None:
            raise Invalid(f"{place}.macro_id", "there is no such macro for everybody")

    async def _check_holder(self, place: str, action: Mapping[str, Any]) -> None:
        if "team_id" in action and await self._teams.missing([action["team_id"]]):
            raise Invalid(f"{place}.team_id", "there is no such team")
        await self._check_active(f"{place}.manager_id", action.get("manager_id"))

    async def _check_manager(self, place: str, action: Mapping[str, Any]) -> None:
        if action.get("manager") != "assignee":
            await self._check_active(f"{place}.manager", action.get("manager"))

    async def _check_active(self, place: str, manager_id: str | None) -> None:
        if manager_id is not None and manager_id not in await self._managers.active([manager_id]):
            raise Invalid(place, "there is no such active manager")

    async def _check_status(self, place: str, action: Mapping[str, Any]) -> None:
        pipeline = await self._orders.pipeline()
        if pipeline.stage(action["status"]) is None:
            raise Invalid(f"{place}.status", f"is one of {', '.join(pipeline.codes)}")

    async def _check_field(self, place: str, action: Mapping[str, Any]) -> None:
        """Whether the card takes what is asked: the field is there, and every button's value fits it."""
        code = action.get("field")
        if code is None or code in OF_CARDS:
            return
        known = {field.code: field for field in await self._fields.all()}
        # As everywhere on cards: where a shop has defined no fields, any name may stand for one.
        field = known.get(code, CustomerField(code=code, title=code) if not known else None)
        if field is None or field.archived:
            raise Invalid(f"{place}.field", f"is one of {', '.join((*OF_CARDS, *known))}")
        for position, button in enumerate(action["buttons"]):
            try:
                field.normalised(button["value"])
            except ValueError as error:
                raise Invalid(f"{place}.buttons.{position}.value", str(error)) from error
