from __future__ import annotations

import asyncio
import os
import signal
import sys
import textwrap
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]

SERVER = """
import asyncio, pathlib, sys, uvloop
from web.embedded import EmbeddedError, embedded_databases

async def main():
    async with embedded_databases(pathlib.Path(sys.argv[1])) as databases:
        print("ready", databases.mongodb_url, databases.redis_url, flush=True)
        await asyncio.sleep(60)

try:
    uvloop.run(main())
except EmbeddedError as error:
    print(error, file=sys.stderr)
    sys.exit(error.exit_code)
except KeyboardInterrupt:
    sys.exit(0)
"""


class Server:
    """A process of its own, on the loop that the server uses, that holds the databases: so that it can be killed."""

    def __init__(self, data_dir: Path, process: asyncio.subprocess.Process) -> None:
        self.data_dir = data_dir
        self.process = process

    async def ready(self) -> tuple[str, str]:
        """The two addresses, once it says so."""
        assert self.process.stdout is not None
        line = (await asyncio.wait_for(self.process.stdout.readline(), 60)).decode()
        word, mongodb_url, redis_url = line.split()
        assert word == "ready"
        return mongodb_url, redis_url

    async def end(self) -> tuple[int, str]:
        """How it ended and what it complained of."""
        _, errors = await asyncio.wait_for(self.process.communicate(), 60)
        assert self.process.returncode is not None
        return self.process.returncode, errors.decode()

    def database_pid(self, name: str) -> int:
        return int((self.data_dir / f"{name}.pid").read_text())


@asynccontextmanager
async def _running_server(data_dir: Path, environment: dict[str, str] | None = None) -> AsyncIterator[Server]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", textwrap.dedent(SERVER), str(data_dir)),
        cwd=REPOSITORY,
        env=os.environ | (environment or {}),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield Server(data_dir, process)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


@pytest.fixture
def running_server():
    return _running_server


async def _until(holds: Callable[[], bool], within: float = 30) -> None:
    async with asyncio.timeout(within):
        while not holds():
            await asyncio.sleep(0.02)


@pytest.fixture
def until():
    return _until


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (ProcessLookupError, FileNotFoundError):
        return False
    return state != "Z"


@pytest.fixture
def alive():
    return _alive


@pytest.fixture
def kill():
    return lambda pid: os.kill(pid, signal.SIGKILL)
