"""What a page says of itself over the live socket, and what it hears of others at the same conversations.

A page says `{"type": "viewing", "conversation_id": ID or null}` when it shows another conversation, or none, and while
somebody writes there, every few seconds, `{"type": "typing", "conversation_id": ID}`; `viewing` again ends that. Only a
page that said something hears `conversation.viewers` frames, of everybody else there: `{id, people: [{id, name,
typing}]}`.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Final

import msgspec

from inbox.conversations import Conversations
from inbox.gathering import Gathering, Guest
from inbox.live import LiveFrame
from inbox.model.errors import NotFound
from inbox.model.ids import new_id
from inbox.model.people import Viewer
from inbox.storage.errors import is_unavailable
from web.api.views import View

VIEWERS: Final = "conversation.viewers"
REFUSED: Final = "refused"

_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class _Viewing(msgspec.Struct, frozen=True, tag_field="type", tag="viewing", forbid_unknown_fields=True):
    conversation_id: _Id | None


class _Typing(msgspec.Struct, frozen=True, tag_field="type", tag="typing", forbid_unknown_fields=True):
    conversation_id: _Id


_spoken: Final = msgspec.json.Decoder(_Viewing | _Typing)


class Company:
    """One page among the others."""

    def __init__(self, gathering: Gathering, conversations: Conversations, viewer: Callable[[], Viewer]) -> None:
        self._gathering = gathering
        self._conversations = conversations
        self._viewer = viewer
        self._key = new_id()
        self._spoke = asyncio.Event()
        self._told: dict[str, list[Guest]] = {}

    async def hear(self, raw: str) -> str | None:
        """Take what the page said; returns what is wrong with it, if anything is."""
        try:
            said = _spoken.decode(raw)
        except msgspec.DecodeError as error:
            return f"say viewing or typing and a conversation_id: {error}"
        self._spoke.set()
        wanted, typing = said.conversation_id, isinstance(said, _Typing)
        if wanted is None:
            self._gathering.leave(self._key)
        elif wanted == self._gathering.at(self._key):
            self._gathering.type(self._key, typing=typing)
        else:
            return await self._enter(wanted, typing=typing)
        return None

    async def _enter(self, conversation_id: str, *, typing: bool) -> str | None:
        viewer = self._viewer()
        try:
            conversation = await self._conversations.get(viewer, conversation_id)
        except NotFound as error:
            self._gathering.leave(self._key)
            return str(error)
        except Exception as error:
            if not is_unavailable(error):
                raise
            return "the database does not answer; say it again shortly"
        self._gathering.enter(self._key, viewer, conversation, typing=typing)
        return None

    def heed(self, frame: LiveFrame) -> None:
        """A frame of the feed goes to this page: the conversation that it shows may be for other eyes from now on."""
        if frame.type not in ("conversation.updated", "conversation.removed"):
            return
        conversation_id = frame.data["_id"]
        here = conversation_id == self._gathering.at(self._key)
        if frame.type == "conversation.removed":
            self._told.pop(conversation_id, None)
            if here:
                self._gathering.leave(self._key)
        elif here:
            self._gathering.rescope(self._key, frame.data)

    async def news(self) -> AsyncIterator[View]:
        """Who is at which conversation, whenever it changes; first of all where somebody is."""
        await self._spoke.wait()
        with self._gathering.follow() as changes:
            while True:
                for conversation_id in await changes.next():
                    guests = self._gathering.guests(conversation_id, self._viewer())
                    if guests == self._told.get(conversation_id, []):
                        continue
                    self._told[conversation_id] = guests
                    if not guests:
                        del self._told[conversation_id]
                    yield {"id": conversation_id, "people": [msgspec.structs.asdict(guest) for guest in guests]}

    def close(self) -> None:
        """The page is gone."""
        self._gathering.leave(self._key)
