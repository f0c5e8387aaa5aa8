"""The connection against the sandbox over real HTTP: what it sends, and what becomes of each way to fail."""

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port
from pydantic import SecretStr

from channels.calls import Answer
from channels.faults import Fault
from channels.instagram import InstagramSettings
from channels.instagram.client import InstagramConnection, failure_of
from channels.instagram.parse import SUBSCRIBED_FIELDS
from channels.instagram.sandbox import Account, Chat
from channels.instagram.sandbox.api import ERRORS
from channels.instagram.spec import DAY
from channels.props import sample_photo
from inbox.model.channel import Outgoing, OutgoingFile
from inbox.model.failures import (
    ChannelFailure,
    CredentialsRejected,
    Refused,
    RetryLater,
    Uncertain,
    Unreachable,
)

PDF = b"%PDF-1.7"


async def _none() -> AsyncIterator[bytes]:
    yield b""


def file(url: str, kind: str = "photo") -> OutgoingFile:
    return OutgoingFile(type=kind, name="x", content_type="image/png", size=1, open=_none, url=url)


@pytest.fixture
async def files() -> AsyncIterator[str]:
    """The shop's public address, with a photo and an invoice below it."""
    app = web.Application()

    async def photo(_request: web.Request) -> web.Response:
        return web.Response(body=sample_photo(0, 32, 24), content_type="image/png")

    async def invoice(_request: web.Request) -> web.Response:
        return web.Response(body=PDF, content_type="application/pdf")

    app.router.add_get("/f/1/box.png", photo)
    app.router.add_get("/f/2/invoice.pdf", invoice)
    async with TestServer(app) as server:
        yield str(server.make_url("/f"))


class TestSending:
    @pytest.fixture(autouse=True)
    def _wrote(self, chat: Chat) -> None:
        chat.text("Добрий день")

    async def test_a_text(self, chat, connection):
        sent = await connection.send(Outgoing(to=chat.customer.id, text="Вітаю!"))
        assert [message.id for message in chat.seen()] == list(sent.external_ids)
        assert chat.texts() == ["Вітаю!"]

    async def test_the_limit_counts_bytes(self, chat, connection):
        await connection.send(Outgoing(to=chat.customer.id, text="ї" * 500))
        with pytest.raises(Refused, match="less than or equal to 1000"):
            await connection.send(Outgoing(to=chat.customer.id, text="ї" * 501))

    async def test_buttons(self, chat, connection):
        await connection.send(Outgoing(to=chat.customer.id, text="Беремо?", buttons=(("Так", "yes"), ("Ні", "no"))))
        assert chat.seen()[-1].buttons == [("Так", "yes"), ("Ні", "no")]

    @pytest.mark.parametrize(("name", "kind"), [("1/box.png", "photo"), ("2/invoice.pdf", "document")])
    async def test_a_file_is_fetched_from_its_address(self, chat, connection, files, name, kind):
        await connection.send(Outgoing(to=chat.customer.id, files=(file(f"{files}/{name}", kind),)))
        shown = chat.seen()[-1].file
        assert shown.name == name.partition("/")[2]
        assert shown.data in (PDF, sample_photo(0, 32, 24))

    async def test_a_file_of_a_shop_without_a_public_address(self, chat, connection):
        with pytest.raises(Refused, match="PUBLIC_URL"):
            await connection.send(Outgoing(to=chat.customer.id, files=(file(""),)))

    async def test_a_file_that_meta_cannot_get(self, chat, connection, files):
        with pytest.raises(RetryLater, match="could not fetch the file"):
            await connection.send(Outgoing(to=chat.customer.id, files=(file(f"{files}/gone.png"),)))

    async def test_a_file_that_meta_does_not_take(self, chat, connection, files):
        with pytest.raises(Refused, match="not a video"):
            await connection.send(Outgoing(to=chat.customer.id, files=(file(f"{files}/1/box.png", "video"),)))

    @pytest.mark.parametrize(
        "extra", [{"text": "Ось"}, {"buttons": (("Так", "yes"),)}, {"files": (file("a"), file("b"))}]
    )
    async def test_a_file_goes_alone(self, chat, connection, extra):
        with pytest.raises(Refused, match="one file a message"):
            await connection.send(Outgoing(**{"to": chat.customer.id, "files": (file("https://x.example"),), **extra}))

    async def test_typing(self, chat, connection):
        await connection.typing(chat.customer.id)
        assert chat.typing

    async def test_nobody(self, connection):
        with pytest.raises(Unreachable):
            await connection.send(Outgoing(to="1234567890", text="?"))
        with pytest.raises(Unreachable):
            await connection.send(Outgoing(to="me/../1", text="?"))

    async def test_what_was_sent_stays(self, chat, connection):
        for attempt in (connection.edit(chat.customer.id, "m", "x"), connection.delete(chat.customer.id, "m")):
            with pytest.raises(Refused):
                await attempt


class TestWindow:
    @pytest.fixture(autouse=True)
    def _wrote_two_days_ago(self, chat: Chat) -> None:
        chat.clock = lambda: time.time() - 2 * DAY
        chat.text("Добрий день")
        chat.clock = time.time

    async def test_a_person_still_answers(self, chat, connection):
        await connection.send(Outgoing(to=chat.customer.id, text="Вибачте!", late=True, by_person=True))
        assert chat.texts() == ["Вибачте!"]

    async def test_a_bot_does_not(self, chat, connection):
        with pytest.raises(Refused, match="only people"):
            await connection.send(Outgoing(to=chat.customer.id, text="Замовлення в дорозі", late=True))
        assert chat.texts() == []

    async def test_a_person_of_a_shop_without_human_agent_does_not(self, chat, settings):
        connection = InstagramConnection(settings.model_copy(update={"human_agent": False}))
        with pytest.raises(Refused, match="Human Agent"):
            await connection.send(Outgoing(to=chat.customer.id, text="Вибачте!", late=True, by_person=True))
        await connection.close()

    async def test_the_tag_is_never_used_where_nobody_said_that_it_is_late(self, chat, connection):
        with pytest.raises(Refused, match="the time in which") as raised:
            await connection.send(Outgoing(to=chat.customer.id, text="Вибачте!", by_person=True))
        assert raised.value.code == "10/2534022"

    async def test_after_a_week_nobody_does(self, chat, connection):
        chat.clock = lambda: time.time() + 6 * DAY
        with pytest.raises(Refused, match="the time in which"):
            await connection.send(Outgoing(to=chat.customer.id, text="Вибачте!", late=True, by_person=True))


class TestComments:
    async def test_in_public(self, chat, connection):
        comment = chat.comment("Яка ціна?")
        sent = await connection.send(Outgoing(to=chat.customer.id, text="850 грн", reply_to=f"comment:{comment}"))
        [reply] = chat.seen()
        assert (reply.comment, reply.reply_to, sent.external_ids) == (True, comment, (f"comment:{reply.id}",))

    async def test_in_private_and_only_once(self, chat, connection):
        comment = f"comment:{chat.comment('Яка ціна?')}"
        message = Outgoing(to=chat.customer.id, text="Пишемо сюди", reply_to=comment, private=True, late=True)
        sent = await connection.send(message)
        assert [(one.comment, one.id) for one in chat.seen()] == [(False, sent.external_ids[0])]
        with pytest.raises(Refused, match="sent already"):
            await connection.send(message)

    async def test_a_comment_opens_no_chat(self, chat, connection):
        chat.comment("Яка ціна?")
        with pytest.raises(Refused, match="the time in which"):
            await connection.send(Outgoing(to=chat.customer.id, text="Вітаю"))

    @pytest.mark.parametrize(
        ("extra", "words"),
        [
            ({"files": (file("https://x.example"),)}, "no files under a comment"),
            ({"buttons": (("Так", "yes"),)}, "no buttons under a comment"),
            ({"text": "а" * 301}, "at most 300"),
            ({"reply_to": "comment:../me"}, "is no comment"),
            ({"reply_to": "comment:1"}, "does not exist"),
        ],
    )
    async def test_what_does_not_go_there(self, chat, connection, extra, words):
        comment = chat.comment("Яка ціна?")
        message = {"to": chat.customer.id, "text": "850", "reply_to": f"comment:{comment}", **extra}
        with pytest.raises(Refused, match=words):
            await connection.send(Outgoing(**message))


MEANINGS: dict[str, tuple[type[ChannelFailure], str]] = {
    "1": (RetryLater, "in trouble"),
    "1/1357046": (Uncertain, "may have sent this"),
    "2": (RetryLater, "in trouble"),
    "4": (RetryLater, "slow down"),
    "10": (Refused, "does not have permission"),
    "10/2534022": (Refused, "the time in which"),
    "17": (RetryLater, "slow down"),
    "100": (Refused, "Invalid parameter"),
    "100/2018008": (RetryLater, "could not fetch"),
    "100/2018294": (RetryLater, "could not fetch"),
    "100/2534014": (Unreachable, "cannot reach"),
    "190": (CredentialsRejected, "access token"),
    "190/460": (CredentialsRejected, "access token"),
    "190/463": (CredentialsRejected, "access token"),
    "200/2534041": (CredentialsRejected, "Connected tools"),
    "551": (Unreachable, "cannot reach"),
    "613/2534040": (RetryLater, "slow down"),
    "80002": (RetryLater, "slow down"),
}


class TestFailures:
    @pytest.fixture(autouse=True)
    def _wrote(self, chat: Chat) -> None:
        chat.text("Добрий день")

    def test_every_error_has_a_meaning(self):
        assert set(MEANINGS) == set(ERRORS)

    @pytest.mark.parametrize("name", sorted(MEANINGS))
    async def test_each_of_metas_errors(self, sandbox, chat, connection, name):
        sandbox.instagram.fault(Fault(kind="status", description=name, method="messages", times=1))
        kind, words = MEANINGS[name]
        with pytest.raises(ChannelFailure, match=words) as raised:
            await connection.send(Outgoing(to=chat.customer.id, text="Вітаю"))
        assert type(raised.value) is kind
        assert chat.texts() == []
        await connection.send(Outgoing(to=chat.customer.id, text="Вітаю"))

    @pytest.mark.parametrize(
        ("fault", "kind", "arrived"),
        [
            (Fault(kind="html"), RetryLater, False),
            (Fault(kind="html", status=401), CredentialsRejected, False),
            (Fault(kind="html", status=429), RetryLater, False),
            (Fault(kind="garbage"), Uncertain, True),
            (Fault(kind="reset_before"), Uncertain, False),
            (Fault(kind="reset_after"), Uncertain, True),
            (Fault(kind="hang"), Uncertain, False),
            (Fault(kind="hang_after"), Uncertain, True),
        ],
    )
    async def test_each_of_the_networks(self, sandbox, chat, connection, fault, kind, arrived):
        sandbox.instagram.fault(fault)
        with pytest.raises(ChannelFailure) as raised:
            await connection.send(Outgoing(to=chat.customer.id, text="Вітаю"))
        assert type(raised.value) is kind
        assert bool(chat.texts()) is arrived

    @pytest.mark.parametrize("fault", ["reset_before", "hang", "garbage"])
    async def test_what_may_be_asked_twice_is(self, sandbox, connection, fault):
        sandbox.instagram.fault(Fault(kind=fault))
        with pytest.raises(RetryLater):
            await connection.check("https://shop.example/webhooks/instagram/c1")

    async def test_nobody_listens(self, settings):
        nowhere = settings.model_copy(update={"api_base": f"http://127.0.0.1:{unused_port()}"})
        connection = InstagramConnection(nowhere)
        with pytest.raises(RetryLater, match="could not be reached"):
            await connection.send(Outgoing(to="1", text="?"))
        await connection.close()

    async def test_meta_says_for_how_long(self, sandbox, chat, connection):
        sandbox.instagram.fault(Fault(kind="status", status=429, description="80002", retry_after=120))
        with pytest.raises(RetryLater) as raised:
            await connection.send(Outgoing(to=chat.customer.id, text="Вітаю"))
        assert raised.value.after == 120

    @pytest.mark.parametrize(
        ("headers", "after"),
        [
            ({"X-Business-Use-Case-Usage": '{"178":[{"type":"x","estimated_time_to_regain_access":7}]}'}, 420.0),
            ({"X-Business-Use-Case-Usage": "?"}, 30.0),
            ({"Retry-After": "Sun, 06 Nov 1994 08:49:37 GMT"}, 30.0),
            ({}, 30.0),
        ],
    )
    def test_or_does_not(self, headers, after):
        failure = failure_of(Answer(400, headers, b'{"error":{"code":4,"message":"limit"}}'))
        assert isinstance(failure, RetryLater)
        assert failure.after == after

    @pytest.mark.parametrize(
        ("status", "body", "kind"),
        [
            (400, b'{"error":{"code":77,"message":"new","is_transient":true}}', RetryLater),
            (503, b'{"error":{"code":77,"message":"new"}}', RetryLater),
            (429, b'{"error":{"code":77,"message":"new"}}', RetryLater),
            (400, b'{"error":{"code":77,"message":"new"}}', Refused),
            (400, b'{"error":"?"}', RetryLater),
            (302, b"", RetryLater),
        ],
    )
    def test_errors_that_are_new(self, status, body, kind):
        assert type(failure_of(Answer(status, {}, body))) is kind

    async def test_too_fast(self, chat, connection):
        async def hurry() -> None:
            for _ in range(102):
                await connection.send(Outgoing(to=chat.customer.id, text="Вітаю"))

        chat.account.sent["text"].extend([time.monotonic() + 60] * 50)  # However slow this machine is.
        with pytest.raises(RetryLater, match="slow down"):
            await hurry()

    async def test_a_customer_who_blocked(self, chat, connection):
        chat.block()
        with pytest.raises(Unreachable):
            await connection.send(Outgoing(to=chat.customer.id, text="Вітаю"))

    async def test_the_token_is_in_no_failure(self, sandbox, chat, connection, account):
        token = account.access_token
        for fault in (
            Fault(kind="status", status=400, description=f"bad token {token}", times=1),
            Fault(kind="html", times=1),
            Fault(kind="reset_before", times=1),
        ):
            sandbox.instagram.fault(fault)
            with pytest.raises(ChannelFailure) as raised:
                await connection.send(Outgoing(to=chat.customer.id, text="Вітаю"))
            seen: BaseException | None = raised.value
            while seen is not None:
                assert token not in f"{seen!r}"
                seen = seen.__cause__ or seen.__context__


class TestConnecting:
    async def test_registering_subscribes(self, account: Account, connection):
        await connection.register("https://shop.example/webhooks/instagram/c1")
        assert account.fields == set(SUBSCRIBED_FIELDS)
        await connection.unregister()
        assert account.fields == set()

    async def test_a_token_of_another_account(self, sandbox, settings: InstagramSettings):
        other = sandbox.instagram.create_account("other_shop")
        connection = InstagramConnection(
            settings.model_copy(update={"access_token": SecretStr(other.access_token)}), answer_seconds=1
        )
        with pytest.raises(Refused, match=f"belongs to the account {other.id}") as raised:
            await connection.register("https://shop.example/webhooks/instagram/c1")
        assert raised.value.code == "account_id"
        await connection.close()

    async def test_the_dashboards_other_id(self, account, settings):
        wrong = InstagramConnection(settings.model_copy(update={"account_id": account.app_scoped_id}))
        with pytest.raises(Refused, match="belongs to the account"):
            await wrong.register("https://shop.example/webhooks/instagram/c1")
        await wrong.close()

    async def test_a_lost_subscription_is_repaired(self, account, connection):
        await connection.register("https://shop.example/webhooks/instagram/c1")
        account.fields = {"messages"}
        await connection.check("https://shop.example/webhooks/instagram/c1")
        assert account.fields == set(SUBSCRIBED_FIELDS)

    async def test_a_dead_token(self, account, connection):
        account.revoke()
        with pytest.raises(CredentialsRejected):
            await connection.check("https://shop.example/webhooks/instagram/c1")

    async def test_an_owner_who_shut_the_messages(self, account, connection):
        await connection.register("https://shop.example/webhooks/instagram/c1")
        account.message_access = False
        with pytest.raises(CredentialsRejected, match="Connected tools"):
            await connection.check("https://shop.example/webhooks/instagram/c1")

    async def test_what_else_is_wrong_with_conversations_is_no_trouble(self, sandbox, connection):
        sandbox.instagram.fault(Fault(kind="html", method="conversations", status=404))
        await connection.check("https://shop.example/webhooks/instagram/c1")


class TestRenewing:
    def with_end(self, settings: InstagramSettings, seconds: float | None) -> InstagramConnection:
        ends = None if seconds is None else int(time.time() + seconds)
        return InstagramConnection(settings.model_copy(update={"token_expires_at": ends}), answer_seconds=1)

    @pytest.mark.parametrize("ends", [None, 3 * DAY])
    async def test_ahead_of_its_end(self, account, settings, ends):
        connection = self.with_end(settings, ends)
        renewed: Any = await connection.renew()
        await connection.close()
        assert (
            renewed.access_token.get_secret_value() == account.access_token != settings.access_token.get_secret_value()
        )
        assert renewed.token_expires_at == pytest.approx(time.time() + 60 * DAY, abs=60)
        assert renewed.app_secret == settings.app_secret
        fresh = InstagramConnection(renewed)
        assert await fresh.renew() is None
        await fresh.register("https://shop.example/webhooks/instagram/c1")
        await fresh.close()

    async def test_not_long_ahead(self, account, settings):
        connection = self.with_end(settings, 40 * DAY)
        assert await connection.renew() is None
        await connection.close()
        assert len(account.tokens) == 1

    @pytest.mark.parametrize("ends", [None, 3 * DAY])
    async def test_one_that_is_younger_than_a_day(self, account, settings, ends):
        young = settings.model_copy(update={"access_token": SecretStr(account.grant(age=60))})
        connection = self.with_end(young, ends)
        if ends is None:
            assert await connection.renew() is None
        else:
            with pytest.raises(RetryLater, match="24 hours old"):
                await connection.renew()
        await connection.close()

    @pytest.mark.parametrize("ends", [None, 15 * DAY])
    async def test_there_is_time_for_another_try(self, sandbox, settings, ends):
        sandbox.instagram.fault(Fault(kind="html", method="refresh_access_token"))
        connection = self.with_end(settings, ends)
        assert await connection.renew() is None
        await connection.close()

    async def test_one_that_ended(self, account, settings):
        account.clock = lambda: time.time() + 61 * DAY
        connection = self.with_end(settings, -DAY)
        with pytest.raises(CredentialsRejected):
            await connection.renew()
        await connection.close()


class TestProfile:
    async def test_whoever_wrote_has_a_name(self, chat, connection):
        chat.text("Добрий день")
        found = await connection.profile(chat.customer.id)
        assert (found.external_id, found.name, found.username) == (chat.customer.id, "Олена Мельник", "olena_m")

    async def test_whoever_does_not_want_to_has_none(self, sandbox, account, connection):
        shy = account.chat(sandbox.instagram.create_customer("Тиха Ніна", tells_name=False))
        shy.text("Добрий день")
        assert await connection.profile(shy.customer.id) is None

    async def test_a_stranger_has_none(self, chat, connection):
        assert await connection.profile(chat.customer.id) is None
        assert await connection.profile("not an id") is None

    async def test_meta_in_trouble_is_asked_again(self, sandbox, chat, connection):
        chat.text("Добрий день")
        sandbox.instagram.fault(Fault(kind="status", description="2", method="profile"))
        with pytest.raises(RetryLater):
            await connection.profile(chat.customer.id)


class TestFetching:
    def url(self, chat: Chat) -> str:
        chat.photo(sample_photo(0, 32, 24))
        return str(chat.messages[-1].content["attachments"][0]["payload"]["url"])

    async def test_a_photo(self, chat, connection):
        chunks = [chunk async for chunk in connection.fetch(self.url(chat), 10_000)]
        assert b"".join(chunks) == sample_photo(0, 32, 24)

    async def test_one_that_is_too_large(self, chat, connection):
        with pytest.raises(Refused) as raised:
            _ = [chunk async for chunk in connection.fetch(self.url(chat), 100)]
        assert raised.value.code == "too_big"

    async def test_one_that_is_gone(self, sandbox, connection):
        with pytest.raises(Refused) as raised:
            _ = [chunk async for chunk in connection.fetch(f"{sandbox.api_base('instagram')}/media/x/y.png", 100)]
        assert raised.value.code == "404"

    async def test_an_address_inside_our_own_network(self, connection):
        with pytest.raises(Refused, match="private network"):
            _ = [chunk async for chunk in connection.fetch("http://127.0.0.1:9/metrics", 100)]
