"""One database process: started, watched, restarted when it falls over, and stopped for good."""

from __future__ import annotations

import asyncio
import ctypes
import os
import resource
import signal
import sys
import time
from asyncio.subprocess import Process
from collections.abc import Callable
from pathlib import Path

import structlog

from web.embedded.errors import DatabaseDidNotStart

log = structlog.get_logger("web.embedded")

READY_WITHIN = 120.0  # Seconds. mongod replays its journal first when it was killed under load.
FIRST_BACKOFF = 0.2
LONGEST_BACKOFF = 10.0
STEADY_AFTER = 30.0  # Seconds alive after which an end counts as a new misfortune, not as the same one.


class DatabaseProcess:
    """Supervises one command that listens on one Unix socket."""

    def __init__(self, name: str, command: list[str], *, socket: Path, pid_file: Path, log_file: Path) -> None:
        self.name = name
        self.command = command
        self.socket = socket
        self.pid_file = pid_file
        self.log_file = log_file
        self._process: Process | None = None
        self._watcher: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the process, wait until it takes connections, and watch over it from then on."""
        _keep_one_old_log(self.log_file)
        await self._end_leftover()
        process = await self._spawn()
        await self._wait_ready(process)
        self._watcher = asyncio.create_task(self._watch(process), name=f"watch {self.name}")

    async def stop(self, patience: float) -> None:
        """Ask the process to end, and insist after `patience` seconds."""
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.gather(self._watcher, return_exceptions=True)
        process = self._process
        if process is not None and process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), patience)
            except TimeoutError:
                log.warning("database ignored the request to stop", database=self.name)
                process.kill()
                await process.wait()
        self.pid_file.unlink(missing_ok=True)
        self.socket.unlink(missing_ok=True)

    async def _watch(self, process: Process) -> None:
        backoff = 0.0
        while True:
            started = time.monotonic()
            code = await process.wait()
            backoff = next_backoff(backoff, alive=time.monotonic() - started)
            log.error("database died, restarting it", database=self.name, exit_code=code, delay=backoff)
            process = await self._respawn(backoff)

    async def _respawn(self, backoff: float) -> Process:
        while True:
            await asyncio.sleep(backoff)
            try:
                return await self._spawn()
            except OSError as error:  # No memory or no disk just now; the program itself was there a moment ago.
                backoff = next_backoff(backoff, alive=0)
                log.warning("database cannot be restarted", database=self.name, error=str(error), delay=backoff)

    async def _spawn(self) -> Process:
        self.socket.unlink(missing_ok=True)
        with self.log_file.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *self.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C is for the server, which stops its databases last.
                preexec_fn=die_with_parent(),
            )
        # Whole or not at all: who reads it meanwhile, or after we were killed here, must find the process.
        draft = self.pid_file.with_suffix(".new")
        draft.write_text(f"{self._process.pid}\n")
        draft.replace(self.pid_file)
        return self._process

    async def _wait_ready(self, process: Process) -> None:
        deadline = time.monotonic() + READY_WITHIN
        while not await self._takes_connections():
            if process.returncode is not None:
                raise DatabaseDidNotStart(
                    f"{self.name} ended with code {process.returncode} while starting: see {self.log_file}"
                )
            if time.monotonic() > deadline:
                process.kill()
                raise DatabaseDidNotStart(f"{self.name} did not answer for {READY_WITHIN:.0f} s: see {self.log_file}")
            await asyncio.sleep(0.01)

    async def _takes_connections(self) -> bool:
        try:
            _, writer = await asyncio.open_unix_connection(self.socket)
        except OSError:
            return False
        writer.close()
        return True

    async def _end_leftover(self) -> None:
        """End the process of a server that was killed: it dies by itself, but maybe a moment later than we start."""
        try:
            pid = int(self.pid_file.read_text())
        except (FileNotFoundError, ValueError):
            return
        while _runs(pid, self.command):
            os.kill(pid, signal.SIGKILL)
            await asyncio.sleep(0.01)
        self.pid_file.unlink(missing_ok=True)


def next_backoff(previous: float, *, alive: float) -> float:
    """No wait after a long good life, else twice as long each time that a restart did not help."""
    if alive > STEADY_AFTER:
        return 0.0
    return min(max(FIRST_BACKOFF, previous * 2), LONGEST_BACKOFF)


def die_with_parent() -> Callable[[], None] | None:
    """Have the kernel kill the child when the thread that starts it ends, which is how `kill -9` of a server looks.

    The request is lost when the parent is gone before it is made, so the child looks again afterwards.
    """
    if sys.platform != "linux":
        return None
    parent = os.getpid()
    prctl = ctypes.CDLL(None, use_errno=True).prctl  # Looked up before the fork: afterwards only calls are safe.
    set_parent_death_signal = 1
    _, open_files = resource.getrlimit(resource.RLIMIT_NOFILE)

    def in_child() -> None:
        # mongod keeps two files open for every collection and index; what a shell allows may be too few.
        resource.setrlimit(resource.RLIMIT_NOFILE, (open_files, open_files))
        prctl(set_parent_death_signal, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    return in_child


def _runs(pid: int, command: list[str]) -> bool:
    """Whether that process is still one of ours: process ids are used again, command lines with our paths are not."""
    try:
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return [os.fsencode(argument) for argument in command[1:]] == arguments[1 : len(command)]


def _keep_one_old_log(log_file: Path) -> None:
    if log_file.exists():
        log_file.replace(log_file.with_suffix(".log.1"))
