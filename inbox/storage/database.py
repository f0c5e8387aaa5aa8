"""Connecting to MongoDB: one client a process, two degrees of care, every index in place before work begins."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

import structlog
from bson import ObjectId
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorCollection, AsyncIOMotorDatabase
from pymongo import ReadPreference, WriteConcern, monitoring
from pymongo.errors import OperationFailure
from pymongo.read_concern import ReadConcern

from inbox.storage.errors import TermEnded, is_unavailable
from inbox.storage.schema import COLLECTIONS

Document = dict[str, Any]
Collection = AsyncIOMotorCollection

SELECTION_TIMEOUT_MS = 1500
OPERATION_TIMEOUT_MS = 10_000

_log = structlog.get_logger(__name__)
_INDEX_CONFLICTS = frozenset({85, 86})
_COLLECTION_EXISTS = 48


class Database:
    """The shop's database.

    `durable` waits until a majority has the write in its journal; `relaxed` waits for the primary only. A relaxed write
    followed by a durable one to the same primary is as durable as the latter (one log, in order), which is how a batch
    of work pays for durability once. That it was the same primary all along is for `one_term` to see to: the driver
    waits for a primary that fell over and goes on with its successor, which may never have heard of what was relaxed.
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
        await asyncio.gather(*(self._create_clustered(declared.name) for declared in COLLECTIONS if declared.clustered))
        await asyncio.gather(*(self._create_indexes(declared.name, declared.indexes) for declared in COLLECTIONS))

    async def _create_clustered(self, name: str) -> None:
        try:
            await self.durable.create_collection(
                name, check_exists=False, clusteredIndex={"key": {"_id": 1}, "unique": True}
            )
        except OperationFailure as error:
            if error.code != _COLLECTION_EXISTS:
                raise

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

    @contextlib.asynccontextmanager
    async def one_term(self) -> AsyncIterator[None]:
        """Relaxed writes in this context, before a durable one in it, are durable; else it raises `TermEnded`.

        A primary's term is known by the id of its election, which the driver learns anew before the first command on a
        new connection. What fails because an earlier write is gone counts as `TermEnded` too.
        """
        if self._election() is None:
            await self.ping()
        began = self._election()
        try:
            yield
        except Exception as error:
            if not is_unavailable(error) and self._election() != began:
                raise TermEnded from error
            raise
        if self._election() != began:
            raise TermEnded

    def _election(self) -> ObjectId | None:
        """The election that made the primary that the driver talks to; None where it knows of no primary."""
        servers = self.client.delegate.topology_description.server_descriptions().values()
        return next((server.election_id for server in servers if server.is_writable), None)

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
