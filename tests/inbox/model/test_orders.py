"""What stands of an order, whatever the order in which its pictures come and whatever people decide in between."""

from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inbox.model.errors import Invalid
from inbox.model.orders import (
    Change,
    Delivery,
    ForbiddenMove,
    Item,
    OrderSnapshot,
    created,
    linked,
    moved,
    payment_state,
    snapshot_of,
    updated,
)
from inbox.model.people import Author
from inbox.model.pipeline import DEFAULT_PIPELINE

SHOP = Author(type="shop", id="s1", name="Shop")
ANN = Author(type="manager", id="m1", name="Ann")
START = datetime(2026, 11, 1, 9, tzinfo=UTC)
WHEN = START + timedelta(hours=1)


def at(minute: float) -> datetime:
    return START + timedelta(minutes=minute)


def shown(status: str | None = "new", minute: float | None = 0, **facts: Any) -> OrderSnapshot:
    fields = {"items": (Item(name="Mug", quantity=2, price="150.00"),), "total": "300.00", "currency": "UAH"} | facts
    return OrderSnapshot(number="1001", status=status, updated_at=None if minute is None else at(minute), **fields)


def after(order: dict[str, Any], change: Change | None) -> dict[str, Any]:
    """The order as the database has it after a change."""
    if change is None:
        return order
    changed = {**order, **change.fields, "version": order["version"] + 1}
    if change.entry is not None:
        changed["history"] = [*order["history"], change.entry]
    if change.notice is not None:
        changed["due_notices"] = [*order["due_notices"], change.notice]
        changed["noticing"] = True
    return changed


def pushed(order: dict[str, Any] | None, snapshot: OrderSnapshot, when: datetime = WHEN) -> dict[str, Any]:
    if order is None:
        return created("s1", snapshot, DEFAULT_PIPELINE, SHOP, at=when)
    return after(order, updated(order, snapshot, DEFAULT_PIPELINE, SHOP, at=when))


def said(order: dict[str, Any], status: str, minute: float) -> dict[str, Any]:
    return after(order, moved(order, status, DEFAULT_PIPELINE, ANN, at=at(minute), binding=False))


def state(order: dict[str, Any]) -> dict[str, Any]:
    """What has to be the same whatever came first: everything but the way that led there."""
    way = {"history", "version", "due_notices", "noticing", "changed_at", "created_at"}
    return {field: value for field, value in order.items() if field not in way}


pictures = st.builds(
    shown,
    st.sampled_from([*DEFAULT_PIPELINE.codes, None]),
    st.integers(0, 5),
    total=st.sampled_from(["300.00", "310.00"]),
    payment=st.sampled_from([None, "paid", {"state": "pending"}]),
    delivery=st.builds(Delivery, st.sampled_from(["", "Nova Poshta"]), st.sampled_from(["", "59000000000001"])),
)


@given(st.lists(pictures, min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_late_repeated_and_disordered_pushes_end_in_the_same_state(told, chance):
    def end(coming: list[OrderSnapshot]) -> dict[str, Any]:
        order = None
        for snapshot in coming:
            order = pushed(order, snapshot)
        assert order is not None
        return state(order)

    shuffled = told + chance.choices(told, k=3)
    chance.shuffle(shuffled)
    assert end(shuffled) == end(told)


@given(pictures, st.lists(pictures, min_size=1, max_size=4), st.sampled_from(["packed", "shipped"]), st.floats(0, 6))
def test_a_decision_between_pushes_stands_or_falls_the_same_in_any_order(first, told, decision, minute):
    ends = []
    for coming in permutations(told):
        order = said(pushed(None, first), decision, minute)
        for snapshot in coming:
            order = pushed(order, snapshot)
        ends.append(state(order))
    assert all(end == ends[0] for end in ends)


def test_a_shop_that_repeats_itself_takes_no_decision_back():
    order = said(pushed(None, shown("confirmed", 0)), "packed", 1)
    order = pushed(order, shown("confirmed", 2, total="310.00"))
    assert (order["status"], order["total"]) == ("packed", "310.00")
    order = pushed(order, shown("shipped", 3))
    assert order["status"] == "shipped"


def test_what_a_shop_said_before_the_decision_came_late_and_changes_nothing():
    order = said(pushed(None, shown("new", 0)), "packed", 5)
    order = pushed(order, shown("confirmed", 4))
    assert order["status"] == "packed"
    assert pushed(order, shown("confirmed", 6))["status"] == "packed"


def test_an_older_picture_invents_no_history():
    order = pushed(pushed(None, shown("confirmed", 3)), shown("new", 1, total="1.00"))
    assert [entry["changes"] for entry in order["history"]] == [{"status": {"from": None, "to": "confirmed"}}]


def test_making_an_order_tells_nobody_and_a_later_move_does_once():
    order = pushed(None, shown("shipped", 0))
    assert order["due_notices"] == []
    order = pushed(order, shown("delivered", 1))
    assert order["due_notices"] == [{"no": order["version"], "status": "delivered", "at": WHEN}]
    assert order["history"][-1]["no"] == order["version"]
    assert pushed(order, shown("delivered", 1)) == order


def test_a_backfill_tells_nobody():
    order = pushed(pushed(None, shown("confirmed", 0)), shown("shipped", 1), when=START + timedelta(days=2))
    assert (order["status"], order["due_notices"]) == ("shipped", [])
    quiet = updated(order, shown("delivered", 2), DEFAULT_PIPELINE, SHOP, at=WHEN, quiet=True)
    assert quiet is not None
    assert quiet.notice is None


def test_a_shops_irregular_move_is_marked_and_anybody_elses_refused():
    order = pushed(None, shown("new", 0))
    pushed_on = pushed(order, shown("delivered", 1))
    assert pushed_on["history"][-1]["irregular"]
    with pytest.raises(ForbiddenMove) as refused:
        moved(order, "delivered", DEFAULT_PIPELINE, ANN, at=WHEN)
    assert refused.value.allowed == ("confirmed", "awaiting_payment", "paid", "cancelled")
    with pytest.raises(ForbiddenMove):
        updated(order, shown("delivered", None), DEFAULT_PIPELINE, ANN, at=WHEN, decides=True)


@pytest.mark.parametrize("before", DEFAULT_PIPELINE.codes)
def test_every_move_is_allowed_or_refused_naming_the_allowed(before):
    order = pushed(None, shown(before, 0))
    for wanted in DEFAULT_PIPELINE.codes:
        if wanted == before:
            assert moved(order, wanted, DEFAULT_PIPELINE, ANN, at=WHEN) is None
        elif wanted in DEFAULT_PIPELINE.allowed(before):
            assert after(order, moved(order, wanted, DEFAULT_PIPELINE, ANN, at=WHEN))["status"] == wanted
        else:
            with pytest.raises(ForbiddenMove) as refused:
                moved(order, wanted, DEFAULT_PIPELINE, ANN, at=WHEN)
            assert refused.value.allowed == DEFAULT_PIPELINE.allowed(before)


def test_a_word_that_stands_for_no_status_leaves_the_status():
    order = pushed(None, shown(None, 1))
    assert order["status"] == "new"
    order = pushed(order, shown("paid", 0))
    assert order["status"] == "paid"
    assert pushed(order, shown(None, 2))["status"] == "paid"


def test_an_unknown_status_is_named_with_those_there_are():
    with pytest.raises(Invalid, match="there are: new, confirmed"):
        created("api", shown("lost"), DEFAULT_PIPELINE, ANN, at=WHEN, decides=True)
    with pytest.raises(Invalid):
        moved(pushed(None, shown()), "lost", DEFAULT_PIPELINE, ANN, at=WHEN)


def test_the_same_picture_without_a_time_changes_nothing():
    order = pushed(None, shown("new", None))
    assert updated(order, shown("new", None), DEFAULT_PIPELINE, ANN, at=WHEN) is None


def test_of_changed_lines_the_history_keeps_those_that_differ():
    mug, cup = Item(name="Mug", quantity=2, price="150.00"), Item(name="Cup", quantity=1, price="90.00")
    order = pushed(pushed(None, shown(minute=0, items=(mug, cup))), shown(minute=1, items=(mug,)))
    assert order["history"][-1]["changes"] == {"items": {"from": ["1 × Cup, 90.00"], "to": []}}


def test_a_card_is_linked_once():
    order = pushed(None, shown())
    order = after(order, linked(order, "c1", "contact", ANN, at=WHEN))
    assert order["history"][-1]["changes"] == {"customer_id": {"from": None, "to": "c1"}}
    assert linked(order, "c1", "contact", ANN, at=WHEN) is None


def test_an_order_can_be_shown_again_as_it_is():
    order = pushed(None, shown("new", 0, payment={"state": "paid", "method": "Card"}))
    assert updated(order, snapshot_of(order, status="new", at=at(0)), DEFAULT_PIPELINE, SHOP, at=WHEN) is None
    assert [payment_state(one) for one in (order["payment"], "paid", None)] == ["paid", "paid", ""]
