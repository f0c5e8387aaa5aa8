"""The phone page in a browser: what a newcomer does in the demo."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import expect
from pydantic import SecretStr

from channels.sandbox import Sandbox
from channels.telegram.client import TelegramConnection
from channels.telegram.sandbox import Chat
from channels.telegram.spec import TelegramSettings
from inbox.model.channel import Outgoing
from inbox.model.failures import RetryLater


@pytest.fixture
async def chat(sandbox: Sandbox, inbox: Any) -> Chat:
    bot = sandbox.telegram.create_bot("box_shop_bot")
    bot.webhook.url = inbox.url
    return bot.chat(sandbox.telegram.create_customer("Олена Мельник", language="uk"))


@pytest.fixture
async def shop(sandbox: Sandbox, chat: Chat) -> AsyncIterator[TelegramConnection]:
    token = SecretStr(chat.bot.token)
    connection = TelegramConnection(TelegramSettings(token=token, api_base=sandbox.api_base("telegram")))
    yield connection
    await connection.close()


async def test_a_conversation(sandbox, page, chat, shop):
    await page.goto(f"{sandbox.url}/phone/telegram")
    await page.get_by_label("Message as customer").fill("Є дубова <скринька>?")
    await page.get_by_role("button", name="Send").click()
    await chat.until(lambda chat: chat.messages and chat.messages[0].delivery == "delivered")
    await expect(page.get_by_role("img", name="the shop has it")).to_be_visible()
    await expect(page.get_by_role("log")).to_contain_text("Є дубова <скринька>?")

    to = str(chat.customer.id)
    await shop.typing(to)
    await expect(page.get_by_text("typing…")).to_be_visible()
    sent = await shop.send(Outgoing(to=to, text="Так. Беремо?", buttons=(("Беремо", "yes"),)))
    await page.get_by_role("button", name="Беремо").click()
    await chat.until(lambda chat: chat.bot.queries)
    await shop.edit(to, sent.external_ids[0], "Так, лишилась одна. Беремо?")
    await expect(page.get_by_text("Так, лишилась одна")).to_be_visible()

    await page.get_by_role("button", name="Message menu").last.click()
    await page.get_by_role("menuitem", name="React 👍").click()
    await expect(page.get_by_role("button", name="Take back 👍")).to_be_visible()
    await shop.delete(to, sent.external_ids[0])
    await expect(page.get_by_text("Message deleted")).to_be_visible()


async def test_correcting_answering_and_sending_files(sandbox, page, chat, tmp_path):
    await page.goto(f"{sandbox.url}/phone/telegram")
    box = page.get_by_label("Message as customer")
    await box.fill("Привет")
    await box.press("Enter")
    await page.get_by_role("button", name="Message menu").click()
    await page.get_by_role("menuitem", name="Edit").click()
    await expect(box).to_have_value("Привет")
    await box.fill("Привіт")
    await box.press("Enter")
    await chat.until(lambda chat: chat.messages[0].text == "Привіт")

    (tmp_path / "чек.pdf").write_bytes(b"%PDF-1.7")
    await page.get_by_label("Choose a file").set_input_files(tmp_path / "чек.pdf")
    await expect(page.get_by_role("link", name="чек.pdf")).to_be_visible()
    await page.get_by_role("button", name="Attach").click()
    await page.get_by_role("menuitem", name="My phone number").click()
    await chat.until(lambda chat: len(chat.messages) == 3)
    assert chat.messages[2].content["contact"]["user_id"] == chat.customer.id


async def test_blocking(sandbox, page, chat):
    chat.start()
    await page.goto(f"{sandbox.url}/phone/telegram")
    await page.get_by_role("button", name="Chat menu").click()
    await page.get_by_role("menuitem", name="Block the shop").click()
    await chat.until(lambda chat: chat.blocked)
    await page.get_by_role("button", name="Unblock the shop").click()
    await expect(page.get_by_label("Message as customer")).to_be_visible()
    assert not chat.blocked


async def test_provoking_a_fault(sandbox, page, chat, shop):
    chat.start()
    await page.goto(f"{sandbox.url}/phone/telegram")
    await page.get_by_text("Provider faults").click()
    await page.get_by_label("What goes wrong").select_option("Too many requests")
    await page.get_by_role("button", name="Provoke").click()
    await expect(page.get_by_text("1 in force")).to_be_visible()
    with pytest.raises(RetryLater):
        await shop.send(Outgoing(to=str(chat.customer.id), text="Вітаю"))
    await shop.send(Outgoing(to=str(chat.customer.id), text="Вітаю"))
    await expect(page.get_by_role("log")).to_contain_text("Вітаю")


async def test_a_new_customer(sandbox, page, chat):
    await page.goto(f"{sandbox.url}/phone/telegram")
    await page.get_by_role("button", name="New customer").click()
    await page.get_by_label("Name", exact=True).fill("Nino Gelashvili")
    await page.get_by_role("button", name="Create").click()
    await expect(page.get_by_label("You are")).to_contain_text("Nino Gelashvili")
    await page.get_by_role("button", name="Start").click()
    [nino] = [one for one in sandbox.telegram.customers.values() if one.name == "Nino Gelashvili"]
    await chat.bot.chat(nino).until(lambda chat: chat.texts() or chat.messages)


async def test_both_sides_on_a_small_screen(page, inbox):
    async with Sandbox(inbox_url=inbox.url) as sandbox:
        await page.goto(sandbox.url)
        await expect(page.get_by_title("Customer's phone")).to_be_visible()
        await page.get_by_role("tab", name="Manager").click()
        await expect(page.get_by_title("Manager's inbox")).to_be_visible()
        await expect(page.get_by_title("Customer's phone")).to_be_hidden()
