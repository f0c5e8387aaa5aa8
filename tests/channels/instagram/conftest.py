from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import SecretStr

from channels.instagram import Instagram, InstagramSettings
from channels.instagram.client import InstagramConnection
from channels.instagram.sandbox import Account, Chat
from channels.sandbox import Sandbox
from inbox.model.channel import RawEvent, WebhookRequest
from inbox.model.failures import Forged
from inbox.model.incoming import Incoming

ANSWER_SECONDS = 0.4
VERIFY_TOKEN = "s3cret"


@dataclass
class Webhook:
    """Our side as far as a kind is concerned: it believes, splits and reads. Answers the next of `statuses`, or 200."""

    settings: InstagramSettings
    url: str = ""
    statuses: list[int] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    raw: dict[str, RawEvent] = field(default_factory=dict)

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        call = WebhookRequest(headers=request.headers, query=request.query, body=body)
        try:
            Instagram().authenticate(self.settings, call)
        except Forged:
            return web.Response(status=401)
        self.bodies.append(body)
        if self.statuses:
            return web.Response(status=self.statuses.pop(0))
        self.raw |= {event.key: event for event in Instagram().split(self.settings, call)}
        return web.Response()

    async def shake(self, request: web.Request) -> web.Response:
        call = WebhookRequest(headers=request.headers, query=request.query, body=b"")
        try:
            return web.Response(text=Instagram().handshake(self.settings, call))
        except Forged:
            return web.Response(status=403)

    def events(self) -> list[Incoming]:
        """What came so far, each once."""
        return [found for event in self.raw.values() for found in Instagram().read(event.raw)]


@pytest.fixture
def account(sandbox: Sandbox) -> Account:
    return sandbox.instagram.create_account("box_shop")


@pytest.fixture
def settings(sandbox: Sandbox, account: Account) -> InstagramSettings:
    return InstagramSettings(
        account_id=account.id,
        access_token=SecretStr(account.access_token),
        app_secret=SecretStr(account.app_secret),
        meta_app_secret=SecretStr(account.meta_app_secret),
        verify_token=SecretStr(VERIFY_TOKEN),
        api_base=sandbox.api_base("instagram"),
    )


@pytest.fixture
async def connection(settings: InstagramSettings) -> AsyncIterator[InstagramConnection]:
    opened = InstagramConnection(settings, answer_seconds=ANSWER_SECONDS)
    yield opened
    await opened.close()


@pytest.fixture
async def webhook(settings: InstagramSettings) -> AsyncIterator[Webhook]:
    listening = Webhook(settings)
    app = web.Application()
    app.router.add_post("/webhooks/instagram/c1", listening.take)
    app.router.add_get("/webhooks/instagram/c1", listening.shake)
    async with TestServer(app) as server:
        listening.url = str(server.make_url("/webhooks/instagram/c1"))
        yield listening


@pytest.fixture
def chat(sandbox: Sandbox, account: Account) -> Chat:
    """Olena, who never wrote yet."""
    return account.chat(sandbox.instagram.create_customer("Олена Мельник", username="olena_m"))


@pytest.fixture
async def connected(chat: Chat, webhook: Webhook, connection: InstagramConnection) -> Chat:
    """The same, with the account subscribed and the webhook entered in Meta's dashboard."""
    await connection.register(webhook.url)
    assert await chat.account.set_webhook(webhook.url, VERIFY_TOKEN)
    return chat
