"""The mailbox's connection: letters out by SMTP, letters in by IMAP."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from http import HTTPStatus
from typing import Final, Literal

import aiosmtplib
from aiosmtplib.errors import (
    SMTPException,
    SMTPNotSupported,
    SMTPRecipientRefused,
    SMTPResponseException,
)

from channels.email import identity, parse, render
from channels.email.imap import Imap, Withheld
from channels.email.parse import Folder
from channels.email.spec import ANSWER_SECONDS, MAIL_MAX_BYTES, EmailSettings, Server
from inbox.model.channel import Accept, Connection, Cursor, Outgoing, OutgoingFile, RawEvent, Sent
from inbox.model.failures import (
    ChannelFailure,
    CredentialsRejected,
    Refused,
    RetryLater,
    Uncertain,
    Unreachable,
)

IDLE_SECONDS: Final = 300.0
"""How long one IDLE lasts. Servers end it after 30 minutes, home routers forget it sooner; each end is also a poll."""

POLL_SECONDS: Final = 30.0
"""How often to look where the server cannot tell of news."""

SLOWEST: Final = 64 << 10
"""Bytes a second that an upload makes at least."""

OVERLAP: Final = timedelta(days=1)
"""How much further back than the last look to search: servers search by day, in a time zone of their own."""

GREETING_SECONDS: Final = 10.0
GOODBYE_SECONDS: Final = 2.0

_Stage = Literal["connecting", "addressing", "sending"]

_AUTHENTICATION: Final = frozenset({530, 534, 535, 538})
_NO_SUCH_ADDRESS: Final = ("5.1.0", "5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1")
_UNKNOWN_RECIPIENT: Final = frozenset({550, 551, 553})


class EmailConnection(Connection):
    """One mailbox. Each letter goes over a connection of its own: mail servers close idle ones within minutes."""

    def __init__(
        self, settings: EmailSettings, *, answer_seconds: float = ANSWER_SECONDS, idle_seconds: float = IDLE_SECONDS
    ) -> None:
        self._settings = settings
        self._answer_seconds = answer_seconds
        self._idle_seconds = idle_seconds

    async def register(self, webhook_url: str) -> None:  # noqa: ARG002 - the admin tells the provider
        await self._try_both()

    async def unregister(self) -> None:
        return

    async def check(self, webhook_url: str) -> None:  # noqa: ARG002
        await self._try_both()

    def names(self, message: Outgoing) -> tuple[str, ...]:
        return (identity.message_id(self._settings, message.key),)

    async def send(self, message: Outgoing) -> Sent:
        letter = await self._letter(message)
        content = await asyncio.to_thread(render.as_bytes, letter)
        if len(content) > MAIL_MAX_BYTES:
            reason = f"with its files this letter is larger than {MAIL_MAX_BYTES >> 20} MB; send fewer at a time"
            raise Refused(reason, code="too_big")
        await self._deliver(message.to, letter, content)
        return Sent(self.names(message))

    async def listen(self, cursor: Cursor, accept: Accept) -> None:
        """Watch the inbox and the folder of sent letters, each over a connection of its own."""
        server = self._settings.imap
        if server is None:
            raise Refused("this mailbox has no IMAP server to listen to")
        marks = _Marks(cursor)
        folders: tuple[Folder, ...] = ("inbox", "sent")
        watching = [asyncio.create_task(self._watch(server, folder, marks, accept)) for folder in folders]
        try:
            await asyncio.gather(*watching)
        finally:
            for task in watching:
                task.cancel()
            await asyncio.gather(*watching, return_exceptions=True)

    def fetch(self, ref: str, max_bytes: int) -> AsyncIterator[bytes]:  # noqa: ARG002
        raise Refused("files come with the letter; there is nothing to fetch", code="file")

    async def close(self) -> None:
        return

    async def _try_both(self) -> None:
        """Sign in at each server."""
        client = self._client()
        try:
            await client.connect()
        except (SMTPException, OSError) as error:
            failure: ChannelFailure | None = failure_of(error, "connecting")
        else:
            failure = None
            await _leave(client)
        if failure is not None:
            raise failure
        if self._settings.imap is not None:
            async with Imap.connected(self._settings.imap) as imap:
                await imap.examine("INBOX")

    async def _letter(self, message: Outgoing) -> EmailMessage:
        if sum(file.size for file in message.files) > MAIL_MAX_BYTES:
            reason = f"these files together are larger than the {MAIL_MAX_BYTES >> 20} MB of a letter"
            raise Refused(reason, code="too_big")
        files = [(file, await _content(file)) for file in message.files]
        return render.message(self._settings, message, files, at=datetime.now(UTC))

    async def _deliver(self, to: str, letter: EmailMessage, content: bytes) -> None:
        client = self._client()
        recipient = letter["To"].addresses[0].addr_spec
        stage: _Stage = "connecting"
        failure: ChannelFailure | None = None
        try:
            await client.connect()
            stage = "addressing"
            options = [] if to.isascii() else ["SMTPUTF8"]
            await client.mail(letter["From"].addresses[0].addr_spec, options=options, encoding="utf-8")
            await client.rcpt(recipient, encoding="utf-8")
            stage = "sending"
            await client.data(content, timeout=self._answer_seconds + len(content) / SLOWEST)
        except (SMTPException, OSError) as error:
            failure = failure_of(error, stage)
        except BaseException:
            client.close()
            raise
        if failure is not None:
            client.close()
            raise failure
        await _leave(client)

    def _client(self) -> aiosmtplib.SMTP:
        server = self._settings.smtp
        local = server.starttls == "offered"
        return aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            username=server.user or None,
            password=server.password or None,
            local_hostname=socket.gethostname() or "localhost",
            timeout=self._answer_seconds,
            use_tls=server.tls,
            start_tls=False if server.tls else {"required": True, "offered": None, "never": False}[server.starttls],
            validate_certs=server.tls or not local,
        )

    async def _watch(self, server: Server, folder: Folder, marks: "_Marks", accept: Accept) -> None:
        """Hand over every letter of a folder, then every new one."""
        async with Imap.connected(server) as imap:
            name = "INBOX" if folder == "inbox" else self._settings.sent_folder or await imap.sent_folder()
            if not name:
                return
            await self._catch_up(imap, name, folder, marks, accept)
            while True:
                if imap.can_idle:
                    await imap.idle(self._idle_seconds)
                else:
                    await asyncio.sleep(POLL_SECONDS)
                await self._take(imap, await imap.since_uid(marks.uid(folder)), folder, marks, accept)

    async def _catch_up(self, imap: Imap, name: str, folder: Folder, marks: "_Marks", accept: Accept) -> None:
        """What came since the last look.

        A mailbox seen for the first time gives what nobody has read lately, not its whole past. Where the server has
        numbered a folder anew, recent letters are handed over again: the journal knows them by their names.
        """
        opened = await imap.examine(name)
        if marks.validity(folder) == opened.validity:
            await self._take(imap, await imap.since_uid(marks.uid(folder)), folder, marks, accept)
            return
        day = marks.day(folder)
        if day is None:
            unread = set(await imap.search(b"UNSEEN")) if folder == "inbox" else set()
            uids = [uid for uid in await imap.since_day(datetime.now(UTC) - OVERLAP) if uid in unread]
        else:
            uids = await imap.since_day(day - OVERLAP)
        for uid in uids:
            await self._hand_over(imap, uid, folder, accept)
        last = max([opened.last_uid, *uids])
        await marks.note(folder, last, validity=opened.validity)
        await self._take(imap, await imap.since_uid(last), folder, marks, accept)

    async def _take(self, imap: Imap, uids: list[int], folder: Folder, marks: "_Marks", accept: Accept) -> None:
        for uid in uids:
            await self._hand_over(imap, uid, folder, accept)
            await marks.note(folder, uid)
        if not uids:
            await marks.note(folder, marks.uid(folder))

    async def _hand_over(self, imap: Imap, uid: int, folder: Folder, accept: Accept) -> None:
        try:
            letter = await imap.fetch(uid)
        except Withheld as refusal:
            # Kept as unreadable, so that somebody sees that there is a letter, and those after it come.
            told = f"letter {uid} of the {folder} folder is withheld by the IMAP server: {refusal}"
            await accept([RawEvent(key=f"{folder}:withheld:{imap.validity}:{uid}", raw=told.encode())])
            return
        if letter is not None:
            event = await asyncio.to_thread(
                parse.fetched, self._settings, letter.content, received=letter.received, folder=folder
            )
            await accept([event])


class _Marks:
    """How far each folder was read, in the one cursor that a connection has."""

    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor
        self._values = dict(cursor.value)
        self._writing = asyncio.Lock()

    def validity(self, folder: Folder) -> int | None:
        return self._number(f"{folder}.validity")

    def uid(self, folder: Folder) -> int:
        return self._number(f"{folder}.uid") or 0

    def day(self, folder: Folder) -> datetime | None:
        """When the folder was last looked at."""
        seen = self._values.get(f"{folder}.seen")
        return datetime.fromisoformat(seen) if seen else None

    async def note(self, folder: Folder, uid: int, *, validity: int | None = None) -> None:
        async with self._writing:
            self._values[f"{folder}.uid"] = str(uid)
            self._values[f"{folder}.seen"] = datetime.now(UTC).isoformat()
            if validity is not None:
                self._values[f"{folder}.validity"] = str(validity)
            await self._cursor.note(dict(self._values))

    def _number(self, name: str) -> int | None:
        value = self._values.get(name, "")
        return int(value) if value.isdigit() else None


def failure_of(error: Exception, stage: _Stage) -> ChannelFailure:
    """What an exception of aiosmtplib's or the system's means for the letter that was on its way."""
    if isinstance(error, SMTPRecipientRefused | SMTPResponseException):
        return _answered(error.code, error.message, stage)
    if stage == "sending":
        return Uncertain("the mail server did not confirm the letter")
    if isinstance(error, SMTPNotSupported) and stage == "addressing":
        return Refused("the mail server cannot write to an address with these letters", code="address")
    if isinstance(error, SMTPException) and not isinstance(error, OSError):
        return CredentialsRejected("the mail server offers no encryption or no sign-in; see the SMTP address")
    if stage == "addressing":
        return RetryLater("the connection to the mail server broke before the letter left")
    return RetryLater("the mail server could not be reached")


def _answered(code: int, words: str, stage: _Stage) -> ChannelFailure:
    """What an answer of the server means: 4xx again, 5xx never (RFC 5321 4.2.1)."""
    told = " ".join(words.split())[:300]
    if code in _AUTHENTICATION and stage != "sending":
        return CredentialsRejected("the mail server does not accept this user and password")
    if code < HTTPStatus.INTERNAL_SERVER_ERROR:
        return RetryLater(f"the mail server asks to wait ({code} {told})")
    reason = f"the mail server refused ({code} {told})"
    if stage == "connecting":
        return CredentialsRejected(reason)
    unknown = told.startswith(_NO_SUCH_ADDRESS) or (code in _UNKNOWN_RECIPIENT and not told.startswith("5."))
    if stage == "addressing" and unknown:
        return Unreachable(reason, code=str(code))
    return Refused(reason, code=str(code))


async def _content(file: OutgoingFile) -> bytes:
    """A file read whole. Where that fails, nothing was sent."""
    content = bytearray()
    broken = False
    try:
        async for chunk in file.open():
            content += chunk
    except Exception:  # noqa: BLE001 - whatever storage raises; the sender tries again
        broken = True
    if broken:
        raise RetryLater("a file of this message could not be read; nothing was sent")
    return bytes(content)


async def _leave(client: aiosmtplib.SMTP) -> None:
    """Say goodbye, without letting a server that does not answer it change what it said before."""
    with contextlib.suppress(SMTPException, OSError, TimeoutError):
        async with asyncio.timeout(GOODBYE_SECONDS):
            await client.quit()
    client.close()
