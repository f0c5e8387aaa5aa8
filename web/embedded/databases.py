from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from inbox.storage.replica_set import ensure_replica_set
from web.embedded.binaries import find_mongod, find_valkey
from web.embedded.data_dir import DataDir, claimed_data_dir, data_dir_at
from web.embedded.errors import DataDirInUse
from web.embedded.process import DatabaseProcess

MONGOD = "mongod"
VALKEY = "valkey"
REPLICA_SET = "skrynka"
MONGOD_PATIENCE = 20.0
VALKEY_PATIENCE = 3.0


@dataclass(frozen=True, slots=True)
class Databases:
    """Where the embedded databases answer; None for one that was not asked for."""

    mongodb_url: str | None
    redis_url: str | None


@asynccontextmanager
async def embedded_databases(
    data_dir: Path, *, mongodb: bool = True, redis: bool = True, join: bool = False
) -> AsyncIterator[Databases]:
    """Run the databases below `data_dir` for the length of the context; asked for none, claim nothing.

    With `join`, the databases of a server that already runs there are used: the way in for a command.
    To be entered by the thread that lives as long as the server: the databases die with the thread that started them.
    """
    if not (mongodb or redis):
        yield Databases(None, None)
        return
    async with AsyncExitStack() as stack:
        try:
            home = stack.enter_context(claimed_data_dir(data_dir))
        except DataDirInUse:
            if not join:
                raise
            home = data_dir_at(data_dir)
        else:
            await _run(home, stack, mongodb=mongodb, redis=redis)
        yield Databases(
            mongodb_url=mongodb_url(home.socket(MONGOD), f"replicaSet={REPLICA_SET}") if mongodb else None,
            redis_url=f"unix://{quote(str(home.socket(VALKEY)))}" if redis else None,
        )


async def _run(home: DataDir, stack: AsyncExitStack, *, mongodb: bool, redis: bool) -> None:
    # Both programs are looked at before either is started: what is wrong shows at once and leaves nothing behind.
    mongod = _mongod(home) if mongodb else None
    valkey = _valkey(home) if redis else None
    if mongod:
        stack.push_async_callback(mongod.stop, MONGOD_PATIENCE)
    if valkey:
        stack.push_async_callback(valkey.stop, VALKEY_PATIENCE)
    await _started(mongod, valkey)
    if mongod:
        direct = mongodb_url(mongod.socket, "directConnection=true")
        await ensure_replica_set(direct, REPLICA_SET, host=str(mongod.socket))


def mongodb_url(socket: Path, options: str) -> str:
    return f"mongodb://{quote(str(socket), safe='')}/?{options}"


async def _started(*processes: DatabaseProcess | None) -> None:
    """Start them side by side; when one fails, let the others finish starting so that they can be stopped properly."""
    results = await asyncio.gather(*(process.start() for process in processes if process), return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result


def _mongod(home: DataDir) -> DatabaseProcess:
    version_file = home.mongod_version_file
    program = find_mongod(version_file.read_text().strip() if version_file.exists() else None)
    home.mongod_files.mkdir(mode=0o700, exist_ok=True)
    version_file.write_text(f"{program.version}\n")
    socket = home.socket(MONGOD)
    command = [
        str(program.path),
        *("--dbpath", str(home.mongod_files)),
        *("--replSet", REPLICA_SET),  # Of one: change streams and transactions need an oplog.
        *("--bind_ip", str(socket)),  # The socket alone; no TCP port is opened.
        "--nounixsocket",  # Not a second one in /tmp beside it.
        *("--wiredTigerCacheSizeGB", "0.25"),
        *("--oplogSize", "256"),
        *("--setParameter", "diagnosticDataCollectionEnabled=false"),
        *("--setParameter", "shutdownTimeoutMillisForSignaledShutdown=100"),  # No secondary has to catch up.
        "--quiet",
    ]
    return DatabaseProcess(
        MONGOD, command, socket=socket, pid_file=home.pid_file(MONGOD), log_file=home.log_file(MONGOD)
    )


def _valkey(home: DataDir) -> DatabaseProcess:
    socket = home.socket(VALKEY)
    command = [
        str(find_valkey().path),
        *("--port", "0"),
        *("--unixsocket", str(socket)),
        *("--unixsocketperm", "700"),
        *("--save", ""),  # It carries only what may be lost.
        *("--appendonly", "no"),
        *("--maxmemory", "64mb"),
        *("--maxmemory-policy", "allkeys-lru"),
        *("--dir", str(home.root)),
    ]
    return DatabaseProcess(
        VALKEY, command, socket=socket, pid_file=home.pid_file(VALKEY), log_file=home.log_file(VALKEY)
    )
