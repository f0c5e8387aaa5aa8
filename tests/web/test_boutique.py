"""The demo shop's own site is an honest shop: what it pushes is believed, and its bad days do no harm."""

from datetime import timedelta

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer

from inbox.model.ids import now
from inbox.model.people import Role, Viewer
from tests.flow import until
from web.app import build_app
from web.demo.boutique import WORDS, Boutique, Buyer, Line
from web.demo.orders import ORDERS, open_boutique
from web.settings import Settings

BUYER = Buyer(name="Oksana Melnyk", phone="067 123 45 67", email="oksana@example.com")
LINES = [Line("Box", 2, "420.00", "BOX"), Line("Card", 1, "0.10")]


@pytest.fixture(params=["woocommerce", "shopify"])
def kind(request):
    return request.param


@pytest.fixture
async def boutique(house, kind):
    """The site, connected to a server that works."""
    server = TestServer(build_app(Settings(), house))
    await server.start_server()
    source, secret = await house.order_sources.create(name="Site", kind=kind, secret=None)
    async with house.working(), Boutique() as opened:
        opened.connect(kind, str(server.make_url(house.order_sources.webhook_path(source))), secret)
        yield opened
    house.feed.close()
    await server.close()


async def status_in(house, number, wanted):
    async def reached():
        found = await house.database.durable.orders.find_one({"number": number})
        return found if found is not None and found["status"] == wanted else None

    return await until(reached)


async def test_what_is_sold_is_pushed_as_it_is(house, boutique, kind):
    order = boutique.sell("1001", BUYER, LINES, WORDS[kind][0], at=now() - timedelta(hours=1), kind=kind)
    assert await boutique.push(order) == 200
    stored = await status_in(house, "1001", "awaiting_payment")
    assert (stored["total"], stored["currency"]) == ("840.10", "UAH")
    assert stored["contact"] == {"phone": "+380671234567", "email": "oksana@example.com", "name": "Oksana Melnyk"}
    assert [(line["name"], line["quantity"], line["price"]) for line in stored["items"]] == [
        ("Box", 2, "420.00"),
        ("Card", 1, "0.10"),
    ]


async def test_its_page_changes_an_order_and_a_late_push_takes_nothing_back(house, boutique, kind):
    boutique.sell("1001", BUYER, LINES, WORDS[kind][0], at=now() - timedelta(hours=1), kind=kind)
    await boutique.push(boutique.orders["1001"])
    await status_in(house, "1001", "awaiting_payment")
    async with ClientSession() as http:
        page = await (await http.get(boutique.url)).text()
        assert "Oksana Melnyk" in page

        async def act(what, body=""):
            async with http.post(f"{boutique.url}/orders/1001/{what}", data=body) as answer:
                return answer.status, await answer.text()

        assert (await act("status", "cancelled"))[0] == 200
        moved = await status_in(house, "1001", "cancelled")
        for what in ("again", "late"):
            assert '"answered": 200' in (await act(what))[1]
        assert (await act("status", "no such word"))[0] == 422
        assert (await act("burn"))[0] == 404

    async def nothing_pending():
        return await house.journal_store.pending() == 0

    await until(nothing_pending)
    assert (await house.orders.get("1001"))["version"] == moved["version"]


async def test_the_demos_orders_stand_on_the_cards_of_their_buyers(house):
    server = TestServer(build_app(Settings(), house))
    await server.start_server()
    seller = Viewer(id="oksana", name="Oksana", role=Role.OWNER)
    cards = {name: await house.customers.create({"name": name}) for name in {bought.by for bought in ORDERS}}
    async with house.working(), Boutique() as boutique:
        await open_boutique(house, str(server.make_url("")).rstrip("/"), boutique, seller)
        for bought in ORDERS:
            order = await house.orders.get(bought.number)
            assert order["customer_id"] == (cards[bought.by]["_id"] if bought.linked else None)
            assert order["due_notices"] == [], "the first sight of a shop tells nobody"
    house.feed.close()
    await server.close()
