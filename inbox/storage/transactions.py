"""Writes to several collections that happen all together or not at all."""

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorClientSession
from pymongo import ReadPreference, WriteConcern
from pymongo.read_concern import ReadConcern

from inbox.model.errors import Conflict
from inbox.storage.errors import Duplicate

_TRIES = 10

_T = TypeVar("_T")


async def together(
    client: AsyncIOMotorClient[dict[str, Any]], write: Callable[[AsyncIOMotorClientSession], Coroutine[Any, Any, _T]]
) -> _T:
    """Do all of it or nothing. A conversation that another process opened meanwhile makes it begin anew."""
    for _ in range(_TRIES):
        try:
            async with await client.start_session() as session:
                outcome: _T = await session.with_transaction(
                    write,
                    read_concern=ReadConcern("snapshot"),
                    write_concern=WriteConcern(w="majority", j=True),
                    read_preference=ReadPreference.PRIMARY,
                )
        except Duplicate:
            continue
        return outcome
    raise Conflict("this customer's conversations change too fast: try again")
