"""MongoDB killed between any two writes of a message's way, and back before anybody gave up waiting for it."""

import os
import signal
import tempfile
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
from pymongo import monitoring
from redis.asyncio import Redis

from channels.sandbox import Sandbox
from inbox.storage.database import Database, connect
from inbox.storage.migrations import migrate
from tests.conftest import SECRET_KEY
from tests.flow import Shop, until
from web.embedded import embedded_databases
from web.embedded.data_dir import data_dir_at
from web.embedded.databases import MONGOD

WRITES = frozenset({"insert", "update", "findAndModify"})
ON_THE_WAY = frozenset({"journal", "identities", "customers", "conversations", "messages", "live"})
STRIDE = int(os.environ.get("STRIDE", "4"))
"""Of so many writes one is tried; `make test-slow` tries each."""

FIRST_MESSAGE_WRITES = 9
"""Journal, identity, card, conversation, message, the conversation again, live frames, an assignment, journal."""


class Assassin(monitoring.CommandListener):
    """Kills mongod right after it acknowledged a write of the flow: the one that `spare` others come before."""

    def __init__(self, pid_file: Path) -> None:
        self.spare: int | None = None
        self._pid_file = pid_file
        self._writes: set[int] = set()

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        if event.command_name in WRITES and event.command[event.command_name] in ON_THE_WAY:
            self._writes.add(event.request_id)

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        if event.request_id not in self._writes or self.spare is None:
            return
        self.spare -= 1
        if self.spare < 0:
            self.spare = None
            os.kill(int(self._pid_file.read_text()), signal.SIGKILL)

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        """Nothing was acknowledged."""


@pytest.fixture
async def fragile(redis: Redis, sandbox: Sandbox) -> AsyncIterator[tuple[Shop, Assassin]]:
    """A shop on a mongod of its own."""
    with tempfile.TemporaryDirectory(prefix="skrynka-test-") as folder:
        home = data_dir_at(Path(folder))
        assassin = Assassin(home.pid_file(MONGOD))
        async with embedded_databases(home.root, redis=False) as databases:
            assert databases.mongodb_url is not None
            database = connect(databases.mongodb_url, "test_restart", listeners=(assassin,))
            await migrate(database)
            async with Shop.open(database, redis, sandbox, SECRET_KEY) as shop:
                yield shop, assassin
            database.close()


@pytest.mark.parametrize("spared", range(0, FIRST_MESSAGE_WRITES, STRIDE))
async def test_whatever_was_acknowledged_before_mongodb_fell_over_is_there_once_it_is_back(fragile, spared):
    shop, assassin = fragile
    chat = shop.customer()
    for text in ("somebody new writes", "and writes again"):
        assassin.spare = spared
        chat.text(text)
        await until(partial(_processed, shop.house.database, text), seconds=60)
        assassin.spare = None
        await _check_whole(shop.house.database, text)


async def _processed(database: Database, text: str) -> bool:
    if await database.durable.live.find_one({"frames.data.text": text}) is None:
        return False
    return await database.durable.journal.count_documents({"state": "pending"}) == 0


async def _check_whole(database: Database, text: str) -> None:
    """The message is there once, with everything that it points to."""
    (message,) = await database.durable.messages.find({"text": text}).to_list(None)
    conversation = await database.durable.conversations.find_one({"_id": message["conversation_id"]})
    assert conversation is not None
    assert conversation["last_message"]["text"] == text
    identity = await database.durable.identities.find_one({"_id": message["identity_id"]})
    assert identity is not None
    assert identity["customer_id"] == message["customer_id"] == conversation["customer_id"]
    assert await database.durable.customers.find_one({"_id": message["customer_id"]}) is not None
    assert await database.durable.journal.count_documents({"state": "quarantined"}) == 0
