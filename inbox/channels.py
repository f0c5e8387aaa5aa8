"""The shop's connected accounts: connecting, checking, pausing, and handing out live connections."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
import structlog
from pydantic import BaseModel, SecretStr

from inbox.events import EventBus
from inbox.live import Frame, LiveFeed
from inbox.model.channel import ChannelKind, Connection
from inbox.model.domain_events import ChannelPaused, MessageReceived
from inbox.model.errors import Invalid, NotFound, ProviderUnavailable
from inbox.model.failures import ChannelFailure, CredentialsRejected, Refused, RetryLater, Uncertain
from inbox.model.ids import new_id, now
from inbox.model.incoming import AccountChanged
from inbox.model.remedies import validated
from inbox.secrets import SecretBox, WrongKey
from inbox.storage.channels import ChannelStore
from inbox.storage.database import Document
from inbox.storage.errors import is_unavailable
from inbox.storage.outbox import OutboxStore
from inbox.storage.timers import TimerStore
from inbox.timers import Later
from inbox.wakeups import Wakeups

FRESH_SECONDS = 3.0
"""How long a process trusts what it read of a channel; when the database is away, longer."""

REFRESH_SECONDS = 0.4
"""How long anybody waits for fresher news of a channel that is known. A provider is answered within 3 s, all told."""

FIRST_SIGHT_SECONDS = 2.0
"""How long anybody waits for a channel that this process has never seen."""

LOOK_SECONDS = 300.0
"""How often a channel that works is looked after."""

CHECK_SECONDS = 15.0
"""How soon one that does not is tried again; doubles up to `MAX_CHECK_SECONDS`."""

MAX_CHECK_SECONDS = 600.0

_SPREAD = 0.1
"""By which part a pause is lengthened or shortened by chance, so that many channels are not looked after at once."""

STATES = ("connected", "degraded", "paused", "disconnected")
"""Works; works with trouble; what goes out waits; not there yet."""

HELD = "paused by hand"

_log = structlog.get_logger(__name__)


Claim = Callable[[str, str], Awaitable[str]]
"""By a kind's name and `ChannelKind.account`: what else of the shop's lives by that account; empty for nothing."""


class Opened(msgspec.Struct, frozen=True):
    """A channel ready for use."""

    document: Document
    kind: ChannelKind
    settings: BaseModel
    connection: Connection


class Channels:
    """Connects accounts and keeps one live connection to each. `base_url` stands before webhook paths.

    `on_loaded` is called when a kind was connected for the first time in this process, which may have loaded a library.
    """

    def __init__(
        self,
        *,
        store: ChannelStore,
        outbox: OutboxStore,
        timers: TimerStore,
        kinds: Mapping[str, ChannelKind],
        box: SecretBox,
        feed: LiveFeed,
        bus: EventBus,
        wakeups: Wakeups,
        base_url: str,
        on_loaded: Callable[[], None] | None = None,
    ) -> None:
        self._store = store
        self._outbox = outbox
        self._timers = timers
        self._kinds = kinds
        self._box = box
        self._feed = feed
        self._bus = bus
        self._wakeups = wakeups
        self._base_url = base_url.rstrip("/")
        self._on_loaded = on_loaded
        self._loaded: set[str] = set()
        self._known: dict[str, Document] = {}
        self._read_at = float("-inf")
        self._reading: asyncio.Task[list[Document]] | None = None
        self._opened: dict[str, Opened] = {}
        self._read: dict[str, tuple[datetime, BaseModel]] = {}
        """Settings as they were opened, with the time of the channel's last change: every webhook asks for them."""
        self._opening = asyncio.Lock()
        self._claims: list[Claim] = []
        self._heard: dict[str, datetime] = {}
        """When each channel's last message came, as far as this process has not noted it yet."""

    def respect(self, claim: Claim) -> None:
        """Let no channel be connected to an account that `claim` has a word for."""
        self._claims.append(claim)

    def kind(self, name: str) -> ChannelKind:
        """A kind by its name. Raises `Invalid` naming those there are."""
        try:
            return self._kinds[name]
        except KeyError:
            raise Invalid("kind", f"is one of {', '.join(sorted(self._kinds))}") from None

    def webhook_path(self, channel: Mapping[str, Any]) -> str:
        """Where the provider posts."""
        return f"/webhooks/{channel['kind']}/{channel['_id']}"

    def webhook_url(self, channel: Mapping[str, Any]) -> str:
        """The same, absolute."""
        return self._base_url + self.webhook_path(channel)

    async def all(self) -> list[Document]:
        """Every channel, oldest first."""
        rows = await self._store.all()
        self._known = {row["_id"]: row for row in rows}
        self._read_at = time.monotonic()
        return rows

    async def get(self, channel_id: str) -> Document:
        """One channel, as fresh as `FRESH_SECONDS`; as last seen while the database is away."""
        if channel_id in self._known:
            await self._refresh()
        else:
            async with asyncio.timeout(FIRST_SIGHT_SECONDS):
                await self.all()
        found = self._known.get(channel_id)
        if found is None:
            raise NotFound("there is no such channel")
        return found

    async def look_again(self, channel_id: str) -> Document | None:
        """One channel as the database has it now; as last seen while that is away. All who ask at once share a look."""
        self._read_at = float("-inf")
        await self._refresh()
        return self._known.get(channel_id)

    async def known(self) -> list[Document]:
        """Every channel, as fresh as `FRESH_SECONDS`."""
        await self._refresh()
        return list(self._known.values())

    async def paused(self) -> list[str]:
        """Ids of channels whose outbox waits."""
        await self._refresh()
        return [row["_id"] for row in self._known.values() if row["state"] == "paused"]

    async def _refresh(self) -> None:
        """Read the channels anew where that is due.

        A database that is away is asked by one at a time and waited for briefly: calls of the driver share a few
        threads, which a frozen database would hold.
        """
        if time.monotonic() - self._read_at <= FRESH_SECONDS:
            return
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self.all())
            self._reading.add_done_callback(_tell_unless_unavailable)
        await asyncio.wait({self._reading}, timeout=REFRESH_SECONDS)
        if time.monotonic() - self._read_at > FRESH_SECONDS:
            # What is known has to do until the next look.
            self._read_at = time.monotonic() - FRESH_SECONDS + REFRESH_SECONDS

    async def open(self, channel_id: str) -> Opened:
        """A channel with its settings and its connection."""
        channel = await self.get(channel_id)
        opened = self._opened.get(channel_id)
        if opened is not None and opened.document["changed_at"] == channel["changed_at"]:
            return opened
        async with self._opening:
            opened = self._opened.get(channel_id)
            if opened is None or opened.document["changed_at"] != channel["changed_at"]:
                stale = opened
                kind = self.kind(channel["kind"])
                settings = self.read_settings(channel)
                opened = Opened(channel, kind, settings, await self._connect(kind, settings))
                self._opened[channel_id] = opened
                if stale is not None:
                    await stale.connection.close()
        return opened

    def read_settings(self, channel: Document) -> BaseModel:
        """A channel's settings, secrets included."""
        read = self._read.get(channel["_id"])
        if read is None or read[0] != channel["changed_at"]:
            read = (channel["changed_at"], self._settings(self.kind(channel["kind"]), channel))
            self._read[channel["_id"]] = read
        return read[1]

    def _settings(self, kind: ChannelKind, channel: Document) -> BaseModel:
        return kind.settings.model_validate({**channel["settings"], **self._box.open(channel["sealed"])})

    async def create(
        self, kind_name: str, name: str, raw_settings: Mapping[str, Any]
    ) -> tuple[Document, dict[str, str]]:
        """Connect an account: check it with the provider, register the webhook, keep it.

        Second: what was made up for it and is shown this once. Raises `Invalid` for what the provider refuses and
        `ProviderUnavailable` where it does not answer; then nothing is kept.
        """
        kind = self.kind(kind_name)
        settings, shown_once = kind.prepare(validated(kind.settings, raw_settings, within="settings"))
        await self._refuse_taken(kind, settings)
        present = now()
        channel: Document = {
            "_id": new_id(),
            "kind": kind.name,
            "name": name,
            **self._stored(settings),
            "state": "disconnected",
            "state_reason": "not registered yet",
            "state_since": present,
            "held": False,
            "created_at": present,
            "changed_at": present,
        }
        # Some providers call the webhook while they register it, so the channel has to be there first.
        await self._store.insert(channel)
        self._read_at = float("-inf")
        try:
            await self._register(channel)
        except BaseException:
            await self._store.delete(channel["_id"])
            await self._forget(channel["_id"])
            raise
        connected = await self._settle(channel["_id"], "connected", "")
        await self._look_again(connected)
        return connected, shown_once

    async def change(self, channel_id: str, *, name: str | None, settings: Mapping[str, Any] | None) -> Document:
        """Rename a channel or give it other settings, which are checked like those of a new one."""
        channel = await self.get(channel_id)
        changes: Document = {"changed_at": now()}
        if name is not None:
            changes["name"] = name
        if settings is None:
            return await self._changed(channel_id, changes)
        kind = self.kind(channel["kind"])
        merged = {**channel["settings"], **self._box.open(channel["sealed"]), **settings}
        kept = {key: value for key, value in merged.items() if value is not None}
        prepared, _ = kind.prepare(validated(kind.settings, kept, within="settings"))
        await self._refuse_taken(kind, prepared, but=channel_id)
        stored = {**changes, **self._stored(prepared)}
        # Some providers call the webhook while they register it, and sign that call with the new credentials.
        await self._changed(channel_id, stored)
        try:
            await self._register({**channel, **stored})
        except BaseException:
            before = {field: channel[field] for field in ("name", "settings", "sealed")}
            await self._changed(channel_id, {**before, "changed_at": now()})
            raise
        connected = await self._settle(channel_id, "connected", "")
        await self._look_again(connected)
        return connected

    async def delete(self, channel_id: str) -> None:
        """Disconnect an account. What was said over it stays."""
        channel = await self.get(channel_id)
        try:
            opened = await self.open(channel_id)
            await opened.connection.unregister()
        except ChannelFailure as error:
            _log.warning("channel_not_unregistered", channel_id=channel_id, reason=str(error))
        await self._store.delete(channel_id)
        await self._timers.clear(_timer_id(channel_id))
        await self._forget(channel_id)
        await self._feed.publish([Frame(type="channel.removed", data={"_id": channel["_id"]}, audience="everyone")])

    async def check(self, channel_id: str, *, seen: bool = False) -> Document:
        """Look whether a channel works, repair what can be repaired, and note what was found.

        `seen` by a person, what the provider said of the accounts behind it is forgotten: it cannot be asked again.
        """
        if seen:
            await self._store.forget_accounts(channel_id)
        channel = await self._examine(channel_id)
        await self._look_again(channel)
        return channel

    async def check_again(self, data: Document) -> None:
        """Look after a channel (timer `channel.check`), and have it done again: soon where something is wrong."""
        try:
            channel = await self._examine(data["channel_id"])
        except NotFound:
            return
        await self._look_again(channel, data.get("seconds", CHECK_SECONDS / 2) * 2)

    async def look_after_all(self) -> None:
        """See to it that every channel has its timer: those connected before there was one, and after a restore."""
        wanted = {_timer_id(channel["_id"]): {"channel_id": channel["_id"]} for channel in await self.all()}
        if wanted:
            await self._timers.set_many("channel.check", wanted)

    async def report(self, channel_id: str, failure: ChannelFailure) -> Document:
        """Note what went wrong on a channel outside of a check."""
        if isinstance(failure, CredentialsRejected):
            return await self.pause(channel_id, str(failure))
        return await self._settle(
            channel_id, "degraded", str(failure), needs_person=not isinstance(failure, RetryLater | Uncertain)
        )

    async def note_account(self, channel_id: str, event: AccountChanged) -> None:
        """Note what the provider said of an account behind a channel; the newest word counts, whichever comes first."""
        noted = await self._store.note_account(channel_id, event)
        if noted is None:
            return
        before, after = noted
        if after["state"] in ("connected", "degraded") and _standing(before) != _standing(after):
            await self._settle_standing(channel_id, after)

    async def pause(self, channel_id: str, reason: str) -> Document:
        """Hold a channel's outbox until its token works again; the admins see it and it is tried by itself."""
        return await self._settle(channel_id, "paused", reason, needs_person=True)

    async def hold(self, channel_id: str) -> Document:
        """Pause a channel until somebody resumes it. What comes in comes in; what goes out waits."""
        channel = await self.get(channel_id)
        if channel.get("held"):
            return channel
        held = {"held": True, "state": "paused", "state_reason": HELD, "state_since": now()}
        return await self._changed(channel_id, held)

    async def resume(self, channel_id: str) -> Document:
        """End what `hold` began; the channel is as it is found to be. One that is paused by itself is tried anew."""
        channel = await self.get(channel_id)
        if channel.get("held"):
            await self._changed(channel_id, {"held": False})
        return await self.check(channel_id)

    async def hear(self, event: MessageReceived) -> None:
        """Remember when a channel's last message came, until `note_heard`."""
        channel_id, at = event.message["channel_id"], event.message["received_at"]
        self._heard[channel_id] = max(at, self._heard.get(channel_id, at))

    async def note_heard(self) -> None:
        """Write down when each channel's last message came: once in a while, not with each of them."""
        while self._heard:
            channel_id, at = self._heard.popitem()
            await self._store.note(channel_id, "last_message_at", at)

    async def waiting(self) -> dict[str, int]:
        """How many requests still have to go to the provider, by channel id."""
        return await self._outbox.pending()

    async def acknowledge(self, data: Document) -> None:
        """Confirm a pressed button (timer `channel.acknowledge`); old presses cannot be confirmed and need not be."""
        try:
            opened = await self.open(data["channel_id"])
            await opened.connection.acknowledge(data["token"])
        except RetryLater as error:
            raise Later(error.after or 1.0) from error
        except (ChannelFailure, NotFound) as error:
            _log.info("button_not_acknowledged", channel_id=data["channel_id"], reason=str(error))

    async def warm(self) -> None:
        """Open every connection ahead of its first use; loading a provider's library may take seconds."""
        for channel in await self.all():
            try:
                await self.open(channel["_id"])
            except (Invalid, NotFound, WrongKey) as error:
                _log.error("channel_not_opened", channel_id=channel["_id"], reason=str(error))

    async def close(self) -> None:
        """Close every connection."""
        for channel_id in list(self._opened):
            await self._forget(channel_id)

    async def _examine(self, channel_id: str) -> Document:
        """Renew, check and note; what a person holds stays held, and its provider is left alone."""
        channel = await self.get(channel_id)
        if channel.get("held"):
            return channel
        try:
            opened = await self._renewed(await self.open(channel_id))
            await opened.connection.check(self.webhook_url(opened.document))
        except ChannelFailure as failure:
            found = await self.report(channel_id, failure)
        except WrongKey as error:
            found = await self._settle(channel_id, "degraded", str(error), needs_person=True)
        else:
            found = await self._settle_standing(channel_id, await self._store.get(channel_id))
        await self._store.note(channel_id, "checked_at", now())
        return found

    async def _renewed(self, opened: Opened) -> Opened:
        """The channel with fresh credentials, where those in use are about to expire."""
        fresh = await opened.connection.renew()
        if fresh is None:
            return opened
        channel_id = opened.document["_id"]
        renewed = await self._store.renew(opened.document, {**self._stored(fresh), "changed_at": now()})
        if renewed is None:
            self._read_at = float("-inf")  # An admin was faster, and gave it others.
        else:
            _log.info("channel_renewed", channel_id=channel_id)
            self._known[channel_id] = renewed
        return await self.open(channel_id)

    async def _look_again(self, channel: Document, seconds: float = CHECK_SECONDS) -> None:
        """Set the channel's timer; `seconds` is the pause while something is wrong."""
        well = channel["state"] == "connected" or channel.get("held", False)
        seconds = min(seconds, MAX_CHECK_SECONDS)
        pause = (LOOK_SECONDS if well else seconds) * random.uniform(1 - _SPREAD, 1 + _SPREAD)  # noqa: S311 - no secret
        data = {"channel_id": channel["_id"]} | ({} if well else {"seconds": seconds})
        await self._timers.set(_timer_id(channel["_id"]), "channel.check", now() + timedelta(seconds=pause), data)

    async def _connect(self, kind: ChannelKind, settings: BaseModel) -> Connection:
        connection = await kind.connect(settings)
        if kind.name not in self._loaded:
            self._loaded.add(kind.name)
            if self._on_loaded is not None:
                self._on_loaded()
        return connection

    async def _refuse_taken(self, kind: ChannelKind, settings: BaseModel, *, but: str = "") -> None:
        """A provider posts to one address for an account: a second use would take what comes in from the first."""
        account = kind.account(settings)
        if not account:
            return
        for channel in await self.all():
            if channel["kind"] == kind.name and channel["_id"] != but and self._account(kind, channel) == account:
                raise Invalid("settings", f"this account is connected already, as {channel['name']}")
        for claim in self._claims:
            if words := await claim(kind.name, account):
                raise Invalid("settings", words)

    def _account(self, kind: ChannelKind, channel: Document) -> str:
        try:
            return kind.account(self.read_settings(channel))
        except WrongKey:
            return ""

    async def _register(self, channel: Document) -> None:
        """Check credentials and set the webhook, over a connection of its own."""
        kind = self.kind(channel["kind"])
        connection = await self._connect(kind, self._settings(kind, channel))
        try:
            await connection.register(self.webhook_url(channel))
        except CredentialsRejected as error:
            raise Invalid("settings", f"the provider does not accept these credentials: {error}") from error
        except Refused as error:
            raise Invalid("settings", f"the provider refused: {error}") from error
        except ChannelFailure as error:
            raise ProviderUnavailable(f"{kind.title} did not answer: {error}") from error
        finally:
            await connection.close()

    def _stored(self, settings: BaseModel) -> Document:
        """Settings as they are kept: the open ones, and the secret ones sealed."""
        shown: Document = {}
        secret: dict[str, str] = {}
        for field in type(settings).model_fields:
            value = getattr(settings, field)
            if isinstance(value, SecretStr):
                secret[field] = value.get_secret_value()
            elif value is not None:
                shown[field] = value
        return {"settings": shown, "sealed": self._box.seal(secret)}

    async def _changed(self, channel_id: str, changes: Document) -> Document:
        channel = await self._store.change(channel_id, changes)
        return await self._publish(channel)

    async def _settle_standing(self, channel_id: str, channel: Document | None) -> Document:
        """Note the state of a channel whose own connection works."""
        state, reason = _standing(channel)
        return await self._settle(channel_id, state, reason, needs_person=bool(reason))

    async def _settle(self, channel_id: str, state: str, reason: str, *, needs_person: bool = False) -> Document:
        """Note a channel's state, and do what follows where it is another one now.

        `needs_person` where trying again does not help: somebody has to put it right, here or at the provider.
        """
        changed = await self._store.set_state(channel_id, state, reason, needs_person=needs_person)
        if changed is None:
            self._read_at = float("-inf")
            return await self.get(channel_id)
        before, after = changed
        _log.info("channel_state", channel_id=channel_id, state=state, reason=reason)
        await self._publish(after)
        worse = state != "connected" and state != before["state"]
        if worse:
            await self._look_again(after)
        if state == "paused" and worse:
            await self._bus.announce(ChannelPaused(channel_id, reason))
        if state == "connected" or (state != "paused" and before["state"] == "paused"):
            await self._outbox.hurry(channel_id)
            self._wakeups.ring("outbox")
        return after

    async def _publish(self, channel: Document | None) -> Document:
        if channel is None:
            raise NotFound("there is no such channel")
        self._known[channel["_id"]] = channel
        shown = {
            key: channel.get(key) for key in ("_id", "kind", "name", "state", "state_reason", "state_since", "held")
        }
        await self._feed.publish([Frame(type="channel.updated", data=shown, audience="everyone")])
        return channel

    async def _forget(self, channel_id: str) -> None:
        self._known.pop(channel_id, None)
        self._read.pop(channel_id, None)
        opened = self._opened.pop(channel_id, None)
        if opened is not None:
            await opened.connection.close()


def _standing(channel: Document | None) -> tuple[str, str]:
    """State and reason of a channel whose own connection works: what the provider says of the accounts behind it."""
    accounts = (channel or {}).get("accounts", {}).values()
    troubles = sorted({noted["trouble"] for noted in accounts if noted["trouble"]})
    return ("degraded", "; ".join(troubles)) if troubles else ("connected", "")


def _timer_id(channel_id: str) -> str:
    return f"channel.check:{channel_id}"


def _tell_unless_unavailable(reading: asyncio.Task[list[Document]]) -> None:
    error = None if reading.cancelled() else reading.exception()
    if error is not None and not is_unavailable(error):
        _log.error("channels_not_read", exc_info=error)
