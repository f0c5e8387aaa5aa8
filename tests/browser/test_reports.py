"""The wallboard and the reports in a browser: what changes shows by itself, plots are drawn and can be read."""

from playwright.async_api import expect

from tests.browser.conftest import LOOKS
from tests.browser.test_accessibility import violations


async def figure(page, title):
    return page.locator(".figure", has_text=title).locator("b")


async def test_the_wallboard_follows_without_a_reload(shop, open_page):
    page = await open_page("/wallboard")
    await page.evaluate("window.kept = true")
    await expect(await figure(page, "In the queue")).to_have_text("0")
    shop.customer("Олена Мельник").text("Добрий день!")
    await expect(await figure(page, "In the queue")).to_have_text("1")
    await expect(page.locator(".waiter")).to_contain_text("Олена Мельник")
    await expect(page.get_by_text("of 1 cases")).to_be_visible()

    await shop.owner.call("PUT", "/me/status", {"status": "online"})
    await expect(await figure(page, "In the queue")).to_have_text("0")
    await expect(page.locator(".people li.online .load b")).to_have_text("1")
    [conversation] = await shop.conversations()
    await shop.owner.call("POST", f"/conversations/{conversation['id']}/messages", {"text": "Вітаємо!"})
    await expect(await figure(page, "Answered today")).to_have_text("1")
    await shop.owner.call("PATCH", f"/conversations/{conversation['id']}", {"status": "closed"})
    await expect(await figure(page, "Closed today")).to_have_text("1")
    assert await page.evaluate("window.kept")


async def test_who_waits_longest_is_one_press_away(shop, open_page):
    shop.customer().text("Hello")
    await shop.settled()
    page = await open_page("/wallboard")
    await page.locator(".waiter").click()
    await expect(page.locator(".thread")).to_contain_text("Hello")


@LOOKS
async def test_reports_are_drawn_and_told(shop, open_page, size, theme):
    await shop.owner.call("PUT", "/me/status", {"status": "online"})
    shop.customer().text("Hello")
    await shop.settled()
    [conversation] = await shop.conversations()
    await shop.owner.call("POST", f"/conversations/{conversation['id']}/messages", {"text": "Hi"})
    await shop.owner.call("PATCH", f"/conversations/{conversation['id']}", {"status": "closed"})
    page = await open_page("/wallboard", size=size, theme=theme)
    await expect(await figure(page, "Closed today")).to_have_text("1")
    found = {"wallboard": await violations(page)}
    await page.goto("/reports?per=manager")
    await expect(page.locator(".plot canvas")).to_have_count(3)
    await expect(page.locator("section[aria-labelledby='load'] .wide tbody th")).to_have_text("Owner")
    found["reports"] = await violations(page)
    assert not any(found.values()), found
    wide = await page.evaluate("document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth")
    assert wide == 0
    await page.locator("#report-per").select_option("day")
    await page.get_by_role("button", name="Show").click()
    await expect(page.locator(".plot canvas")).to_have_count(3)
    async with page.expect_download() as downloading:
        await page.get_by_role("link", name="Load as CSV").click()
    assert (await downloading.value).suggested_filename.startswith("load-")


async def test_plots_take_the_colours_of_the_theme(shop, open_page):
    shop.customer().text("Hello")
    await shop.settled()
    page = await open_page("/wallboard")
    await expect(page.get_by_text("of 1 cases")).to_be_visible()
    await page.goto("/reports")
    plot = page.locator(".plot canvas").first
    await expect(plot).to_be_visible()
    light = await plot.evaluate("canvas => canvas.toDataURL()")
    await page.evaluate("document.documentElement.dataset.theme = 'dark'")
    await page.wait_for_function("before => document.querySelector('.plot canvas').toDataURL() !== before", arg=light)
