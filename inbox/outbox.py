"""Step 6, send: rows of the outbox go to their providers, each lane in order, each row under a lease.

A row is marked `sending` before its request leaves. Whoever finds a row in that state in a lane that they just claimed
knows that its sender died between the provider's yes and our note: it becomes `uncertain`, never a second request. A
lane whose holder died also shows once more what was moved in it last: the page may never have heard of it.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeVar

import msgspec
import structlog

from inbox.channels import Channels, Opened
from inbox.links import FileLinks
from inbox.live import Frame, LiveFeed, about
from inbox.metrics import Metrics
from inbox.model.channel import Outgoing, OutgoingFile, Sent
from inbox.model.errors import NotFound
from inbox.model.failures import (
    AddressMoved,
    ChannelFailure,
    CredentialsRejected,
    RetryLater,
    Uncertain,
    Unreachable,
)
from inbox.model.ids import now
from inbox.pacing import Pacer
from inbox.reach import Reach, window_of
from inbox.storage.attachments import AttachmentStore
from inbox.storage.conversations import ConversationStore
from inbox.storage.database import Document
from inbox.storage.errors import is_unavailable
from inbox.storage.messages import MessageStore
from inbox.storage.outbox import LEASE, OutboxStore
from inbox.storage.people import PeopleStore, address_of
from inbox.wakeups import Wakeups

POLL_SECONDS = 1.0
STOP_SECONDS = 17.0
"""How long a stopping server lets requests that left have their answer: a little longer than a provider is given."""

REFERENCES = 20
"""How many messages of an exchange a request names as those before it."""

LANES = 48
"""How many identities one process sends to at a time."""

MAX_ATTEMPTS = 8
"""Tries before a message is shown as failed: with the pauses between them about a minute of a provider's errors."""

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
PATIENCE_SECONDS = 4.0
"""Pauses up to this long are waited for with the lane in hand."""

_log = structlog.get_logger(__name__)
_T = TypeVar("_T")


class _Hopeless(Exception):
    """A row that cannot be sent, in words for its manager."""


class Sender:
    """The sending worker of this process."""

    def __init__(
        self,
        *,
        outbox: OutboxStore,
        messages: MessageStore,
        conversations: ConversationStore,
        people: PeopleStore,
        attachments: AttachmentStore,
        channels: Channels,
        reach: Reach,
        links: FileLinks,
        pacer: Pacer,
        feed: LiveFeed,
        wakeups: Wakeups,
        metrics: Metrics,
    ) -> None:
        self._outbox = outbox
        self._messages = messages
        self._conversations = conversations
        self._people = people
        self._attachments = attachments
        self._channels = channels
        self._reach = reach
        self._links = links
        self._pacer = pacer
        self._feed = feed
        self._wakeups = wakeups
        self._sends = metrics.sends
        self._lanes: set[asyncio.Task[None]] = set()
        self._stopping = False

    async def run(self) -> None:
        """Send until `stop`."""
        while not self._stopping:
            lane = None
            try:
                if len(self._lanes) < LANES:
                    lane = await self._outbox.claim(await self._channels.paused())
            except Exception as error:
                if not is_unavailable(error):
                    _log.exception("outbox_failed")
            if lane is None:
                await self._wakeups.wait("outbox", POLL_SECONDS)
                continue
            task = asyncio.create_task(self._work_lane(lane))
            self._lanes.add(task)
            task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._lanes.discard(task)
        if not self._stopping:
            self._wakeups.ring_here("outbox")

    async def stop(self) -> None:
        """Begin nothing more; let requests that left have their answer."""
        self._stopping = True
        self._wakeups.ring_here("outbox")
        if self._lanes:
            await asyncio.wait(self._lanes, timeout=STOP_SECONDS)

    async def _work_lane(self, lane: Document) -> None:
        """Send a lane's rows in order, then give it back with the time at which it is due again."""
        try:
            if lane["inherited"] and lane.get("showing"):
                await _persist(lambda: self._show_again(lane["showing"]))
            due_in = await self._send_rows(lane)
            due_at = None if due_in is None else now() + timedelta(seconds=due_in)
            await _persist(lambda: self._outbox.release(lane, due_at))
        except Exception:
            # Its lease runs out and the lane is claimed again; a row left in `sending` then shows as uncertain.
            _log.exception("lane_failed", lane=lane["_id"])

    async def _send_rows(self, lane: Document) -> float | None:
        """Seconds until the lane is due again, or None when it is empty."""
        for row in await self._outbox.waiting(lane["_id"]):
            with structlog.contextvars.bound_contextvars(
                request_id=row["request_id"], message_id=row["message_id"], conversation_id=row["conversation_id"]
            ):
                if row["state"] == "sending":
                    await self._abandon(lane, row)
                    continue
                if self._stopping:
                    return 0.0
                pause = await self._send_row(lane, row)
                if pause is not None:
                    return pause
        return None

    async def _send_row(self, lane: Document, row: Document) -> float | None:
        """Send one row; returns seconds to wait before the lane goes on, or None to go on at once."""
        try:
            opened, identity, message = await self._addressed(row)
        except _Hopeless as error:
            return await self._give_up(lane, row, str(error))
        pause = await self._pace(opened, identity["_id"])
        if pause > 0:
            return pause
        request = await self._request(row, message, identity, opened)
        row = {**row, "names": list(opened.connection.names(request))}
        if not await self._begin(lane, row):
            return 0.0
        holding = asyncio.create_task(self._hold(lane))
        try:
            sent = await opened.connection.send(request)
        except ChannelFailure as failure:
            return await self._failed(lane, row, identity, failure)
        except Exception as error:
            _log.exception("send_failed")
            await self._settle(lane, row, "uncertain", error=f"sending broke off ({type(error).__name__})")
            await self._told_already(row)
        else:
            await self._sent(row, sent, request.subject)
        finally:
            holding.cancel()
        return None

    async def _addressed(self, row: Document) -> tuple[Opened, Document, Document]:
        """A row's channel, identity and message. Raises `_Hopeless` where nothing can or may be sent there now."""
        try:
            opened = await self._channels.open(row["channel_id"])
        except NotFound:
            raise _Hopeless("this channel was disconnected") from None
        identity = await self._people.identity(row["identity_id"])
        message = await self._messages.get(row["message_id"])
        if identity is None or message is None:
            raise _Hopeless("this customer is gone")
        position = int(row["order"].rpartition(":")[2])
        refusal = await self._reach.refusal(identity, opened.kind, message, position + 1)
        if refusal is not None:
            raise _Hopeless(refusal)
        return opened, identity, message

    async def _hold(self, lane: Document) -> None:
        """Keep a lane while its request is under way; a large file on a slow line may take minutes."""
        while True:
            await asyncio.sleep(LEASE.total_seconds() / 3)
            await _persist(lambda: self._outbox.renew(lane))

    async def _pace(self, opened: Opened, identity_id: str) -> float:
        """Wait for the provider's limits; returns what is left to wait where that is long."""
        channel_id = opened.document["_id"]
        limits = opened.kind.capabilities
        for key, pace in ((f"{channel_id}", limits.channel_pace), (f"{channel_id}:{identity_id}", limits.chat_pace)):
            while (wait := await self._pacer.take(key, pace)) > 0:
                if wait > PATIENCE_SECONDS:
                    return wait
                await asyncio.sleep(wait)
        return 0.0

    async def _request(self, row: Document, message: Document, identity: Document, opened: Opened) -> Outgoing:
        payload = row["payload"]
        files = await self._attachments.many(payload["files"])
        exchange = await self._messages.exchange(message, REFERENCES)
        window = window_of(identity, opened.kind.capabilities, message)
        own = message.get("subject", "") if "notice" in message else ""
        # What a notice of another order was about is not what this one is about.
        subjects = [told["subject"] for told in exchange if told.get("subject") and not (own and "notice" in told)]
        references = [external_id for told in exchange for external_id in told.get("external_ids", ())]
        return Outgoing(
            to=address_of(identity),
            text=payload["text"],
            files=tuple(
                OutgoingFile(
                    type=payload["types"][position],
                    name=file["name"],
                    content_type=file["content_type"],
                    size=file["size"],
                    open=_opener(self._attachments, file),
                    url=self._links.address(file),
                )
                for position, file in enumerate(files)
            ),
            reply_to=payload["reply_to"],
            buttons=tuple((title, data) for title, data in payload["buttons"]),
            key=row["_id"],
            by_person=message["author"]["type"] == "manager",
            late=window is not None and window.late(now()),
            private=message.get("private", False),
            subject=subjects[-1] if subjects else own,
            references=tuple(references[-REFERENCES:]),
        )

    async def _sent(self, row: Document, sent: Sent, subject: str) -> None:
        await _persist(lambda: self._outbox.sent(row, sent.external_ids, subject=subject))
        self._count(row, "sent")

        async def show() -> None:
            # A receipt or a reaction may have beaten our own note of the provider's id.
            external_ids, sent_to = list(sent.external_ids), [row["identity_id"]]
            for changed in await self._messages.settle_changes(row["channel_id"], external_ids, sent_to=sent_to):
                if changed["_id"] != row["message_id"]:
                    await self._show(changed)
            await self._show_again(row["message_id"])

        await _persist(show)

    async def _failed(self, lane: Document, row: Document, identity: Document, failure: ChannelFailure) -> float | None:
        reason = str(failure)
        match failure:
            case RetryLater(after=float() | int() as after):
                await self._settle(lane, row, "queued", error=reason)
                return float(after)
            case RetryLater():
                attempts = row["attempts"] + 1
                if attempts >= MAX_ATTEMPTS:
                    await self._settle(lane, row, "failed", error=reason, attempts=attempts)
                    return None
                await self._settle(lane, row, "queued", error=reason, attempts=attempts)
                pause: float = min(FIRST_PAUSE * 2.0 ** (attempts - 1), LONGEST_PAUSE)
                return pause * random.uniform(0.75, 1.25)  # noqa: S311 - jitter is no secret
            case CredentialsRejected():
                await self._settle(lane, row, "queued", error=reason)
                await self._channels.pause(row["channel_id"], reason)
                return 1.0
            case AddressMoved(external_id=external_id):
                await _persist(lambda: self._people.move_identity(identity["_id"], external_id))
                await self._settle(lane, row, "queued")
                return 0.0
            case Uncertain():
                await self._settle(lane, row, "uncertain", error=reason)
                await self._told_already(row)
            case _:
                if isinstance(failure, Unreachable):
                    await _persist(lambda: self._note_unreachable(identity, reason))
                await self._settle(lane, row, "failed", error=reason)
        return None

    async def _note_unreachable(self, identity: Document, reason: str) -> None:
        await self._people.set_reachable(identity["_id"], reachable=False, reason=reason, at=now())
        changed = await self._people.identity(identity["_id"])
        if changed is not None:
            (told,) = await self._reach.told([changed])
            await self._feed.publish([Frame(type="identity.updated", data=told)])

    async def _begin(self, lane: Document, row: Document) -> bool:
        """Mark a row as leaving; False where the lane was lost meanwhile and somebody else took the row."""
        if not await self._outbox.renew(lane, showing=row["message_id"]):
            return False
        message = await _persist(lambda: self._outbox.begin(row, lane["holder"], row["names"]))
        if message is None:
            return False
        await _persist(lambda: self._show(message))
        return True

    async def _abandon(self, lane: Document, row: Document) -> None:
        await self._outbox.renew(lane, showing=row["message_id"])
        reason = "the server stopped while this was being sent"
        message = await _persist(lambda: self._outbox.abandon(row, reason))
        if message is not None:
            self._count(row, "uncertain", error=reason)
            await _persist(lambda: self._show(message))
            await self._told_already(row)

    async def _told_already(self, row: Document) -> None:
        """A receipt that came while the request was under way is an answer to it as well."""
        names = row.get("names", [])
        if names and await _persist(lambda: self._messages.told_of(row["channel_id"], names)):
            await self._sent(row, Sent(tuple(names)), "")

    async def _give_up(self, lane: Document, row: Document, reason: str) -> float | None:
        """Fail a row before anything left."""
        if not await self._outbox.renew(lane, showing=row["message_id"]):
            return 0.0
        await self._settle(lane, row, "failed", error=reason)
        return None

    async def _settle(
        self, lane: Document, row: Document, state: str, *, error: str | None = None, **changes: Any
    ) -> None:
        """Move a row that did not arrive, and show its message; whoever has the row by now knows more."""
        holder = lane["holder"]
        message = await _persist(lambda: self._outbox.finish(row, state, holder, error=error, **changes))
        if message is None:
            return
        if state != "queued":
            self._count(row, state, error=error)
        await _persist(lambda: self._show(message))

    def _count(self, row: Document, state: str, **details: Any) -> None:
        self._sends.labels(row["kind"], state).inc()
        _log.info("message_" + state, **details)

    async def _show_again(self, message_id: str) -> None:
        message = await self._messages.get(message_id)
        if message is not None:
            await self._show(message)

    async def _show(self, message: Document) -> None:
        """Show a message as it is now; one that needs somebody also shows in the list."""
        frames = []
        conversation = None
        if message["state"] in ("failed", "uncertain"):
            conversation = await self._conversations.message_changed(message)
            if conversation is not None:
                frames.append(about("conversation.updated", conversation, conversation))
        conversation = conversation or await self._conversations.get(message["conversation_id"])
        if conversation is not None:
            await self._feed.publish([about("message.updated", message, conversation), *frames])


def _opener(attachments: AttachmentStore, file: Document) -> Callable[[], Any]:
    return lambda: attachments.read(file["file_id"], 0, file["size"])


async def _persist(write: Callable[[], Awaitable[_T]]) -> _T:
    """Repeat a note until the database has taken it: what the provider said must not be lost to an outage of ours."""
    pause = 0.2
    while True:
        try:
            return await write()
        except Exception as error:
            if not is_unavailable(error):
                raise
            await asyncio.sleep(pause)
            pause = min(pause * 2, 2.0)


class PlannedRow(msgspec.Struct, frozen=True):
    """What a reply asks the outbox for."""

    text: str
    files: tuple[str, ...]
    types: tuple[str, ...]
    reply_to: str
    buttons: tuple[tuple[str, str], ...] = ()


def outbox_rows(message: Document, kind: str, planned: list[PlannedRow], request_id: str) -> list[Document]:
    """The rows of a message, one for each request."""
    return [
        {
            "_id": f"{message['_id']}:{position:03d}",
            "lane": message["identity_id"],
            "order": f"{message['sort']}:{position:03d}",
            "live": True,
            "conversation_id": message["conversation_id"],
            "channel_id": message["channel_id"],
            "kind": kind,
            "identity_id": message["identity_id"],
            "message_id": message["_id"],
            "payload": {
                "text": part.text,
                "files": list(part.files),
                "types": list(part.types),
                "reply_to": part.reply_to,
                "buttons": [list(button) for button in part.buttons],
            },
            "state": "queued",
            "attempts": 0,
            "error": None,
            "request_id": request_id,
        }
        for position, part in enumerate(planned)
    ]
