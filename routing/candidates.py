"""Why this manager: who else was considered for a conversation, and what spoke against each.

Nobody is chosen by this. The choice falls in the claim (`inbox.storage.workloads`); what is told beside it was read at
most a second before.
"""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from inbox.fresh import Fresh
from inbox.model.eligibility import LASTING, PASSING, Wanted, hindrance
from inbox.storage.database import Document
from inbox.storage.workloads import Serving, WorkloadStore
from routing.policy import Strategy
from routing.strategies import SortSpec, key, order

TOLD = 5
"""How many candidates an assignment remembers, whoever got it included."""

CHOSEN = "chosen"


class Candidates:
    """Explains choices."""

    def __init__(self, workloads: WorkloadStore) -> None:
        self._managers = Fresh(workloads.active_managers)
        self._read: list[Document] = []
        self._sorted: dict[SortSpec, list[Document]] = {}

    async def serving(self, manager_id: str) -> Serving | None:
        """What an active manager serves, as it was a moment ago."""
        managers = await self._managers.current()
        return next((Serving.known(row) for row in managers if row["_id"] == manager_id), None)

    async def explain(self, wanted: Wanted, strategy: Strategy, chosen: Mapping[str, Any]) -> Document:
        """`{candidates, considered}` for an assignment.

        Each candidate is `{manager_id, name, load, capacity, note}`, first of all whoever got it, with the load that
        they have now, then those who could have taken it, in the order they are asked, then others. `note` is `chosen`,
        a `Hindrance`, or by what they came later: `more_loaded`, `later_turn`.
        """
        managers = await self._managers.current()
        if managers is not self._read:
            self._read, self._sorted = managers, {}
        sequence = order(strategy)
        if sequence not in self._sorted:
            self._sorted[sequence] = sorted(managers, key=key(strategy))
        later = "later_turn" if sequence[0][0] == "last_assigned_at" else "more_loaded"
        others = [row for row in self._first(self._sorted[sequence], wanted) if row["_id"] != chosen["_id"]]
        told = [_told(row, hindrance(row, wanted) or later) for row in others[: TOLD - 1]]
        got = _told({**chosen, "load": len(chosen["holding"])}, CHOSEN)
        return {"candidates": [got, *told], "considered": len(managers)}

    def _first(self, managers: Sequence[Document], wanted: Wanted) -> list[Document]:
        """As many as are told of: who could take it, then who could at another time, then who never does."""
        found: list[Document] = []
        for hindrances in (frozenset({None}), PASSING, LASTING):
            if len(found) < TOLD:
                found += islice((row for row in managers if hindrance(row, wanted) in hindrances), TOLD)
        return found


def _told(manager: Mapping[str, Any], note: str) -> Document:
    return {
        "manager_id": manager["_id"],
        "name": manager["name"],
        "load": manager["load"],
        "capacity": manager["capacity"],
        "note": note,
    }
