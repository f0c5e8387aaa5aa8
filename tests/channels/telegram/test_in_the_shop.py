"""A business account's chat in a running shop, both ways."""

from typing import Any

import pytest

from channels.telegram.sandbox import Chat, sample_photo
from tests.flow import Shop, until


@pytest.fixture
async def talk(shop: Shop) -> Chat:
    """Olena's chat with Mary, for whose account the shop's bot answers."""
    telegram = shop.sandbox.telegram
    business = shop.bot.create_business(telegram.create_customer("Mary"))
    return shop.bot.business_chat(business, telegram.create_customer("Олена Мельник"))


async def thread(shop: Shop) -> list[dict[str, Any]]:
    """The messages of the only conversation."""
    await shop.settled()
    [conversation] = await shop.conversations()
    return await shop.messages(conversation["id"])


async def answer(shop: Shop, text: str) -> None:
    [conversation] = await shop.conversations()
    posted = await shop.owner.call("POST", f"/conversations/{conversation['id']}/messages", {"text": text})
    assert posted.status == 201, posted


async def test_a_question_an_answer_and_what_the_owner_adds_on_the_phone(shop, talk):
    asked = talk.text("Є у наявності?")
    await shop.settled()
    await answer(shop, "Так, дві")
    await talk.until(lambda chat: "Так, дві" in chat.texts())
    added = talk.owner_text("І ще одна в дорозі")
    talk.edit(added, "І ще дві в дорозі")
    talk.delete(asked)

    async def told() -> bool:
        messages = await thread(shop)
        return [message["state"] for message in messages] == ["received", "sent", "sent"]

    await until(told)
    # Telegram dates in whole seconds, so what was said within one is in no order.
    by = {message["author"]["type"]: message for message in await thread(shop)}
    assert {who: message["text"] for who, message in by.items()} == {
        "customer": "Є у наявності?",
        "manager": "Так, дві",
        "shop": "І ще дві в дорозі",
    }
    assert by["customer"]["deleted_at"] is not None
    assert talk.texts() == ["Так, дві", "І ще дві в дорозі"]


async def test_an_answer_without_the_right_to_reply_says_so_and_the_next_one_goes(shop, talk):
    talk.text("Є у наявності?")
    await shop.settled()
    assert talk.business is not None
    shop.bot.allow(talk.business, can_reply=False)
    await answer(shop, "Так")

    async def refused() -> bool:
        return [message["state"] for message in await thread(shop)] == ["received", "failed"]

    await until(refused)
    assert "does not allow the bot" in (await thread(shop))[-1]["error"]
    shop.bot.allow(talk.business)
    await answer(shop, "Так, дві")
    await talk.until(lambda chat: chat.texts() == ["Так, дві"])


async def test_the_channel_says_what_an_owner_does_not_allow_any_more(shop, talk):
    async def state() -> tuple[str, str]:
        await shop.bot.drained()
        await shop.settled()
        [channel] = (await shop.owner.call("GET", "/channels")).body["items"]
        return channel["state"], channel["state_reason"] or ""

    assert talk.business is not None
    assert await state() == ("connected", "")
    shop.bot.allow(talk.business, can_reply=False)
    assert await state() == ("degraded", "Mary does not allow the bot to reply for their Telegram Business account")
    shop.bot.allow(talk.business, enabled=False)
    _, reason = await state()
    assert reason.startswith("Mary took the bot away from their Telegram Business account")
    [channel] = (await shop.owner.call("GET", "/channels")).body["items"]
    await shop.owner.call("POST", f"/channels/{channel['id']}/check")
    assert await state() == ("connected", "")


async def test_a_photo_that_was_replaced_shows_as_the_new_one_and_nothing_is_left_of_the_old(shop):
    chat = shop.customer("Олена Мельник")
    first, second = sample_photo(0), sample_photo(1)
    sent = chat.photo(first, caption="Ось така")

    async def shows(content: bytes) -> bool:
        [message] = await thread(shop)
        [file] = message["attachments"]
        if file["state"] != "stored":
            return False
        answer = await shop.owner.call("GET", f"/attachments/{file['id']}")
        return bool(answer.body == content)

    await until(lambda: shows(first))
    kept = shop.house.database.durable["media.files"]
    whole = await kept.count_documents({})
    chat.replace(sent, second)
    await until(lambda: shows(second))

    async def as_many() -> bool:
        return bool(await kept.count_documents({}) == whole)

    await until(as_many)
    [message] = await thread(shop)
    assert message["text"] == "Ось така"
    assert message["edited_at"] is not None
