"""Handing a conversation over, to a manager or to a team, with a word to whoever gets it.

The holder changes first and the note follows under a token of its own, so that a repetition after a crash in between
writes what is missing and nothing twice.
"""

from typing import Any

import msgspec

from inbox.model.conversation import ConversationStatus
from inbox.model.errors import Conflict, Invalid, NotFound
from inbox.model.ids import derived_id, new_id, now
from inbox.model.people import Author, Viewer
from inbox.replies import Draft, Replies
from inbox.storage.conversations import ConversationStore
from inbox.storage.database import Document
from inbox.storage.managers import ManagerStore
from inbox.storage.teams import TeamStore
from routing.assignment import Assigner

REASON = "handed_over"


class HandOver(msgspec.Struct, frozen=True, kw_only=True):
    """To whom (one of both), with which words; `version` is the one that was seen, a `client_token` makes it once."""

    manager_id: str | None = None
    team_id: str | None = None
    note: str = ""
    version: int | None = None
    client_token: str | None = None


class HandingOver:
    """Managers pass on what they cannot answer themselves."""

    def __init__(
        self,
        *,
        assigner: Assigner,
        conversations: ConversationStore,
        replies: Replies,
        managers: ManagerStore,
        teams: TeamStore,
    ) -> None:
        self._assigner = assigner
        self._conversations = conversations
        self._replies = replies
        self._managers = managers
        self._teams = teams

    async def hand_over(self, viewer: Viewer, conversation_id: str, wanted: HandOver) -> tuple[Document, bool]:
        """The conversation as it is then; second: False where it was done before under the same token.

        A team's members get it as from the queue, but for whoever gave it away. Raises `Invalid` where there is not one
        living target, `Conflict` where the conversation is closed, is there already or has another version.
        """
        conversation = await self._conversations.get(conversation_id)
        token = None
        if wanted.client_token is not None:
            token = derived_id(REASON, viewer.id, wanted.client_token)
        known = conversation is not None and token is not None and token in conversation.get("done_once", ())
        # Whoever gave it to a team of others does not see it any more, and may ask again all the same.
        if conversation is None or not (known or viewer.may_see(conversation)):
            raise NotFound("there is no such conversation")
        name = await self._receiver(viewer, wanted)
        given = not known
        if given:
            conversation, given = await self._give(viewer, conversation, wanted, token)
        if wanted.note:
            note = Draft(kind="note", text=f"@{name} {wanted.note}", client_token=token)
            await self._replies.post(conversation["_id"], note, author=Author.of(viewer))
        return conversation, given

    async def _receiver(self, viewer: Viewer, wanted: HandOver) -> str:
        """The name of whoever gets it."""
        if (wanted.manager_id is None) == (wanted.team_id is None):
            raise Invalid("manager_id", "name whom you hand it over to: a manager_id or a team_id, one of both")
        if wanted.manager_id == viewer.id:
            raise Invalid("manager_id", "this is you: to take the conversation, PATCH it with your assignee_id")
        if wanted.manager_id is not None:
            manager = await self._managers.get(wanted.manager_id)
            if manager is None:
                raise Invalid("manager_id", "there is no such manager")
            if not manager["active"]:
                raise Invalid("manager_id", f"{manager['name']} is not active any more; choose another manager")
            return str(manager["name"])
        team = await self._teams.get(wanted.team_id or "")
        if team is None:
            raise Invalid("team_id", "there is no such team")
        return str(team["name"])

    async def _give(
        self, viewer: Viewer, conversation: Document, wanted: HandOver, token: str | None
    ) -> tuple[Document, bool]:
        """Second: False where another call with the same token was quicker."""
        if conversation["status"] == ConversationStatus.CLOSED:
            raise Conflict("this conversation is closed: open it first")
        if wanted.manager_id is not None and wanted.manager_id == conversation["assignee_id"]:
            raise Conflict("they hold this conversation already")
        by = Author.of(viewer)
        handed_over: Document = {
            "id": new_id(),
            "by": {"type": by.type, "id": by.id, "name": by.name},
            "note": wanted.note,
            "at": now(),
            "opened": False,
        }
        along: dict[str, Any] = {"handed_over": handed_over}
        if wanted.team_id is not None:
            along["team_id"] = wanted.team_id
        given = await self._assigner.hand_to(
            conversation["_id"],
            wanted.manager_id,
            by=by,
            version=wanted.version,
            reason=REASON,
            once=token,
            note=wanted.note,
            along=along,
        )
        return given, (given.get("handed_over") or {}).get("id") == handed_over["id"]
