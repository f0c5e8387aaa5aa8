"""A rule: when it is heard, what must hold, what it does. JSON comes in, typed rules or a named mistake come out.

As it is stored: `{_id, name, enabled, trigger, conditions, actions, version, created_at, updated_at}`.
"""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StringConstraints, TypeAdapter

from bot import actions, conditions
from bot.actions import ACTIONS
from bot.conditions import CONDITIONS, Condition, Situation
from inbox.model.actions import Action
from inbox.model.domain_events import ConversationOpened, MessageReceived
from inbox.model.typed import checked, each, known, plain

TRIGGERS: Mapping[str, type[ConversationOpened | MessageReceived]] = {
    "conversation_opened": ConversationOpened,
    "message_received": MessageReceived,
}
"""Every trigger that a rule may have, with the event that pulls it."""

LATER_TRIGGERS: frozenset[str] = frozenset(
    {"no_reply", "order_status_changed", "parcel_waiting", "label_added", "customer_returned"}
)
"""Triggers that have their name already, and nothing else."""

FIELDS = ("name", "enabled", "trigger", "conditions", "actions")
"""What whoever writes a rule may say; the rest is ours."""


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that was found to be right."""

    name: str
    enabled: bool
    trigger: str
    conditions: tuple[Condition, ...]
    actions: tuple[Action, ...]
    id: str = ""

    def unmet(self, situation: Situation) -> list[str]:
        """Why the rule does not fire in this situation; empty where it does."""
        return [reason for condition in self.conditions if (reason := condition.unmet(situation)) is not None]

    def fields(self) -> dict[str, Any]:
        """The rule as JSON, in the one form in which it is stored and shown."""
        return {
            "name": self.name,
            "enabled": self.enabled,
            "trigger": self.trigger,
            "conditions": [plain(condition) for condition in self.conditions],
            "actions": [plain(action) for action in self.actions],
        }


class _Frame(BaseModel):
    """A rule before its conditions and actions are looked at."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
    trigger: str
    enabled: StrictBool = True
    conditions: Annotated[list[Any], Field(max_length=50)] = Field(default_factory=list)
    actions: Annotated[list[Any], Field(min_length=1, max_length=20)]


_FRAME = TypeAdapter(_Frame)


def parse(raw: Mapping[str, Any]) -> Rule:
    """A rule from what somebody wrote. Raises `Invalid` naming the field: `conditions.0.schedule.timezone`."""
    frame = checked(_FRAME, dict(raw), "")
    known(frame.trigger, TRIGGERS, "trigger", later=LATER_TRIGGERS)
    return Rule(
        name=frame.name,
        enabled=frame.enabled,
        trigger=frame.trigger,
        conditions=each(frame.conditions, CONDITIONS, "conditions", later=conditions.LATER),
        actions=each(frame.actions, ACTIONS, "actions", later=actions.LATER),
    )


def restore(document: Mapping[str, Any]) -> Rule:
    """A rule as it was stored. Raises `Invalid` for what this version cannot read."""
    return msgspec.structs.replace(parse({field: document[field] for field in FIELDS}), id=document["_id"])
