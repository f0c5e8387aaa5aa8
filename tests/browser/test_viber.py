"""One conversation over Viber from both ends: the phone page in one window, the manager's page in the other."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Page, expect

from channels.props import sample_photo
from channels.viber.sandbox import Chat


@pytest.fixture
async def olena(shop) -> Chat:
    """Olena's chat with a bot that is connected; the owner is there to answer."""
    bot = shop.sandbox.viber.create_bot("Скринька")
    settings = {"token": bot.token, "sender_name": "Скринька", "api_base": shop.sandbox.api_base("viber")}
    created = await shop.owner.call(
        "POST", "/channels", {"kind": "viber", "name": "Shop on Viber", "settings": settings}
    )
    assert created.status == 201, created
    await shop.owner.call("PUT", "/me/status", {"status": "online"})
    chat: Chat = bot.chat(shop.sandbox.viber.create_customer("Олена Мельник", language="uk"))
    return chat


@pytest.fixture
async def phone(browser, shop, olena) -> AsyncIterator[Page]:
    context = await browser.new_context(viewport={"width": 390, "height": 844})
    page = await context.new_page()
    await page.goto(f"{shop.sandbox.url}/phone/viber")
    yield page
    await context.close()


async def test_text_and_files_go_both_ways_and_marks_show_what_became_of_them(shop, open_page, phone, olena, tmp_path):
    manager = await open_page()
    await phone.get_by_label("Message as customer").fill("Є дубова скринька?")
    await phone.get_by_role("button", name="Send").click()
    await manager.locator(".row", has_text="Олена Мельник").click()
    await expect(manager.locator("#messages .in .text")).to_have_text("Є дубова скринька?")
    (tmp_path / "полиця.png").write_bytes(sample_photo(1, 64, 48))
    await phone.locator("#pickphoto").set_input_files(tmp_path / "полиця.png")
    await expect(manager.locator("#messages .photo img")).to_have_js_property("naturalWidth", 64)

    # What is on a phone that nobody looks at is delivered; once somebody does, it is read.
    await phone.goto("about:blank")
    await manager.locator("#text").fill("Так, лишилась одна")
    await manager.locator("#text").press("Control+Enter")
    await olena.until(lambda chat: chat.texts() == ["Так, лишилась одна"])
    state = manager.locator("#messages .out .state").first
    await expect(state).to_contain_text("Delivered")
    await phone.goto(f"{shop.sandbox.url}/phone/viber")
    await expect(phone.get_by_role("log")).to_contain_text("Так, лишилась одна")
    await expect(state).to_contain_text("Read")

    (tmp_path / "розміри.pdf").write_bytes(b"%PDF-1.7 sizes")
    await manager.locator("#files").set_input_files(tmp_path / "розміри.pdf")
    await expect(manager.locator("#send")).to_be_enabled()
    await manager.locator("#text").fill("Ось розміри")
    await manager.locator("#text").press("Control+Enter")
    await expect(phone.get_by_role("link", name="розміри.pdf")).to_be_visible()
    await expect(phone.get_by_role("log")).to_contain_text("Ось розміри")
    await expect(manager.locator("#messages .out .file")).to_contain_text("розміри.pdf")


async def test_what_the_phone_could_not_show_says_so(open_page, phone, olena):
    olena.text("Добрий день")
    olena.switch(on=False)
    manager = await open_page()
    await manager.locator(".row", has_text="Добрий день").click()
    await manager.locator("#text").fill("Передамо сьогодні")
    await manager.locator("#text").press("Control+Enter")
    await expect(phone.get_by_role("log")).to_contain_text("Передамо сьогодні")
    theirs = phone.locator(".m:not(.own)")
    await theirs.hover()
    await theirs.get_by_role("button", name="Message menu").click()
    await phone.get_by_role("menuitem", name="Tell that it cannot be shown").click()
    await expect(manager.locator(".trouble:visible")).to_contain_text("Not sent")
    await expect(manager.locator(".trouble:visible")).to_contain_text("Media not found")
