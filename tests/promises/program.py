"""`skrynka serve` as a process of its own, with its embedded databases: to be killed, frozen and restarted."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from aiohttp import ClientSession

from channels.sandbox import Sandbox
from channels.telegram.sandbox import Bot, Chat
from inbox.storage.database import Database, connect
from tests.flow import OWNER, PASSWORD, Person, sign_in, until
from tests.promises.updates import post
from web.embedded.data_dir import data_dir_at
from web.embedded.databases import MONGOD, REPLICA_SET, VALKEY, mongodb_url

REPOSITORY = Path(__file__).resolve().parents[2]
DATABASES = (MONGOD, VALKEY)


class Program:
    """A server on a data directory and a port of its own; what it stores can be looked at beside it."""

    def __init__(self, data_dir: Path, sandbox: Sandbox, http: ClientSession) -> None:
        self.home = data_dir_at(data_dir)
        self.sandbox = sandbox
        self.http = http
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = int(probe.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: asyncio.subprocess.Process | None = None
        self.bot: Bot = sandbox.telegram.create_bot()
        self.channel_id = ""
        self._owner: Person | None = None
        self._names = 0

    @property
    def owner(self) -> Person:
        assert self._owner is not None, "the server was never started"
        return self._owner

    @property
    def webhook(self) -> str:
        return f"{self.url}/webhooks/telegram/{self.channel_id}"

    @property
    def log(self) -> str:
        """Everything that the server wrote, over all its lives."""
        return (self.home.root / "server.log").read_text()

    async def start(self) -> None:
        """Start the server and wait until it can work; the first time, sign in and connect the bot."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SKRYNKA_")}
        environment |= {
            "SKRYNKA_DATA_DIR": str(self.home.root),
            "SKRYNKA_ADMIN_EMAIL": OWNER,
            "SKRYNKA_ADMIN_PASSWORD": PASSWORD,
        }
        self.home.root.mkdir(exist_ok=True)
        with (self.home.root / "server.log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "web", "serve", "--port", str(self.port)),
                cwd=REPOSITORY,
                env=environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        await until(self.ready, seconds=90)
        if self._owner is None:
            self._owner = await sign_in(self.http, self.url, OWNER, PASSWORD)
            settings = {"token": self.bot.token, "api_base": self.sandbox.api_base("telegram")}
            created = await self.owner.call(
                "POST", "/channels", {"kind": "telegram", "name": "Shop bot", "settings": settings}
            )
            assert created.status == 201, created
            self.channel_id = created.body["id"]

    async def ready(self) -> bool:
        """Whether the server says that it can work."""
        assert self.process is not None
        assert self.process.returncode is None, self.log
        return await self.status("/readyz") == 200

    async def status(self, path: str) -> int:
        """The status of a GET; 0 where nobody answers."""
        try:
            async with self.http.get(self.url + path) as answer:
                return answer.status
        except OSError:
            return 0

    def pid(self, name: str) -> int:
        """The process id of one of its databases."""
        return int(self.home.pid_file(name).read_text())

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal to one of its databases."""
        os.kill(self.pid(name), number)

    @contextlib.contextmanager
    def frozen(self, name: str) -> Any:
        """One of its databases takes part in nothing for the length of the context."""
        pid = self.pid(name)
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    async def kill_everything(self) -> None:
        """`kill -9` of the server and its databases in one breath."""
        if self.process is None or self.process.returncode is not None:
            return
        for pid in (self.process.pid, *map(self.pid, DATABASES)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        await self.process.wait()

    async def stop(self) -> int:
        """Ask the server to end; returns its exit code."""
        assert self.process is not None
        self.process.terminate()
        return await asyncio.wait_for(self.process.wait(), 60)

    def memory(self) -> int:
        """What the server holds in memory, in bytes."""
        assert self.process is not None
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def customer(self) -> Chat:
        """A new customer's chat with the shop's bot."""
        self._names += 1
        return self.bot.chat(self.sandbox.telegram.create_customer(f"Customer {self._names}"))

    async def post(self, raw: bytes) -> int:
        """Post an update as Telegram does; 0 where no answer came."""
        return await post(self.http, self.webhook, raw, self.bot.webhook.secret)

    @contextlib.asynccontextmanager
    async def stored(self) -> AsyncIterator[Database]:
        """What the server stored, read past it."""
        database = connect(mongodb_url(self.home.socket(MONGOD), f"replicaSet={REPLICA_SET}"), "skrynka")
        try:
            yield database
        finally:
            database.close()

    async def begin(self, text: str) -> tuple[Chat, str]:
        """A new customer writes; their chat, and the id of their conversation."""
        chat = self.customer()
        chat.text(text)
        async with self.stored() as database:

            async def arrived() -> Any:
                return await database.durable.messages.find_one({"text": text, "direction": "in"})

            message = await until(arrived, seconds=60)
        return chat, message["conversation_id"]

    async def reply(self, conversation_id: str, text: str) -> str:
        """The owner answers; the message's id."""
        posted = await self.owner.call("POST", f"/conversations/{conversation_id}/messages", {"text": text})
        assert posted.status == 201, posted
        return str(posted.body["id"])

    async def sending_states(self, conversation_id: str) -> dict[str, str]:
        """The states of the shop's messages by their texts."""
        page = await self.owner.get(f"/conversations/{conversation_id}/messages")
        return {row["text"]: row["state"] for row in page["items"] if row["direction"] == "out"}

    async def settled(self, *, seconds: float = 60.0) -> None:
        """Wait until every accepted event is processed."""
        async with self.stored() as database:

            async def nothing_pending() -> bool:
                return await database.durable.journal.count_documents({"state": "pending"}) == 0

            await until(nothing_pending, seconds=seconds)
