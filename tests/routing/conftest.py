"""An office, and another process of the same shop."""

from collections.abc import AsyncIterator

import pytest

from tests.conftest import SECRET_KEY
from tests.routing.office import Office
from web.house import House


@pytest.fixture
async def office(house: House) -> Office:
    return Office(house)


@pytest.fixture
async def other_house(house: House) -> AsyncIterator[House]:
    other = House(house.database, house.redis, secret_key=SECRET_KEY, base_url="http://127.0.0.1:1")
    yield other
    await other.channels.close()
