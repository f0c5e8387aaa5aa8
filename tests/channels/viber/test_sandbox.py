"""The sandbox keeps Viber's rules: what it posts is read by aioviberbot and by our own parser, and comes till taken."""

import asyncio
import json
import logging
from typing import Any

import aiohttp
import pytest
from aioviberbot import Api, BotConfiguration
from aioviberbot.api.api_request_sender import ApiRequestSender
from aioviberbot.api.message_sender import MessageSender
from aioviberbot.api.messages import PictureMessage, TextMessage
from aioviberbot.api.viber_requests import create_request

from channels.faults import Fault
from channels.props import sample_photo
from channels.viber.sandbox import Chat
from channels.viber.spec import CAPABILITIES
from inbox.model.channel import Outgoing
from inbox.model.incoming import ButtonPress, Contact, Location, NewMessage, ReachabilityChanged, Receipt


async def came(chat: Chat, webhook: Any) -> list[Any]:
    await chat.bot.drained()
    assert webhook.forged == 0
    for body in webhook.bodies:
        assert create_request(json.loads(body)).timestamp
    return list(webhook.read())


async def message(chat: Chat, webhook: Any) -> NewMessage:
    reached, written = await came(chat, webhook)
    assert isinstance(reached, ReachabilityChanged)
    assert isinstance(written, NewMessage)
    return written


class TestCallbacks:
    @pytest.mark.parametrize(
        ("act", "expected"),
        [
            (lambda chat: chat.text("Привіт"), {"text": "Привіт"}),
            (lambda chat: chat.photo(caption="Ось"), {"text": "Ось"}),
            (lambda chat: chat.link("https://skrynka.example/oak"), {"text": "https://skrynka.example/oak"}),
            (lambda chat: chat.location(50.4, 30.5), {"content": Location(latitude=50.4, longitude=30.5)}),
            (
                lambda chat: chat.contact("380671112233", "Тато"),
                {"content": Contact(phone="380671112233", name="Тато")},
            ),
        ],
    )
    async def test_what_a_customer_writes(self, chat, webhook, act, expected):
        number = act(chat)
        written = await message(chat, webhook)
        assert written.external_id == str(number)
        assert written.person.external_id == chat.user_id
        assert {name: getattr(written, name) for name in expected} == expected

    @pytest.mark.parametrize(("act", "kind"), [("photo", "photo"), ("video", "video"), ("sticker", "sticker")])
    async def test_files(self, chat, webhook, act, kind):
        getattr(chat, act)()
        written = await message(chat, webhook)
        assert [media.type for media in written.media] == [kind]

    async def test_a_document_keeps_its_name(self, chat, webhook):
        chat.document("чек.pdf", b"%PDF", content_type="application/pdf")
        written = await message(chat, webhook)
        assert (written.media[0].name, written.media[0].size) == ("чек.pdf", 4)

    async def test_a_button_is_told_from_a_text(self, chat, webhook, connection):
        await connection.send(Outgoing(to=chat.user_id, text="Беремо?", buttons=(("Беремо", "order:yes"),), key="m1"))
        await chat.until(lambda chat: chat.seen()[0].delivery == "delivered")
        chat.press("Беремо")
        *_, pressed = await came(chat, webhook)
        assert (pressed.text, pressed.content) == ("Беремо", ButtonPress(data="order:yes"))

    async def test_opening_subscribing_and_leaving(self, sandbox, bot, chat, webhook):
        stranger = bot.chat(sandbox.viber.create_customer("Віктор"))
        stranger.open("spring_sale")
        [opened] = await came(chat, webhook)
        assert (opened.source, opened.quiet, stranger.subscribed) == ("spring_sale", True, False)
        stranger.subscribe()
        await bot.drained()
        stranger.unsubscribe()
        _, back, gone = await came(chat, webhook)
        assert (back.reachable, gone.reachable) == (True, False)
        assert opened.person.external_id == back.person.external_id == gone.person.external_id

    async def test_whoever_writes_has_subscribed(self, sandbox, bot, chat, webhook):
        stranger = bot.chat(sandbox.viber.create_customer("Віктор"))
        stranger.text("Добрий день")
        await message(chat, webhook)
        assert stranger.subscribed

    async def test_one_customer_is_somebody_else_for_each_bot(self, sandbox, chat):
        other = sandbox.viber.create_bot("Інша крамниця").chat(chat.customer)
        assert other.user_id != chat.user_id
        assert len(chat.user_id) == 24


class TestWelcome:
    @pytest.fixture
    async def stranger(self, sandbox, chat, webhook, settings) -> Chat:
        webhook.settings = settings.model_copy(update={"welcome": "Вітаємо!"})
        opened: Chat = chat.bot.chat(sandbox.viber.create_customer("Віктор"))
        return opened

    async def test_it_comes_in_the_answer(self, stranger):
        stranger.open()
        await stranger.until(lambda chat: chat.texts() == ["Вітаємо!"])

    async def test_not_to_who_has_subscribed(self, stranger, bot):
        stranger.subscribe()
        stranger.open()
        await bot.drained()
        assert stranger.texts() == []


class TestReceipts:
    async def send(self, chat: Chat, connection: Any) -> str:
        sent = await connection.send(Outgoing(to=chat.user_id, text="Вітаю"))
        return str(sent.external_ids[0])

    async def test_delivered_and_seen(self, chat, webhook, connection):
        token = await self.send(chat, connection)
        await chat.until(lambda chat: chat.seen()[0].delivery == "delivered")
        chat.read()
        states = {event.state: event.external_id for event in await came(chat, webhook)}
        assert states == {"delivered": token, "read": token}

    async def test_a_phone_that_is_off(self, chat, webhook, connection):
        chat.switch(on=False)
        token = await self.send(chat, connection)
        assert await came(chat, webhook) == []
        chat.switch(on=True)
        [receipt] = await came(chat, webhook)
        assert isinstance(receipt, Receipt)
        assert (receipt.state, receipt.external_id) == ("delivered", token)

    async def test_a_message_that_the_app_cannot_show(self, chat, webhook, connection):
        chat.switch(on=False)
        token = await self.send(chat, connection)
        chat.fail(int(token), "unsupported keyboard")
        [receipt] = await came(chat, webhook)
        assert (receipt.state, receipt.error) == ("failed", "unsupported keyboard")


class TestDelivery:
    async def test_what_was_refused_comes_again_with_the_same_number(self, chat, webhook):
        webhook.statuses[:] = [503, 503]
        chat.text("перше")
        await chat.until(lambda chat: chat.messages[-1].delivery == "failing")
        await chat.bot.drained()
        assert len({event.key for event in webhook.events}) == 1
        assert len(webhook.events) == 3
        assert chat.messages[-1].delivery == "delivered"

    async def test_nothing_waits_for_what_was_refused(self, chat, webhook):
        webhook.statuses[:] = [503]
        chat.bot.retry_delays = (60.0,)
        chat.text("перше")
        await chat.until(lambda chat: chat.messages[0].delivery == "failing")
        chat.text("друге")
        await chat.until(lambda chat: chat.messages[1].delivery == "delivered")
        assert chat.messages[0].delivery == "failing"

    async def test_only_the_events_that_were_asked_for_come(self, chat, webhook, connection):
        chat.bot.webhook.events = frozenset({"seen"})
        await connection.send(Outgoing(to=chat.user_id, text="Вітаю"))
        await chat.until(lambda chat: chat.seen()[0].delivery == "delivered")
        chat.read()
        [receipt] = await came(chat, webhook)
        assert receipt.state == "read"

    async def test_nothing_comes_without_a_webhook(self, chat, webhook, connection):
        await connection.unregister()
        chat.text("Є хтось?")
        assert await came(chat, webhook) == []

    @pytest.mark.usefixtures("chat")
    async def test_any_bytes_with_any_signature(self, bot, webhook):
        status, _ = await bot.post(b"{}", signature="forged")
        assert (status, webhook.forged) == (401, 1)

    async def test_both_sides_of_a_chat_may_lie_in_the_past(self, chat, webhook, connection):
        chat.clock = lambda: 1_700_000_000.25
        chat.text("Торік")
        await connection.send(Outgoing(to=chat.user_id, text="І ми торік"))
        *_, written = [event for event in await came(chat, webhook) if isinstance(event, NewMessage)]
        assert written.sent_at.timestamp() == 1_700_000_000.25
        assert [one.date for one in chat.messages] == [1_700_000_000.25] * 2


class TestAnotherClient:
    """A bot that is written with aioviberbot finds the same Viber here."""

    @pytest.fixture
    async def sender(self, sandbox, bot):
        configuration = BotConfiguration(auth_token=bot.token, name=bot.name, avatar="")
        async with aiohttp.ClientSession() as http:
            log = logging.getLogger("aioviberbot")
            yield ApiRequestSender(log, f"{sandbox.api_base('viber')}/pa", configuration, "tests", http)

    async def test_it_can_set_the_webhook_and_ask_for_the_account(self, sender, bot, webhook):
        events = ["delivered", "seen"]
        await sender.set_webhook(webhook.url, events)
        account = await sender.get_account_info()
        assert (account["webhook"], account["name"]) == (webhook.url, bot.name)
        assert set(events) <= set(account["event_types"])

    async def test_what_it_sends_arrives(self, sender, chat, webhook):
        photo = webhook.offer("box.png", sample_photo())
        messages = MessageSender(logging.getLogger("aioviberbot"), sender)
        for message in (TextMessage(text="Вітаю"), PictureMessage(text="Ось", media=photo)):
            await messages.send_message(chat.user_id, "Скринька", None, message)
        await chat.until(lambda chat: chat.texts() == ["Вітаю", "Ось"] and chat.seen()[1].file)

    async def test_it_believes_our_signature(self, bot):
        api = Api(BotConfiguration(auth_token=bot.token, name="x", avatar="x"))
        assert api.verify_signature(b"{}", bot.sign(b"{}"))


GOOD: dict[str, Any] = {"receiver": "", "sender": {"name": "Скринька"}, "type": "text", "text": "Вітаю"}
PICTURE = {"type": "picture", "text": "", "media": "https://shop.example/a.png"}
FILE = {"type": "file", "media": "https://shop.example/a", "size": 1, "file_name": "a.pdf"}
VIDEO = {"type": "video", "media": "https://shop.example/a.mp4", "size": 1}


def keyboard(*titles: str) -> dict[str, Any]:
    buttons = [{"Columns": 6, "Rows": 1, "ActionType": "reply", "ActionBody": one, "Text": one} for one in titles]
    return {"keyboard": {"Type": "keyboard", "Buttons": buttons}}


class TestRefusals:
    """What the real thing would refuse, so that a test fails where the field would."""

    async def ask(self, sandbox: Any, token: str, body: Any, method: str = "send_message") -> tuple[int, str]:
        headers = {"X-Viber-Auth-Token": token} if token else {}
        url = f"{sandbox.api_base('viber')}/pa/{method}"
        async with aiohttp.ClientSession() as http, http.post(url, data=json.dumps(body), headers=headers) as answer:
            assert answer.status == 200
            said = await answer.json()
            return said["status"], said["status_message"]

    @pytest.mark.parametrize(
        ("changes", "status"),
        [
            ({}, 0),
            ({"sender": {}}, 4),
            ({"sender": None}, 4),
            ({"sender": {"name": "ї" * 29}}, 3),
            ({"type": "carrier pigeon"}, 3),
            ({"text": ""}, 4),
            ({"text": "a" * (CAPABILITIES.text_limit + 1)}, 3),
            ({"tracking_data": "a" * 4001}, 3),
            ({"tracking_data": "ї" * 4000, "text": "ї" * 7000}, 3),
            ({"receiver": "bm9ib2R5"}, 5),
            (PICTURE | {"media": "https://shop.example/a"}, 3),
            (PICTURE | {"media": "box.png"}, 3),
            (PICTURE | {"text": "ї" * 513}, 3),
            ({"type": "video", "media": "https://shop.example/a.mp4"}, 4),
            (VIDEO | {"size": 27 * 10**6}, 3),
            (FILE | {"size": 51 * 10**6}, 3),
            (FILE | {"file_name": "ї" * 257}, 3),
            (FILE | {"file_name": None}, 4),
            (keyboard(), 3),
            (keyboard(*("a" * 25)), 3),
            (keyboard("ї" * 251), 3),
            (keyboard("Так"), 0),
        ],
    )
    async def test_each_mistake_has_its_status(self, sandbox, bot, chat, changes, status):
        body = GOOD | {"receiver": chat.user_id} | changes
        assert (await self.ask(sandbox, bot.token, body))[0] == status
        assert len(chat.seen()) == (status == 0)

    async def test_no_token_and_a_wrong_one(self, sandbox):
        assert await self.ask(sandbox, "", GOOD) == (2, "missing_auth_token")
        assert await self.ask(sandbox, "wrong", GOOD) == (2, "invalidAuthToken")

    async def test_no_webhook(self, sandbox, bot):
        assert await self.ask(sandbox, bot.token, GOOD) == (10, "webhookNotSet")

    @pytest.mark.parametrize("url", ["nonsense", "http://127.0.0.1:9/"])
    async def test_a_webhook_that_cannot_be_called(self, sandbox, bot, url):
        status, _ = await self.ask(sandbox, bot.token, {"url": url}, "set_webhook")
        assert (status, bot.webhook.url) == (1, "")

    @pytest.mark.parametrize("body", ["text", [], None])
    async def test_no_object(self, sandbox, bot, body):
        assert (await self.ask(sandbox, bot.token, body))[0] == 3


class TestControl:
    """The same over HTTP, as the phone page and other processes use it."""

    @pytest.fixture
    async def http(self, sandbox):
        async with aiohttp.ClientSession(f"{sandbox.url}/sandbox/viber/") as session:
            yield session

    async def test_from_a_new_bot_to_a_conversation(self, http):
        async with http.post("bots", json={"name": "Скринька"}) as answer:
            bot = await answer.json()
        async with http.post("customers", json={"name": "Nino", "language": "ka"}) as answer:
            customer = await answer.json()
        chat = f"bots/{bot['token']}/chats/{customer['id']}"
        async with http.post(f"{chat}/text", json={"text": "გამარჯობა"}) as answer:
            [said] = (await answer.json())["chat"]["messages"]
        assert (said["text"], type(said["id"])) == ("გამარჯობა", str)
        form = aiohttp.FormData({"text": "Ось"})
        form.add_field("file", sample_photo(), filename="box.png", content_type="image/png")
        async with http.post(f"{chat}/files", data=form) as answer:
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
        await connection.send(Outgoing(to=chat.user_id, text="Вітаю"))
        assert (await waiting)["messages"][-1]["text"] == "Вітаю"

    @pytest.mark.parametrize(
        ("action", "body"),
        [
            ("open", {"context": "x"}),
            ("subscribe", {}),
            ("unsubscribe", {}),
            ("photo", {}),
            ("sticker", {}),
            ("contact", {}),
            ("location", {}),
            ("link", {}),
            ("switch", {"on": False}),
            ("read", {}),
        ],
    )
    async def test_whatever_a_customer_does(self, http, bot, chat, webhook, action, body):
        async with http.post(f"bots/{bot.token}/chats/{chat.customer.id}/{action}", json=body) as answer:
            assert answer.status == 200
        await bot.drained()
        assert webhook.forged == 0

    async def test_a_press_and_a_failure(self, http, bot, chat, connection):
        chat.switch(on=False)
        sent = await connection.send(Outgoing(to=chat.user_id, text="Беремо?", buttons=(("Так", "yes"),)))
        path = f"bots/{bot.token}/chats/{chat.customer.id}"
        async with http.post(f"{path}/fail", json={"message_id": sent.external_ids[0]}) as answer:
            assert (await answer.json())["chat"]["messages"][-1]["delivery"] == "failed"
        async with http.post(f"{path}/press", json={"button": "Так"}) as answer:
            assert (await answer.json())["chat"]["messages"][-1]["text"] == "Так"
        async with http.post(f"{path}/press", json={"button": "Ні"}) as answer:
            assert answer.status == 422

    @pytest.mark.usefixtures("chat")
    async def test_a_webhook_call_of_any_kind(self, http, bot):
        async with http.post(f"bots/{bot.token}/webhook?signature=x", data=b"{}") as answer:
            assert (await answer.json())["status"] == 401
        async with http.post(f"bots/{bot.token}/webhook", data=b'{"event": "x", "message_token": 1}') as answer:
            assert (await answer.json())["status"] == 200

    async def test_faults(self, http, sandbox):
        async with http.post("faults", json={"kind": "status", "status": 12, "method": "send_message"}) as answer:
            assert answer.status == 201
        assert sandbox.viber.faults.take("send_message") == Fault(kind="status", status=12, method="send_message")

    @pytest.mark.parametrize("path", ["bots/none/chats/1", "files/none", "bots/none/webhook"])
    async def test_what_is_not_there(self, http, path):
        async with http.get(path) as answer:
            assert answer.status in {404, 405}
