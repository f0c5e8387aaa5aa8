"""What the bot does by itself."""

from dataclasses import dataclass

from aiohttp import web

from bot.library import RuleLibrary
from web.api.requests import NewRule, RuleChange, RuleTrial
from web.api.views import rule_view
from web.doors.answers import json_answer, no_content
from web.doors.bodies import PageQuery
from web.doors.table import Call


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleHandlers:
    """`/rules`."""

    rules: RuleLibrary

    async def index(self, call: Call[None, PageQuery]) -> web.Response:
        """Every rule, in the order of evaluation."""
        found, cursor = await self.rules.page(call.query.cursor, call.query.limit)
        return json_answer({"items": [rule_view(row) for row in found], "next_cursor": cursor})

    async def create(self, call: Call[NewRule, None]) -> web.Response:
        """Keep a new rule."""
        created = await self.rules.create(call.body.model_dump())
        call.note.object_id = created["_id"]
        return json_answer(rule_view(created), status=201)

    async def show(self, call: Call[None, None]) -> web.Response:
        """One rule."""
        return json_answer(rule_view(await self.rules.get(call.path())))

    async def change(self, call: Call[RuleChange, None]) -> web.Response:
        """Change a rule."""
        changes = call.body.changes()
        version = changes.pop("version", None)
        return json_answer(rule_view(await self.rules.change(call.path(), changes, version=version)))

    async def delete(self, call: Call[None, None]) -> web.Response:
        """Forget a rule."""
        await self.rules.delete(call.path())
        return no_content()

    async def test(self, call: Call[RuleTrial, None]) -> web.Response:
        """Try a rule on a conversation: nothing is sent and nothing changes."""
        trial = await self.rules.test(call.path(), call.body.conversation_id)
        return json_answer(trial)
