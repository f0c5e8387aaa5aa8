"""The desk as its manager uses it: the list, the keyboard, what a click changes, and a narrow screen."""

import asyncio

from playwright.async_api import expect

from tests.browser.conftest import PHONE
from tests.flow import OWNER, PASSWORD, until


async def write(shop, *names):
    """Customers who wrote one after the other; the last one stands first in the list."""
    await shop.owner.call("PUT", "/me/status", {"status": "online"})
    chats = []
    for name in names:
        chat = shop.customer(name)
        chat.text(f"Це {name}")
        await shop.settled()
        chats.append(chat)
    return chats


def row(page, name):
    return page.locator(".row", has_text=name)


def heading(page):
    return page.locator("#bar h1")


async def test_signing_in(shop, open_page):
    page = await open_page("/inbox?tab=all", email=None)
    await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    await page.get_by_label("E-mail").fill(OWNER)
    await page.get_by_label("Password", exact=True).fill("not it")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("alert")).to_have_text("The e-mail address or the password is wrong.")
    await page.get_by_label("Password", exact=True).fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url("**/inbox?tab=all")
    await expect(page.get_by_role("heading", name="No customer has written yet")).to_be_visible()
    await page.locator("#me summary").click()
    await page.get_by_role("button", name="Sign out").click()
    await page.wait_for_url("**/login")


async def test_hands_on_the_keyboard(shop, open_page):
    await write(shop, "Анна", "Борис")
    page = await open_page()
    await expect(page.locator(".row")).to_have_count(2)
    await page.keyboard.press("j")
    await expect(heading(page)).to_contain_text("Борис")
    await page.keyboard.press("Escape")
    await page.keyboard.press("j")
    await expect(heading(page)).to_contain_text("Анна")
    await page.keyboard.press("Escape")
    await page.keyboard.press("k")
    await expect(heading(page)).to_contain_text("Борис")

    await page.keyboard.press("Escape")
    await page.keyboard.press("n")
    await page.keyboard.type("Постійний клієнт")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator("#messages .note")).to_contain_text("Постійний клієнт")

    await page.keyboard.press("Escape")
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog", name="Hands on the keyboard")).to_be_visible()
    await page.keyboard.press("Escape")
    await page.keyboard.press("e")
    await expect(heading(page)).to_contain_text("Closed")
    await expect(row(page, "Борис")).to_have_count(0)
    await page.get_by_role("button", name="Undo").click()
    await expect(row(page, "Борис")).to_have_count(1)

    await page.keyboard.press("f")
    await page.keyboard.type("анна")
    await expect(page.locator(".row")).to_have_count(1)


async def test_j_goes_on_and_on(shop, open_page):
    await write(shop, "Анна", "Борис", "Віра", "Гліб")
    page = await open_page()
    await expect(page.locator(".row")).to_have_count(4)
    for name in ("Гліб", "Віра", "Борис"):
        await page.keyboard.press("j")
        await expect(heading(page)).to_contain_text(name)
    await page.keyboard.press("k")
    await page.keyboard.press("k")
    await expect(heading(page)).to_contain_text("Гліб")


async def test_macros_open_with_a_slash(shop, open_page):
    await shop.owner.call(
        "POST",
        "/macros",
        {"name": "Відправка", "shortcut": "ship", "text": {"uk": "Вітаю, {{ customer.first_name }}! Їде."}},
    )
    await shop.owner.call("POST", "/macros", {"name": "Розміри", "shortcut": "size", "text": {"uk": "34×22"}})
    await write(shop, "Олена Мельник")
    page = await open_page()
    await row(page, "Олена").click()
    await page.locator("#text").press_sequentially("/")
    options = page.locator("#macro-list").get_by_role("option")
    await expect(options).to_have_count(2)
    await page.locator("#text").press_sequentially("sh")
    await expect(options).to_have_count(1)
    await page.keyboard.press("Enter")
    await expect(page.locator("#text")).to_have_value("Вітаю, Олена! Їде.")


async def test_the_macros_shown_are_those_for_what_is_typed_however_slow_the_server(shop, open_page):
    for name, shortcut in (("Відправка", "ship"), ("Розміри", "size")):
        await shop.owner.call("POST", "/macros", {"name": name, "shortcut": shortcut, "text": {"uk": name}})
    await write(shop, "Олена Мельник")
    page = await open_page()
    asked = []

    async def slow_at_first(route):
        asked.append(route)
        answer = await route.fetch()
        await typed.wait()
        await route.fulfill(response=answer)

    typed = asyncio.Event()
    await page.route("**/api/v1/macros?*", slow_at_first)
    await row(page, "Олена").click()
    await page.locator("#text").press_sequentially("/si")
    typed.set()
    await expect(page.locator("#macro-list").get_by_role("option").first).to_contain_text("/size")
    assert len(asked) == 1


async def test_a_draft_waits_in_its_conversation(shop, open_page):
    await write(shop, "Анна", "Борис")
    page = await open_page()
    await row(page, "Анна").click()
    await page.locator("#text").fill("Майже готово")
    await row(page, "Борис").click()
    await expect(heading(page)).to_contain_text("Борис")
    await expect(page.locator("#text")).to_have_value("")
    await expect(row(page, "Анна")).to_contain_text("Draft: Майже готово")
    await page.go_back()
    await expect(heading(page)).to_contain_text("Анна")
    await expect(page.locator("#text")).to_have_value("Майже готово")


async def test_handing_over_snoozing_and_why_it_is_whose(shop, open_page):
    await shop.manager("Ihor")
    await write(shop, "Анна")
    page = await open_page()
    await row(page, "Анна").click()
    await expect(page.locator("#bar .sub")).to_contain_text("Yours: you had the most room")
    await page.keyboard.press("Escape")
    await page.keyboard.press("a")
    await page.locator("#assign").get_by_role("option", name="Ihor").click()
    await page.locator("#assign").get_by_role("button", name="Hand over").click()
    await expect(page.locator("#bar .sub")).to_contain_text("Held by Ihor")
    await expect(page.locator("#hints")).to_contain_text("Ihor holds this conversation")
    await page.get_by_role("button", name="Assign").click()
    await page.locator("#assign").get_by_role("option", name="Take it").click()
    await expect(page.locator("#bar .sub")).to_contain_text("Yours: you took it")

    await page.locator("#snooze-menu summary").click()
    await page.locator("#snooze-menu").get_by_text("Until tomorrow").click()
    await expect(heading(page)).to_contain_text("Until")
    await expect(row(page, "Анна")).to_contain_text("Snoozed until")

    await page.locator("#more-menu summary").click()
    await page.locator("#more-menu").get_by_role("button", name="Urgent").click()
    await expect(row(page, "Анна").get_by_text("Urgent")).to_be_attached()
    await page.get_by_label("Add a tag").fill("постійна")
    await page.get_by_label("Add a tag").press("Enter")
    await expect(page.locator("#card .tag")).to_contain_text("постійна")


async def test_status_says_how_many_one_holds(shop, open_page):
    await write(shop, "Анна", "Борис")
    page = await open_page()
    await expect(page.locator("#status summary")).to_have_text("Online · 2/10")
    await page.locator("#status summary").click()
    await page.locator("#status").get_by_text("Busy").click()
    await expect(page.locator("#status summary")).to_have_text("Busy · 2/10")


async def test_earlier_messages_come_as_one_scrolls_and_change_where_they_stand(shop, open_page):
    [chat] = await write(shop, "Анна")
    await page_of_talk(chat, shop)
    page = await open_page()
    await row(page, "Анна").click()
    await expect(page.locator("#messages .m")).to_have_count(50)
    await page.locator("#msgs").evaluate("frame => frame.scrollTo(0, -frame.scrollHeight)")
    await expect(page.locator("#msgs .m")).to_have_count(71)
    chat.text("Найновіше")
    await expect(page.locator("#jump")).to_be_visible()
    await page.locator("#jump").click()
    await expect(page.locator("#messages .m .text").last).to_have_text("Найновіше")
    await expect(page.locator("#msgs .m")).to_have_count(72)


async def page_of_talk(chat, shop):
    for number in range(70):
        chat.text(f"Слово {number}")
    await shop.settled()


async def test_one_pane_at_a_time_on_a_phone(shop, open_page):
    await write(shop, "Анна")
    page = await open_page(size=PHONE)
    await expect(page.locator("#bar")).to_have_count(0)
    await row(page, "Анна").tap()
    await expect(heading(page)).to_contain_text("Анна")
    await expect(page.locator(".row")).to_be_hidden()
    assert await page.evaluate("document.documentElement.scrollWidth") == PHONE[0]
    await page.get_by_label("More", exact=True).tap()
    await page.get_by_role("button", name="Customer card").tap()
    await expect(page.get_by_role("complementary", name="Customer")).to_be_visible()
    await page.get_by_label("Close the card").tap()
    await page.locator("#text").fill("З телефону")
    await page.get_by_role("button", name="Send").tap()
    await expect(page.locator("#messages .out")).to_contain_text("З телефону")
    await page.get_by_label("Back to the list").tap()
    await expect(row(page, "Анна")).to_be_visible()


async def test_a_conversation_that_is_not_there(open_page):
    page = await open_page("/inbox/nothing")
    await expect(page.get_by_role("heading", name="This conversation is not here")).to_be_visible()


async def test_the_list_survives_a_reload_as_it_was(shop, open_page):
    await write(shop, "Анна", "Борис")
    await until(lambda: shop.conversations(q="анна"))
    page = await open_page()
    await page.get_by_role("link", name="All").click()
    await page.locator("#find").fill("анна")
    await expect(page.locator(".row")).to_have_count(1)
    await page.wait_for_url("**/inbox?tab=all&q=*")
    await row(page, "Анна").click()
    await expect(heading(page)).to_contain_text("Анна")
    await page.reload()
    await expect(page.locator(".tabs [aria-current]")).to_contain_text("All")


async def test_a_word_typed_right_after_a_tab_was_clicked_asks_within_that_tab(shop, open_page):
    await write(shop, "Анна", "Борис")
    for conversation in await shop.conversations():
        await shop.owner.call("PATCH", f"/conversations/{conversation['id']}", {"status": "closed"})
    await until(lambda: shop.conversations(q="анна", status="closed"))
    page = await open_page()

    async def slowly(route):
        await asyncio.sleep(0.5)
        await route.continue_()

    await page.route("**/fragments/list?*", slowly)
    await page.get_by_role("link", name="Closed").click()
    await page.locator("#find").fill("анна")
    await expect(page.locator(".row")).to_have_count(1)
    await expect(row(page, "Анна")).to_be_visible()
    await expect(page.locator(".tabs [aria-current]")).to_contain_text("Closed")


async def test_what_goes_to_a_team_of_others_is_not_shown_any_longer(shop, open_page):
    team = await shop.owner.call("POST", "/teams", {"name": "Гурт"})
    await shop.manager("Ihor")
    await write(shop, "Анна")
    [conversation] = await shop.conversations()
    page = await open_page(f"/inbox/{conversation['id']}?tab=all", email="ihor@shop.example")
    await expect(heading(page)).to_contain_text("Анна")
    await shop.owner.call("PATCH", f"/conversations/{conversation['id']}", {"team_id": team.body["id"]})
    await expect(page.get_by_role("heading", name="This conversation is not here")).to_be_visible()
    await expect(row(page, "Анна")).to_have_count(0)
