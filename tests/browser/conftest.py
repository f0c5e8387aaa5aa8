"""A browser at the inbox of a real server: pages that are signed in, and a picture of what went wrong."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from tests.flow import OWNER, PASSWORD, Shop

CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PICTURES = Path(__file__).parents[2] / "build" / "browser"
WIDE = (1440, 900)
PHONE = (390, 844)

LOOKS = pytest.mark.parametrize(
    ("size", "theme"), [pytest.param(WIDE, "light", id="wide-light"), pytest.param(PHONE, "dark", id="phone-dark")]
)
"""Each width and each theme once: what is laid out goes by the one, what contrasts by the other."""

FAILED = pytest.StashKey[bool]()

OpenPage = Callable[..., Awaitable[Page]]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, None]:
    """Let fixtures know whether the test itself failed."""
    outcome = yield
    report = outcome.get_result()
    if report.when == "call":
        item.stash[FAILED] = report.failed


@pytest.fixture(scope="session")
def chromium() -> Iterator[str]:
    """Where Debian's chromium listens. One serves a whole test process: starting it takes longer than many a test."""
    found = next(filter(None, map(shutil.which, CHROMIUM)), None)
    assert found, "no browser: `make test` installs Debian's chromium as root; otherwise: apt-get install chromium"
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with tempfile.NamedTemporaryFile("w", prefix="skrynka-test-", suffix=".json") as config:
        json.dump({"host": "127.0.0.1", "executablePath": found, "args": arguments}, config)
        config.flush()
        server = subprocess.Popen(
            [sys.executable, "-m", "playwright", "launch-server", "--browser", "chromium", "--config", config.name],
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ending the command leaves its children: the group is ended.
        )
        assert server.stdout
        address = server.stdout.readline().strip()
    yield address
    os.killpg(server.pid, signal.SIGTERM)
    server.communicate()


@pytest.fixture
async def browser(chromium: str) -> AsyncIterator[Browser]:
    """Chromium, with no windows but the test's own."""
    async with async_playwright() as playwright:
        connected = await playwright.chromium.connect(chromium)
        yield connected
        await connected.close()


@pytest.fixture
async def open_page(browser: Browser, shop: Shop, request: pytest.FixtureRequest) -> AsyncIterator[OpenPage]:
    """Open `path` of the inbox, signed in as the owner unless `email` says otherwise (None: nobody).

    A test fails by what its pages complain about: exceptions, refused content, anything fetched from elsewhere.
    """
    opened: list[tuple[BrowserContext, Page]] = []
    complaints: list[str] = []

    async def open_(
        path: str = "/inbox", *, email: str | None = OWNER, size: tuple[int, int] = WIDE, theme: str = "light"
    ) -> Page:
        context = await browser.new_context(
            base_url=shop.url,
            viewport={"width": size[0], "height": size[1]},
            has_touch=size == PHONE,
            is_mobile=size == PHONE,
            timezone_id="Europe/Kyiv",
            reduced_motion="reduce",  # What fades in is judged once it is there.
        )
        await context.add_cookies([{"name": "skrynka_theme", "value": theme, "url": shop.url}])
        if email is not None:
            answer = await context.request.post("/api/v1/sessions", data={"email": email, "password": PASSWORD})
            assert answer.status == 201, await answer.text()
        page = await context.new_page()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.append(message.text) if _is_refusal(message.text) else None)
        page.on(
            "request", lambda sent: complaints.append(f"fetched {sent.url}") if not _is_ours(sent.url, shop) else None
        )
        opened.append((context, page))
        await page.goto(path)
        return page

    yield open_
    if request.node.stash.get(FAILED, False):
        PICTURES.mkdir(parents=True, exist_ok=True)
        name = re.sub(r"[^\w-]+", "_", request.node.name)
        for number, (_, page) in enumerate(opened):
            await page.screenshot(path=PICTURES / f"{name}-{number}.png")
    for context, _ in opened:
        await context.close()
    assert complaints == []


def _is_refusal(text: str) -> bool:
    return any(
        sign in text for sign in ("Content Security Policy", "htmx:targetError", "htmx:swapError", "htmx:syntax")
    )


def _is_ours(url: str, shop: Shop) -> bool:
    return url.startswith((shop.url, shop.url.replace("http", "ws"), "data:", "blob:"))
