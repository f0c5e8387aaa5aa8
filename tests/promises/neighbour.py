"""More servers on the database of a shop, as a shop that has grown runs them."""

import contextlib
import socket
from collections.abc import AsyncIterator

from inbox.storage.database import connect
from tests.conftest import SECRET_KEY
from tests.flow import Person, Shop
from web.app import build_app, listening
from web.embedded import Databases
from web.house import House, connect_redis
from web.settings import Settings


@contextlib.asynccontextmanager
async def another_server(shop: Shop, databases: Databases, *, redis_url: str | None = None) -> AsyncIterator[str]:
    """A second server with connections of its own, to another Redis where one is named; yields its address."""
    assert databases.mongodb_url is not None
    assert databases.redis_url is not None
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with contextlib.AsyncExitStack() as stack:
        database = connect(databases.mongodb_url, shop.house.database.name)
        stack.callback(database.close)
        redis = connect_redis(redis_url or databases.redis_url)
        stack.push_async_callback(redis.aclose)
        house = House(database, redis, secret_key=SECRET_KEY, base_url=url)
        await stack.enter_async_context(house.working())
        await stack.enter_async_context(listening(build_app(Settings(), house), house, sock=listener))
        yield url


def at(person: Person, url: str) -> Person:
    """The same signed-in person at another server."""
    return Person(person.http, url, person.token, person.id)


def webhook_at(shop: Shop, url: str) -> str:
    """The shop's webhook at another server."""
    return shop.webhook.replace(shop.url, url)
