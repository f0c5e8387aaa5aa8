"""How the bot says something: within its budget, never the same twice, to nobody who wants none of it."""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
import structlog

from bot.guards import REPLY_PERIOD, SAME_WORDS, silence
from bot.handoff import Handoff
from bot.loops import LOOK_BACK, answers_like_a_machine, plain_words
from bot.occasions import Occasion
from bot.playbook import Playbook
from bot.rules import OF_A_MESSAGE
from inbox.model.hours import quiet_until
from inbox.model.ids import derived_id, now
from inbox.model.opting import opted_out
from inbox.model.people import BOT
from inbox.replies import Draft, Replies
from inbox.storage.database import Document
from inbox.storage.messages import MessageStore
from inbox.storage.people import PeopleStore
from inbox.storage.rules import ReplyBudget, Spoken

_log = structlog.get_logger(__name__)


class Speaker:
    """The only way by which rules and skills speak to customers."""

    def __init__(
        self,
        *,
        replies: Replies,
        people: PeopleStore,
        messages: MessageStore,
        budget: ReplyBudget,
        playbook: Callable[[], Awaitable[Playbook]],
        handoff: Handoff,
    ) -> None:
        self._replies = replies
        self._people = people
        self._messages = messages
        self._budget = budget
        self._playbook = playbook
        self._handoff = handoff

    async def say(self, occasion: Occasion, draft: Draft, *, token: str, again: bool = False) -> bool:
        """Post the draft where the occasion's message came from, once for each token; whether it was.

        The same words are not said twice in a case within a day: the second time the bot is silent, and the customer
        waits for a person as anybody does. `again` lets them be said where the customer asked for them anew, or is
        led through a dialogue that repeats its question. Raises `DomainError` where the customer cannot be written to.
        """
        conversation, message = occasion.conversation, occasion.message
        playbook = await self._playbook()
        reason = await self._unwelcome(occasion, playbook)
        if reason is None:
            present = now()
            spoken = Spoken(
                token=token,
                at=present,
                words="" if again else derived_id("words", plain_words(draft.text), *draft.attachments),
                until=present - SAME_WORDS,
            )
            most = playbook.bot.most_per_hour
            row = await self._budget.spend(conversation["_id"], spoken, since=present - REPLY_PERIOD, most=most)
            # A manager may have written, or closed the case, since the engine looked.
            reason = "budget spent or said before" if row is None else silence(row, message, present, at=occasion.at)
        if reason is not None:
            _log.info("bot_says_nothing", conversation_id=conversation["_id"], token=token, reason=reason)
            return False
        # What the bot says to a comment is for its writer, not for everybody who reads the post.
        comment = {"reply_to": message["_id"], "private": True} if message is not None and message.get("public") else {}
        channel_id = message["channel_id"] if message is not None else conversation["channel_id"]
        said = msgspec.structs.replace(draft, channel_id=channel_id, client_token=token, automatic=True, **comment)
        await self._replies.post(conversation["_id"], said, author=BOT)
        return True

    async def say_aside(self, conversation_id: str, draft: Draft, *, token: str) -> Document:
        """Say, once for each token, what is no answer: that a wish was heard, or a question after all is done.

        Whoever calls this has seen to it that it is welcome. Raises `DomainError` where it cannot be sent.
        """
        said = msgspec.structs.replace(draft, client_token=token, automatic=True)
        message, _ = await self._replies.post(conversation_id, said, author=BOT)
        return message

    async def _unwelcome(self, occasion: Occasion, playbook: Playbook) -> str | None:
        """Why the customer is not spoken to whatever there is to say.

        In quiet hours that is also where they did not begin: what would be said speaks of its moment and is not made
        up for. News of orders wait instead; see `inbox.notices`.
        """
        began = occasion.trigger not in OF_A_MESSAGE
        if began and quiet_until(playbook.quiet_hours, playbook.hours.timezone, now()) is not None:
            return "the hours are quiet, and the customer did not write"
        card = await self._people.living(occasion.customer_id)
        if opted_out(card):
            return "the customer wants no automatic messages"
        # Where less was said there is nothing that a machine could have answered often enough.
        if occasion.message is None or len(occasion.conversation.get("automatic", ())) < 2:  # noqa: PLR2004
            return None
        conversation_id = occasion.conversation["_id"]
        if not answers_like_a_machine(await self._messages.thread(conversation_id, None, LOOK_BACK)):
            return None
        await self._handoff.hand_over(conversation_id, by=BOT, reason="loop")
        return "another machine answers"

    async def language(self, occasion: Occasion) -> str:
        """What the card says, else what the channel says; empty where neither does."""
        message = occasion.message
        card, identity = await asyncio.gather(
            self._people.living(occasion.customer_id),
            self._identity(message["identity_id"] if message is not None else None),
        )
        spoken: str = (card or {}).get("language") or (identity or {}).get("language") or ""
        return spoken

    async def _identity(self, identity_id: str | None) -> Document | None:
        return await self._people.identity(identity_id) if identity_id is not None else None
