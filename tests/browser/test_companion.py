"""The companion as an admin connects it and a manager links their phone to it."""

from playwright.async_api import expect

from tests.browser.test_accessibility import violations
from tests.flow import until


async def test_a_bot_is_connected_and_a_phone_is_linked_and_unlinked(shop, open_page):
    telegram = shop.sandbox.telegram
    bot = telegram.create_bot("team_bot")
    page = await open_page("/settings/companion")
    assert await violations(page) == []
    await page.get_by_label("Token").fill("no token")
    await page.get_by_role("button", name="Connect").click()
    await expect(page.locator(".error")).to_contain_text("not a bot token")
    await page.get_by_label("Token").fill(bot.token)
    await page.get_by_text("More settings").click()
    await page.get_by_label("Address of the Bot API").fill(shop.sandbox.api_base("telegram"))
    await page.get_by_role("button", name="Connect").click()
    await expect(page.locator(".place")).to_contain_text("@team_bot is connected. 0 managers")
    assert await violations(page) == []
    await page.get_by_label("What it says of a customer by itself").select_option("none")
    await page.get_by_role("button", name="Save").click()

    async def nothing_is_told():
        return (await shop.owner.get("/staff-bot"))["shows"] == "none"

    await until(nothing_is_told)

    await page.get_by_role("link", name="To yours").click()
    await page.wait_for_url("**/profile*")  # And until its code is there.
    await page.get_by_role("button", name="Link Telegram").click()
    link = page.locator("#companion code")
    await expect(link).to_contain_text("https://t.me/team_bot?start=")
    assert await violations(page) == []
    phone = bot.chat(telegram.create_customer("Olena on the phone", language="en"))
    phone.start((await link.inner_text()).partition("?start=")[2])
    await expect(page.locator("#companion")).to_contain_text("Olena on the phone on Telegram is linked to you")
    await page.get_by_role("button", name="Unlink").click()
    await page.locator("dialog").get_by_role("button", name="Unlink").click()
    await expect(page.get_by_role("button", name="Link Telegram")).to_be_visible()
    assert not (await shop.owner.get("/me/staff-link"))["linked"]
