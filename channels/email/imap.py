"""As much of IMAP (RFC 3501, 2177 IDLE, 6154 special folders) as it takes to watch a folder without touching it.

Why not a library: docs/decisions/0013-own-imap-reader.md.
"""

import asyncio
import base64
import contextlib
import re
import ssl
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import msgspec

from channels.email.spec import Server
from inbox.model.failures import CredentialsRejected, RetryLater

CONNECT_SECONDS: Final = 10.0
ANSWER_SECONDS: Final = 60.0
"""How long a server may take for a line or a piece of a letter; a search through a large folder is slow."""

LINE_LIMIT: Final = 16 << 20
_LITERAL: Final = re.compile(rb"\{(\d{1,10})\+?\}\r?\n$")
_LIST: Final = re.compile(rb'\* LIST \(([^)]*)\) (?:"[^"]*"|NIL) (.+?)\r?\n$', re.IGNORECASE)
_INTERNALDATE: Final = re.compile(rb'INTERNALDATE "([^"]+)"', re.IGNORECASE)
_NEWS: Final = re.compile(rb"\* (?:\d+ (?:EXISTS|RECENT)|BYE)", re.IGNORECASE)
_EXISTS: Final = re.compile(rb"\* (\d+) EXISTS", re.IGNORECASE)
_LATER: Final = re.compile(rb"\[(?:UNAVAILABLE|INUSE|LIMIT|CONTACTADMIN|SERVERBUG)", re.IGNORECASE)
_UID: Final = re.compile(rb"\bUID (\d+)", re.IGNORECASE)
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

# What mail programs call the folder of sent letters where the server does not mark it.
_SENT_NAMES: Final = ("sent", "sent items", "sent messages", "sent mail", "надіслані", "відправлені", "отправленные")


class Opened(msgspec.Struct, frozen=True):
    """A folder as it was opened. UIDs mean something only together with `validity`."""

    validity: int
    last_uid: int


class Letter(msgspec.Struct, frozen=True):
    """A letter as it lies in a folder; `received` is when the server took it."""

    uid: int
    content: bytes
    received: datetime


class Withheld(Exception):
    """A letter that the server has and refuses to give, in its words: some cannot be converted, some are broken."""


class Imap:
    """One connection. Whatever goes wrong is `RetryLater`, or `CredentialsRejected` where the server knows nobody."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._number = 0
        self._capabilities: frozenset[bytes] = frozenset()
        self.validity = 0
        """Of the open folder."""
        self._exists = b""
        self._news = False
        """Whether the folder grew beside an answer: servers tell of that once, and not in IDLE again."""

    @classmethod
    @contextlib.asynccontextmanager
    async def connected(cls, server: Server) -> AsyncIterator["Imap"]:
        """A connection that is signed in."""
        writer: asyncio.StreamWriter | None = None
        failure: RetryLater | None = None
        try:
            context = ssl.create_default_context() if server.tls else None
            async with asyncio.timeout(CONNECT_SECONDS):
                reader, writer = await asyncio.open_connection(server.host, server.port, ssl=context, limit=LINE_LIMIT)
            opened = cls(reader, writer)
            await opened._greet(server)
            yield opened
        except (OSError, EOFError) as error:
            failure = RetryLater(_told(error, writer))
        finally:
            if writer is not None:
                writer.transport.abort()
        if failure is not None:
            raise failure

    async def _greet(self, server: Server) -> None:
        greeting = await self._line()
        if not greeting.upper().startswith((b"* OK", b"* PREAUTH")):
            raise RetryLater("the IMAP server does not take connections now")
        await self._learn_capabilities()
        if not server.tls and server.starttls != "never":
            await self._start_tls(server)
        if not greeting.upper().startswith(b"* PREAUTH"):
            await self._login(server)
        await self._learn_capabilities()

    async def _start_tls(self, server: Server) -> None:
        if b"STARTTLS" in self._capabilities:
            await self._command(b"STARTTLS")
            await self._writer.start_tls(ssl.create_default_context(), server_hostname=server.host)
            await self._learn_capabilities()
        elif server.starttls == "required":
            raise CredentialsRejected("the IMAP server offers no encryption; use imaps://")

    async def _login(self, server: Server) -> None:
        if b"AUTH=PLAIN" in self._capabilities and b"SASL-IR" in self._capabilities:
            secret = base64.b64encode(f"\0{server.user}\0{server.password}".encode())
            command = b"AUTHENTICATE PLAIN " + secret
        else:
            command = b"LOGIN " + _quoted(server.user) + b" " + _quoted(server.password)
        status, told, _ = await self._exchange(command)
        if status == b"OK":
            return
        if _LATER.match(told):
            raise RetryLater("the IMAP server does not take sign-ins now")
        raise CredentialsRejected("the IMAP server does not accept this user and password")

    @property
    def can_idle(self) -> bool:
        """Whether the server tells of news by itself."""
        return b"IDLE" in self._capabilities

    async def sent_folder(self) -> str:
        """The folder of sent letters, as the server writes its name; empty where there is none."""
        named = ""
        for line in await self._command(b'LIST "" "*"'):
            found = _LIST.match(line)
            if found is None:
                continue
            folder = found[2].decode("latin-1").strip().strip('"').replace('\\"', '"').replace("\\\\", "\\")
            if b"\\sent" in found[1].lower():
                return folder
            if re.split(r"[./]", _from_utf7(folder))[-1].lower() in _SENT_NAMES:
                named = named or folder
        return named

    async def examine(self, folder: str) -> Opened:
        """Open a folder for reading. Raises `RetryLater` where there is none."""
        lines = b"".join(await self._command(b"EXAMINE " + _quoted(folder)))
        validity = re.search(rb"\[UIDVALIDITY (\d+)\]", lines, re.IGNORECASE)
        following = re.search(rb"\[UIDNEXT (\d+)\]", lines, re.IGNORECASE)
        last = int(following[1]) - 1 if following else max(await self.search(b"ALL"), default=0)
        self.validity = int(validity[1]) if validity else 0
        return Opened(validity=self.validity, last_uid=last)

    async def search(self, criteria: bytes) -> list[int]:
        """UIDs, ascending."""
        lines = await self._command(b"UID SEARCH " + criteria)
        found = [line for line in lines if line.upper().startswith(b"* SEARCH")]
        return sorted({int(uid) for line in found for uid in line.split()[2:] if uid.isdigit()})

    async def since_uid(self, uid: int) -> list[int]:
        """UIDs after `uid`; the server's `n:*` always names the last letter, however old."""
        self._news = False
        return [one for one in await self.search(b"UID %d:*" % (uid + 1)) if one > uid]

    async def since_day(self, day: datetime) -> list[int]:
        """UIDs of letters that the server took on this day or later."""
        return await self.search(b"SINCE %d-%s-%d" % (day.day, _MONTHS[day.month - 1].encode(), day.year))

    async def fetch(self, uid: int) -> Letter | None:
        """A letter, which stays unseen; None where it is gone meanwhile. Raises `Withheld`."""
        status, told, pieces = await self._exchange(b"UID FETCH %d (UID INTERNALDATE BODY.PEEK[])" % uid)
        if _LATER.match(told):
            raise RetryLater("the IMAP server does not give letters now")
        if status != b"OK":
            raise Withheld(told.decode("utf-8", "replace").strip())
        for line, literal in pieces:
            found = _UID.search(line)
            if literal is not None and (found is None or int(found[1]) == uid):
                return Letter(uid, literal, _received(line))
        return None

    async def idle(self, seconds: float) -> None:
        """Return once there may be news, after `seconds` at the latest."""
        if self._news:
            return
        tag = self._tag()
        await self._write(tag + b" IDLE\r\n")
        waiting = await self._line()
        while waiting.startswith(b"*"):
            waiting = await self._line()
        if not waiting.startswith(b"+"):
            raise RetryLater("the IMAP server refused to tell of news")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not _NEWS.match(line := await self._next_line()):
                    pass
                self._hear(line)
        await self._write(b"DONE\r\n")
        while not (await self._line()).startswith(tag):
            pass

    async def _learn_capabilities(self) -> None:
        words = b" ".join(await self._command(b"CAPABILITY")).upper().split()
        self._capabilities = frozenset(words)

    async def _command(self, command: bytes) -> list[bytes]:
        """Untagged lines of a command that must succeed."""
        status, told, pieces = await self._exchange(command)
        if status != b"OK":
            words = told.decode("utf-8", "replace").strip()[:200]
            raise RetryLater(f"the IMAP server refused: {words}")
        return [line for line, _ in pieces]

    async def _exchange(self, command: bytes) -> tuple[bytes, bytes, Sequence[tuple[bytes, bytes | None]]]:
        """Send a command: its status, the words beside it, and (line, literal in it) of what came before."""
        tag = self._tag()
        await self._write(tag + b" " + command + b"\r\n")
        pieces: list[tuple[bytes, bytes | None]] = []
        while True:
            line = await self._line()
            if line.startswith(tag + b" "):
                status, _, told = line[len(tag) + 1 :].partition(b" ")
                return status.upper().strip(), told, pieces
            literal: bytes | None = None
            while (found := _LITERAL.search(line)) is not None:
                literal = await self._literal(int(found[1]))
                line = line[: found.start()] + b" " + await self._line()
            self._hear(line)
            pieces.append((line, literal))

    def _hear(self, line: bytes) -> None:
        """Note how many letters there are. Some servers repeat the number with every answer."""
        found = _EXISTS.match(line)
        if found is not None and found[1] != self._exists:
            self._exists, self._news = found[1], True

    async def _line(self) -> bytes:
        async with asyncio.timeout(ANSWER_SECONDS):
            return await self._next_line()

    async def _next_line(self) -> bytes:
        try:
            return await self._reader.readline() or _end()
        except ValueError:  # asyncio's word for a line beyond its limit
            raise EOFError from None

    async def _literal(self, size: int) -> bytes:
        content = bytearray()
        while len(content) < size:
            async with asyncio.timeout(ANSWER_SECONDS):
                content += await self._reader.read(min(size - len(content), 1 << 18)) or _end()
        return bytes(content)

    async def _write(self, line: bytes) -> None:
        self._writer.write(line)
        async with asyncio.timeout(ANSWER_SECONDS):
            await self._writer.drain()

    def _tag(self) -> bytes:
        self._number += 1
        return b"s%d" % self._number


def _end() -> bytes:
    raise EOFError


def _quoted(text: str) -> bytes:
    """A quoted string. Line breaks would end the command."""
    clean = re.sub(r"[\r\n\0]", "", text)
    return b'"' + clean.replace("\\", "\\\\").replace('"', '\\"').encode() + b'"'


def _received(line: bytes) -> datetime:
    found = _INTERNALDATE.search(line)
    if found is not None:
        written = found[1].decode("ascii", "replace").strip().replace("-", " ", 2)
        with contextlib.suppress(ValueError, TypeError):
            return parsedate_to_datetime(written).astimezone(UTC)
    return datetime.now(UTC)


def _from_utf7(name: str) -> str:
    """A folder's name as people read it (modified UTF-7)."""

    def words(found: re.Match[str]) -> str:
        if not found[1]:
            return "&"
        padded = found[1].replace(",", "/") + "=" * (-len(found[1]) % 4)
        return base64.b64decode(padded).decode("utf-16-be", "replace")

    with contextlib.suppress(ValueError):
        return re.sub(r"&([A-Za-z0-9+,]*)-", words, name)
    return name


def _told(error: Exception, writer: asyncio.StreamWriter | None) -> str:
    if writer is None:
        return "the IMAP server could not be reached"
    if isinstance(error, TimeoutError):
        return "the IMAP server did not answer in time"
    return "the connection to the IMAP server broke"
