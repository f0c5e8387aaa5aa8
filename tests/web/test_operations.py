"""What whoever runs the server looks at."""

import pytest
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client.parser import text_string_to_metric_families
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from inbox.model.ids import now
from inbox.storage.database import connect
from tests.conftest import SECRET_KEY
from tests.inbox.arrivals import accepted, said, work_off
from web.app import build_app
from web.house import House
from web.settings import Settings


@pytest.fixture
async def away():
    """A Redis that is not there."""
    client = Redis.from_url("redis://127.0.0.1:1/0", retry=Retry(NoBackoff(), 0), socket_connect_timeout=0.5)
    yield client
    await client.aclose()


@pytest.fixture
async def serve():
    """Serves houses until the test ends."""
    opened = []

    async def start(database, redis):
        house = House(database, redis, secret_key=SECRET_KEY, base_url="http://127.0.0.1:1")
        client = TestClient(TestServer(build_app(Settings(), house)))
        await client.start_server()
        opened.append((house, client))
        return house, client

    yield start
    for house, client in opened:
        house.feed.close()
        await client.close()


@pytest.fixture
def nowhere():
    database = connect("mongodb://127.0.0.1:1/?replicaSet=none", "test_nowhere")
    yield database
    database.close()


async def test_with_everything_there_all_is_well(serve, database, redis):
    _, client = await serve(database, redis)
    assert (await client.get("/healthz")).status == 200
    ready = await client.get("/readyz")
    assert ready.status == 200
    assert await ready.json() == {"mongodb": "up", "redis": "up"}


async def test_without_redis_the_server_is_ready_and_says_so(serve, database, away):
    _, client = await serve(database, away)
    ready = await client.get("/readyz")
    assert ready.status == 200
    assert (await ready.json())["redis"] == "down"


async def test_without_mongodb_the_process_lives_and_is_not_ready(serve, nowhere, redis):
    _, client = await serve(nowhere, redis)
    assert (await client.get("/healthz")).status == 200
    ready = await client.get("/readyz")
    assert ready.status == 503
    assert await ready.json() == {"mongodb": "down", "redis": "up"}
    measured = await client.get("/metrics")
    assert measured.status == 200
    assert "skrynka_journal_pending" in await measured.text()


async def numbers(client):
    """Every sample by its name and labels."""
    answer = await client.get("/metrics")
    assert answer.status == 200
    assert answer.content_type == "text/plain"
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(await answer.text())
        for sample in family.samples
    }


async def test_the_numbers_have_the_names_that_checks_read(serve, database, redis):
    house, client = await serve(database, redis)
    await database.durable.channels.insert_one({"_id": "c1", "kind": "telegram", "state": "connected", "created_at": 1})
    await database.durable.outbox.insert_many(
        [{"_id": f"{number}", "lane": "l", "live": number < 2, "channel_id": "c1"} for number in range(3)]
    )
    await database.durable.journal.insert_one({"_id": "e", "state": "pending", "lease_until": now()})
    house.metrics.webhook_events.labels("telegram", "accepted").inc()
    house.metrics.assigned.labels("least_loaded").inc()
    await work_off(house.ingest, [accepted(said(1))])
    found = await numbers(client)
    assert found["skrynka_webhook_events_total", ("kind", "telegram"), ("outcome", "accepted")] == 1
    assert found["skrynka_journal_pending",] == 1
    assert found["skrynka_outbox_pending", ("kind", "telegram")] == 2
    assert found["skrynka_assign_total", ("reason", "least_loaded")] == 1
    states = {dict(rest)["state"]: value for (name, *rest), value in found.items() if name == "skrynka_channel_state"}
    assert states == {"connected": 1, "degraded": 0, "paused": 0, "disconnected": 0}
    await database.durable.channels.delete_one({"_id": "c1"})
    assert "skrynka_channel_state" not in {name for name, *_ in await numbers(client)}
    assert found["skrynka_ingest_seconds_count",] == 1
    assert any(name == "skrynka_ingest_seconds_bucket" for name, *_ in found)


async def test_a_channel_that_was_disconnected_does_not_hide_what_still_waits(serve, database, redis):
    _, client = await serve(database, redis)
    await database.durable.outbox.insert_one({"_id": "1", "lane": "l", "live": True, "channel_id": "gone"})
    assert (await numbers(client))["skrynka_outbox_pending", ("kind", "disconnected")] == 1
