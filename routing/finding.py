"""A place for one conversation: who is asked first, who is waited for, and what is remembered of the choice."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType
from typing import Any, Literal

import msgspec

from inbox.fresh import Fresh
from inbox.live import LiveFeed, about
from inbox.model.eligibility import Wanted
from inbox.model.ids import now
from inbox.settings import ShopSettings
from inbox.storage.database import Document
from inbox.storage.people import PeopleStore
from inbox.storage.queue import Gift, QueueStore, Reach
from inbox.storage.timers import TimerStore
from inbox.storage.workloads import Serving, WorkloadStore
from routing.candidates import Candidates
from routing.policies import Policies
from routing.policy import Policy, Strategy
from routing.strategies import asks_last_first, gives_out, order, wait_for_last

WAIT = "routing.wait"
"""The timer that ends a conversation's wait for the customer's last manager."""

HELD: Mapping[str, Any] = MappingProxyType(dict.fromkeys(("wants", "given_up_by", "relieved_at", "waiting_for")))
"""Fields that a conversation has only while nobody holds it, as they are once somebody does."""

_REASONS: Mapping[Strategy, str] = MappingProxyType(
    {"balanced": "least_loaded", "sticky": "least_loaded", "round_robin": "round_robin"}
)


class Finder:
    """Finds managers for conversations, and takes the place that it found. Writes nothing of who gets what."""

    def __init__(
        self,
        *,
        workloads: WorkloadStore,
        queue: QueueStore,
        people: PeopleStore,
        policies: Policies,
        settings: ShopSettings,
        candidates: Candidates,
        timers: TimerStore,
        feed: LiveFeed,
    ) -> None:
        self._workloads = workloads
        self._queue = queue
        self._people = people
        self._policies = policies
        self._settings = Fresh(settings.get)
        self._candidates = candidates
        self._timers = timers
        self._feed = feed

    async def find(self, row: Document, wants: Document, policy: Policy) -> Gift | Literal["kept"] | None:
        """A place for a conversation; `kept` where it waits for its last manager, None where nobody is eligible."""
        wanted = wanted_by(row, await self._served(wants["language"]))
        key, sequence = row["_id"], order(policy.strategy)
        kept_for = _kept_for(row)
        kept = kept_for is not None and kept_for["until"] > now()
        known = [kept_for["manager_id"]] if kept_for is not None and kept else _known(row, wants, policy)
        if known:
            manager = await self._workloads.claim(key, wanted, sequence, among=known)
            if manager is not None:
                reason = "last_manager" if kept_for is None else "waited_for_last"
                return await self.gift(row, manager, wanted, policy, reason)
            patience = wait_for_last(policy)
            if kept or (kept_for is None and patience and await self._keep(row, wants, wanted, known, patience)):
                return "kept"
        manager = await self._workloads.claim(key, wanted, sequence)
        if manager is not None:
            return await self.gift(row, manager, wanted, policy, _REASONS[policy.strategy])
        if row.get("relieved_at") is None or wanted.but is None:
            return None
        # Nobody else: whoever lost it gets it back if they became free to take it since.
        anew = msgspec.structs.replace(wanted, but=None)
        manager = await self._workloads.claim(
            key, anew, sequence, among=[wanted.but], available_since=row["relieved_at"]
        )
        return None if manager is None else await self.gift(row, manager, anew, policy, "last_manager")

    async def serving(self, manager_id: str) -> Serving | None:
        """What an active manager serves, as it was a moment ago."""
        return await self._candidates.serving(manager_id)

    async def exchange(self, holder_id: str, ended_id: str, row: Document, policy: Policy) -> Gift | None:
        """The place of what counts no more for its holder, for a conversation that asks for nobody else first.

        None where it does, or where the holder is not eligible for it.
        """
        wants = row.get("wants")
        if wants is None or _kept_for(row) is not None or row.get("given_up_by") == holder_id:
            return None
        known = _known(row, wants, policy)
        if not {holder_id}.issuperset(known):
            return None
        wanted = wanted_by(row, await self._served(wants["language"]))
        manager = await self._workloads.exchange(holder_id, ended_id, row["_id"], wanted)
        if manager is None:
            return None
        return await self.gift(row, manager, wanted, policy, "last_manager" if known else _REASONS[policy.strategy])

    async def _keep(
        self, row: Document, wants: Document, wanted: Wanted, known: Sequence[str], patience: timedelta
    ) -> bool:
        """Have a conversation wait for the first of these who would come into question, if any would."""
        manager_id = await self._workloads.serving(wanted, known)
        if manager_id is None:
            return False
        until = now() + patience
        waiting_for = {"manager_id": manager_id, "until": until, "opening": _opening(row)}
        # Without the timer, after a crash, a later round ends the wait.
        kept = await self._queue.keep_for(row, waiting_for, wants)
        if kept is not None:
            await self._timers.set(f"{WAIT}:{row['_id']}", WAIT, until, {"conversation_id": row["_id"]})
            await self._feed.publish([about("conversation.updated", kept, kept)])
        return True

    async def gift(self, row: Document, manager: Document, wanted: Wanted, policy: Policy, reason: str) -> Gift:
        assignment = {
            "reason": reason,
            "at": now(),
            "by": None,
            "load": len(manager["holding"]),
            "capacity": manager["capacity"],
            "strategy": policy.strategy,
            **await self._candidates.explain(wanted, policy.strategy, manager),
            "note": (row.get("handed_over") or {}).get("note", ""),
        }
        return Gift(row, manager, {"assignee_id": manager["_id"], "assignment": assignment, **HELD}, reason)

    async def reach(self, servings: Sequence[Serving]) -> Reach:
        """What these managers together could take of the queue."""
        teams: list[str | None] = [None, *sorted({team for serving in servings for team in serving.teams})]
        given_out = [team for team in teams if gives_out((await self._policies.of(team)).strategy)]
        spoken = {language for serving in servings for language in serving.languages}
        unserved: set[str] = set()
        if all(serving.languages for serving in servings):
            unserved = set((await self._settings.current())["languages"]) - spoken
        channels = {channel for serving in servings for channel in serving.channels}
        return Reach(
            teams=tuple(given_out),
            unserved=tuple(sorted(unserved)),
            channels=tuple(sorted(channels)) if all(serving.channels for serving in servings) else None,
            manager_ids=tuple(sorted(frozenset[str]().union(*(serving.manager_ids for serving in servings)))),
        )

    async def _served(self, language: str) -> str:
        return language if language in (await self._settings.current())["languages"] else ""

    async def wants_of(self, conversation: Document, card: Mapping[str, Any] | None) -> Document:
        if card is None:
            card = (await self._people.customers([conversation["customer_id"]])).get(conversation["customer_id"], {})
        return wants_from(card)


def wants_from(card: Mapping[str, Any]) -> Document:
    """What routing goes by of a customer's card."""
    return {"language": card.get("language", ""), "last_manager_id": card.get("last_manager_id")}


def wanted_by(row: Mapping[str, Any], language: str) -> Wanted:
    return Wanted(team_id=row["team_id"], language=language, channel_id=row["channel_id"], but=row.get("given_up_by"))


def _opening(row: Mapping[str, Any]) -> str:
    """What tells one opening of a conversation from the next."""
    return f"{row['opened_by']} {row['opened_at'].isoformat()}"


def _kept_for(row: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """For whom it waits, or has waited, since it was opened."""
    waiting_for: Mapping[str, Any] | None = row.get("waiting_for")
    return waiting_for if waiting_for is not None and waiting_for["opening"] == _opening(row) else None


def _known(row: Mapping[str, Any], wants: Mapping[str, Any], policy: Policy) -> list[str]:
    """Who is asked first: whoever held it before it rested, and where the strategy says so the customer's last manager.

    By turns, whoever held it before is asked only about what comes back from a rest, not about what was given up.
    """
    last_first = asks_last_first(policy.strategy)
    held = row["last_assignee_id"] if last_first or row.get("given_up_by") is None else None
    known = (held, wants["last_manager_id"] if last_first else None)
    return [manager_id for manager_id in dict.fromkeys(known) if manager_id not in {None, row.get("given_up_by")}]
