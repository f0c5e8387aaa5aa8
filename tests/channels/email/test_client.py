"""Letters out: over real SMTP to the sandbox, with everything that can go wrong on the way."""

import asyncio
import traceback
from collections.abc import AsyncIterator
from email import message_from_bytes, policy

import pytest
from pydantic import SecretStr

from channels.email import identity
from channels.email.client import EmailConnection
from channels.email.sandbox import Correspondence, Mailbox
from channels.email.spec import EmailSettings
from channels.faults import Fault
from channels.sandbox import Sandbox
from inbox.model.channel import Outgoing, OutgoingFile
from inbox.model.failures import (
    ChannelFailure,
    CredentialsRejected,
    Refused,
    RetryLater,
    Uncertain,
    Unreachable,
)

ANSWER_SECONDS = 0.5
OLENA = "olena@mail.example"


@pytest.fixture
def mailbox(sandbox: Sandbox) -> Mailbox:
    return sandbox.email.create_mailbox("support@shop.example", password="p@ss/w0rd")


@pytest.fixture
def letters(sandbox: Sandbox, mailbox: Mailbox) -> Correspondence:
    return sandbox.email.letters(mailbox, sandbox.email.create_customer("Олена", OLENA))


@pytest.fixture
def settings(sandbox: Sandbox, mailbox: Mailbox, settings: EmailSettings) -> EmailSettings:
    return settings.model_copy(update={"smtp_url": SecretStr(sandbox.email.smtp_url(mailbox))})


@pytest.fixture
async def connection(settings: EmailSettings) -> AsyncIterator[EmailConnection]:
    opened = EmailConnection(settings, answer_seconds=ANSWER_SECONDS)
    yield opened
    await opened.close()


def file(name: str, content: bytes, content_type: str = "application/pdf", *, broken: bool = False) -> OutgoingFile:
    async def stream() -> AsyncIterator[bytes]:
        yield content
        if broken:
            raise OSError("disk")

    return OutgoingFile(type="document", name=name, content_type=content_type, size=len(content), open=stream)


class TestSending:
    async def test_a_text_as_text_and_html(self, connection, letters, settings):
        sent = await connection.send(
            Outgoing(to=OLENA, text="Вітаю!\nhttps://shop.example/cup?a=1&b=<2>", key="k1", by_person=True)
        )
        [letter] = letters.letters
        assert letter.text == "Вітаю!\nhttps://shop.example/cup?a=1&b=<2>"
        assert '<a href="https://shop.example/cup?a=1&amp;b=">' in letter.html
        headers = dict(letter.headers)
        assert headers["from"] == "Крамниця <support@shop.example>"
        assert headers["message-id"] == f"<{sent.external_ids[0]}>"
        assert headers["subject"] == "Крамниця"
        assert "auto-submitted" not in headers
        assert headers["reply-to"].endswith(f"<{identity.reply_address(settings, sent.external_ids[0])}>")

    async def test_every_try_of_a_request_has_one_name(self, connection):
        first = await connection.send(Outgoing(to=OLENA, text="x", key="k1"))
        assert await connection.send(Outgoing(to=OLENA, text="x", key="k1")) == first
        assert await connection.send(Outgoing(to=OLENA, text="x", key="k2")) != first

    async def test_an_answer_stands_in_its_thread(self, connection, letters):
        await connection.send(
            Outgoing(
                to=OLENA,
                text="Так",
                key="k",
                subject="RE: Re[2]: Замовлення",
                reply_to="letter-2@mail.example/abc",
                references=("letter-1@mail.example/abc", "letter-2@mail.example/abc", "unnamed-1/"),
            )
        )
        headers = dict(letters.letters[0].headers)
        assert headers["subject"] == "Re: Замовлення"
        assert headers["in-reply-to"] == "<letter-2@mail.example>"
        assert headers["references"] == "<letter-1@mail.example> <letter-2@mail.example>"

    async def test_a_letter_that_begins_an_exchange_answers_nothing(self, connection, letters):
        await connection.send(Outgoing(to=OLENA, text="x", key="k", subject="Order 1042: Shipped"))
        assert dict(letters.letters[0].headers)["subject"] == "Order 1042: Shipped"

    async def test_a_mailbox_with_a_long_name_has_no_room_for_reply_addresses(self, settings, letters):
        address = f"{'support' * 4}@shop.example"
        long = settings.model_copy(update={"address": address})
        await EmailConnection(long).send(Outgoing(to=OLENA, text="x", key="k"))
        assert "reply-to" not in dict(letters.letters[0].headers)

    async def test_a_long_thread_keeps_its_first_letter_and_the_latest(self, connection, letters):
        ids = tuple(f"{number}@mail.example/x" for number in range(50))
        await connection.send(Outgoing(to=OLENA, text="x", key="k", references=ids))
        told = dict(letters.letters[0].headers)["references"].split()
        assert (len(told), told[0], told[-1]) == (20, "<0@mail.example>", "<49@mail.example>")

    async def test_a_machines_word_says_so(self, connection, letters):
        await connection.send(Outgoing(to=OLENA, text="x", key="k1"))
        await connection.send(Outgoing(to=OLENA, text="x", key="k2", reply_to="1@mail.example/x"))
        first, second = (dict(letter.headers) for letter in letters.letters)
        assert (first["auto-submitted"], second["auto-submitted"]) == ("auto-generated", "auto-replied")
        assert first["x-auto-response-suppress"] == "All"

    async def test_files(self, connection, letters):
        files = (file("рахунок.pdf", b"%PDF"), file("list.txt", "раз".encode("cp1251"), "text/plain"))
        await connection.send(Outgoing(to=OLENA, text="Ось", files=files, key="k"))
        assert [(one.name, one.data) for one in letters.letters[0].files] == [
            ("рахунок.pdf", b"%PDF"),
            ("list.txt", "раз".encode("cp1251")),
        ]

    async def test_files_without_a_text(self, connection, letters):
        await connection.send(Outgoing(to=OLENA, files=(file("a.pdf", b"%PDF"),), key="k"))
        assert (letters.letters[0].text.strip(), len(letters.letters[0].files)) == ("", 1)

    @pytest.mark.parametrize(
        "breaking", ["\r\nBcc: evil@x.example", "\nX: y", "\x00", "\u2028Bcc: evil@x.example", "\x85X: y"]
    )
    async def test_no_header_is_made_by_anybody_else(self, connection, letters, breaking):
        await connection.send(
            Outgoing(
                to=OLENA,
                text="x",
                key="k",
                subject=f"Hi{breaking}",
                reply_to=f"a{breaking}@b/x",
                files=(file(f"a{breaking}.pdf", b""),),
            )
        )
        names = [name for name, _ in letters.letters[0].headers]
        assert not {"bcc", "x"} & set(names)
        assert len(names) == len(set(names))

    @pytest.mark.parametrize("to", ["a@b.example\r\nRCPT TO:<evil@x.example>", "nobody", "@", "a b@c.example", ""])
    async def test_what_is_no_address_is_refused(self, connection, to):
        with pytest.raises(Refused):
            await connection.send(Outgoing(to=to, text="x", key="k"))

    async def test_an_address_in_other_letters(self, connection, sandbox):
        await connection.send(Outgoing(to="олена@пошта.укр", text="Вітаю", key="k"))
        assert "олена@xn--80a1acn3a.xn--j1amh" in sandbox.email.customers

    async def test_a_text_of_dots_and_long_lines_arrives_as_it_is(self, connection, letters):
        text = ".\n..\n" + "дуже довгий рядок " * 500 + "\nFrom here"
        await connection.send(Outgoing(to=OLENA, text=text, key="k"))
        assert letters.letters[0].text == text


ANSWERS: list[tuple[str, int, str, type[ChannelFailure]]] = [
    ("EHLO", 421, "", RetryLater),
    ("AUTH", 535, "", CredentialsRejected),
    ("AUTH", 454, "4.7.0 Temporary", RetryLater),
    ("MAIL", 451, "", RetryLater),
    ("MAIL", 530, "", CredentialsRejected),
    ("MAIL", 550, "5.7.1 Sender not yours", Refused),
    ("RCPT", 450, "", RetryLater),
    ("RCPT", 550, "", Unreachable),
    ("RCPT", 553, "no such domain", Unreachable),
    ("RCPT", 550, "5.7.1 We do not like you", Refused),
    ("RCPT", 552, "5.2.2 Full", Refused),
    ("DATA", 451, "", RetryLater),
    ("DATA", 554, "", Refused),
    ("DATA", 552, "", Refused),
]
"""What a server may say to a command, and what that means."""


class TestRefusals:
    @pytest.mark.parametrize(("method", "status", "description", "failure"), ANSWERS)
    async def test_what_an_answer_means(
        self, sandbox, connection, letters, settings, method, status, description, failure
    ):
        sandbox.email.fault(Fault(kind="status", method=method, status=status, description=description))
        with pytest.raises(ChannelFailure) as raised:
            await connection.send(Outgoing(to=OLENA, text="x", key="k"))
        assert type(raised.value) is failure
        assert not letters.letters
        keeps_the_password(raised.value, settings)

    @pytest.mark.parametrize("kind", ["reset_before", "hang"])
    @pytest.mark.parametrize("method", ["EHLO", "MAIL", "RCPT"])
    async def test_a_line_that_breaks_before_the_letter_left(self, sandbox, connection, settings, method, kind):
        sandbox.email.fault(Fault(kind=kind, method=method))
        with pytest.raises(RetryLater) as raised:
            await connection.send(Outgoing(to=OLENA, text="x", key="k"))
        keeps_the_password(raised.value, settings)

    @pytest.mark.parametrize(
        ("kind", "arrived"), [("reset_before", 0), ("hang", 0), ("reset_after", 1), ("hang_after", 1)]
    )
    async def test_a_line_that_breaks_with_the_letter_on_its_way(self, sandbox, connection, letters, kind, arrived):
        sandbox.email.fault(Fault(kind=kind, method="DATA"))
        with pytest.raises(Uncertain):
            await connection.send(Outgoing(to=OLENA, text="x", key="k"))
        assert len(letters.letters) == arrived

    async def test_nobody_listens(self, settings, unused_tcp_port):
        nowhere = settings.model_copy(update={"smtp_url": SecretStr(f"smtp://u:p4ssw0rd@127.0.0.1:{unused_tcp_port}")})
        with pytest.raises(RetryLater, match="could not be reached") as raised:
            await EmailConnection(nowhere).send(Outgoing(to=OLENA, text="x", key="k"))
        keeps_the_password(raised.value, nowhere)

    async def test_a_server_without_encryption_gets_no_password(self, settings, unused_tcp_port):
        async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"220 plain\r\n")
            while line := await reader.readline():
                said.append(line)
                writer.write(b"250-plain\r\n250 AUTH PLAIN\r\n")
            writer.close()

        said: list[bytes] = []
        async with await asyncio.start_server(plain, "127.0.0.2", unused_tcp_port):
            url = SecretStr(f"smtp://u:p4ssw0rd@127.0.0.2:{unused_tcp_port}")
            with pytest.raises(CredentialsRejected):
                await EmailConnection(settings.model_copy(update={"smtp_url": url})).register("http://shop.example")
        assert not [line for line in said if line.startswith(b"AUTH")]

    async def test_a_wrong_password(self, mailbox, settings):
        mailbox.password = "changed"
        with pytest.raises(CredentialsRejected):
            await EmailConnection(settings).register("http://shop.example")

    async def test_a_file_that_cannot_be_read_is_tried_again(self, connection, letters):
        with pytest.raises(RetryLater, match="nothing was sent"):
            await connection.send(Outgoing(to=OLENA, files=(file("a.pdf", b"x", broken=True),), key="k"))
        assert not letters.letters

    async def test_too_much_for_one_letter_is_refused_here(self, connection):
        with pytest.raises(Refused, match="25 MB"):
            await connection.send(
                Outgoing(to=OLENA, files=(file("a", b"x" * (14 << 20)), file("b", b"x" * (14 << 20))), key="k")
            )

    async def test_a_cancelled_send_stays_cancelled(self, sandbox, connection):
        sandbox.email.fault(Fault(kind="hang", method="DATA"))
        sending = asyncio.create_task(connection.send(Outgoing(to=OLENA, text="x", key="k")))
        await asyncio.sleep(0.05)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending

    async def test_there_is_nothing_to_fetch(self, connection):
        with pytest.raises(Refused):
            connection.fetch("x", 10)


async def test_what_is_sent_is_a_letter_by_the_book(connection, sandbox):
    """Read back with the library's strict policy: no defects, 7 bits, lines within the limit."""
    files = (file("довга назва файлу, яку ніхто не вмістить в один рядок заголовка.pdf", b"%PDF" * 1000),)
    await connection.send(Outgoing(to=OLENA, text="Вітаю " * 200, files=files, key="k", subject="Довга тема " * 20))
    [mailbox] = sandbox.email.mailboxes.values()
    [kept] = mailbox.folders["Sent"].letters
    content = kept.content
    assert content.isascii()
    assert max(map(len, content.split(b"\r\n"))) <= 998
    letter = message_from_bytes(content, policy=policy.default)
    assert not [part.defects for part in letter.walk() if part.defects]


def keeps_the_password(failure: ChannelFailure, settings: EmailSettings) -> None:
    shown = "".join(traceback.format_exception(failure)) + repr(failure)
    assert settings.smtp.password not in shown
    assert failure.__cause__ is None
    assert failure.__context__ is None
    assert str(failure)
