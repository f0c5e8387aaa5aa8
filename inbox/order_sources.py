"""The shops that push orders: connecting them, whom to believe, and what their words for a status stand for."""

import asyncio
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pydantic import SecretStr

from inbox.model.errors import Invalid, NotFound
from inbox.model.ids import new_id, now
from inbox.paging import decode_cursor, page
from inbox.pipeline import OrderPipeline
from inbox.secrets import SecretBox
from inbox.shops.shop import ShopKind, ShopSecrets, new_secret, status_map
from inbox.storage.database import Document
from inbox.storage.errors import is_unavailable
from inbox.storage.order_sources import OrderSourceStore

OVERLAP = timedelta(hours=1)
"""How long the secret before a new one is still good: what a shop signed before it learned of the change."""

FRESH_SECONDS = 2.0
"""How long what is known of a source will do for a push."""

GLANCE_SECONDS = 1.4
"""How long a push waits for a database that may be away."""


class OrderSources:
    """The connected shops."""

    def __init__(
        self,
        *,
        store: OrderSourceStore,
        kinds: Mapping[str, ShopKind],
        pipeline: OrderPipeline,
        box: SecretBox,
        base_url: str,
    ) -> None:
        self._store = store
        self._kinds = kinds
        self._pipeline = pipeline
        self._box = box
        self._base_url = base_url
        self._known: dict[str, tuple[float, Document]] = {}

    @property
    def kinds(self) -> Mapping[str, ShopKind]:
        """The kinds of shops that can be connected, by name."""
        return self._kinds

    def kind(self, name: str) -> ShopKind:
        """A kind of shop."""
        return self._kinds[name]

    def webhook_path(self, source: Mapping[str, Any]) -> str:
        """Where the shop posts."""
        return f"/hooks/orders/{source['_id']}"

    def webhook_url(self, source: Mapping[str, Any]) -> str:
        """The same, absolute."""
        return self._base_url + self.webhook_path(source)

    async def all(self) -> list[Document]:
        """Every source, oldest first."""
        return await self._store.all()

    async def page(self, cursor: str | None, limit: int) -> tuple[list[Document], str | None]:
        """A page of sources, and the cursor for the next."""
        after = decode_cursor(cursor, str)[0] if cursor else None
        return page(await self._store.page(after, limit + 1), limit, "_id")

    async def get(self, source_id: str) -> Document:
        """One source."""
        found = await self._store.get(source_id)
        if found is None:
            raise NotFound("there is no such order source")
        return found

    async def recent(self, source_id: str) -> Document:
        """One source as it was a moment ago, or as last seen while the database is away."""
        read_at, known = self._known.get(source_id, (0.0, None))
        if known is not None and time.monotonic() - read_at < FRESH_SECONDS:
            return known
        try:
            # The driver's own limit does not cover its wait for a free thread.
            async with asyncio.timeout(GLANCE_SECONDS):
                found = await self._store.glance(source_id)
        except Exception as error:
            if known is None or not is_unavailable(error):
                raise
            found = known
        if found is None:
            self._known.pop(source_id, None)
            raise NotFound("there is no such order source")
        self._known[source_id] = (time.monotonic(), found)
        return found

    async def create(self, *, name: str, kind: str, secret: str | None) -> tuple[Document, str]:
        """Connect a shop; also the secret that it is to sign with, made up where none is given."""
        if kind not in self._kinds:
            raise Invalid("kind", f"choose one of: {', '.join(self._kinds)}")
        chosen, present = secret or new_secret(), now()
        source: Document = {
            "_id": new_id(),
            "name": name,
            "kind": kind,
            "sealed": self._box.seal({"secret": chosen}),
            "previous": None,
            "previous_until": None,
            "status_map": {},
            "unknown_words": [],
            "last_push_at": None,
            "created_at": present,
            "updated_at": present,
        }
        await self._store.insert(source)
        return source, chosen

    async def change(self, source_id: str, changes: Mapping[str, Any]) -> Document:
        """Set `name`, `secret` or `status_map`. The secret before is good for an hour more."""
        before = await self.get(source_id)
        fields: Document = {key: changes[key] for key in ("name", "status_map") if key in changes}
        if "status_map" in fields:
            await self._check_map(fields["status_map"])
            known = status_map(self._kinds[before["kind"]], fields)
            fields["unknown_words"] = [word for word in before["unknown_words"] if word not in known]
        if "secret" in changes:
            fields |= {
                "sealed": self._box.seal({"secret": changes["secret"]}),
                "previous": before["sealed"],
                "previous_until": now() + OVERLAP,
            }
        changed = await self._store.change(source_id, {**fields, "updated_at": now()})
        if changed is None:
            raise NotFound("there is no such order source")
        self._known.pop(source_id, None)
        return changed

    async def delete(self, source_id: str) -> None:
        """Disconnect a shop; its orders stay."""
        if not await self._store.delete(source_id):
            raise NotFound("there is no such order source")
        self._known.pop(source_id, None)

    def secrets(self, source: Mapping[str, Any]) -> ShopSecrets:
        """What a push of this source may be signed with."""
        sealed = [source["sealed"]]
        if source["previous"] is not None and source["previous_until"] > now():
            sealed.append(source["previous"])
        return ShopSecrets(accepted=tuple(SecretStr(self._box.open(one)["secret"]) for one in sealed))

    def status_map(self, source: Mapping[str, Any]) -> dict[str, str | None]:
        """What the shop's words stand for: the kind's defaults, and what an admin has said instead."""
        return status_map(self._kinds[source["kind"]], source)

    async def counts(self, source_id: str) -> tuple[int, int]:
        """How many orders a source has told of, and how many of its pushes are in quarantine."""
        return await self._store.counts(source_id)

    async def _check_map(self, told: Mapping[str, str | None]) -> None:
        codes = (await self._pipeline.get()).codes
        for word, code in told.items():
            if code is not None and code not in codes:
                raise Invalid(f"status_map.{word}", f"there is no status {code}; there are: {', '.join(codes)}")
