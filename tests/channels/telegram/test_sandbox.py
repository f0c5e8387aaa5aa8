"""The sandbox keeps Telegram's rules: what it posts is read by python-telegram-bot and by our own parser."""

import asyncio
import json
from typing import Any

import aiohttp
import pytest
import telegram as ptb

from channels.faults import Fault
from channels.sandbox import Sandbox
from channels.telegram import parse
from channels.telegram.client import TelegramConnection
from channels.telegram.sandbox import Bot, Chat, sample_photo
from inbox.model.channel import Outgoing, WebhookRequest
from inbox.model.incoming import (
    AccountChanged,
    ButtonPress,
    Contact,
    Echo,
    Location,
    MessageDeleted,
    MessageEdited,
    NewMessage,
    ReachabilityChanged,
    ReactionChanged,
)


@pytest.fixture
async def connected(bot: Bot, chat: Chat, inbox: Any, connection: TelegramConnection) -> Chat:
    """Olena's chat, with the webhook set and her /start delivered."""
    await connection.register(inbox.url)
    await bot.drained()
    inbox.bodies.clear()
    return chat


async def delivered(chat: Chat, inbox: Any) -> list[Any]:
    await chat.bot.drained()
    for body in inbox.bodies:
        assert ptb.Update.de_json(json.loads(body)).to_dict()["update_id"]
    calls = [WebhookRequest(headers={}, query={}, body=body) for body in inbox.bodies]
    return [event for call in calls for raw in parse.split(call) for event in parse.read(raw.raw)]


class TestTime:
    async def test_both_sides_of_a_chat_may_lie_in_the_past(self, connected, inbox, connection):
        connected.clock = lambda: 1_700_000_000.0
        connected.text("Торік")
        sent = await connection.send(Outgoing(to=str(connected.customer.id), text="І ми торік"))
        [event] = await delivered(connected, inbox)
        assert isinstance(event, NewMessage)
        assert event.sent_at.timestamp() == 1_700_000_000
        assert sent.external_ids
        assert [message.date for message in connected.messages[-2:]] == [1_700_000_000] * 2


class TestUpdates:
    @pytest.mark.parametrize(
        ("act", "expected"),
        [
            (lambda chat: chat.text("Привіт"), {"text": "Привіт"}),
            (lambda chat: chat.start("spring"), {"source": "spring"}),
            (lambda chat: chat.text("Так", reply_to=1), {"text": "Так"}),
            (lambda chat: chat.photo(caption="Ось"), {"text": "Ось"}),
            (lambda chat: chat.location(50.4, 30.5), {"content": Location(latitude=50.4, longitude=30.5)}),
            (
                lambda chat: chat.contact("380671112233", "Тато", own=False),
                {"content": Contact(phone="380671112233", name="Тато", own=False)},
            ),
            (
                lambda chat: chat.contact("380671112233"),
                {"content": Contact(phone="380671112233", name="Олена Мельник", own=True)},
            ),
        ],
    )
    async def test_what_a_customer_writes(self, connected, inbox, act, expected):
        number = act(connected)
        [event] = await delivered(connected, inbox)
        assert isinstance(event, NewMessage)
        assert event.external_id == f"{connected.customer.id}:{number}"
        assert {name: getattr(event, name) for name in expected} == expected

    @pytest.mark.parametrize("kind", ["photo", "video", "voice", "sticker"])
    async def test_files(self, connected, inbox, kind):
        getattr(connected, kind)()
        [event] = await delivered(connected, inbox)
        assert [media.type for media in event.media] == [kind]

    async def test_a_document_keeps_its_name(self, connected, inbox):
        connected.document("чек.pdf", b"%PDF", content_type="application/pdf", caption="Оплата")
        [event] = await delivered(connected, inbox)
        assert (event.media[0].name, event.media[0].size, event.text) == ("чек.pdf", 4, "Оплата")

    async def test_an_album(self, connected, inbox):
        connected.album([None, None, None], caption="Три")
        events = await delivered(connected, inbox)
        assert [event.text for event in events] == ["Три", "", ""]
        assert len({event.group for event in events}) == 1

    async def test_edits_reactions_and_buttons(self, connected, connection, inbox):
        number = connected.text("Превіт")
        connected.edit(number, "Привіт")
        to = str(connected.customer.id)
        sent = await connection.send(Outgoing(to=to, text="Беремо?", buttons=(("Беремо", "yes"),)))
        shops = int(sent.external_ids[0].partition(":")[2])
        connected.react(shops, "👍")
        connected.press(shops, "Беремо")
        _, edited, reacted, pressed = await delivered(connected, inbox)
        assert edited.text == "Привіт"
        assert isinstance(reacted, ReactionChanged)
        assert (reacted.external_id, reacted.emoji) == (sent.external_ids[0], ("👍",))
        assert isinstance(pressed.content, ButtonPress)
        assert pressed.text == "Беремо"

    async def test_blocking_and_coming_back(self, connected, inbox):
        connected.block()
        connected.text("Я передумала")
        blocked, back, message = await delivered(connected, inbox)
        assert isinstance(blocked, ReachabilityChanged)
        assert (blocked.reachable, back.reachable, message.text) == (False, True, "Я передумала")


class TestBusiness:
    """A business account's chats, which Telegram reports to the bot that answers there."""

    @pytest.fixture
    async def talk(self, sandbox: Sandbox, connected: Chat) -> Chat:
        owner = sandbox.telegram.create_customer("Mary")
        return connected.bot.business_chat(connected.bot.create_business(owner), connected.customer)

    async def test_both_sides_and_what_they_change(self, talk, inbox):
        asked = talk.text("Є?")
        answered = talk.owner_text("Так", reply_to=asked)
        talk.edit(answered, "Так, два")
        talk.delete(asked)
        await talk.bot.drained()
        requests = [WebhookRequest(headers={}, query={}, body=body) for body in inbox.bodies]
        events = [event for request in requests for raw in parse.split(request) for event in parse.read(raw.raw)]
        # What the owner allows comes in another chat, so it may come at any time.
        [consent] = [event for event in events if isinstance(event, AccountChanged)]
        assert (consent.account, consent.trouble) == (talk.business.id, "")
        found = [event for event in events if not isinstance(event, AccountChanged)]
        assert [type(event) for event in found] == [NewMessage, Echo, MessageEdited, MessageDeleted]
        address = f"{talk.customer.id}@{talk.business.id}"
        assert {event.person.external_id for event in found} == {address}
        numbers = [asked, answered, answered, asked]
        assert [getattr(event, "external_id", "") for event in found] == [f"{address}:{number}" for number in numbers]

    async def test_what_the_bot_sends_there_comes_back_as_the_owners(self, talk, connection, inbox):
        talk.text("Є?")
        address = f"{talk.customer.id}@{talk.business.id}"
        sent = await connection.send(Outgoing(to=address, text="Так"))
        [echo] = [event for event in await delivered(talk, inbox) if isinstance(event, Echo)]
        assert (echo.external_id,) == sent.external_ids

    async def test_over_http_the_account_is_one_more_to_write_to(self, sandbox, connected, inbox):
        bot, customer = connected.bot, connected.customer
        async with aiohttp.ClientSession(f"{sandbox.url}/sandbox/telegram/") as http:
            async with http.post(f"bots/{bot.token}/business", json={"name": "Марія"}) as answer:
                assert answer.status == 201
                account = await answer.json()
            async with http.get("bots") as answer:
                assert account in (await answer.json())["items"]
            chat = f"bots/{account['token']}/chats/{customer.id}"
            async with http.post(f"{chat}/text", json={"text": "Є?"}) as answer:
                view = (await answer.json())["chat"]
                assert view["bot"]["token"] == account["token"]
            async with http.post(f"{chat}/owner", json={"text": "Так"}) as answer:
                assert [message["from_shop"] for message in (await answer.json())["chat"]["messages"]] == [False, True]
            number = view["messages"][0]["id"]
            async with http.post(f"{chat}/delete", json={"message_id": number}) as answer:
                assert answer.status == 200
            async with http.post(f"bots/{bot.token}/chats/{customer.id}/owner", json={"text": "Так"}) as answer:
                assert answer.status == 422
        assert len(await delivered(connected, inbox)) == 4


class TestDelivery:
    async def test_the_secret_goes_along(self, connected, inbox):
        connected.text("hi")
        await connected.bot.drained()
        assert set(inbox.secrets) == {"s3cret"}

    async def test_a_refused_update_comes_again_and_holds_up_its_chat(self, sandbox, connected, connection, inbox):
        other = connected.bot.chat(sandbox.telegram.create_customer("Віктор"))
        inbox.statuses[:] = [503, 503]
        connected.text("перше")
        connected.text("друге")
        await connected.until(lambda chat: chat.messages[-2].delivery == "failing")
        info = await connection._bot.get_webhook_info()
        assert info.pending_update_count >= 1
        assert info.last_error_message == "Wrong response from the webhook: 503 Service Unavailable"
        other.text("поза чергою")
        await connected.bot.drained()
        texts = [json.loads(body)["message"]["text"] for body in inbox.bodies]
        assert [text for text in texts if text in {"перше", "друге"}] == ["перше"] * texts.count("перше") + ["друге"]
        assert len({json.loads(body)["update_id"] for body in inbox.bodies}) == 3

    async def test_updates_wait_for_a_webhook(self, chat, inbox, connection):
        chat.text("ще нікого")
        assert chat.bot.pending_updates() == 2
        await connection.register(inbox.url)
        await chat.bot.drained()
        assert len(inbox.bodies) == 2

    async def test_only_allowed_updates_come(self, connected, inbox):
        connected.bot.webhook.updates = frozenset({"message"})
        connected.edit(connected.text("Превіт"), "Привіт")
        [event] = await delivered(connected, inbox)
        assert isinstance(event, NewMessage)

    async def test_any_bytes_with_any_secret(self, connected, inbox):
        inbox.statuses[:] = [401]
        assert await connected.bot.post(b"not json", secret="forged") == 401
        assert await connected.bot.post(b"not json") == 200
        assert inbox.secrets[-2:] == ["forged", "s3cret"]
        assert inbox.bodies == [b"not json", b"not json"]


class TestControl:
    """The same over HTTP, as the phone page and other processes use it."""

    @pytest.fixture
    async def http(self, sandbox):
        async with aiohttp.ClientSession(f"{sandbox.url}/sandbox/telegram/") as session:
            yield session

    async def test_from_a_new_bot_to_a_conversation(self, http):
        async with http.post("bots", json={"username": "box_shop_bot"}) as answer:
            bot = await answer.json()
        async with http.post("customers", json={"name": "Nino", "language": "ka"}) as answer:
            customer = await answer.json()
        chat = f"bots/{bot['token']}/chats/{customer['id']}"
        async with http.post(f"{chat}/text", json={"text": "გამარჯობა"}) as answer:
            assert (await answer.json())["chat"]["messages"][0]["text"] == "გამარჯობა"
        form = aiohttp.FormData({"text": "Ось"})
        form.add_field("file", sample_photo(), filename="box.png", content_type="image/png")
        async with http.post(f"{chat}/photo", data=form) as answer:
            file = (await answer.json())["chat"]["messages"][-1]["file"]
        async with http.get(f"files/{file['id']}") as answer:
            assert answer.content_type == "image/png"
            assert await answer.read() == sample_photo()

    async def test_events_wait_for_news(self, http, bot, chat, connection):
        path = f"bots/{bot.token}/chats/{chat.customer.id}/events"
        async with http.get(path) as answer:
            seen = await answer.json()

        async def news() -> Any:
            async with http.get(path, params={"after": str(seen["version"])}) as answer:
                return await answer.json()

        waiting = asyncio.create_task(news())
        await asyncio.sleep(0.05)
        assert not waiting.done()
        await connection.send(Outgoing(to=str(chat.customer.id), text="Вітаю"))
        assert (await waiting)["messages"][-1]["text"] == "Вітаю"

    async def test_faults(self, http, sandbox):
        async with http.post("faults", json={"kind": "hang", "method": "sendMessage", "times": 2}) as answer:
            assert answer.status == 201
        assert sandbox.telegram.faults.take("SENDMESSAGE") == Fault(kind="hang", method="sendMessage", times=2)
        async with http.get("faults") as answer:
            assert (await answer.json())["items"][0]["times"] == 1
        async with http.delete("faults") as answer:
            assert answer.status == 204
        assert sandbox.telegram.faults.take("sendMessage") is None

    @pytest.mark.parametrize(
        ("path", "body", "words"),
        [
            ("faults", {"kind": "explode"}, "kind"),
            ("customers", {"name": " "}, "name"),
            ("customers", {}, "name"),
            ("bots", {"token": "x"}, "token"),
        ],
    )
    async def test_wrong_input_is_explained(self, http, path, body, words):
        async with http.post(path, json=body) as answer:
            assert answer.status == 422
            assert words in (await answer.json())["error"]

    async def test_a_message_that_is_not_there(self, http, bot, chat):
        async with http.post(f"bots/{bot.token}/chats/{chat.customer.id}/edit", json={"message_id": 77}) as answer:
            assert answer.status == 422

    async def test_uploaded_pages_are_never_shown_inline(self, http, chat):
        chat.document("x.html", b"<script>alert(1)</script>", content_type="text/html")
        async with http.get(f"files/{chat.messages[-1].file.id}") as answer:
            assert answer.headers["Content-Disposition"] == "attachment"
            assert answer.content_type == "application/octet-stream"
