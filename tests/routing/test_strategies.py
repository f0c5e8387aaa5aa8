"""The order in which managers are asked is the same in MongoDB and in Python."""

from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from routing.policy import Policy, Strategy
from routing.strategies import asks_last_first, gives_out, key, order, wait_for_last

STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)
START = datetime(2026, 11, 1, tzinfo=UTC)

# Few values, so that there are ties; whole and broken numbers, because MongoDB tells them apart and must not.
numbers = st.sampled_from([0, 0.0, 0.25, 0.5, 1, 1.0, 2])
moments = st.integers(0, 3).map(lambda milliseconds: START + timedelta(milliseconds=milliseconds))
managers = st.fixed_dictionaries(
    {"_id": st.text("ab", min_size=1, max_size=3), "ratio": numbers, "last_assigned_at": moments},
    optional={"pressure": st.one_of(st.none(), numbers)},
)


@settings(
    max_examples=40,
    deadline=None,  # A shared machine pauses as it likes.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(rows=st.lists(managers, max_size=12, unique_by=lambda row: row["_id"]))
async def test_mongodb_and_python_agree(database, rows: list[dict[str, Any]]):
    collection = database.relaxed.managers
    await collection.delete_many({})
    if rows:
        await collection.insert_many([{**row, "email": row["_id"]} for row in rows])
    for strategy in STRATEGIES:
        stored = await collection.find({}).sort(list(order(strategy))).to_list(None)
        assert [row["_id"] for row in sorted(rows, key=key(strategy))] == [row["_id"] for row in stored]


def manager(name: str, ratio: float, pressure: float, waited: int) -> dict[str, Any]:
    return {"_id": name, "ratio": ratio, "pressure": pressure, "last_assigned_at": START - timedelta(minutes=waited)}


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        ("balanced", ["least", "light", "rested", "heavy"]),
        ("sticky", ["least", "light", "rested", "heavy"]),
        ("manual", ["least", "light", "rested", "heavy"]),
        ("round_robin", ["heavy", "rested", "light", "least"]),
    ],
)
def test_load_goes_first_then_pressure_then_who_waited_longest(strategy, expected):
    rows = [
        manager("rested", 0.5, 2.0, 50),
        manager("heavy", 0.5, 9.0, 90),
        manager("least", 0.1, 9.0, 1),
        manager("light", 0.5, 2.0 - 0.5, 10),
    ]
    assert [row["_id"] for row in sorted(rows, key=key(strategy))] == expected


@pytest.mark.parametrize(
    ("strategy", "last_first", "gives", "waits"),
    [
        ("balanced", True, True, None),
        ("sticky", True, True, timedelta(minutes=7)),
        ("round_robin", False, True, None),
        ("manual", False, False, None),
    ],
)
def test_what_else_a_strategy_says(strategy, last_first, gives, waits):
    assert (asks_last_first(strategy), gives_out(strategy)) == (last_first, gives)
    assert wait_for_last(Policy(strategy=strategy, wait_for_last=7)) == waits
