"""The sandbox keeps Meta's rules: what it posts is believed and read by our own parser, in Meta's shapes."""

import json
from typing import Any

import aiohttp
import pytest

from channels.instagram.parse import SUBSCRIBED_FIELDS
from channels.instagram.sandbox import Chat
from inbox.model.channel import Outgoing
from inbox.model.incoming import (
    ButtonPress,
    Echo,
    Link,
    MessageDeleted,
    MessageEdited,
    NewMessage,
    Placeholder,
    ReactionChanged,
    Receipt,
)

VERIFY_TOKEN = "s3cret"


async def delivered(chat: Chat, webhook: Any) -> list[Any]:
    await chat.account.drained()
    return list(webhook.events())


class TestEvents:
    @pytest.mark.parametrize(
        ("act", "expected"),
        [
            (lambda chat: chat.text("Привіт"), {"text": "Привіт"}),
            (lambda chat: chat.story_reply("Скільки?"), {"text": "Скільки?"}),
            (lambda chat: chat.view_once(), {"content": Placeholder(what="a photo or video to be seen once")}),
            (lambda chat: chat.from_ad("Ще діє?"), {"source": "ad 120000000000000: Осіння знижка"}),
            (lambda chat: chat.postback("Ціни", "P"), {"text": "Ціни", "content": ButtonPress(data="P")}),
            (lambda chat: chat.open_link("spring"), {"source": "spring", "quiet": True}),
            (lambda chat: chat.comment("Яка ціна?"), {"text": "Яка ціна?", "public": True}),
        ],
    )
    async def test_what_a_customer_does(self, connected, webhook, act, expected):
        act(connected)
        [event] = await delivered(connected, webhook)
        assert isinstance(event, NewMessage)
        assert event.person.external_id == connected.customer.id
        assert {name: getattr(event, name) for name in expected} == expected

    @pytest.mark.parametrize(
        ("act", "kind"),
        [
            (Chat.photo, "photo"),
            (Chat.video, "video"),
            (Chat.voice, "audio"),
            (Chat.share_post, "photo"),
            (Chat.share_reel, "video"),
        ],
    )
    async def test_files_lie_at_instagram(self, connected, webhook, connection, act, kind):
        act(connected)
        [event] = await delivered(connected, webhook)
        [media] = event.media
        assert media.type == kind
        assert [chunk async for chunk in connection.fetch(media.ref, 1 << 20)]

    async def test_a_story_that_mentions_the_shop_is_a_link(self, connected, webhook):
        connected.story_mention()
        [event] = await delivered(connected, webhook)
        assert isinstance(event.content, Link)
        assert event.media == ()

    async def test_changes(self, connected, connection, webhook):
        first = connected.text("Превіт")
        connected.edit(first, "Привіт")
        connected.unsend(first)
        sent = await connection.send(Outgoing(to=connected.customer.id, text="Беремо?", buttons=(("Так", "yes"),)))
        [ours] = sent.external_ids
        connected.react(ours, "❤")
        connected.react(ours)
        connected.see()
        connected.press(ours, "Так")
        _, edited, deleted, echo, loved, unloved, read, pressed = await delivered(connected, webhook)
        assert (edited.text, edited.sequence) == ("Привіт", 1)
        assert isinstance(edited, MessageEdited)
        assert isinstance(deleted, MessageDeleted)
        assert isinstance(echo, Echo)
        assert (echo.external_id, echo.person.external_id, echo.text) == (ours, connected.customer.id, "Беремо?")
        assert isinstance(loved, ReactionChanged)
        assert (loved.emoji, unloved.emoji) == (("❤",), ())
        assert isinstance(read, Receipt)
        assert (read.external_id, read.state) == (ours, "read")
        assert pressed.content == ButtonPress(data="yes")

    async def test_what_the_shop_does_on_its_phone(self, connected, webhook):
        number = connected.shop_writes("З телефону")
        connected.shop_unsends(number)
        echo, deleted = await delivered(connected, webhook)
        assert isinstance(echo, Echo)
        assert isinstance(deleted, MessageDeleted)
        assert echo.person == deleted.person
        assert (echo.external_id, echo.text) == (number, "З телефону")

    async def test_a_public_answer_is_not_taken_for_a_customers(self, connected, connection, webhook):
        comment = connected.comment("Яка ціна?")
        await connection.send(Outgoing(to=connected.customer.id, text="850", reply_to=f"comment:{comment}"))
        connected.comment("Дякую", reply_to=connected.seen()[0].id)
        asked, thanked = await delivered(connected, webhook)
        assert (asked.text, thanked.text) == ("Яка ціна?", "Дякую")
        assert thanked.reply_to == f"comment:{connected.seen()[0].id}"

    async def test_a_conversation_that_another_app_holds(self, connected, webhook):
        connected.account.another_app_answers = True
        connected.text("Є хто?")
        [event] = await delivered(connected, webhook)
        assert event.quiet
        assert "standby" in json.loads(webhook.bodies[-1])["entry"][0]

    async def test_only_what_was_subscribed_to_comes(self, connected, webhook):
        connected.account.fields = set(SUBSCRIBED_FIELDS) - {"messages"}
        number = connected.text("Превіт")
        connected.edit(number, "Привіт")
        [event] = await delivered(connected, webhook)
        assert isinstance(event, MessageEdited)

    async def test_time_may_lie_in_the_past(self, connected, webhook):
        connected.clock = lambda: 1_700_000_000.0
        connected.text("Торік")
        connected.comment("І тут")
        assert {event.sent_at.timestamp() for event in await delivered(connected, webhook)} == {1_700_000_000}


class TestDelivery:
    async def test_either_secret_may_sign(self, connected, webhook):
        connected.account.signs_with = "meta_app_secret"
        connected.text("Привіт")
        assert len(await delivered(connected, webhook)) == 1

    async def test_what_waited_comes_in_one_batch(self, chat, webhook, connection):
        await connection.register(webhook.url)
        for number in range(5):
            chat.text(str(number))
        chat.comment("і під дописом")
        assert await chat.account.set_webhook(webhook.url, VERIFY_TOKEN)
        assert [event.text for event in await delivered(chat, webhook)] == [*"01234", "і під дописом"]
        assert len(webhook.bodies) == 1

    async def test_a_refused_batch_comes_again(self, connected, webhook):
        webhook.statuses[:] = [503, 503]
        connected.text("Привіт")
        assert len(await delivered(connected, webhook)) == 1
        assert len(webhook.bodies) == 3
        assert len(set(webhook.bodies)) == 1
        assert connected.messages[0].delivery == "delivered"

    async def test_a_wrong_verify_token_is_noticed_in_the_dashboard(self, chat, webhook):
        assert not await chat.account.set_webhook(webhook.url, "another")
        assert chat.account.webhook_url == ""
        assert "couldn't be validated" in chat.account.last_error

    async def test_what_is_not_ascii_is_escaped(self, connected, webhook):
        connected.text("їжак")
        await connected.account.drained()
        assert webhook.bodies[-1].isascii()


class TestControl:
    """The same over HTTP, as the phone page and other processes use it."""

    @pytest.fixture
    async def http(self, sandbox):
        async with aiohttp.ClientSession(f"{sandbox.url}/sandbox/instagram/") as session:
            yield session

    async def test_from_a_new_account_to_a_conversation(self, http):
        async with http.post("accounts", json={"username": "box_shop"}) as answer:
            account = await answer.json()
        async with http.post("customers", json={"name": "Nino"}) as answer:
            customer = await answer.json()
        chat = f"accounts/{account['id']}/chats/{customer['id']}"
        async with http.post(f"{chat}/text", json={"text": "გამარჯობა"}) as answer:
            assert (await answer.json())["chat"]["messages"][0]["text"] == "გამარჯობა"
        form = aiohttp.FormData({"text": "Ось"})
        form.add_field("file", b"\x89PNG", filename="box.png", content_type="image/png")
        async with http.post(f"{chat}/file", data=form) as answer:
            messages = (await answer.json())["chat"]["messages"]
        assert [message["text"] for message in messages] == ["გამარჯობა", "", "Ось"]
        async with http.get(f"files/{messages[1]['file']['id']}") as answer:
            assert await answer.read() == b"\x89PNG"

    async def test_the_dashboard(self, http, account, webhook):
        entered = {"url": webhook.url, "verify_token": "another"}
        async with http.post(f"accounts/{account.id}/webhook", json=entered) as answer:
            assert (answer.status, (await answer.json())["verified"]) == (422, False)
        async with http.post(f"accounts/{account.id}/webhook", json=entered | {"verify_token": VERIFY_TOKEN}) as answer:
            assert (answer.status, (await answer.json())["verified"]) == (200, True)
        assert account.webhook_url == webhook.url

    async def test_what_happens_behind_the_shops_back(self, http, account, connection):
        await connection.register("https://shop.example")
        changes = {"message_access": False, "unsubscribe": True, "revoke": True, "grant": 60}
        async with http.post(f"accounts/{account.id}/change", json=changes) as answer:
            told = await answer.json()
        assert (told["message_access"], told["subscribed_fields"]) == (False, [])
        assert account.live_token(told["access_token"])
        assert len(account.tokens) == 2

    @pytest.mark.usefixtures("connected")
    async def test_any_bytes_with_any_signature(self, http, account):
        for query, status in (({}, 200), ({"signature": "sha256=0"}, 401), ({"signature": ""}, 401)):
            async with http.post(
                f"accounts/{account.id}/deliver", params=query, data=b'{"object":"instagram","entry":[]}'
            ) as answer:
                assert (await answer.json())["status"] == status

    async def test_a_message_that_is_not_there(self, http, account, chat):
        path = f"accounts/{account.id}/chats/{chat.customer.id}/edit"
        async with http.post(path, json={"message_id": "m"}) as answer:
            assert answer.status == 422
