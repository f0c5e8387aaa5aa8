"""The product as a newcomer meets it: `skrynka demo` as a program, a phone on one side, a manager on the other."""

import asyncio
import contextlib
import os
import re
import shutil
import signal
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from channels.telegram.sandbox import sample_photo

START_SECONDS = 90
STOP_SECONDS = 40
PATIENCE_MS = 20_000

expect.set_options(timeout=PATIENCE_MS)


@dataclass
class Demo:
    """A running demo, by what it told its terminal."""

    process: Process
    said: str
    folder: Path

    @property
    def inbox(self) -> str:
        return self._address("the inbox")

    @property
    def split_screen(self) -> str:
        return self._address("a customer's phone beside the inbox")

    @property
    def phone(self) -> str:
        return f"{self.split_screen}/phone/telegram"

    def _address(self, told: str) -> str:
        found = re.search(rf"(http://127\.0\.0\.1:\d+)  {told}", self.said)
        assert found, self.said
        return found[1]

    def its_processes(self) -> list[str]:
        """Everything that works below the demo's folder: its databases, above all."""
        found = []
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                command = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
                if str(self.folder) in command:
                    found.append(command)
        return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def demo() -> AsyncIterator[Demo]:
    """Start it once, and hold it to leaving without a word of complaint and without a trace."""
    folder = Path(tempfile.mkdtemp(prefix="skrynka-test-"))
    # A user's own databases must not even be looked for: nobody answers there.
    own = {
        "SKRYNKA_MONGODB_URL": "mongodb://127.0.0.1:9/?replicaSet=own",
        "SKRYNKA_REDIS_URL": "redis://127.0.0.1:9/0",
        "SKRYNKA_SECRET_KEY": "the key of a real database",
        "SKRYNKA_DATA_DIR": str(folder / "own"),
        "TMPDIR": str(folder),
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "web", "demo", "--port", "0"), stdout=PIPE, stderr=PIPE, env=os.environ | own
    )
    try:
        demo = Demo(process, await _invitation(process), folder)
        yield demo
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(STOP_SECONDS):
            _, complaints = await process.communicate()
        assert (process.returncode, complaints.decode()) == (0, "")
        assert demo.its_processes() == []
        assert list(folder.iterdir()) == []
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        shutil.rmtree(folder)


async def _invitation(process: Process) -> str:
    assert process.stdout
    said = ""
    async with asyncio.timeout(START_SECONDS):
        while "Ctrl-C" not in said:
            line = await process.stdout.readline()
            assert line, f"the demo ended: {said}"
            said += line.decode()
    return said


@pytest.fixture
async def manager(browser, demo) -> AsyncIterator[Page]:
    """Oksana's browser, signed in with a click, at the list."""
    page = await _window(browser, 1440)
    await page.goto(demo.inbox)
    await page.get_by_role("button", name="Оксана Коваль").click()
    await page.wait_for_url("**/inbox")
    yield page
    await page.context.close()


@pytest.fixture
async def phone(browser, demo) -> AsyncIterator[Page]:
    """A customer's phone."""
    page = await _window(browser, 390)
    await page.goto(demo.phone)
    yield page
    await page.context.close()


async def _window(browser: Browser, width: int) -> Page:
    context = await browser.new_context(viewport={"width": width, "height": 900}, timezone_id="Europe/Kyiv")
    page = await context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    return page


async def write(phone, text):
    await phone.get_by_label("Message as customer").fill(text)
    await phone.get_by_label("Message as customer").press("Enter")


async def answer(manager, text):
    await manager.locator("#text").fill(text)
    await manager.locator("#text").press("Control+Enter")


async def test_a_customer_writes_on_the_phone_and_the_manager_answers_in_an_open_page(demo, manager, phone, tmp_path):
    await manager.evaluate("window.reloaded = 'no'")
    await phone.get_by_role("button", name="New customer").click()
    await phone.get_by_label("Name", exact=True).fill("Зоряна Вітер")
    await phone.get_by_role("button", name="Create").click()
    await expect(phone.get_by_label("You are")).to_contain_text("Зоряна Вітер")
    await write(phone, "Чи встигнете до суботи? <b>Дубова</b>")

    # It comes to the manager who has room, greeted by the bot, without a reload.
    row = manager.locator(".row", has_text="Зоряна Вітер")
    await expect(row.locator(".badge")).to_have_text("1")
    await expect(phone.get_by_role("log")).to_contain_text("Дякуємо за повідомлення")
    await row.click()
    await expect(manager.locator("#messages .in .text")).to_have_text("Чи встигнете до суботи? <b>Дубова</b>")
    await expect(manager.locator("#bar .sub")).to_contain_text("Yours")
    await answer(manager, "Так, відправимо сьогодні")
    await expect(phone.get_by_role("log")).to_contain_text("Так, відправимо сьогодні")

    # The customer corrects what they wrote, and sends a photo.
    await phone.locator(".m.own").first.hover()
    await phone.locator(".m.own").first.get_by_role("button", name="Message menu").click()
    await phone.get_by_role("menuitem", name="Edit").click()
    await write(phone, "Чи встигнете до п'ятниці?")
    await expect(manager.locator("#messages .in .text").first).to_have_text("Чи встигнете до п'ятниці?")
    (tmp_path / "кришка.png").write_bytes(sample_photo(1, 64, 48))
    await phone.locator("#pickphoto").set_input_files(tmp_path / "кришка.png")
    await expect(manager.locator("#messages .photo img")).to_have_js_property("naturalWidth", 64)

    # A macro by "/", in the shop's language and with the customer's name.
    await manager.locator("#text").press_sequentially("/віт")
    await expect(manager.locator("#macro-list [aria-selected=true]")).to_contain_text("Вітання від менеджера")
    await manager.keyboard.press("Enter")
    await expect(manager.locator("#text")).to_have_value(re.compile("Вітаю, Зоряна! Це Оксана"))
    await manager.locator("#text").press("Control+Enter")
    await expect(phone.get_by_role("log")).to_contain_text("Вітаю, Зоряна! Це Оксана")

    # The manager corrects an answer.
    ours = manager.locator("#messages .out .m", has_text="Так, відправимо сьогодні")
    await ours.hover()
    await ours.get_by_label("What to do with this message").click()
    await ours.get_by_role("button", name="Edit").click()
    await answer(manager, "Так, відправимо вже зараз")
    await expect(phone.get_by_role("log")).to_contain_text("Так, відправимо вже зараз")
    await expect(phone.get_by_role("log")).not_to_contain_text("Так, відправимо сьогодні")

    # A note stays in the house: what is written after it arrives, it does not.
    await manager.get_by_role("button", name="Note", exact=True).click()
    await answer(manager, "Додати листівку")
    await expect(manager.locator("#messages .note")).to_contain_text("Додати листівку")
    await manager.get_by_role("button", name="Reply", exact=True).click()
    await answer(manager, "Гарного дня!")
    await expect(phone.get_by_role("log")).to_contain_text("Гарного дня!")
    await expect(phone.get_by_role("log")).not_to_contain_text("Додати листівку")

    await manager.get_by_role("button", name="Close").first.click()
    await expect(manager.locator("#bar h1")).to_contain_text("Closed")
    await expect(row).to_have_count(0)
    assert await manager.evaluate("window.reloaded") == "no"


async def test_both_sides_stand_on_one_screen(demo, browser):
    page = await _window(browser, 1440)
    await page.goto(demo.inbox)
    await page.get_by_role("link", name="Open the phone beside the inbox").click()
    await page.wait_for_url(f"{demo.split_screen}/")
    phone, inbox = page.frame_locator("section.phone iframe"), page.frame_locator("section.inbox iframe")
    await expect(inbox.get_by_role("link", name="Open the phone beside the inbox")).to_have_count(0)
    await inbox.get_by_role("button", name="Оксана Коваль").click()

    # The phone is Olena's, and shows what the inbox does; with its last word in sight.
    row = inbox.locator(".row", has_text="Олена Мельник")
    await row.click()
    for side in (inbox.locator("#messages"), phone.get_by_role("log")):
        await expect(side.get_by_text("А встигнете відправити сьогодні? Подарунок на суботу 🙏")).to_be_in_viewport()
    await phone.get_by_label("Message as customer").fill("І стрічку зелену")
    await phone.get_by_label("Message as customer").press("Enter")
    await expect(inbox.locator("#messages .in .text").last).to_have_text("І стрічку зелену")
    await inbox.locator("#text").fill("Зав'яжемо!")
    await inbox.locator("#text").press("Control+Enter")
    await expect(phone.get_by_role("log").get_by_text("Зав'яжемо!")).to_be_in_viewport()
    await page.context.close()
