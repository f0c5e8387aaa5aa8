"""What the database knows of itself: which key its secrets were sealed with."""

from inbox.storage.database import Database
from inbox.storage.errors import Duplicate


class MetaStore:
    """The `meta` collection (the schema's own row is `migrations`' business)."""

    def __init__(self, database: Database) -> None:
        self._meta = database.durable.meta

    async def same_key(self, fingerprint: str) -> bool:
        """Whether the secret key is the one of the first start; that first start is remembered here."""
        try:
            await self._meta.update_one(
                {"_id": "secret_key"}, {"$setOnInsert": {"fingerprint": fingerprint}}, upsert=True
            )
        except Duplicate:
            return await self.same_key(fingerprint)
        row = await self._meta.find_one({"_id": "secret_key"})
        return row is not None and row["fingerprint"] == fingerprint
