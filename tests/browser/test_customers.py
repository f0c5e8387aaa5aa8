"""Customers on a page of their own: found, written to first, added by hand, joined with any other card."""

import pytest
from playwright.async_api import expect

from tests.browser.conftest import PHONE, WIDE
from tests.browser.test_accessibility import violations
from tests.flow import until


async def cards(shop, q):
    return (await shop.owner.get(f"/customers?q={q}"))["items"]


@pytest.fixture
async def chat(shop):
    """A customer whose only conversation is closed."""
    opened = shop.customer("Олена Коваль")
    opened.text("Дякую, все прийшло")
    await shop.settled()
    [conversation] = await shop.conversations()
    await shop.owner.call("PATCH", f"/conversations/{conversation['id']}", {"status": "closed"})
    await until(lambda: cards(shop, "коваль"))
    return opened


@pytest.mark.parametrize(("size", "theme"), [(WIDE, "light"), (PHONE, "dark")], ids=["wide-light", "phone-dark"])
async def test_a_customer_is_found_opened_and_written_to_first(shop, open_page, chat, size, theme):
    page = await open_page(size=size, theme=theme)
    await page.get_by_role("link", name="Customers").click()
    await expect(page.locator(".person")).to_have_count(1)
    await expect(page.locator(".person time")).to_be_visible()
    assert await violations(page) == []
    await page.get_by_label("Search customers").fill("xyzzy")
    await expect(page.locator("#customers")).to_contain_text("Nobody found for “xyzzy”")
    await page.get_by_label("Search customers").fill("коваль")
    await page.locator(".person").click()

    await expect(page.get_by_role("heading", level=1)).to_have_text("Олена Коваль")
    await expect(page.locator("#their-cases")).to_contain_text("Дякую, все прийшло")
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert await violations(page) == []
    await page.get_by_label("Message", exact=True).fill("Як вам скринька?")
    await page.get_by_role("button", name="Send", exact=True).click()
    await page.wait_for_url("**/inbox/*")
    await expect(page.locator("#messages")).to_contain_text("Як вам скринька?")
    await chat.until(lambda phone: phone.texts() == ["Як вам скринька?"])


async def test_a_message_whose_answer_is_lost_goes_out_once(shop, open_page, chat):
    [card] = await cards(shop, "коваль")
    page = await open_page(f"/customers/{card['id']}")

    async def lose(route):
        await route.fetch()
        await route.abort()

    await page.route("**/api/v1/conversations", lose, times=1)
    await page.get_by_label("Message", exact=True).fill("Як вам скринька?")
    await page.get_by_role("button", name="Send", exact=True).click()
    await expect(page.locator(".write-first .error")).to_contain_text("does not answer")
    await page.get_by_role("button", name="Send", exact=True).click()
    await page.wait_for_url("**/inbox/*")
    await shop.settled()
    await chat.until(lambda phone: phone.texts() == ["Як вам скринька?"])
    [conversation] = await shop.conversations(status="open")
    assert [message["text"] for message in await shop.messages(conversation["id"])] == ["Як вам скринька?"]


async def test_a_customer_is_added_by_hand_found_and_joined_with_another(shop, open_page, chat):
    page = await open_page("/customers")
    await page.get_by_role("button", name="New customer").click()
    assert await violations(page, "#new-customer") == []
    await page.get_by_label("Name", exact=True).fill("Олена з ярмарку")
    await page.get_by_label("Phone").fill("12")
    await page.get_by_role("button", name="Add", exact=True).click()
    await expect(page.locator("#new-customer-phone-error")).to_be_visible()
    await page.get_by_label("Phone").fill("+380671234567")
    await page.get_by_role("button", name="Add", exact=True).click()
    await page.wait_for_url("**/customers/*")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Олена з ярмарку")
    await expect(page.locator(".write-first")).to_contain_text("channels let only customers begin")
    made = page.url
    await until(lambda: cards(shop, "ярмарку"))

    await page.goto("/inbox")
    await page.keyboard.press("/")
    await page.keyboard.type("ярмарку")
    await expect(page.locator("#search [role=option]")).to_have_count(1)
    await page.keyboard.press("Enter")
    await page.wait_for_url(made)

    await page.locator("#customer-menu summary").click()
    await page.get_by_role("button", name="Same person as…").click()
    await page.get_by_label("Search the other card").fill("коваль")
    await expect(page.locator("#others .person")).to_have_count(1)
    assert await violations(page, "#same-person") == []
    await page.locator("#others .person").click()
    await expect(page.locator("#confirm")).to_contain_text("Are Олена Коваль and Олена з ярмарку one person?")
    await page.get_by_role("button", name="One person").click()
    await expect(page.locator(".merged")).to_contain_text("Олена Коваль")
    await expect(page.locator("#their-cases")).to_contain_text("Дякую, все прийшло")
    await expect(page.get_by_label("Message", exact=True)).to_be_visible()
