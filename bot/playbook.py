"""What the bot goes by at this moment, kept in memory: on the way of every message nobody asks the database for it."""

import asyncio
import time
from collections.abc import Mapping, Sequence

import msgspec
import structlog

from bot.rules import TRIGGERS, Rule, restore
from inbox.model.errors import Invalid
from inbox.model.schedule import Schedule
from inbox.settings import ShopSettings
from inbox.storage.rules import RuleStore

FRESH_SECONDS = 1.0
"""How long a process trusts what it read: so late it hears of a rule that was changed in another process."""

_log = structlog.get_logger(__name__)


class Playbook(msgspec.Struct, frozen=True, kw_only=True):
    """The enabled rules by trigger, in their order, and what they need to know of the shop."""

    rules: Mapping[str, Sequence[Rule]]
    hours: Schedule
    languages: Sequence[str]


class Playbooks:
    """Reads the playbook, at most once in `FRESH_SECONDS` however many ask."""

    def __init__(self, rules: RuleStore, settings: ShopSettings) -> None:
        self._rules = rules
        self._settings = settings
        self._current: Playbook | None = None
        self._read_at = float("-inf")
        self._edition = 0
        self._reading = asyncio.Lock()

    async def current(self) -> Playbook:
        """The playbook as it is, or was a moment ago."""
        known = self._known()
        if known is not None:
            return known
        async with self._reading:
            known = self._known()
            while known is None:
                edition, read_at = self._edition, time.monotonic()
                read = await self._read()
                if edition == self._edition:
                    # Nobody changed a rule while this was read.
                    self._current, self._read_at, known = read, read_at, read
            return known

    def forget(self) -> None:
        """A rule was changed in this process: whoever asks next gets it new."""
        self._edition += 1
        self._current = None

    def _known(self) -> Playbook | None:
        return self._current if time.monotonic() - self._read_at <= FRESH_SECONDS else None

    async def _read(self) -> Playbook:
        by_trigger: dict[str, list[Rule]] = {trigger: [] for trigger in TRIGGERS}
        for document in await self._rules.enabled():
            try:
                rule = restore(document)
            except Invalid as error:
                # Written by another version; the other rules are not to suffer for it.
                _log.warning("rule_unreadable", rule_id=document["_id"], reason=str(error))
                continue
            by_trigger[rule.trigger].append(rule)
        shop = await self._settings.get()
        hours = Schedule.model_validate({"timezone": shop["timezone"], "open": shop["hours"]["open"]})
        return Playbook(rules=by_trigger, hours=hours, languages=shop["languages"])
