"""The phone page in a browser: what is special to Viber there."""

import pytest
from playwright.async_api import expect

from channels.faults import Fault
from inbox.model.channel import Outgoing


async def test_a_conversation_with_its_keyboard(sandbox, page, chat, connection):
    await page.goto(f"{sandbox.url}/phone/viber")
    await page.get_by_label("Message as customer").fill("Є дубова <скринька>?")
    await page.get_by_role("button", name="Send").click()
    await expect(page.get_by_role("img", name="the shop has it")).to_be_visible()
    await expect(page.get_by_role("log")).to_contain_text("Є дубова <скринька>?")
    await connection.send(Outgoing(to=chat.user_id, text="Так. Беремо?", buttons=(("Беремо", "yes"), ("Ні", "no"))))
    await page.get_by_role("group", name="Keyboard of the shop").get_by_role("button", name="Беремо").click()
    await chat.until(lambda chat: chat.messages[-1].text == "Беремо")
    # Whoever has the chat open has seen what is in it.
    await chat.until(lambda chat: chat.seen()[0].delivery == "seen")


async def test_opening_leaving_and_coming_back(sandbox, page, webhook, chat):
    bot = chat.bot
    viktor = bot.chat(sandbox.viber.create_customer("Віктор Швець"))
    await page.goto(f"{sandbox.url}/phone/viber")
    await page.get_by_label("You are").select_option("Віктор Швець")
    await page.get_by_role("button", name="Chat menu").click()
    await page.get_by_role("menuitem", name="Subscribe").click()
    await viktor.until(lambda chat: chat.subscribed)
    await bot.drained()
    await page.get_by_role("button", name="Chat menu").click()
    await page.get_by_role("menuitem", name="Unsubscribe").click()
    await expect(page.get_by_text("not subscribed", exact=True)).to_be_visible()
    await bot.drained()
    async with page.expect_response("**/open"):
        await page.get_by_role("button", name="Open").click()
    await bot.drained()
    assert [event.key.partition(":")[0] for event in webhook.events] == [
        "subscribed",
        "unsubscribed",
        "conversation_started",
    ]


async def test_a_phone_that_is_off_and_a_message_that_cannot_be_shown(sandbox, page, webhook, chat, connection):
    await page.goto(f"{sandbox.url}/phone/viber")
    await page.get_by_role("button", name="Chat menu").click()
    await page.get_by_role("menuitem", name="Switch the phone off").click()
    await expect(page.get_by_text("this phone is off")).to_be_visible()
    await connection.send(Outgoing(to=chat.user_id, text="Вітаю"))
    await expect(page.get_by_role("img", name="not on this phone yet")).to_be_visible()
    await page.locator(".m").hover()
    await page.get_by_role("button", name="Message menu").click()
    await page.get_by_role("menuitem", name="Tell that it cannot be shown").click()
    await expect(page.get_by_role("img", name="could not be shown")).to_be_visible()
    await chat.bot.drained()
    assert [event.state for event in webhook.read()] == ["failed"]


@pytest.mark.usefixtures("chat")
async def test_every_status_of_viber_can_be_provoked(sandbox, page):
    await page.goto(f"{sandbox.url}/phone/viber")
    await page.get_by_text("Provider faults").click()
    choices = page.get_by_label("What goes wrong").locator("option")
    offered = await choices.evaluate_all("all => all.map((one) => one.value)")
    assert {f"status:{status}" for status in range(1, 21)} <= set(offered)
    await page.get_by_label("What goes wrong").select_option("Too many messages")
    await page.get_by_role("button", name="Provoke").click()
    await expect(page.get_by_text("1 in force")).to_be_visible()
    assert sandbox.viber.faults.listed() == [Fault(kind="status", method="send_message", times=1, status=12, seconds=3)]
