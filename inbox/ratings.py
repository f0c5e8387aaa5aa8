"""Ratings that come in: told from messages before those open anything, and kept on the conversation that they rate."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from inbox.events import EventBus
from inbox.live import LiveFeed, about
from inbox.model.domain_events import ConversationRated
from inbox.model.ids import now, sort_key
from inbox.model.ratings import COMMENTED_WITHIN, MAX_COMMENT, Given, answered_by, asked_token, pressed, score_in
from inbox.presses import written_at
from inbox.storage.conversations import ConversationStore
from inbox.storage.database import Document
from inbox.storage.messages import MessageStore
from inbox.storage.people import PeopleStore

GIVEN = "rating.given"
"""The kind of timer that keeps a rating; its data names the message."""


async def note_ratings(
    messages: MessageStore, people: PeopleStore, arrived: Sequence[tuple[Document, Mapping[str, Any]]]
) -> None:
    """Mark the messages that are ratings, as `rating`, and as quiet: they open nothing. With each comes who wrote it.

    Nothing is asked of the database but for a number from 1 to 5 alone, and for who is about to add a comment. The
    answer is the same whenever it is asked, so repeating it changes nothing.
    """
    for message, identity in arrived:
        given = await _given(messages, people, message, identity)
        if given is not None:
            message["rating"] = msgspec.to_builtins(given)
            message["quiet"] = True


async def _given(
    messages: MessageStore, people: PeopleStore, message: Document, identity: Mapping[str, Any]
) -> Given | None:
    if message["direction"] != "in" or message.get("public") or message["attachments"]:
        return None
    content = message["content"]
    if content:
        return pressed(content["data"]) if content["type"] == "button" else None
    score = score_in(message["text"])
    if score is not None:
        said = await messages.last_to(message["customer_id"], message["identity_id"], before=written_at(message))
        return answered_by(said, score, message["received_at"]) if said is not None else None
    wish = identity.get("comments")
    if wish is not None and _may_be(wish, message) and await people.take_comment(identity["_id"], message["_id"]):
        return Given(conversation_id=wish["conversation_id"], no=wish["no"], comment=True)
    return None


def _may_be(wish: Mapping[str, Any], message: Mapping[str, Any]) -> bool:
    """Whether a message comes in time to be the comment that is waited for, and no other was it."""
    in_time = bool(message["received_at"] <= wish["until"])
    return in_time and bool(message["text"].strip()) and wish["message_id"] in (None, message["_id"])


class Ratings:
    """Keeps what was rated."""

    def __init__(
        self,
        *,
        conversations: ConversationStore,
        messages: MessageStore,
        people: PeopleStore,
        feed: LiveFeed,
        bus: EventBus,
    ) -> None:
        self._conversations = conversations
        self._messages = messages
        self._people = people
        self._feed = feed
        self._bus = bus

    async def take(self, data: Mapping[str, Any]) -> None:
        """Keep what a message says, if its writer was asked; the last score said of a case is the one that counts."""
        message = await self._messages.get(data["message_id"])
        if message is None:
            return
        given = msgspec.convert(message["rating"], Given)
        conversation = await self._conversations.get(given.conversation_id)
        question = await self._messages.by_token(given.conversation_id, asked_token(given.conversation_id, given.no))
        if conversation is None or question is None or conversation["customer_id"] != message["customer_id"]:
            return
        if given.comment:
            conversation = await self._conversations.comment_rating(
                given.conversation_id, given.no, message["text"].strip()[:MAX_COMMENT]
            )
        elif given.score is None:
            wish = {"conversation_id": given.conversation_id, "no": given.no, "until": now() + COMMENTED_WITHIN}
            await self._people.expect_comment(message["identity_id"], wish, asked_by=message["_id"])
        else:
            # By our clock: a provider that tells time in seconds has two taps at the same place.
            place = f"{sort_key(message['received_at'])}:{message['_id']}"
            rating = {"no": given.no, "score": given.score, "at": message["received_at"], "sort": place}
            conversation = await self._conversations.rate(given.conversation_id, {**rating, "comment": ""})
        if conversation is not None:
            await self._feed.publish([about("conversation.updated", conversation, conversation)])
            await self._bus.announce(ConversationRated(conversation, message))
