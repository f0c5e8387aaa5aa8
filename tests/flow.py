"""A whole shop for tests: server, workers, a Telegram channel at the sandbox, an owner who is signed in."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import ClientSession
from redis.asyncio import Redis

from channels.sandbox import Sandbox
from channels.telegram.sandbox import Bot, Chat
from inbox.managers import NewManager
from inbox.model.people import Role
from inbox.storage.database import Database
from inbox.storage.s3 import Buckets
from tests.passwords import quick_hash
from web.app import build_app, listening
from web.house import House
from web.settings import Settings

OWNER = "owner@shop.example"
PASSWORD = "correct horse battery"


@dataclass
class Answer:
    """An HTTP answer, read."""

    status: int
    body: Any
    headers: dict[str, str]


@dataclass
class Person:
    """A signed-in manager's client."""

    http: ClientSession
    url: str
    token: str
    id: str

    async def call(self, method: str, path: str, json: Any = None, **options: Any) -> Answer:
        """Call the API with this manager's token; `path` begins behind /api/v1."""
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        async with self.http.request(
            method, f"{self.url}/api/v1{path}", json=json, headers=headers, **options
        ) as response:
            typed = response.content_type.endswith("json")
            body = await response.json(content_type=None) if typed else await response.read()
            return Answer(response.status, body, dict(response.headers))

    async def get(self, path: str) -> Any:
        """The body of a GET that must succeed."""
        answer = await self.call("GET", path)
        assert answer.status == 200, answer
        return answer.body


@dataclass
class Shop:
    """See the module."""

    house: House
    sandbox: Sandbox
    url: str
    http: ClientSession
    owner: Person
    bot: Bot
    channel_id: str
    webhook: str
    _names: int = field(default=0)

    @classmethod
    @contextlib.asynccontextmanager
    async def open(
        cls, database: Database, redis: Redis, sandbox: Sandbox, secret_key: str, *, buckets: Buckets | None = None
    ) -> AsyncIterator[Self]:
        """Serve on a free port of loopback until the context ends."""
        listener = socket.create_server(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        house = House(database, redis, secret_key=secret_key, base_url=url, buckets=buckets)
        await house.rules.install()
        await house.managers.create(
            NewManager(email=OWNER, name="Owner", password_hash=quick_hash(PASSWORD), role=Role.OWNER), by=None
        )
        async with contextlib.AsyncExitStack() as stack:
            http = await stack.enter_async_context(ClientSession())
            await stack.enter_async_context(house.working())
            await stack.enter_async_context(listening(build_app(Settings(), house), house, sock=listener))
            owner = await sign_in(http, url, OWNER, PASSWORD)
            bot = sandbox.telegram.create_bot()
            created = await owner.call(
                "POST",
                "/channels",
                {
                    "kind": "telegram",
                    "name": "Shop bot",
                    "settings": {"token": bot.token, "api_base": sandbox.api_base("telegram")},
                },
            )
            assert created.status == 201, created
            yield cls(
                house=house,
                sandbox=sandbox,
                url=url,
                http=http,
                owner=owner,
                bot=bot,
                channel_id=created.body["id"],
                webhook=created.body["webhook_url"]["absolute"],
            )

    def customer(self, name: str = "") -> Chat:
        """A new customer's chat with the shop's bot."""
        self._names += 1
        return self.bot.chat(self.sandbox.telegram.create_customer(name or f"Customer {self._names}"))

    async def manager(self, name: str, **fields: Any) -> Person:
        """A new manager who is signed in."""
        email = f"{name.lower()}@shop.example"
        created = await self.owner.call(
            "POST", "/managers", {"email": email, "name": name, "password": PASSWORD, "role": "manager", **fields}
        )
        assert created.status == 201, created
        return await sign_in(self.http, self.url, email, PASSWORD)

    async def settled(self) -> None:
        """Wait until every accepted event is processed."""
        await self.bot.drained()
        await until(self._nothing_pending)

    async def _nothing_pending(self) -> bool:
        return await self.house.journal_store.pending() == 0

    async def conversations(self, **query: str) -> list[dict[str, Any]]:
        """Every conversation that the owner sees."""
        path = "/conversations?limit=100" + "".join(f"&{key}={value}" for key, value in query.items())
        found: list[dict[str, Any]] = []
        cursor = ""
        while True:
            page = await self.owner.get(path + cursor)
            found.extend(page["items"])
            if page["next_cursor"] is None:
                return found
            cursor = f"&cursor={page['next_cursor']}"

    async def messages(self, conversation_id: str) -> list[dict[str, Any]]:
        """The messages of a conversation, oldest first (at most 100)."""
        page = await self.owner.get(f"/conversations/{conversation_id}/messages?limit=100")
        return list(reversed(page["items"]))


async def sign_in(http: ClientSession, url: str, email: str, password: str) -> Person:
    """A client with a session of its own."""
    async with http.post(f"{url}/api/v1/sessions", json={"email": email, "password": password}) as response:
        body = await response.json()
        assert response.status == 201, body
        http.cookie_jar.clear()
        return Person(http, url, body["token"], body["manager"]["id"])


async def until(condition: Callable[[], Awaitable[Any]], *, seconds: float = 40.0) -> Any:
    """Wait for a condition and return what it returned. The bound is generous: machines are slow, promises are not."""
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        result = await condition()
        if result:
            return result
        assert asyncio.get_running_loop().time() < deadline, "it did not come true in time"
        await asyncio.sleep(0.02)
