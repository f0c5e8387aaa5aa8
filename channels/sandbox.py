"""The providers' side of every channel and carrier on one local port: for demo and tests, over real HTTP.

    async with Sandbox() as sandbox:
        bot = sandbox.telegram.create_bot()
        ...                                # connect a channel with bot.token and sandbox.api_base("telegram")
        chat = bot.chat(sandbox.telegram.create_customer("Олена Мельник"))
        chat.text("Добрий день")           # the webhook is called
        await chat.until(lambda chat: "Вітаю" in chat.texts())

Each kind's provider stands at `/{kind}`, its control at `/sandbox/{kind}`, its phone at `/phone/{kind}`; `/` shows a
phone beside the inbox. There is no password: it binds to loopback unless told otherwise.
"""

from pathlib import Path
from typing import Final, Protocol, Self

import jinja2
from aiohttp import web

from channels.carriers.nova_poshta.sandbox import NovaPoshtaSandbox
from channels.email.sandbox import EmailSandbox
from channels.instagram.sandbox import InstagramSandbox
from channels.telegram.sandbox import TelegramSandbox
from channels.viber.sandbox import ViberSandbox

MAX_REQUEST_BYTES: Final = 64 << 20
_PAGES: Final = Path(__file__).parent / "sandbox_pages"


class ProviderSandbox(Protocol):
    """What a kind gives so that its provider can be played."""

    @property
    def name(self) -> str:
        """The kind's name."""

    def provider(self) -> web.Application:
        """What our client talks to, mounted at `/{name}`."""

    def control(self) -> web.Application:
        """What a test or the phone page steers it with, mounted at `/sandbox/{name}`."""

    def release(self) -> None:
        """End every request that waits on purpose."""

    async def close(self) -> None:
        """Stop calling webhooks."""


class Sandbox:
    """All providers behind one server. `port` 0 takes a free one.

    `inbox_url` is what `/` shows beside the phone; it may be told later, once the inbox knows where it listens.
    """

    def __init__(self, *, host: str = "127.0.0.1", port: int = 0, inbox_url: str = "") -> None:
        self._host = host
        self._port = port
        self.inbox_url = inbox_url
        self.email = EmailSandbox()
        self.telegram = TelegramSandbox()
        self.instagram = InstagramSandbox(lambda: self.api_base("instagram"))
        self.viber = ViberSandbox()
        self.nova_poshta = NovaPoshtaSandbox()
        self._kinds: tuple[ProviderSandbox, ...] = (self.telegram, self.viber, self.instagram, self.email)
        self._providers: tuple[ProviderSandbox, ...] = (*self._kinds, self.nova_poshta)
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """Where it stands, without a trailing slash."""
        return f"http://{self._host}:{self._port}"

    def api_base(self, kind: str) -> str:
        """The `api_base` of a channel of this kind."""
        return f"{self.url}/{kind}"

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self.close()

    async def open(self) -> None:
        self._runner = web.AppRunner(self._app(), access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port)
        await site.start()
        self._port = int(self._runner.addresses[0][1])

    async def close(self) -> None:
        for provider in self._providers:
            provider.release()
            await provider.close()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def _app(self) -> web.Application:
        app = web.Application(client_max_size=MAX_REQUEST_BYTES)
        pages = jinja2.Environment(loader=jinja2.FileSystemLoader(_PAGES), autoescape=True)

        async def split_screen(_request: web.Request) -> web.Response:
            page = pages.get_template("index.html").render(inbox_url=self.inbox_url, kinds=self._kinds)
            return web.Response(text=page, content_type="text/html")

        async def phone(request: web.Request) -> web.Response:
            kind = request.match_info["kind"]
            if kind not in {one.name for one in self._kinds}:
                raise web.HTTPNotFound(text="no such phone")
            page = pages.get_template(f"{kind}.html").render(kind=kind)
            return web.Response(text=page, content_type="text/html")

        app.router.add_get("/", split_screen)
        app.router.add_get("/phone/{kind}", phone)
        for provider in self._providers:
            app.add_subapp(f"/sandbox/{provider.name}", provider.control())
            app.add_subapp(f"/{provider.name}", provider.provider())
        return app
