"""Two cards of one person, as a manager sees them: suggested, merged under their eyes, made two again, split off."""

import time

import pytest
from playwright.async_api import expect

from tests.browser.conftest import PHONE as NARROW
from tests.browser.conftest import WIDE
from tests.browser.test_accessibility import violations

PHONE = "+380671234567"


async def writes(shop, bot, name, text, second):
    chat = bot.chat(shop.sandbox.telegram.create_customer(name))
    chat.clock = lambda: second
    chat.text(text)
    await bot.drained()
    await shop.settled()
    return chat


async def second_account(shop):
    bot = shop.sandbox.telegram.create_bot()
    settings = {"token": bot.token, "api_base": shop.sandbox.api_base("telegram")}
    await shop.owner.call("POST", "/channels", {"kind": "telegram", "name": "Second bot", "settings": settings})
    return bot


async def test_a_merge_is_suggested_accepted_and_undone_while_pages_are_open(shop, open_page):
    second_bot = await second_account(shop)
    began = time.time() - 120
    await writes(shop, shop.bot, "Олена Коваль", "Доброго дня, чи є рожева сукня?", began)
    await writes(shop, second_bot, "Olena Koval", f"Це знову я, мій номер {PHONE}", began + 30)
    rows = {row["last_message"]["text"]: row for row in await shop.conversations()}
    first = rows["Доброго дня, чи є рожева сукня?"]
    other = next(row for row in rows.values() if row["id"] != first["id"])
    await shop.owner.call("PATCH", f"/customers/{first['customer_id']}", {"phones": [PHONE]})

    watching = await open_page(f"/inbox/{other['id']}?tab=all")
    await expect(watching.locator("#bar h1")).to_contain_text("Olena Koval")
    await watching.locator("#text").fill("Зараз подивлюся")
    page = await open_page(f"/inbox/{first['id']}?tab=all")
    suggestion = page.get_by_role("article", name="Suggestion: Olena Koval")
    await expect(suggestion).to_contain_text("was typed in a chat of Olena Koval")
    await expect(suggestion).to_contain_text("nobody has proven that")
    await suggestion.get_by_role("button", name="Same person").click()

    await expect(page.locator("#messages")).to_contain_text("мій номер")
    await expect(page.locator(".same-person .merged")).to_contain_text("Olena Koval")
    await expect(page.locator(".row")).to_have_count(1)
    # The page that showed the other conversation follows, and keeps what was begun there.
    await watching.wait_for_url(f"**/inbox/{first['id']}**")
    await expect(watching.locator("#messages")).to_contain_text("рожева сукня")
    await expect(watching.locator("#text")).to_have_value("Зараз подивлюся")

    await page.locator(".merged").get_by_role("button", name="Undo").click()
    await page.get_by_role("button", name="Make two cards").click()
    await expect(page.locator(".row")).to_have_count(2)
    await expect(page.locator("#messages")).not_to_contain_text("мій номер")
    await expect(page.get_by_role("article", name="Suggestion: Olena Koval")).to_have_count(0)


async def test_an_identity_is_split_off_by_its_menu_and_a_code_is_asked_for(shop, open_page):
    second_bot = await second_account(shop)
    began = time.time() - 120
    await writes(shop, shop.bot, "Ann", "One", began)
    await writes(shop, second_bot, "Anna", "Two", began + 30)
    first, other = sorted(await shop.conversations(), key=lambda row: row["last_message"]["text"])
    await shop.owner.call("POST", f"/customers/{first['customer_id']}/merge", {"other_id": other["customer_id"]})
    page = await open_page(f"/inbox/{first['id']}?tab=all")
    await expect(page.locator("#messages")).to_contain_text("Two")
    menus = page.locator(".identity-menu")
    await expect(menus).to_have_count(2)
    await menus.nth(1).locator("summary").click()
    await menus.nth(1).get_by_label("Phone or e-mail").fill(PHONE)
    await menus.nth(1).get_by_role("button", name="Send a code").click()
    await expect(page.locator(".toast")).to_contain_text("If we know this contact")
    if await menus.nth(1).get_attribute("open") is None:
        await menus.nth(1).locator("summary").click()
    await menus.nth(1).get_by_role("button", name="Split off").click()
    await page.locator("dialog").get_by_role("button", name="Split off").click()
    await expect(page.locator(".row")).to_have_count(2)
    await expect(page.locator(".identity-menu")).to_have_count(1)


@pytest.mark.parametrize(("size", "theme"), [(WIDE, "dark"), (NARROW, "light")], ids=["wide-dark", "phone-light"])
async def test_everybody_can_use_what_the_card_says_of_who_is_who(shop, open_page, size, theme):
    second_bot = await second_account(shop)
    began = time.time() - 120
    await writes(shop, shop.bot, "Олена Коваль", "Доброго дня", began)
    await writes(shop, second_bot, "Olena Koval", f"Мій номер {PHONE}", began + 30)
    await writes(shop, second_bot, "Борис", f"Телефонуйте {PHONE}", began + 60)
    [first, other, _] = sorted(await shop.conversations(), key=lambda row: row["created_at"])
    merged = {"other_id": other["customer_id"]}
    await shop.owner.call("POST", f"/customers/{first['customer_id']}/merge", merged)
    page = await open_page(f"/inbox/{first['id']}?tab=all", size=size, theme=theme)
    if size == NARROW:
        await page.evaluate("document.querySelector('.app').classList.add('show-card')")
    await expect(page.get_by_role("article", name="Suggestion: Борис")).to_be_visible()
    await expect(page.locator(".merged")).to_contain_text("Olena Koval")
    assert await violations(page, "#card") == []
    await page.locator(".identity-menu summary").first.click()
    await expect(page.get_by_role("button", name="Split off")).to_be_visible()
    assert await violations(page, "#card") == []
