"""What the mail sandbox knows: the shop's mailboxes, customers with theirs, and the letters between them.

Everything is in memory and bounded; the oldest letters are forgotten first.
"""

import asyncio
import base64
import email.message
import email.policy
import html
import io
import json
import secrets
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime, formataddr
from http import HTTPStatus
from typing import Any, Final, TypeVar

from aiohttp import ClientError, ClientSession, ClientTimeout

from channels.email import mime, parse
from channels.email.quotes import unquoted
from channels.email.sandbox.folders import Folder, usual
from channels.props import Changes, File, Files

LETTERS_MAX: Final = 1000
PENDING_MAX: Final = 10_000
ANSWER_SECONDS: Final = 60.0

_SETTLED: Final = frozenset({HTTPStatus.OK, HTTPStatus.FORBIDDEN})
"""Taken, or refused for good: Postmark posts everything else again."""

T = TypeVar("T")

Upload = tuple[str, str, bytes]
"""A file that somebody attaches: name, content type, content."""


@dataclass(frozen=True)
class Customer:
    """Somebody with a mailbox, whose program says in each letter which `language` they read; few do."""

    name: str
    address: str
    language: str = ""


@dataclass
class Letter:
    """A letter as its reader sees it. `message_id` without angle brackets."""

    id: int
    message_id: str
    from_shop: bool
    date: float
    subject: str
    text: str
    html: str
    files: list[File]
    answers: str = ""
    automatic: bool = False
    by_hand: bool = False
    """Whether the shop sent it past the inbox."""
    headers: Sequence[tuple[str, str]] = ()
    delivery: str = "delivered"
    """Of a customer's letter: `pending` until the shop has it, `failing` while its webhook refuses it."""


@dataclass
class Mailbox:
    """A mailbox of the shop: signs in at both servers with its address and password, and may have its mail posted."""

    address: str
    password: str
    webhook_url: str = ""
    webhook_secret: str = ""
    last_error: str = ""
    folders: dict[str, Folder] = field(default_factory=usual)
    former_password: str = ""
    """The one before, while another is in force."""

    def change_password(self) -> None:
        """Let the password that the shop knows be wrong."""
        self.former_password = self.former_password or self.password
        self.password = secrets.token_urlsafe(12)

    def take_password_back(self) -> None:
        """Let the password from before hold again."""
        self.password, self.former_password = self.former_password or self.password, ""


@dataclass(eq=False)
class _Pending:
    body: bytes
    letter: Letter | None


@dataclass
class Correspondence:
    """One customer's letters with one mailbox of the shop: what the customer does, and what they see."""

    mailbox: Mailbox
    customer: Customer
    files: Files
    retry_delays: Sequence[float]
    letters: list[Letter] = field(default_factory=list)
    gone: bool = False
    """Whether the customer's mailbox is closed: the server takes letters and returns them later."""
    clock: Callable[[], float] = time.time
    changes: Changes = field(default_factory=Changes)
    _pending: deque[_Pending] = field(default_factory=lambda: deque(maxlen=PENDING_MAX))
    _courier: asyncio.Task[None] | None = None

    def write(
        self,
        text: str,
        *,
        subject: str = "",
        files: Sequence[Upload] = (),
        answers: int | None = None,
        headers: Sequence[tuple[str, str]] = (),
    ) -> int:
        """Send a letter to the shop, as an answer to letter `answers` where given; returns its number here."""
        answered = self.letter(answers) if answers is not None else None
        made = self._made(subject, headers, answered=answered)
        if answered is not None:
            text = f"{text}\n\n{self.mailbox.address} пише:\n\n{_quoted(answered.text)}"
        made.set_content(text or " ")
        made.add_alternative(f"<p>{html.escape(text).replace(chr(10), '<br>')}</p>", subtype="html")
        for name, content_type, content in files:
            kind, _, subtype = content_type.partition("/")
            made.add_attachment(content, maintype=kind, subtype=subtype or "octet-stream", filename=name)
        return self._post(made, shown=True)

    def shop_writes(self, text: str, *, subject: str = "", answers: int | None = None) -> int:
        """What the shop sends by hand, from a mail program that keeps a copy in the folder of sent letters."""
        made = self._made(subject, (), answered=self.letter(answers) if answers is not None else None, by_shop=True)
        made.set_content(text or " ")
        content = made.as_bytes()
        self.mailbox.folders["Sent"].add(content, received=self._present(), flags={"\\Seen"})
        return self.receive(content, by_hand=True).id

    def be_away(self) -> int:
        """What a holiday notice sends by itself."""
        return self.write(
            "Я у відпустці до понеділка.",
            subject="Автоматична відповідь",
            headers=(("Auto-Submitted", "auto-replied"),),
        )

    def read(self, number: int) -> None:
        """Open a letter of the shop's and let its sender know (RFC 8098)."""
        letter = self.letter(number)
        made = self._made(f"Прочитано: {letter.subject}", ())
        told = (
            f"Final-Recipient: rfc822; {self.customer.address}\r\nOriginal-Message-ID: <{letter.message_id}>\r\n"
            "Disposition: manual-action/MDN-sent-manually; displayed\r\n"
        )
        self._post(_report(made, "disposition-notification", told, letter), shown=False)

    def bounce(self, letter: Letter) -> None:
        """Return a letter to the shop: there is no such mailbox (RFC 3464)."""
        made = self._made("Undelivered Mail Returned to Sender", (("Auto-Submitted", "auto-replied"),), daemon=True)
        address = self.customer.address
        told = (
            "Reporting-MTA: dns; sandbox\r\n\r\n"
            f"Final-Recipient: rfc822; {address}\r\nAction: failed\r\nStatus: 5.1.1\r\n"
            f"Diagnostic-Code: smtp; 550 5.1.1 <{address}>: no such mailbox\r\n"
        )
        self._post(_report(made, "delivery-status", told, letter), shown=False)

    def receive(self, content: bytes, *, by_hand: bool = False) -> Letter:
        """Put a letter of the shop's into the customer's mailbox."""
        mail = mime.read(content)
        letter = self._kept(mail, from_shop=True)
        letter.by_hand = by_hand
        self.changes.announce()
        if self.gone:
            self.bounce(letter)
        return letter

    def letter(self, number: int) -> Letter:
        """A letter by its number here. Raises `LookupError` where there is none."""
        for letter in self.letters:
            if letter.id == number:
                return letter
        reason = f"letter_id: there is no letter {number}"
        raise LookupError(reason)

    @staticmethod
    def external_id(letter: Letter) -> str:
        """What the shop calls a letter: those of its own that the inbox sent go by their Message-ID alone."""
        ours = letter.from_shop and not letter.by_hand
        return letter.message_id if ours else parse.external_id(mime.Mail(headers=letter.headers))

    def texts(self) -> list[str]:
        """What the shop wrote."""
        return [letter.text for letter in self.letters if letter.from_shop]

    async def until(self, condition: "Callable[[Correspondence], T]", *, seconds: float = 10.0) -> T:
        """Wait until `condition` holds; returns what it returned."""
        async with asyncio.timeout(seconds):
            while not (found := condition(self)):
                await self.changes.after(self.changes.version)
        return found

    async def drained(self, *, seconds: float = 10.0) -> None:
        """Wait until the shop has every letter, by whichever way."""
        async with asyncio.timeout(seconds):
            while self._pending:
                await self.changes.after(self.changes.version)

    async def close(self) -> None:
        """Stop delivering."""
        if self._courier is not None:
            self._courier.cancel()
            await asyncio.gather(self._courier, return_exceptions=True)

    def connected(self) -> None:
        """Deliver what waited for a webhook."""
        if self._pending:
            self._deliver()

    def _made(
        self,
        subject: str,
        headers: Sequence[tuple[str, str]],
        *,
        answered: Letter | None = None,
        daemon: bool = False,
        by_shop: bool = False,
    ) -> email.message.EmailMessage:
        """A letter without its text, from the customer unless it is from their mail server or from the shop."""
        made = email.message.EmailMessage(policy=email.policy.SMTP)
        writer = formataddr((self.customer.name, self.customer.address))
        domain = (self.mailbox if by_shop else self.customer).address.rpartition("@")[2]
        made["From"] = f"MAILER-DAEMON@{domain}" if daemon else self.mailbox.address if by_shop else writer
        made["To"] = writer if by_shop else self.mailbox.address
        made["Subject"] = subject or (f"Re: {answered.subject.removeprefix('Re: ')}" if answered else "")
        made["Date"] = format_datetime(self._present())
        made["Message-ID"] = f"<{secrets.token_hex(12)}@{domain}>"
        if answered is not None:
            made["In-Reply-To"] = f"<{answered.message_id}>"
            made["References"] = f"<{answered.message_id}>"
        if self.customer.language and not (daemon or by_shop):
            made["Accept-Language"] = self.customer.language
        for name, value in headers:
            made[name] = value
        return made

    def _present(self) -> datetime:
        return datetime.fromtimestamp(self.clock(), UTC)

    def _post(self, made: email.message.EmailMessage, *, shown: bool) -> int:
        """Put a letter into the shop's mailbox, and post it where the mailbox's letters are posted."""
        content = made.as_bytes()
        letter = self._kept(mime.read(content), from_shop=False) if shown else None
        waiting = _Pending(_postmark(self.mailbox, content), letter)
        self._pending.append(waiting)
        self.mailbox.folders["INBOX"].add(
            content, received=self._present(), read_by_somebody=lambda: self._was_fetched(waiting)
        )
        self.changes.announce()
        self._deliver()
        return letter.id if letter is not None else 0

    def _was_fetched(self, waiting: _Pending) -> None:
        """The shop has a letter out of its mailbox; where its letters are posted, a fetched one is posted still."""
        if self.mailbox.webhook_url or waiting not in self._pending:
            return
        self._pending.remove(waiting)
        if waiting.letter is not None:
            waiting.letter.delivery = "delivered"
        self.changes.announce()

    def _kept(self, mail: mime.Mail, *, from_shop: bool) -> Letter:
        letter = Letter(
            id=self.letters[-1].id + 1 if self.letters else 1,
            message_id=mail.header("message-id").strip("<>"),
            from_shop=from_shop,
            date=self.clock(),
            subject=mail.header("subject"),
            text=mail.text if from_shop else unquoted(mail.text)[0],
            html=mail.html,
            files=[self.files.add("file", one.name, one.content_type, one.content) for one in mail.files],
            answers=mail.header("in-reply-to").strip("<>"),
            automatic=mail.header("auto-submitted") not in ("", "no"),
            headers=mail.headers,
            delivery="delivered" if from_shop else "pending",
        )
        self.letters = [*self.letters[1 - LETTERS_MAX :], letter]
        return letter

    def _deliver(self) -> None:
        if self.mailbox.webhook_url and (self._courier is None or self._courier.done()):
            self._courier = asyncio.create_task(self._carry())

    async def _carry(self) -> None:
        """Post what waits, in order, each until it is taken."""
        async with ClientSession(timeout=ClientTimeout(total=ANSWER_SECONDS)) as http:
            tries = 0
            while self._pending:
                waiting = self._pending[0]
                status = await self._try(http, waiting.body)
                if status in _SETTLED:
                    self._pending.popleft()
                    tries = 0
                if waiting.letter is not None:
                    waiting.letter.delivery = "delivered" if status == HTTPStatus.OK else "failing"
                self.changes.announce()
                if status not in _SETTLED:
                    await asyncio.sleep(self.retry_delays[min(tries, len(self.retry_delays) - 1)])
                    tries += 1

    async def _try(self, http: ClientSession, body: bytes) -> int:
        secret = base64.b64encode(f"postmark:{self.mailbox.webhook_secret}".encode()).decode()
        headers = {"Authorization": f"Basic {secret}", "Content-Type": "application/json"}
        try:
            async with http.post(self.mailbox.webhook_url, data=io.BytesIO(body), headers=headers) as answer:
                self.mailbox.last_error = "" if answer.ok else f"{answer.status} {answer.reason}"
                return answer.status
        except (ClientError, TimeoutError) as error:
            self.mailbox.last_error = type(error).__name__
            return 0


def _postmark(mailbox: Mailbox, content: bytes) -> bytes:
    """A letter as Postmark posts it when told to include the raw one."""
    mail = mime.read(content)
    record: dict[str, Any] = {
        "MessageID": secrets.token_hex(16),
        "From": mail.header("from"),
        "To": mail.header("to"),
        "OriginalRecipient": mailbox.address,
        "Subject": mail.header("subject"),
        "Date": mail.header("date"),
        "TextBody": mail.text,
        "HtmlBody": mail.html,
        "RawEmail": content.decode("utf-8", "surrogateescape").encode("utf-8", "replace").decode(),
        "Headers": [{"Name": name, "Value": value} for name, value in mail.headers],
        "Attachments": [],
    }
    return json.dumps(record).encode()


def _report(made: email.message.EmailMessage, kind: str, told: str, letter: Letter) -> email.message.EmailMessage:
    """A multipart/report: words, the machine-readable part, the headers of the letter it is about."""
    made["Return-Path"] = "<>"
    made["MIME-Version"] = "1.0"
    boundary = secrets.token_hex(8)
    made["Content-Type"] = f'multipart/report; report-type={kind}; boundary="{boundary}"'
    made.set_payload(
        f"--{boundary}\r\nContent-Type: text/plain\r\n\r\nThis is the mail system.\r\n"
        f"--{boundary}\r\nContent-Type: message/{kind}\r\n\r\n{told}\r\n"
        f"--{boundary}\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: <{letter.message_id}>\r\n"
        f"--{boundary}--\r\n"
    )
    return made


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}" for line in text.split("\n"))
