"""One macro on every channel: it arrives as each can show it, and what is answered to its buttons is understood."""

from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import FormData

from channels.props import sample_photo
from tests.channels.email.shop import Case
from tests.flow import Shop, until
from tests.meta import connected_account

TEXT = "Вітаю, {{ customer.first_name }}! Ось прайс. Відправляти?"
SAID = "Вітаю, Олена! Ось прайс. Відправляти?"
BUTTONS = [{"title": "Так", "data": "yes"}, {"title": "Ні", "data": "no"}]


async def upload(shop: Shop, name: str, content_type: str, content: bytes) -> str:
    form = FormData()
    form.add_field("file", content, filename=name, content_type=content_type)
    headers = {"Authorization": f"Bearer {shop.owner.token}"}
    async with shop.http.post(f"{shop.url}/api/v1/attachments", data=form, headers=headers) as answer:
        return str((await answer.json())["id"])


@pytest.fixture
async def macro(shop: Shop) -> str:
    """A picture, a file that not every channel takes, two buttons, and a label for whoever gets it."""
    files = [
        await upload(shop, "скринька.png", "image/png", sample_photo()),
        await upload(shop, "прайс.bin", "application/octet-stream", b"\x00price list"),
    ]
    made = {"name": "Прайс", "text": TEXT, "attachments": files, "buttons": BUTTONS}
    answer = await shop.owner.call("POST", "/macros", {**made, "actions": [{"type": "label", "add": ["прайс"]}]})
    assert answer.status == 201, answer
    return str(answer.body["id"])


async def opened(shop: Shop, channel_id: str) -> str:
    """The conversation on a channel, once it is there and its customer has a name."""

    async def found() -> Any:
        return await shop.conversations(channel=channel_id)

    [conversation] = await until(found)

    async def named() -> Any:
        # Some providers tell who somebody is only when they are asked.
        return (await shop.owner.get(f"/customers/{conversation['customer_id']}"))["name"]

    await until(named)
    return str(conversation["id"])


async def use(shop: Shop, macro_id: str, channel_id: str) -> str:
    """Send the macro into the conversation on a channel; returns its id once everything was sent and done."""
    conversation_id = await opened(shop, channel_id)
    posted = await shop.owner.call("POST", f"/conversations/{conversation_id}/messages", {"macro_id": macro_id})
    assert posted.status == 201, posted

    async def sent() -> bool:
        message = next(one for one in await shop.messages(conversation_id) if one["id"] == posted.body["id"])
        assert message["state"] != "failed", message
        return message["state"] in ("sent", "delivered", "read") and message["actions"][0]["state"] == "done"

    await until(sent)
    assert (await shop.owner.get(f"/conversations/{conversation_id}"))["labels"] == ["прайс"]
    return conversation_id


async def pressed(shop: Shop, conversation_id: str) -> str:
    """What stood behind the button that the customer pressed."""

    async def press() -> Any:
        came = [one for one in await shop.messages(conversation_id) if (one["content"] or {}).get("type") == "button"]
        return came[0]["content"]["data"] if came else None

    return str(await until(press))


async def test_telegram_shows_files_and_then_the_buttons_under_the_words(shop, macro):
    chat = shop.customer("Олена Мельник")
    chat.text("Прайс?")
    conversation_id = await use(shop, macro, shop.channel_id)
    photo, document, words = chat.seen()
    assert (photo.file.name.endswith(".png"), document.file.name) == (True, "прайс.bin")
    assert (words.text, [button["text"] for row in words.keyboard for button in row]) == (SAID, ["Так", "Ні"])
    chat.press(words.id, "Так")
    assert await pressed(shop, conversation_id) == "yes"


async def test_viber_shows_files_and_then_a_keyboard(shop, macro):
    bot = shop.sandbox.viber.create_bot("Скринька")
    settings = {"token": bot.token, "sender_name": "Скринька", "api_base": shop.sandbox.api_base("viber")}
    channel = await shop.owner.call("POST", "/channels", {"kind": "viber", "name": "Viber", "settings": settings})
    chat = bot.chat(shop.sandbox.viber.create_customer("Олена Мельник"))
    chat.text("Прайс?")
    conversation_id = await use(shop, macro, channel.body["id"])
    picture, document, words = chat.seen()
    assert (picture.type, document.type, words.type, words.text) == ("picture", "file", "text", SAID)
    assert [title for title, _ in words.buttons] == ["Так", "Ні"]
    chat.press("Ні")
    assert await pressed(shop, conversation_id) == "no"


async def test_instagram_shows_the_picture_and_quick_replies_and_links_to_the_rest(shop, macro):
    account, channel_id = await connected_account(shop)
    chat = account.chat(shop.sandbox.instagram.create_customer("Олена Мельник", username="olena_m"))
    chat.text("Прайс?")
    conversation_id = await use(shop, macro, channel_id)
    picture, words = chat.seen()
    assert picture.file is not None
    said, link = words.text.split("\n")
    assert said == SAID
    assert link.startswith(f"прайс.bin: {shop.url}/files/")
    async with shop.http.get(link.partition(": ")[2]) as answer:
        assert await answer.read() == b"\x00price list"
    assert words.buttons == [("Так", "yes"), ("Ні", "no")]
    chat.press(words.id, "Так")
    assert await pressed(shop, conversation_id) == "yes"


async def test_a_letter_carries_the_files_and_its_numbers_are_buttons(shop, macro):
    case = await Case.open(shop)
    case.letters.write("Прайс?", subject="Прайс")
    await case.opens()
    conversation_id = await use(shop, macro, case.channel_id)
    letter = case.letters.letters[-1]
    assert sorted(file.name for file in letter.files) == ["прайс.bin", "скринька.png"]
    assert letter.text.strip() == f"{SAID}\n1. Так\n2. Ні"
    case.letters.write("2", answers=letter.id)
    assert await pressed(shop, conversation_id) == "no"


async def test_a_macro_outlives_what_was_sent_with_it_and_what_was_sent_outlives_the_macro(shop, macro):
    chat = shop.customer("Олена Мельник")
    chat.text("Прайс?")
    conversation_id = await use(shop, macro, shop.channel_id)
    own = {file["id"] for file in (await shop.owner.get(f"/macros/{macro}"))["attachments"]}
    sent = (await shop.messages(conversation_id))[-1]["attachments"]
    assert own.isdisjoint(file["id"] for file in sent)
    assert (await shop.owner.call("DELETE", f"/macros/{macro}")).status == 204
    rows = shop.house.database.durable.attachments
    await rows.update_many(
        {"released_at": {"$exists": True}}, {"$set": {"released_at": datetime(2026, 1, 1, tzinfo=UTC)}}
    )
    await shop.house.files.forget_released()
    assert await rows.count_documents({"_id": {"$in": list(own)}}) == 0
    assert (await shop.owner.call("GET", f"/attachments/{sent[1]['id']}")).body == b"\x00price list"
