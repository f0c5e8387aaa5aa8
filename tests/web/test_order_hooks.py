"""Where shops push: believed or not, durable before the answer, and one order whatever comes how often."""

import asyncio
import io
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from inbox.model.ids import now
from inbox.shops.shop import MAX_BYTES
from inbox.storage.database import Document
from tests.flow import until
from tests.inbox.shops.pushes import recorded, signed
from web.app import build_app
from web.house import House
from web.settings import Settings

WOO = "woocommerce/order_updated__processing"
EXAMPLES = {"woocommerce": WOO, "shopify": "shopify/orders_updated__paid", "generic": "generic/order"}


@dataclass
class Hooked:
    """A shop that is connected, and the server that it pushes to."""

    house: House
    client: TestClient[Any, Any]
    kind: str
    source: Document
    secret: str

    async def push(self, body: bytes, *, secret: str = "", delivery: str = "d1", headers: Any = None) -> int:
        """Push a body as the shop does; the status of the answer."""
        told = signed(self.kind, secret or self.secret, body, delivery=delivery) if headers is None else headers
        answer = await self.client.post(f"/hooks/orders/{self.source['_id']}", data=body, headers=told)
        return answer.status

    async def orders(self) -> list[Document]:
        """Every order, once what was pushed is worked off."""
        self.house.ingest.stop()
        await self.house.ingest.run()
        return await self.house.database.durable.orders.find().to_list(None)

    async def journal(self) -> list[Document]:
        return await self.house.database.durable.journal.find().to_list(None)

    def counted(self, outcome: str) -> float:
        labels = {"kind": self.kind, "outcome": outcome}
        return self.house.metrics.registry.get_sample_value("skrynka_webhook_events_total", labels) or 0


@pytest.fixture
async def client(house):
    opened = TestClient(TestServer(build_app(Settings(), house)))
    await opened.start_server()
    yield opened
    house.feed.close()
    await opened.close()


@pytest.fixture
def connect(house, client):
    async def connected(kind: str) -> Hooked:
        source, secret = await house.order_sources.create(name="Boutique", kind=kind, secret=None)
        return Hooked(house, client, kind, source, secret)

    return connected


@pytest.fixture
async def shop(connect):
    return await connect("woocommerce")


@pytest.mark.parametrize("kind", EXAMPLES)
async def test_a_true_push_is_durable_and_becomes_an_order(connect, kind):
    shop = await connect(kind)
    assert await shop.push(recorded(EXAMPLES[kind])) == 200
    assert [row["state"] for row in await shop.journal()] == ["pending"]
    (order,) = await shop.orders()
    assert (order["source"], order["history"][0]["by"]["type"]) == (shop.source["_id"], "shop")
    assert [row["state"] for row in await shop.journal()] == ["done"]
    assert shop.counted("accepted") == 1
    assert (await shop.house.order_sources.get(shop.source["_id"]))["last_push_at"] is not None


@pytest.mark.parametrize("kind", EXAMPLES)
async def test_a_forged_push_leaves_a_number_and_nothing_else(connect, kind):
    shop = await connect(kind)
    body = recorded(EXAMPLES[kind])
    assert await shop.push(body, secret="another secret") == 401
    assert await shop.push(body, headers={}) == 401
    assert (await shop.journal(), await shop.orders()) == ([], [])
    assert shop.counted("rejected") == 2


async def test_a_ping_is_answered_and_not_kept(shop):
    assert await shop.push(b"webhook_id=12", headers={"Content-Type": "application/x-www-form-urlencoded"}) == 200
    assert (await shop.journal(), shop.counted("rejected")) == ([], 0)


async def test_a_push_that_comes_twice_changes_nothing(shop):
    body = recorded(WOO)
    assert [await shop.push(body), await shop.push(body), await shop.push(body, delivery="d2")] == [200, 200, 200]
    (order,) = await shop.orders()
    assert (order["version"], order["due_notices"]) == (1, [])
    assert (shop.counted("accepted"), shop.counted("duplicate")) == (2, 1)


async def test_the_first_sight_of_a_shop_tells_nobody_and_a_later_move_does_once(shop):
    recent = (now() - timedelta(minutes=5)).replace(tzinfo=None)
    first = recorded(WOO, status="completed", date_modified_gmt=recent.isoformat())
    later = (recent + timedelta(seconds=60)).isoformat()
    for delivery, body in enumerate((first, recorded(WOO, status="refunded", date_modified_gmt=later))):
        assert await shop.push(body, delivery=str(delivery)) == 200
    (order,) = await shop.orders()
    assert (order["status"], order["due_notices"]) == ("returned", [])
    again = recorded(WOO, status="processing", date_modified_gmt=(recent + timedelta(seconds=90)).isoformat())
    assert await shop.push(again, delivery="3") == 200
    assert await shop.push(again, delivery="4") == 200
    (order,) = await shop.orders()
    assert [notice["status"] for notice in order["due_notices"]] == ["confirmed"]
    assert order["history"][-1]["irregular"]


async def test_what_is_true_and_unreadable_is_kept_for_people(shop):
    assert await shop.push(json.dumps({"id": 5, "status": "processing"}).encode()) == 200
    assert await shop.orders() == []
    (row,) = await shop.journal()
    assert (row["state"], row["reason"]) == ("quarantined", "there is no field currency")
    assert shop.counted("quarantined") == 1
    assert (await shop.house.order_sources.counts(shop.source["_id"])) == (0, 1)


async def test_a_word_that_nobody_translated_is_told_and_the_order_kept(shop):
    assert await shop.push(recorded(WOO, status="awaiting-shipment")) == 200
    (order,) = await shop.orders()
    assert order["status"] == "new"
    source = await shop.house.order_sources.get(shop.source["_id"])
    assert source["unknown_words"] == ["awaiting-shipment"]
    changed = await shop.house.order_sources.change(source["_id"], {"status_map": {"awaiting-shipment": "paid"}})
    assert changed["unknown_words"] == []


async def test_a_draft_is_no_order_and_a_deletion_ends_one(shop):
    assert await shop.push(recorded("woocommerce/order_created__checkout_draft"), delivery="1") == 200
    assert await shop.orders() == []
    assert await shop.push(recorded(WOO), delivery="2") == 200
    await shop.orders()
    assert await shop.push(recorded("woocommerce/order_deleted"), delivery="3") == 200
    (order,) = await shop.orders()
    assert order["status"] == "cancelled"


async def test_the_secret_before_is_good_for_an_hour_more(shop, database):
    sources = shop.house.order_sources
    await sources.change(shop.source["_id"], {"secret": "the next secret"})
    body = recorded(WOO)
    assert await shop.push(body, secret="the next secret") == 200
    assert await shop.push(body, delivery="2") == 200
    over = {"$set": {"previous_until": now() - timedelta(seconds=1)}}
    await database.durable.order_sources.update_one({"_id": shop.source["_id"]}, over)
    await sources.change(shop.source["_id"], {"name": "Shop"})
    assert await shop.push(body, delivery="3") == 401


async def test_nobody_listens_for_a_source_that_is_not_there(shop):
    await shop.house.order_sources.delete(shop.source["_id"])
    assert await shop.push(recorded(WOO)) == 404


async def test_a_body_without_measure_is_refused(shop):
    body = io.BytesIO(b" " * (MAX_BYTES + 1))
    assert (await shop.client.post(f"/hooks/orders/{shop.source['_id']}", data=body)).status == 413


async def test_pushes_in_any_order_and_side_by_side_end_the_same(shop):
    changes = [("pending", 1), ("processing", 2), ("completed", 3), ("processing", 2), ("pending", 1)]
    bodies = [
        recorded(WOO, status=word, total=f"{minute}00.00", date_modified_gmt=f"2026-11-20T11:0{minute}:00")
        for word, minute in changes
    ]
    answers = await asyncio.gather(*(shop.push(body, delivery=str(no)) for no, body in enumerate(reversed(bodies))))
    assert set(answers) == {200}
    (order,) = await shop.orders()
    assert (order["status"], order["total"]) == ("delivered", "300.00")


async def test_a_push_that_its_process_left_behind_is_taken_by_another(shop, redis, database):
    assert await shop.push(recorded(WOO)) == 200
    await database.durable.journal.update_many({}, {"$set": {"lease_until": now() - timedelta(seconds=1)}})
    other = House(database, redis, secret_key="a key for tests only, 32 bytes long", base_url="http://127.0.0.1:1")
    await other.ingest.adopt()
    other.ingest.stop()
    await other.ingest.run()
    await other.channels.close()
    assert await database.durable.orders.count_documents({}) == 1
    assert len(await shop.orders()) == 1
    assert (await shop.orders())[0]["version"] == 1


async def test_a_quarantined_push_is_played_again(shop, database):
    assert await shop.push(recorded(WOO)) == 200
    (row,) = await shop.journal()
    await shop.orders()
    set_aside = {"$set": {"state": "quarantined", "raw": recorded(WOO), "reason": "an older version"}}
    await database.durable.journal.update_one({"_id": row["_id"]}, set_aside)
    await database.durable.orders.delete_many({})
    await shop.house.quarantine.replay(row["_id"])
    assert len(await shop.orders()) == 1


async def test_while_the_database_is_away_a_shop_is_asked_to_come_back(shop):
    assert await shop.push(recorded(WOO)) == 200
    await until(shop.orders)
    shop.house.database.close()
    answer = await shop.client.post(
        f"/hooks/orders/{shop.source['_id']}",
        data=recorded(WOO),
        headers=signed("woocommerce", shop.secret, recorded(WOO), delivery="2"),
    )
    assert (answer.status, answer.headers["Retry-After"]) == (503, "2")
