"""What the bot asks and waits to hear: at most one question in a conversation, asked by a skill or by a rule's flow."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

import msgspec
import structlog

from bot.occasions import Occasion
from bot.settings import BotSettings
from bot.speaking import Speaker
from inbox.model.errors import DomainError
from inbox.model.ids import derived_id, now
from inbox.replies import Draft
from inbox.storage.database import Document
from inbox.storage.messages import MessageStore
from inbox.storage.questions import QuestionStore

_log = structlog.get_logger(__name__)


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A question that waits for its answer."""

    conversation_id: str
    asker: str
    """The skill's name, or that of the part that leads rules' flows."""
    key: str
    state: Mapping[str, Any]
    """What the asker wants back."""
    buttons: Sequence[Mapping[str, str]]
    """What was offered, as `{title, data}`; see `bot.choices`."""
    message_id: str
    asked_at: datetime
    expires_at: datetime
    answer: Mapping[str, Any] | None = None
    """What was taken for the answer, `{message_id, …}`, where what follows from it is not done yet."""
    missed: Sequence[str] = ()
    """Messages that were no answer."""
    hearing: str | None = None
    """The message that is being tried."""


class Asker(Protocol):
    """Who asks questions."""

    async def answer(self, occasion: Occasion, question: Question, settings: BotSettings) -> bool:
        """Take the occasion's message for an answer, if it is one; whether it was dealt with.

        Whoever has what they wanted settles the question. The same message may come again after a crash and has to end
        in the same state.
        """


class Questions:
    """Asks, and keeps what was asked until it is settled, runs out, or a person steps in."""

    def __init__(self, *, store: QuestionStore, messages: MessageStore, speaker: Speaker) -> None:
        self._store = store
        self._messages = messages
        self._speaker = speaker

    async def ask(
        self,
        occasion: Occasion,
        *,
        asker: str,
        draft: Draft,
        state: Mapping[str, Any],
        expires: timedelta,
        name: str = "",
        after: Question | None = None,
    ) -> bool:
        """Ask a question, once for each occasion, asker and `name`; whether it waits now.

        It does not where another one waits (but `after`, which is being answered), where it was asked and is over, and
        where the bot has said enough. Raises `DomainError` where the customer cannot be written to.
        """
        key = derived_id("question", asker, occasion.key, name)
        draft = msgspec.structs.replace(draft, message_id=derived_id("asked", occasion.conversation["_id"], key))
        row = {
            "_id": occasion.conversation["_id"],
            "customer_id": occasion.customer_id,
            "asker": asker,
            "key": key,
            "state": dict(state),
            "buttons": [{"title": title, "data": data} for title, data in draft.buttons],
            "message_id": draft.message_id,
        }
        if after is None:
            return await self._begin(occasion, row, draft, expires)
        return await self._follow(occasion, row, draft, expires, after)

    async def _begin(self, occasion: Occasion, row: Document, draft: Draft, expires: timedelta) -> bool:
        """The row stands before the words: no answer can come without finding it, and two cannot ask at once."""
        present = now()
        stored = await self._store.ask({**row, "asked_at": present, "expires_at": present + expires})
        if stored is None:
            return False
        said = False
        try:
            said = await self._say(occasion, row, draft, again=False)
        finally:
            if not said:
                await self._store.settle(row["_id"], row["key"])
        return said

    async def _follow(
        self, occasion: Occasion, row: Document, draft: Draft, expires: timedelta, after: Question
    ) -> bool:
        """The words stand before the row: until it is written, what the one before it led to can be done again."""
        if not await self._say(occasion, row, draft, again=True):
            return False
        said = await self._messages.get(row["message_id"])
        asked_at = said["created_at"] if said is not None else now()
        times = {"asked_at": asked_at, "expires_at": asked_at + expires}
        return await self._store.ask({**row, **times}, after=after.key, heard=after.hearing) is not None

    async def _say(self, occasion: Occasion, row: Document, draft: Draft, *, again: bool) -> bool:
        return await self._speaker.say(occasion, draft, token=f"question:{row['key']}", again=again)

    async def waiting(self, conversation: Mapping[str, Any]) -> Question | None:
        """The question that waits in a conversation; none where a person has stepped in, or it was closed since."""
        return _waiting(conversation, await self._read(conversation))

    async def settle(self, question: Question) -> None:
        """The asker has what they wanted, or gives up: nothing waits any more."""
        await self._store.settle(question.conversation_id, question.key, question.hearing)

    async def take(self, question: Question, answer: Mapping[str, Any]) -> Question | None:
        """Hold on to the answer before doing what follows from it; None where another message was taken for it.

        What was taken first stands: whoever repeats it gets it back.
        """
        given = {"message_id": question.hearing, **answer}
        row = await self._store.answer(question.conversation_id, question.key, given)
        if row is None or row["answer"] is None or row["answer"]["message_id"] != question.hearing:
            return None
        return msgspec.structs.replace(question, answer=row["answer"])

    async def miss(self, question: Question) -> int | None:
        """Note that the message is no answer; which miss it is, from 1; None where an answer was found meanwhile."""
        if question.hearing is None:
            return None
        row = await self._store.miss(question.conversation_id, question.key, question.hearing)
        if row is None or question.hearing not in row["missed"]:
            return None
        return int(row["missed"].index(question.hearing)) + 1

    async def give_up(self, conversation: Mapping[str, Any]) -> None:
        """A person has stepped in: what waits is over, also when they have gone again."""
        row = await self._read(conversation)
        if row is not None and row["open"]:
            await self._store.settle(row["_id"], row["key"])

    async def hear(self, occasion: Occasion, askers: Mapping[str, Asker], settings: BotSettings) -> bool:
        """Try a customer's message as an answer to what waits; whether it was dealt with."""
        message = occasion.message
        row = await self._read(occasion.conversation)
        if message is None or row is None:
            return False
        question = _waiting(occasion.conversation, row)
        if question is not None and question.answer is not None and question.answer["message_id"] != message["_id"]:
            # Whoever took the answer to it may have died over what follows: that comes before what was said since.
            await self._finish(occasion, question, askers, settings)
            row = await self._read(occasion.conversation) or row
            question = _waiting(occasion.conversation, row)
        if message["_id"] in row.get("heard", ()):
            return True
        # What was received before it was asked answers nothing, least of all what the bot asks about it.
        if question is None or message["received_at"] <= question.asked_at:
            return False
        if await self._tried(occasion, message, question, askers, settings):
            return True
        # Another process may have taken it, and come to the end, between our look and our try.
        present = await self._read(occasion.conversation)
        return present is not None and message["_id"] in present.get("heard", ())

    async def _finish(
        self, occasion: Occasion, question: Question, askers: Mapping[str, Asker], settings: BotSettings
    ) -> None:
        answer = await self._messages.get((question.answer or {})["message_id"])
        if answer is None:
            await self.settle(question)
            return
        answered = msgspec.structs.replace(occasion, key=answer["_id"], at=answer["received_at"], message=answer)
        await self._tried(answered, answer, question, askers, settings)

    async def _tried(
        self,
        occasion: Occasion,
        message: Document,
        question: Question,
        askers: Mapping[str, Asker],
        settings: BotSettings,
    ) -> bool:
        asker = askers.get(question.asker)
        if asker is None:
            # A skill of another version, or one that was switched off meanwhile.
            await self._store.settle(question.conversation_id, question.key)
            return False
        heard = msgspec.structs.replace(question, hearing=message["_id"])
        try:
            dealt_with = await asker.answer(occasion, heard, settings)
        except DomainError as error:
            _log.warning("answer_refused", asker=question.asker, occasion=occasion.key, reason=str(error))
            return False
        if dealt_with:
            await self._store.hear(question.conversation_id, question.key, message["_id"])
        return dealt_with

    async def _read(self, conversation: Mapping[str, Any]) -> Document | None:
        return await self._store.get(conversation["_id"]) if was_asked(conversation) else None


def was_asked(conversation: Mapping[str, Any]) -> bool:
    """Whether the bot has asked something lately, by the conversation alone."""
    until: datetime | None = conversation.get("asked_until")
    return until is not None and until > now()


def _waiting(conversation: Mapping[str, Any], row: Document | None) -> Question | None:
    """What waits: a question of this case, in its time."""
    if row is None or not row["open"] or not conversation["active"]:
        return None
    if row["asked_at"] < conversation["opened_at"] or row["expires_at"] <= now():
        return None
    told = {field: row[field] for field in Question.__struct_fields__ if field in row}
    return Question(conversation_id=row["_id"], **told)
