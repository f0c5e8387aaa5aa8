"""The schema's version, and the steps from one version to the next.

Any number of processes may start at once: one takes the lease on the schema's row and runs the steps, the others wait
for it. A step is written so that running it again, after a crash in its middle, does no harm.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import msgspec
import structlog

from inbox.model.ids import new_id, now
from inbox.storage.database import Database
from inbox.storage.errors import Duplicate

_LEASE = timedelta(seconds=30)
_WAIT_SECONDS = 0.2
_log = structlog.get_logger(__name__)


class Migration(msgspec.Struct, frozen=True):
    """One step: what it leads to, and what it does."""

    version: int
    title: str
    run: Callable[[Database], Awaitable[None]]


class SchemaTooNew(Exception):
    """The database was written by a newer Skrynka than this one."""


async def _create(database: Database) -> None:
    await database.prepare()


async def _place_rules(database: Database) -> None:
    rules = database.durable.rules
    await rules.update_many({"when": {"$exists": False}}, {"$set": {"when": {}}})
    stood = await rules.find({}, {"_id": 1}).sort("_id", 1).to_list(None)
    for position, rule in enumerate(stood):
        await rules.update_one({"_id": rule["_id"], "position": {"$exists": False}}, {"$set": {"position": position}})


MIGRATIONS: tuple[Migration, ...] = (
    Migration(1, "collections and indexes", _create),
    Migration(2, "rules have their place", _place_rules),
)


async def migrate(database: Database, migrations: tuple[Migration, ...] = MIGRATIONS) -> None:
    """Bring the database to the version that this code knows. Raises `SchemaTooNew` where it is past that."""
    meta = database.durable.meta
    newest = migrations[-1].version
    holder = new_id()
    try:
        await meta.update_one(
            {"_id": "schema"}, {"$setOnInsert": {"version": 0, "holder": None, "lease_until": None}}, upsert=True
        )
    except Duplicate:
        _log.debug("schema_row_exists")
    while True:
        schema = await meta.find_one({"_id": "schema"})
        version = schema["version"] if schema else 0
        if version > newest:
            raise SchemaTooNew(
                f"the database has schema version {version}, this Skrynka knows {newest}: start the newer version"
            )
        if version == newest:
            break
        present = now()
        claimed = await meta.update_one(
            {"_id": "schema", "version": version, "$or": [{"lease_until": None}, {"lease_until": {"$lte": present}}]},
            {"$set": {"holder": holder, "lease_until": present + _LEASE}},
        )
        if not claimed.modified_count:
            await asyncio.sleep(_WAIT_SECONDS)
            continue
        await _run(database, [step for step in migrations if step.version > version], holder)
    # Indexes are declared, not versioned: creating those that exist costs nothing.
    await database.prepare()


async def _run(database: Database, steps: list[Migration], holder: str) -> None:
    meta = database.durable.meta
    for step in steps:
        _log.info("migrating", version=step.version, title=step.title)
        await step.run(database)
        await meta.update_one(
            {"_id": "schema", "holder": holder, "version": {"$lt": step.version}}, {"$set": {"version": step.version}}
        )
    await meta.update_one({"_id": "schema", "holder": holder}, {"$set": {"holder": None, "lease_until": None}})
