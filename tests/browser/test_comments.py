"""A comment under the shop's post: the composer answers it, where everybody reads it or in private."""

import pytest
from playwright.async_api import expect

from channels.instagram.sandbox import Chat
from tests.flow import Shop
from tests.meta import connected_account

expect.set_options(timeout=15_000)


@pytest.fixture
async def chat(shop: Shop) -> Chat:
    """Of somebody who has commented, and nothing else."""
    account, _ = await connected_account(shop)
    chat = account.chat(shop.sandbox.instagram.create_customer("Олена Мельник", username="olena_m"))
    chat.comment("Яка ціна?")
    await account.drained()
    await shop.settled()
    return chat


async def test_a_comment_is_answered_in_public_or_in_private(open_page, chat):
    page = await open_page("/inbox?tab=all")
    await page.locator(".row").first.click()
    await expect(page.locator("#messages .meta").first).to_contain_text("Public comment")
    await expect(page.locator("#hints")).to_contain_text("Only the comment can be answered")
    await expect(page.locator("#strip")).to_contain_text("Яка ціна?")

    await page.locator("#text").fill("850 грн")
    await page.locator("#text").press("Control+Enter")
    await expect(page.locator("#messages .out .meta").last).to_contain_text("Public comment")

    asked = page.locator("#messages .group.in .m").first
    await asked.hover()
    await asked.locator(".tools summary").click()
    await asked.locator("[data-tool=quote]").click()
    await page.locator("#aloud").select_option("private")
    await page.locator("#text").fill("Напишіть, куди надіслати")
    await page.locator("#text").press("Control+Enter")
    await expect(page.locator("#messages .out .meta").last).to_contain_text("In private")

    await chat.until(lambda chat: len(chat.seen()) == 2, seconds=15)
    sent = [(one.text, one.comment) for one in chat.seen()]
    assert sent == [("850 грн", True), ("Напишіть, куди надіслати", False)]
