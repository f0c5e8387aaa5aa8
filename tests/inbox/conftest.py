from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from inbox.storage.database import Database
from tests.inbox.paper import Floor


@pytest.fixture
async def floor(database: Database, redis: Redis) -> AsyncIterator[Floor]:
    """The ground floor over a channel made of paper."""
    built = Floor(database, redis)
    yield built
    await built.channels.close()
