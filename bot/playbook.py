"""What the bot goes by at this moment, kept in memory: on the way of every message nobody asks the database for it."""

from collections.abc import Mapping, Sequence

import msgspec
import structlog

from bot.rules import TRIGGERS, Rule, restore
from bot.settings import BotSettings, bot_settings
from inbox.fresh import Fresh
from inbox.model.errors import Invalid
from inbox.model.schedule import Schedule
from inbox.settings import ShopSettings, opening_hours
from inbox.storage.rules import RuleStore

_log = structlog.get_logger(__name__)


class Playbook(msgspec.Struct, frozen=True, kw_only=True):
    """The enabled rules by trigger, in their order, and what they need to know of the shop."""

    rules: Mapping[str, Sequence[Rule]]
    hours: Schedule
    languages: Sequence[str]
    bot: BotSettings
    """The shop's `bot` settings, which also tell the skills that are switched on."""


class Playbooks:
    """Reads the playbook. A change counts in this process at once, in others within a second."""

    def __init__(self, rules: RuleStore, settings: ShopSettings) -> None:
        self._rules = rules
        self._settings = settings
        self._playbook = Fresh(self._read)

    async def current(self) -> Playbook:
        """The playbook as it is, or was a moment ago."""
        return await self._playbook.current()

    def forget(self) -> None:
        """A rule was changed in this process: whoever asks next gets it new."""
        self._playbook.forget()

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
        return Playbook(
            rules=by_trigger, hours=opening_hours(shop), languages=shop["languages"], bot=bot_settings(shop)
        )
