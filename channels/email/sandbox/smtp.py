"""The SMTP server of the sandbox: takes the shop's letters, and refuses them in every way on order."""

import asyncio
import logging
import weakref
from collections.abc import Callable
from typing import Any, Final

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from channels.email.sandbox.state import Mailbox
from channels.faults import Fault, Faults

DATA_LIMIT: Final = 40 << 20

_WORDS: Final = {
    421: "4.3.2 Service shutting down",
    450: "4.2.1 Mailbox temporarily unavailable",
    451: "4.3.0 Try again later",
    452: "4.2.2 Mailbox full",
    530: "5.7.0 Authentication required",
    535: "5.7.8 Authentication credentials invalid",
    550: "5.1.1 No such user here",
    552: "5.3.4 Message too big",
    553: "5.1.3 Bad address",
    554: "5.7.1 Refused by policy",
}


class MailServer:
    """Listens on a port of its own. `taken` gets each letter: sender's mailbox, recipients, bytes."""

    def __init__(
        self, mailboxes: dict[str, Mailbox], faults: Faults, taken: Callable[[Mailbox, list[str], bytes], None]
    ) -> None:
        self._mailboxes = mailboxes
        self._faults = faults
        self._taken = taken
        self._server: asyncio.Server | None = None
        self._protocols: weakref.WeakSet[SMTP] = weakref.WeakSet()
        self._closing = asyncio.Event()
        self.port = 0

    async def open(self, host: str) -> None:
        # aiosmtpd warns of its own use of a deprecated field at each sign-in.
        logging.getLogger("mail.log").setLevel(logging.ERROR)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._protocol, host, 0)
        self.port = int(self._server.sockets[0].getsockname()[1])

    def release(self) -> None:
        """Let go of every command that hangs."""
        self._closing.set()

    async def close(self) -> None:
        self.release()
        if self._server is not None:
            self._server.close()
            for protocol in self._protocols:
                if protocol.transport is not None:
                    protocol.transport.close()
            await self._server.wait_closed()

    def _protocol(self) -> SMTP:
        made = SMTP(
            self,
            hostname="sandbox.example",
            data_size_limit=DATA_LIMIT,
            enable_SMTPUTF8=True,
            auth_require_tls=False,
            authenticator=self._authenticate,
            loop=asyncio.get_running_loop(),
        )
        self._protocols.add(made)
        return made

    def _authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        fault = self._faults.take("AUTH")
        if fault is not None and fault.kind == "status":
            return AuthResult(success=False, handled=False, message=_line(fault))
        if mechanism not in {"LOGIN", "PLAIN"} or not isinstance(data, LoginPassword):
            return AuthResult(success=False, handled=False)
        mailbox = self._mailboxes.get(data.login.decode("utf-8", "replace").lower())
        known = mailbox is not None and mailbox.password.encode() == data.password
        return AuthResult(success=known, handled=False, auth_data=mailbox)

    # What aiosmtpd calls, by these names.

    async def handle_EHLO(  # noqa: N802
        self, server: SMTP, session: Session, _envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        refusal = await self._meet("EHLO", server)
        return [refusal] if refusal else responses

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        refusal = await self._meet("MAIL", server)
        if refusal or _signed_in(session) is None:
            return refusal or f"530 {_WORDS[530]}"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        refusal = await self._meet("RCPT", server)
        if refusal:
            return refusal
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        fault = self._faults.take("DATA")
        if fault is not None and fault.kind == "status":
            return _line(fault)
        if fault is not None and not fault.does_as_asked:
            await self._break(fault, server)
            return "451 gone"
        if fault is not None and fault.kind == "slow":
            await self._pause(fault.seconds)
        content = envelope.original_content or b""
        if (mailbox := _signed_in(session)) is not None:
            self._taken(mailbox, [address.lower() for address in envelope.rcpt_tos], content)
        if fault is not None and fault.kind != "slow":
            await self._break(fault, server)
        return "250 OK: queued"

    async def _meet(self, command: str, server: SMTP) -> str:
        """Play a fault that stands for this command; the refusal to answer with, or nothing."""
        fault = self._faults.take(command)
        if fault is None:
            return ""
        if fault.kind == "status":
            return _line(fault)
        if fault.kind == "slow":
            await self._pause(fault.seconds)
            return ""
        await self._break(fault, server)
        return "421 gone"

    async def _break(self, fault: Fault, server: SMTP) -> None:
        """Never answer, or drop the connection."""
        if fault.kind.startswith("hang"):
            await self._closing.wait()
        if isinstance(server.transport, asyncio.WriteTransport):
            server.transport.abort()

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._closing.wait(), seconds)
        except TimeoutError:
            return


def _signed_in(session: Session) -> Mailbox | None:
    known: Any = session.auth_data
    return known if isinstance(known, Mailbox) else None


def _line(fault: Fault) -> str:
    status = fault.status or 451
    return f"{status} {fault.description or _WORDS.get(status, 'Refused')}"
