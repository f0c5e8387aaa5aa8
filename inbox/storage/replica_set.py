"""Makes one mongod a replica set of one, which change streams and transactions need."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from motor.motor_asyncio import AsyncIOMotorClient
from pymongo.errors import OperationFailure

NOT_YET_INITIALIZED = 94
ALREADY_INITIALIZED = 23


async def ensure_replica_set(direct_url: str, name: str, host: str) -> None:
    """Form the set on first use, follow a mongod that answers at another address now, and wait for the primary."""
    client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(direct_url)
    try:
        await _configure(client, name, host)
        while not (await client.admin.command("hello")).get("isWritablePrimary"):  # noqa: ASYNC110 - it announces nothing
            await asyncio.sleep(0.01)
    finally:
        client.close()


async def _configure(client: AsyncIOMotorClient[dict[str, Any]], name: str, host: str) -> None:
    try:
        config = (await client.admin.command("replSetGetConfig"))["config"]
    except OperationFailure as error:
        if error.code != NOT_YET_INITIALIZED:
            raise
        await _initiate(client, _configuration(name, host))
        return
    if [member["host"] for member in config["members"]] != [host]:  # The data directory was moved or restored.
        moved = _configuration(name, host) | {"version": config["version"] + 1, "term": config.get("term", 1)}
        moved["settings"] = config["settings"] | moved["settings"]
        await client.admin.command("replSetReconfig", moved, force=True)


async def _initiate(client: AsyncIOMotorClient[dict[str, Any]], config: Mapping[str, Any]) -> None:
    try:
        await client.admin.command("replSetInitiate", config)
    except OperationFailure as error:
        if error.code != ALREADY_INITIALIZED:
            raise


def _configuration(name: str, host: str) -> dict[str, Any]:
    # Alone there is nobody to ask, so an election need not wait the default ten seconds.
    return {"_id": name, "members": [{"_id": 0, "host": host}], "settings": {"electionTimeoutMillis": 1000}}
