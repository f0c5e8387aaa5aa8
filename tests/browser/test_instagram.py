"""A conversation over Instagram from both ends: the customer's phone, and the manager's open page."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, expect

from channels.instagram.sandbox import Account, Chat
from channels.props import sample_photo
from tests.flow import Shop
from tests.meta import connected_account

PATIENCE_MS = 15_000

expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture
async def account(shop: Shop) -> Account:
    account, _ = await connected_account(shop)
    return account


@pytest.fixture
def chat(shop: Shop, account: Account) -> Chat:
    return account.chat(shop.sandbox.instagram.create_customer("Олена Мельник", username="olena_m"))


@pytest.fixture
async def phone(browser: Browser, shop: Shop, chat: Chat) -> AsyncIterator[Page]:
    """Olena's."""
    context = await browser.new_context(viewport={"width": 390, "height": 844}, timezone_id="Europe/Kyiv")
    page = await context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    await page.goto(f"{shop.sandbox.url}/phone/instagram")
    yield page
    await context.close()


async def write(phone: Page, text: str) -> None:
    await phone.get_by_label("Message as customer").fill(text)
    await phone.get_by_label("Message as customer").press("Enter")
    await expect(phone.get_by_role("log")).to_contain_text(text)


async def choose(phone: Page, message: str, item: str) -> None:
    """An entry of the menu of the message that says this."""
    shown = phone.locator(".m", has_text=message)
    await shown.hover()
    await shown.get_by_role("button", name="Message menu").click()
    await phone.get_by_role("menuitem", name=item).click()


async def test_a_round_trip(open_page, phone, chat, tmp_path):
    await write(phone, "Є дубова?")
    (tmp_path / "кришка.png").write_bytes(sample_photo(1, 64, 48))
    await phone.locator("#pickphoto").set_input_files(tmp_path / "кришка.png")
    manager = await open_page("/inbox?tab=all")
    await manager.locator(".row").first.click()
    await expect(manager.locator("#messages .in .text").first).to_have_text("Є дубова?")
    await expect(manager.locator("#messages .photo img")).to_have_js_property("naturalWidth", 64)

    await manager.locator("#text").fill("Так, є.")
    await manager.locator("#text").press("Control+Enter")
    await expect(phone.get_by_role("log")).to_contain_text("Так, є.")
    (tmp_path / "рахунок.pdf").write_bytes(b"%PDF-1.7\n%%EOF")
    await manager.locator("#files").set_input_files(tmp_path / "рахунок.pdf")
    await expect(manager.locator(".chip")).to_contain_text("рахунок.pdf")
    await expect(manager.locator("#send")).to_be_enabled()
    await manager.locator("#text").press("Control+Enter")
    await chat.until(lambda chat: any(message.file for message in chat.seen()), seconds=15)
    await expect(phone.get_by_role("log").locator("a.card")).to_be_visible()

    # What the customer does afterwards shows on the open page, and that they have seen it.
    await choose(phone, "Є дубова?", "Edit")
    await write(phone, "Є липова?")
    await expect(manager.locator("#messages .in .text").first).to_have_text("Є липова?")
    await choose(phone, "Так, є.", "React ❤")
    await expect(manager.locator("#messages .out").first).to_contain_text("❤")
    await expect(manager.locator("#messages .out .state.seen").last).to_have_text("Read")
    await choose(phone, "Є липова?", "Unsend")
    await expect(manager.locator("#messages .in").first).to_contain_text("deleted")


async def test_what_the_shop_writes_on_its_phone_is_the_shops(open_page, phone, chat):
    await write(phone, "Добрий день")
    manager = await open_page("/inbox?tab=all")
    await manager.locator(".row").first.click()
    await phone.get_by_label("Message as customer").fill("Відповідаю з дороги")
    await phone.get_by_role("button", name="Chat menu").click()
    await phone.get_by_role("menuitem", name="The shop writes on its phone").click()
    await expect(manager.locator("#messages .out")).to_contain_text("Відповідаю з дороги")
    await expect(manager.locator("#messages .in")).to_have_count(1)


async def test_a_comment_is_answered_under_the_post(open_page, shop, chat):
    comment = chat.comment("Яка ціна?")
    manager = await open_page("/inbox?tab=all")
    await manager.locator(".row").first.click()
    await expect(manager.locator("#messages .in .text")).to_have_text("Яка ціна?")
    [conversation] = await shop.conversations()
    [asked] = await shop.messages(conversation["id"])
    reply = {"text": "850 грн", "reply_to": asked["id"]}
    answer = await shop.owner.call("POST", f"/conversations/{conversation['id']}/messages", reply)
    assert answer.status == 201, answer
    await chat.until(lambda chat: [(one.text, one.reply_to) for one in chat.seen()] == [("850 грн", comment)])
    await expect(manager.locator("#messages .out")).to_contain_text("850 грн")


async def test_a_story_that_mentions_the_shop_is_a_link(open_page, shop, chat):
    chat.story_mention()
    manager = await open_page("/inbox?tab=all")
    await manager.locator(".row").first.click()
    link = manager.locator("#messages .in").get_by_role("link", name="A story that mentions you")
    await expect(link).to_have_attribute("href", chat.messages[0].content["attachments"][0]["payload"]["url"])
    await expect(link).to_have_attribute("rel", "noopener noreferrer")
