"""Suggested macros in the browser: chips that come after the thread, are put into the text, and get out of the way."""

import pytest
from playwright.async_api import expect

from tests.browser.conftest import PHONE
from tests.browser.test_accessibility import violations
from tests.browser.test_desk import write
from tests.flow import until

TEXT = "Вітаю, {{ customer.first_name }}! Запакуємо як подарунок, зі стрічкою. " * 3
WRAPPING = {"name": "Пакування", "text": {"uk": TEXT}}
SIZES = {"name": "Розміри", "text": {"uk": "34×22×12"}, "actions": [{"type": "label", "add": ["товар"]}]}
FILLED = TEXT.replace("{{ customer.first_name }}", "Олена")
LEARNED = {
    "wrapping": ("Запакуєте як подарунок?", "Чи є подарункове пакування?", "Можна в подарунковій упаковці"),
    "sizes": ("Які розміри?", "Які розміри великої скриньки?"),
}


@pytest.fixture
async def taught(shop):
    """Two macros that were sent to who asked for such a thing, over the API."""
    ids = {}
    for key, macro in (("wrapping", WRAPPING), ("sizes", SIZES)):
        ids[key] = (await shop.owner.call("POST", "/macros", macro)).body["id"]
        for number, text in enumerate(LEARNED[key]):
            chat = shop.customer(name=f"{key} {number}")
            chat.text(text)
            await shop.settled()
            case = next(row for row in await shop.conversations() if row["last_message"]["text"] == text)
            sent = await shop.owner.call("POST", f"/conversations/{case['id']}/messages", {"macro_id": ids[key]})
            assert sent.status == 201, sent
            await shop.owner.call("PATCH", f"/conversations/{case['id']}", {"status": "closed"})
    cases = shop.house.database.durable.macro_cases

    async def learned():
        return await cases.count_documents({}) == sum(map(len, LEARNED.values()))

    await until(learned)
    return ids


@pytest.fixture
async def asking(shop, taught, open_page):
    """The page of somebody who waits for an answer."""
    [chat] = await write(shop, "Олена Мельник")
    chat.text("Добрий день, запакуєте на подарунок?")
    await shop.settled()
    case = next(row for row in await shop.conversations() if row["status"] == "open")
    page = await open_page(f"/inbox/{case['id']}")
    await expect(chips(page).first).to_contain_text("Пакування")
    return page, chat


def chips(page):
    return page.locator("#suggestions [data-macro]")


async def test_a_click_puts_it_into_the_text_to_be_changed_and_sent(asking):
    page, chat = asking
    await chips(page).first.click()
    await expect(page.locator("#text")).to_have_value(FILLED)
    await expect(page.locator("#text")).to_be_focused()
    await expect(page.locator("#suggestions")).to_be_hidden()
    await page.locator("#text").fill("Запакуємо!")
    await page.keyboard.press("Control+Enter")
    await chat.until(lambda seen: "Запакуємо!" in seen.texts())
    await expect(page.locator("#messages")).to_contain_text("Запакуємо!")
    await expect(page.locator("#suggestions")).to_be_hidden()
    # The next question is another one.
    chat.text("А які розміри?")
    await expect(chips(page).first).to_contain_text("Розміри")
    await page.keyboard.press("Alt+1")
    await expect(page.locator("#text")).to_have_value("34×22×12")
    await expect(page.locator("#carried .bit")).to_have_count(1)


async def test_it_gives_way_to_what_is_typed_and_to_notes(asking):
    page, _ = asking
    group = page.locator("#suggestions")
    await page.locator("#text").fill("В")
    await expect(group).to_be_hidden()
    await page.keyboard.press("Alt+1")
    await expect(page.locator("#text")).to_have_value("В")
    await page.locator("#text").fill("")
    await expect(group).to_be_visible()
    await page.get_by_role("button", name="Note", exact=True).click()
    await expect(group).to_be_hidden()
    await page.get_by_role("button", name="Reply", exact=True).click()
    await expect(group).to_be_visible()


async def test_it_is_dismissed_for_this_message_only(asking):
    page, chat = asking
    await page.get_by_role("button", name="No suggestions for this message").click()
    await expect(page.locator("#suggestions")).to_be_hidden()
    await expect(page.locator("#text")).to_be_focused()
    chat.text("То запакуєте як подарунок?")
    await expect(chips(page).first).to_contain_text("Пакування")


async def test_the_whole_text_is_told_and_nothing_is_in_anybodys_way(asking):
    page, _ = asking
    first = chips(page).first
    whole = page.get_by_role("tooltip")
    await expect(whole).to_have_count(0)
    await first.hover()
    await expect(whole).to_have_text(FILLED)
    await page.mouse.move(0, 0)
    await page.locator("#text").focus()
    await page.keyboard.press("Shift+Tab")
    for _ in range(20):
        if await first.evaluate("element => element === document.activeElement"):
            break
        await page.keyboard.press("Shift+Tab")
    await expect(whole).to_be_visible()
    await expect(first).to_have_attribute("aria-keyshortcuts", "Alt+1")
    assert await violations(page) == []


async def test_the_thread_does_not_wait_for_them(shop, asking):
    page, _ = asking

    async def hang(route):
        await page.wait_for_selector("#m-never", state="attached")

    case = page.url
    await page.route("**/suggestions", hang)
    await page.goto(case)
    await expect(page.locator("#messages")).to_contain_text("запакуєте на подарунок")
    await page.locator("#text").fill("Можна писати")
    await expect(page.locator("#suggestions")).to_be_hidden()
    await page.unroute_all(behavior="ignoreErrors")


async def test_on_a_phone_they_take_one_row(shop, asking, open_page):
    page, _ = asking
    phone = await open_page(page.url.removeprefix(shop.url), size=PHONE)
    await expect(chips(phone).first).to_be_visible()
    group = await phone.locator("#suggestions").bounding_box()
    assert group is not None
    assert group["height"] < 60
    assert await phone.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    await chips(phone).first.tap()
    await expect(phone.locator("#text")).not_to_have_value("")
