"""The client against the sandbox, over real HTTP; what arrived is read back with python-telegram-bot."""

import asyncio
import inspect
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiogram.exceptions
import pytest
import telegram as ptb
from pydantic import SecretStr

from channels.faults import Fault
from channels.props import sample_photo
from channels.sandbox import Sandbox
from channels.telegram.client import PILED_UP, TelegramConnection, failure_of
from channels.telegram.parse import ALLOWED_UPDATES
from channels.telegram.sandbox import Bot, Business, Chat
from channels.telegram.spec import TelegramSettings
from inbox.model.channel import Outgoing, OutgoingFile
from inbox.model.failures import (
    AddressMoved,
    ChannelFailure,
    CredentialsRejected,
    Refused,
    RetryLater,
    Uncertain,
    Unreachable,
)

URL = "https://shop.example/webhooks/telegram/c1"


def outgoing_file(kind: str = "photo", name: str = "box.jpg", data: bytes = b"content", **changes: Any) -> OutgoingFile:
    async def content() -> AsyncIterator[bytes]:
        for start in range(0, len(data), 100_000):
            yield data[start : start + 100_000]

    fields: dict[str, Any] = {"type": kind, "name": name, "content_type": "image/jpeg"}
    fields |= {"size": len(data), "open": content} | changes
    return OutgoingFile(**fields)


def to(chat: Chat) -> str:
    return str(chat.customer.id)


def received(chat: Chat) -> list[ptb.Message]:
    """What the customer got, in python-telegram-bot's reading."""
    found = [ptb.Message.de_json(chat.as_json(message)) for message in chat.seen()]
    assert all(found)
    return found


class TestWebhook:
    async def test_register_asks_for_exactly_what_can_be_read(self, bot: Bot, connection: TelegramConnection):
        await connection.register(URL)
        assert bot.webhook.url == URL
        assert bot.webhook.secret == "s3cret"
        assert bot.webhook.updates == set(ALLOWED_UPDATES)

    async def test_register_keeps_what_customers_wrote_meanwhile(self, bot, chat, connection):
        chat.text("Є хтось?")
        await connection.register(URL)
        assert bot.pending_updates() > 0

    async def test_check_leaves_a_good_webhook_alone(self, sandbox, connection):
        await connection.register(URL)
        sandbox.telegram.fault(Fault(kind="status", method="setWebhook", status=500))
        await connection.check(URL)

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda hook: setattr(hook, "url", "https://other.example/"),
            lambda hook: setattr(hook, "updates", frozenset({"message"})),
            lambda hook: setattr(hook, "last_error_date", 1760000000),
        ],
    )
    async def test_check_repairs_the_webhook(self, bot, connection, spoil: Callable[[Any], None]):
        await connection.register(URL)
        spoil(bot.webhook)
        bot.webhook.secret = "stale"
        await connection.check(URL)
        assert (bot.webhook.url, bot.webhook.secret) == (URL, "s3cret")
        assert bot.webhook.updates == set(ALLOWED_UPDATES)

    async def test_check_tells_what_piles_up_and_why(self, bot, chat, connection):
        await connection.register(URL)
        for _ in range(PILED_UP):
            chat.text("Ви тут?")
        bot.webhook.last_error_date = 1760000000
        bot.webhook.last_error_message = "Connection refused"
        with pytest.raises(RetryLater, match=r"\d+ events wait at Telegram.*Connection refused"):
            await connection.check(URL)

    @pytest.fixture
    async def failing(self, bot: Bot, chat: Chat, connection: TelegramConnection) -> Bot:
        """A bot whose webhook did not take something and will not be tried again soon."""
        bot.retry_delays = (60,)
        chat.text("Ви тут?")
        await connection.register(URL)
        await chat.until(lambda chat: chat.bot.webhook.last_error_message)
        return bot

    async def test_check_tells_of_what_waits_after_a_failure_just_now(self, failing, connection):
        failing.webhook.last_error_message = f"Wrong response from /bot{failing.token} with s3cret"
        with pytest.raises(RetryLater, match="events wait at Telegram") as raised:
            await connection.check(URL)
        assert failing.token not in str(raised.value)
        assert "s3cret" not in str(raised.value)

    async def test_check_forgives_a_failure_of_yesterday(self, failing, connection):
        failing.webhook.last_error_date = int(time.time()) - 24 * 3600
        await connection.check(URL)

    async def test_unregister(self, bot, connection):
        await connection.register(URL)
        await connection.unregister()
        assert bot.webhook.url == ""


class TestSend:
    async def test_text_arrives_as_typed(self, chat, connection):
        sent = await connection.send(Outgoing(to=to(chat), text="*Вітаю* _Олено_ <b>🙂"))
        [message] = received(chat)
        assert message.text == "*Вітаю* _Олено_ <b>🙂"
        assert not message.entities
        assert sent.external_ids == (f"{chat.customer.id}:{message.message_id}",)

    async def test_reply_quotes_the_customers_message(self, chat, connection):
        asked = chat.text("Коли?")
        await connection.send(Outgoing(to=to(chat), text="Завтра", reply_to=f"{to(chat)}:{asked}"))
        [message] = received(chat)
        assert message.reply_to_message is not None
        assert message.reply_to_message.text == "Коли?"

    @pytest.mark.parametrize("reply_to", ["1:999", "1:cb:5"])
    async def test_a_reply_to_what_is_gone_still_arrives(self, chat, connection, reply_to):
        await connection.send(Outgoing(to=to(chat), text="Завтра", reply_to=reply_to))
        assert chat.texts() == ["Завтра"]

    async def test_buttons(self, chat, connection):
        await connection.send(Outgoing(to=to(chat), text="Так?", buttons=(("Так", "yes"), ("Пізніше", "no"))))
        [message] = received(chat)
        assert message.reply_markup is not None
        buttons = [button for row in message.reply_markup.inline_keyboard for button in row]
        assert [(button.text, button.callback_data) for button in buttons] == [("Так", "yes"), ("Пізніше", "no")]

    @pytest.mark.parametrize("kind", ["photo", "video", "audio", "voice", "document"])
    async def test_a_file_with_its_caption(self, chat, connection, kind):
        content = bytes(range(256)) * 2000
        file = outgoing_file(kind, 'щ"ж\r\n.bin', content)
        await connection.send(Outgoing(to=to(chat), text="Ось", files=(file,)))
        [message] = chat.seen()
        assert message.file is not None
        assert (message.file.type, message.file.name) == (kind, "щ_ж__.bin")
        assert message.file.data == content
        [parsed] = received(chat)
        assert parsed.caption == "Ось"
        assert parsed.effective_attachment

    async def test_a_file_of_an_unknown_type_goes_as_a_document(self, chat, connection):
        await connection.send(Outgoing(to=to(chat), files=(outgoing_file("hologram", ""),)))
        [message] = chat.seen()
        assert message.file is not None
        assert (message.file.type, message.file.name) == ("document", "file")

    @pytest.mark.parametrize(
        "refusal",
        [
            "Bad Request: PHOTO_INVALID_DIMENSIONS",
            "Bad Request: Photo_invalid_dimensions",
            "Bad Request: IMAGE_PROCESS_FAILED",
        ],
    )
    @pytest.mark.parametrize(("count", "method"), [(1, "sendPhoto"), (2, "sendMediaGroup")])
    async def test_photos_that_telegram_cannot_show_go_as_documents(
        self, sandbox, chat, connection, count, method, refusal
    ):
        sandbox.telegram.fault(Fault(kind="status", method=method, status=400, description=refusal, times=1))
        sent = await connection.send(Outgoing(to=to(chat), files=(outgoing_file(),) * count))
        assert [message.file and message.file.type for message in chat.seen()] == ["document"] * count
        assert len(sent.external_ids) == count

    async def test_a_photo_of_odd_sides_goes_as_a_document(self, chat, connection):
        # A PNG's header alone says how large the picture is.
        header = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (3000).to_bytes(4) + (100).to_bytes(4)
        await connection.send(Outgoing(to=to(chat), files=(outgoing_file(data=header),)))
        assert [message.file and message.file.type for message in chat.seen()] == ["document"]

    async def test_a_document_that_is_refused_is_not_tried_a_third_time(self, sandbox, chat, connection):
        refusal = "Bad Request: IMAGE_PROCESS_FAILED"
        sandbox.telegram.fault(Fault(kind="status", status=400, description=refusal, times=2))
        with pytest.raises(Refused, match="IMAGE_PROCESS_FAILED"):
            await connection.send(Outgoing(to=to(chat), files=(outgoing_file(),)))
        assert sandbox.telegram.faults.listed() == []
        assert chat.seen() == []

    async def test_an_album_is_one_request_with_one_caption(self, chat, connection):
        files = (outgoing_file(), outgoing_file("video", "v.mp4"), outgoing_file())
        sent = await connection.send(Outgoing(to=to(chat), text="Разом", files=files))
        messages = received(chat)
        assert sent.external_ids == tuple(f"{to(chat)}:{message.message_id}" for message in messages)
        assert [message.caption for message in messages] == ["Разом", None, None]
        assert len({message.media_group_id for message in messages}) == 1

    @pytest.mark.parametrize(
        "message",
        [
            Outgoing(to="1", files=(outgoing_file(), outgoing_file("document"))),
            Outgoing(to="1", files=(outgoing_file("voice"), outgoing_file("voice"))),
            Outgoing(to="1", files=(outgoing_file(), outgoing_file()), buttons=(("Так", "yes"),)),
        ],
    )
    async def test_what_makes_no_album_is_refused_before_it_is_sent(self, connection, message):
        with pytest.raises(Refused, match="album"):
            await connection.send(message)

    async def test_a_file_of_ours_that_cannot_be_read_sends_nothing(self, chat, connection):
        async def broken() -> AsyncIterator[bytes]:
            yield b"half"
            message = "storage is down"
            raise OSError(message)

        with pytest.raises(RetryLater, match="could not be read"):
            await connection.send(Outgoing(to=to(chat), files=(outgoing_file(open=broken),)))
        assert chat.seen() == []

    @pytest.mark.parametrize("recipient", ["", "olena", "9" * 30])
    async def test_a_recipient_that_is_no_chat(self, connection, recipient):
        with pytest.raises(Unreachable):
            await connection.send(Outgoing(to=recipient, text="hi"))


class TestChange:
    async def test_edit(self, chat, connection):
        sent = await connection.send(Outgoing(to=to(chat), text="Завтра"))
        await connection.edit(to(chat), sent.external_ids[0], "Сьогодні")
        assert chat.texts() == ["Сьогодні"]

    async def test_edit_of_a_caption(self, chat, connection):
        sent = await connection.send(Outgoing(to=to(chat), text="Ось", files=(outgoing_file(),)))
        await connection.edit(to(chat), sent.external_ids[0], "Ось вона")
        assert chat.texts() == ["Ось вона"]
        await connection.edit(to(chat), sent.external_ids[0], "Ось вона")

    async def test_edit_to_the_same_is_done_already(self, chat, connection):
        sent = await connection.send(Outgoing(to=to(chat), text="Завтра"))
        await connection.edit(to(chat), sent.external_ids[0], "Завтра")

    async def test_edit_of_nothing(self, chat, connection):
        with pytest.raises(Refused, match="message to edit not found"):
            await connection.edit(to(chat), f"{to(chat)}:999", "Завтра")

    async def test_delete_twice_is_done_already(self, chat, connection):
        sent = await connection.send(Outgoing(to=to(chat), text="Завтра"))
        for _ in range(2):
            await connection.delete(to(chat), sent.external_ids[0])
        assert chat.texts() == []

    async def test_typing(self, chat, connection):
        await connection.typing(to(chat))
        assert chat.typing

    async def test_acknowledge_stops_the_buttons_spinner(self, bot, chat, connection):
        sent = await connection.send(Outgoing(to=to(chat), text="Так?", buttons=(("Так", "yes"),)))
        query = chat.press(int(sent.external_ids[0].partition(":")[2]), "Так")
        for _ in range(2):  # The second is too old, which is as good.
            await connection.acknowledge(query)
        assert bot.answered == [query]


class TestBusiness:
    """The same over a business account: as its owner, in the owner's chats."""

    @pytest.fixture
    def business(self, sandbox: Sandbox, bot: Bot) -> Business:
        return bot.create_business(sandbox.telegram.create_customer("Mary"))

    @pytest.fixture
    def talk(self, bot: Bot, chat: Chat, business: Business) -> Chat:
        opened = bot.business_chat(business, chat.customer)
        opened.text("Добрий день")
        return opened

    @pytest.fixture
    def address(self, talk, business) -> str:
        return f"{talk.customer.id}@{business.id}"

    async def test_a_reply_goes_out_as_the_owner(self, chat, talk, connection, address):
        asked = talk.text("Коли?")
        sent = await connection.send(Outgoing(to=address, text="Завтра", reply_to=f"{address}:{asked}"))
        [message] = received(talk)
        assert sent.external_ids == (f"{address}:{message.message_id}",)
        assert message.from_user is not None
        assert message.from_user.first_name == "Mary"
        assert message.reply_to_message is not None
        assert chat.seen() == []

    async def test_files_buttons_and_albums(self, talk, connection, address):
        await connection.send(Outgoing(to=address, files=(outgoing_file(),), buttons=(("Так", "yes"),)))
        await connection.send(Outgoing(to=address, files=(outgoing_file(), outgoing_file())))
        assert [message.file is not None for message in talk.seen()] == [True] * 3

    async def test_edit_delete_and_typing(self, talk, connection, address):
        sent = await connection.send(Outgoing(to=address, text="Завтра"))
        await connection.typing(address)
        assert talk.typing
        await connection.edit(address, sent.external_ids[0], "Сьогодні")
        assert talk.texts() == ["Сьогодні"]
        for _ in range(2):
            await connection.delete(address, sent.external_ids[0])
        assert talk.texts() == []

    @pytest.mark.parametrize(
        ("spoil", "words"),
        [
            (lambda talk: setattr(talk.business, "enabled", False), "not connected to this bot any more"),
            (lambda talk: setattr(talk.business, "can_reply", False), "does not allow the bot to do this"),
            (lambda talk: setattr(talk, "clock", lambda: time.time() + 25 * 3600), "only within 24 hours"),
            (lambda talk: talk.bot.business_chats.update({(talk.business.id, 1): talk}), "keeps the bot out"),
        ],
        ids=["disconnected", "may not answer", "a day of silence", "left out"],
    )
    async def test_why_not_is_said_in_plain_words_and_counts_for_this_message_only(
        self, talk, connection, address, spoil, words
    ):
        spoil(talk)
        to = address.replace(str(talk.customer.id), "2") if words == "keeps the bot out" else address
        with pytest.raises(Refused, match=words) as raised:
            await connection.send(Outgoing(to=to, text="Завтра"))
        assert not isinstance(raised.value, Unreachable)


class TestProfile:
    async def test_it_is_the_picture_that_they_show(self, sandbox, chat, connection):
        sandbox.telegram.portray(chat.customer, sample_photo())
        person = await connection.profile(to(chat))
        fetched = b"".join([part async for part in connection.fetch(person.avatar, 1 << 20)])
        assert (person.external_id, person.name, fetched) == (to(chat), "", sample_photo())

    async def test_whoever_shows_none_has_none(self, chat, connection):
        assert (await connection.profile(to(chat))).avatar == ""

    async def test_a_business_accounts_customer_is_asked_about_by_their_own_number(self, sandbox, bot, connection):
        owner, customer = (sandbox.telegram.create_customer(name) for name in ("Ірина", "Олена"))
        business = bot.create_business(owner)
        bot.business_chat(business, customer).text("Добрий день")
        sandbox.telegram.portray(customer, sample_photo())
        assert (await connection.profile(f"{customer.id}@{business.id}")).avatar

    async def test_a_group_has_no_face(self, connection):
        assert await connection.profile("-1001234") is None

    async def test_nobody_known_is_refused(self, connection):
        with pytest.raises(Refused, match="user not found"):
            await connection.profile("1")


class TestFetch:
    async def fetch(self, connection: TelegramConnection, ref: str, max_bytes: int = 20 << 20) -> bytes:
        return b"".join([chunk async for chunk in connection.fetch(ref, max_bytes)])

    async def test_streams_the_file(self, chat, connection):
        data = bytes(range(256)) * 4000
        chat.document("book.pdf", data)
        assert await self.fetch(connection, chat.messages[-1].file.id) == data

    async def test_refuses_by_the_stated_size(self, sandbox, chat, connection):
        chat.document("book.pdf", b"x" * 2000)
        sandbox.telegram.fault(Fault(kind="status", method="file", status=500))
        with pytest.raises(Refused, match="larger than 1000 bytes"):
            await self.fetch(connection, chat.messages[-1].file.id, 1000)

    async def test_refuses_what_telegram_does_not_give(self, chat, connection):
        chat.document("film.mkv", b"x" * ((20 << 20) + 1))
        with pytest.raises(Refused, match="file is too big"):
            await self.fetch(connection, chat.messages[-1].file.id)

    async def test_a_file_that_telegram_does_not_know(self, connection):
        with pytest.raises(Refused, match="wrong file_id"):
            await self.fetch(connection, "nothing")

    @pytest.mark.parametrize(
        ("fault", "failure"),
        [
            (Fault(kind="status", status=500), RetryLater),
            (Fault(kind="status", status=401), CredentialsRejected),
            (Fault(kind="hang"), RetryLater),
            (Fault(kind="reset_after"), RetryLater),
        ],
    )
    async def test_what_breaks_on_the_way_is_tried_again(self, sandbox, chat, connection, fault, failure):
        chat.document("book.pdf", b"x" * 2000)
        sandbox.telegram.fault(Fault(kind=fault.kind, method="file", status=fault.status))
        with pytest.raises(failure):
            await self.fetch(connection, chat.messages[-1].file.id)


SEND_FAULTS = {
    "500": (Fault(kind="status", status=500), RetryLater, 0),
    "502 page of a proxy": (Fault(kind="html"), RetryLater, 0),
    "429": (Fault(kind="status", status=429, retry_after=7), RetryLater, 0),
    "429 page of a proxy": (Fault(kind="html", status=429), RetryLater, 0),
    "401": (Fault(kind="status", status=401), CredentialsRejected, 0),
    "404": (Fault(kind="status", status=404), CredentialsRejected, 0),
    "403": (Fault(kind="status", status=403), Unreachable, 0),
    "400 chat not found": (
        Fault(kind="status", status=400, description="Bad Request: chat not found"),
        Unreachable,
        0,
    ),
    "400": (Fault(kind="status", status=400), Refused, 0),
    "409": (Fault(kind="status", status=409), Refused, 0),
    "413": (Fault(kind="status", status=413), Refused, 0),
    "413 page of a proxy": (Fault(kind="html", status=413), Refused, 0),
    "418": (Fault(kind="status", status=418), RetryLater, 0),
    "400 business connection gone": (
        Fault(kind="status", status=400, description="Bad Request: business connection not found"),
        Refused,
        0,
    ),
    "400 business chat silent for a day": (
        Fault(kind="status", status=400, description="Bad Request: BUSINESS_PEER_USAGE_MISSING"),
        Refused,
        0,
    ),
    "403 deactivated": (
        Fault(kind="status", status=403, description="Forbidden: user is deactivated"),
        Unreachable,
        0,
    ),
    "hangs": (Fault(kind="hang"), Uncertain, 0),
    "hangs after sending": (Fault(kind="hang_after"), Uncertain, 1),
    "resets": (Fault(kind="reset_before"), Uncertain, 0),
    "resets after sending": (Fault(kind="reset_after"), Uncertain, 1),
    "answers garbage": (Fault(kind="garbage"), Uncertain, 1),
}


class TestFailures:
    @pytest.mark.parametrize(("fault", "failure", "arrived"), SEND_FAULTS.values(), ids=SEND_FAULTS)
    async def test_each_fault_names_the_next_step(self, sandbox, bot, chat, connection, fault, failure, arrived):
        sandbox.telegram.fault(fault)
        with pytest.raises(ChannelFailure) as raised:
            await connection.send(Outgoing(to=to(chat), text="Вітаю"))
        assert type(raised.value) is failure
        assert len(chat.seen()) == arrived
        self.keeps_the_token(raised.value, bot)

    async def test_slowing_down_says_how_long(self, sandbox, chat, connection):
        sandbox.telegram.fault(Fault(kind="status", status=429, retry_after=7))
        with pytest.raises(RetryLater) as raised:
            await connection.send(Outgoing(to=to(chat), text="Вітаю"))
        assert raised.value.after == 7

    async def test_slow_is_not_failed(self, sandbox, chat, connection):
        sandbox.telegram.fault(Fault(kind="slow", seconds=0.1))
        await connection.send(Outgoing(to=to(chat), text="Вітаю"))
        assert chat.texts() == ["Вітаю"]

    @pytest.mark.parametrize("kind", ["hang", "reset_after", "garbage"])
    @pytest.mark.parametrize(
        "call",
        [
            lambda connection: connection.register(URL),
            lambda connection: connection.check(URL),
            lambda connection: connection.unregister(),
            lambda connection: connection.edit("1", "1:1", "x"),
            lambda connection: connection.delete("1", "1:1"),
            lambda connection: connection.typing("1"),
            lambda connection: connection.acknowledge("1"),
        ],
        ids=["register", "check", "unregister", "edit", "delete", "typing", "acknowledge"],
    )
    async def test_what_can_be_repeated_is_never_uncertain(
        self, sandbox, connection, kind: Any, call: Callable[[TelegramConnection], Awaitable[None]]
    ):
        sandbox.telegram.fault(Fault(kind=kind))
        with pytest.raises((RetryLater, Refused)) as raised:
            await call(connection)
        assert isinstance(raised.value, RetryLater) or kind != "hang"

    async def test_a_blocked_bot(self, bot, chat, connection):
        chat.block()
        with pytest.raises(Unreachable, match="bot was blocked by the user") as raised:
            await connection.send(Outgoing(to=to(chat), text="Вітаю"))
        self.keeps_the_token(raised.value, bot)

    async def test_a_customer_who_never_wrote(self, sandbox, bot, connection):
        stranger = bot.chat(sandbox.telegram.create_customer("Nobody"))
        with pytest.raises(Unreachable, match="can't initiate"):
            await connection.send(Outgoing(to=to(stranger), text="Вітаю"))

    @pytest.mark.parametrize("text", ["", " "])
    async def test_an_empty_text(self, chat, connection, text):
        with pytest.raises(Refused, match="message text is empty"):
            await connection.send(Outgoing(to=to(chat), text=text))

    async def test_nobody_listens(self, settings: TelegramSettings, unused_tcp_port: int):
        await self.never_sent(settings, f"http://127.0.0.1:{unused_tcp_port}")

    async def test_no_such_host(self, settings: TelegramSettings):
        await self.never_sent(settings, "http://api.telegram.invalid")

    async def never_sent(self, settings: TelegramSettings, api_base: str) -> None:
        connection = TelegramConnection(settings.model_copy(update={"api_base": api_base}))
        with pytest.raises(RetryLater, match="could not be reached") as raised:
            await connection.send(Outgoing(to="1", text="Вітаю"))
        shown = "".join(traceback.format_exception(raised.value)) + repr(raised.value)
        assert settings.token.get_secret_value() not in shown
        await connection.close()

    async def test_an_unknown_token(self, settings: TelegramSettings):
        wrong = "123456789:" + "B" * 35
        connection = TelegramConnection(settings.model_copy(update={"token": SecretStr(wrong)}))
        with pytest.raises(CredentialsRejected) as raised:
            await connection.register(URL)
        assert wrong not in "".join(traceback.format_exception(raised.value))
        await connection.close()

    async def test_telegram_repeating_our_token_is_not_repeated_by_us(self, sandbox, bot, chat, connection):
        sandbox.telegram.fault(Fault(kind="status", status=400, description=f"Bad Request: bot{bot.token} is odd"))
        with pytest.raises(Refused, match="is odd") as raised:
            await connection.send(Outgoing(to=to(chat), text="Вітаю"))
        self.keeps_the_token(raised.value, bot)

    async def test_a_cancelled_send_stays_cancelled(self, sandbox, chat, connection):
        sandbox.telegram.fault(Fault(kind="hang"))
        sending = asyncio.create_task(connection.send(Outgoing(to=to(chat), text="Вітаю")))
        await asyncio.sleep(0.05)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending

    def keeps_the_token(self, failure: ChannelFailure, bot: Bot) -> None:
        shown = "".join(traceback.format_exception(failure)) + repr(failure) + str(failure)
        assert bot.token not in shown
        assert failure.__cause__ is None
        assert failure.__context__ is None
        assert str(failure)


def test_a_chat_that_moved_names_its_new_id():
    method = aiogram.methods.SendMessage(chat_id=1, text="x")
    failure = failure_of(aiogram.exceptions.TelegramMigrateToChat(method, "moved", -100123))
    assert isinstance(failure, AddressMoved)
    assert failure.external_id == "-100123"


def api_errors() -> list[type[aiogram.exceptions.TelegramAPIError]]:
    base = aiogram.exceptions.TelegramAPIError
    found = inspect.getmembers(aiogram.exceptions, inspect.isclass)
    return [kind for _, kind in found if issubclass(kind, base) and kind is not base]


@pytest.mark.parametrize("kind", api_errors())
def test_every_error_of_aiograms_is_mapped(kind: Any):
    """Only a broken connection may be uncertain: everything else is an answer, and answers are certain."""
    method = aiogram.methods.SendMessage(chat_id=1, text="x")
    extra = {"TelegramRetryAfter": (3,), "TelegramMigrateToChat": (-100123,)}.get(kind.__name__, ())
    failure = failure_of(kind(method, "words", *extra))
    assert isinstance(failure, Uncertain) == (kind is aiogram.exceptions.TelegramNetworkError)


def test_importing_the_kind_does_not_import_aiogram():
    import subprocess
    import sys

    code = "import sys, channels.registry; sys.exit('aiogram' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
