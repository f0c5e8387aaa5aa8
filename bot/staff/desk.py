"""What a manager does from their phone: the services that the web uses, for the same viewer, and the same audit.

Nothing here knows of chats and buttons. Whatever changes something takes the `token` of the update that asks for it:
what was done under it once is not done again.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
import structlog

from inbox.channels import Channels
from inbox.conversations import ConversationQuery, Conversations
from inbox.customers import Customers
from inbox.follow_ups import FollowUps
from inbox.macros import Macros, Prepared
from inbox.managers import Managers
from inbox.media import Media
from inbox.messages import Messages
from inbox.model.channel import OutgoingFile
from inbox.model.errors import Conflict, Invalid, NotFound
from inbox.model.ids import derived_id, now
from inbox.model.people import Author, Status, Viewer
from inbox.replies import Draft, Replies
from inbox.storage.audit import AuditStore
from inbox.storage.database import Document
from inbox.storage.errors import Duplicate
from inbox.teams import Teams
from routing.assignment import Assigner
from routing.handing_over import HandingOver, HandOver

LISTED: Final = 20
"""How many conversations a list shows."""

SHOWN: Final = 8
"""How many messages an opened conversation shows."""

OFFERED: Final = 12
"""How many macros, managers or teams are offered at once."""


class Row(msgspec.Struct, frozen=True):
    """A conversation in a list: itself, its customer's name (perhaps empty) and its channel's."""

    conversation: Document
    customer: str
    channel: str


class Talk(msgspec.Struct, frozen=True):
    """An opened conversation, its messages oldest first."""

    row: Row
    messages: Sequence[Document]

    @property
    def seen(self) -> str | None:
        """The last message that whoever reads this knows of."""
        return str(self.messages[-1]["_id"]) if self.messages else None


class Receiver(msgspec.Struct, frozen=True):
    """Who could be given a conversation; `kind` is `m` for a manager, `t` for a team."""

    kind: str
    id: str
    name: str
    status: str = ""


class Upload(msgspec.Struct, frozen=True):
    """A file that a manager sends: where it comes from is opened only when it is wanted."""

    name: str
    content_type: str
    chunks: AsyncIterator[bytes]


class StaffDesk:
    """Everything that the companion can do."""

    def __init__(
        self,
        *,
        assigner: Assigner,
        handing_over: HandingOver,
        conversations: Conversations,
        messages: Messages,
        customers: Customers,
        channels: Channels,
        replies: Replies,
        macros: Macros,
        follow_ups: FollowUps,
        managers: Managers,
        teams: Teams,
        media: Media,
        audit: AuditStore,
    ) -> None:
        self._assigner = assigner
        self._handing_over = handing_over
        self._conversations = conversations
        self._messages = messages
        self._customers = customers
        self._channels = channels
        self._replies = replies
        self._macros = macros
        self._follow_ups = follow_ups
        self._managers = managers
        self._teams = teams
        self._media = media
        self._audit = audit

    async def status(self, viewer: Viewer) -> tuple[str, int]:
        """What a manager said of themselves, and how many conversations they have open."""
        manager, mine = await asyncio.gather(
            self._managers.get(viewer.id),
            self._conversations.page(viewer, ConversationQuery(status="active", assignee="me", limit=100)),
        )
        return str(manager["status"]), len(mine[0])

    async def set_status(self, viewer: Viewer, status: Status, *, token: str) -> None:
        """Take conversations, or stop taking them."""
        await self._assigner.set_status(viewer.id, status)
        await self._record(viewer, "me.status", viewer.id, token, {"status": status.value})

    async def mine(self, viewer: Viewer) -> list[Row]:
        """The manager's open conversations, those first whose customers are to be answered first."""
        query = ConversationQuery(status="active", assignee="me", sort="due", limit=LISTED)
        found, _ = await self._conversations.page(viewer, query)
        cards, names = await asyncio.gather(
            self._customers.many([row["customer_id"] for row in found]), self._channel_names()
        )
        return [
            Row(row, cards.get(row["customer_id"], {}).get("name", ""), names.get(row["channel_id"], ""))
            for row in found
        ]

    async def row(self, viewer: Viewer, conversation_id: str) -> Row:
        """One conversation. Raises `NotFound` also for what this manager must not know of."""
        conversation = await self._conversations.get(viewer, conversation_id)
        card, names = await asyncio.gather(self._customers.get(conversation["customer_id"]), self._channel_names())
        return Row(conversation, card["name"], names.get(conversation["channel_id"], ""))

    async def open(self, viewer: Viewer, conversation_id: str) -> Talk:
        """A conversation with its last messages; it was read then."""
        row = await self.row(viewer, conversation_id)
        messages, _ = await self._messages.page(row.conversation["_id"], limit=SHOWN, cursor=None)
        read = await self._conversations.mark_read(row.conversation["_id"], viewer)
        return Talk(msgspec.structs.replace(row, conversation=read), messages[::-1])

    async def file(self, viewer: Viewer, attachment_id: str) -> OutgoingFile:
        """A file of a conversation that this manager may see."""
        attachment, read = await self._media.open(attachment_id)
        if attachment["conversation_id"] is None:
            raise NotFound("there is no such file")
        await self._conversations.get(viewer, attachment["conversation_id"])
        size = attachment["size"]
        return OutgoingFile(
            type=attachment["type"],
            name=attachment["name"],
            content_type=attachment["content_type"],
            size=size,
            open=lambda: read(0, size),
        )

    async def say(
        self,
        viewer: Viewer,
        conversation_id: str,
        *,
        kind: str,
        text: str,
        upload: Upload | None = None,
        seen: str | None = None,
        token: str,
    ) -> None:
        """Answer the customer, or take a note (`kind` is `reply` or `note`).

        Raises `Overtaken` where others said something after what the manager has `seen`.
        """
        conversation = await self._conversations.get(viewer, conversation_id)
        files: tuple[str, ...] = ()
        if upload is not None and not await self._replies.knows(conversation["_id"], token):
            stored = await self._media.store(upload.name, upload.content_type, upload.chunks, viewer.id)
            files = (stored["_id"],)
            await self._record(viewer, "attachment.upload", stored["_id"], token, {})
        draft = Draft(
            text=text,
            kind="note" if kind == "note" else "reply",
            attachments=files,
            client_token=token,
            seen=seen if kind == "reply" else None,
        )
        await self._post(viewer, conversation, draft)

    async def macros(self, viewer: Viewer, words: str = "") -> list[Document]:
        """Macros that this manager may use, the most used first; those alone that have all of these words."""
        wanted = words.casefold().split()
        found, _ = await self._macros.page(viewer, None, 100 if wanted else OFFERED, by_use=True)
        return [macro for macro in found if all(word in _searched(macro) for word in wanted)][:OFFERED]

    async def prepared(self, viewer: Viewer, conversation_id: str, macro_id: str) -> tuple[Row, Prepared]:
        """A macro as the conversation's customer would get it."""
        row = await self.row(viewer, conversation_id)
        macro = await self._macros.get(viewer, macro_id)
        if macro["archived"]:
            raise NotFound("this macro is archived")
        customer = await self._customers.get(row.conversation["customer_id"])
        return row, await self._macros.prepare(macro, customer=customer, manager=viewer)

    async def send_macro(self, viewer: Viewer, conversation_id: str, macro_id: str, mark: str, *, token: str) -> None:
        """Send a macro as it was shown, with all that goes along with it.

        Raises `Conflict` where it would say something else by now than what has this `mark` (see `mark_of`).
        """
        conversation = await self._conversations.get(viewer, conversation_id)
        if await self._replies.knows(conversation["_id"], token):
            return
        _, prepared = await self.prepared(viewer, conversation_id, macro_id)
        if mark_of(prepared) != mark:
            raise Conflict("what this macro says has changed meanwhile")
        if prepared.filled.missing:
            raise Invalid("macro_id", f"this macro needs {', '.join(prepared.filled.missing)}")
        files = tuple(file["_id"] for file in prepared.files)
        draft = Draft(
            text=prepared.filled.text,
            attachments=files,
            lent=frozenset(files),
            buttons=prepared.buttons,
            macro_id=macro_id,
            actions=await self._follow_ups.planned(conversation, prepared.actions, prepared.order),
            client_token=token,
        )
        await self._post(viewer, conversation, draft)

    async def _post(self, viewer: Viewer, conversation: Document, draft: Draft) -> None:
        message, _ = await self._replies.post(conversation["_id"], draft, author=Author.of(viewer))
        told = {"kind": draft.kind, **({"macro_id": draft.macro_id} if draft.macro_id else {})}
        await self._record(viewer, "message.post", message["_id"], draft.client_token or "", told)

    async def receivers(self, viewer: Viewer, conversation_id: str) -> tuple[Document, list[Receiver]]:
        """A conversation, and whom it could be handed over to: colleagues, those online first, and teams."""
        conversation = await self._conversations.get(viewer, conversation_id)
        (managers, _), (teams, _) = await asyncio.gather(self._managers.page(None, 100), self._teams.page(None, 100))
        others = [
            Receiver("m", row["_id"], row["name"], row["status"])
            for row in managers
            if row["active"] and row["_id"] not in (viewer.id, conversation["assignee_id"])
        ]
        order = list(Status)
        others.sort(key=lambda one: (order.index(Status(one.status)), one.name.casefold()))
        offered = [*others[:OFFERED], *(Receiver("t", row["_id"], row["name"]) for row in teams[:OFFERED])]
        return conversation, offered

    async def hand_over(
        self,
        viewer: Viewer,
        conversation_id: str,
        kind: str,
        receiver_id: str,
        *,
        note: str = "",
        version: int,
        token: str,
    ) -> None:
        """Give a conversation to a manager or a team, with a word. Raises `Conflict` where it is not as it was seen."""
        manager_id, team_id = (receiver_id, None) if kind == "m" else (None, receiver_id)
        wanted = HandOver(manager_id=manager_id, team_id=team_id, note=note, version=version, client_token=token)
        await self._handing_over.hand_over(viewer, conversation_id, wanted)
        told = {"manager_id": manager_id, "team_id": team_id}
        await self._record(viewer, "conversation.hand_over", conversation_id, token, told)

    async def snooze(self, viewer: Viewer, conversation_id: str, minutes: int, version: int, *, token: str) -> None:
        """Put a conversation aside for a while. Raises `Conflict` where it is not as it was seen."""
        until = now() + timedelta(minutes=minutes)
        await self._change(viewer, conversation_id, {"snoozed_until": until}, version, token)

    async def close(self, viewer: Viewer, conversation_id: str, version: int, *, token: str) -> None:
        """Close a conversation. Raises `Conflict` where it is not as it was seen."""
        await self._change(viewer, conversation_id, {"status": "closed"}, version, token)

    async def _change(
        self, viewer: Viewer, conversation_id: str, changes: Mapping[str, Any], version: int, token: str
    ) -> None:
        conversation = await self._conversations.get(viewer, conversation_id)
        if token in conversation.get("done_once", ()):
            return
        await self._conversations.change(
            conversation["_id"], changes, by=Author.of(viewer), version=version, once=token
        )
        told = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in changes.items()}
        await self._record(viewer, "conversation.change", conversation["_id"], token, told)

    async def _channel_names(self) -> dict[str, str]:
        return {channel["_id"]: channel["name"] for channel in await self._channels.known()}

    async def _record(self, viewer: Viewer, action: str, object_id: str, token: str, changed: Document) -> None:
        """Write down who did what, once for an update."""
        with suppress(Duplicate):
            await self._audit.add(
                {
                    "_id": derived_id("staff", token, action),
                    "at": now(),
                    "actor": {"id": viewer.id, "name": viewer.name, "role": viewer.role.value},
                    "action": action,
                    "object_id": object_id,
                    "address": "",
                    "request_id": structlog.contextvars.get_contextvars().get("request_id", ""),
                    "changed": changed,
                }
            )


def mark_of(prepared: Prepared) -> str:
    """Eight digits that tell what a macro says and brings along from what it said before."""
    said = msgspec.json.encode(
        [prepared.filled.text, prepared.buttons, [file["_id"] for file in prepared.files], prepared.macro["actions"]]
    )
    return hashlib.sha256(said).hexdigest()[:8]


def _searched(macro: Mapping[str, Any]) -> str:
    return " ".join((macro["name"], macro["shortcut"], macro["folder"], *macro["text"].values())).casefold()
