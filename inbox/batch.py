"""What happens to a batch of accepted events.

Every step may be repeated and may come in any order: two processes and a crash in any place end in the same documents
as one clean run. `Batches.process` tells the steps:

1. people         identities by derived id, cards under their ids
2. echoes         what the shop wrote elsewhere is told from what we sent ourselves
3. cases          each message's conversation: the active one, a reopened one, or a new one
4. messages       inserted by derived id; albums joined
5. conversations  decided on by pure functions, written over the revision they saw; what met cards that were merged
                  or parted at the same moment is brought home and looked at again
6. changes        edits, reactions and receipts meet their messages, whichever came first
7. live frames    durable, then on every screen
8. events         routing and bot hear of it
9. journal        the events are done; until here, a crash makes somebody repeat all of it
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial

import msgspec
import structlog

from inbox.channels import Channels
from inbox.echoes import Echoes
from inbox.events import EventBus
from inbox.files import Files
from inbox.live import Frame, LiveFeed, about
from inbox.merging import Merging
from inbox.metrics import Metrics
from inbox.model.accepted import Accepted
from inbox.model.avatars import is_due, told_source
from inbox.model.channel import ChannelKind
from inbox.model.contacts import email_address, is_proven
from inbox.model.conversation import brought, new_conversation, place_among, preview, reopens
from inbox.model.domain_events import ConversationOpened, MessageReceived
from inbox.model.errors import Conflict
from inbox.model.ids import CLOCKS_DIFFER, derived_id, identity_id, new_id, now, shared_customer_id
from inbox.model.inbound import attachments_of, change_of, message_of, quotation_of
from inbox.model.incoming import AccountChanged, ButtonPress, Echo, Media, NewMessage, Person, ReachabilityChanged
from inbox.model.windows import counts_answers
from inbox.presses import note_presses
from inbox.proofs import contact_timers
from inbox.ratings import GIVEN, note_ratings
from inbox.reach import Reach
from inbox.settings import ShopSettings
from inbox.storage.attachments import AttachmentStore
from inbox.storage.conversations import ConversationStore, Decision
from inbox.storage.database import Document
from inbox.storage.journal import LARGE_BYTES, JournalStore
from inbox.storage.messages import MessageStore
from inbox.storage.people import PeopleStore, Sighting
from inbox.storage.timers import TimerStore
from inbox.wakeups import Wakeups

_log = structlog.get_logger(__name__)


class _Work(msgspec.Struct):
    """A message on its way through a batch: a customer's, or what the shop wrote to one by another way."""

    accepted: Accepted
    event: NewMessage | Echo
    customer_id: str
    identity_id: str
    document: Document
    known: bool = False

    @property
    def opens(self) -> bool:
        """Whether it opens a conversation, and routing and bot hear of it."""
        return isinstance(self.event, NewMessage) and not self.document.get("quiet")

    @property
    def everywhere(self) -> bool:
        """Whether it may have come to another channel of the kind too."""
        return isinstance(self.event, NewMessage) and self.event.everywhere

    @property
    def group(self) -> str:
        """The album that it is a part of."""
        return self.event.group if isinstance(self.event, NewMessage) else ""

    @property
    def press(self) -> ButtonPress | None:
        """The button that was pressed with it."""
        content = self.event.content if isinstance(self.event, NewMessage) else None
        return content if isinstance(content, ButtonPress) else None


def _work_of(accepted: Accepted, event: NewMessage | Echo, document: Document) -> _Work:
    return _Work(accepted, event, document["customer_id"], document["identity_id"], document)


class Batches:
    """Processes batches. Knows nothing of queues and leases: that is `inbox.ingest`."""

    def __init__(
        self,
        *,
        kinds: Mapping[str, ChannelKind],
        journal: JournalStore,
        people: PeopleStore,
        conversations: ConversationStore,
        messages: MessageStore,
        attachments: AttachmentStore,
        files: Files,
        echoes: Echoes,
        channels: Channels,
        merging: Merging,
        reach: Reach,
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
        self._files = files
        self._echoes = echoes
        self._channels = channels
        self._merging = merging
        self._reach = reach
        self._timers = timers
        self._settings = settings
        self._feed = feed
        self._bus = bus
        self._wakeups = wakeups
        self._metrics = metrics

    async def process(self, batch: list[Accepted], *, reopen: bool = True) -> None:
        """Turn events into messages on every screen.

        `reopen` False leaves closed conversations closed. Raises `Conflict` where another process opened a conversation
        or merged cards at the same moment: look again; `TermEnded` where the database fell over meanwhile; `Unreadable`
        for an event that was kept and can no longer be read.
        """
        self._metrics.ingest_batch.observe(len(batch))
        async with self._journal.processing([accepted.id for accepted in batch]) as put_off:
            await self._process(batch, put_off, reopen=reopen)

    async def _process(self, batch: list[Accepted], put_off: set[str], *, reopen: bool) -> None:
        for accepted in batch:
            if accepted.events is None:
                read = self._kinds[accepted.kind].read
                large = len(accepted.raw) > LARGE_BYTES
                accepted.events = await asyncio.to_thread(read, accepted.raw) if large else read(accepted.raw)
        repeated = any(accepted.adopted for accepted in batch)
        identities = await self._meet(batch, repeated=repeated)
        work = self._messages_of(batch, identities)
        await note_ratings(
            self._messages, self._people, [(item.document, identities[item.identity_id]) for item in work]
        )
        told = await self._echoes.tell(batch, identities)
        work += [_work_of(*foreign) for foreign in told.foreign]
        put_off |= told.put_off
        await self._note_reachability(batch)
        await self._note_accounts(batch)
        conversations: dict[str, Document] = {}
        if work:
            known = await self._find_conversations(work, repeated=repeated)
            await self._store_messages(work)
            conversations = await self._conversations.decide(known, _decisions(work, reopen=reopen))
            conversations |= await self._grown_albums(work, reopen=reopen)
            await self._follow_cards(work, again=reopen)
        changed = told.confirmed + await self._settle(batch, work, identities, put_off)
        await self._ask_who(work, identities)
        await self._hear_contacts(work, identities)
        await self._hear_ratings(work)
        heard_of = await self._note_inbound(work)
        conversations = await self._show(work, changed, conversations, heard_of)
        await self._keep_previews_true(conversations)
        await self._announce(work, conversations)
        await self._want_avatars(work, identities)

    async def _grown_albums(self, work: list[_Work], *, reopen: bool) -> dict[str, Document]:
        """Decide again where another process joined a part of an album between our joining and deciding."""
        conversations: dict[str, Document] = {}
        parts = [item for item in work if item.group]
        while parts:
            present = await self._messages.existing([item.document["_id"] for item in parts])
            parts = [item for item in parts if item.document["sorts"] != present[item.document["_id"]]["sorts"]]
            for item in parts:
                item.document = present[item.document["_id"]]
            if parts:
                conversations |= await self._conversations.decide({}, _decisions(parts, reopen=reopen))
        return conversations

    async def _follow_cards(self, work: list[_Work], *, again: bool) -> None:
        """Bring home what was stored on cards that were merged, parted or split between our look and our writes.

        Raises `Conflict` then, where there is a next time (`again`): with the cards as they are now.
        """
        strays = await self._merging.strayed([item.document for item in work])
        if strays:
            await self._merging.bring_home(strays)
            if again:
                raise Conflict("cards were merged meanwhile: look again")

    async def _show(
        self, work: list[_Work], changed: list[Document], conversations: dict[str, Document], more: list[Frame]
    ) -> dict[str, Document]:
        """Put what the batch changed on every screen, `more` included; returns the conversations as they are now."""
        elsewhere = {row["conversation_id"] for row in changed} - set(conversations)
        if elsewhere:
            conversations = conversations | await self._conversations.many(list(elsewhere))
            changed = await self._at_home(changed, conversations)
        latest = {item.document["_id"]: item.document for item in work} | {row["_id"]: row for row in changed}
        created = {item.document["_id"]: item for item in work if not item.known} | await self._unshown(work)
        updated = {item.document["_id"] for item in work if item.group} | {row["_id"] for row in changed}
        for row in changed:
            shown = await self._conversations.message_changed(row)
            if shown is not None:
                conversations[shown["_id"]] = shown
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
        await self._feed.publish([*frames, *more])
        present = time.monotonic()
        for item in created.values():
            if not item.accepted.adopted:
                self._metrics.ingest_seconds.observe(present - item.accepted.accepted_at)
        return conversations

    async def _at_home(self, changed: list[Document], conversations: dict[str, Document]) -> list[Document]:
        """Changed messages as they are now, where their conversation ended in another one; adds that one."""
        gone = {row["conversation_id"] for row in changed} - set(conversations)
        if not gone:
            return changed
        await self._merging.bring_home_from(gone)
        present = await self._messages.existing([row["_id"] for row in changed])
        conversations |= await self._conversations.many(list({row["conversation_id"] for row in present.values()}))
        return [row for row in present.values() if row["conversation_id"] in conversations]

    async def _keep_previews_true(self, conversations: Mapping[str, Document]) -> None:
        """Look once more at the messages that the list shows.

        Another process may have changed one between our look at it and our row of the list, whichever came last. Who
        writes looks again afterwards, so the last one to write has seen the last change.
        """
        rows = list(conversations.values())
        while rows:
            showing = {row["last_message"]["id"]: row["last_message"] for row in rows if row["last_message"]}
            present = await self._messages.existing(list(showing))
            stale = [message for key, message in present.items() if preview(message) != showing[key]]
            mended = [await self._conversations.message_changed(message) for message in stale]
            rows = [row for row in mended if row is not None]
            await self._feed.publish([about("conversation.updated", row, row) for row in rows])

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
        heard = [(item, conversations[item.document["conversation_id"]]) for item in work if item.opens]
        opened = {row["customer_id"] for item, row in heard if row["opened_by"] == item.document["_id"]}
        cards = await self._people.customers(list(opened)) if opened else {}
        for item, conversation in heard:
            with structlog.contextvars.bound_contextvars(request_id=item.accepted.request_id):
                if conversation["opened_by"] == item.document["_id"]:
                    card = cards.get(conversation["customer_id"], {})
                    await self._bus.announce(ConversationOpened(conversation, item.document, card))
                await self._bus.announce(MessageReceived(conversation, item.document))
                _log.info("message_stored", message_id=item.document["_id"], conversation_id=conversation["_id"])

    async def _meet(self, batch: list[Accepted], *, repeated: bool) -> dict[str, Document]:
        """Identities of everyone in the batch, by identity id."""
        sightings: dict[str, Sighting] = {}
        shared, answered = await self._shared_cards(batch), await self._answered_cards(batch)
        for accepted in batch:
            for event in accepted.about_customers:
                key = identity_id(accepted.channel_id, event.person.external_id)
                card, proven = answered.get(key, ("", True))
                sighting = Sighting(
                    channel_id=accepted.channel_id,
                    kind=accepted.kind,
                    person=event.person,
                    at=accepted.received_at,
                    customer_id=card or shared.get(key, ""),
                    joined="" if proven else "answer",
                )
                earlier = sightings.get(sighting.identity_id)
                if earlier is None or _tells_more(event.person, earlier.person):
                    sightings[sighting.identity_id] = sighting
        if not sightings:
            return {}
        return await self._people.resolve(sightings, ensure_cards=repeated)

    async def _shared_cards(self, batch: list[Accepted]) -> dict[str, str]:
        """The cards of those who are the same person on every channel of a kind, by identity."""
        people = {
            (accepted.kind, event.person.external_id)
            for accepted in batch
            for event in accepted.about_customers
            if event.person.everywhere
        }
        if not people:
            return {}
        cards: dict[str, str] = {}
        channels = await self._channels.known()
        # Where cards were merged meanwhile, the one that is in use counts.
        for kind, external_id in people:
            ids = [identity_id(channel["_id"], external_id) for channel in channels if channel["kind"] == kind]
            found = await self._people.many(ids)
            card = found[0]["customer_id"] if found else shared_customer_id(kind, external_id)
            cards.update(dict.fromkeys(ids, card))
        return cards

    async def _answered_cards(self, batch: list[Accepted]) -> dict[str, tuple[str, bool]]:
        """The cards of those whom our messages went to that somebody answers here, by the answering identity.

        With each, whether the address that answers is proven to be the card's: a letter may have been passed on.
        """
        cards: dict[str, tuple[str, bool]] = {}
        for accepted in batch:
            for event in accepted.about_customers:
                if not isinstance(event, NewMessage) or not event.answers:
                    continue
                found = await self._messages.external_to_ids(accepted.channel_id, event.answers)
                ours = [found[key] for key in event.answers if key in found and found[key]["direction"] == "out"]
                if ours:
                    answering = identity_id(accepted.channel_id, event.person.external_id)
                    card = await self._people.customer(ours[0]["customer_id"])
                    proven = card is not None and is_proven(card, "email", email_address(event.person.external_id))
                    cards.setdefault(answering, (ours[0]["customer_id"], proven))
        return cards

    def _messages_of(self, batch: list[Accepted], identities: Mapping[str, Document]) -> list[_Work]:
        work: dict[str, _Work] = {}
        for accepted in batch:
            for event in accepted.about_customers:
                if isinstance(event, NewMessage):
                    identity = identities[identity_id(accepted.channel_id, event.person.external_id)]
                    document = message_of(accepted, event, identity)
                    key = document["_id"] if not event.group else f"{document['_id']}{event.external_id}"
                    work.setdefault(key, _work_of(accepted, event, document))
        return list(work.values())

    async def _find_conversations(self, work: list[_Work], *, repeated: bool) -> dict[str, Document]:
        """Give every message its conversation, beginning those that are missing; returns those that were looked at."""
        doubtful = [item for item in work if repeated or item.group or item.everywhere]
        if doubtful:
            await self._recognise(doubtful)
        homeless = [item for item in work if not item.document["conversation_id"]]
        if not homeless:
            return {}
        homes = await self._conversations.active(list({item.customer_id for item in homeless}))
        if any(item.customer_id not in homes for item in homeless):
            await self._open_conversations(homeless, homes)
        for item in homeless:
            home = homes[item.customer_id]
            item.document["conversation_id"] = home["_id"]
            # The parts of an album are known by where the provider has them stand.
            if item.opens and not item.group:
                item.document["sort"] = place_among(home, item.document)
        return {home["_id"]: home for home in homes.values()}

    async def _recognise(self, doubtful: list[_Work]) -> None:
        """Find out which messages are stored already; those stay in their conversation.

        A message whose conversation the database forgot, because it fell over between the two writes, was never shown
        and is stored anew.
        """
        stored = await self._messages.existing([item.document["_id"] for item in doubtful])
        if stored:
            homes = await self._conversations.many(list({row["conversation_id"] for row in stored.values()}))
            gone = {row["conversation_id"] for row in stored.values()} - set(homes)
            if gone:
                await self._merging.bring_home_from(gone)
                stored = await self._messages.existing(list(stored))
                homes = await self._conversations.many(list({row["conversation_id"] for row in stored.values()}))
            orphans = [key for key, row in stored.items() if row["conversation_id"] not in homes]
            if orphans:
                await self._messages.forget(orphans)
                stored = {key: row for key, row in stored.items() if key not in orphans}
        for item in doubtful:
            row = stored.get(item.document["_id"])
            if row is None:
                continue
            item.document["conversation_id"] = row["conversation_id"]
            if not item.group:
                item.known = True
                item.document = row

    async def _open_conversations(self, homeless: list[_Work], homes: dict[str, Document]) -> None:
        """Add to `homes` (by customer) a recently closed conversation or a new one for everyone who has none."""
        missing = {item.customer_id for item in homeless if item.customer_id not in homes}
        closed = await self._conversations.last_closed(list(missing))
        window = timedelta(days=(await self._settings.get())["reopen_window_days"])
        beginning: list[Document] = []
        # What opens nothing goes where the rest of the batch goes, else to the last case however old, else to a closed
        # one whose id is the same for everybody who begins it.
        for item in sorted(homeless, key=lambda item: not item.opens):
            if item.customer_id in homes:
                continue
            last = closed.get(item.customer_id)
            if last is None or (item.opens and not reopens(last, item.accepted.received_at, window)):
                last = new_conversation(
                    new_id() if item.opens else derived_id("conversation", item.customer_id),
                    customer_id=item.customer_id,
                    channel_id=item.accepted.channel_id,
                    at=item.accepted.received_at,
                    closed=not item.opens,
                )
                beginning.append(last)
            homes[item.customer_id] = last
        if beginning:
            await self._conversations.insert(beginning)

    async def _store_messages(self, work: list[_Work]) -> None:
        """Insert messages, expect their files, have pressed buttons confirmed."""
        await note_presses(self._messages, [item.document for item in work if not item.known])
        await self._find_quoted([item for item in work if item.event.reply_to and not item.known])
        for item in work:
            if not item.known:
                await self._keep_files(item)
        bodies = {item.document["_id"]: item.event.html for item in work if item.event.html and not item.known}
        if bodies:
            await self._messages.keep_html(bodies)
        single = [item for item in work if not item.group and not item.known]
        if single:
            there = await self._messages.insert([item.document for item in single])
            for item in single:
                item.known = item.document["_id"] in there
            # Another mailbox's copy came first, between our look and our insert: that one is the message.
            await self._recognise([item for item in single if item.known and item.everywhere])
            await self._drop_our_own(work)
        albums: dict[str, Document] = {}
        for item in work:
            if item.group:
                joined = await self._messages.join_album(item.document)
                item.known = len(joined["attachments"]) > len(item.document["attachments"])
                albums[joined["_id"]] = joined
        for item in work:
            item.document = albums.get(item.document["_id"], item.document)
        await self._expect_files(work)
        acknowledgements = {
            derived_id("acknowledge", item.document["_id"]): {
                "channel_id": item.accepted.channel_id,
                "token": item.press.acknowledge,
            }
            for item in work
            if item.press is not None and item.press.acknowledge and not item.known
        }
        if acknowledgements:
            await self._timers.set_many("channel.acknowledge", acknowledgements)
            self._wakeups.ring("timers")

    async def _find_quoted(self, replies: list[_Work]) -> None:
        """Tell answers what they answer, as far as it is here already."""
        for channel_id in {item.accepted.channel_id for item in replies}:
            wanted = [item.event.reply_to for item in replies if item.accepted.channel_id == channel_id]
            quoted = await self._messages.external_to_ids(channel_id, wanted)
            for item in replies:
                if item.event.reply_to in quoted and item.accepted.channel_id == channel_id:
                    item.document["reply_to"] = quoted[item.event.reply_to]["_id"]

    async def _drop_our_own(self, work: list[_Work]) -> None:
        """Take echoes out of the work that met a message of ours when they were stored: its sender was quicker."""
        met = [item for item in work if item.known and isinstance(item.event, Echo)]
        if met:
            stored = await self._messages.existing([item.document["_id"] for item in met])
            work[:] = [item for item in work if item not in met or item.document["_id"] in stored]

    async def _ask_who(self, work: list[_Work], identities: Mapping[str, Document]) -> None:
        """Have the provider asked who somebody is whom its events do not name, once."""
        strangers = {
            identity["_id"]
            for identity in (identities[item.identity_id] for item in work if isinstance(item.event, NewMessage))
            if not (identity["name"] or identity["username"] or identity.get("asked_at"))
        }
        if strangers:
            wanted: dict[str, Document] = {f"identity.profile:{key}": {"identity_id": key} for key in strangers}
            await self._timers.set_many("identity.profile", wanted)
            self._wakeups.ring("timers")

    async def _want_avatars(self, work: list[_Work], identities: Mapping[str, Document]) -> None:
        """Have the pictures of those who wrote looked at, where their kind shows any and it is time.

        Who has no name yet is asked about both at once.
        """
        present = now()
        due = {
            identity["_id"]: identity
            for identity in (identities[item.identity_id] for item in work if isinstance(item.event, NewMessage))
            if (kind := self._kinds.get(identity["kind"])) and kind.capabilities.avatars
            if (identity["name"] or identity["username"] or identity.get("asked_at")) and is_due(identity, present)
        }
        if due:
            wanted: dict[str, Document] = {
                f"identity.avatar:{key}": {"identity_id": key, "source": told_source(identity)}
                for key, identity in due.items()
            }
            await self._timers.set_many("identity.avatar", wanted)
            await self._people.note_avatars_wanted(list(due.values()), present)
            self._wakeups.ring("timers")

    async def _hear_contacts(self, work: list[_Work], identities: Mapping[str, Document]) -> None:
        """Have looked at, beside the flow, what may prove or tell whose a phone or an address is."""
        due: dict[str, dict[str, Document]] = defaultdict(dict)
        for item in work:
            if isinstance(item.event, NewMessage):
                for kind, timer_id, data in contact_timers(item.event, item.document, identities[item.identity_id]):
                    due[kind][timer_id] = data
        for kind, timers in due.items():
            await self._timers.set_many(kind, timers)
        if due:
            self._wakeups.ring("timers")

    async def _hear_ratings(self, work: list[_Work]) -> None:
        """Have ratings kept beside the flow."""
        ids = [item.document["_id"] for item in work if "rating" in item.document]
        if ids:
            await self._timers.set_many(GIVEN, {f"{GIVEN}:{key}": {"message_id": key} for key in ids})
            self._wakeups.ring("timers")

    async def _note_inbound(self, work: list[_Work]) -> list[Frame]:
        """Note when customers wrote last, where their channel lets us answer only for so long or so often."""
        wrote: dict[str, datetime] = {}
        for item in work:
            kind = self._kinds.get(item.accepted.kind)
            counts = kind is not None and counts_answers(kind.capabilities)
            if counts and item.opens and not item.document.get("public"):
                wrote[item.identity_id] = max(item.event.sent_at, wrote.get(item.identity_id, item.event.sent_at))
        if not wrote:
            return []
        await self._people.note_inbound(wrote)
        present = await self._people.many(list(wrote))
        return [Frame(type="identity.updated", data=identity) for identity in await self._reach.told(present)]

    async def _keep_files(self, item: _Work) -> None:
        """Store the files that came with the event itself: the journal forgets them with it."""
        for position, media in enumerate(item.event.media):
            if media.content is not None:
                row = _attachment(item, media, item.document["attachments"][position])
                item.document["attachments"][position] |= await self._files.keep(row, media.content)

    async def _expect_files(self, work: list[_Work]) -> None:
        expected: list[Document] = []
        for item in work:
            for media, shown in zip(item.event.media, attachments_of(item.accepted, item.event), strict=True):
                if media.content is None:
                    expected.append(_attachment(item, media, shown))
        if expected:
            await self._attachments.expect(expected)
            await self._timers.set_many("media.fetch", {row["_id"]: {"attachment_id": row["_id"]} for row in expected})
            self._wakeups.ring("timers")

    async def _note_reachability(self, batch: list[Accepted]) -> None:
        for accepted in batch:
            for event in accepted.about_customers:
                if isinstance(event, ReachabilityChanged):
                    key = identity_id(accepted.channel_id, event.person.external_id)
                    if await self._people.set_reachable(
                        key, reachable=event.reachable, reason=event.reason, at=event.at
                    ):
                        for identity in await self._reach.told(await self._people.many([key])):
                            await self._feed.publish([Frame(type="identity.updated", data=identity)])

    async def _note_accounts(self, batch: list[Accepted]) -> None:
        for accepted in batch:
            for event in accepted.events or ():
                if isinstance(event, AccountChanged):
                    await self._channels.note_account(accepted.channel_id, event)

    async def _settle(
        self, batch: list[Accepted], work: list[_Work], identities: Mapping[str, Document], put_off: set[str]
    ) -> list[Document]:
        """Bring changes and messages together, whichever came first; returns the messages that changed."""
        changes: list[Document] = []
        concerned: dict[str, set[str]] = defaultdict(set)
        sent_to: dict[str, set[str]] = defaultdict(set)
        for accepted in batch:
            for event in accepted.about_customers:
                identity = identities[identity_id(accepted.channel_id, event.person.external_id)]
                if isinstance(event, Echo) and accepted.id not in put_off:
                    concerned[accepted.channel_id].add(event.external_id)
                    sent_to[accepted.channel_id].add(identity["_id"])
                elif not isinstance(event, NewMessage | Echo | ReachabilityChanged):
                    changes.append(change_of(accepted, event, identity))
                    concerned[accepted.channel_id].add(event.external_id)
        for item in work:
            if item.event.reply_to and item.document["reply_to"] is None:
                changes.append(quotation_of(item.accepted, item.event, item.document["_id"]))
                concerned[item.accepted.channel_id].add(item.event.reply_to)
        touched: list[Document] = []
        if changes:
            await self._messages.hold_changes(changes)
            touched += await self._echoes.confirm(changes)
        for item in work:
            concerned[item.accepted.channel_id].update(item.document["external_ids"])
        for channel_id, external_ids in concerned.items():
            shop_wrote = list(sent_to[channel_id])
            touched.extend(await self._messages.settle_changes(channel_id, list(external_ids), sent_to=shop_wrote))
        await self._refile([row for row in touched if row.get("refiled")])
        return touched

    async def _refile(self, edited: list[Document]) -> None:
        """Have files fetched that edits brought, and those let go that they replaced (`Media.fetch` does both)."""
        if not edited:
            return
        present = now()
        brought = [
            _expected(row, file, channel_id=row["channel_id"], ref=file["ref"], at=present)
            for row in edited
            for file in row["attachments"]
            if "ref" in file
        ]
        if brought:
            await self._attachments.expect(brought)
        for attachment_id in await self._attachments.of_messages([row["_id"] for row in edited]):
            # Anew, where it is set already: whoever is at it may have looked before the edit.
            await self._timers.set(attachment_id, "media.fetch", present, {"attachment_id": attachment_id})
        self._wakeups.ring("timers")


def _attachment(item: _Work, media: Media, shown: Document) -> Document:
    """A file that came with a message, as it is expected."""
    accepted = item.accepted
    return _expected(item.document, shown, channel_id=accepted.channel_id, ref=media.ref, at=accepted.received_at)


def _expected(message: Document, shown: Document, *, channel_id: str, ref: str, at: datetime) -> Document:
    """A file of a message that still lies at its provider."""
    return {
        "_id": shown["id"],
        "channel_id": channel_id,
        "message_id": message["_id"],
        "conversation_id": message["conversation_id"],
        "uploader_id": None,
        "ref": ref,
        "state": "pending",
        "type": shown["type"],
        "name": shown["name"],
        "content_type": shown["content_type"],
        "size": shown["size"],
        "file_id": None,
        "created_at": at,
    }


def _decisions(work: list[_Work], *, reopen: bool) -> dict[str, Decision]:
    """What the batch brings to each conversation."""
    coming: dict[str, dict[str, Document]] = defaultdict(dict)
    for item in work:
        coming[item.document["conversation_id"]][item.document["_id"]] = item.document
    return {key: partial(brought, messages=list(rows.values()), opens=reopen) for key, rows in coming.items()}


def _tells_more(person: Person, earlier: Person) -> bool:
    return (bool(person.name), bool(person.username)) > (bool(earlier.name), bool(earlier.username))
