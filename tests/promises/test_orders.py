"""An order moves once: two servers side by side, a process that dies between two words, a database that hangs."""

import asyncio
import itertools
from typing import Any

import pytest

from inbox.model.ids import now
from inbox.model.orders import Item, OrderSnapshot
from inbox.model.people import Author
from tests.flow import until
from tests.inbox.shops.pushes import recorded, signed
from tests.promises.crashing import until_crash
from tests.promises.neighbour import another_server, at
from web.house import House

ANN = Author(type="manager", id="m1", name="Ann")
ORDER: dict[str, Any] = {"status": "new", "items": [], "total": "1.00", "currency": "UAH"}
WOO = "woocommerce/order_updated__processing"


def snapshot(number: str, status: str) -> OrderSnapshot:
    items = (Item(name="Mug", quantity=1, price="1.00"),)
    return OrderSnapshot(number=number, status=status, items=items, total="1.00", currency="UAH")


async def test_two_servers_that_move_an_order_at_once_move_it_once(shop, databases):
    async with another_server(shop, databases) as url:
        callers = [shop.owner, at(shop.owner, url)]
        for number in range(5):
            path = f"/orders/{number}"
            assert (await shop.owner.call("PUT", path, ORDER)).status == 201
            body = {"status": "confirmed"}
            answers = await asyncio.gather(*(who.call("POST", f"{path}/status", body) for who in callers * 3))
            assert {answer.status for answer in answers} == {200}
            order = await shop.owner.get(path)
            moves = [entry["changes"]["status"]["to"] for entry in order["history"]]
            assert (moves, order["version"]) == (["new", "confirmed"], 2)


async def test_who_dies_while_moving_an_order_has_moved_it_once_or_not_at_all(house, watched, crash):
    for words in itertools.count(1):
        order, _ = await house.orders.put(ANN, snapshot(str(words), "new"))
        died = await until_crash(crash, watched.orders.set_status(order["_id"], "confirmed", ANN), words)
        await house.orders.set_status(order["_id"], "confirmed", ANN)

        async def moved(key: str = order["_id"]) -> dict[str, Any] | None:
            found = await house.orders.by_id(key)
            return found if found["status"] == "confirmed" else None

        stored = await until(moved)
        assert len(stored["history"]) == 2
        assert [notice["no"] for notice in stored["due_notices"]] == [2]
        if not died:
            assert words > 2
            return


async def test_who_dies_while_taking_a_push_leaves_it_to_the_next(house, watched, crash):
    source, _ = await house.order_sources.create(name="Boutique", kind="woocommerce", secret=None)
    for words in itertools.count(1):
        number, died = str(words), False
        for status in ("new", "confirmed"):
            told = OrderSnapshot(number=number, status=status, items=(), total="1.00", currency="UAH", updated_at=now())

            async def take(where: House, told: OrderSnapshot = told) -> None:
                await where.orders.take(source, told, received_at=now(), repeated=False)

            died = await until_crash(crash, take(watched), words)
            await take(house)
        order = await house.orders.get(number, source["_id"])
        moves = [entry["changes"]["status"]["to"] for entry in order["history"]]
        assert moves == ["new", "confirmed"]
        assert len(order["due_notices"]) == 1
        if not died:
            return


@pytest.mark.asyncio(loop_scope="module")
async def test_no_push_is_lost_while_the_database_hangs(program):
    created = await program.owner.call("POST", "/order-sources", {"name": "Boutique", "kind": "woocommerce"})
    hook, secret = f"{program.url}/hooks/orders/{created.body['id']}", created.body["secret"]

    async def push(number: str) -> int:
        body = recorded(WOO, number=number)
        headers = signed("woocommerce", secret, body, delivery=number)
        async with program.http.post(hook, data=body, headers=headers) as answer:
            if answer.status == 503:
                assert int(answer.headers["Retry-After"]) > 0
            return int(answer.status)

    assert await push("1") == 200
    with program.frozen("mongod"):
        began = asyncio.get_running_loop().time()
        assert await push("2") == 503
        assert asyncio.get_running_loop().time() - began < 3

    async def taken() -> bool:
        return await push("2") == 200

    await until(taken, seconds=30)

    async def both() -> bool:
        return {order["number"] for order in (await program.owner.get("/orders"))["items"]} == {"1", "2"}

    await until(both)
