"""A rule: when it is heard, what must hold, what it does. JSON comes in, typed rules or a named mistake come out.

As it is stored: `{_id, name, enabled, trigger, conditions, actions, version, created_at, updated_at}`.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeVar

import msgspec
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StringConstraints, TypeAdapter, ValidationError

from bot import actions, conditions
from bot.actions import ACTIONS, ONE_TEXT, TEXT_BY_LANGUAGE, Action
from bot.conditions import CONDITIONS, Condition, Situation
from inbox.model.domain_events import ConversationOpened, MessageReceived
from inbox.model.errors import Invalid

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

_M = TypeVar("_M", bound=BaseModel)
_UNSPOKEN = frozenset({ONE_TEXT, TEXT_BY_LANGUAGE, "[key]"})


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
            "conditions": [_plain(condition) for condition in self.conditions],
            "actions": [_plain(action) for action in self.actions],
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
    frame = _checked(_FRAME, dict(raw), "")
    _known(frame.trigger, TRIGGERS, LATER_TRIGGERS, "trigger")
    return Rule(
        name=frame.name,
        enabled=frame.enabled,
        trigger=frame.trigger,
        conditions=_each(frame.conditions, CONDITIONS, conditions.LATER, "conditions"),
        actions=_each(frame.actions, ACTIONS, actions.LATER, "actions"),
    )


def restore(document: Mapping[str, Any]) -> Rule:
    """A rule as it was stored. Raises `Invalid` for what this version cannot read."""
    return msgspec.structs.replace(parse({field: document[field] for field in FIELDS}), id=document["_id"])


def _each(raw: Sequence[Any], kinds: Mapping[str, type[_M]], later: frozenset[str], field: str) -> tuple[_M, ...]:
    return tuple(_typed(entry, kinds, later, f"{field}.{position}") for position, entry in enumerate(raw))


def _typed(raw: Any, kinds: Mapping[str, type[_M]], later: frozenset[str], field: str) -> _M:
    if not isinstance(raw, dict):
        raise Invalid(field, "is an object with a type")
    kind = _known(raw.get("type"), kinds, later, f"{field}.type")
    return _checked(TypeAdapter(kinds[kind]), raw, field)


def _known(name: Any, known: Mapping[str, Any], later: frozenset[str], field: str) -> str:
    if isinstance(name, str):
        if name in known:
            return name
        if name in later:
            raise Invalid(field, f"{name} is not supported yet; so far: {', '.join(known)}")
    raise Invalid(field, f"is one of {', '.join(known)}")


def _checked(adapter: TypeAdapter[_M], raw: Mapping[str, Any], field: str) -> _M:
    try:
        return adapter.validate_python(raw)
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_context=False, include_input=False)[0]
        path = [field, *(str(part) for part in wrong["loc"] if part not in _UNSPOKEN)]
        unknown = wrong["type"] == "extra_forbidden"
        remedy = "there is no such field" if unknown else wrong["msg"].removeprefix("Value error, ")
        raise Invalid(".".join(part for part in path if part), remedy) from error


def _plain(part: BaseModel) -> dict[str, Any]:
    return part.model_dump(mode="json", by_alias=True, exclude_none=True)
