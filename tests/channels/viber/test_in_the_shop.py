"""A Viber channel in a whole shop: what customers do on the phone, and what the API then says."""

from typing import Any

import pytest
from aiohttp import FormData

from channels.props import sample_photo
from channels.viber.sandbox import Bot, Chat
from tests.flow import Shop, until


@pytest.fixture
async def channel(shop: Shop, bot: Bot) -> Any:
    """Connected over the API; Viber has called the webhook by then."""
    settings = {
        "token": bot.token,
        "sender_name": "Скринька",
        "api_base": shop.sandbox.api_base("viber"),
        "welcome": "Вітаємо!",
    }
    body = {"kind": "viber", "name": "Shop on Viber", "settings": settings}
    created = await shop.owner.call("POST", "/channels", body)
    assert created.status == 201, created
    assert bot.token not in str(created.body)
    return created.body


@pytest.fixture
def olena(shop: Shop, bot: Bot) -> Chat:
    return bot.chat(shop.sandbox.viber.create_customer("Олена Мельник", language="uk"))


async def conversation(shop: Shop) -> dict[str, Any]:
    async def found() -> Any:
        return await shop.conversations()

    [one] = await until(found)
    return dict(one)


async def settled(shop: Shop, bot: Bot) -> None:
    await bot.drained()
    await shop.settled()


async def reply(shop: Shop, text: str = "", **fields: Any) -> Any:
    opened = await conversation(shop)
    answer = await shop.owner.call("POST", f"/conversations/{opened['id']}/messages", {"text": text, **fields})
    assert answer.status == 201, answer
    return answer.body


async def state_of(shop: Shop, sent: Any, *states: str) -> Any:
    """The message, once it is in one of `states`."""

    async def reached() -> Any:
        messages = await shop.messages(sent["conversation_id"])
        return next((one for one in messages if one["id"] == sent["id"] and one["state"] in states), None)

    return await until(reached)


async def test_a_message_goes_there_and_back(shop, bot, channel, olena):
    assert channel["state"] == "connected"
    olena.text("Є дубова скринька?")
    opened = await conversation(shop)
    assert opened["channel_id"] == channel["id"]
    sent = await reply(shop, "Так, лишилась одна")
    await olena.until(lambda chat: chat.texts() == ["Так, лишилась одна"])
    await state_of(shop, sent, "delivered")
    olena.read()
    await state_of(shop, sent, "read")


async def test_files_go_there_and_back(shop, bot, channel, olena):
    olena.photo(sample_photo(1), caption="Така є?")
    opened = await conversation(shop)

    async def stored() -> Any:
        [message] = await shop.messages(opened["id"])
        [file] = message["attachments"]
        return file if (await shop.owner.call("GET", f"/attachments/{file['id']}")).status == 200 else None

    file = await until(stored)
    answer = await shop.owner.call("GET", f"/attachments/{file['id']}")
    assert answer.body == sample_photo(1)
    for name, content, kind in (("box.png", sample_photo(2), "picture"), ("розміри.pdf", b"%PDF-1.7 sizes", "file")):
        uploaded = await upload(shop, name, content)
        sent = await reply(shop, attachments=[uploaded])
        await state_of(shop, sent, "delivered")
        message = olena.seen()[-1]
        assert (message.type, message.file and message.file.data) == (kind, content)


async def upload(shop: Shop, name: str, content: bytes) -> str:
    form = FormData()
    form.add_field("file", content, filename=name)
    headers = {"Authorization": f"Bearer {shop.owner.token}"}
    async with shop.http.post(f"{shop.url}/api/v1/attachments", data=form, headers=headers) as answer:
        assert answer.status == 201, await answer.text()
        return str((await answer.json())["id"])


async def test_what_the_app_could_not_show_failed(shop, bot, channel, olena):
    olena.text("Добрий день")
    olena.switch(on=False)
    sent = await reply(shop, "Вітаю")
    message = await olena.until(lambda chat: chat.seen() and chat.seen()[0])
    olena.fail(message.id, "unsupported message")
    failed = await state_of(shop, sent, "failed")
    assert failed["error"] == "unsupported message"


async def test_where_a_customer_came_from_opens_nothing_and_stays(shop, bot, channel, olena):
    olena.open("spring_sale")
    await olena.until(lambda chat: chat.texts() == ["Вітаємо!"])
    await settled(shop, bot)
    [waiting] = await shop.conversations()
    assert waiting["status"] == "closed"
    olena.text("Добрий день")
    await settled(shop, bot)
    [opened] = await shop.conversations()
    assert (opened["id"], opened["status"]) == (waiting["id"], "open")
    stored = await shop.house.database.durable["conversations"].find_one({"_id": opened["id"]})
    assert stored is not None
    assert stored["source"] == "spring_sale"


async def test_who_unsubscribed_cannot_be_written_to_until_they_write(shop, bot, channel, olena):
    async def reachable() -> bool:
        customer = await shop.owner.get(f"/customers/{(await conversation(shop))['customer_id']}")
        [identity] = customer["identities"]
        return bool(identity["reachable"])

    olena.text("Добрий день")
    await conversation(shop)
    olena.unsubscribe()
    await settled(shop, bot)
    assert not await reachable()
    olena.text("Я передумала")
    await settled(shop, bot)
    assert await reachable()
    await reply(shop, "Раді, що ви з нами")
    await olena.until(lambda chat: chat.texts() == ["Раді, що ви з нами"])


async def test_a_webhook_that_was_taken_away_is_set_again_and_what_waited_goes_out(shop, bot, channel, olena):
    olena.text("Добрий день")
    await conversation(shop)
    bot.webhook.url = ""
    await reply(shop, "Вітаю")

    async def paused() -> bool:
        return bool((await shop.owner.get(f"/channels/{channel['id']}"))["state"] == "paused")

    await until(paused)
    checked = await shop.owner.call("POST", f"/channels/{channel['id']}/check")
    assert checked.body["state"] == "connected"
    await olena.until(lambda chat: chat.texts() == ["Вітаю"])


async def test_the_same_callback_twice_is_one_message(shop, bot, channel, olena):
    body = (
        b'{"event":"message","timestamp":1793612400123,"message_token":5912661846655238145,"sender":{"id":"ab/cd=="},'
    )
    body += b'"message":{"type":"text","text":"hi"}}'
    assert [(await bot.post(body))[0] for _ in range(2)] == [200, 200]
    assert (await bot.post(body, signature="0" * 64))[0] in {401, 403}
    await settled(shop, bot)
    opened = await conversation(shop)
    assert [message["text"] for message in await shop.messages(opened["id"])] == ["hi"]


async def test_another_bots_token_can_be_given(shop, bot, channel, olena):
    other = shop.sandbox.viber.create_bot("Нова скринька")
    path = f"/channels/{channel['id']}"
    changed = await shop.owner.call("PATCH", path, {"settings": {"token": other.token}})
    assert changed.status == 200, changed
    assert other.webhook.url == channel["webhook_url"]["absolute"]
    other.chat(olena.customer).text("Добрий день")
    assert (await conversation(shop))["channel_id"] == channel["id"]
