"""The embedded databases as the server meets them: real processes, really killed."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import redis.asyncio
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo.errors import PyMongoError

from web.embedded import EmbeddedError, embedded_databases
from web.embedded.errors import DataDirInUse


@asynccontextmanager
async def mongodb(url, **options) -> AsyncIterator[AsyncIOMotorClient[dict[str, Any]]]:
    client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(url, **options)
    try:
        yield client
    finally:
        client.close()


def valkey(url):
    return aclosing(redis.asyncio.from_url(url))


async def written_until_it_works(notes, document):
    """Write as our storage would: again until the database is back."""
    async with asyncio.timeout(30):
        while True:
            try:
                return await notes.replace_one({"_id": document["_id"]}, document, upsert=True)
            except PyMongoError:
                await asyncio.sleep(0.05)


async def test_transactions_change_streams_and_redis_commands_work(tmp_path):
    async with embedded_databases(tmp_path) as databases:
        async with mongodb(databases.mongodb_url) as client:
            notes = client.shop.notes
            async with notes.watch() as changes:
                async with await client.start_session() as session, session.start_transaction():
                    await notes.insert_one({"_id": "n1"}, session=session)
                    assert await notes.count_documents({}) == 0
                assert (await changes.next())["documentKey"] == {"_id": "n1"}

        async with valkey(databases.redis_url) as cache:
            assert await cache.set("k", "v")
            assert await cache.get("k") == b"v"


async def test_what_was_written_is_there_after_a_stop_and_a_start(tmp_path):
    for number in range(2):
        async with embedded_databases(tmp_path, redis=False) as databases:
            async with mongodb(databases.mongodb_url) as client:
                assert await client.shop.notes.count_documents({}) == number
                await client.shop.notes.insert_one({"_id": number})


async def test_only_what_was_asked_for_runs(tmp_path):
    async with embedded_databases(tmp_path, mongodb=False) as databases:
        assert databases.mongodb_url is None
        assert databases.redis_url is not None
        assert not (tmp_path / "mongod.pid").exists()


def open_files(pid):
    found = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # Closed since it was listed.
            found.add(str(entry.readlink()))
    return found


async def test_nothing_listens_where_another_user_could_connect(tmp_path):
    async with embedded_databases(tmp_path):
        assert (tmp_path / "run").stat().st_mode & 0o777 == 0o700
        tables = [Path("/proc/net/tcp"), Path("/proc/net/tcp6")]
        of_tcp = {f"socket:[{row.split()[9]}]" for table in tables for row in table.read_text().splitlines()[1:]}
        for name in ("mongod", "valkey"):
            pid = int((tmp_path / f"{name}.pid").read_text())
            assert open_files(pid).isdisjoint(of_tcp)


async def test_data_dir_too_deep_for_a_socket_path_keeps_its_sockets_in_a_private_place_elsewhere(tmp_path):
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    async with embedded_databases(deep, mongodb=False) as databases:
        async with valkey(databases.redis_url) as cache:
            assert await cache.ping()
        sockets = Path(str(databases.redis_url).removeprefix("unix://")).parent
        assert not sockets.is_relative_to(deep)
        assert sockets.stat().st_mode & 0o777 == 0o700
    assert not sockets.exists()


async def test_moved_data_dir_works_at_its_new_place(tmp_path):
    async with embedded_databases(tmp_path / "old", redis=False) as databases:
        async with mongodb(databases.mongodb_url) as client:
            await client.shop.notes.insert_one({"_id": "n1"})
    (tmp_path / "old").rename(tmp_path / "new")

    async with embedded_databases(tmp_path / "new", redis=False) as databases:
        async with mongodb(databases.mongodb_url) as client:
            assert await client.shop.notes.count_documents({}) == 1


@pytest.mark.parametrize("name", ["mongod", "valkey"])
async def test_database_that_dies_is_restarted(tmp_path, until, alive, name):
    async with embedded_databases(tmp_path) as databases:
        pid_file = tmp_path / f"{name}.pid"
        first = int(pid_file.read_text())
        os.kill(first, signal.SIGKILL)
        await until(lambda: int(pid_file.read_text()) != first)

        async with mongodb(databases.mongodb_url, serverSelectionTimeoutMS=1000) as client:
            await written_until_it_works(client.shop.notes, {"_id": "after"})
        await until((tmp_path / "run" / "valkey.sock").exists)
        async with valkey(databases.redis_url) as cache:
            assert await cache.ping()
        second = int(pid_file.read_text())
    assert not alive(second)


async def test_frozen_database_does_not_keep_the_server_from_stopping(tmp_path, alive):
    async with embedded_databases(tmp_path, mongodb=False):
        pid = int((tmp_path / "valkey.pid").read_text())
        os.kill(pid, signal.SIGSTOP)
    assert not alive(pid)


async def test_second_server_on_the_same_directory_is_refused(tmp_path):
    async with embedded_databases(tmp_path, mongodb=False):
        with pytest.raises(DataDirInUse) as refusal:
            async with embedded_databases(tmp_path, mongodb=False):
                pass
    assert refusal.value.exit_code == 2
    assert str(tmp_path) in str(refusal.value)
    assert str(os.getpid()) in str(refusal.value)


async def test_command_may_join_the_databases_of_a_running_server(tmp_path):
    async with embedded_databases(tmp_path) as first:
        async with (
            embedded_databases(tmp_path, join=True) as second,
            mongodb(second.mongodb_url) as client,
            valkey(second.redis_url) as cache,
        ):
            assert second == first
            await client.shop.notes.insert_one({"_id": "n1"})
            assert await cache.ping()
        async with mongodb(first.mongodb_url) as client:
            assert await client.shop.notes.count_documents({}) == 1


async def test_command_that_could_join_starts_them_where_no_server_runs(tmp_path):
    async with (
        embedded_databases(tmp_path, join=True, mongodb=False) as databases,
        valkey(databases.redis_url) as cache,
    ):
        assert await cache.ping()


async def test_nothing_is_claimed_where_none_is_wanted(tmp_path):
    async with embedded_databases(tmp_path / "data", mongodb=False, redis=False) as databases:
        assert (databases.mongodb_url, databases.redis_url) == (None, None)
        assert not (tmp_path / "data").exists()


async def test_second_process_exits_2_with_one_line_and_the_first_goes_on(tmp_path, running_server):
    async with running_server(tmp_path) as first:
        mongodb_url, _ = await first.ready()
        async with running_server(tmp_path) as second:
            code, complaint = await second.end()
        assert code == 2
        assert complaint.count("\n") == 1
        assert "SKRYNKA_DATA_DIR" in complaint
        async with mongodb(mongodb_url) as client:
            assert (await client.admin.command("ping"))["ok"] == 1


async def test_databases_die_with_a_killed_server_and_the_next_one_finds_every_write(
    tmp_path, running_server, until, alive, kill
):
    async with running_server(tmp_path) as server:
        mongodb_url, _ = await server.ready()
        async with mongodb(mongodb_url) as client:
            await client.shop.notes.insert_many([{"_id": number} for number in range(500)])
        databases = [server.database_pid(name) for name in ("mongod", "valkey")]
        kill(server.process.pid)
        await until(lambda: not any(map(alive, databases)))

    async with embedded_databases(tmp_path, redis=False) as again:
        async with mongodb(again.mongodb_url) as client:
            assert await client.shop.notes.count_documents({}) == 500


async def test_everything_killed_in_the_middle_of_the_first_start_recovers(tmp_path, running_server, until, kill):
    async with running_server(tmp_path) as server:
        await until((tmp_path / "mongod.pid").exists)
        kill(server.process.pid)
        await server.end()

    async with embedded_databases(tmp_path, redis=False) as databases:
        async with mongodb(databases.mongodb_url) as client:
            assert (await client.admin.command("ping"))["ok"] == 1


async def test_interrupt_from_the_keyboard_reaches_only_the_server(tmp_path, running_server):
    async with running_server(tmp_path) as server:
        await server.ready()
        for name in ("mongod", "valkey"):
            pid = server.database_pid(name)
            assert os.getsid(pid) == pid
        server.process.send_signal(signal.SIGINT)
        assert (await server.end())[0] == 0
    assert '"exitCode":0' in (tmp_path / "mongod.log").read_text()
    assert not (tmp_path / "mongod.pid").exists()


async def test_data_of_another_mongod_series_is_refused_by_both_names(tmp_path):
    (tmp_path / "mongod.version").write_text("9.1.7\n")
    with pytest.raises(EmbeddedError, match=r"mongod 9\.1\.7 .* mongod \d+\.\d+\.\d+"):
        async with embedded_databases(tmp_path):
            pass
    assert not (tmp_path / "valkey.pid").exists()


async def test_data_dir_that_is_a_file_is_named(tmp_path):
    occupied = tmp_path / "data"
    occupied.write_text("")
    with pytest.raises(EmbeddedError, match=str(occupied)):
        async with embedded_databases(occupied):
            pass


async def test_log_of_a_database_that_gives_up_is_named(tmp_path):
    (tmp_path / "mongod").mkdir()
    (tmp_path / "mongod" / "storage.bson").write_bytes(b"no BSON")
    with pytest.raises(EmbeddedError, match=r"mongod\.log"):
        async with embedded_databases(tmp_path, redis=False):
            pass
