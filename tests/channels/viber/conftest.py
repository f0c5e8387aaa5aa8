from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import SecretStr

from channels.sandbox import Sandbox
from channels.viber import Viber
from channels.viber.client import ViberConnection
from channels.viber.sandbox import Bot, Chat
from channels.viber.spec import ViberSettings
from inbox.model.channel import RawEvent, WebhookRequest
from inbox.model.failures import Forged

ANSWER_SECONDS = 0.4


@dataclass
class Webhook:
    """A webhook that believes and reads as ours does, and a place with files. `statuses` are answered first."""

    settings: ViberSettings
    url: str = ""
    statuses: list[int] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    events: list[RawEvent] = field(default_factory=list)
    forged: int = 0
    files: dict[str, bytes] = field(default_factory=dict)

    async def take(self, request: web.Request) -> web.Response:
        called = WebhookRequest(headers=request.headers, query=request.query, body=await request.read())
        kind = Viber()
        try:
            kind.authenticate(self.settings, called)
        except Forged:
            self.forged += 1
            return web.Response(status=401)
        self.bodies.append(called.body)
        self.events += kind.split(self.settings, called)
        status = self.statuses.pop(0) if self.statuses else 200
        return web.Response(status=status, body=kind.answer(self.settings, called), content_type="application/json")

    async def hand_over(self, request: web.Request) -> web.Response:
        return web.Response(body=self.files[request.match_info["name"]])

    def offer(self, name: str, content: bytes) -> str:
        """An address at which Viber finds a file of the shop's."""
        self.files[name] = content
        return f"{self.url.rpartition('/webhooks/')[0]}/files/{name}"

    def read(self) -> list[Any]:
        """What came, in our words."""
        return [event for raw in self.events for event in Viber().read(raw.raw)]


@pytest.fixture
def bot(sandbox: Sandbox) -> Bot:
    return sandbox.viber.create_bot("Скринька")


@pytest.fixture
def settings(sandbox: Sandbox, bot: Bot) -> ViberSettings:
    return ViberSettings(token=SecretStr(bot.token), sender_name="Скринька", api_base=sandbox.api_base("viber"))


@pytest.fixture
async def webhook(settings: ViberSettings) -> AsyncIterator[Webhook]:
    listening = Webhook(settings)
    app = web.Application()
    app.router.add_post("/webhooks/viber/c1", listening.take)
    app.router.add_get("/files/{name}", listening.hand_over)
    async with TestServer(app) as server:
        listening.url = str(server.make_url("/webhooks/viber/c1"))
        yield listening


@pytest.fixture
async def connection(settings: ViberSettings) -> AsyncIterator[ViberConnection]:
    opened = ViberConnection(settings, answer_seconds=ANSWER_SECONDS)
    yield opened
    await opened.close()


@pytest.fixture
async def chat(sandbox: Sandbox, bot: Bot, webhook: Webhook, connection: ViberConnection) -> Chat:
    """Olena's chat: the webhook is set, and she has subscribed."""
    await connection.register(webhook.url)
    opened = bot.chat(sandbox.viber.create_customer("Олена Мельник", language="uk"))
    opened.subscribe()
    await bot.drained()
    webhook.events.clear()
    return opened
