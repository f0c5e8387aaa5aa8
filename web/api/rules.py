"""What the bot does by itself: rules, their versions, and how they would have done."""

from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, ClassVar

from aiohttp import web
from pydantic import AfterValidator, AwareDatetime, BaseModel, Field, StringConstraints

from bot.actions import ACTIONS
from bot.blanks import BLANKS
from bot.conditions import CONDITIONS
from bot.library import RuleLibrary
from bot.rules import TRIGGERS
from bot.secrecy import masked
from bot.trying import DryRuns
from inbox.model.people import Viewer
from inbox.storage.database import Document
from web.api.fields import Id, Name
from web.api.rows import row
from web.api.services import ApiServices
from web.api.shapes import Page, Shape
from web.api.views import View
from web.doors.answers import json_answer, no_content
from web.doors.bodies import Body, Change, PageQuery
from web.doors.table import Call, Route, Who

RuleParts = Annotated[list[dict[str, Any]], Field(max_length=50)]
"""Conditions and actions; what is in them the bot says."""

Trigger = Annotated[str, StringConstraints(max_length=60)]
Version = Annotated[int, Field(ge=0, lt=1 << 53)]


class NewRule(Body):
    """Something for the bot to do by itself. `when` says which occasions of its trigger are meant."""

    audited: ClassVar = frozenset({"name", "enabled", "trigger"})

    name: Name
    trigger: Trigger
    when: dict[str, Any] = Field(default_factory=dict)
    enabled: bool = True
    conditions: RuleParts = Field(default_factory=list)
    actions: RuleParts


class RuleChange(Change):
    """What changes about a rule; `version` is the one that was seen. Another trigger forgets `when`."""

    audited: ClassVar = frozenset({"name", "enabled", "trigger"})

    name: Name = ""
    trigger: Trigger = ""
    when: dict[str, Any] = Field(default_factory=dict)
    enabled: bool = True
    conditions: RuleParts = Field(default_factory=list)
    actions: RuleParts = Field(default_factory=list)
    version: Version | None = None


class RuleTrial(Body):
    """On which conversation a rule is tried."""

    conversation_id: Id


class RuleAttempt(Body):
    """On which message all rules are tried: the last that the customer wrote, where none is named.

    With a `rule` it alone is tried, as it is written here.
    """

    conversation_id: Id
    message_id: Id | None = None
    rule: NewRule | None = None


def _once(ids: list[str]) -> list[str]:
    if len(set(ids)) < len(ids):
        raise ValueError("name each rule once")
    return ids


class RuleOrder(Body):
    """Rules by id in the order in which they are to be evaluated; those that are not named follow."""

    audited: ClassVar = frozenset({"ids"})

    ids: Annotated[list[Id], Field(min_length=1, max_length=10_000), AfterValidator(_once)]


class RuleRestore(Body):
    """Which of its versions a rule is to be given back."""

    audited: ClassVar = frozenset({"version"})

    version: Version


class FiredShape(Shape):
    """How often a rule fired within the last 90 days, and when it did last."""

    count: int
    last_at: AwareDatetime | None


class RuleShape(Shape):
    """What the bot does by itself."""

    id: str
    name: str
    enabled: bool
    trigger: str
    when: dict[str, Any]
    conditions: list[dict[str, Any]]
    actions: list[dict[str, Any]]
    version: int
    fired: FiredShape


class SavedByShape(Shape):
    """Who saved a version."""

    id: str
    name: str


class RuleVersionShape(Shape):
    """A form that a rule has or had."""

    version: int
    at: AwareDatetime
    by: SavedByShape | None
    name: str
    enabled: bool
    trigger: str
    when: dict[str, Any]
    conditions: list[dict[str, Any]]
    actions: list[dict[str, Any]]


class RuleVersionsShape(Shape):
    """The newest versions of a rule, the present one first."""

    items: list[RuleVersionShape]


class RuleTrialShape(Shape):
    """Whether a rule would fire in a conversation, and if not, why."""

    would_fire: bool
    reasons: list[str]
    message_id: str | None


class TriedRuleShape(Shape):
    """How a rule does on a message: why it would not fire, and what it does, a line for each action."""

    rule_id: str
    name: str
    enabled: bool
    would_fire: bool
    reasons: list[str]
    does: list[str]


class RuleAttemptShape(Shape):
    """How rules do on a message. `silent`: why the bot would do nothing about it; `skills` hear of it before rules."""

    items: list[TriedRuleShape]
    silent: str | None
    skills: list[str]
    message_id: str | None


class TriggerShape(Shape):
    """A trigger, and the JSON schema of the `when` of its rules."""

    type: str
    when: dict[str, Any]


class RuleKindsShape(Shape):
    """All that rules are made of: JSON schemas of conditions and actions by type, and the blanks of texts."""

    triggers: list[TriggerShape]
    conditions: dict[str, dict[str, Any]]
    actions: dict[str, dict[str, Any]]
    blanks: list[str]


@cache
def _kinds() -> dict[str, Any]:
    def schema(model: type[BaseModel]) -> dict[str, Any]:
        return model.model_json_schema(by_alias=True)

    return {
        "triggers": [{"type": trigger, "when": schema(model)} for trigger, model in TRIGGERS.items()],
        "conditions": {kind: schema(model) for kind, model in CONDITIONS.items()},
        "actions": {kind: schema(model) for kind, model in ACTIONS.items()},
        "blanks": list(BLANKS),
    }


def rule_view(rule: Document) -> View:
    """What the bot does by itself."""
    told = ("name", "enabled", "trigger", "when", "conditions", "actions", "version", "fired")
    return {"id": rule["_id"], **{field: rule[field] for field in told}, "actions": masked(rule["actions"])}


def _saved_by(viewer: Viewer) -> Document:
    return {"id": viewer.id, "name": viewer.name}


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleHandlers:
    """`/rules`."""

    rules: RuleLibrary
    dry_runs: DryRuns

    async def index(self, call: Call[None, PageQuery]) -> web.Response:
        """Every rule, in the order of evaluation."""
        found, cursor = await self.rules.page(call.query.cursor, call.query.limit)
        return json_answer({"items": [rule_view(each) for each in found], "next_cursor": cursor})

    async def create(self, call: Call[NewRule, None]) -> web.Response:
        """Keep a new rule."""
        created = await self.rules.create(call.body.model_dump(), by=_saved_by(call.viewer))
        call.note.object_id = created["_id"]
        return json_answer(rule_view(created), status=201)

    async def kinds(self, call: Call[None, None]) -> web.Response:  # noqa: ARG002  # Everybody gets the same.
        """What rules are made of."""
        return json_answer(_kinds())

    async def show(self, call: Call[None, None]) -> web.Response:
        """One rule."""
        return json_answer(rule_view(await self.rules.get(call.path())))

    async def change(self, call: Call[RuleChange, None]) -> web.Response:
        """Change a rule."""
        changes = call.body.changes()
        version = changes.pop("version", None)
        changed = await self.rules.change(call.path(), changes, version=version, by=_saved_by(call.viewer))
        return json_answer(rule_view(changed))

    async def delete(self, call: Call[None, None]) -> web.Response:
        """Forget a rule."""
        await self.rules.delete(call.path())
        return no_content()

    async def order(self, call: Call[RuleOrder, None]) -> web.Response:
        """Put rules in another order."""
        await self.rules.arrange(call.body.ids)
        return no_content()

    async def versions(self, call: Call[None, None]) -> web.Response:
        """The forms that a rule has and had."""
        versions = await self.rules.versions(call.path())
        return json_answer({"items": [{**row, "actions": masked(row["actions"])} for row in versions]})

    async def restore(self, call: Call[RuleRestore, None]) -> web.Response:
        """Give a rule the form back that it had."""
        restored = await self.rules.bring_back(call.path(), call.body.version, by=_saved_by(call.viewer))
        return json_answer(rule_view(restored))

    async def test(self, call: Call[RuleTrial, None]) -> web.Response:
        """Try a rule on a conversation: nothing is sent and nothing changes."""
        trial = await self.dry_runs.test(call.path(), call.body.conversation_id)
        return json_answer(trial)

    async def attempt(self, call: Call[RuleAttempt, None]) -> web.Response:
        """Try all rules on a message of the past, or one that is not kept."""
        raw = call.body.rule.model_dump() if call.body.rule is not None else None
        return json_answer(await self.dry_runs.attempt(call.body.conversation_id, call.body.message_id, raw))


def rows(services: ApiServices) -> list[Route]:
    """The endpoints of rules."""
    rules = RuleHandlers(rules=services.rules, dry_runs=services.dry_runs)
    return [
        row("GET", "/rules", Who.ADMIN)(
            handler=rules.index,
            summary="What the bot does by itself, in the order of evaluation",
            query=PageQuery,
            answer=Page[RuleShape],
        ),
        row("POST", "/rules", Who.ADMIN)(
            handler=rules.create,
            summary="Keep a new rule",
            body=NewRule,
            answer=RuleShape,
            statuses=(201,),
            audit="rule.create",
        ),
        row("GET", "/rules/kinds", Who.ADMIN)(
            handler=rules.kinds,
            summary="JSON schemas of triggers, conditions and actions, for whoever writes an editor",
            answer=RuleKindsShape,
        ),
        row("PUT", "/rules/order", Who.ADMIN)(
            handler=rules.order,
            summary="Evaluate rules in this order; those that are not named follow",
            body=RuleOrder,
            statuses=(204,),
            audit="rule.order",
        ),
        row("POST", "/rules/try", Who.ADMIN)(
            handler=rules.attempt,
            summary="Try all rules, or one that is not kept, on a message of the past; nothing is sent",
            body=RuleAttempt,
            answer=RuleAttemptShape,
        ),
        row("GET", "/rules/{id}", Who.ADMIN)(handler=rules.show, summary="One rule", answer=RuleShape),
        row("PATCH", "/rules/{id}", Who.ADMIN)(
            handler=rules.change,
            summary="Change a rule; 409 where version is stale",
            body=RuleChange,
            answer=RuleShape,
            audit="rule.change",
        ),
        row("DELETE", "/rules/{id}", Who.ADMIN)(
            handler=rules.delete, summary="Forget a rule", statuses=(204,), audit="rule.delete"
        ),
        row("GET", "/rules/{id}/versions", Who.ADMIN)(
            handler=rules.versions,
            summary="The forms that a rule has and had, the newest first",
            answer=RuleVersionsShape,
        ),
        row("POST", "/rules/{id}/restore", Who.ADMIN)(
            handler=rules.restore,
            summary="Give a rule the form back that it had in a version",
            body=RuleRestore,
            answer=RuleShape,
            audit="rule.restore",
        ),
        row("POST", "/rules/{id}/test", Who.ADMIN)(
            handler=rules.test,
            summary="Try a rule on a conversation; nothing is sent",
            body=RuleTrial,
            answer=RuleTrialShape,
        ),
    ]
