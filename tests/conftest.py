"""Real servers for every test: one mongod and one Valkey a test process, a fresh database a test."""

import asyncio
import shutil
import tempfile
import urllib.request
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from channels.sandbox import Sandbox
from inbox.storage.database import Database, connect
from inbox.storage.migrations import MIGRATIONS, migrate
from tests.flow import Shop
from web.embedded import Databases, embedded_databases
from web.house import House, connect_redis
from web.memory import share_one_pool

SECRET_KEY = "a key for tests only, 32 bytes long"
MEMORY = Path("/dev/shm")
PLENTY = 8 * 1024**3


def pytest_configure() -> None:
    """As the server does: what large files needed is given back instead of adding up over thousands of tests."""
    share_one_pool()


@pytest.fixture(scope="session")
def databases() -> Iterator[Databases]:
    """Running databases for this test process. A short path: socket paths are limited to about 100 characters.

    They lie in memory where there is plenty: a disk is waited for at every durable write, and nothing here is kept.
    """
    place = MEMORY if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > PLENTY else None
    with tempfile.TemporaryDirectory(prefix="skrynka-test-", dir=place) as folder, asyncio.Runner() as runner:
        context = embedded_databases(Path(folder))
        yield runner.run(context.__aenter__())
        runner.run(context.__aexit__(None, None, None))


@pytest.fixture
async def database(databases: Databases) -> AsyncIterator[Database]:
    """An empty database with every index in place.

    It is emptied instead of being made anew: mongod keeps some seventy files open for each one for a good while after
    it was dropped, and a thousand tests are more than a machine allows.
    """
    assert databases.mongodb_url is not None
    opened = connect(databases.mongodb_url, "test_shop")
    await _empty(opened)
    await migrate(opened)
    yield opened
    opened.close()


async def _empty(database: Database) -> None:
    """Forget everything but which version the schema has. Most collections were not touched and are not asked twice."""
    durable = database.durable
    for name in await durable.list_collection_names(filter={"options.validator": {"$exists": True}}):
        await durable.command("collMod", name, validator={})
    first, *others = await durable.list_collection_names() or ["meta"]
    pipeline = [*_one_named(first), *({"$unionWith": {"coll": name, "pipeline": _one_named(name)}} for name in others)]
    migrated = {"_id": "schema", "version": MIGRATIONS[-1].version, "holder": None, "lease_until": None}
    async for filled in durable[first].aggregate(pipeline):
        await durable[filled["_id"]].delete_many({"$nor": [migrated]})


def _one_named(collection: str) -> list[dict[str, Any]]:
    """Stages that answer the collection's name where it holds anything."""
    return [{"$limit": 1}, {"$project": {"_id": {"$literal": collection}}}]


@pytest.fixture
async def redis(databases: Databases) -> AsyncIterator[Redis]:
    """A client of the test process's Valkey, emptied."""
    assert databases.redis_url is not None
    client = connect_redis(databases.redis_url)
    await client.flushdb()
    yield client
    await client.aclose()


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """Where a server of buckets listens; it has two."""
    from moto.server import ThreadedMotoServer  # Takes a second, which most test processes need not wait.

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    for bucket in ("media", "older"):
        with urllib.request.urlopen(urllib.request.Request(f"{url}/{bucket}", method="PUT")):
            pass
    yield url
    server.stop()


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """The providers' side, over real HTTP."""
    async with Sandbox() as opened:
        yield opened


@pytest.fixture
async def house(database: Database, redis: Redis) -> AsyncIterator[House]:
    """All parts on real databases, not working yet."""
    built = House(database, redis, secret_key=SECRET_KEY, base_url="http://127.0.0.1:1")
    yield built
    await built.channels.close()


@pytest.fixture
async def shop(database: Database, redis: Redis, sandbox: Sandbox) -> AsyncIterator[Shop]:
    """A whole server listening on loopback, with a Telegram channel connected to the sandbox and an owner."""
    async with Shop.open(database, redis, sandbox, SECRET_KEY) as opened:
        yield opened
