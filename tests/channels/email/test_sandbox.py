"""The sandbox's letters are read by our own parser, and its control does over HTTP what its methods do."""

import asyncio
import base64
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import SecretStr

from channels.email import parse
from channels.email.client import EmailConnection
from channels.email.sandbox import Correspondence
from channels.email.spec import EmailSettings
from channels.sandbox import Sandbox
from inbox.model.channel import Outgoing, WebhookRequest
from inbox.model.incoming import NewMessage, ReachabilityChanged, Receipt

PNG = base64.b64decode("iVBORw0KGgo=")


class Desk:
    """A webhook that reads what comes as the shop does."""

    def __init__(self, settings: EmailSettings) -> None:
        self.settings = settings
        self.statuses: list[int] = []
        self.events: list[Any] = []

    async def take(self, request: web.Request) -> web.Response:
        if self.statuses:
            return web.Response(status=self.statuses.pop(0))
        secret = base64.b64encode(b"postmark:s3cret-of-the-webhook").decode()
        assert request.headers["Authorization"] == f"Basic {secret}"
        call = WebhookRequest(headers=request.headers, query={}, body=await request.read())
        self.events += [found for event in parse.split(self.settings, call) for found in parse.read(event.raw)]
        return web.Response()


@pytest.fixture
def letters(sandbox: Sandbox) -> Correspondence:
    mailbox = sandbox.email.create_mailbox("support@shop.example")
    return sandbox.email.letters(mailbox, sandbox.email.create_customer("Олена", "olena@mail.example"))


@pytest.fixture
def connection(sandbox: Sandbox, letters: Correspondence, settings: EmailSettings) -> EmailConnection:
    url = SecretStr(sandbox.email.smtp_url(letters.mailbox))
    return EmailConnection(settings.model_copy(update={"smtp_url": url}))


@pytest.fixture
async def desk(sandbox: Sandbox, letters: Correspondence, settings: EmailSettings) -> AsyncIterator[Desk]:
    opened = Desk(settings)
    app = web.Application(client_max_size=1 << 26)
    app.router.add_post("/hook", opened.take)
    async with TestServer(app) as server:
        sandbox.email.deliver_to(letters.mailbox, str(server.make_url("/hook")), "s3cret-of-the-webhook")
        yield opened


async def test_a_letter_with_a_photo(letters, desk):
    letters.write("Ось коробка", subject="Питання", files=[("коробка.png", "image/png", PNG)])
    await letters.drained()
    [event] = desk.events
    assert isinstance(event, NewMessage)
    assert (event.person.name, event.subject, event.text) == ("Олена", "Питання", "Ось коробка")
    assert [(media.type, media.name, media.content) for media in event.media] == [("photo", "коробка.png", PNG)]
    assert letters.letters[0].delivery == "delivered"


async def test_an_answer_quotes_and_is_known_as_one(letters, desk, connection):
    sent = await connection.send(Outgoing(to="olena@mail.example", text="Беремо?", key="k", subject="Питання"))
    letters.write("Так", answers=letters.letters[0].id)
    await letters.drained()
    [event] = desk.events
    assert (event.text, event.subject, event.answers) == ("Так", "Re: Питання", sent.external_ids)
    assert "> Беремо?" in event.original


async def test_reading_returning_and_being_away(letters, desk, connection):
    sent = await connection.send(Outgoing(to="olena@mail.example", text="Вітаю", key="k"))
    letters.read(letters.letters[0].id)
    letters.be_away()
    letters.gone = True
    await connection.send(Outgoing(to="olena@mail.example", text="Ви де?", key="k2"))
    await letters.drained()
    read, away, failed, unreachable = desk.events
    assert isinstance(read, Receipt)
    assert (read.external_id, read.state) == (sent.external_ids[0], "read")
    assert away.quiet
    assert (failed.state, failed.person.external_id) == ("failed", "olena@mail.example")
    assert isinstance(unreachable, ReachabilityChanged)


async def test_a_refused_letter_comes_again(letters, desk):
    desk.statuses[:] = [503, 503]
    letters.write("перше")
    letters.write("друге")
    await letters.until(lambda letters: letters.letters[0].delivery == "failing")
    await letters.drained()
    assert [event.text for event in desk.events] == ["перше", "друге"]


async def test_letters_wait_for_a_webhook(sandbox, letters, settings):
    letters.write("ще нікому")
    assert letters.letters[0].delivery == "pending"
    desk = Desk(settings)
    app = web.Application()
    app.router.add_post("/hook", desk.take)
    async with TestServer(app) as server:
        sandbox.email.deliver_to(letters.mailbox, str(server.make_url("/hook")), "s3cret-of-the-webhook")
        await letters.drained()
    assert [event.text for event in desk.events] == ["ще нікому"]


class TestControl:
    @pytest.fixture
    async def http(self, sandbox):
        async with aiohttp.ClientSession(f"{sandbox.url}/sandbox/email/") as session:
            yield session

    async def test_from_a_new_mailbox_to_a_letter(self, http):
        async with http.post("mailboxes", json={"address": "a@shop.example"}) as answer:
            assert (await answer.json())["smtp_url"].startswith("smtp://a%40shop.example:")
        async with http.post("customers", json={"name": "Nino", "address": "nino@mail.example"}) as answer:
            assert answer.status == 201
        form = aiohttp.FormData({"text": "გამარჯობა", "subject": "კითხვა"})
        form.add_field("file", PNG, filename="a.png", content_type="image/png")
        async with http.post("mailboxes/a@shop.example/letters/nino@mail.example/write", data=form) as answer:
            [letter] = (await answer.json())["chat"]["letters"]
        assert (letter["text"], letter["subject"], letter["delivery"]) == ("გამარჯობა", "კითხვა", "pending")
        async with http.get(f"files/{letter['files'][0]['id']}") as answer:
            assert await answer.read() == PNG

    @pytest.mark.usefixtures("letters")
    async def test_events_wait_for_news(self, http, connection):
        path = "mailboxes/support@shop.example/letters/olena@mail.example/events"
        async with http.get(path) as answer:
            seen = await answer.json()

        async def news() -> Any:
            async with http.get(path, params={"after": str(seen["version"])}) as answer:
                return await answer.json()

        waiting = asyncio.create_task(news())
        await connection.send(Outgoing(to="olena@mail.example", text="Вітаю", key="k"))
        assert (await waiting)["letters"][-1]["text"] == "Вітаю"

    @pytest.mark.usefixtures("letters")
    async def test_what_happens_at_the_server_is_ordered_by_name(self, http, sandbox):
        [mailbox] = sandbox.email.mailboxes.values()
        folder, password = mailbox.folders["INBOX"], mailbox.password
        validity = folder.validity

        async def order(action: str) -> Any:
            async with http.post(f"mailboxes/support@shop.example/server/{action}") as answer:
                return await answer.json() if answer.ok else answer.status

        assert not (await order("stop"))["imap_running"]
        assert (await order("start"))["imap_running"]
        assert (await order("change_password"))["password_changed"]
        assert mailbox.password != password
        changed = await order("change_password")
        assert not (await order("take_password_back"))["password_changed"]
        assert mailbox.password == password
        assert changed["imap_url"] != (await order("renumber"))["imap_url"]
        assert folder.validity == validity + 1
        assert (await order("cut"))["readers"] == 0
        assert await order("burn") == 404

    async def test_a_customer_is_shown_with_the_mailbox_that_they_wrote_to(self, http, sandbox, letters):
        other = sandbox.email.letters(sandbox.email.create_mailbox("opt@shop.example"), letters.customer)
        for mailbox in (letters, other):
            mailbox.write("Добрий день")
            async with http.get("customers") as answer:
                assert [one["wrote_to"] for one in (await answer.json())["items"]] == [mailbox.mailbox.address]

    async def test_the_shop_writes_from_a_mail_program(self, http, letters):
        path = "mailboxes/support@shop.example/letters/olena@mail.example/shop_writes"
        async with http.post(path, json={"text": "Рукою", "subject": "Нагадування"}) as answer:
            [letter] = (await answer.json())["chat"]["letters"]
        assert (letter["from_shop"], letter["text"], letter["subject"]) == (True, "Рукою", "Нагадування")
        assert len(letters.mailbox.folders["Sent"].letters) == 1

    @pytest.mark.parametrize(
        ("path", "body", "words"),
        [
            ("customers", {"name": " ", "address": "a@b"}, "name"),
            ("mailboxes", {"address": "x"}, "address"),
            ("mailboxes/support@shop.example/letters/olena@mail.example/read", {"letter_id": 7}, "letter"),
        ],
    )
    @pytest.mark.usefixtures("letters")
    async def test_wrong_input_is_explained(self, http, path, body, words):
        async with http.post(path, json=body) as answer:
            assert answer.status == 422
            assert words in (await answer.json())["error"]
