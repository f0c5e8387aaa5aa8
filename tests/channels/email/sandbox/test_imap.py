"""The sandbox's IMAP server: to the standard library's client a server like any other, to our reader every trouble."""

import asyncio
import imaplib
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import hypothesis
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from pydantic import SecretStr

from channels.email import parse
from channels.email.client import EmailConnection
from channels.email.imap import Imap
from channels.email.sandbox import Correspondence, EmailSandbox, Fault, Mailbox
from channels.email.sandbox.imap_words import NotImap, parsed
from channels.email.spec import EmailSettings
from channels.sandbox import Sandbox
from inbox.model.channel import Outgoing
from inbox.model.failures import CredentialsRejected, RetryLater, Unreadable
from inbox.model.incoming import Echo
from tests.channels.email.desk import Desk

LETTER = b"From: olena@mail.example\r\nSubject: =?utf-8?b?0JrRgNC40YjQutCw?=\r\nTo: a@shop.example\r\n\r\nHello\r\n"

TROUBLES: Mapping[str, Callable[[EmailSandbox, Mailbox], Awaitable[None]]] = {
    "cut": lambda mail, mailbox: mail.imap.cut(mailbox),
    "stop": lambda mail, _mailbox: mail.imap.stop(),
    "start": lambda mail, _mailbox: mail.imap.start(),
    "renumber": lambda mail, mailbox: mail.imap.renumber(mailbox),
    "other password": lambda mail, mailbox: mail.change_password(mailbox),
    "old password": lambda mail, mailbox: mail.take_password_back(mailbox),
}


@pytest.fixture
def mail(sandbox: Sandbox) -> EmailSandbox:
    return sandbox.email


@pytest.fixture
def letters(mail: EmailSandbox) -> Correspondence:
    mailbox = mail.create_mailbox("support@shop.example", password='p"ss w0rd')
    return mail.letters(mailbox, mail.create_customer("Олена", "olena@mail.example"))


@pytest.fixture
def settings(settings: EmailSettings, mail: EmailSandbox, letters: Correspondence) -> EmailSettings:
    urls = {"smtp_url": mail.smtp_url(letters.mailbox), "imap_url": mail.imap_url(letters.mailbox)}
    return settings.model_copy(update={name: SecretStr(url) for name, url in urls.items()})


@pytest.fixture
async def desk(settings: EmailSettings) -> AsyncIterator[Desk]:
    opened = Desk(settings)
    listening = asyncio.create_task(opened.listen())
    await opened.looked()
    yield opened
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)


async def seen(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.02)


class TestForAMailProgram:
    """What imaplib asks for, it gets."""

    @pytest.fixture
    def by_hand(self, mail: EmailSandbox, letters: Correspondence) -> Callable[..., Any]:
        @contextmanager
        def opened() -> Iterator[imaplib.IMAP4]:
            with imaplib.IMAP4("127.0.0.1", mail.imap.port, timeout=10) as client:
                client.login("Support@Shop.example", letters.mailbox.password)
                yield client

        async def play(doing: Callable[[Any], Any]) -> Any:
            def do() -> Any:
                with opened() as client:
                    return doing(client)

            return await asyncio.to_thread(do)

        return play

    async def test_a_letter_is_added_searched_for_read_and_marked(self, by_hand):
        def do(client: Any) -> None:
            assert client.append("INBOX", "(\\Flagged)", '"03-Nov-2025 10:00:00 +0000"', LETTER)[0] == "OK"
            assert client.select()[1] == [b"1"]
            assert client.search(None, "UNSEEN", "FLAGGED")[1] == [b"1"]
            assert client.search("UTF-8", "SINCE", "03-Nov-2025", "BEFORE", "04-Nov-2025")[1] == [b"1"]
            assert client.search(None, "HEADER", "From", "OLENA", "NOT", "SEEN")[1] == [b"1"]
            assert client.search(None, "SINCE", "04-Nov-2025")[1] == [b""]
            [(told, content), end] = client.uid("FETCH", "1:*", "(FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])")[1]
            assert (content, end) == (LETTER, b")")
            assert told.startswith(b"1 (UID 1 FLAGS (\\Flagged) INTERNALDATE ")
            assert f"RFC822.SIZE {len(LETTER)}".encode() in told
            assert imaplib.Internaldate2tuple(told) is not None
            [(_, fields), _] = client.fetch("1", "(BODY.PEEK[HEADER.FIELDS (SUBJECT FROM)])")[1]
            assert fields.split(b"\r\n")[0] == b"From: olena@mail.example"
            assert b"To:" not in fields
            [(_, piece), _] = client.fetch("1", "(BODY.PEEK[TEXT]<1.3>)")[1]
            assert piece == b"ell"
            client.fetch("1", "(BODY[TEXT])")
            assert client.search(None, "SEEN")[1] == [b"1"]
            assert b"\\Answered" in client.store("1", "+FLAGS", "(\\Answered)")[1][0]
            client.store("1", "-FLAGS.SILENT", "(\\Seen \\Flagged)")
            assert client.fetch("1", "FAST")[1][0].startswith(b"1 (FLAGS (\\Answered) INTERNALDATE")
            assert client.status("INBOX", "(MESSAGES UNSEEN)")[1] == [b"INBOX (MESSAGES 1 UNSEEN 1)"]

        await by_hand(do)

    async def test_the_folder_of_sent_letters_is_marked(self, by_hand):
        def do(client: Any) -> None:
            assert b'(\\HasNoChildren \\Sent) "/" Sent' in client.list()[1]
            assert client.list('""', '""')[1] == [b'(\\Noselect) "/" ""']

        await by_hand(do)

    async def test_who_only_looks_changes_nothing(self, by_hand):
        def do(client: Any) -> None:
            client.append("INBOX", "", "", LETTER)
            client.select(readonly=True)
            client.fetch("1", "(BODY[])")
            assert client.search(None, "UNSEEN")[1] == [b"1"]
            assert client.store("1", "+FLAGS", "(\\Seen)")[0] == "NO"

        await by_hand(do)

    async def test_what_it_cannot_do_it_says(self, by_hand):
        def do(client: Any) -> None:
            assert client.select("Nowhere")[0] == "NO"
            client.append("INBOX", "", "", LETTER)
            client.select()
            for wrong in (("FETCH", "1", "(ENVELOPE)"), ("SEARCH", "LARGER", "7"), ("FETCH", "x", "FLAGS")):
                with pytest.raises(imaplib.IMAP4.error, match="BAD"):
                    client.uid(*wrong)
            with pytest.raises(imaplib.IMAP4.error, match="BAD"):
                client.create("Folder")
            assert client.noop()[0] == "OK"

        await by_hand(do)

    async def test_news_come_with_any_answer(self, by_hand, letters):
        loop = asyncio.get_running_loop()

        def do(client: Any) -> None:
            client.select()
            loop.call_soon_threadsafe(letters.write, "Добрий день")
            while client.noop()[0] == "OK" and client.response("EXISTS")[1] == [None]:
                pass
            assert client.search(None, "ALL")[1] == [b"1"]

        await by_hand(do)

    async def test_nobody_gets_in_with_a_wrong_password(self, mail, letters):
        def do() -> None:
            with imaplib.IMAP4("127.0.0.1", mail.imap.port, timeout=10) as client:
                with pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
                    client.login(letters.mailbox.address, "guessed")
                with pytest.raises(imaplib.IMAP4.error):
                    client.select()
                client.authenticate(
                    "PLAIN", lambda _: f"\0{letters.mailbox.address}\0{letters.mailbox.password}".encode()
                )
                assert client.select()[0] == "OK"

        await asyncio.to_thread(do)

    @given(st.lists(st.one_of(st.text(max_size=12), st.binary(max_size=4)), max_size=4))
    def test_anything_may_be_said_to_it(self, pieces):
        try:
            parsed(pieces)
        except NotImap:
            return


class TestForTheShop:
    async def test_a_letter_is_seen_at_once_and_marked_as_taken(self, letters, desk):
        letters.write("Добрий день", subject="Скринька")
        async with asyncio.timeout(2):
            await desk.has("Добрий день")
        await letters.until(lambda letters: letters.letters[0].delivery == "delivered")

    async def test_a_letter_waits_until_somebody_reads_it(self, letters, settings):
        letters.write("ще нікому")
        assert letters.letters[0].delivery == "pending"
        desk = Desk(settings)
        listening = asyncio.create_task(desk.listen())
        await desk.has("ще нікому")
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        assert letters.letters[0].delivery == "delivered"

    async def test_what_the_shop_wrote_by_hand_is_its_word(self, letters, desk):
        letters.shop_writes("Рукою", subject="Нагадування")
        await desk.has("Рукою")
        [event] = desk.events()
        assert isinstance(event, Echo)
        assert event.person.external_id == "olena@mail.example"
        assert event.external_id == letters.external_id(letters.letters[0])
        assert letters.texts() == ["Рукою"]

    async def test_the_copy_of_our_own_letter_is_known_as_ours(self, letters, desk, settings):
        sent = await EmailConnection(settings).send(Outgoing(to="olena@mail.example", text="Нами", key="k"))
        await desk.has("Нами")
        [event] = desk.events()
        assert (type(event), event.external_id) == (Echo, sent.external_ids[0])
        assert letters.external_id(letters.letters[0]) == event.external_id
        assert letters.texts() == ["Нами"]

    async def test_cut_connections_lose_and_double_nothing(self, mail, letters, desk):
        for text in ("один", "два", "три"):
            letters.write(text)
            await mail.imap.cut(letters.mailbox)
        await desk.has("один", "два", "три")
        assert {type(failure) for failure in desk.failures} == {RetryLater}

    async def test_a_server_that_stops_and_starts_loses_and_doubles_nothing(self, mail, letters, desk):
        letters.write("до")
        await desk.has("до")
        await mail.imap.stop()
        letters.write("під час")
        await seen(lambda: len(desk.failures) > 1)
        await mail.imap.start()
        await desk.has("до", "під час")
        letters.write("після")
        await desk.has("до", "під час", "після")
        assert desk.handed_over == 3

    async def test_letters_that_are_numbered_anew_are_known_by_their_names(self, mail, letters, desk):
        letters.write("до")
        letters.write("теж до")
        await desk.has("до", "теж до")
        before = desk.marks["inbox.validity"]
        await mail.imap.renumber(letters.mailbox)
        letters.write("після")
        await desk.has("до", "теж до", "після")
        assert desk.marks["inbox.validity"] != before
        assert len(desk.raw) == 3

    async def test_a_changed_password_is_said_to_be_wrong_until_it_is_taken_back(self, mail, letters, desk, settings):
        await mail.change_password(letters.mailbox)
        letters.write("під час")
        await seen(lambda: any(isinstance(failure, CredentialsRejected) for failure in desk.failures))
        with pytest.raises(CredentialsRejected):
            await EmailConnection(settings).check("")
        await mail.take_password_back(letters.mailbox)
        await desk.has("під час")
        await EmailConnection(settings).check("")

    @pytest.mark.parametrize("kind", ["status", "garbage", "reset_before", "reset_after"])
    @pytest.mark.parametrize("command", ["CONNECT", "SELECT", "SEARCH", "FETCH", "IDLE"])
    async def test_whatever_breaks_loses_and_doubles_nothing(self, mail, letters, desk, command, kind):
        mail.fault(Fault(kind=kind, method=command, times=1))
        await mail.imap.cut(letters.mailbox)
        letters.write("один")
        letters.write("два")
        await desk.has("один", "два")
        assert not mail.faults.listed()
        assert {type(failure) for failure in desk.failures} == {RetryLater}

    async def test_sign_ins_that_are_refused_for_now_are_tried_again(self, mail, letters, desk):
        mail.fault(Fault(kind="status", method="LOGIN", description="[UNAVAILABLE] Later", times=3))
        await mail.imap.cut(letters.mailbox)
        letters.write("один")
        await desk.has("один")
        assert {type(failure) for failure in desk.failures} == {RetryLater}

    async def test_a_letter_that_is_withheld_is_told_of_and_holds_up_nothing(self, mail, letters, desk):
        mail.fault(Fault(kind="status", method="FETCH", description="It cannot be converted", times=1))
        letters.write("один")
        letters.write("два")
        await seen(lambda: len(desk.raw) == 2)
        [(key, raw)] = [(key, raw) for key, raw in desk.raw.items() if "withheld" in key]
        assert raw == b"letter 1 of the inbox folder is withheld by the IMAP server: It cannot be converted"
        with pytest.raises(Unreadable):
            parse.read(desk.raw.pop(key))
        assert desk.texts() == ["два"]
        assert not desk.failures

    async def test_a_slow_server_is_waited_for(self, mail, letters, desk):
        mail.fault(Fault(kind="slow", method="FETCH", seconds=0.3, times=2))
        letters.write("один")
        letters.write("два")
        await desk.has("один", "два")
        assert not desk.failures

    async def test_a_letter_that_comes_while_another_is_fetched_does_not_wait_for_a_third(self, mail, letters, desk):
        mail.fault(Fault(kind="slow", method="FETCH", seconds=0.3, times=1))
        letters.write("один")
        await seen(lambda: not mail.faults.listed())
        letters.write("два")
        async with asyncio.timeout(3):
            await desk.has("один", "два")

    @hypothesis.settings(
        max_examples=12,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    @given(
        steps=st.lists(
            st.tuples(st.sampled_from(["write", "write", "by hand", *TROUBLES]), st.sampled_from([0, 0.004])),
            min_size=2,
            max_size=9,
        )
    )
    async def test_any_order_of_troubles_loses_and_doubles_nothing(self, mail, settings, steps):
        mailbox = mail.create_mailbox(f"{secrets.token_hex(4)}@shop.example")
        letters = mail.letters(mailbox, mail.create_customer("Олена", "olena@mail.example"))
        desk = Desk(
            settings.model_copy(update={"address": mailbox.address, "imap_url": SecretStr(mail.imap_url(mailbox))})
        )
        listening = asyncio.create_task(desk.listen())
        await desk.looked()
        for number, (step, pause) in enumerate(steps):
            if step in TROUBLES:
                await TROUBLES[step](mail, mailbox)
            else:
                (letters.shop_writes if step == "by hand" else letters.write)(f"лист {number}")
            await asyncio.sleep(pause)
        await mail.imap.start()
        await mail.take_password_back(mailbox)
        await desk.has(*[letter.text for letter in letters.letters])
        assert len(desk.raw) == len(letters.letters)
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)

    async def test_a_server_that_hangs_does_not_keep_the_sandbox_open(self, mail, letters, settings):
        mail.fault(Fault(kind="hang", method="SELECT"))
        async with Imap.connected(settings.imap) as imap:
            opening = asyncio.create_task(imap.examine("INBOX"))
            await seen(lambda: mail.imap.connections(letters.mailbox) == 1)
            async with asyncio.timeout(2):
                await mail.imap.stop()
            with pytest.raises((EOFError, OSError)):
                await opening

    async def test_the_page_hears_who_is_connected(self, mail, letters, desk):
        assert mail.imap.connections(letters.mailbox) == 2
        version = letters.changes.version
        await mail.imap.stop()
        await letters.until(lambda letters: letters.changes.version > version)
        assert mail.imap.connections(letters.mailbox) == 0
        assert desk.marks
