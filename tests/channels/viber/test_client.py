"""The client against the sandbox, over real HTTP."""

import asyncio
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from pydantic import SecretStr

from channels.faults import Fault
from channels.props import sample_photo
from channels.viber.client import ViberConnection, failure_of
from channels.viber.sandbox import Bot, Chat
from channels.viber.sandbox.api import STATUSES
from channels.viber.spec import CAPABILITIES, ViberSettings
from inbox.model.channel import Outgoing, OutgoingFile
from inbox.model.failures import (
    ChannelFailure,
    CredentialsRejected,
    Refused,
    RetryLater,
    Uncertain,
    Unreachable,
)

MP4 = b"\0\0\0\x18ftypmp42" + bytes(100)


def outgoing_file(kind: str, name: str, data: bytes, url: str) -> OutgoingFile:
    async def content() -> AsyncIterator[bytes]:
        yield data

    return OutgoingFile(type=kind, name=name, content_type="", size=len(data), open=content, url=url)


def to(chat: Chat, text: str = "", **fields: Any) -> Outgoing:
    return Outgoing(to=chat.user_id, text=text, **fields)


class TestWebhook:
    async def test_register_answers_the_handshake_and_asks_for_what_can_be_read(self, bot, webhook, connection):
        await connection.register(webhook.url)
        assert bot.webhook.url == webhook.url
        assert bot.webhook.events == {"delivered", "seen", "failed", "conversation_started"}
        assert [event.key.partition(":")[0] for event in webhook.events] == ["webhook"]
        assert webhook.read() == []

    async def test_a_webhook_that_does_not_answer_is_not_set(self, bot, webhook, connection):
        webhook.statuses.append(503)
        with pytest.raises(Refused, match="cannot call the shop's address") as raised:
            await connection.register(webhook.url)
        assert raised.value.code == "1"
        assert bot.webhook.url == ""

    async def test_check_leaves_a_good_webhook_alone(self, sandbox, webhook, connection):
        await connection.register(webhook.url)
        sandbox.viber.fault(Fault(kind="status", method="set_webhook", status=9))
        await connection.check(webhook.url)

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda hook: setattr(hook, "url", "https://other.example/"),
            lambda hook: setattr(hook, "url", ""),
            lambda hook: setattr(hook, "events", frozenset({"seen"})),
        ],
    )
    async def test_check_repairs_the_webhook(self, bot, webhook, connection, spoil: Callable[[Any], None]):
        await connection.register(webhook.url)
        spoil(bot.webhook)
        await connection.check(webhook.url)
        assert bot.webhook.url == webhook.url
        assert "delivered" in bot.webhook.events

    async def test_unregister(self, bot, webhook, connection):
        await connection.register(webhook.url)
        await connection.unregister()
        assert bot.webhook.url == ""


class TestSend:
    async def test_text_arrives_as_typed_and_is_told_by_an_exact_number(self, chat, connection):
        sent = await connection.send(to(chat, "*Вітаю* <b>🙂"))
        [message] = chat.seen()
        assert message.text == "*Вітаю* <b>🙂"
        assert sent.external_ids == (str(message.id),)
        assert int(sent.external_ids[0]) > 2**53

    async def test_our_key_goes_along(self, chat, connection):
        await connection.send(to(chat, "Вітаю", key="m1:000"))
        assert "m1:000" in chat.seen()[0].tracking_data

    @pytest.mark.parametrize("letter", ["a", "ї", "ბ", "\U0001f642"])
    async def test_the_longest_text_there_may_be(self, chat, connection, letter):
        text = letter * (CAPABILITIES.text_limit * 2 // len(letter.encode("utf-16-le")))
        await connection.send(to(chat, text))
        assert chat.texts() == [text]
        with pytest.raises(Refused, match="bad data: text"):
            await connection.send(to(chat, text + letter))

    async def test_buttons_of_any_title(self, chat, connection):
        await connection.send(to(chat, "Беремо?", buttons=(("Так & <негайно>", "yes"), ("Пізніше", "no"))))
        assert chat.keyboard() == (("Так & <негайно>", "Так & <негайно>"), ("Пізніше", "Пізніше"))

    async def test_as_many_buttons_as_there_may_be(self, chat, connection):
        title = "ї" * 250
        buttons = tuple((f"{number}{title}"[:250], "x" * 64) for number in range(CAPABILITIES.button_limit))
        await connection.send(to(chat, "Що саме?", buttons=buttons, key="m1"))
        assert len(chat.keyboard()) == CAPABILITIES.button_limit
        assert "m1" in chat.seen()[0].tracking_data

    async def test_a_picture_with_its_caption(self, webhook, chat, connection):
        photo = sample_photo()
        file = outgoing_file("photo", "скриня.png", photo, webhook.offer("box.png", photo))
        await connection.send(to(chat, "Ось вона", files=(file,)))
        message = await chat.until(lambda chat: chat.seen()[0].file and chat.seen()[0])
        assert (message.type, message.text, message.file.data) == ("picture", "Ось вона", photo)

    @pytest.mark.parametrize(
        ("kind", "name", "data", "type_"),
        [("video", "box.mp4", MP4, "video"), ("document", "чек.pdf", b"%PDF-1.7", "file")],
    )
    async def test_files(self, webhook, chat, connection, kind, name, data, type_):
        file = outgoing_file(kind, name, data, webhook.offer(name, data))
        await connection.send(to(chat, files=(file,)))
        message = await chat.until(lambda chat: chat.seen()[0].file and chat.seen()[0])
        assert (message.type, message.content["size"], message.file.data) == (type_, len(data), data)

    async def test_a_long_file_name_keeps_its_extension(self, webhook, chat, connection):
        file = outgoing_file("document", "ч" * 400 + ".pdf", b"%PDF", webhook.offer("x.pdf", b"%PDF"))
        await connection.send(to(chat, files=(file,)))
        assert chat.seen()[0].content["file_name"] == "ч" * 252 + ".pdf"

    async def test_what_is_not_what_it_says_fails_later(self, webhook, bot, chat, connection):
        file = outgoing_file("photo", "box.png", b"text", webhook.offer("box.png", b"text"))
        sent = await connection.send(to(chat, files=(file,)))
        await bot.drained()
        [receipt] = webhook.read()
        assert (receipt.external_id, receipt.state, receipt.error) == (
            sent.external_ids[0],
            "failed",
            "Media not found",
        )

    @pytest.mark.parametrize(
        ("files", "text", "words"),
        [
            ([("photo", "")], "", "SKRYNKA_PUBLIC_URL"),
            ([("document", "https://shop.example/x.pdf")], "Чек", "only under pictures"),
            ([("photo", "https://shop.example/x.png")] * 2, "", "one file"),
        ],
    )
    async def test_what_viber_has_no_words_for(self, chat, connection, files, text, words):
        made = tuple(outgoing_file(kind, "x", b"x", url) for kind, url in files)
        with pytest.raises(Refused, match=words):
            await connection.send(to(chat, text, files=made))
        assert chat.seen() == []

    async def test_the_hundred_and_first_message_without_an_answer(self, chat, connection):
        chat.unanswered = CAPABILITIES.unanswered_limit
        with pytest.raises(RetryLater, match="waits for the customer's answer"):
            await connection.send(to(chat, "Ви тут?"))
        chat.text("Так")
        await connection.send(to(chat, "Добре"))

    async def test_nothing_is_changed_or_taken_back(self, connection):
        with pytest.raises(Refused):
            await connection.edit("1", "2", "x")
        with pytest.raises(Refused):
            await connection.delete("1", "2")


class TestFetch:
    async def fetch(self, connection: ViberConnection, ref: str, max_bytes: int = 10_000_000) -> bytes:
        return b"".join([chunk async for chunk in connection.fetch(ref, max_bytes)])

    async def media_of(self, chat: Chat, webhook: Any) -> str:
        await chat.bot.drained()
        return str(webhook.read()[-1].media[0].ref)

    async def test_a_customers_file(self, chat, webhook, connection):
        chat.document("book.pdf", b"x" * 200_000)
        assert await self.fetch(connection, await self.media_of(chat, webhook)) == b"x" * 200_000

    async def test_one_that_is_too_large(self, chat, webhook, connection):
        chat.document("book.pdf", b"x" * 2000)
        with pytest.raises(Refused, match="larger than 1000 bytes"):
            await self.fetch(connection, await self.media_of(chat, webhook), 1000)

    async def test_one_whose_hour_is_over(self, sandbox, chat, webhook, connection):
        chat.document("book.pdf", b"x")
        ref = await self.media_of(chat, webhook)
        sandbox.viber.forget_media()
        with pytest.raises(Refused):
            await self.fetch(connection, ref)

    async def test_an_address_in_our_own_network(self, webhook, connection):
        with pytest.raises(Refused, match="private"):
            await self.fetch(connection, webhook.offer("secret.txt", b"x"))

    @pytest.mark.parametrize("kind", ["reset_before", "html"])
    async def test_what_breaks_on_the_way_is_tried_again(self, sandbox, chat, webhook, connection, kind: Any):
        chat.document("book.pdf", b"x" * 2000)
        ref = await self.media_of(chat, webhook)
        sandbox.viber.fault(Fault(kind=kind, method="media"))
        with pytest.raises(RetryLater):
            await self.fetch(connection, ref)


STEPS: dict[int, type[ChannelFailure]] = {
    1: Refused,
    2: CredentialsRejected,
    3: Refused,
    4: Refused,
    5: Unreachable,
    6: Unreachable,
    7: CredentialsRejected,
    8: CredentialsRejected,
    9: CredentialsRejected,
    10: CredentialsRejected,
    11: Unreachable,
    12: RetryLater,
    13: Refused,
    14: Refused,
    15: CredentialsRejected,
    16: Refused,
    17: Refused,
    18: Refused,
    19: Refused,
    20: Refused,
    99: Refused,
}

SEND_FAULTS = {
    "500": (Fault(kind="status", status=500), RetryLater, 0),
    "502 page of a proxy": (Fault(kind="html"), RetryLater, 0),
    "413": (Fault(kind="status", status=413), Refused, 0),
    "hangs": (Fault(kind="hang"), Uncertain, 0),
    "hangs after sending": (Fault(kind="hang_after"), Uncertain, 1),
    "resets": (Fault(kind="reset_before"), Uncertain, 0),
    "resets after sending": (Fault(kind="reset_after"), Uncertain, 1),
    "answers garbage": (Fault(kind="garbage"), Uncertain, 1),
}


class TestFailures:
    def test_every_status_that_viber_knows_has_its_step(self):
        assert set(STATUSES) - {0} <= set(STEPS)

    @pytest.mark.parametrize(("status", "failure"), STEPS.items())
    async def test_each_status_names_the_next_step(self, sandbox, bot, chat, connection, status, failure):
        sandbox.viber.fault(Fault(kind="status", status=status))
        with pytest.raises(ChannelFailure) as raised:
            await connection.send(to(chat, "Вітаю"))
        assert type(raised.value) is failure
        assert STATUSES.get(status, "generalError") in str(raised.value)
        assert chat.seen() == []
        self.keeps_the_token(raised.value, bot)

    @pytest.mark.parametrize(("fault", "failure", "arrived"), SEND_FAULTS.values(), ids=SEND_FAULTS)
    async def test_each_fault_names_the_next_step(self, sandbox, bot, chat, connection, fault, failure, arrived):
        sandbox.viber.fault(fault)
        with pytest.raises(ChannelFailure) as raised:
            await connection.send(to(chat, "Вітаю"))
        assert type(raised.value) is failure
        assert len(chat.seen()) == arrived
        self.keeps_the_token(raised.value, bot)

    async def test_slow_is_not_failed(self, sandbox, chat, connection):
        sandbox.viber.fault(Fault(kind="slow", seconds=0.1))
        await connection.send(to(chat, "Вітаю"))
        assert chat.texts() == ["Вітаю"]

    @pytest.mark.parametrize("kind", ["hang", "reset_after", "garbage"])
    @pytest.mark.parametrize(
        "call",
        [
            lambda connection, url: connection.register(url),
            lambda connection, url: connection.check(url),
            lambda connection, _url: connection.unregister(),
        ],
        ids=["register", "check", "unregister"],
    )
    async def test_what_can_be_repeated_is_never_uncertain(
        self, sandbox, webhook, connection, kind: Any, call: Callable[[ViberConnection, str], Awaitable[None]]
    ):
        sandbox.viber.fault(Fault(kind=kind))
        with pytest.raises(RetryLater):
            await call(connection, webhook.url)

    async def test_a_customer_who_unsubscribed(self, chat, connection):
        chat.unsubscribe()
        with pytest.raises(Unreachable, match="unsubscribed"):
            await connection.send(to(chat, "Вітаю"))

    @pytest.mark.usefixtures("chat")
    async def test_a_customer_whom_the_bot_does_not_know(self, connection):
        with pytest.raises(Unreachable):
            await connection.send(Outgoing(to="bm9ib2R5==", text="Вітаю"))

    async def test_nobody_listens(self, settings: ViberSettings, unused_tcp_port: int):
        connection = ViberConnection(settings.model_copy(update={"api_base": f"http://127.0.0.1:{unused_tcp_port}"}))
        with pytest.raises(RetryLater, match="could not be reached"):
            await connection.send(Outgoing(to="x==", text="Вітаю"))
        await connection.close()

    async def test_an_unknown_token(self, settings: ViberSettings, webhook):
        connection = ViberConnection(settings.model_copy(update={"token": SecretStr("wrong-wrong-wrong")}))
        with pytest.raises(CredentialsRejected, match="token"):
            await connection.register(webhook.url)
        await connection.close()

    async def test_viber_repeating_our_token_is_not_repeated_by_us(self, sandbox, bot, chat, connection):
        sandbox.viber.fault(Fault(kind="status", status=3, description=f"{bot.token} is odd"))
        with pytest.raises(Refused, match="is odd") as raised:
            await connection.send(to(chat, "Вітаю"))
        self.keeps_the_token(raised.value, bot)

    async def test_a_cancelled_send_stays_cancelled(self, sandbox, chat, connection):
        sandbox.viber.fault(Fault(kind="hang"))
        sending = asyncio.create_task(connection.send(to(chat, "Вітаю")))
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


def test_a_status_without_words_is_explained_too():
    assert str(failure_of(6, "")) == "this customer has not subscribed, or has unsubscribed"
