"""Connecting to MongoDB: one client a process, two degrees of care, every index in place before work begins."""

import asyncio
from collections.abc import Mapping
from typing import Any

import structlog
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorCollection, AsyncIOMotorDatabase
from pymongo import ReadPreference, WriteConcern, monitoring
from pymongo.errors import OperationFailure
from pymongo.read_concern import ReadConcern

from inbox.storage.schema import COLLECTIONS

Document = dict[str, Any]
Collection = AsyncIOMotorCollection

SELECTION_TIMEOUT_MS = 1500
OPERATION_TIMEOUT_MS = 10_000

_log = structlog.get_logger(__name__)
_INDEX_CONFLICTS = frozenset({85, 86})


class Database:
    """The shop's database.

    `durable` waits until a majority has the write in its journal; `relaxed` waits for the primary only. A relaxed write
    followed by a durable one to the same primary is as durable as the latter (one log, in order), which is how a batch
    of work pays for durability once.
    """

    def __init__(self, client: AsyncIOMotorClient[Document], name: str) -> None:
        self.client = client
        self.durable: AsyncIOMotorDatabase[Document] = client.get_database(
            name, write_concern=WriteConcern(w="majority", j=True), read_concern=ReadConcern("local")
        )
        self.relaxed: AsyncIOMotorDatabase[Document] = client.get_database(name, write_concern=WriteConcern(w=1))

    @property
    def name(self) -> str:
        """The database's name on the server."""
        return self.durable.name

    async def prepare(self) -> None:
        """Create what `schema` declares. Safe to run from several processes at once, and again."""
        await asyncio.gather(*(self._create_indexes(declared.name, declared.indexes) for declared in COLLECTIONS))

    async def _create_indexes(self, name: str, indexes: tuple[Any, ...]) -> None:
        if not indexes:
            return
        try:
            await self.durable[name].create_indexes(list(indexes))
        except OperationFailure as error:
            if error.code not in _INDEX_CONFLICTS:
                raise
            # The declaration of an index changed between versions: rebuild exactly those that differ.
            existing = await self.durable[name].index_information()
            for index in indexes:
                wanted = index.document
                if wanted["name"] in existing:
                    await self.durable[name].drop_index(wanted["name"])
            _log.info("indexes_rebuilt", collection=name)
            await self.durable[name].create_indexes(list(indexes))

    async def ping(self) -> None:
        """Raise unless a primary answers."""
        await self.client.admin.command("ping", read_preference=ReadPreference.PRIMARY)

    async def server_status(self) -> Mapping[str, Any]:
        """MongoDB's own counters, for `skrynka doctor` and the benchmarks."""
        status: Mapping[str, Any] = await self.client.admin.command("serverStatus")
        return status

    def close(self) -> None:
        """Close every socket."""
        self.client.close()


def connect(url: str, name: str, *, listeners: tuple[monitoring.CommandListener, ...] = ()) -> Database:
    """A database handle; talks to nobody yet. `url` is a mongodb:// address (a replica set, for durable majorities)."""
    client: AsyncIOMotorClient[Document] = AsyncIOMotorClient(
        url,
        tz_aware=True,
        appname="skrynka",
        serverSelectionTimeoutMS=SELECTION_TIMEOUT_MS,
        connectTimeoutMS=SELECTION_TIMEOUT_MS,
        timeoutMS=OPERATION_TIMEOUT_MS,
        heartbeatFrequencyMS=2_000,
        retryWrites=True,
        maxPoolSize=32,
        event_listeners=list(listeners),
    )
    return Database(client, name)
