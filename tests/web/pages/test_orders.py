"""Orders as pages show them: money, rings, moves, and what the card and the settings say of them."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from inbox.model.orders import Contact, Delivery, Item, OrderSnapshot, created, moved
from inbox.model.people import Author
from inbox.model.pipeline import DEFAULT_PIPELINE, Pipeline, Stage
from inbox.storage.orders import Sum
from web.pages.orders import money, orders_shown, status_shown

AT = datetime(2026, 11, 20, 9, tzinfo=UTC)
SHOP = Author(type="shop", id="s1", name="Site")
ANN = Author(type="manager", id="ann", name="Ann")


def sold(number: str = "1001", status: str = "confirmed", **facts: Any) -> dict[str, Any]:
    snapshot = OrderSnapshot(
        number=number,
        status=status,
        items=(Item(name="Box <b>", quantity=2, price="420.00"),),
        total="840.00",
        currency="UAH",
        updated_at=AT,
        **facts,
    )
    return created("s1", snapshot, DEFAULT_PIPELINE, SHOP, at=AT)


@pytest.mark.parametrize(
    ("amount", "currency", "said"),
    [
        ("1299.50", "UAH", "1\u202f299.50\u00a0₴"),
        ("1500", "JPY", "1\u202f500\u00a0¥"),
        ("0.100", "KWD", "0.100\u00a0KWD"),
        (Decimal("1000000.00"), "EUR", "1\u202f000\u202f000.00\u00a0€"),
    ],
)
def test_money_is_exact_and_readable(amount, currency, said):
    assert money(amount, currency) == said


def test_a_ring_fills_up_along_the_pipeline_and_says_where_nothing_follows():
    rings = {code: status_shown(DEFAULT_PIPELINE, code)["ring"] for code in DEFAULT_PIPELINE.codes}
    assert (rings["new"], rings["delivered"]) == ("0", "4")
    assert (rings["returned"], rings["cancelled"]) == ("end", "end")
    assert list(rings.values())[:7] == sorted(list(rings.values())[:7])
    assert status_shown(DEFAULT_PIPELINE, "gone") == {"code": "gone", "title": "gone", "ring": "end"}
    assert status_shown(Pipeline((Stage(code="only", title={}, next=("only",)),)), "only")["ring"] == "0"


async def test_the_card_tells_what_was_bought_and_offers_only_allowed_moves(desk, read):
    order = sold(delivery=Delivery("Nova Poshta", "20450000000017"), payment="paid")
    reply = {"message_id": "m1", "macro_id": "x", "macro": "It is <packed>"}
    change = moved(order, "packed", DEFAULT_PIPELINE, ANN, at=AT, reply=reply)
    assert change is not None
    order |= {**change.fields, "history": [*order["history"], change.entry]}
    waiting = sold("1002", contact=Contact(phone="+380671234567"))
    case = desk.cases_list[0]
    desk.orders_of[case["customer_id"]] = orders_shown(
        [order], [waiting], [Sum("UAH", 1, Decimal("840.00"))], DEFAULT_PIPELINE, {"s1": "Site"}
    )
    page = await read(f"/inbox/{case['id']}")
    block = page.partition('<section class="orders"')[2].partition("</section>")[0]
    for words in (
        "№ 1001",
        "Packed",
        "Box &lt;b&gt;",
        "20450000000017",
        "Site",
        "Ann",
        "with the macro “It is &lt;packed&gt;”",
        "Perhaps theirs",
        "№ 1002",
    ):
        assert words in block
    moves = [code for code in DEFAULT_PIPELINE.codes if f'data-body=\'{{"status": "{code}"}}\'' in block]
    assert moves == ["shipped", "cancelled"]
    assert block.count("customer is told") == 1


async def test_a_card_without_orders_says_nothing_of_them(desk, read):
    assert '<section class="orders"' not in await read(f"/inbox/{desk.cases_list[0]['id']}")


async def test_statuses_are_shown_with_where_they_lead(read):
    page = await read("/settings/orders")
    assert page.count("data-stage>") == len(DEFAULT_PIPELINE.stages) + 1, "one more to begin a new one with"
    assert 'value="Підтверджено"' in page
    assert "2 orders" in page


async def test_shops_are_shown_with_their_words(desk, read):
    assert "No shop is connected" in await read("/settings/shops")
    desk.source_list.append(
        {
            "id": "s1",
            "name": "Site",
            "kind": "woocommerce",
            "webhook_url": {"path": "/hooks/orders/s1", "absolute": "https://shop.example/hooks/orders/s1"},
            "status_map": {"processing": "confirmed", "checkout-draft": None},
            "unknown_words": ["in-transit"],
            "orders": 3,
            "quarantined": 1,
            "last_push_at": AT,
            "created_at": AT,
        }
    )
    page = await read("/settings/shops")
    for words in ("https://shop.example/hooks/orders/s1", "3 orders", "in-transit", "/settings/quarantine", "Unknown"):
        assert words in page


async def test_a_shop_of_ones_own_is_told_on_the_screen_what_to_push(desk, read):
    desk.source_list.append(
        {
            "id": "s1",
            "name": "Site",
            "kind": "generic",
            "webhook_url": {"path": "/hooks/orders/s1", "absolute": "https://shop.example/hooks/orders/s1"},
            "status_map": {},
            "unknown_words": [],
            "orders": 0,
            "quarantined": 0,
            "last_push_at": None,
            "created_at": AT,
        }
    )
    page = await read("/settings/shops")
    for words in ("X-Signature", "updated_at", "tracking_number", "may be left out"):
        assert words in page
    assert "docs/" not in page
