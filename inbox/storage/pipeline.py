"""The shop's pipeline, in `settings`: `{statuses: [{code, title, next, notify, macro_id, void}], version}`."""

from collections.abc import Sequence

from inbox.storage.database import Database, Document
from inbox.storage.errors import Duplicate

_KEY = "order_pipeline"


class PipelineStore:
    """Where the pipeline is kept; absent as long as nobody changed it."""

    def __init__(self, database: Database) -> None:
        self._settings = database.durable.settings

    async def read(self) -> Document | None:
        """The pipeline as it was set."""
        return await self._settings.find_one({"_id": _KEY})

    async def write(self, statuses: Sequence[Document], *, version: int) -> bool:
        """Set the pipeline over this version of it (0: the one a shop begins with); whether it was still that one."""
        fresh = {"_id": _KEY, "statuses": list(statuses), "version": version + 1}
        if version == 0:
            try:
                await self._settings.insert_one(fresh)
            except Duplicate:
                return False
            return True
        replaced = await self._settings.replace_one({"_id": _KEY, "version": version}, fresh)
        return bool(replaced.matched_count)
