from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from inbox.storage.replica_set import ensure_replica_set
from web.embedded.binaries import find_mongod, find_valkey
from web.embedded.data_dir import DataDir, claimed_data_dir
from web.embedded.process import DatabaseProcess

REPLICA_SET = "skrynka"
MONGOD_PATIENCE = 20.0
VALKEY_PATIENCE = 3.0


@dataclass(frozen=True, slots=True)
class Databases:
    """Where the embedded databases answer; None for one that was not asked for."""

    mongodb_url: str | None
    redis_url: str | None


@asynccontextmanager
async def embedded_databases(data_dir: Path, *, mongodb: bool = True, redis: bool = True) -> AsyncIterator[Databases]:
    """Run the databases below `data_dir` for the length of the context.

    To be entered by the thread that lives as long as the server: the databases die with the thread that started them.
    """
    async with AsyncExitStack() as stack:
        home = stack.enter_context(claimed_data_dir(data_dir))
        # Both programs are looked at before either is started: what is wrong shows at once and leaves nothing behind.
        mongod = _mongod(home) if mongodb else None
        valkey = _valkey(home) if redis else None
        if mongod:
            stack.push_async_callback(mongod.stop, MONGOD_PATIENCE)
        if valkey:
            stack.push_async_callback(valkey.stop, VALKEY_PATIENCE)
        await _started(mongod, valkey)
        if mongod:
            await ensure_replica_set(
                mongodb_url(mongod.socket, "directConnection=true"), REPLICA_SET, str(mongod.socket)
            )
        yield Databases(
            mongodb_url=mongodb_url(mongod.socket, f"replicaSet={REPLICA_SET}") if mongod else None,
            redis_url=f"unix://{quote(str(valkey.socket))}" if valkey else None,
        )


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
    socket = home.socket("mongod")
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
        "mongod", command, socket=socket, pid_file=home.pid_file("mongod"), log_file=home.log_file("mongod")
    )


def _valkey(home: DataDir) -> DatabaseProcess:
    socket = home.socket("valkey")
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
        "valkey", command, socket=socket, pid_file=home.pid_file("valkey"), log_file=home.log_file("valkey")
    )
