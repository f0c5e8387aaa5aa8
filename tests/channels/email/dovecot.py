"""A real Dovecot on loopback, with a configuration and mail of its own."""

import asyncio
import contextlib
import getpass
import grp
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from urllib.parse import quote

PASSWORD = "p@ss/w0rd"
PROGRAM = shutil.which("dovecot", path=f"{os.environ.get('PATH', os.defpath)}{os.pathsep}/usr/sbin") or "dovecot"

_CONFIGURATION = """
base_dir = {folder}/run
state_dir = {folder}/run
log_path = {folder}/log
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_failure_delay = 0
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
first_valid_uid = 1
mail_location = maildir:{folder}/mail/%u
mailbox_list_index = no
maildir_very_dirty_syncs = no
mail_max_userip_connections = 50
imap_idle_notify_interval = 5 secs
namespace inbox {{
  inbox = yes
  mailbox "Sent letters" {{
    auto = create
    special_use = \\Sent
  }}
}}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
"""


@dataclass
class Dovecot:
    """The server. Anybody who knows the password has a mailbox."""

    folder: Path
    port: int
    _process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and wait until it answers."""
        # Root must not own mail; anybody else can only run as themselves.
        owner = pwd.getpwnam("mail") if os.geteuid() == 0 else pwd.getpwnam(getpass.getuser())
        for folder in (self.folder, self.folder / "run", self.folder / "mail"):
            folder.mkdir(exist_ok=True)
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        configuration = self.folder / "dovecot.conf"
        configuration.write_text(
            _CONFIGURATION.format(
                folder=self.folder,
                port=self.port,
                password=PASSWORD,
                user=owner.pw_name,
                group=grp.getgrgid(owner.pw_gid).gr_name,
                uid=owner.pw_uid,
                gid=owner.pw_gid,
            )
        )
        self._process = subprocess.Popen(
            [PROGRAM, "-F", "-c", str(configuration)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 10
        while not self._answers():
            assert self._process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < deadline, "Dovecot does not answer"
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop as a service does: everybody is told goodbye."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(10)
            self._process = None

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as opened:
                return opened.recv(100).startswith(b"* OK")
        except OSError:
            return False


@dataclass
class Maildir:
    """A mailbox of the server's, filled behind its back as a delivery agent does."""

    server: Dovecot
    user: str
    _delivered: int = field(default=0)

    @property
    def home(self) -> Path:
        return self.server.folder / "mail" / self.user

    @property
    def url(self) -> str:
        """The channel's `imap_url`."""
        return f"imap://{self.user}:{quote(PASSWORD, safe='')}@127.0.0.1:{self.server.port}"

    def deliver(self, text: str, *, folder: str = "", message_id: str = "", sender: str = "olena@mail.example") -> str:
        """Put a letter into a folder; returns its Message-ID."""
        self._delivered += 1
        message_id = message_id or f"letter-{self._delivered}@mail.example"
        to = "support@shop.example" if sender != "support@shop.example" else "olena@mail.example"
        letter = (
            f"From: {sender}\r\nTo: {to}\r\nSubject: Питання\r\nMessage-ID: <{message_id}>\r\n"
            f"Date: {format_datetime(datetime.now(UTC))}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n"
        )
        home = self.home / (f".{folder}" if folder else "")
        for name in ("tmp", "new", "cur"):
            with contextlib.suppress(FileExistsError):
                (home / name).mkdir(parents=True)
        written = home / "tmp" / f"{datetime.now(UTC).timestamp()}.M{self._delivered}.test"
        written.write_bytes(letter.encode())
        self._own()
        written.rename(home / "new" / written.name)
        return message_id

    def renumber(self) -> None:
        """Forget every number of every letter: UIDVALIDITY changes."""
        for found in self.home.glob("**/dovecot*"):
            if found.is_file():
                found.unlink()

    def _own(self) -> None:
        owner = self.home.parent.stat()
        for path in (self.home, *self.home.rglob("*")):
            with contextlib.suppress(FileNotFoundError):  # Dovecot's locks come and go.
                os.chown(path, owner.st_uid, owner.st_gid)


class Wire:
    """A way to the server that can be cut: everything under way is gone, and new connections too until it is mended."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._pairs: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self.port = 0
        self.connections = 0

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Break every connection and refuse new ones."""
        if self._server is not None:
            self._server.close()
        for writer in list(self._pairs):
            writer.transport.abort()
        if self._server is not None:
            await self._server.wait_closed()
            self._server = None

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        self._pairs |= {writer, far_writer}
        try:
            await asyncio.gather(_pour(reader, far_writer), _pour(far_reader, writer))
        finally:
            self._pairs -= {writer, far_writer}
            writer.transport.abort()
            far_writer.transport.abort()


async def _pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while content := await reader.read(1 << 16):
            writer.write(content)
            await writer.drain()
    writer.transport.abort()


@contextlib.contextmanager
def folder_for_mail() -> Iterator[Path]:
    """A short path that the mail's owner may enter: Dovecot's sockets are below it."""
    with tempfile.TemporaryDirectory(prefix="dovecot-") as path:
        Path(path).chmod(0o755)
        yield Path(path)
