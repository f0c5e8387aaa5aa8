import os
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Page, async_playwright

# python-telegram-bot's own switch to its coming meaning of durations; without it each one warns.
os.environ.setdefault("PTB_TIMEDELTA", "true")

CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@dataclass
class Inbox:
    """A webhook that writes down what comes and answers with the next of `statuses`, or 200."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        self.bodies.append(await request.read())
        self.secrets.append(request.headers.get("X-Telegram-Bot-Api-Secret-Token", ""))
        return web.Response(status=self.statuses.pop(0) if self.statuses else 200)


@pytest.fixture
async def inbox() -> AsyncIterator[Inbox]:
    listening = Inbox()
    app = web.Application()
    app.router.add_post("/webhooks/telegram/c1", listening.take)
    async with TestServer(app) as server:
        listening.url = str(server.make_url("/webhooks/telegram/c1"))
        yield listening


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    """A phone's screen; a test fails by what its page complains about."""
    found = next(filter(None, map(shutil.which, CHROMIUM)), None)
    assert found, "no browser: `make setup` installs Debian's chromium"
    async with async_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = await playwright.chromium.launch(executable_path=found, args=arguments)
        opened = await browser.new_page(viewport={"width": 390, "height": 844})
        complaints: list[str] = []
        opened.on("pageerror", lambda error: complaints.append(str(error)))
        yield opened
        await browser.close()
        assert complaints == []
