"""Step 6 begins here: what a manager or the bot writes becomes a message and its outbox rows, both or neither."""

import time
from collections.abc import Awaitable, Sequence
from datetime import timedelta
from functools import partial
from typing import Literal

import msgspec
import structlog

from inbox.channels import Channels, Opened
from inbox.events import EventBus
from inbox.files import shown
from inbox.links import FileLinks
from inbox.live import LiveFeed, about
from inbox.merging import Merging
from inbox.model.conversation import answered
from inbox.model.domain_events import ConversationChanged, ReplyPosted
from inbox.model.errors import Conflict, Invalid, NotFound, ProviderUnavailable
from inbox.model.failures import ChannelFailure, RetryLater
from inbox.model.happenings import status_set
from inbox.model.ids import derived_id, new_id, now, sort_key
from inbox.model.parts import media_type, plan, render
from inbox.model.people import Author
from inbox.outbox import PlannedRow, outbox_rows
from inbox.reach import Reach
from inbox.storage.attachments import AttachmentStore
from inbox.storage.conversations import ConversationStore
from inbox.storage.database import Document
from inbox.storage.messages import MessageStore
from inbox.storage.outbox import OutboxStore
from inbox.storage.people import PeopleStore, address_of
from inbox.storage.timers import follow_up_timer
from inbox.wakeups import Wakeups

MAX_TEXT = 20_000
MAX_FILES = 20


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wants to say. `attachments` are ids of uploads, `reply_to` is the id of the message answered."""

    text: str = ""
    kind: Literal["reply", "note"] = "reply"
    channel_id: str | None = None
    attachments: Sequence[str] = ()
    reply_to: str | None = None
    client_token: str | None = None
    seen: str | None = None
    """The id of the last message that the writer of a reply knew of, where it may not go over what came after it."""
    macro_id: str | None = None
    automatic: bool = False
    answers: bool = False
    """Whether an automatic reply answers fully: nobody waits for a person any more, and the customer is waited for."""
    answered: Sequence[str] = ()
    """The sort keys of the messages that it `answers`, where it leaves others; empty: whatever is unanswered."""
    private: bool | None = None
    """How a public comment is answered: in private, or (False and None) where everybody can read it."""
    buttons: Sequence[tuple[str, str]] = ()
    """(title, data) pairs that the customer can press, or answer by their number where the channel has no buttons."""
    notice: Document | None = None
    """What a customer is told of an order: `{id, attempt, order_id, number, status, passed_over, handed_on}`.

    A message with one stands in its thread and moves nothing: not the list, nor whoever works on it.
    """
    subject: str = ""
    """What it is about, where the channel shows such a line and the exchange has none yet."""
    message_id: str | None = None
    """The id that the message gets, where whoever writes it has to find it again wherever it lies by then."""
    identity_id: str | None = None
    """To which of the customer's identities on the channel, where it has to be a certain one."""
    secret: str = ""
    """What of `text` is for the customer's eyes alone: the message that managers see has dots in its place."""
    lent: frozenset[str] = frozenset()
    """Those of `attachments` that a macro keeps: the message shares their bytes."""
    actions: Sequence[Document] = ()
    """What else is done once it is posted, as `inbox.follow_ups` stores it; with a reply only."""


class Replies:
    """Posts, repeats, edits and takes back messages of the shop."""

    def __init__(
        self,
        *,
        conversations: ConversationStore,
        messages: MessageStore,
        outbox: OutboxStore,
        people: PeopleStore,
        attachments: AttachmentStore,
        channels: Channels,
        reach: Reach,
        links: FileLinks,
        merging: Merging,
        feed: LiveFeed,
        bus: EventBus,
        wakeups: Wakeups,
    ) -> None:
        self._conversations = conversations
        self._messages = messages
        self._outbox = outbox
        self._people = people
        self._attachments = attachments
        self._channels = channels
        self._reach = reach
        self._links = links
        self._merging = merging
        self._feed = feed
        self._bus = bus
        self._wakeups = wakeups

    async def post(self, conversation_id: str, draft: Draft, *, author: Author) -> tuple[Document, bool]:
        """Write into a conversation. Second: False where the client token was known and the first message is returned.

        Raises `Invalid` naming the field for what cannot be sent, `Overtaken` where others said something after what
        the writer has `seen`; then nothing is stored.
        """
        conversation = await self._existing(conversation_id)
        token = draft.client_token
        # What was said once is known, even if it could not be said again by now.
        message = await self._messages.by_token(conversation["_id"], token) if token is not None else None
        created = False
        rows: Sequence[Document] = ()
        if message is None:
            drafted, rows, shared = await self._drafted(conversation, draft, author)
            follow_up = follow_up_timer(drafted) if draft.macro_id or drafted.get("actions") else None
            seen = await self._seen(draft.seen, conversation) if draft.kind == "reply" else None
            message, created = await self._messages.post(drafted, rows, files=shared, timer=follow_up, seen=seen)
        if not created:
            # If the first try broke off behind the write, this calls the sender.
            rows = [row for row in await self._outbox.of_message(message["_id"]) if row["live"]]
        if rows:
            await self._outbox.open_lanes(rows)
            self._wakeups.ring("outbox")
        if message["attachments"]:
            files = [file["id"] for file in message["attachments"]]
            await self._attachments.attach(files, message["_id"], message["conversation_id"])
        shown = conversation["last_message"]
        if created or shown is None or shown["sort"] < message["sort"]:
            # The first try may have broken off before anybody saw what it had written.
            message = await self._show(message, author)
        return message, created

    async def _seen(self, seen: str | None, conversation: Document) -> Document | None:
        """The newest message that a writer knew of."""
        if seen is None:
            return None
        message = await self._messages.get(seen)
        # In a thread that shows all that happened with a customer it may be of another conversation of theirs.
        if message is None or message["customer_id"] != conversation["customer_id"]:
            raise Invalid("seen", "there is no such message of this customer")
        return message

    async def knows(self, conversation_id: str, client_token: str) -> bool:
        """Whether a message was posted under this token."""
        return await self._messages.by_token(conversation_id, client_token) is not None

    async def _drafted(
        self, conversation: Document, draft: Draft, author: Author
    ) -> tuple[Document, Sequence[Document], Sequence[Document]]:
        """A draft as a message, its rows of the outbox, and rows of the files that it shares; none of them stored."""
        text = draft.text.strip()
        if not text and not draft.attachments:
            raise Invalid("text", "write something or attach a file")
        if len(text) > MAX_TEXT:
            raise Invalid("text", f"is longer than {MAX_TEXT} characters")
        files = await self._files(draft, author)
        message = _message(conversation, draft, text, author)
        shared = {file["_id"]: _shared(file, message) for file in files if file["_id"] in draft.lent}
        files = [shared.get(file["_id"], file) for file in files]
        message["attachments"] = [_shown(file) for file in files]
        if draft.kind == "note":
            await self._quoted(message, draft)
            return message, (), list(shared.values())
        if draft.actions:
            message["actions"] = list(draft.actions)
        opened, identity = await self._address(message, conversation, draft)
        if draft.subject and opened.kind.capabilities.subjects:
            message["subject"] = draft.subject
        quoted = await self._quoted(message, draft)
        planned = self._planned(message, draft, files, opened, quoted)
        refusal = await self._reach.refusal(identity, opened.kind, message, len(planned))
        if refusal is not None:
            raise Invalid("channel_id", refusal)
        request_id = structlog.contextvars.get_contextvars().get("request_id", "")
        rows = outbox_rows(message, opened.kind.name, planned, request_id)
        message["parts"] = message["unsent"] = len(rows)
        if draft.secret:
            message["text"] = message["text"].replace(draft.secret, "•" * len(draft.secret))
        return message, rows, list(shared.values())

    async def allow(self, identity: Document, *, author: Author) -> None:
        """Raise `Invalid` where this author may not write to an identity now."""
        opened = await self._channels.open(identity["channel_id"])
        message = {"author": {"type": author.type}, "sort": sort_key(now())}
        refusal = await self._reach.refusal(identity, opened.kind, message, 1)
        if refusal is not None:
            raise Invalid("channel_id", refusal)

    async def _show(self, message: Document, author: Author) -> Document:
        """Move the conversation's row and tell everyone; returns the message as it is in its conversation."""
        conversation, message = await self._at_home(message)
        by_person = author.type == "manager"
        # A conversation that begins with a notice shows it; any other stays where it is.
        moves = "notice" not in message or conversation["last_message"] is None
        if message["direction"] == "out" and moves:
            before = conversation
            if by_person and not conversation["active"]:
                conversation = await self._reopen(conversation, author)
            decision = partial(answered, message=message, by_person=by_person)
            decided = await self._conversations.decide({}, {conversation["_id"]: decision}, durable=True)
            conversation = decided[conversation["_id"]]
            if by_person and author.id is not None:
                await self._people.note_manager(conversation["customer_id"], author.id)
            frames = [
                about("message.created", message, conversation),
                about("conversation.updated", conversation, conversation, before),
            ]
        else:
            frames = [about("message.created", message, conversation)]
        await self._feed.publish(frames)
        await self._bus.announce(ReplyPosted(conversation, message))
        return message

    async def _at_home(self, message: Document) -> tuple[Document, Document]:
        """A message that was just stored with its conversation: cards may have been merged, or parted, meanwhile."""
        conversation = await self._existing(message["conversation_id"])
        if (conversation["_id"], conversation["customer_id"]) == (message["conversation_id"], message["customer_id"]):
            return conversation, message
        await self._merging.bring_home([message])
        message = await self._messages.get(message["_id"]) or message
        return await self._existing(message["conversation_id"]), message

    async def _reopen(self, conversation: Document, author: Author) -> Document:
        """A manager who writes into a closed conversation opens and takes it, unless the customer has another one."""
        present = now()
        assignment = {"reason": "replied", "at": present, "by": author.name, "load": None, "capacity": None}
        try:
            changed = await self._conversations.change(
                conversation["_id"],
                {
                    "status": "open",
                    "active": True,
                    "closed_at": None,
                    "opened_at": present,
                    "status_set": status_set(conversation, "open", None, author, present),
                    "assignee_id": author.id,
                    "last_assignee_id": conversation["assignee_id"],
                    "assignment": assignment,
                },
                expected={"active": False},
            )
        except Conflict:
            return conversation
        if changed is None:
            return conversation
        await self._bus.announce(ConversationChanged(conversation, changed, author))
        return changed

    async def retry(self, message_id: str) -> Document:
        """Send again what is not known to have been sent. Raises `Conflict` where there is nothing to repeat."""
        message = await self._outgoing(message_id)
        revived = await self._outbox.revive(message_id)
        if revived is None and message.get("notice", {}).get("handed_on"):
            raise Conflict("another channel has taken this over: it is told there, or by whoever has the task")
        if revived is None:
            raise Conflict(f"this message is {message['state']}: there is nothing to send again")
        self._wakeups.ring("outbox")
        return await self._publish(revived)

    async def edit(self, message_id: str, text: str, *, author: Author) -> Document:
        """Replace the text of a sent message, at the customer's end first."""
        text = text.strip()
        message = await self._outgoing(message_id)
        _own(message, author)
        if not text:
            raise Invalid("text", "write something, or take the message back")
        if len(text) > MAX_TEXT:
            raise Invalid("text", f"is longer than {MAX_TEXT} characters")
        if message["direction"] == "note":
            changed = await self._messages.change(message_id, {"text": text, "edited_at": now()})
            return await self._publish(changed or message)
        opened, identity, external_ids = await self._delivered(message)
        limits = opened.kind.capabilities
        if not limits.edit.sends:
            raise Conflict(f"{opened.kind.title} cannot edit sent messages")
        if len(external_ids) > 1 or message["attachments"]:
            raise Conflict("only a text that went out as one message can be edited")
        if len(plan(text, (), limits)) > 1:
            raise Invalid("text", f"is longer than one message on {opened.kind.title} can be")
        await _ask(opened, opened.connection.edit(address_of(identity), external_ids[0], text))
        changed = await self._messages.change(message_id, {"text": text, "entities": [], "edited_at": now()})
        return await self._publish(changed or message)

    async def unsend(self, message_id: str, *, author: Author) -> Document:
        """Take a message back, at the customer's end first; a note just goes."""
        message = await self._outgoing(message_id)
        _own(message, author)
        if message["direction"] == "out":
            opened, identity, external_ids = await self._delivered(message)
            limits = opened.kind.capabilities
            if not limits.delete.sends:
                raise Conflict(f"{opened.kind.title} cannot take back sent messages")
            if limits.delete_window and now() - message["created_at"] > timedelta(seconds=limits.delete_window):
                raise Conflict(f"{opened.kind.title} takes messages back for {limits.delete_window // 3600} hours only")
            for external_id in external_ids:
                await _ask(opened, opened.connection.delete(address_of(identity), external_id))
        changed = await self._messages.change(message_id, {"deleted_at": now()})
        return await self._publish(changed or message)

    async def typing(self, conversation_id: str) -> None:
        """Show the customer that somebody writes, where the channel can; a failure to do so is nobody's trouble."""
        conversation = await self._existing(conversation_id)
        opened = await self._channels.open(conversation["channel_id"])
        identity = await self._answered(conversation, conversation["channel_id"])
        if identity is None or not opened.kind.capabilities.typing.sends:
            return
        try:
            await opened.connection.typing(address_of(identity))
        except ChannelFailure as error:
            structlog.get_logger(__name__).info("typing_not_shown", reason=str(error))

    async def _existing(self, conversation_id: str) -> Document:
        conversation = await self._conversations.get(conversation_id)
        if conversation is None:
            raise NotFound("there is no such conversation")
        return conversation

    async def _files(self, draft: Draft, author: Author) -> list[Document]:
        ids = draft.attachments
        if len(ids) > MAX_FILES:
            raise Invalid("attachments", f"at most {MAX_FILES} files in one message")
        if len(set(ids)) != len(ids):
            raise Invalid("attachments", "names a file twice")
        files = await self._attachments.many(list(ids))
        known = {file["_id"] for file in files if file["_id"] in draft.lent or _is_upload(file)}
        for attachment_id in ids:
            if attachment_id not in known:
                raise Invalid("attachments", f"there is no upload {attachment_id}; post it to /attachments first")
        for file in files:
            if author.type == "manager" and file["uploader_id"] != author.id and file["_id"] not in draft.lent:
                raise Invalid("attachments", f"{file['_id']} was uploaded by somebody else")
        return files

    async def _address(self, message: Document, conversation: Document, draft: Draft) -> tuple[Opened, Document]:
        """Decide over which channel and to which identity a reply goes."""
        chosen = draft.channel_id or conversation["channel_id"]
        try:
            opened = await self._channels.open(chosen)
        except NotFound:
            raise Invalid("channel_id", "this channel is not connected any more; choose another") from None
        if not opened.kind.capabilities.text.sends:
            raise Invalid("channel_id", f"{opened.kind.title} takes no messages from us")
        if draft.identity_id is not None:
            identity = await self._people.identity(draft.identity_id)
        else:
            identity = await self._answered(conversation, chosen)
        if identity is None or identity["customer_id"] != conversation["customer_id"]:
            raise Invalid("channel_id", "this customer is not known on that channel")
        if not identity["reachable"]:
            raise Invalid("channel_id", f"the customer cannot be reached there: {identity['reachable_reason']}")
        message["channel_id"] = chosen
        message["identity_id"] = identity["_id"]
        return opened, identity

    async def _answered(self, conversation: Document, channel_id: str) -> Document | None:
        """Who an answer on a channel goes to; None where the customer is not known there."""
        known = await self._people.identities([conversation["customer_id"]])
        there = [identity for identity in known if identity["channel_id"] == channel_id]
        return (await self._reach.addressees(there, conversation["_id"])).get(channel_id)

    async def _quoted(self, message: Document, draft: Draft) -> str:
        """The provider's id of the message that is answered, where it has one on the same channel."""
        quoted = await self._messages.get(draft.reply_to) if draft.reply_to is not None else None
        answers_here = quoted is not None and quoted["conversation_id"] == message["conversation_id"]
        if draft.reply_to is not None and not answers_here:
            raise Invalid("reply_to", "there is no such message in this conversation")
        same_channel = quoted is not None and quoted["channel_id"] == message["channel_id"]
        replies = message["direction"] == "out"
        public = quoted is not None and replies and same_channel and quoted.get("public", False)
        if draft.private is not None and not public:
            raise Invalid("private", "only an answer to a public message is public or private: name it in reply_to")
        if quoted is None:
            return ""
        message["reply_to"] = draft.reply_to
        if public and draft.private:
            message |= {"private": True, "commented_at": quoted["sent_at"]}
        elif public:
            message["public"] = True
        external_ids: list[str] = quoted.get("external_ids") or [""]
        return external_ids[0] if same_channel else ""

    def _planned(
        self, message: Document, draft: Draft, files: Sequence[Document], opened: Opened, quoted: str
    ) -> list[PlannedRow]:
        """The requests that carry a reply. What the channel cannot carry stands in its text, as links or numbers.

        The message's own text becomes what the customer reads.
        """
        public = message.get("public", False)
        rendered = render(
            message["text"], files, draft.buttons, opened.kind.capabilities, address=self._links.address, public=public
        )
        linked = [file for file in files if file["_id"] in rendered.linked]
        if linked and not message["text"]:
            refused = _too_much(linked[0], opened)
            raise Invalid("attachments", f"{refused}; write a line to it, and it goes along as a link")
        if linked and not opened.kind.can_open(opened.settings, self._links.address(linked[0])):
            refused = _too_much(linked[0], opened)
            reason = "a link to it would open nothing for the customer, as the shop has no address on the internet"
            raise Invalid("attachments", f"{refused}, and {reason}: set SKRYNKA_PUBLIC_URL")
        if draft.buttons and not message["text"]:
            raise Invalid("text", "write a line above the buttons")
        message["text"] = rendered.text
        if draft.buttons:
            message["buttons"] = [{"title": title, "data": data} for title, data in draft.buttons]
            message["numbered"] = rendered.numbered
        parts = rendered.parts
        if message.get("private") and len(parts) > 1:
            raise Invalid("text", "a comment takes one answer in private: shorten it, or send the files without a text")
        buttons = tuple(draft.buttons) if not rendered.numbered else ()
        return [
            PlannedRow(
                text=part.text,
                files=part.files,
                types=tuple(rendered.types[key] for key in part.files),
                # What follows a public answer has to be one as well; elsewhere one quotation is enough.
                reply_to=quoted if public or not position else "",
                buttons=buttons if position == len(parts) - 1 else (),
            )
            for position, part in enumerate(parts)
        ]

    async def _outgoing(self, message_id: str) -> Document:
        message = await self._messages.get(message_id)
        if message is None or message["direction"] not in ("out", "note"):
            raise NotFound("there is no such message of ours")
        if message["deleted_at"] is not None:
            raise Conflict("this message was taken back")
        return message

    async def _delivered(self, message: Document) -> tuple[Opened, Document, list[str]]:
        external_ids: list[str] = message.get("external_ids") or []
        if not external_ids or message["state"] in ("queued", "sending", "uncertain", "failed"):
            raise Conflict(f"this message is {message['state']}: it can be changed once it is known to be sent")
        opened = await self._channels.open(message["channel_id"])
        identity = await self._people.identity(message["identity_id"])
        if identity is None:
            raise NotFound("this customer is gone")
        return opened, identity, external_ids

    async def _publish(self, message: Document) -> Document:
        conversation = await self._conversations.message_changed(message)
        frames = []
        if conversation is None:
            conversation = await self._existing(message["conversation_id"])
        else:
            frames.append(about("conversation.updated", conversation, conversation))
        await self._feed.publish([about("message.updated", message, conversation), *frames])
        return message


async def _ask(opened: Opened, request: Awaitable[None]) -> None:
    """Have the provider change a message, and say why where it does not."""
    try:
        await request
    except RetryLater as error:
        raise ProviderUnavailable(f"{opened.kind.title} did not answer; try again") from error
    except ChannelFailure as error:
        raise Conflict(f"{opened.kind.title}: {error}") from error


def _too_much(file: Document, opened: Opened) -> str:
    """Why a channel does not take a file."""
    limits, title = opened.kind.capabilities.media_limits, opened.kind.title
    limit = limits.get(media_type(file["content_type"], file["size"], opened.kind.capabilities))
    if limit is None or file["size"] <= limit.max_bytes:
        return f"{title} does not take {file['name']}"
    return f"{file['name']} is larger than the {limit.max_bytes // 1024 // 1024} MB that {title} takes"


def _own(message: Document, author: Author) -> None:
    """A manager changes their own words only; nobody else's are put into a colleague's mouth."""
    if author.type == "manager" and message["author"]["id"] not in (author.id, None):
        raise Conflict("only who wrote a message may change it")


def _is_upload(file: Document) -> bool:
    """Whether a manager brought a file, and for no macro: those are lent, so that they stay."""
    return file["uploader_id"] is not None and file.get("macro_id") is None


def _shared(file: Document, message: Document) -> Document:
    """A file of a macro as a message has it: a row of its own over the same bytes."""
    return {
        **{field: value for field, value in file.items() if field != "macro_id"},
        "_id": derived_id("shared", message["_id"], file["_id"]),
        "message_id": message["_id"],
        "conversation_id": message["conversation_id"],
        "uploader_id": message["author"]["id"],
        "created_at": message["created_at"],
    }


def _shown(file: Document) -> Document:
    family = {"image": "photo", "video": "video", "audio": "audio"}.get(file["content_type"].partition("/")[0])
    return {
        "id": file["_id"],
        "type": family or "document",
        "part": "",
        "width": None,
        "height": None,
        "duration": None,
        "name": file["name"],
        **shown(file),
    }


def _message(conversation: Document, draft: Draft, text: str, author: Author) -> Document:
    """A message of ours as it is stored; `channel_id` and `identity_id` follow for replies."""
    present = now()
    message: Document = {
        "_id": draft.message_id or new_id(),
        "conversation_id": conversation["_id"],
        "customer_id": conversation["customer_id"],
        "channel_id": conversation["channel_id"],
        "identity_id": None,
        "direction": "out" if draft.kind == "reply" else "note",
        "author": {"type": author.type, "id": author.id, "name": author.name, "machine": False},
        "text": text,
        "entities": [],
        "content": None,
        "attachments": [],
        "forwarded": False,
        "reply_to": None,
        "state": "queued" if draft.kind == "reply" else "stored",
        "error": None,
        # Nanoseconds within the millisecond keep two messages of one moment in the order in which they were written.
        "sort": sort_key(present, time.time_ns() % 1_000_000),
        "sent_at": present,
        "received_at": present,
        "created_at": present,
        "edited_at": None,
        "deleted_at": None,
        "reactions": [],
        "automatic": draft.automatic,
        "macro_id": draft.macro_id,
    }
    if draft.client_token is not None:
        message["client_token"] = draft.client_token
    if draft.notice is not None:
        message["notice"] = draft.notice
    if draft.answers and draft.automatic and draft.kind == "reply":
        message["answers"] = list(draft.answered or conversation["unanswered"])
    return message
