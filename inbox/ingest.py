"""Step 2, ingest: accepted events become messages in conversations, a batch at a time.

Every step may be repeated and may come in any order: two processes and a crash in any place end in the same documents
as one clean run. The steps of a batch:

1. people       identities by derived id, cards under their ids
2. cases        each message's conversation: the active one, a reopened one, or a new one
3. messages     inserted by derived id; albums joined; changes held and settled
4. conversations  one pipeline update each
5. live frames  durable, then on every screen
6. events       routing and bot hear of it
7. journal      the events are done; until here, a crash makes somebody repeat all of it
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

import msgspec
import structlog

from inbox.events import EventBus
from inbox.live import Frame, LiveFeed, about
from inbox.metrics import Metrics
from inbox.model.channel import ChannelKind
from inbox.model.conversation import arrived, new_conversation, reopens
from inbox.model.domain_events import ConversationOpened, MessageReceived
from inbox.model.errors import Conflict
from inbox.model.failures import Unreadable
from inbox.model.ids import derived_id, identity_id, inbound_message_id, new_id, sort_key
from inbox.model.incoming import (
    ButtonPress,
    Incoming,
    MessageDeleted,
    MessageEdited,
    NewMessage,
    Person,
    ReachabilityChanged,
    ReactionChanged,
    Receipt,
)
from inbox.settings import ShopSettings
from inbox.storage.attachments import AttachmentStore
from inbox.storage.conversations import ConversationStore, Decision
from inbox.storage.database import Document
from inbox.storage.errors import is_unavailable
from inbox.storage.journal import LEASE, JournalStore
from inbox.storage.messages import MessageStore
from inbox.storage.people import PeopleStore, Sighting
from inbox.storage.timers import TimerStore
from inbox.wakeups import Wakeups

MAX_BATCH = 800
MAX_QUEUED = 5000
"""Events kept in memory; beyond that they wait in the journal, from where they are fetched when there is room."""

CROWD = 64
"""From so many waiting events on, accepting goes first for as long as more keep coming."""

CROWD_RATE = 400.0
"""What counts as more keep coming, in events a second."""

GIVE_WAY_STEP = 0.025
GIVE_WAY_STEPS = 32
"""How long one batch stands back for accepting: seconds a look, and how many looks at the most."""

CLOCKS_DIFFER = timedelta(minutes=5)
"""How far the clocks of two servers may be apart."""

_RETRY_SECONDS = 0.25
_MAX_RETRY_SECONDS = 2.0
_MAX_CONFLICTS = 5
_log = structlog.get_logger(__name__)


class Accepted(msgspec.Struct, kw_only=True):
    """An event of the journal on its way through ingest. `events` is None where it still has to be read from `raw`."""

    id: str
    channel_id: str
    kind: str
    raw: bytes
    events: list[Incoming] | None
    received_at: datetime
    request_id: str = ""
    accepted_at: float = 0.0
    """Monotonic seconds, for the ingest histogram."""
    adopted: bool = False

    @classmethod
    def from_row(cls, row: Document) -> "Accepted":
        """An event as the journal kept it."""
        return cls(
            id=row["_id"],
            channel_id=row["channel_id"],
            kind=row["kind"],
            raw=row["raw"],
            events=None,
            received_at=row["received_at"],
            request_id=row["request_id"],
            adopted=True,
        )


class _Work(msgspec.Struct):
    """A customer's message on its way through a batch."""

    accepted: Accepted
    event: NewMessage
    customer_id: str
    identity_id: str
    document: Document
    known: bool = False


class Ingest:
    """The worker of this process. `submit` what was accepted here, `adopt` what others left behind."""

    def __init__(
        self,
        *,
        kinds: Mapping[str, ChannelKind],
        journal: JournalStore,
        people: PeopleStore,
        conversations: ConversationStore,
        messages: MessageStore,
        attachments: AttachmentStore,
        timers: TimerStore,
        settings: ShopSettings,
        feed: LiveFeed,
        bus: EventBus,
        wakeups: Wakeups,
        metrics: Metrics,
    ) -> None:
        self._kinds = kinds
        self._journal = journal
        self._people = people
        self._conversations = conversations
        self._messages = messages
        self._attachments = attachments
        self._timers = timers
        self._settings = settings
        self._feed = feed
        self._bus = bus
        self._wakeups = wakeups
        self._metrics = metrics
        self.holder = new_id()
        """Under which name this process leases events in the journal."""
        self._queue: list[Accepted] = []
        self._arrivals = 0
        self._overflowed = False
        self._arrived = asyncio.Event()
        self._held: dict[str, float] = {}
        """Events in the hands of this process, with when their lease was last renewed (monotonic seconds)."""
        self._stopping = False

    def submit(self, events: Sequence[Accepted]) -> None:
        """Take events that are durable in the journal and leased to this process."""
        present = time.monotonic()
        self._arrivals += len(events)
        for event in events:
            if event.id in self._held:
                continue
            if len(self._queue) >= MAX_QUEUED:
                self._overflowed = True
                break
            self._held[event.id] = present
            self._queue.append(event)
        self._arrived.set()

    async def adopt(self) -> None:
        """Take over what somebody's expired lease left behind. The sweeper calls this."""
        room = MAX_QUEUED - len(self._queue)
        if room > 0:
            rows = await self._journal.adopt(min(room, MAX_BATCH))
            if rows:
                _log.info("journal_adopted", events=len(rows))
            self.submit([Accepted.from_row(row) for row in rows])

    async def renew_leases(self) -> None:
        """Keep the leases of what waits here longer than usual. The sweeper calls this."""
        aging = time.monotonic() - LEASE.total_seconds() / 3
        ids = [key for key, renewed in self._held.items() if renewed < aging]
        if ids:
            await self._journal.renew(ids)
            present = time.monotonic()
            self._held.update((key, present) for key in ids if key in self._held)

    async def run(self) -> None:
        """Work until `stop` was called and the queue is empty."""
        while not (self._stopping and not self._queue):
            await self._arrived.wait()
            self._arrived.clear()
            while self._queue or await self._fetch_overflow():
                await self._give_way()
                batch, self._queue = self._queue[:MAX_BATCH], self._queue[MAX_BATCH:]
                await self._work_off(batch)

    async def _give_way(self) -> None:
        """Stand back while webhooks pour in: a provider waits for its 200, and a larger batch costs less a message."""
        if len(self._queue) < CROWD or self._stopping:
            return
        for _ in range(GIVE_WAY_STEPS):
            before = self._arrivals
            await asyncio.sleep(GIVE_WAY_STEP)
            if self._arrivals - before < CROWD_RATE * GIVE_WAY_STEP:
                return

    async def _fetch_overflow(self) -> bool:
        """Fetch from the journal what did not fit into memory when it was accepted; whether there was any."""
        if not self._overflowed or self._stopping:
            return False
        try:
            rows = await self._journal.held_by(self.holder, MAX_BATCH)
        except Exception as error:
            if not is_unavailable(error):
                raise
            await asyncio.sleep(_RETRY_SECONDS)
            self._arrived.set()
            return bool(self._queue)
        self._overflowed = bool(rows)
        self.submit([Accepted.from_row(row) for row in rows])
        return bool(self._queue)

    def stop(self) -> None:
        """Finish what was accepted, then end."""
        self._stopping = True
        self._arrived.set()

    async def _work_off(self, batch: list[Accepted]) -> None:
        """Process a batch whatever it takes: wait for the database, set aside what can never be processed."""
        pause = _RETRY_SECONDS
        conflicts = 0
        while True:
            try:
                await self._process(batch, reopen=conflicts <= _MAX_CONFLICTS)
            except Conflict:
                # Somebody opened a conversation at the same moment; a second look finds it. Where it never does, the
                # message is already in a closed case beside an active one: it stays there.
                conflicts += 1
                batch = [msgspec.structs.replace(event, adopted=True) for event in batch]
                continue
            except Exception as error:
                if is_unavailable(error):
                    if self._stopping:
                        break
                    _log.warning("ingest_waits_for_storage", events=len(batch), error=type(error).__name__)
                    await asyncio.sleep(pause)
                    pause = min(pause * 2, _MAX_RETRY_SECONDS)
                    batch = [msgspec.structs.replace(event, adopted=True) for event in batch]
                    continue
                if len(batch) > 1:
                    for event in batch:
                        await self._work_off([msgspec.structs.replace(event, adopted=True)])
                    return
                await self._set_aside(batch[0], error)
            break
        for event in batch:
            self._held.pop(event.id, None)

    async def _set_aside(self, event: Accepted, error: Exception) -> None:
        _log.error("event_quarantined", channel_id=event.channel_id, request_id=event.request_id, exc_info=error)
        self._metrics.webhook_events.labels(event.kind, "quarantined").inc()
        reason = str(error) if isinstance(error, Unreadable) else f"could not be processed: {type(error).__name__}"
        try:
            await self._journal.quarantine(event.id, reason)
        except Exception as failure:
            if not is_unavailable(failure):
                raise
            _log.warning("quarantine_waits_for_lease", event_id=event.id)

    async def _process(self, batch: list[Accepted], *, reopen: bool) -> None:
        self._metrics.ingest_batch.observe(len(batch))
        for accepted in batch:
            if accepted.events is None:
                accepted.events = self._kinds[accepted.kind].read(accepted.raw)
        repeated = any(accepted.adopted for accepted in batch)
        identities = await self._meet(batch, repeated=repeated)
        work = self._messages_of(batch, identities)
        await self._note_reachability(batch)
        conversations: dict[str, Document] = {}
        if work:
            known = await self._find_conversations(work, repeated=repeated)
            await self._store_messages(work)
            conversations = await self._conversations.decide(known, _decisions(work, reopen=reopen))
            conversations |= await self._grown_albums(work, reopen=reopen)
        changed = await self._settle(batch, work, identities)
        conversations = await self._show(work, changed, conversations)
        await self._announce(work, conversations)
        await self._journal.finish([accepted.id for accepted in batch])

    async def _grown_albums(self, work: list[_Work], *, reopen: bool) -> dict[str, Document]:
        """Decide again where another process joined a part of an album between our joining and deciding."""
        conversations: dict[str, Document] = {}
        parts = [item for item in work if item.event.group]
        while parts:
            present = await self._messages.existing([item.document["_id"] for item in parts])
            parts = [item for item in parts if item.document["sorts"] != present[item.document["_id"]]["sorts"]]
            for item in parts:
                item.document = present[item.document["_id"]]
            if parts:
                conversations |= await self._conversations.decide({}, _decisions(parts, reopen=reopen))
        return conversations

    async def _show(
        self, work: list[_Work], changed: list[Document], conversations: dict[str, Document]
    ) -> dict[str, Document]:
        """Put what the batch changed on every screen; returns the conversations as they are now."""
        latest = {item.document["_id"]: item.document for item in work} | {row["_id"]: row for row in changed}
        created = {item.document["_id"]: item for item in work if not item.known} | await self._unshown(work)
        updated = {item.document["_id"] for item in work if item.event.group} | {row["_id"] for row in changed}
        elsewhere = {row["conversation_id"] for row in changed} - set(conversations)
        if elsewhere:
            conversations = conversations | await self._conversations.many(list(elsewhere))
        for row in changed:
            preview = await self._conversations.message_changed(row)
            if preview is not None:
                conversations[preview["_id"]] = preview
        frames = [
            about(
                "message.created" if key in created else "message.updated",
                document,
                conversations[document["conversation_id"]],
            )
            for key, document in latest.items()
            if key in created or key in updated
        ]
        frames.extend(about("conversation.updated", row, row) for row in conversations.values())
        await self._feed.publish(frames)
        present = time.monotonic()
        for item in created.values():
            if not item.accepted.adopted:
                self._metrics.ingest_seconds.observe(present - item.accepted.accepted_at)
        return conversations

    async def _unshown(self, work: list[_Work]) -> dict[str, _Work]:
        """Messages that were stored by somebody who then died, or met an outage, before anybody saw them."""
        doubtful = {item.document["_id"]: item for item in work if item.known and item.accepted.adopted}
        if not doubtful:
            return {}
        since = min(item.accepted.received_at for item in doubtful.values()) - CLOCKS_DIFFER
        told = await self._feed.told("message.created", list(doubtful), since)
        return {key: item for key, item in doubtful.items() if key not in told}

    async def _announce(self, work: list[_Work], conversations: Mapping[str, Document]) -> None:
        """Tell routing and bot.

        An opening is announced for the message that caused it, however often it is repeated.
        """
        for item in work:
            conversation = conversations[item.document["conversation_id"]]
            with structlog.contextvars.bound_contextvars(request_id=item.accepted.request_id):
                if conversation["opened_by"] == item.document["_id"]:
                    await self._bus.announce(ConversationOpened(conversation, item.document))
                await self._bus.announce(MessageReceived(conversation, item.document))
                _log.info("message_stored", message_id=item.document["_id"], conversation_id=conversation["_id"])

    async def _meet(self, batch: list[Accepted], *, repeated: bool) -> dict[str, Document]:
        """Identities of everyone in the batch, by identity id."""
        sightings: dict[str, Sighting] = {}
        for accepted in batch:
            for event in accepted.events or ():
                sighting = Sighting(
                    channel_id=accepted.channel_id,
                    kind=accepted.kind,
                    person=event.person,
                    at=accepted.received_at,
                )
                earlier = sightings.get(sighting.identity_id)
                if earlier is None or _tells_more(event.person, earlier.person):
                    sightings[sighting.identity_id] = sighting
        if not sightings:
            return {}
        return await self._people.resolve(sightings, ensure_cards=repeated)

    def _messages_of(self, batch: list[Accepted], identities: Mapping[str, Document]) -> list[_Work]:
        work: dict[str, _Work] = {}
        for accepted in batch:
            for event in accepted.events or ():
                if isinstance(event, NewMessage):
                    identity = identities[identity_id(accepted.channel_id, event.person.external_id)]
                    document = _message(accepted, event, identity)
                    key = document["_id"] if not event.group else f"{document['_id']}{event.external_id}"
                    work.setdefault(
                        key,
                        _Work(accepted, event, identity["customer_id"], identity["_id"], document),
                    )
        return list(work.values())

    async def _find_conversations(self, work: list[_Work], *, repeated: bool) -> dict[str, Document]:
        """Give every message its conversation, beginning those that are missing; returns those that were looked at."""
        doubtful = [item for item in work if repeated or item.event.group]
        if doubtful:
            await self._recognise(doubtful)
        homeless = [item for item in work if not item.document["conversation_id"]]
        if not homeless:
            return {}
        homes = await self._conversations.active(list({item.customer_id for item in homeless}))
        if any(item.customer_id not in homes for item in homeless):
            await self._open_conversations(homeless, homes)
        for item in homeless:
            item.document["conversation_id"] = homes[item.customer_id]["_id"]
        return {home["_id"]: home for home in homes.values()}

    async def _recognise(self, doubtful: list[_Work]) -> None:
        """Find out which messages are stored already; those stay in their conversation."""
        stored = await self._messages.existing([item.document["_id"] for item in doubtful])
        for item in doubtful:
            row = stored.get(item.document["_id"])
            if row is None:
                continue
            item.document["conversation_id"] = row["conversation_id"]
            if not item.event.group:
                item.known = True
                item.document = row

    async def _open_conversations(self, homeless: list[_Work], homes: dict[str, Document]) -> None:
        """Add to `homes` (by customer) a recently closed conversation or a new one for everyone who has none."""
        missing = {item.customer_id for item in homeless if item.customer_id not in homes}
        closed = await self._conversations.last_closed(list(missing))
        window = timedelta(days=(await self._settings.get())["reopen_window_days"])
        beginning: list[Document] = []
        for item in homeless:
            if item.customer_id in homes:
                continue
            last = closed.get(item.customer_id)
            if last is None or not reopens(last, item.accepted.received_at, window):
                last = new_conversation(
                    new_id(),
                    customer_id=item.customer_id,
                    channel_id=item.accepted.channel_id,
                    at=item.accepted.received_at,
                    source=item.event.source,
                )
                beginning.append(last)
            homes[item.customer_id] = last
        if beginning:
            await self._conversations.insert(beginning)

    async def _store_messages(self, work: list[_Work]) -> None:
        """Insert messages, expect their files, have pressed buttons confirmed."""
        replies = [item for item in work if item.event.reply_to and not item.known]
        for channel_id in {item.accepted.channel_id for item in replies}:
            wanted = [item.event.reply_to for item in replies if item.accepted.channel_id == channel_id]
            quoted = await self._messages.external_to_ids(channel_id, wanted)
            for item in replies:
                if item.event.reply_to in quoted and item.accepted.channel_id == channel_id:
                    item.document["reply_to"] = quoted[item.event.reply_to]["_id"]
        single = [item for item in work if not item.event.group and not item.known]
        if single:
            there = await self._messages.insert([item.document for item in single])
            for item in single:
                item.known = item.document["_id"] in there
        albums: dict[str, Document] = {}
        for item in work:
            if item.event.group:
                joined = await self._messages.join_album(item.document)
                item.known = len(joined["attachments"]) > len(item.document["attachments"])
                albums[joined["_id"]] = joined
        for item in work:
            item.document = albums.get(item.document["_id"], item.document)
        await self._expect_files(work)
        acknowledgements = {
            derived_id("acknowledge", item.document["_id"]): {
                "channel_id": item.accepted.channel_id,
                "token": item.event.content.acknowledge,
            }
            for item in work
            if isinstance(item.event.content, ButtonPress) and item.event.content.acknowledge and not item.known
        }
        if acknowledgements:
            await self._timers.set_many("channel.acknowledge", acknowledgements)
            self._wakeups.ring("timers")

    async def _expect_files(self, work: list[_Work]) -> None:
        expected: list[Document] = []
        for item in work:
            for media, shown in zip(item.event.media, _attachments(item.accepted, item.event), strict=True):
                expected.append(
                    {
                        "_id": shown["id"],
                        "channel_id": item.accepted.channel_id,
                        "message_id": item.document["_id"],
                        "conversation_id": item.document["conversation_id"],
                        "uploader_id": None,
                        "ref": media.ref,
                        "state": "pending",
                        "type": media.type,
                        "name": shown["name"],
                        "content_type": shown["content_type"],
                        "size": media.size,
                        "file_id": None,
                        "created_at": item.accepted.received_at,
                    }
                )
        if expected:
            await self._attachments.expect(expected)
            await self._timers.set_many("media.fetch", {row["_id"]: {"attachment_id": row["_id"]} for row in expected})
            self._wakeups.ring("timers")

    async def _note_reachability(self, batch: list[Accepted]) -> None:
        for accepted in batch:
            for event in accepted.events or ():
                if isinstance(event, ReachabilityChanged):
                    key = identity_id(accepted.channel_id, event.person.external_id)
                    if await self._people.set_reachable(
                        key, reachable=event.reachable, reason=event.reason, at=event.at
                    ):
                        identity = await self._people.identity(key)
                        if identity is not None:
                            await self._feed.publish([Frame(type="identity.updated", data=identity)])

    async def _settle(
        self, batch: list[Accepted], work: list[_Work], identities: Mapping[str, Document]
    ) -> list[Document]:
        """Bring changes and messages together, whichever came first; returns the messages that changed."""
        changes: list[Document] = []
        concerned: dict[str, set[str]] = defaultdict(set)
        for accepted in batch:
            for event in accepted.events or ():
                if not isinstance(event, NewMessage | ReachabilityChanged):
                    identity = identities[identity_id(accepted.channel_id, event.person.external_id)]
                    changes.append(_change(accepted, event, identity))
                    concerned[accepted.channel_id].add(event.external_id)
        for item in work:
            if item.event.reply_to and item.document["reply_to"] is None:
                changes.append(_quotation(item))
                concerned[item.accepted.channel_id].add(item.event.reply_to)
        if changes:
            await self._messages.hold_changes(changes)
        for item in work:
            concerned[item.accepted.channel_id].update(item.document["external_ids"])
        touched: list[Document] = []
        for channel_id, external_ids in concerned.items():
            touched.extend(await self._messages.settle_changes(channel_id, list(external_ids)))
        return touched


def _decisions(work: list[_Work], *, reopen: bool) -> dict[str, Decision]:
    """What the batch brings to each conversation."""
    brought: dict[str, dict[str, Document]] = defaultdict(dict)
    for item in work:
        brought[item.document["conversation_id"]][item.document["_id"]] = item.document
    return {key: partial(arrived, messages=list(rows.values()), opens=reopen) for key, rows in brought.items()}


def _tells_more(person: Person, earlier: Person) -> bool:
    return (bool(person.name), bool(person.username)) > (bool(earlier.name), bool(earlier.username))


def _attachments(accepted: Accepted, event: NewMessage) -> list[Document]:
    """A message's files as it shows them while they still lie at the provider."""
    return [
        {
            "id": derived_id("attachment", accepted.channel_id, event.external_id, str(position)),
            "type": media.type,
            "part": media.part,
            "name": media.name,
            "content_type": media.content_type,
            "size": media.size,
            "width": media.width,
            "height": media.height,
            "duration": media.duration,
            "state": "pending",
        }
        for position, media in enumerate(event.media)
    ]


def _message(accepted: Accepted, event: NewMessage, identity: Document) -> Document:
    """A customer's message as it is stored; its conversation is found later."""
    return {
        "_id": inbound_message_id(accepted.channel_id, event.group or event.external_id),
        "conversation_id": "",
        "customer_id": identity["customer_id"],
        "channel_id": accepted.channel_id,
        "identity_id": identity["_id"],
        "external_ids": [event.external_id],
        "direction": "in",
        "author": {
            "type": "customer",
            "id": identity["customer_id"],
            "name": identity["name"] or identity["username"],
            "machine": event.person.machine,
        },
        "text": event.text,
        "entities": [dict(entity) for entity in event.entities],
        "content": msgspec.to_builtins(event.content) if event.content is not None else None,
        "attachments": _attachments(accepted, event),
        "forwarded": event.forwarded,
        "reply_to": None,
        "state": "received",
        "error": None,
        "sort": sort_key(event.sent_at, event.sequence),
        "sent_at": event.sent_at,
        "received_at": accepted.received_at,
        "created_at": accepted.received_at,
        "edited_at": None,
        "deleted_at": None,
        "reactions": [],
        "automatic": False,
    }


def _quotation(item: _Work) -> Document:
    """What a message answers, waiting to be known.

    It is a change of the answer that is due when the answered message is there.
    """
    return {
        "_id": derived_id("change", item.accepted.id, "quotation", item.event.external_id),
        "type": "quotation",
        "channel_id": item.accepted.channel_id,
        "external_id": item.event.reply_to,
        "by": item.document["_id"],
        "at": item.event.sent_at,
        "stored_at": item.accepted.received_at,
    }


def _change(
    accepted: Accepted,
    event: MessageEdited | MessageDeleted | ReactionChanged | Receipt,
    identity: Document,
) -> Document:
    """A change as it waits for its message."""
    raw = msgspec.to_builtins(event, builtin_types=(datetime,))
    return {
        **raw,
        "_id": derived_id("change", accepted.id, raw["type"], event.external_id),
        "channel_id": accepted.channel_id,
        "person": identity["_id"],
        "stored_at": accepted.received_at,
    }
