"""A server that tests may break. One serves all tests of a module: starting it takes longer than most of them."""

import contextlib
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import ClientSession, TCPConnector

from channels.sandbox import Sandbox
from inbox.storage.database import connect
from tests.conftest import SECRET_KEY
from tests.promises.crashing import Crash
from tests.promises.program import Program
from web.embedded import Databases
from web.house import House


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def started() -> AsyncIterator[Program]:
    """`skrynka serve` with a bot connected to a sandbox."""
    async with contextlib.AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="skrynka-test-", ignore_cleanup_errors=True))
        sandbox = await stack.enter_async_context(Sandbox())
        http = await stack.enter_async_context(ClientSession(connector=TCPConnector(limit=0)))
        running = Program(Path(folder) / "data", sandbox, http)
        stack.push_async_callback(running.kill_everything)
        await running.start()
        yield running
        assert "worker_died" not in running.log


@pytest_asyncio.fixture(loop_scope="module")
async def program(started: Program) -> Program:
    """The module's server, running, whatever the test before did to it."""
    started.sandbox.telegram.faults.clear()
    if started.process is None or started.process.returncode is not None:
        await started.start()
    return started


@pytest.fixture
def crash() -> Crash:
    return Crash()


@pytest.fixture
async def watched(house: House, databases: Databases, crash: Crash) -> AsyncIterator[House]:
    """Another process on the same database, whose words to it are counted, and end where `crash` says."""
    assert databases.mongodb_url is not None
    database = connect(databases.mongodb_url, house.database.name, listeners=(crash,))
    other = House(database, house.redis, secret_key=SECRET_KEY, base_url="http://127.0.0.1:1")
    yield other
    await other.channels.close()
    database.close()
