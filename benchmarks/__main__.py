"""`make bench`: the flow of messages against a bare floor, on the same databases, in one run.

    python -m benchmarks [--seconds 8] [--messages 100000] [--days 20] [--managers 1000]
        [--cases 4000] [--rules 10000] [--json FILE]

Searching a million messages takes minutes to prepare: `make bench-search`. Whom conversations are given to is compared
on made-up days (`benchmarks.simulation`), and what finding a manager costs is counted (`benchmarks.routing`). Which
macros are suggested is judged by a replay of a made-up year (`benchmarks.suggestions`). Which of very many rules fire
is found beside asking each of them (`benchmarks.rules`).

Every figure is of this machine at this moment; only the ratios travel.
"""

import argparse
import asyncio
import contextlib
import json
import os
import platform
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import uvloop
from aiohttp import ClientError, ClientSession

from benchmarks.processes import MEGABYTE, cpu_seconds, resident_mb
from benchmarks.routing import MANAGERS, print_routing
from benchmarks.routing import measure as measure_routing
from benchmarks.rules import RULES, print_rules
from benchmarks.rules import measure as measure_rules
from benchmarks.search import measure as measure_search
from benchmarks.search import print_search
from benchmarks.simulation import SEEDS, print_simulation, simulate
from benchmarks.suggestions import CASES, print_suggestions
from benchmarks.suggestions import measure as measure_suggestions
from benchmarks.table import print_table
from benchmarks.understanding import measure as measure_understanding
from benchmarks.understanding import print_understanding, reached
from channels.sandbox import Sandbox
from inbox.storage.database import Database, connect
from web.embedded import embedded_databases

EMAIL, PASSWORD = "bench@shop.example", "bench password"
CHATS = 500
MAX_REQUESTS = 60_000
STEADY_RATE = 100.0
SERVER = (sys.executable, "-m", "web")
IMPORTS = "import aiogram, aiohttp, motor.motor_asyncio"


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def imports_only_mb() -> float:
    """Resident memory of a process that only imports the libraries."""
    program = f"{IMPORTS}; print(open('/proc/self/statm').read().split()[1])"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    return int(output) * os.sysconf("SC_PAGE_SIZE") / MEGABYTE


@contextlib.asynccontextmanager
async def program(*arguments: str, url: str, **environment: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A server process that answers at `url`, stopped at the end."""
    process = await asyncio.create_subprocess_exec(*arguments, env={**os.environ, **environment})
    try:
        async with ClientSession() as http:
            for _ in range(400):
                with contextlib.suppress(ClientError):
                    await http.get(url)
                    break
                await asyncio.sleep(0.05)
        yield process
    finally:
        process.terminate()
        await process.wait()


async def load(**plan: Any) -> dict[str, Any]:
    """Run the load in its own process."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.load", json.dumps(plan), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    result: dict[str, Any] = json.loads(output)
    return result


async def operations(database: Database) -> dict[str, int]:
    """MongoDB's counters: rows touched by kind of operation, and requests over the wire."""
    status = await database.server_status()
    rows = {kind: int(status["opcounters"][kind]) for kind in ("insert", "query", "update", "delete", "getmore")}
    return {**rows, "requests": int(status["network"]["numRequests"])}


async def measure(process: asyncio.subprocess.Process, mongod: int, database: Database, **plan: Any) -> dict[str, Any]:
    """One load with what it cost: processor time, memory and database operations for each message."""
    before = (cpu_seconds(process.pid), cpu_seconds(mongod), await operations(database))
    result = await load(**plan)
    after = (cpu_seconds(process.pid), cpu_seconds(mongod), await operations(database))
    count = max(result["accepted"], 1)
    spent = {kind: after[2][kind] - before[2][kind] for kind in after[2]}
    return {
        **result,
        "cpu_us": round(1e6 * (after[0] - before[0]) / count),
        "mongod_cpu_us": round(1e6 * (after[1] - before[1]) / count),
        "memory_mb": round(resident_mb(process.pid), 1),
        "operations": round(sum(spent[kind] for kind in spent if kind != "requests") / count, 2),
        "requests_per_message": round(spent["requests"] / count, 2),
    }


async def floor(url: str, mongod: int, database: Database, seconds: float, connections: int) -> dict[str, Any]:
    """The bare handler under the same load."""
    port = free_port()
    address = f"http://127.0.0.1:{port}/webhook"
    async with program(sys.executable, "-m", "benchmarks.floor", url, str(port), url=address) as process:
        common = {"url": address, "secret": "none", "chats": CHATS, "max_requests": MAX_REQUESTS}
        await load(**common, connections=connections, seconds=1.0)
        return await measure(process, mongod, database, **common, connections=connections, seconds=seconds)


class Flow:
    """A running server with a Telegram channel and a signed-in owner."""

    def __init__(self, process: asyncio.subprocess.Process, mongod: int, database: Database) -> None:
        self.process = process
        self.mongod = mongod
        self.database = database
        self.common: dict[str, Any] = {}
        self.next_update = 1

    async def prepare(self, url: str, sandbox: Sandbox) -> None:
        """Connect the channel over the API, as an owner would."""
        bot = sandbox.telegram.create_bot()
        async with ClientSession() as http:
            signed = await (
                await http.post(f"{url}/api/v1/sessions", json={"email": EMAIL, "password": PASSWORD})
            ).json()
            http.cookie_jar.clear()
            settings = {"token": bot.token, "api_base": sandbox.api_base("telegram"), "secret_token": "bench-secret"}
            created = await (
                await http.post(
                    f"{url}/api/v1/channels",
                    json={"kind": "telegram", "name": "Bench", "settings": settings},
                    headers={"Authorization": f"Bearer {signed['token']}"},
                )
            ).json()
        self.common = {
            "url": url + created["webhook_url"]["path"],
            "secret": "bench-secret",
            "chats": CHATS,
            "max_requests": MAX_REQUESTS,
            "live_url": f"{url}/api/v1/live",
            "token": signed["token"],
        }

    async def run(self, *, connections: int, seconds: float, rate: float = 0.0) -> dict[str, Any]:
        """One load over the whole flow."""
        result = await measure(
            self.process,
            self.mongod,
            self.database,
            **self.common,
            connections=connections,
            seconds=seconds,
            rate=rate,
            first_update=self.next_update,
        )
        self.next_update += result["requests"] + 1
        return result


async def bench(seconds: float) -> dict[str, Any]:
    """Everything, as data."""
    with tempfile.TemporaryDirectory(prefix="skrynka-bench-") as folder:
        async with embedded_databases(Path(folder) / "db") as databases, Sandbox() as sandbox:
            mongodb = databases.mongodb_url or ""
            database = connect(mongodb, "bench")
            mongod = int((Path(folder) / "db" / "mongod.pid").read_text())
            port = free_port()
            url = f"http://127.0.0.1:{port}"
            environment = {
                "SKRYNKA_DATA_DIR": str(Path(folder) / "data"),
                "SKRYNKA_MONGODB_URL": mongodb,
                "SKRYNKA_MONGODB_DATABASE": "bench",
                "SKRYNKA_REDIS_URL": databases.redis_url or "",
                "SKRYNKA_SECRET_KEY": "a key for benchmarks only, 32 bytes",
                "SKRYNKA_ADMIN_EMAIL": EMAIL,
                "SKRYNKA_ADMIN_PASSWORD": PASSWORD,
                "SKRYNKA_LOG_LEVEL": "WARNING",
            }
            baseline = await imports_only_mb()
            runs: dict[str, dict[str, Any]] = {}
            runs["floor, 64 connections"] = await floor(mongodb, mongod, database, seconds, 64)
            async with program(*SERVER, "serve", "--port", str(port), url=f"{url}/healthz", **environment) as process:
                flow = Flow(process, mongod, database)
                await flow.prepare(url, sandbox)
                await flow.run(connections=8, seconds=3.0)  # Every chat has its conversation, every path is warm.
                runs["100 messages/s"] = await flow.run(connections=16, seconds=seconds, rate=STEADY_RATE)
                for connections in (1, 64, 256):
                    runs[f"{connections} connections"] = await flow.run(connections=connections, seconds=seconds)
                memory = resident_mb(process.pid)
            runs["floor again"] = await floor(mongodb, mongod, database, seconds, 64)
            database.close()
    floors = (runs["floor, 64 connections"]["per_second"] + runs["floor again"]["per_second"]) / 2
    return {
        "machine": {"python": platform.python_version(), "cores": os.cpu_count(), "system": platform.platform()},
        "runs": runs,
        "ratio_to_floor_at_64": round(runs["64 connections"]["per_second"] / floors, 2),
        "imports_only_mb": round(baseline, 1),
        "above_imports_mb": round(memory - baseline, 1),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="The flow against a bare floor.")
    parser.add_argument("--seconds", type=float, default=8.0, help="length of each load")
    parser.add_argument("--messages", type=int, default=100_000, help="how many messages are searched; 0 for no search")
    parser.add_argument("--days", type=int, default=SEEDS, help="how many days are simulated; 0 for no simulation")
    parser.add_argument("--managers", type=int, default=MANAGERS, help="among how many one is found; 0 for no routing")
    parser.add_argument("--cases", type=int, default=CASES, help="how many replies are replayed; 0 for no suggestions")
    parser.add_argument("--rules", type=int, default=RULES, help="how many rules look at a message; 0 for none")
    parser.add_argument("--json", type=Path, help="also write the figures there")
    options = parser.parse_args()
    results = uvloop.run(bench(options.seconds))
    print_table(results)
    if options.messages:
        results["search"] = uvloop.run(measure_search(options.messages))
        print()
        print_search(results["search"])
    if options.days:
        results["simulation"] = simulate(options.days)
        print()
        print_simulation(results["simulation"])
    if options.managers:
        results["routing"] = uvloop.run(measure_routing(options.managers))
        print()
        print_routing(results["routing"])
    if options.cases:
        results["suggestions"] = measure_suggestions(options.cases)
        print()
        print_suggestions(results["suggestions"])
    if options.rules:
        results["rules"] = measure_rules(options.rules)
        print()
        print_rules(results["rules"], options.rules)
    results["understanding"] = measure_understanding()
    print()
    print_understanding(results["understanding"])
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n")
    if not reached(results["understanding"]):
        sys.exit(1)


if __name__ == "__main__":
    main()
