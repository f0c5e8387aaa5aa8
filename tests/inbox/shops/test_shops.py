"""What each kind of shop says, in our words; and whom to believe."""

import hashlib
import hmac
import json
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict
from pydantic import SecretStr

from inbox.model.channel import WebhookRequest
from inbox.model.failures import Forged, Unreadable
from inbox.model.orders import Contact, Delivery, Item
from inbox.model.pipeline import DEFAULT_PIPELINE
from inbox.shops import SHOPS
from inbox.shops.shop import ShopDeletion, ShopOrder, ShopSecrets
from tests.inbox.shops.pushes import FIXTURES, recorded, signed

SECRET, OLDER = "shop-secret-1", "shop-secret-0"
SETTINGS = ShopSecrets(accepted=(SecretStr(SECRET), SecretStr(OLDER)))
EXAMPLES = {
    "woocommerce": "woocommerce/order_updated__processing",
    "shopify": "shopify/orders_updated__paid",
    "generic": "generic/order",
}


def told(name: str, **changes: Any) -> ShopOrder:
    news = SHOPS[name.split("/", maxsplit=1)[0]].news(recorded(name, **changes))
    assert isinstance(news, ShopOrder)
    return news


def call(headers: dict[str, str], body: bytes) -> WebhookRequest:
    return WebhookRequest(headers=CIMultiDict(headers), query={}, body=body)


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("*/*.json")), ids=lambda path: path.stem)
def test_every_recorded_push_can_be_read(path):
    assert SHOPS[path.parent.name].read(path.read_bytes()) == []


def test_a_woocommerce_order():
    news = told("woocommerce/order_updated__processing")
    order = news.order
    assert (news.word, order.number, order.external_id) == ("processing", "727", "727")
    assert order.items == (
        Item(name="Керамічна чашка — Біла", quantity=3, price="333.33", sku="CUP-W"),
        Item(name="Свічка", quantity=2, price="150.00"),
    )
    assert (order.total, order.currency) == ("1380.00", "UAH")
    assert order.contact == Contact("+380671234567", "oksana.melnyk@example.com", "Оксана Мельник")
    assert order.payment == {"state": "paid", "method": "LiqPay"}
    assert order.delivery == Delivery("Нова Пошта", "")
    assert order.created_at == datetime(2026, 11, 20, 10, 28, 2, tzinfo=UTC)
    assert order.updated_at == datetime(2026, 11, 20, 10, 30, 11, tzinfo=UTC)


def test_a_woocommerce_order_with_a_parcel_and_one_with_hardly_anything():
    assert told("woocommerce/order_updated__completed_with_parcel").order.delivery == Delivery(
        "Нова Пошта", "20450000000017"
    )
    odd = told("woocommerce/order_created__on_hold_odd_phone").order
    assert (odd.number, odd.external_id, odd.total) == ("WC-0731", "731", "1500")
    assert odd.contact == Contact("", "", "Оксана Мельник")
    assert odd.payment == {"state": "unpaid", "method": "Direct bank transfer"}


def test_a_shopify_order():
    news = told("shopify/orders_updated__paid")
    order = news.order
    assert (news.word, order.number, order.external_id) == ("paid", "1043", "820982911946154508")
    assert order.items == (Item(name="Clay mug, Blue", quantity=2, price="119.00", sku="MUG-B"),)
    assert (order.total, order.currency) == ("243.00", "GEL")
    assert order.contact == Contact("+995555123456", "nino@example.com", "Nino Beridze")
    assert order.payment == {"state": "paid", "method": "bogus"}
    assert order.updated_at == datetime(2026, 11, 20, 10, 30, 11, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "changes", "word"),
    [
        ("fulfilled", {}, "fulfilled"),
        ("delivered", {}, "delivered"),
        ("paid", {"fulfillment_status": "partial"}, "partial"),
        ("paid", {"financial_status": "pending"}, "pending"),
        ("fulfilled", {"financial_status": "refunded"}, "refunded"),
        ("fulfilled", {"cancelled_at": "2026-11-21T10:00:00Z"}, "cancelled"),
    ],
)
def test_of_shopifys_words_one_counts(name, changes, word):
    assert told(f"shopify/orders_updated__{name}", **changes).word == word


def test_a_parcel_of_shopify_and_what_is_about_no_order():
    assert told("shopify/orders_updated__fulfilled").order.delivery == Delivery("Georgian Post", "RR123456785GE")
    assert SHOPS["shopify"].news(recorded("shopify/fulfillments_update")) is None


def test_a_generic_order():
    news = told("generic/order")
    order = news.order
    assert (news.word, order.number, order.external_id) == ("confirmed", "S-2026/15", "")
    assert order.contact == Contact("+380671234567", "oksana@example.com", "Оксана Мельник")
    assert (order.total, order.payment) == ("300.00", "paid")


def test_the_example_of_a_generic_push_is_an_order_with_every_field():
    example = SHOPS["generic"].example.partition("\n\n")[2].encode()
    news = SHOPS["generic"].news(example)
    assert isinstance(news, ShopOrder)
    assert news.order.number == "S-15"
    assert json.loads(example).keys() == json.loads(recorded("generic/order")).keys()


@pytest.mark.parametrize("name", ["woocommerce/order_deleted", "shopify/orders_delete"])
def test_a_deletion_says_only_an_id(name):
    news = SHOPS[name.split("/")[0]].news(recorded(name))
    assert news in (ShopDeletion("727"), ShopDeletion("820982911946154508"))


@pytest.mark.parametrize("kind", SHOPS)
def test_default_words_stand_for_stages_of_the_default_pipeline(kind):
    assert {code for code in SHOPS[kind].statuses.values() if code is not None} <= set(DEFAULT_PIPELINE.codes)


@pytest.mark.parametrize("kind", SHOPS)
@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"id": 1, "status": 5}', b"\xff", b"null"])
def test_what_cannot_be_read_says_so(kind, body):
    with pytest.raises(Unreadable):
        SHOPS[kind].news(body)


@given(kind=st.sampled_from(sorted(EXAMPLES)), changes=st.data())
def test_a_field_that_is_anything_is_read_or_refused(kind, changes):
    body = recorded(EXAMPLES[kind])
    fields = json.loads(body)
    field = changes.draw(st.sampled_from(sorted(fields)))
    value = changes.draw(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=3))
    with suppress(Unreadable):
        SHOPS[kind].news(json.dumps({**fields, field: value}).encode())


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"total": "1.005"}, "total"),
        ({"items": [{"name": "Cup", "quantity": "x", "price": "1"}]}, "items.0.quantity"),
        ({"updated_at": "2026-11-20T12:30:11"}, "updated_at"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_generic_push_names_what_is_wrong(changes, said):
    with pytest.raises(Unreadable, match=said):
        told("generic/order", **changes)


@pytest.mark.parametrize("kind", SHOPS)
def test_a_signature_over_the_raw_body_is_believed_and_nothing_else(kind):
    shop, body = SHOPS[kind], recorded(EXAMPLES[kind])
    for secret in (SECRET, OLDER):
        shop.authenticate(SETTINGS, call(signed(kind, secret, body), body))
    true = signed(kind, SECRET, body)
    garbled = {name: "ключ" if "ignature" in name or "Hmac" in name else value for name, value in true.items()}
    for headers, sent in (
        ({}, body),
        (true, body + b" "),
        (signed(kind, "another secret", body), body),
        (garbled, body),
        (signed(kind, SECRET, b""), body),
    ):
        with pytest.raises(Forged):
            shop.authenticate(SETTINGS, call(headers, sent))


@pytest.mark.parametrize("away", [-301, 301, 10**6])
def test_a_recorded_call_cannot_be_played_again_later(away):
    body = recorded("generic/order")
    with pytest.raises(Forged):
        SHOPS["generic"].authenticate(SETTINGS, call(signed("generic", SECRET, body, at=time.time() + away), body))


@pytest.mark.parametrize("stamp", ["", "now", "1" * 5000, "٣"])
def test_a_time_that_is_none_is_forged_even_where_it_is_signed(stamp):
    body = recorded("generic/order")
    digest = hmac.new(SECRET.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    with pytest.raises(Forged):
        SHOPS["generic"].authenticate(SETTINGS, call({"X-Timestamp": stamp, "X-Signature": f"sha256={digest}"}, body))


def test_the_ping_of_woocommerce_is_no_event_and_nothing_beside_it_passes_for_one():
    woocommerce = SHOPS["woocommerce"]
    ping = call({}, b"webhook_id=12")
    woocommerce.authenticate(SETTINGS, ping)
    assert woocommerce.split(SETTINGS, ping) == []
    for body in (b"webhook_id=12&status=paid", b"webhook_id=", b"webhook_id=12\n", b'{"webhook_id": 12}'):
        with pytest.raises(Forged):
            woocommerce.authenticate(SETTINGS, call({}, body))


def test_an_event_is_known_by_its_delivery_and_what_it_says():
    body = recorded("woocommerce/order_deleted")
    woocommerce = SHOPS["woocommerce"]

    def key(delivery: str, sent: bytes) -> str:
        (event,) = woocommerce.split(SETTINGS, call(signed("woocommerce", SECRET, sent, delivery=delivery), sent))
        return event.key

    assert key("d1", body) == key("d1", body)
    assert len({key("d1", body), key("d2", body), key("d1", b'{"id":728}')}) == 3
