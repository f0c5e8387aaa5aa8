"""The IMAP server of the sandbox: the shop's mailboxes as any mail program sees them, and every trouble on order.

IMAP4rev1 (RFC 3501) with IDLE (2177), SASL-IR (4959), LITERAL+ (7888) and SPECIAL-USE (6154), as far as it takes to
list, read, mark and add letters: no ENVELOPE and BODYSTRUCTURE, no deleting, and no folders beside those there are.
Why not a library: docs/decisions/0014-own-imap-server.md.

Faults meet commands by name: `LOGIN` is signing in either way, `SELECT` opening a folder either way, `CONNECT` the
greeting. `status` refuses, with the fault's description as the words.
"""

import asyncio
import base64
import binascii
import email
import email.policy
import fnmatch
import imaplib
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

import msgspec

from channels.email.sandbox.folders import Folder, Stored
from channels.email.sandbox.imap_words import NotImap, Token, items, moment, parsed, spans, text
from channels.email.sandbox.state import Mailbox
from channels.faults import Fault, Faults

LINE_LIMIT: Final = 1 << 20
LITERAL_LIMIT: Final = 40 << 20
CAPABILITIES: Final = "IMAP4rev1 LITERAL+ SASL-IR AUTH=PLAIN IDLE SPECIAL-USE"
FLAGS: Final = ("\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft")

_LITERAL: Final = re.compile(rb"\{(\d{1,10})(\+?)\}\r?\n$")
_BODY: Final = re.compile(r"BODY(\.PEEK)?\[([^\]]*)\](?:<(\d+)\.(\d+)>)?", re.IGNORECASE)
_FAST: Final = ("FLAGS", "INTERNALDATE", "RFC822.SIZE")
_FAULT_NAMES: Final[Mapping[str, str]] = {"AUTHENTICATE": "LOGIN", "EXAMINE": "SELECT", "LSUB": "LIST"}
_REFUSALS: Final[Mapping[str, str]] = {
    "CONNECT": "[UNAVAILABLE] Too many connections",
    "LOGIN": "[AUTHENTICATIONFAILED] Invalid credentials",
}
_PROXYS_PAGE: Final = "<html><head><title>Bad Gateway</title></head><body>nginx</body></html>"

_Test = Callable[[int, Stored], bool]


class _Refused(Exception):
    """The server says NO."""


class _Asked(msgspec.Struct, frozen=True):
    """A command; `by_uid` where UID stood before it, so that letters are named by UIDs."""

    tag: str
    name: str
    words: Sequence[Token]
    by_uid: bool

    @property
    def fault_name(self) -> str:
        return _FAULT_NAMES.get(self.name, self.name)


class ImapServer:
    """Listens on a port of its own, which it keeps over stops. `noticed` hears who came to a mailbox or left it."""

    def __init__(self, mailboxes: Mapping[str, Mailbox], faults: Faults, noticed: Callable[[Mailbox], None]) -> None:
        self.mailboxes = mailboxes
        self.faults = faults
        self.noticed = noticed
        self.port = 0
        self._host = ""
        self._server: asyncio.Server | None = None
        self._sessions: set[_Session] = set()

    async def open(self, host: str) -> None:
        """Listen there for the first time."""
        self._host = host
        await self.start()

    @property
    def running(self) -> bool:
        return self._server is not None

    async def start(self) -> None:
        """Let mail programs in again."""
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, self._host, self.port, limit=LINE_LIMIT)
            self.port = int(self._server.sockets[0].getsockname()[1])
            self._tell_all()

    async def stop(self) -> None:
        """Stop as a service does: everybody is told goodbye, and nobody comes in."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
            await self._end(list(self._sessions), goodbye=True)
            await server.wait_closed()
            self._tell_all()

    async def cut(self, mailbox: Mailbox) -> None:
        """Break the connections to a mailbox in the middle of whatever they do."""
        await self._end(self._at(mailbox), goodbye=False)

    async def send_away(self, mailbox: Mailbox) -> None:
        """End the connections to a mailbox with a goodbye."""
        await self._end(self._at(mailbox), goodbye=True)

    async def renumber(self, mailbox: Mailbox) -> None:
        """Number a mailbox's letters anew. That may not happen to an open folder, so everybody has to leave."""
        for folder in mailbox.folders.values():
            folder.renumber()
        await self.send_away(mailbox)

    def connections(self, mailbox: Mailbox) -> int:
        """How many mail programs are signed in."""
        return len(self._at(mailbox))

    def _tell_all(self) -> None:
        for mailbox in self.mailboxes.values():
            self.noticed(mailbox)

    def _at(self, mailbox: Mailbox) -> list["_Session"]:
        return [session for session in self._sessions if session.mailbox is mailbox]

    @staticmethod
    async def _end(sessions: "Sequence[_Session]", *, goodbye: bool) -> None:
        for session in sessions:
            session.end(goodbye=goodbye)
        await asyncio.gather(*(session.task for session in sessions), return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = _Session(self, reader, writer)
        self._sessions.add(session)
        try:
            await asyncio.wait({session.task})
        finally:
            session.task.cancel()
            self._sessions.discard(session)
            writer.close()
            if session.mailbox is not None:
                self.noticed(session.mailbox)


class _Session:
    """One connection. `mailbox` once it is signed in; `_seen` are the UIDs that it knows of in its folder."""

    def __init__(self, server: ImapServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.mailbox: Mailbox | None = None
        self._server = server
        self._reader = reader
        self._writer = writer
        self._folder: Folder | None = None
        self._read_only = True
        self._seen: list[int] = []
        self._answer = bytearray()
        self._read: list[Stored] = []
        """Letters whose content is in the answer."""
        self._over = False
        self.task = asyncio.create_task(self._run())

    def end(self, *, goodbye: bool) -> None:
        """End it from the server's side."""
        if goodbye:
            self._writer.write(b"* BYE The server is going away\r\n")
        else:
            self._writer.transport.abort()
        self.task.cancel()

    async def _run(self) -> None:
        """Until either side leaves."""
        try:
            if await self._meet(self._server.faults.take("CONNECT"), "*", "CONNECT"):
                self._say(f"* OK [CAPABILITY {CAPABILITIES}] The sandbox's mailboxes")
                await self._flush()
                while not self._over:
                    await self._serve_next()
        except (OSError, EOFError, ValueError):  # gone, or a line beyond the limit
            self._writer.transport.abort()

    async def _serve_next(self) -> None:
        try:
            asked = await self._command()
        except NotImap:
            self._say("* BAD That is no command")
            await self._flush()
            return
        fault = self._server.faults.take(asked.fault_name)
        if not await self._meet(fault, asked.tag, asked.fault_name):
            return
        await self._obey(asked)
        if fault is not None and fault.kind == "hang_after":
            await asyncio.Event().wait()
        if fault is not None and fault.kind == "reset_after":
            raise ConnectionResetError
        await self._flush()

    async def _meet(self, fault: Fault | None, tag: str, name: str) -> bool:
        """Play what a fault does before a command; whether the command is still to be obeyed."""
        match fault.kind if fault is not None else "":
            case "slow" if fault is not None:
                await asyncio.sleep(fault.seconds)
            case "status" if fault is not None:
                words = fault.description or _REFUSALS.get(name, "[UNAVAILABLE] Try again later")
                self._say(f"{tag} {'BYE' if tag == '*' else 'NO'} {words}")
                await self._flush()
                return False
            case "html" | "garbage":
                self._say(_PROXYS_PAGE)
                await self._flush()
                self._over = True
                return False
            case "hang":
                await asyncio.Event().wait()
            case "reset_before":
                raise ConnectionResetError
        return True

    async def _obey(self, asked: _Asked) -> None:
        do = (_OF_LETTERS if asked.by_uid else _COMMANDS).get(asked.name, _Session.unknown)
        try:
            said = await do(self, asked)
        except (NotImap, ValueError, IndexError):
            self._say(f"{asked.tag} BAD {asked.name} is not understood here")
        except _Refused as refusal:
            self._say(f"{asked.tag} NO {refusal}")
        else:
            if asked.by_uid or asked.name not in _OF_LETTERS:
                self._tell_news()
            self._say(f"{asked.tag} OK {said or f'{asked.name} completed'}")

    # Without a folder.

    async def unknown(self, _asked: _Asked) -> str:
        raise NotImap

    async def capability(self, _asked: _Asked) -> str:
        self._say(f"* CAPABILITY {CAPABILITIES}")
        return ""

    async def nothing(self, _asked: _Asked) -> str:
        """NOOP and CHECK: an occasion to hear of news."""
        return ""

    async def leave(self, _asked: _Asked) -> str:
        self._say("* BYE See you")
        self._over = True
        return ""

    async def login(self, asked: _Asked) -> str:
        """LOGIN user password."""
        return self._let_in(text(asked.words, 0), text(asked.words, 1))

    async def authenticate(self, asked: _Asked) -> str:
        """AUTHENTICATE PLAIN, with the credentials in the same line or in the next."""
        if text(asked.words, 0).upper() != "PLAIN":
            raise _Refused("PLAIN is what there is")
        given = text(asked.words, 1)
        if not given:
            self._say("+ ")
            await self._flush()
            given = (await self._line()).decode("latin-1").strip()
        try:
            _, user, password = base64.b64decode(given, validate=True).decode().split("\0")
        except (binascii.Error, UnicodeDecodeError):
            raise NotImap from None
        return self._let_in(user, password)

    def _let_in(self, user: str, password: str) -> str:
        mailbox = self._server.mailboxes.get(user.lower())
        if mailbox is None or mailbox.password != password:
            raise _Refused(_REFUSALS["LOGIN"])
        self.mailbox = mailbox
        self._server.noticed(mailbox)
        return f"[CAPABILITY {CAPABILITIES}] Signed in"

    async def list_folders(self, asked: _Asked) -> str:
        """LIST and LSUB reference pattern; an empty pattern asks for the separator of the hierarchy."""
        pattern = text(asked.words, 1)
        if not pattern:
            self._say(f'* {asked.name} (\\Noselect) "/" ""')
        for folder in self._signed_in.folders.values():
            if fnmatch.fnmatchcase(folder.name, pattern.replace("%", "*")):
                marks = " ".join(filter(None, ("\\HasNoChildren", folder.mark)))
                self._say(f'* {asked.name} ({marks}) "/" {folder.name}')
        return ""

    async def status(self, asked: _Asked) -> str:
        """STATUS folder (items)."""
        folder = self._named(text(asked.words, 0))
        known = {
            "MESSAGES": len(folder.letters),
            "RECENT": 0,
            "UIDNEXT": folder.next_uid,
            "UIDVALIDITY": folder.validity,
            "UNSEEN": sum("\\Seen" not in letter.flags for letter in folder.letters),
        }
        told = " ".join(f"{item} {known[item]}" for item in map(str.upper, items(asked.words[1])) if item in known)
        self._say(f"* STATUS {folder.name} ({told})")
        return ""

    async def append(self, asked: _Asked) -> str:
        """APPEND folder (flags) date content: what a mail program does with a copy of what it sent."""
        folder = self._named(text(asked.words, 0))
        *about, content = asked.words[1:]
        if not isinstance(content, bytes):
            raise NotImap
        flags = {flag for one in about if isinstance(one, list) for flag in items(one)}
        dates = [moment(one) for one in about if isinstance(one, str)]
        folder.add(content, flags=flags, received=dates[0] if dates else None)
        return ""

    async def select(self, asked: _Asked) -> str:
        """SELECT and EXAMINE: open a folder, the latter to read without a trace."""
        self._folder = None
        folder = self._named(text(asked.words, 0))
        self._folder, self._read_only = folder, asked.name == "EXAMINE"
        self._seen = [letter.uid for letter in folder.letters]
        self._say(f"* FLAGS ({' '.join(FLAGS)})")
        self._say(f"* {len(self._seen)} EXISTS")
        self._say("* 0 RECENT")
        self._say(f"* OK [PERMANENTFLAGS ({'' if self._read_only else ' '.join(FLAGS)})] These are kept")
        self._say(f"* OK [UIDVALIDITY {folder.validity}] UIDs hold")
        self._say(f"* OK [UIDNEXT {folder.next_uid}] The next one")
        return f"[READ-{'ONLY' if self._read_only else 'WRITE'}] {folder.name} is open"

    # In the open folder.

    async def close(self, _asked: _Asked) -> str:
        self._folder = None
        return ""

    async def idle(self, _asked: _Asked) -> str:
        """IDLE: tell of news at once, until the client says DONE."""
        folder = self._opened
        self._say("+ idling")
        done = asyncio.ensure_future(self._line())
        try:
            while not done.done():
                version = folder.changes.version
                self._tell_news()
                await self._flush()
                news = asyncio.ensure_future(folder.changes.after(version))
                await asyncio.wait({done, news}, return_when=asyncio.FIRST_COMPLETED)
                news.cancel()
        finally:
            done.cancel()
        if done.result().strip().upper() != b"DONE":
            raise NotImap
        return ""

    async def search(self, asked: _Asked) -> str:
        """SEARCH keys, all of which have to hold."""
        words = [text(asked.words, position) for position in range(len(asked.words))]
        tests = self._tests(words[2:] if words[0].upper() == "CHARSET" else words)
        found = [(number, one) for number, one in self._letters() if all(test(number, one) for test in tests)]
        self._say("* SEARCH" + "".join(f" {one.uid if asked.by_uid else number}" for number, one in found))
        return ""

    def _tests(self, words: list[str]) -> list[_Test]:
        tests: list[_Test] = []
        rest = list(words)
        while rest:
            negative = rest[0].upper() == "NOT"
            test = self._test(rest[1:] if negative else rest)
            del rest[: _WIDTHS.get(rest[negative].upper(), 1) + negative]
            tests.append(_unless(test) if negative else test)
        return tests

    def _test(self, words: Sequence[str]) -> _Test:
        """The search key that stands first."""
        key = words[0].upper()
        if key == "ALL":
            return lambda _number, _one: True
        if key == "HEADER":
            name, value = words[1], words[2].lower()
            return lambda _number, one: value in str(_headers(one).get(name, "")).lower()
        if key in {"SINCE", "BEFORE"}:
            day = moment(words[1]).date()
            return lambda _number, one: (one.received.date() >= day) is (key == "SINCE")
        flag = f"\\{key.removeprefix('UN').capitalize()}"
        if flag in FLAGS:
            return lambda _number, one: (flag in one.flags) is not key.startswith("UN")
        by_uid = key == "UID"
        chosen = self._chosen(words[1] if by_uid else key, by_uid=by_uid)
        return lambda _number, one: one in chosen

    async def fetch(self, asked: _Asked) -> str:
        """FETCH set items."""
        wanted = [one for item in items(asked.words[1]) for one in (_FAST if item.upper() == "FAST" else (item,))]
        if asked.by_uid and "UID" not in map(str.upper, wanted):
            wanted.insert(0, "UID")
        chosen = self._chosen(text(asked.words, 0), by_uid=asked.by_uid)
        told = bytearray()
        for number, letter in self._letters():
            if letter in chosen:
                told += b"* %d FETCH (%s)\r\n" % (number, b" ".join([self._item(letter, item) for item in wanted]))
        self._answer += told
        return ""

    def _item(self, letter: Stored, item: str) -> bytes:
        match item.upper():
            case "UID":
                return b"UID %d" % letter.uid
            case "FLAGS":
                return f"FLAGS ({' '.join(sorted(letter.flags))})".encode()
            case "INTERNALDATE":
                return f"INTERNALDATE {imaplib.Time2Internaldate(letter.received)}".encode()
            case "RFC822.SIZE":
                return b"RFC822.SIZE %d" % len(letter.content)
        found = _BODY.fullmatch(item)
        if found is None:
            raise NotImap
        if not (found[1] or self._read_only):
            letter.flags.add("\\Seen")
        content = _section(letter.content, found[2])
        if not found[2]:
            self._read.append(letter)
        if found[3]:
            content = content[int(found[3]) : int(found[3]) + int(found[4])]
        from_where = f"<{found[3]}>" if found[3] else ""
        return f"BODY[{found[2]}]{from_where} {{{len(content)}}}\r\n".encode() + content

    async def store(self, asked: _Asked) -> str:
        """STORE set how flags."""
        how, _, quiet = text(asked.words, 1).upper().partition(".")
        if how not in {"FLAGS", "+FLAGS", "-FLAGS"}:
            raise NotImap
        if self._read_only:
            raise _Refused("The folder is open for reading")
        flags = {flag for word in asked.words[2:] for flag in items(word)}
        chosen = self._chosen(text(asked.words, 0), by_uid=asked.by_uid)
        for number, letter in self._letters():
            if letter in chosen:
                letter.flags = {"FLAGS": flags, "+FLAGS": letter.flags | flags, "-FLAGS": letter.flags - flags}[how]
                if not quiet:
                    self._say(f"* {number} FETCH (UID {letter.uid} FLAGS ({' '.join(sorted(letter.flags))}))")
        return ""

    # What they need.

    @property
    def _signed_in(self) -> Mailbox:
        if self.mailbox is None:
            raise _Refused("Sign in first")
        return self.mailbox

    @property
    def _opened(self) -> Folder:
        if self._folder is None:
            raise _Refused("Open a folder first")
        return self._folder

    def _named(self, name: str) -> Folder:
        folder = self._signed_in.folders.get("INBOX" if name.upper() == "INBOX" else name)
        if folder is None:
            raise _Refused("[NONEXISTENT] There is no such folder")
        return folder

    def _letters(self) -> list[tuple[int, Stored]]:
        """(number in this session, letter) of what the client knows to be there."""
        there = {letter.uid: letter for letter in self._opened.letters}
        return [(number, there[uid]) for number, uid in enumerate(self._seen, 1) if uid in there]

    def _chosen(self, told: str, *, by_uid: bool) -> list[Stored]:
        letters = [(letter.uid if by_uid else number, letter) for number, letter in self._letters()]
        wanted = spans(told, last=letters[-1][0] if letters else 0)
        return [letter for number, letter in letters if any(number in span for span in wanted)]

    def _tell_news(self) -> None:
        """Tell of what has gone and come in the open folder since the client last heard."""
        if self._folder is None:
            return
        there = [letter.uid for letter in self._folder.letters]
        for number in range(len(self._seen), 0, -1):
            if self._seen[number - 1] not in there:
                del self._seen[number - 1]
                self._say(f"* {number} EXPUNGE")
        if len(there) > len(self._seen):
            self._say(f"* {len(there)} EXISTS")
        self._seen = there

    async def _command(self) -> _Asked:
        """The next command with its literals, each of which the client is asked for unless it comes by itself."""
        pieces: list[str | bytes] = []
        line = await self._line()
        while (found := _LITERAL.search(line)) is not None:
            size = int(found[1])
            if size > LITERAL_LIMIT:
                raise EOFError
            if not found[2]:
                self._say("+ go on")
                await self._flush()
            pieces += [line[: found.start()].decode("utf-8", "replace"), await self._reader.readexactly(size)]
            line = await self._line()
        words = parsed([*pieces, line.decode("utf-8", "replace")])
        tag, name = text(words, 0), text(words, 1).upper()
        if not name:
            raise NotImap
        by_uid = name == "UID"
        return _Asked(tag, text(words, 2).upper() if by_uid else name, words[3 if by_uid else 2 :], by_uid)

    async def _line(self) -> bytes:
        line = await self._reader.readline()
        if not line:
            raise EOFError
        return line

    def _say(self, line: str) -> None:
        self._answer += line.encode() + b"\r\n"

    async def _flush(self) -> None:
        self._writer.write(bytes(self._answer))
        self._answer.clear()
        await self._writer.drain()
        while self._read:
            self._read.pop().read_by_somebody()


def _unless(test: _Test) -> _Test:
    return lambda number, one: not test(number, one)


def _headers(letter: Stored) -> email.message.Message:
    return email.message_from_bytes(letter.content.partition(b"\r\n\r\n")[0], policy=email.policy.compat32)


def _section(content: bytes, section: str) -> bytes:
    """A letter, or the part of it that stands in the brackets of BODY[]."""
    head, _, rest = content.partition(b"\r\n\r\n")
    wanted, _, names = section.upper().partition(" ")
    match wanted:
        case "":
            return content
        case "HEADER":
            return head + b"\r\n\r\n"
        case "TEXT":
            return rest
        case "HEADER.FIELDS":
            listed = {name.encode() for name in names.strip("()").split()}
            fields = re.split(rb"\r\n(?![ \t])", head)
            return b"".join(one + b"\r\n" for one in fields if one.partition(b":")[0].upper() in listed) + b"\r\n"
    raise NotImap


_Command = Callable[[_Session, _Asked], Awaitable[str]]

_OF_LETTERS: Final[Mapping[str, _Command]] = {
    "SEARCH": _Session.search,
    "FETCH": _Session.fetch,
    "STORE": _Session.store,
}
"""Those that may have UID before them."""

_COMMANDS: Final[Mapping[str, _Command]] = {
    "CAPABILITY": _Session.capability,
    "NOOP": _Session.nothing,
    "LOGOUT": _Session.leave,
    "LOGIN": _Session.login,
    "AUTHENTICATE": _Session.authenticate,
    "LIST": _Session.list_folders,
    "LSUB": _Session.list_folders,
    "STATUS": _Session.status,
    "APPEND": _Session.append,
    "SELECT": _Session.select,
    "EXAMINE": _Session.select,
    "CHECK": _Session.nothing,
    "CLOSE": _Session.close,
    "IDLE": _Session.idle,
    **_OF_LETTERS,
}

_WIDTHS: Final[Mapping[str, int]] = {"HEADER": 3, "SINCE": 2, "BEFORE": 2, "UID": 2}
"""How many words a search key takes, where it is not one."""
