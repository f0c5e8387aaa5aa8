"""How often strangers have named an order and a phone lately, so that nobody finds out by trying.

A try is `{_id, who, order, at}`: `_id` is derived from the message that made it, so that a repetition counts nothing
twice; `who` and `order` are digests of an identity and of a written number, whether there is such an order or not. They
are forgotten after `KEEP_TRIES_SECONDS`.
"""

import contextlib
from collections.abc import Sequence
from datetime import timedelta

from inbox.model.ids import derived_id, now
from inbox.storage.database import Database
from inbox.storage.errors import Duplicate
from inbox.storage.schema import KEEP_TRIES_SECONDS

PERIOD = timedelta(seconds=KEEP_TRIES_SECONDS)


class OrderTryStore:
    """The `order_tries` collection."""

    def __init__(self, database: Database) -> None:
        self._tries = database.durable.order_tries

    async def note(self, key: str, identity_id: str, *, among: Sequence[str], number: str, most: int) -> bool:
        """Note a try; whether it is one of the first `most` within `PERIOD` of its person, and about its number.

        `among` are all identities of the person. It is noted before it is looked at, so that of many who try at once
        none slips through.
        """
        present = now()
        told = {"who": _digest("identity", identity_id), "order": _digest("number", number), "at": present}
        with contextlib.suppress(Duplicate):  # It is heard of again.
            await self._tries.insert_one({"_id": _digest("try", key), **told})
        since = {"at": {"$gte": present - PERIOD}}
        by_them = {"who": {"$in": [_digest("identity", one) for one in {identity_id, *among}]}, **since}
        of_it = {"order": told["order"], **since}
        counts = [await self._tries.count_documents(condition, limit=most + 1) for condition in (by_them, of_it)]
        return max(counts) <= most

    async def forget(self, key: str) -> None:
        """A try that was right counts no more."""
        await self._tries.delete_one({"_id": _digest("try", key)})


def _digest(*parts: str) -> str:
    return derived_id("order tries", *parts)
