"""Settings > Rules: the list, the editor of one rule, and what both need to say what a rule does."""

import asyncio
import gettext
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

from aiohttp import web
from pydantic import StringConstraints

from bot.actions import ACTIONS
from bot.blanks import BLANKS
from bot.conditions import CONDITIONS
from bot.rules import TRIGGERS
from inbox.model.people import Viewer
from web.doors.bodies import Query
from web.doors.table import Call
from web.pages.desk import Row, View, Wanted
from web.pages.hours import DAY_NAMES, LONG_DAY_NAMES, zones
from web.pages.pages import clock_for
from web.pages.sentences import CARD_FIELDS, INTENT_NAMES, LANGUAGE_NAMES, Names, sentence, trigger_titles
from web.pages.settings import LikeQuery, SettingsPages

_ = gettext.NullTranslations().gettext

TRY_ON = 20
"""How many conversations are offered for a dry run at once."""

DEPTH = 2
"""How deep actions may lie in the buttons of others to have forms; deeper ones are edited as JSON."""

CONDITION_KINDS: Mapping[str, tuple[str, str]] = {
    "text": (_("Words in the message"), "message-square"),
    "intent": (_("What the message is about"), "circle-help"),
    "language": (_("The customer's language"), "languages"),
    "channel": (_("Channel"), "plug"),
    "label": (_("Labels"), "tag"),
    "opening": (_("New or come back"), "rotate-ccw"),
    "hours": (_("Opening hours"), "store"),
    "time": (_("Time and day"), "clock"),
    "customer_field": (_("Something on the customer's card"), "user"),
    "order_field": (_("Something about the order"), "package"),
    "manager_availability": (_("Who is there to answer"), "users"),
}
"""Title and icon of each kind of condition, as the menu has them."""

ACTION_KINDS: Mapping[str, tuple[str, str]] = {
    "reply": (_("Reply"), "message-circle"),
    "ask": (_("Ask and wait"), "circle-help"),
    "macro": (_("Send a macro"), "zap"),
    "label": (_("Labels"), "tag"),
    "assign": (_("Assign"), "user-plus"),
    "handoff": (_("Hand over to a person"), "hand"),
    "priority": (_("Priority"), "flag"),
    "snooze": (_("Snooze"), "alarm-clock"),
    "close": (_("Close"), "check"),
    "order_status": (_("Move the order"), "package"),
    "task": (_("Make a task"), "check-check"),
    "webhook": (_("Call an address"), "link"),
}
"""Title and icon of each kind of action."""

TEXTS = {
    "rule-added": _("%(name)s added"),
    "rule-delete": _("Delete"),
    "rule-deleted": _("%(name)s deleted"),
    "rule-fires": _("Would fire"),
    "rule-fires-on": _("Would fire if it were on"),
    "rule-line": _("Line %(line)s: %(message)s"),
    "rule-meanwhile": _("Somebody changed this rule meanwhile. Yours is not saved."),
    "rule-moved": _("%(name)s is now %(place)s of %(count)s"),
    "rule-nameless": _("New rule"),
    "rule-no-form": _("The form has no place for all of this: it stays JSON."),
    "rule-no-text": _("Message without text"),
    "rule-not-json": _("This is no JSON object."),
    "rule-others": _("Other rules that are on"),
    "rule-removed": _("%(name)s removed"),
    "rule-rests": _("Would not fire"),
    "rule-restore": _("Restore"),
    "rule-restore-question": _("What is not saved yet is lost. Restore the older version?"),
    "rule-silent": _("The bot is silent in this conversation: %(why)s."),
    "rule-theirs": _("Show theirs"),
    "rule-unfinished": _("Not complete yet: %(why)s"),
    "rules-fire": _("%(count)s of the rules that are on would fire. What each would do stands beside it."),
    "rules-rest": _("No rule that is on would fire. Why not stands beside each."),
}
"""What the screen's own code says."""

SPANS = (
    (15, _("15 minutes")),
    (60, _("an hour")),
    (180, _("three hours")),
    (1440, _("a day")),
    (4320, _("three days")),
    (10080, _("a week")),
)
"""Minutes to choose from, in words."""

NEW_RULE: View = {
    "id": "",
    "name": "",
    "enabled": False,
    "trigger": "message_received",
    "when": {},
    "conditions": [],
    "actions": [],
    "version": 0,
    "fired": {"count": 0, "last_at": None},
}


class TriesQuery(Query):
    """Words that a customer's name or message has."""

    q: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)] = ""


class RulePages(SettingsPages):
    """`/settings/rules` and what lies below it."""

    async def rules(self, call: Call[None, None]) -> web.Response:
        """Every rule in the order of evaluation, each in a sentence."""
        rules, known, tries = await asyncio.gather(
            self.desk.rules(), self._known(call.viewer), self._tries(call.viewer, "")
        )
        names = _names(known)
        sentences = {rule["id"]: sentence(rule, names) for rule in rules}
        data = {"texts": TEXTS, "languages": [], "names": {}}
        return await self._page(call, "rules", rules=rules, sentences=sentences, tries=tries, q="", data=data)

    async def new_rule(self, call: Call[None, LikeQuery]) -> web.Response:
        """A rule that is to be written, perhaps after another one."""
        if call.query.like is None:
            return await self._rule(call, NEW_RULE)
        like = await self.desk.rule(call.query.like)
        kept = {field: like[field] for field in ("trigger", "when", "conditions", "actions")}
        return await self._rule(call, {**NEW_RULE, **kept, "name": _("%(name)s, a copy") % {"name": like["name"]}})

    async def rule(self, call: Call[None, None]) -> web.Response:
        """One rule."""
        return await self._rule(call, await self.desk.rule(call.path()))

    async def tries(self, call: Call[None, TriesQuery]) -> web.Response:
        """The conversations that a dry run may be made on."""
        tries, shop = await asyncio.gather(self._tries(call.viewer, call.query.q), self.desk.shop())
        return self._part(call, "rule_tries", shop, tries=tries, q=call.query.q)

    async def versions(self, call: Call[None, None]) -> web.Response:
        """How a rule was before."""
        versions, known, shop = await asyncio.gather(
            self.desk.rule_versions(call.path()), self._known(call.viewer), self.desk.shop()
        )
        names = _names(known)
        sentences = {version["version"]: sentence(version, names) for version in versions}
        return self._part(call, "rule_versions", shop, rule_id=call.path(), versions=versions, sentences=sentences)

    async def calls(self, call: Call[None, None]) -> web.Response:
        """What a rule told other systems, and whether it was taken."""
        calls, shop = await asyncio.gather(self.desk.rule_calls(call.path()), self.desk.shop())
        return self._part(call, "rule_calls", shop, calls=calls)

    async def _rule(self, call: Call[None, Any], rule: View) -> web.Response:
        shop, known, tries = await asyncio.gather(
            self.desk.shop(), self._known(call.viewer), self._tries(call.viewer, "")
        )
        languages = list(dict.fromkeys([*shop["languages"], *_languages([*rule["conditions"], *rule["actions"]])]))
        names = _names(known)
        current = [field for field in known["fields"] if not field["archived"]]
        data = {
            "texts": TEXTS,
            "languages": languages,
            "names": {**names.channels, **names.managers, **names.teams, **names.macros},
            "depth": DEPTH,
            "rule": {field: rule[field] for field in ("name", "enabled", "trigger", "when", "conditions", "actions")},
        }
        return await self._page(
            call,
            "rules",
            template="rule",
            rule=rule,
            data=data,
            languages=languages,
            triggers=trigger_titles(TRIGGERS),
            condition_kinds=_kinds(CONDITION_KINDS, CONDITIONS),
            action_kinds=_kinds(ACTION_KINDS, ACTIONS),
            blanks=BLANKS,
            spans=SPANS,
            channels=known["channels"],
            kinds={channel["kind"]: channel["title"] for channel in known["channels"]},
            managers=[one for one in known["managers"] if one["active"]],
            teams=known["teams"],
            macros=[macro for macro in known["macros"] if macro["shared"]],
            stages=known["stages"],
            fields=current,
            card_fields=[*CARD_FIELDS.items(), *((field["code"], field["title"]) for field in current)],
            intents=INTENT_NAMES,
            spoken={code: LANGUAGE_NAMES.get(code, code) for code in dict.fromkeys([*languages, *LANGUAGE_NAMES])},
            days=DAY_NAMES,
            long_days=LONG_DAY_NAMES,
            zones=zones(),
            tries=tries,
            q="",
        )

    def _part(self, call: Call[Any, Any], template: str, shop: View, **context: Any) -> web.Response:
        return self.pages.html(
            call.request, f"settings/{template}.html", clock=clock_for(call.request, shop), **context
        )

    async def _tries(self, viewer: Viewer, q: str) -> Sequence[Row]:
        """The conversations that said something last, closed ones too."""
        (active, _more), (closed, _rest) = await asyncio.gather(
            *(self.desk.rows(viewer, Wanted(tab=tab, q=q, limit=TRY_ON)) for tab in ("all", "closed"))
        )
        return sorted([*active, *closed], key=lambda row: row.conversation["last_at"], reverse=True)[:TRY_ON]

    async def _known(self, viewer: Viewer) -> dict[str, Any]:
        """What rules speak of."""
        (channels, managers, teams), (macros, stages, fields) = await asyncio.gather(
            asyncio.gather(self.desk.channels(viewer), self.desk.everybody(viewer), self.desk.teams()),
            asyncio.gather(self.desk.macros(viewer), self.desk.stages(), self.desk.customer_fields()),
        )
        named = {"channels": channels, "managers": managers, "teams": teams, "macros": macros}
        return {**named, "stages": stages, "fields": fields}


def _names(known: Mapping[str, Any]) -> Names:
    kinds = {channel["kind"]: channel["title"] for channel in known["channels"]}
    return Names(
        channels=kinds | {channel["id"]: channel["name"] for channel in known["channels"]},
        managers={manager["id"]: manager["name"] for manager in known["managers"]},
        teams={team["id"]: team["name"] for team in known["teams"]},
        macros={macro["id"]: macro["name"] for macro in known["macros"]},
        stages=dict(known["stages"]),
        fields={field["code"]: field["title"] for field in known["fields"]},
    )


def _kinds(named: Mapping[str, tuple[str, str]], known: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Type, title and icon of every kind that there is; one without a form of its own comes last, by its type."""
    told = [(kind, *named[kind]) for kind in named if kind in known]
    return [*told, *((kind, kind, "ellipsis") for kind in known if kind not in named)]


def _languages(part: Any) -> Iterator[str]:
    """The languages that the texts of a rule's parts are written in, however deep they lie."""
    if isinstance(part, dict):
        for key, value in part.items():
            if key in ("text", "title", "again") and isinstance(value, dict):
                yield from value
            else:
                yield from _languages(value)
    elif isinstance(part, list | tuple):
        for entry in part:
            yield from _languages(entry)
