"""Parcels: asked about at their carriers, they move their orders along the pipeline.

Each connected carrier has one timer, so that one process at a time asks it, in batches. What a parcel's stage stands
for (`inbox.model.carrier.wanted_status`) is set on its order as if a person did it: a move that the pipeline does not
allow is not made, but marked on the parcel and tried again at each look, for when the order has caught up.
"""

import random
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
import structlog
from pydantic import BaseModel, SecretStr

from inbox.events import EventBus
from inbox.live import Frame, LiveFeed
from inbox.model.carrier import (
    STATUS_MAP,
    Carrier,
    CarrierConnection,
    Parcel,
    ParcelNews,
    Stage,
    next_look,
    wanted_status,
)
from inbox.model.domain_events import ParcelWaiting
from inbox.model.errors import Conflict, Invalid, NotFound, ProviderUnavailable
from inbox.model.failures import ChannelFailure, CredentialsRejected, Refused, RetryLater
from inbox.model.ids import now
from inbox.model.orders import ForbiddenMove
from inbox.model.people import Author
from inbox.model.remedies import validated
from inbox.orders import Orders
from inbox.secrets import SecretBox, WrongKey
from inbox.storage.database import Document
from inbox.storage.parcels import CarrierStore, ParcelStore
from inbox.storage.timers import TimerStore
from inbox.timers import Later

WAITING_DAYS = 3
"""After how many days at the branch a parcel waits to be collected."""

LOOK_SECONDS = 20.0
"""How often a carrier's list is looked at for parcels that are due."""

FIRST_PAUSE = 30.0
LONGEST_PAUSE = 1800.0
"""Pauses double between these while a carrier does not answer."""

PAUSED_SECONDS = 3600.0
"""How often a key that was refused is tried again by itself."""

ROUNDS = 10
"""How many batches are asked for in one turn."""

_NEW_ORDERS = timedelta(hours=24)
_OVERLAP = timedelta(minutes=10)
_ON_THEIR_WAY = timedelta(days=30)
"""When a carrier is connected, the parcels of orders that changed within this time are followed too."""

_log = structlog.get_logger(__name__)


class CarrierSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What an admin sets of a carrier; None leaves it as it is."""

    settings: Mapping[str, Any] | None = None
    status_map: Mapping[str, str] | None = None
    waiting_days: int | None = None


class Tracking:
    """Follows parcels. `carriers` are those there are."""

    def __init__(
        self,
        *,
        carriers: Mapping[str, Carrier],
        store: CarrierStore,
        parcels: ParcelStore,
        orders: Orders,
        timers: TimerStore,
        box: SecretBox,
        feed: LiveFeed,
        bus: EventBus,
    ) -> None:
        self.carriers = carriers
        self._store = store
        self._parcels = parcels
        self._orders = orders
        self._timers = timers
        self._box = box
        self._feed = feed
        self._bus = bus
        self._adopted_at: datetime | None = None
        self._open: dict[str, tuple[datetime, CarrierConnection]] = {}

    @property
    def titles(self) -> dict[str, str]:
        """What the carriers are called, by name."""
        return {name: carrier.title for name, carrier in self.carriers.items()}

    def carrier_of(self, delivery: Mapping[str, str]) -> Carrier | None:
        """The carrier of an order: the one that it names, or where it names none the one whose number it may be."""
        number = delivery["tracking_number"]
        if delivery["carrier"].strip():
            return next((one for one in self.carriers.values() if one.is_called(delivery["carrier"])), None)
        return next((one for one in self.carriers.values() if one.knows(number)), None)

    async def parcel(self, order_id: str) -> Document:
        """What is known of an order's parcel."""
        found = await self._parcels.get(order_id)
        if found is None:
            raise NotFound("no parcel of this order is followed")
        return found

    async def connected(self) -> list[Document]:
        """Every connected carrier, with how many `parcels` of it are looked after."""
        return [{**row, "parcels": await self._parcels.counts(row["_id"])} for row in await self._store.all()]

    async def troubled(self) -> list[Document]:
        """The connected carriers that do not answer as they should."""
        return [row for row in await self._store.all() if row["state"] != "connected"]

    async def put(self, name: str, wanted: CarrierSettings) -> Document:
        """Connect a carrier, or set it up anew: its key is checked first.

        Raises `Invalid` for what the carrier refuses, `ProviderUnavailable` where it does not answer; then nothing
        changes.
        """
        carrier, before = self._carrier(name), await self._store.get(name)
        if before is None and wanted.settings is None:
            raise Invalid("settings", f"{carrier.title} is not connected yet; give what it needs")
        fields: Document = {"changed_at": now()}
        if wanted.settings is not None:
            secrets = self._secrets(before) if before is not None else {}
            merged = {**(before or {}).get("settings", {}), **secrets, **wanted.settings}
            kept = {key: value for key, value in merged.items() if value is not None}
            settings = validated(carrier.settings, kept, within="settings")
            await self._try(carrier, settings)
            fields |= {**self._stored(settings), "state": "connected", "state_reason": "", "failures": 0}
            fields["state_since"] = now()
        if wanted.status_map is not None:
            fields["status_map"] = await self._checked(wanted.status_map)
        if wanted.waiting_days is not None:
            fields["waiting_days"] = wanted.waiting_days
        if before is None:
            fields = {"status_map": dict(STATUS_MAP), "waiting_days": WAITING_DAYS, "asked_at": None, **fields}
        put = await self._store.put(name, fields)
        if before is None:
            await self._follow_all(now() - _ON_THEIR_WAY, {name})
        await self._timers.set(_timer_id(name), "carrier.look", now(), {"carrier": name})
        await self._show(put)
        return {**put, "parcels": await self._parcels.counts(name)}

    async def check(self, name: str) -> Document:
        """Look whether the key works, note what was found, and have all parcels asked about if it does."""
        row = await self._connected(name)
        try:
            await (await self._connection(row)).check()
        except (ChannelFailure, WrongKey) as failure:
            await self._note(row, failure)
        else:
            await self._note(row, None)
            await self._parcels.hurry(name, now())
            await self._timers.set(_timer_id(name), "carrier.look", now(), {"carrier": name})
        return {**await self._connected(name), "parcels": await self._parcels.counts(name)}

    async def disconnect(self, name: str) -> None:
        """Ask a carrier nothing any more; what is known of its parcels stays."""
        if not await self._store.delete(name):
            raise NotFound("this carrier is not connected")
        await self._timers.clear(_timer_id(name))
        await self._forget(name)
        await self._feed.publish([Frame(type="carrier.removed", data={"_id": name}, audience="admins")])

    async def of_orders(self, order_ids: Sequence[str]) -> dict[str, Document]:
        """What is known of these orders' parcels, by order id."""
        return await self._parcels.many(order_ids)

    async def adopt(self) -> None:
        """Follow the parcels of orders that got a tracking number, and see to it that each carrier has its timer."""
        connected = {row["_id"] for row in await self._store.all()}
        if not connected:
            return
        timers = {_timer_id(name): {"carrier": name} for name in connected}
        await self._timers.set_many("carrier.look", timers)
        began = now()
        since = began - _NEW_ORDERS if self._adopted_at is None else self._adopted_at - _OVERLAP
        await self._follow_all(since, connected)
        self._adopted_at = began

    async def _follow_all(self, since: datetime, carriers: Collection[str]) -> None:
        """Follow the parcels that these carriers have for orders changed since a time."""
        async for order in self._parcels.unfollowed(since):
            carrier = self.carrier_of(order["delivery"])
            if carrier is not None and carrier.name in carriers:
                await self._parcels.follow(_parcel(order, carrier))

    async def look(self, data: Document) -> None:
        """Ask a carrier about the parcels that are due (timer `carrier.look`), and be called again by `Later`."""
        row = await self._store.get(data["carrier"])
        if row is None or row["_id"] not in self.carriers:
            return
        carrier = self.carriers[row["_id"]]
        for _ in range(ROUNDS):
            due = await self._parcels.due(row["_id"], now(), carrier.batch)
            if not due:
                break
            try:
                await self._look(row, carrier, due)
            except (ChannelFailure, WrongKey) as failure:
                raise Later(await self._note(row, failure)) from failure
            await self._note(row, None)
        raise Later(LOOK_SECONDS)

    async def _look(self, row: Document, carrier: Carrier, due: Sequence[Document]) -> None:
        orders = await self._parcels.orders([parcel["_id"] for parcel in due])
        asked = [
            Parcel(number=parcel["number"], phone=orders[parcel["_id"]]["contact"]["phone"])
            for parcel in due
            if parcel["_id"] in orders and carrier.knows(parcel["number"])
        ]
        connection = await self._connection(row)
        told: dict[str, ParcelNews] = {}
        if asked:
            try:
                told = {news.number: news for news in await connection.look(asked)}
            except Refused as refusal:
                # One number that the carrier chokes on must not keep the news of the others.
                if len(asked) == 1:
                    _log.info("parcel_refused", carrier=carrier.name, reason=str(refusal))
                else:
                    for half in (due[: len(due) // 2], due[len(due) // 2 :]):
                        await self._look(row, carrier, half)
                    return
        for parcel in due:
            await self._take(row, carrier, parcel, orders.get(parcel["_id"]), told.get(parcel["number"]))

    async def _take(
        self, row: Document, carrier: Carrier, parcel: Document, order: Document | None, news: ParcelNews | None
    ) -> None:
        """Write down what was told of a parcel, and do what follows. Done twice it ends the same."""
        present = now()
        fields: Document = {"looked_at": present}
        if news is not None:
            fields |= {
                "stage": news.stage.value,
                "text": news.text,
                "code": news.code,
                "expected_on": news.expected_on,
                "final": news.final,
            }
            if (news.stage.value, news.code) != (parcel["stage"], parcel["code"]):
                fields["changed_at"] = present
            if news.stage is Stage.ARRIVED:
                fields["arrived_at"] = news.arrived_at or parcel["arrived_at"] or present
            else:
                fields |= {"arrived_at": None, "waiting_told": False}
        after = {**parcel, **fields}
        if order is not None:
            fields |= await self._move(row, carrier, after, order)
            fields |= await self._tell_waiting(row, after, order)
        after = {**after, **fields}
        fields["next_look_at"] = next_look(after, present, chance=random.random())  # noqa: S311 - no secret
        if order is None:
            fields["next_look_at"] = None
        elif after["irregular"] is not None and fields["next_look_at"] is None:
            fields["next_look_at"] = _once_more(after, present)
        changed = await self._parcels.change(parcel, fields)
        if changed is not None and order is not None:
            await self._feed.publish([Frame(type="parcel.updated", data=changed)])

    async def _move(self, row: Document, carrier: Carrier, parcel: Document, order: Document) -> Document:
        """Bring an order to where its parcel is."""
        wanted = wanted_status(Stage(parcel["stage"]), row["status_map"])
        if wanted is None or wanted == parcel["applied"]:
            return {}
        try:
            await self._orders.set_status(order["_id"], wanted, Author(type="system", name=carrier.title))
        except (ForbiddenMove, Invalid) as refusal:
            return {"irregular": {"status": wanted, "reason": str(refusal)}}
        except Conflict:
            return {}  # It changes all the time; the next look tries again.
        return {"applied": wanted, "irregular": None}

    async def _tell_waiting(self, row: Document, parcel: Document, order: Document) -> Document:
        arrived_at = parcel["arrived_at"]
        if parcel["stage"] != Stage.ARRIVED or parcel["waiting_told"] or arrived_at is None:
            return {}
        if now() - arrived_at < timedelta(days=row["waiting_days"]):
            return {}
        await self._bus.announce(ParcelWaiting(order=order, parcel=parcel))
        return {"waiting_told": True}

    async def _note(self, row: Document, failure: Exception | None) -> float:
        """Note how a carrier does; returns the seconds until it is asked again."""
        pause = LOOK_SECONDS
        state, reason, failures = "connected", "", 0
        match failure:
            case CredentialsRejected() | WrongKey():
                state, reason, pause = "paused", str(failure), PAUSED_SECONDS
            case None | Refused():
                pass
            case _:
                failures = row["failures"] + 1
                state, reason = "degraded", str(failure)
                pause = min(FIRST_PAUSE * 2.0 ** (failures - 1), LONGEST_PAUSE)
                if isinstance(failure, RetryLater) and failure.after is not None:
                    pause = max(pause, failure.after)
        fields: Document = {"state": state, "state_reason": reason, "failures": failures, "asked_at": now()}
        if state != row["state"]:
            fields["state_since"] = now()
        noted = await self._store.note(row["_id"], row["changed_at"], fields)
        if noted is not None and (state, reason) != (row["state"], row["state_reason"]):
            _log.info("carrier_state", carrier=row["_id"], state=state, reason=reason)
            await self._show(noted)
        row |= fields
        return pause * random.uniform(0.85, 1.15)  # noqa: S311 - jitter is no secret

    async def _show(self, row: Document) -> None:
        shown = {field: row[field] for field in ("_id", "state", "state_reason", "state_since")}
        await self._feed.publish([Frame(type="carrier.updated", data=shown, audience="admins")])

    def _carrier(self, name: str) -> Carrier:
        if name not in self.carriers:
            raise NotFound(f"there is no such carrier; there are: {', '.join(self.carriers)}")
        return self.carriers[name]

    async def _connected(self, name: str) -> Document:
        row = await self._store.get(name)
        if row is None:
            raise NotFound("this carrier is not connected")
        return row

    async def _connection(self, row: Document) -> CarrierConnection:
        """A live connection under the present settings."""
        name = row["_id"]
        opened = self._open.get(name)
        if opened is not None and opened[0] == row["changed_at"]:
            return opened[1]
        carrier = self._carrier(name)
        settings = carrier.settings.model_validate({**row["settings"], **self._box.open(row["sealed"])})
        await self._forget(name)
        connection = await carrier.connect(settings)
        self._open[name] = (row["changed_at"], connection)
        return connection

    async def _try(self, carrier: Carrier, settings: BaseModel) -> None:
        connection = await carrier.connect(settings)
        try:
            await connection.check()
        except (CredentialsRejected, Refused) as failure:
            raise Invalid("settings", str(failure)) from failure
        except ChannelFailure as failure:
            raise ProviderUnavailable(f"{carrier.title} did not answer: {failure}") from failure
        finally:
            await connection.close()

    async def _checked(self, status_map: Mapping[str, str]) -> dict[str, str]:
        codes = (await self._orders.pipeline()).codes
        for stage, status in status_map.items():
            if stage not in set(Stage):
                raise Invalid(f"status_map.{stage}", f"there is no such stage; there are: {', '.join(Stage)}")
            if status and status not in codes:
                raise Invalid(f"status_map.{stage}", f"there is no such status; there are: {', '.join(codes)}")
        return {stage: status for stage, status in status_map.items() if status}

    def _secrets(self, row: Document) -> dict[str, str]:
        """A carrier's secrets; none where they were sealed with another key, so that they can be given anew."""
        try:
            return self._box.open(row["sealed"])
        except WrongKey:
            return {}

    def _stored(self, settings: BaseModel) -> Document:
        """Settings as they are kept: the open ones, and the secret ones sealed."""
        values = {field: getattr(settings, field) for field in type(settings).model_fields}
        secrets = {field: value.get_secret_value() for field, value in values.items() if isinstance(value, SecretStr)}
        shown = {field: value for field, value in values.items() if field not in secrets and value is not None}
        return {"settings": shown, "sealed": self._box.seal(secrets)}

    async def close(self) -> None:
        """Close every connection."""
        for name in list(self._open):
            await self._forget(name)

    async def _forget(self, name: str) -> None:
        opened = self._open.pop(name, None)
        if opened is not None:
            await opened[1].close()


def _parcel(order: Document, carrier: Carrier) -> Document:
    """An order's parcel of which nothing is known yet."""
    present = now()
    return {
        "_id": order["_id"],
        "carrier": carrier.name,
        "number": order["delivery"]["tracking_number"],
        "stage": Stage.UNKNOWN.value,
        "text": "",
        "code": "",
        "expected_on": "",
        "arrived_at": None,
        "final": False,
        "changed_at": present,
        "looked_at": None,
        "next_look_at": present,
        "applied": None,
        "irregular": None,
        "waiting_told": False,
    }


def _once_more(parcel: Document, present: datetime) -> datetime | None:
    """A parcel at its end whose order has not followed is looked at for a week more."""
    return present + timedelta(hours=6) if present - parcel["changed_at"] < timedelta(days=7) else None


def _timer_id(name: str) -> str:
    return f"carrier.look:{name}"
