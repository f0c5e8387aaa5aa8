"""The shop's order pipeline as the rest of the house reads it, and how an admin changes it."""

from collections.abc import Mapping

import msgspec

from inbox.model.errors import Conflict, Invalid
from inbox.model.pipeline import DEFAULT_PIPELINE, Pipeline, Stage, check_pipeline, unreachable, vanished
from inbox.shops.shop import ShopKind, status_map
from inbox.storage.macros import MacroStore
from inbox.storage.order_sources import OrderSourceStore
from inbox.storage.orders import OrderStore
from inbox.storage.pipeline import PipelineStore


class OrderPipeline:
    """Reads and changes the pipeline."""

    def __init__(
        self,
        *,
        store: PipelineStore,
        orders: OrderStore,
        macros: MacroStore,
        sources: OrderSourceStore,
        shops: Mapping[str, ShopKind],
    ) -> None:
        self._store = store
        self._sources = sources
        self._shops = shops
        self._orders = orders
        self._macros = macros

    async def get(self) -> Pipeline:
        """The pipeline as it is now."""
        return (await self.versioned())[0]

    async def versioned(self) -> tuple[Pipeline, int]:
        """The pipeline as it is now, and how often it was changed."""
        found = await self._store.read()
        if found is None:
            return DEFAULT_PIPELINE, 0
        return Pipeline(tuple(msgspec.convert(found["statuses"], list[Stage]))), found["version"]

    async def counts(self) -> dict[str, int]:
        """How many orders are in each status."""
        return await self._orders.statuses()

    async def change(self, pipeline: Pipeline, *, version: int | None = None) -> list[str]:
        """Set the pipeline; returns what is odd about it, in words, though allowed.

        Raises `Invalid` for one that contradicts itself, knows a macro that is not there, or leaves out a status that
        orders are in or a source translates to; `Conflict` where it is no longer at `version`.
        """
        check_pipeline(pipeline)
        for position, stage in enumerate(pipeline.stages):
            if stage.macro_id is not None and not await self._is_shared(stage.macro_id):
                raise Invalid(f"statuses.{position}.macro_id", "there is no shared macro of this id")
        await self._refuse_losses(pipeline)
        _, current = await self.versioned()
        if version not in (None, current):
            raise Conflict("somebody else has changed the pipeline; look at it again", current=current)
        statuses = [{**msgspec.to_builtins(stage), "next": list(stage.next)} for stage in pipeline.stages]
        if not await self._store.write(statuses, version=current):
            raise Conflict("somebody else has changed the pipeline; look at it again", current=current + 1)
        return [
            f"no move leads to {code}: only a shop's own push can bring an order there"
            for code in unreachable(pipeline)
        ]

    async def _is_shared(self, macro_id: str) -> bool:
        macro = await self._macros.get(macro_id)
        return macro is not None and macro["owner_id"] is None

    async def _refuse_losses(self, pipeline: Pipeline) -> None:
        counts = await self._orders.statuses()
        lost = vanished(counts, pipeline)
        if lost:
            told = ", ".join(f"{code} ({counts[code]})" for code in lost)
            raise Invalid("statuses", f"orders are in these: {told}; move them first, or keep the status")
        targets = await self._targets()
        lost = vanished(targets, pipeline)
        if lost:
            told = ", ".join(f"{code} ({', '.join(targets[code])})" for code in lost)
            raise Invalid("statuses", f"order sources translate to these: {told}; change their status_map first")

    async def _targets(self) -> dict[str, list[str]]:
        """Which statuses sources translate their words to, each with the names of those sources."""
        found: dict[str, list[str]] = {}
        for source in await self._sources.all():
            for code in dict.fromkeys(status_map(self._shops[source["kind"]], source).values()):
                if code is not None:
                    found.setdefault(code, []).append(source["name"])
        return found
