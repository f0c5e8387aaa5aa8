"""What the bot goes by at this moment, kept in memory: on the way of every message nobody asks the database for it."""

import asyncio
import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import structlog

from bot.matching import Matcher
from bot.rules import TRIGGERS, Rule, restore
from bot.settings import BotSettings, bot_settings
from inbox.fresh import Fresh
from inbox.model.errors import Invalid
from inbox.model.schedule import Schedule
from inbox.settings import ShopSettings, opening_hours
from inbox.storage.database import Document
from inbox.storage.rules import RuleStore

_log = structlog.get_logger(__name__)


READ_ANEW_SECONDS = 60.0
"""After this rules are read even if nobody said that they changed: a process may have died before it said so."""


class Playbook(msgspec.Struct, frozen=True, kw_only=True):
    """The enabled rules by trigger, in their order, and what they need to know of the shop."""

    rules: Mapping[str, Sequence[Rule]]
    matchers: Mapping[str, Matcher]
    """The same rules, as they are asked which of them fire."""
    hours: Schedule
    quiet_hours: Mapping[str, Any]
    """See `inbox.model.hours`; by the clock of `hours`."""
    languages: Sequence[str]
    bot: BotSettings
    """The shop's `bot` settings, which also tell the skills that are switched on."""


class _Compiled(msgspec.Struct, frozen=True):
    """Rules as they were read: by trigger, put in order, and each by its id with the version that was read."""

    by_trigger: Mapping[str, Sequence[Rule]]
    matchers: Mapping[str, Matcher]
    versions: Mapping[str, tuple[int, Rule]]


class Playbooks:
    """Reads the playbook. A change counts in this process at once, in others within a second.

    Rules are read when one of them is another than before, and only those are taken apart that are.
    """

    def __init__(self, rules: RuleStore, settings: ShopSettings) -> None:
        self._rules = rules
        self._settings = settings
        self._playbook = Fresh(self._read)
        self._compiled = _Compiled(dict.fromkeys(TRIGGERS, ()), {}, {})
        self._edition: str | None = None
        self._read_at = -math.inf

    async def current(self) -> Playbook:
        """The playbook as it is, or was a moment ago."""
        return await self._playbook.current()

    def forget(self) -> None:
        """A rule was changed in this process: whoever asks next gets it new."""
        self._playbook.forget()

    async def _read(self) -> Playbook:
        edition, shop = await asyncio.gather(self._rules.edition(), self._settings.get())
        if edition != self._edition or time.monotonic() - self._read_at > READ_ANEW_SECONDS:
            read_at = time.monotonic()
            documents = await self._rules.enabled()
            # Thousands of rules take a while: nobody's message waits for that.
            self._compiled = await asyncio.to_thread(_compile, documents, self._compiled)
            self._edition, self._read_at = edition, read_at
        return Playbook(
            rules=self._compiled.by_trigger,
            matchers=self._compiled.matchers,
            hours=opening_hours(shop),
            quiet_hours=shop["quiet_hours"],
            languages=shop["languages"],
            bot=bot_settings(shop),
        )


def _compile(documents: Sequence[Document], before: _Compiled) -> _Compiled:
    versions: dict[str, tuple[int, Rule]] = {}
    by_trigger: dict[str, list[Rule]] = {trigger: [] for trigger in TRIGGERS}
    for document in documents:
        key, version = document["_id"], document.get("version", 0)
        known = before.versions.get(key)
        try:
            rule = known[1] if known is not None and known[0] == version else restore(document)
        except Invalid as error:
            # Written by another version; the other rules are not to suffer for it.
            _log.warning("rule_unreadable", rule_id=key, reason=str(error))
            continue
        versions[key] = (version, rule)
        by_trigger[rule.trigger].append(rule)
    matchers = {
        trigger: before.matchers[trigger] if _same(rules, before.by_trigger[trigger]) else Matcher(rules)
        for trigger, rules in by_trigger.items()
        if rules
    }
    return _Compiled(by_trigger, matchers, versions)


def _same(rules: Sequence[Rule], others: Sequence[Rule]) -> bool:
    return len(rules) == len(others) and all(rule is other for rule, other in zip(rules, others, strict=True))
