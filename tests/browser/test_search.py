"""Searching with hands on the keyboard: what is typed is found, opened, shown in its place and marked."""

import asyncio

import pytest
from playwright.async_api import expect

from tests.browser.conftest import PHONE
from tests.browser.test_accessibility import violations
from tests.flow import until

ORDER = {"status": "new", "items": [{"name": "Чайник", "quantity": 1, "price": "10"}], "total": "10", "currency": "UAH"}


@pytest.fixture
async def past(shop):
    """A long conversation about a kettle, and an order of it."""
    chat = shop.customer("Олена Коваль")
    chat.text("Чи є у вас чайник «Вогник»? Напишіть на olena@shop.example")
    for number in range(55):
        chat.text(f"Ще питання {number}")
    await shop.settled()
    (card,) = await until(lambda: cards(shop, "коваль"))
    await shop.owner.call("PUT", "/orders/10234", {**ORDER, "customer_id": card["id"]})
    await until(lambda: found(shop, "чайн"))
    return card


async def cards(shop, q):
    return (await shop.owner.get(f"/customers?q={q}"))["items"]


async def found(shop, q):
    answer = await shop.owner.get(f"/search?q={q}")
    return answer["messages"]["items"] and answer["orders"]["items"]


def options(page):
    return page.locator("#search [role=option]")


def said(page):
    return page.locator("#search-state")


async def test_a_message_far_back_is_found_opened_and_marked_by_keyboard_alone(shop, open_page, past):
    page = await open_page()
    await page.keyboard.press("/")
    await expect(page.get_by_role("dialog", name="Search")).to_be_visible()
    await page.keyboard.type("ЧАЙН вог")
    await expect(options(page)).to_have_count(1)
    await expect(options(page).locator("mark")).to_have_text(["чайн", "Вог"])
    await expect(options(page)).to_have_attribute("aria-selected", "true")
    assert await violations(page, "#search") == []
    await page.keyboard.press("Enter")
    target = page.locator(".m:target")
    await expect(target).to_contain_text("чайник «Вогник»")
    await expect(target).to_be_in_viewport()

    await page.keyboard.press("Control+k")
    await expect(options(page).first).to_contain_text("ЧАЙН вог")
    await page.locator("#search-text").fill("")
    await expect(page.get_by_role("group", name="Looked for lately").get_by_role("option")).to_have_count(2)
    assert await violations(page, "#search") == []
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await expect(page.locator("#search-text")).to_have_value("ЧАЙН вог")
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog", name="Search")).to_be_hidden()


async def test_people_messages_and_orders_stand_apart_and_more_can_be_read(shop, open_page, past):
    page = await open_page(size=PHONE, theme="dark")
    await page.get_by_role("button", name="Search", exact=True).click()
    await page.locator("#search-text").fill("чайник")
    await expect(page.get_by_role("group", name="Messages").get_by_role("option")).to_have_count(1)
    await expect(page.get_by_role("group", name="Orders").get_by_role("option")).to_contain_text(["Order 10234"])
    assert await violations(page, "#search") == []
    await page.locator("#search-text").fill("питання")
    await expect(options(page)).to_have_count(6)
    await options(page).last.click()
    await expect(options(page)).to_have_count(26)
    await page.locator("#search-text").fill("olena@")
    await expect(options(page)).to_have_count(1)
    await page.locator("#search-text").fill("кова")
    await expect(page.get_by_role("group", name="People").get_by_role("option")).to_contain_text(["Олена Коваль"])
    await options(page).first.click()
    await expect(page.locator("#bar")).to_contain_text("Олена Коваль")


async def test_what_goes_wrong_is_said_and_tried_again(shop, open_page, past):
    page = await open_page()
    await page.keyboard.press("Control+k")
    await page.keyboard.type("xyzzy")
    await expect(said(page)).to_contain_text("Nothing found for “xyzzy”")
    await page.context.set_offline(True)
    await page.locator("#search-text").fill("коваль")
    await expect(said(page)).to_contain_text("does not answer")
    await page.context.set_offline(False)
    await expect(options(page)).to_have_count(1)

    broken = True

    async def answer(route):
        if broken:
            await route.fulfill(status=500, content_type="application/problem+json", body="{}")
        else:
            await route.continue_()

    await page.route("**/api/v1/search?*", answer)
    await page.locator("#search-text").fill("олена")
    await expect(said(page)).to_contain_text("broke off")
    broken = False
    await said(page).get_by_role("button", name="Try again").click()
    await expect(options(page)).not_to_have_count(0)


async def test_an_answer_to_what_was_typed_before_is_not_shown(shop, open_page, past):
    page = await open_page()

    async def late(route):
        if "q=%D0%BA%D0%BE%D0%B2" in route.request.url:
            await answered.wait()
        await route.continue_()

    answered = asyncio.Event()

    await page.route("**/api/v1/search?*", late)
    await page.keyboard.press("/")
    async with page.expect_request("**/api/v1/search?q=%D0%BA%D0%BE%D0%B2&*"):
        await page.keyboard.type("ков")
    await page.locator("#search-text").fill("xyzzy")
    await expect(said(page)).to_contain_text("Nothing found for “xyzzy”")
    answered.set()
    await page.keyboard.press("ArrowDown")
    await expect(options(page)).to_have_count(0)
    await expect(said(page)).to_contain_text("Nothing found for “xyzzy”")
