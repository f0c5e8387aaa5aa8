"""Settings as an admin meets them."""

import asyncio

from playwright.async_api import expect

from tests.flow import PASSWORD


async def test_what_is_wrong_is_said_beside_its_field(open_page):
    page = await open_page("/settings/channels")
    await page.locator("#new-telegram > summary").click()
    form = page.locator("#new-telegram form")
    await form.get_by_label("Name").fill("Bot")
    await form.get_by_label("Token", exact=True).fill("nonsense")
    await form.get_by_role("button", name="Connect").click()
    await expect(form.get_by_label("Token", exact=True)).to_have_attribute("aria-invalid", "true")
    await expect(form.locator(".error")).to_contain_text("bot token")


async def test_connecting_and_disconnecting_a_channel(shop, open_page):
    bot = shop.sandbox.telegram.create_bot("second_bot")
    page = await open_page("/settings/channels")
    await page.locator("#new-telegram > summary").click()
    form = page.locator("#new-telegram form")
    await form.get_by_label("Name").fill("Другий бот")
    await form.get_by_label("Token", exact=True).fill(bot.token)
    await form.get_by_text("More settings").click()
    await form.get_by_label("Address of the Bot API").fill(shop.sandbox.api_base("telegram"))
    await form.get_by_role("button", name="Connect").click()
    await expect(page.get_by_role("dialog")).to_contain_text("shown only this once")
    await page.get_by_role("button", name="Done").click()
    entry = page.locator("[id^=channel-]", has_text="Другий бот")
    await expect(entry).to_contain_text("Connected")
    await expect(entry).to_have_attribute("open", "")
    await entry.get_by_role("button", name="Pause").click()
    await expect(entry).to_contain_text("Paused by hand")
    await entry.get_by_role("button", name="Resume").click()
    await expect(entry.locator("summary").first).to_contain_text("Connected")
    await entry.get_by_role("button", name="Disconnect…").click()
    await page.get_by_role("dialog").get_by_role("button", name="Disconnect").click()
    await expect(entry).to_have_count(0)


async def test_news_that_come_while_the_screen_is_fetched_anew_are_shown(shop, open_page):
    page = await open_page("/settings/channels")
    entry = page.locator(f"#channel-{shop.channel_id}")
    await entry.locator("summary").first.click()
    fetched, told = asyncio.Event(), asyncio.Event()

    async def answer(route):
        late = await route.fetch()
        fetched.set()
        await told.wait()
        await route.fulfill(response=late)

    await page.route("**/settings/channels", answer)
    await entry.get_by_label("Name").fill("Перша крамниця")
    await entry.get_by_role("button", name="Save").click()
    await fetched.wait()
    await shop.owner.call("PATCH", f"/channels/{shop.channel_id}", {"paused": True})
    told.set()
    await expect(entry.locator("summary").first).to_contain_text("Перша крамниця")
    await expect(entry.locator("summary").first).to_contain_text("Paused by hand")


async def test_people_rules_and_the_shop(open_page):
    page = await open_page("/settings/people")
    await page.get_by_text("Add a manager").click()
    await page.locator("#new-name").fill("Ігор")
    await page.locator("#new-email").fill("ihor@shop.example")
    await page.locator("#new-password").fill(PASSWORD)
    await page.get_by_role("button", name="Add", exact=True).click()
    await expect(page.locator(".entries")).to_contain_text("Ігор")

    await page.goto("/settings/rules")
    switch = page.locator(".rule-row", has_text="When a conversation opens").first.get_by_role("switch")
    async with page.expect_response("**/api/v1/rules/*"):
        await switch.click()
    await page.reload()
    await expect(switch).to_have_attribute("aria-checked", "true")

    await page.goto("/settings/general")
    await page.locator("#shop-name").fill("Скринька")
    await page.get_by_role("button", name="Save", exact=True).first.click()
    await expect(page.locator("#toasts")).to_contain_text("Saved")
    await expect(page.locator("#shop-name")).to_have_value("Скринька")

    await page.goto("/settings/audit")
    await expect(page.locator(".table")).to_contain_text("settings.change")


async def test_ones_own_profile(open_page):
    page = await open_page("/profile")
    await page.get_by_label("Name").fill("Оксана")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator("#me summary")).to_have_attribute("title", "Оксана")
    await page.get_by_label("Present password").fill("not it at all")
    await page.get_by_label("New password").fill("another good one")
    await page.get_by_role("button", name="Change the password").click()
    await expect(page.locator(".error")).to_contain_text("password")
    await page.locator("main").get_by_role("button", name="Dark").click()
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    await page.reload()
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")


async def test_what_is_typed_while_another_form_is_saved_stays(open_page):
    page = await open_page("/profile")

    async def slowly(route):
        await asyncio.sleep(0.5)
        await route.continue_()

    await page.route("**/profile", slowly)
    await page.get_by_label("Name").fill("Оксана")
    async with page.expect_response("**/profile"):
        await page.get_by_role("button", name="Save").click()
        await page.get_by_label("Present password").fill("correct horse battery")
    await expect(page.locator("#me summary")).to_have_attribute("title", "Оксана")
    await expect(page.get_by_label("Name")).to_have_value("Оксана")
    await expect(page.get_by_label("Present password")).to_have_value("correct horse battery")
    await expect(page.get_by_label("Present password")).to_be_focused()


async def test_who_sets_nothing_up_sees_what_is_theirs(shop, open_page):
    await shop.manager("Ihor")
    page = await open_page("/settings/macros", email="ihor@shop.example")
    await expect(page.locator(".places a")).to_have_text(["Macros", "Profile"])
    await page.goto("/settings/channels")
    await expect(page.get_by_role("heading", name="Not for you")).to_be_visible()
