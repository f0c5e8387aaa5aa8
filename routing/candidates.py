"""Why this manager: who else was considered for a conversation, and what spoke against each.

Nobody is chosen by this. The choice falls in the claim (`inbox.storage.workloads`); what is told beside it was read at
most a second before.
"""

import heapq
from collections.abc import Mapping
from typing import Any

from inbox.fresh import Fresh
from inbox.model.eligibility import Wanted, hindrance
from inbox.storage.database import Document
from inbox.storage.workloads import WorkloadStore
from routing.policy import Strategy
from routing.strategies import key, order

TOLD = 5
"""How many candidates an assignment remembers, whoever got it included."""

CHOSEN = "chosen"
_REMEMBERED = 200
"""For how many different wishes the same reading is ranked once only."""


class Candidates:
    """Explains choices."""

    def __init__(self, workloads: WorkloadStore) -> None:
        self._managers = Fresh(workloads.active_managers)
        self._ranked: dict[tuple[Wanted, Strategy], list[Document]] = {}
        self._ranked_of: list[Document] = []

    async def explain(self, wanted: Wanted, strategy: Strategy, chosen: Mapping[str, Any]) -> Document:
        """`{candidates, considered}` for an assignment.

        Each candidate is `{manager_id, name, load, capacity, note}`, first of all whoever got it, with the load that
        they have now. `note` is `chosen`, a `Hindrance`, or by what they came later: `more_loaded`, `later_turn`.
        """
        managers = await self._managers.current()
        if managers is not self._ranked_of or len(self._ranked) >= _REMEMBERED:
            self._ranked_of, self._ranked = managers, {}
        wish = (wanted, strategy)
        if wish not in self._ranked:
            self._ranked[wish] = _ranked(managers, wanted, strategy)
        got = {**chosen, "load": len(chosen["holding"])}
        others = [row for row in self._ranked[wish] if row["manager_id"] != chosen["_id"]]
        return {"candidates": [_told(got, CHOSEN), *others[: TOLD - 1]], "considered": len(managers)}


def _ranked(managers: list[Document], wanted: Wanted, strategy: Strategy) -> list[Document]:
    """The first of all managers: those who could take it in the order they are asked, then the others."""
    place = key(strategy)
    hindrances = {manager["_id"]: hindrance(manager, wanted) for manager in managers}
    later = "later_turn" if order(strategy)[0][0] == "last_assigned_at" else "more_loaded"
    first = heapq.nsmallest(TOLD, managers, key=lambda row: (hindrances[row["_id"]] is not None, place(row)))
    return [_told(row, hindrances[row["_id"]] or later) for row in first]


def _told(manager: Mapping[str, Any], note: str) -> Document:
    return {
        "manager_id": manager["_id"],
        "name": manager["name"],
        "load": manager["load"],
        "capacity": manager["capacity"],
        "note": note,
    }
