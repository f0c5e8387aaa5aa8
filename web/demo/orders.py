"""What the demo's customers ordered, and the shop's own site that pushes it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from inbox.model.ids import now
from inbox.model.orders import order_id
from inbox.model.people import Author, Viewer
from web.demo.boutique import Boutique, Buyer, Line, ShopOrder
from web.demo.script import ago
from web.demo.stage import until
from web.demo.stories import STORIES
from web.house import House

NAMES: Final = {"woocommerce": "Сайт skrynka.example", "shopify": "Shopify, export"}

SMALL, MEDIUM, LARGE = (
    ("Скринька мала, дуб", "420.00"),
    ("Скринька середня, горіх", "780.00"),
    ("Скринька велика", "1450.00"),
)


@dataclass(frozen=True, kw_only=True)
class Bought:
    """An order: by whom (the name on a card), and the shop's words for its status with the times of each."""

    number: str
    by: str
    goods: Sequence[tuple[tuple[str, str], int]]
    words: Sequence[tuple[timedelta, str]]
    phone: str = ""
    email: str = ""
    kind: str = "woocommerce"
    currency: str = "UAH"
    method: str = "Картка"
    parcel: tuple[str, str] = ("", "")
    linked: bool = True
    """Whether a manager said whose it is; otherwise it waits to be recognised."""


ORDERS: Final = (
    Bought(
        number="1042",
        by="Олена Мельник",
        phone="+380671234567",
        goods=((MEDIUM, 1), (("Гравіювання", "150.00"), 1)),
        words=((ago(d=41, h=3), "pending"), (ago(d=41, h=2), "processing"), (ago(d=37), "completed")),
        parcel=("Нова пошта", "20450812345671"),
    ),
    Bought(
        number="1187",
        by="Олена Мельник",
        phone="+380671234567",
        goods=((LARGE, 1), (SMALL, 2)),
        words=((ago(h=2, m=10), "pending"), (ago(h=2), "processing")),
        method="LiqPay",
    ),
    Bought(
        number="1179",
        by="Марія Гончар",
        phone="+380504445566",
        goods=((MEDIUM, 2),),
        words=((ago(d=3), "processing"),),
        parcel=("Нова пошта", "20450812345688"),
    ),
    Bought(
        number="1181", by="Андрій Шевчук", phone="+380931112233", goods=((SMALL, 6),), words=((ago(d=2), "on-hold"),)
    ),
    Bought(
        number="1190",
        by="Ганна Романюк",
        phone="+380977778899",
        goods=((SMALL, 1),),
        words=((ago(h=5), "processing"),),
        linked=False,
    ),
    Bought(
        number="1165",
        by="Ірина Козак",
        phone="+380661230987",
        goods=((LARGE, 1),),
        words=((ago(d=12), "processing"), (ago(d=9), "completed")),
        parcel=("Укрпошта", "0504812345678"),
    ),
    Bought(
        number="2007",
        by="James Whitfield",
        email="james@example.com",
        kind="shopify",
        currency="USD",
        method="Shopify Payments",
        goods=((("Walnut box, large", "48.00"), 1), (("Recipe cards, 50", "9.50"), 2)),
        words=((ago(d=6), "paid"), (ago(d=4), "fulfilled")),
        parcel=("Ukrposhta International", "CP123456785UA"),
    ),
    Bought(
        number="2011",
        by="Emma Lindqvist",
        email="emma@example.com",
        kind="shopify",
        currency="EUR",
        method="Shopify Payments",
        goods=((("Walnut box, small", "19.00"), 2),),
        words=((ago(d=1), "paid"),),
    ),
)


async def open_boutique(house: House, url: str, boutique: Boutique, seller: Viewer) -> None:
    """Connect the shop's own site to the inbox at this address and have it tell what was bought so far."""
    sources: dict[str, str] = {}
    for kind, name in NAMES.items():
        source, secret = await house.order_sources.create(name=name, kind=kind, secret=None)
        boutique.connect(kind, url + house.order_sources.webhook_path(source), secret)
        sources[kind] = source["_id"]
    started = now()
    sold = {bought.number: _sell(boutique, bought, started) for bought in ORDERS}
    for step in range(max(len(bought.words) for bought in ORDERS)):
        for bought in ORDERS:
            if step < len(bought.words):
                before, word = bought.words[step]
                await boutique.set_status(sold[bought.number], word, at=started - before)
        await until(partial(_nothing_pending, house))
    cards, _ = await house.customers.page(seller, "", limit=len(STORIES), cursor=None)
    owners = {card["name"]: card["_id"] for card in cards}
    for bought in ORDERS:
        if bought.linked:
            key = order_id(sources[bought.kind], bought.number)
            await house.orders.link(key, owners[bought.by], Author.of(seller))


def _sell(boutique: Boutique, bought: Bought, started: datetime) -> ShopOrder:
    before, word = bought.words[0]
    return boutique.sell(
        bought.number,
        Buyer(name=bought.by, phone=bought.phone, email=bought.email),
        [Line(name, quantity, price) for (name, price), quantity in bought.goods],
        word,
        at=started - before,
        kind=bought.kind,
        currency=bought.currency,
        method=bought.method,
        parcel=bought.parcel,
    )


async def _nothing_pending(house: House) -> bool:
    return await house.journal_store.pending() == 0
