"""Letters in, from a real Dovecot: over broken lines, restarts and new numbers, nothing lost and nothing doubled."""

import asyncio
import contextlib
import os
import secrets
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from pydantic import SecretStr

from channels.email import identity
from channels.email.client import EmailConnection
from channels.email.imap import Imap
from channels.email.spec import EmailSettings
from inbox.model.failures import CredentialsRejected, RetryLater
from inbox.model.incoming import Echo
from tests.channels.email.desk import Desk
from tests.channels.email.dovecot import Dovecot, Maildir, Wire, folder_for_mail
from tests.flow import until


@pytest.fixture(scope="module")
def dovecot(unused_tcp_port_factory: Callable[[], int]) -> Iterator[Dovecot]:
    with folder_for_mail() as folder:
        server = Dovecot(folder, unused_tcp_port_factory())
        server.start()
        yield server
        server.stop()


@pytest.fixture
def mailbox(dovecot: Dovecot) -> Maildir:
    """A mailbox of the test's own."""
    return Maildir(dovecot, f"shop-{secrets.token_hex(4)}")


@pytest.fixture
async def wire(dovecot: Dovecot) -> AsyncIterator[Wire]:
    opened = Wire(dovecot.port)
    await opened.open()
    yield opened
    await opened.cut()


@pytest.fixture
def settings(settings: EmailSettings, mailbox: Maildir, wire: Wire) -> EmailSettings:
    url = mailbox.url.replace(f":{mailbox.server.port}", f":{wire.port}")
    return settings.model_copy(update={"imap_url": SecretStr(url)})


@pytest.fixture
async def desk(settings: EmailSettings) -> AsyncIterator[Desk]:
    opened = Desk(settings)
    listening = asyncio.create_task(opened.listen())
    await opened.looked()
    yield opened
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)


async def test_a_letter_is_seen_as_soon_as_it_comes(mailbox, desk):
    mailbox.deliver("Добрий день")
    async with asyncio.timeout(2):
        await desk.has("Добрий день")
    mailbox.deliver("І ще одне")
    await desk.has("Добрий день", "І ще одне")
    assert desk.handed_over == 2
    assert not desk.failures


async def test_letters_stay_unseen(mailbox, desk, settings):
    mailbox.deliver("Добрий день")
    await desk.has("Добрий день")
    async with Imap.connected(settings.imap) as imap:
        await imap.examine("INBOX")
        assert len(await imap.search(b"UNSEEN")) == 1


async def test_a_copy_in_the_folder_of_sent_letters_is_the_shops_word(mailbox, desk, settings):
    ours = identity.message_id(settings, "reply-1")
    mailbox.deliver("Рукою", folder="Sent letters", sender="support@shop.example")
    mailbox.deliver("Нами", folder="Sent letters", sender="support@shop.example", message_id=ours)
    await desk.has("Рукою", "Нами")
    events = {event.text: event for event in desk.events()}
    assert all(isinstance(event, Echo) for event in events.values())
    assert events["Нами"].external_id == ours


async def test_a_line_that_is_cut_loses_and_doubles_nothing(mailbox, desk, wire):
    mailbox.deliver("до")
    await desk.has("до")
    await wire.cut()
    mailbox.deliver("під час")
    async with asyncio.timeout(10):
        while not desk.failures:
            await asyncio.sleep(0.02)
    await wire.open()
    await desk.has("до", "під час")
    mailbox.deliver("після")
    await desk.has("до", "під час", "після")
    assert desk.handed_over == 3
    assert {type(failure) for failure in desk.failures} == {RetryLater}


async def test_a_server_that_restarts_loses_and_doubles_nothing(dovecot, mailbox, desk):
    mailbox.deliver("до")
    await desk.has("до")
    await asyncio.to_thread(dovecot.stop)
    mailbox.deliver("під час")
    await asyncio.to_thread(dovecot.start)
    await desk.has("до", "під час")
    mailbox.deliver("після")
    await desk.has("до", "під час", "після")
    assert desk.handed_over == 3


async def test_letters_that_are_numbered_anew_are_known_by_their_names(dovecot, mailbox, desk):
    mailbox.deliver("до")
    await desk.has("до")
    before = desk.marks["inbox.validity"]
    await asyncio.to_thread(dovecot.stop)
    mailbox.renumber()
    mailbox.deliver("під час")
    await asyncio.sleep(1.1)  # Dovecot makes its UIDVALIDITY of the second in which it first looks.
    await asyncio.to_thread(dovecot.start)
    await desk.has("до", "під час")
    assert desk.marks["inbox.validity"] != before
    mailbox.deliver("після")
    await desk.has("до", "під час", "після")
    assert len(desk.raw) == 3


async def test_what_cannot_be_kept_is_fetched_again(mailbox, desk):
    desk.down = True
    mailbox.deliver("важливе")
    async with asyncio.timeout(15):
        await desk.turned_away.wait()
    desk.down = False
    await desk.has("важливе")


async def test_a_burst_comes_whole_and_in_order(mailbox, desk):
    texts = [f"лист {number:03d}" for number in range(60)]
    for text in texts:
        mailbox.deliver(text)
    await desk.has(*texts)
    assert desk.handed_over == 60


async def test_a_mailbox_gives_what_is_unread_lately_and_not_its_past(mailbox, settings):
    mailbox.deliver("свіже")
    old = mailbox.home / "new"
    mailbox.deliver("давнє")
    [letter] = [path for path in old.iterdir() if "давнє" in path.read_text()]
    os.utime(letter, (1_600_000_000, 1_600_000_000))
    desk = Desk(settings)
    listening = asyncio.create_task(desk.listen())
    await desk.has("свіже")
    await desk.looked()
    listening.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await listening
    assert desk.texts() == ["свіже"]


async def test_large_letters_come_whole(mailbox, desk):
    text = "великий лист " * 200_000
    mailbox.deliver(text)
    async with asyncio.timeout(20):
        while not desk.raw:
            await asyncio.sleep(0.05)
    [event] = desk.events()
    assert event.media[0].content.decode().strip() == text.strip()


async def test_a_wrong_password_is_said_to_be_one(settings):
    wrong = settings.model_copy(
        update={"imap_url": SecretStr(settings.imap_url.get_secret_value().replace("w0rd", "wr0ng"))}
    )
    with pytest.raises(CredentialsRejected):
        await EmailConnection(wrong).listen(Desk(wrong), Desk(wrong).accept)


async def test_a_folder_of_sent_letters_is_found_by_its_mark(settings):
    async with Imap.connected(settings.imap) as imap:
        assert await imap.sent_folder() == "Sent letters"


async def test_a_server_that_sends_everybody_away_is_tried_again(settings):
    async def away(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"* BYE too many\r\n")
        writer.close()

    async with await asyncio.start_server(away, "127.0.0.1", 0) as server:
        url = SecretStr(f"imap://u:p@127.0.0.1:{server.sockets[0].getsockname()[1]}")
        with pytest.raises(RetryLater):
            await EmailConnection(settings.model_copy(update={"imap_url": url})).listen(
                Desk(settings), Desk(settings).accept
            )


async def test_a_running_shop_hears_of_a_letter_at_once_and_of_a_server_that_stays_away(shop, mailbox, wire):
    mail = shop.sandbox.email
    account = mail.create_mailbox("support@shop.example")
    fields = {
        "address": account.address,
        "smtp_url": mail.smtp_url(account),
        "imap_url": mailbox.url.replace(f":{mailbox.server.port}", f":{wire.port}"),
    }
    created = await shop.owner.call("POST", "/channels", {"kind": "email", "name": "Mail", "settings": fields})
    assert created.status == 201, created
    path = f"/channels/{created.body['id']}"

    async def listening() -> bool:
        row = await shop.house.database.durable.listeners.find_one({}) or {"cursor": {}}
        return {"inbox.validity", "sent.validity"} <= set(row["cursor"])

    await until(listening)
    mailbox.deliver("Добрий день")
    [conversation] = await until(shop.conversations, seconds=2)
    assert [message["text"] for message in await shop.messages(conversation["id"])] == ["Добрий день"]

    await wire.cut()

    async def is_degraded() -> bool:
        return bool((await shop.owner.get(path))["state"] == "degraded")

    await until(is_degraded)
    mailbox.deliver("Ви тут?")
    await wire.open()

    async def is_connected() -> bool:
        return bool((await shop.owner.get(path))["state"] == "connected")

    await until(is_connected)

    async def two() -> bool:
        return len(await shop.messages(conversation["id"])) == 2

    await until(two)
