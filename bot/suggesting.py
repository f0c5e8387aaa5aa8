"""The macros that a manager most likely sends next, learned from what was sent in like cases in this shop.

A case is learned when a manager's reply was made with a macro: what the customer had written since a person last
replied, as `bot.likeness` hashes it. It is kept in the database, so every process knows what any has learned; what all
cases say together is read when a manager asks, and what changed since is read again, at most every half minute.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from bot.likeness import OFFERED, Habit, Likeness, circumstances, features, habit, packed, unpacked, worth_offering
from inbox.channels import Channels
from inbox.conversations import Conversations
from inbox.events import EventBus
from inbox.macros import Macros
from inbox.model.domain_events import CustomerErased
from inbox.model.errors import NotFound
from inbox.model.ids import now
from inbox.model.people import Viewer
from inbox.settings import ShopSettings
from inbox.storage.database import Document
from inbox.storage.macro_cases import MacroCaseStore, Standing
from inbox.storage.macros import MacroStore
from inbox.storage.messages import MessageStore
from inbox.storage.people import PeopleStore

FRESH_SECONDS: Final = 30.0
"""How old what is known may be before it is looked whether there is more."""

ANEW_SECONDS: Final = 86_400.0
"""After how long everything is read anew: what is known of a macro that nobody sends grows old too."""

_LOOKED_BACK: Final = 30
"""How many messages before a reply are looked at."""

_MOST_MACROS: Final = 2_000
_TRIED: Final = 10
"""How many of the likeliest macros are filled in until enough of them lack nothing."""

_HOURS: Final = ("night", "morning", "day", "evening")


class Suggested(msgspec.Struct, frozen=True, kw_only=True):
    """A macro as it would be sent, and how likely it is to be what is sent: above 0, at most 1."""

    macro: Document
    text: str
    likelihood: float


class _Known(msgspec.Struct):
    """What was read of a macro, and by what it is seen whether there is more."""

    updated_at: datetime
    standing: Standing | None
    habit: Habit


class _Case(msgspec.Struct):
    """What a customer wrote, who they are, and the order that an answer would speak of."""

    written: list[Document]
    card: Document
    order: Document | None


class Suggesting:
    """Learns from replies, and suggests."""

    def __init__(
        self,
        *,
        store: MacroCaseStore,
        macros: Macros,
        macro_store: MacroStore,
        messages: MessageStore,
        conversations: Conversations,
        people: PeopleStore,
        channels: Channels,
        settings: ShopSettings,
        fresh_seconds: float = FRESH_SECONDS,
    ) -> None:
        self._store = store
        self._macros = macros
        self._macro_store = macro_store
        self._messages = messages
        self._conversations = conversations
        self._people = people
        self._channels = channels
        self._settings = settings
        self._fresh_seconds = fresh_seconds
        self._known: dict[str, _Known] = {}
        self._likeness: Likeness | None = None
        self._looked_at = self._read_at = -ANEW_SECONDS
        self._reading = asyncio.Lock()

    def subscribe(self, bus: EventBus) -> None:
        """Hear of customers who are erased: a case may have been learned while they were."""
        bus.subscribe(CustomerErased, self._erased)

    async def learn(self, message: Mapping[str, Any]) -> bool:
        """Learn in which case a manager's reply was made with a macro; once for each message, whoever does.

        Whether it was one: neither are what a machine sent, notes, and replies to nothing that a customer wrote.
        """
        by_person = message["author"]["type"] == "manager" and not message["automatic"]
        if message["macro_id"] is None or message["direction"] != "out" or not by_person:
            return False
        case = await self._case(message["conversation_id"], message["sort"])
        if case is None:
            return False
        words, around = await self._features(case)
        learned = {
            "_id": message["_id"],
            "macro_id": message["macro_id"],
            "customer_id": case.card["_id"],
            "at": message["created_at"],
            "features": packed({**words, **around}),
        }
        return await self._store.keep(learned)

    async def suggest(self, viewer: Viewer, conversation_id: str) -> list[Suggested]:
        """At most three macros, the likeliest first; none where the customer waits for nothing or none fits.

        Those that this manager may use and that lack no value. Raises `NotFound` for a conversation not theirs to see.
        """
        conversation = await self._conversations.get(viewer, conversation_id)
        case = await self._case(conversation["_id"])
        if case is None:
            return []
        likeness = await self._current()
        words, around = await self._features(case)
        ranked = likeness.fitting(words, around, lambda one: one.owner_id in (None, viewer.id))
        suggested: list[Suggested] = []
        for macro_id, likelihood in worth_offering(ranked)[:_TRIED]:
            try:
                macro = await self._macros.get(viewer, macro_id)
            except NotFound:
                continue
            filled = await self._macros.fill(macro, customer=case.card, order=case.order, manager=viewer)
            if not filled.missing and not macro["archived"]:
                suggested.append(Suggested(macro=macro, text=filled.text, likelihood=likelihood))
            if len(suggested) == OFFERED:
                break
        # Where the likeliest cannot be sent, the others may be no more than noise.
        worth = worth_offering([(one.macro["_id"], one.likelihood) for one in suggested])
        return suggested[: len(worth)]

    async def _case(self, conversation_id: str, before: str | None = None) -> _Case | None:
        """What the customer waits for an answer to; None where that is nothing that words or files tell."""
        written = await self._written(conversation_id, before)
        if not any(row["text"].strip() or row["attachments"] for row in written):
            return None
        card = await self._people.living(written[-1]["customer_id"])
        return None if card is None else _Case(written, card, await self._macros.order(card))

    async def _written(self, conversation_id: str, before: str | None) -> list[Document]:
        """What the customer wrote since a person last replied, oldest first, but for what the bot has settled."""
        waiting: list[Document] = []
        settled: set[str] = set()
        for row in await self._messages.thread(conversation_id, before, _LOOKED_BACK):
            if row["direction"] == "out" and not row["automatic"]:
                break
            settled.update(row.get("answers", ()))
            said = row["direction"] == "in" and row["deleted_at"] is None and not row.get("quiet")
            if said and row["sort"] not in settled:
                waiting.append(row)
        return waiting[::-1]

    async def _features(self, case: _Case) -> tuple[dict[int, float], dict[int, float]]:
        """What was written, and around it: language, kind of channel, order and time of the day."""
        last = case.written[-1]
        zone = ZoneInfo((await self._settings.get())["timezone"])
        sent = {file.get("type", "document") for row in case.written for file in row["attachments"]}
        words = features("\n".join(row["text"] for row in case.written), sorted(sent))
        around = (
            f"language:{case.card.get('language') or ''}",
            f"kind:{await self._kind(last['channel_id'])}",
            f"order:{case.order['status'] if case.order is not None else 'none'}",
            f"hours:{_HOURS[last['received_at'].astimezone(zone).hour // 6]}",
        )
        return words, circumstances(around)

    async def _kind(self, channel_id: str) -> str:
        """Of which kind a channel is; empty for one that was disconnected."""
        try:
            return str((await self._channels.get(channel_id))["kind"])
        except NotFound:
            return ""

    async def _current(self) -> Likeness:
        async with self._reading:
            if time.monotonic() - self._looked_at >= self._fresh_seconds:
                await self._look()
                self._looked_at = time.monotonic()
            if self._likeness is None:
                habits = [known.habit for known in self._known.values()]
                self._likeness = await asyncio.to_thread(Likeness, habits)
            return self._likeness

    async def _look(self) -> None:
        """Read of which macros there is more, or less, than is known; what all of it says is forgotten where any is."""
        if time.monotonic() - self._read_at >= ANEW_SECONDS:
            self._known, self._likeness = {}, None
            self._read_at = time.monotonic()
        standings = await self._store.standings()
        outlines = {row["_id"]: row for row in await self._macro_store.outlines(_MOST_MACROS)}
        for macro_id in self._known.keys() - outlines.keys():
            del self._known[macro_id]
            self._likeness = None
        for macro_id, outline in outlines.items():
            known, standing = self._known.get(macro_id), standings.get(macro_id)
            if known is None or (known.updated_at, known.standing) != (outline["updated_at"], standing):
                self._likeness = None
                await self._read(macro_id, outline["updated_at"], standing)

    async def _read(self, macro_id: str, updated_at: datetime, standing: Standing | None) -> None:
        macro = await self._macro_store.get(macro_id)
        if macro is None:
            self._known.pop(macro_id, None)
            return
        rows = await self._store.of_macro(macro_id) if standing is not None else []
        learned = await asyncio.to_thread(_habit, macro, rows, now())
        self._known[macro_id] = _Known(updated_at, standing, learned)

    async def _erased(self, event: CustomerErased) -> None:
        await self._store.forget(event.customer_id)


def _habit(macro: Document, rows: Sequence[Document], present: datetime) -> Habit:
    """What is known of a macro by its own texts and its cases."""
    own = {key for text in (macro["name"], macro["folder"], *macro["text"].values()) for key in features(text)}
    cases = [(unpacked(row["features"]), (present - row["at"]) / timedelta(days=1)) for row in rows]
    return habit(macro["_id"], macro["owner_id"], own, cases)
