"""The shop's rules: writing them, trying them, and what the engine goes by."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec

from bot.conditions import Situation, spoken
from bot.guards import REPLY_PERIOD, silence
from bot.occasions import Occasion
from bot.playbook import Playbook, Playbooks
from bot.rules import FIELDS, parse, restore
from bot.starters import STARTERS
from inbox.macros import Macros
from inbox.model.errors import Conflict, Invalid, NotFound
from inbox.model.ids import new_id, now
from inbox.paging import decode_cursor, page
from inbox.settings import ShopSettings
from inbox.storage.conversations import ConversationStore
from inbox.storage.database import Document
from inbox.storage.messages import MessageStore
from inbox.storage.people import PeopleStore
from inbox.storage.rules import RuleStore

_LOOK_BACK = 100


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """What a dry run found. `message_id`: the message that the rule was tried on, where there is one."""

    would_fire: bool
    reasons: tuple[str, ...]
    """Why not; empty where it would."""
    message_id: str | None


class RuleLibrary:
    """Keeps rules. Every change is checked whole and counts in this process at once, in others within a second."""

    def __init__(
        self,
        rules: RuleStore,
        conversations: ConversationStore,
        messages: MessageStore,
        people: PeopleStore,
        settings: ShopSettings,
        macros: Macros,
    ) -> None:
        self._rules = rules
        self._conversations = conversations
        self._messages = messages
        self._people = people
        self._macros = macros
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
        return page(await self._rules.page(after, limit + 1), limit, "position", "_id")

    async def get(self, rule_id: str) -> Document:
        """One rule."""
        found = await self._rules.get(rule_id)
        if found is None:
            raise NotFound("there is no such rule")
        return found

    async def create(self, raw: Mapping[str, Any]) -> Document:
        """Keep a new rule. Raises `Invalid` naming the field that is wrong."""
        rule = _document(raw)
        await self._refuse_missing_macros(rule["actions"])
        stored = await self._rules.insert(rule)
        self._playbooks.forget()
        return stored

    async def change(self, rule_id: str, changes: Mapping[str, Any], *, version: int | None = None) -> Document:
        """Set some of `rules.FIELDS`. Raises `Conflict` where `version` is not the present one."""
        before = await self.get(rule_id)
        if version is not None and before["version"] != version:
            raise Conflict("somebody changed this rule meanwhile: look again", current=before["version"])
        known = {field: before[field] for field in FIELDS}
        if changes.get("trigger", before["trigger"]) != before["trigger"]:
            # What the other trigger wants to know is not what this one did.
            known["when"] = {}
        fields = parse({**known, **changes}).fields()
        if all(before[field] == value for field, value in fields.items()):
            return before
        await self._refuse_missing_macros(fields["actions"])
        after = await self._rules.change(rule_id, fields, version=before["version"])
        self._playbooks.forget()
        if after is None:
            present = await self.get(rule_id)
            raise Conflict("somebody changed this rule meanwhile: look again", current=present["version"])
        return after

    async def delete(self, rule_id: str) -> None:
        """Forget a rule."""
        if not await self._rules.delete(rule_id):
            raise NotFound("there is no such rule")
        self._playbooks.forget()

    async def _refuse_missing_macros(self, actions: Sequence[Mapping[str, Any]]) -> None:
        for position, action in enumerate(actions):
            if action["type"] == "macro" and await self._macros.shared(action["macro_id"]) is None:
                raise Invalid(f"actions.{position}.macro_id", "there is no such macro for everybody")

    async def playbook(self) -> Playbook:
        """What the engine goes by."""
        return await self._playbooks.current()

    async def situation(self, occasion: Occasion, playbook: Playbook) -> Situation:
        """What conditions look at on this occasion."""
        message = occasion.message
        identity = await self._people.identity(message["identity_id"]) if message is not None else None
        return Situation(
            at=occasion.at,
            channel_id=message["channel_id"] if message is not None else occasion.conversation["channel_id"],
            channel_kind=identity["kind"] if identity is not None else "",
            spoken=spoken(message["text"]) if message is not None else "",
            openings=occasion.conversation["openings"],
            shop_hours=playbook.hours,
        )

    async def test(self, rule_id: str, conversation_id: str) -> Trial:
        """Whether the rule would answer this conversation, and if not, why; sends and changes nothing.

        It is tried on the message that opened the conversation, or on the last one received, as its trigger says: with
        the hours of when that message came, and with the conversation as it is now. Whether the rule is enabled does
        not matter: one tries it before that.
        """
        rule = restore(await self.get(rule_id))
        conversation = await self._conversations.get(conversation_id)
        if conversation is None:
            raise Invalid("conversation_id", "there is no such conversation")
        message = await self._concerned(rule.trigger, conversation)
        if message is None:
            return Trial(would_fire=False, reasons=("no message of the customer pulls this trigger",), message_id=None)
        silent = silence(conversation, message, message["received_at"])
        reasons = [] if silent is None else [silent]
        playbook = await self.playbook()
        most = playbook.bot.most_per_hour
        if _spent(conversation) >= most:
            reasons.append(f"the conversation has had its {most} automatic messages of the hour")
        occasion = Occasion(
            trigger=rule.trigger,
            key=message["_id"],
            at=message["received_at"],
            conversation=conversation,
            message=message,
        )
        reasons.extend(rule.unmet(await self.situation(occasion, playbook)))
        return Trial(would_fire=not reasons, reasons=tuple(reasons), message_id=message["_id"])

    async def _concerned(self, trigger: str, conversation: Document) -> Document | None:
        if trigger == "conversation_opened":
            opening = conversation["opened_by"]
            return await self._messages.get(opening) if opening is not None else None
        thread = await self._messages.thread(conversation["_id"], None, _LOOK_BACK)
        return next((message for message in thread if message["direction"] == "in"), None)


def _spent(conversation: Mapping[str, Any]) -> int:
    """How many automatic replies a conversation has had of late."""
    since = now() - REPLY_PERIOD
    return sum(reply["at"] > since for reply in conversation.get("automatic", ()))


def _document(raw: Mapping[str, Any]) -> Document:
    present = now()
    return {"_id": new_id(), **parse(raw).fields(), "version": 1, "created_at": present, "updated_at": present}
