"""The shop's rules: writing them, trying them, and what the engine goes by."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from bot.playbook import Playbook, Playbooks
from bot.references import References
from bot.rules import FIELDS, parse
from bot.secrecy import unmasked
from bot.starters import STARTERS
from inbox.model.errors import Conflict, Invalid, NotFound
from inbox.model.ids import new_id, now
from inbox.paging import decode_cursor, page
from inbox.settings import ShopSettings
from inbox.storage.database import Document
from inbox.storage.firings import FiringStore
from inbox.storage.rules import RuleStore

KEEP_SHOWN = 100
"""How many of the versions of a rule are shown, the newest."""


class RuleLibrary:
    """Keeps rules. Every change is checked whole and counts in this process at once, in others within a second."""

    def __init__(
        self,
        rules: RuleStore,
        firings: FiringStore,
        settings: ShopSettings,
        references: References,
    ) -> None:
        self._rules = rules
        self._firings = firings
        self._references = references
        self._playbooks = Playbooks(rules, settings)

    async def install(self, *, enabled: Collection[str] = ()) -> None:
        """Give a fresh installation its starter rules; those named in `enabled` work from the start (the demo's)."""
        rules = [
            {**_document({**starter, "enabled": starter["name"] in enabled}), "position": position}
            for position, starter in enumerate(STARTERS)
        ]
        if await self._rules.install(rules):
            self._playbooks.forget()

    async def page(self, cursor: str | None, limit: int) -> tuple[list[Document], str | None]:
        """A page of rules in the order in which they are evaluated, and the cursor for the next."""
        after = decode_cursor(cursor, int, str) if cursor else None
        rows, following = page(await self._rules.page(after, limit + 1), limit, "position", "_id")
        return await self._counted(rows), following

    async def get(self, rule_id: str) -> Document:
        """One rule, with its `fired: {count, last_at}`."""
        [rule] = await self._counted([await self._get(rule_id)])
        return rule

    async def _get(self, rule_id: str) -> Document:
        found = await self._rules.get(rule_id)
        if found is None:
            raise NotFound("there is no such rule")
        return found

    async def _counted(self, rules: Sequence[Document]) -> list[Document]:
        counts = await self._firings.counts([rule["_id"] for rule in rules])
        fired = {key: {"count": each.count, "last_at": each.last_at} for key, each in counts.items()}
        return [{**rule, "fired": fired.get(rule["_id"], {"count": 0, "last_at": None})} for rule in rules]

    async def create(self, raw: Mapping[str, Any], *, by: Document | None = None) -> Document:
        """Keep a new rule, `by` {id, name}. Raises `Invalid` naming the field that is wrong."""
        unmasked(raw.get("actions"), ())  # Whoever copied a rule's secret has only its mask.
        rule = {**_document(raw), "saved_by": by}
        await self._references.check(rule["actions"])
        stored = await self._rules.insert(rule)
        self._playbooks.forget()
        [told] = await self._counted([stored])
        return told

    async def change(
        self, rule_id: str, changes: Mapping[str, Any], *, version: int | None = None, by: Document | None = None
    ) -> Document:
        """Set some of `rules.FIELDS`. Raises `Conflict` where `version` is not the present one."""
        before = await self._get(rule_id)
        if version is not None and before["version"] != version:
            raise Conflict("somebody changed this rule meanwhile: look again", current=before["version"])
        known = {field: before[field] for field in FIELDS}
        if changes.get("trigger", before["trigger"]) != before["trigger"]:
            # What the other trigger wants to know is not what this one did.
            known["when"] = {}
        if "actions" in changes:
            changes = {**changes, "actions": unmasked(changes["actions"], before["actions"])}
        fields = parse({**known, **changes}).fields()
        if all(before[field] == value for field, value in fields.items()):
            return await self.get(rule_id)
        await self._references.check(fields["actions"])
        after = await self._rules.change(before, {**fields, "saved_by": by})
        self._playbooks.forget()
        if after is None:
            present = await self._get(rule_id)
            raise Conflict("somebody changed this rule meanwhile: look again", current=present["version"])
        [told] = await self._counted([after])
        return told

    async def versions(self, rule_id: str) -> list[Document]:
        """The forms that a rule has and had, the newest first: `{version, at, by}` and the fields of a rule."""
        rule = await self._get(rule_id)
        return [_version(row) for row in [rule, *await self._rules.earlier(rule, KEEP_SHOWN - 1)]]

    async def bring_back(self, rule_id: str, version: int, *, by: Document | None = None) -> Document:
        """Give a rule the form back that it had in a version; that is a new version. Raises `Invalid`."""
        rule = await self._get(rule_id)
        if version == rule["version"]:
            return await self.get(rule_id)
        earlier = await self._rules.version(rule_id, version)
        if earlier is None:
            raise Invalid("version", "there is no such version of this rule")
        return await self.change(rule_id, {field: earlier[field] for field in FIELDS}, version=rule["version"], by=by)

    async def arrange(self, rule_ids: Sequence[str]) -> None:
        """Have these rules evaluated first, in this order; the others follow as they stood. Raises `Invalid`."""
        known = await self._rules.known(rule_ids)
        for position, rule_id in enumerate(rule_ids):
            if rule_id not in known:
                raise Invalid(f"ids.{position}", "there is no such rule: look again")
        await self._rules.arrange(rule_ids)
        self._playbooks.forget()

    async def delete(self, rule_id: str) -> None:
        """Forget a rule, its earlier forms, and how often it fired."""
        if not await self._rules.delete(rule_id):
            raise NotFound("there is no such rule")
        await self._firings.forget(rule_id)
        self._playbooks.forget()

    async def playbook(self) -> Playbook:
        """What the engine goes by."""
        return await self._playbooks.current()


def _document(raw: Mapping[str, Any]) -> Document:
    present = now()
    return {"_id": new_id(), **parse(raw).fields(), "version": 1, "created_at": present, "updated_at": present}


def _version(rule: Mapping[str, Any]) -> Document:
    told = {"version": rule["version"], "at": rule["updated_at"], "by": rule.get("saved_by")}
    return {**told, **{field: rule[field] for field in FIELDS}}
