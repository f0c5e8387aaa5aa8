"""Whom a conversation goes to, by the strategy of its team: one order, said once for MongoDB and for Python.

The claim sorts managers' rows by `order`, the simulation sorts candidates with `key`; both agree on the same rows.
Load is the plain count of the conversations that a manager holds, by their capacity (`ratio`). `pressure`, what those
weigh and who waits for that manager, and who got nothing for longest only decide between equals.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from routing.policy import Policy, Strategy

SortSpec = tuple[tuple[str, int], ...]
"""Fields of a manager's row and directions (1 ascending), as MongoDB's sort takes them."""

_BY_LOAD: SortSpec = (("ratio", 1), ("pressure", 1), ("last_assigned_at", 1), ("_id", 1))
_BY_TURN: SortSpec = (("last_assigned_at", 1), ("_id", 1))


def order(strategy: Strategy) -> SortSpec:
    """In which order eligible managers are asked; it ends with the id, so that it leaves no two equal."""
    return _BY_TURN if strategy == "round_robin" else _BY_LOAD


def key(strategy: Strategy) -> Callable[[Mapping[str, Any]], tuple[tuple[bool, Any], ...]]:
    """The same order as a key for Python's sort. As in MongoDB, what is missing comes before every value."""
    fields = [field for field, _ in order(strategy)]

    def place(manager: Mapping[str, Any]) -> tuple[tuple[bool, Any], ...]:
        values = (manager.get(field) for field in fields)
        return tuple((value is not None, 0 if value is None else value) for value in values)

    return place


def asks_last_first(strategy: Strategy) -> bool:
    """Whether the customer's last manager is asked before all others."""
    return strategy in {"balanced", "sticky"}


def gives_out(strategy: Strategy) -> bool:
    """Whether conversations find managers by themselves; else people take and give them."""
    return strategy != "manual"


def wait_for_last(policy: Policy) -> timedelta | None:
    """How long a conversation waits for the customer's last manager while others could take it; None: it does not."""
    return timedelta(minutes=policy.wait_for_last) if policy.strategy == "sticky" else None
