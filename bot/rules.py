"""A rule: when it is heard, what must hold, what it does. JSON comes in, typed rules or a named mistake come out.

As it is stored: `{_id, name, enabled, trigger, when, conditions, actions, position, version, created_at, updated_at}`.
Rules are evaluated by `position`; those at the same one by their ids.
"""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StringConstraints, TypeAdapter

from bot import actions
from bot.actions import ACTIONS
from bot.conditions import CONDITIONS, Condition
from bot.situations import Situation
from bot.triggers import LabelAdded, NoReply, OrderStatusChanged, When
from inbox.model.actions import Action
from inbox.model.typed import checked, each, known, plain

TRIGGERS: Mapping[str, type[When]] = {
    "conversation_opened": When,
    "message_received": When,
    "no_reply": NoReply,
    "order_status_changed": OrderStatusChanged,
    "label_added": LabelAdded,
    "customer_returned": When,
    "parcel_waiting": When,
}
"""Every trigger that a rule may have, with what a rule says about it in `when`."""

OF_A_MESSAGE: frozenset[str] = frozenset({"conversation_opened", "message_received", "customer_returned"})
"""Triggers that a customer's message pulls. Where the bot is to be silent, their rules do nothing at all."""

_SPEAKING = tuple(kind for name, kind in ACTIONS.items() if name in {"reply", "macro", "ask"})

FIELDS = ("name", "enabled", "trigger", "when", "conditions", "actions")
"""What whoever writes a rule may say; the rest is ours."""


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that was found to be right."""

    name: str
    enabled: bool
    trigger: str
    when: When
    conditions: tuple[Condition, ...]
    actions: tuple[Action, ...]
    id: str = ""

    @property
    def speaks(self) -> bool:
        """Whether it says anything to the customer."""
        return any(isinstance(action, _SPEAKING) for action in self.actions)

    def unmet(self, situation: Situation) -> list[str]:
        """Why the rule does not fire in this situation, of which all is known; empty where it does."""
        return [reason for condition in self.conditions if (reason := condition.unmet(situation)) is not None]

    def fields(self) -> dict[str, Any]:
        """The rule as JSON, in the one form in which it is stored and shown."""
        return {
            "name": self.name,
            "enabled": self.enabled,
            "trigger": self.trigger,
            "when": plain(self.when),
            "conditions": [plain(condition) for condition in self.conditions],
            "actions": [plain(action) for action in self.actions],
        }


class _Frame(BaseModel):
    """A rule before its conditions and actions are looked at."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
    trigger: str
    enabled: StrictBool = True
    when: dict[str, Any] = Field(default_factory=dict)
    conditions: Annotated[list[Any], Field(max_length=50)] = Field(default_factory=list)
    actions: Annotated[list[Any], Field(min_length=1, max_length=20)]


_FRAME = TypeAdapter(_Frame)


def parse(raw: Mapping[str, Any]) -> Rule:
    """A rule from what somebody wrote. Raises `Invalid` naming the field: `conditions.0.schedule.timezone`."""
    frame = checked(_FRAME, dict(raw), "")
    trigger = known(frame.trigger, TRIGGERS, "trigger")
    return Rule(
        name=frame.name,
        enabled=frame.enabled,
        trigger=trigger,
        when=checked(TypeAdapter(TRIGGERS[trigger]), frame.when, "when"),
        conditions=each(frame.conditions, CONDITIONS, "conditions"),
        actions=actions.read(frame.actions),
    )


def restore(document: Mapping[str, Any]) -> Rule:
    """A rule as it was stored. Raises `Invalid` for what this version cannot read."""
    known_fields = {field: document[field] for field in FIELDS if field in document}
    return msgspec.structs.replace(parse(known_fields), id=document["_id"])
