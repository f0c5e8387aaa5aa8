"""What rules do: each kind of action has the one who does it here.

An action may be done again after a crash, or several times at once, without harm: what is said has a client token made
of the rule and the occasion, what is changed remembers in the same write that it was, and whatever else is done stands
under a name of its own. So the first one is the only one.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any

import msgspec
import structlog

from bot.actions import Ask, CallWebhook, CreateTask, HandOff, Reply, UseMacro, worded
from bot.blanks import MINUTES, NAME, OPENS, PLACE, blanks, fill
from bot.handoff import Handoff
from bot.occasions import Occasion
from bot.opening import opens
from bot.playbook import Playbook
from bot.questions import Question, Questions
from bot.rules import Rule
from bot.speaking import Speaker
from bot.webhooks import Webhooks
from inbox.conversations import Conversations
from inbox.follow_ups import FollowUps
from inbox.macros import Macros
from inbox.model.actions import Action, Assign, Close, LabelConversation, SetOrderStatus, SetPriority, Snooze
from inbox.model.conversation import ConversationStatus
from inbox.model.errors import DomainError, Invalid, NotFound
from inbox.model.ids import derived_id, now
from inbox.model.macros import language_for
from inbox.model.people import Author
from inbox.model.typed import plain
from inbox.orders import Orders
from inbox.replies import Draft
from inbox.storage.conversations import ConversationStore
from inbox.storage.database import Document
from inbox.storage.people import PeopleStore
from inbox.tasks import NewTask, Tasks
from routing.outlook import Outlooks

FLOW = "flow"
"""Who asks what rules ask."""

PRESSED = "ask:"
"""How what is attached to the buttons of rules' questions begins."""

_log = structlog.get_logger(__name__)


class Firing(msgspec.Struct, frozen=True, kw_only=True):
    """A rule at work: all that it does at once, up to where it waits for an answer."""

    rule_id: str
    rule_name: str
    name: str
    """Names this work for ever: the rule and the occasion, or the question whose answer led here."""
    occasion: Occasion
    actions: Sequence[Action]
    languages: Sequence[str]
    """The shop's, the first one first."""
    order_id: str | None = None
    """The order that it is about."""
    after: Question | None = None
    """The question whose answer led here."""

    @classmethod
    def of(cls, rule: Rule, occasion: Occasion, languages: Sequence[str]) -> "Firing":
        """A rule that fires on an occasion."""
        return cls(
            rule_id=rule.id,
            rule_name=rule.name,
            name=f"{rule.id}:{occasion.key}",
            occasion=occasion,
            actions=rule.actions,
            languages=languages,
            order_id=occasion.order["_id"] if occasion.order is not None else None,
        )

    @property
    def author(self) -> Author:
        """The rule, as the one who changes a conversation."""
        return Author(type="bot", id=self.rule_id, name=self.rule_name)

    @property
    def conversation_id(self) -> str:
        """Where it is at work."""
        found: str = self.occasion.conversation["_id"]
        return found


class Step(msgspec.Struct, frozen=True):
    """An action of a rule at work, by its place in it."""

    firing: Firing
    place: int

    @property
    def once(self) -> str:
        """The name under which it is done once; also the client token of what it says."""
        return f"bot:{self.firing.name}" + (f":{self.place}" if self.place else "")


class Doer:
    """Does the actions of rules."""

    def __init__(
        self,
        *,
        speaker: Speaker,
        questions: Questions,
        handoff: Handoff,
        webhooks: Webhooks,
        conversations: Conversations,
        conversation_store: ConversationStore,
        people: PeopleStore,
        macros: Macros,
        follow_ups: FollowUps,
        orders: Orders,
        tasks: Tasks,
        outlooks: Outlooks,
        playbook: Callable[[], Awaitable[Playbook]],
    ) -> None:
        self._speaker = speaker
        self._questions = questions
        self._handoff = handoff
        self._webhooks = webhooks
        self._conversations = conversations
        self._store = conversation_store
        self._people = people
        self._macros = macros
        self._follow_ups = follow_ups
        self._orders = orders
        self._tasks = tasks
        self._outlooks = outlooks
        self._playbook = playbook
        self._by_type: Mapping[type[Action], Callable[[Step, Any], Awaitable[object]]] = {
            Reply: self._reply,
            UseMacro: self._use_macro,
            LabelConversation: self._label,
            SetPriority: self._set_priority,
            Assign: self._assign,
            Close: self._close,
            Snooze: self._snooze,
            HandOff: self._hand_off,
            SetOrderStatus: self._move_order,
            CreateTask: self._create_task,
            CallWebhook: self._call_webhook,
        }

    async def do(self, firing: Firing) -> None:
        """What the rule says, in its order; what cannot be done is told in the log and keeps nothing else back.

        Only what follows a question waits for its answer, and is left undone where it could not be asked.
        """
        context = {
            "rule_id": firing.rule_id,
            "conversation_id": firing.conversation_id,
            "occasion": firing.occasion.key,
        }
        for place, action in enumerate(firing.actions):
            step = Step(firing, place)
            try:
                if isinstance(action, Ask):
                    if not await self._ask(step, action):
                        _log.info("bot_did_not_ask", **context)
                    break
                await self._by_type[type(action)](step, action)
            except DomainError as error:
                # An unreachable customer, a removed channel: what else the rule does is done all the same.
                _log.warning("bot_action_refused", action=type(action).__name__, reason=str(error), **context)
                if isinstance(action, Ask):
                    break
        _log.info("rule_fired", **context)

    async def _reply(self, step: Step, action: Reply) -> None:
        text = await self._words(step.firing, action.text)
        await self._speaker.say(step.firing.occasion, Draft(text=text), token=step.once, again=_led(step.firing))

    async def _words(self, firing: Firing, words: str | Mapping[str, str]) -> str:
        """A text in the customer's language, its blanks filled in. Raises `Invalid` where one has no value now."""
        language = await self._speaker.language(firing.occasion)
        text = worded(words, language, firing.languages)
        left = blanks(text)
        return fill(text, await self._known(firing, left, language)) if left else text

    async def _known(self, firing: Firing, left: Collection[str], language: str) -> Mapping[str, int | str | None]:
        """What is known of these blanks."""
        known: dict[str, int | str | None] = {}
        if not {PLACE, MINUTES}.isdisjoint(left):
            outlook = await self._outlooks.of(firing.occasion.conversation)
            known |= {PLACE: outlook.place, MINUTES: outlook.minutes} if outlook is not None else {}
        if OPENS in left:
            hours = (await self._playbook()).hours
            known[OPENS] = opens(hours, firing.occasion.at, language, *firing.languages)
        if NAME in left:
            card = await self._people.living(firing.occasion.customer_id)
            known[NAME] = card["name"] if card is not None else None
        return known

    async def _ask(self, step: Step, action: Ask) -> bool:
        firing = step.firing
        language = await self._speaker.language(firing.occasion)
        text = await self._words(firing, action.text)
        mark = derived_id(PRESSED, step.once)[:16]
        buttons = [
            (worded(button.title, language, firing.languages), f"{PRESSED}{mark}:{position}")
            for position, button in enumerate(action.buttons)
        ]
        state = {
            "rule": {"id": firing.rule_id, "name": firing.rule_name},
            "order_id": firing.order_id,
            "ask": plain(action),
            "rest": [plain(each) for each in firing.actions[step.place + 1 :]],
        }
        return await self._questions.ask(
            firing.occasion,
            asker=FLOW,
            draft=Draft(text=text, buttons=tuple(buttons)),
            state=state,
            expires=timedelta(minutes=action.minutes),
            name=step.once,
            after=firing.after,
        )

    async def _use_macro(self, step: Step, action: UseMacro) -> None:
        firing = step.firing
        macro = await self._macros.shared(action.macro_id)
        if macro is None:
            raise NotFound("this macro is gone, or not for everybody")
        customer = await self._people.living(firing.occasion.customer_id)
        wanted = language_for(macro["text"], await self._speaker.language(firing.occasion), *firing.languages)
        prepared = await self._macros.prepare(macro, customer=customer, language=wanted)
        if prepared.filled.missing:
            raise Invalid("macro_id", f"{', '.join(prepared.filled.missing)} has no value here")
        files = tuple(file["_id"] for file in prepared.files)
        draft = Draft(
            text=prepared.filled.text,
            macro_id=macro["_id"],
            attachments=files,
            lent=frozenset(files),
            buttons=prepared.buttons,
            actions=await self._follow_ups.planned(firing.occasion.conversation, prepared.actions, prepared.order),
        )
        await self._speaker.say(firing.occasion, draft, token=step.once, again=_led(firing))

    async def _label(self, step: Step, action: LabelConversation) -> None:
        await self._change(step, {"add_labels": action.add, "remove_labels": action.remove})

    async def _set_priority(self, step: Step, action: SetPriority) -> None:
        await self._change(step, {"priority": action.value})

    async def _assign(self, step: Step, action: Assign) -> None:
        firing = step.firing
        await self._follow_ups.assign(firing.conversation_id, action, by=firing.author, reason="rule", once=step.once)

    async def _close(self, step: Step, action: Close) -> None:  # noqa: ARG002  # There is nothing more to say.
        if await self._is_last_word(step):
            await self._change(step, {"status": ConversationStatus.CLOSED})

    async def _snooze(self, step: Step, action: Snooze) -> None:
        if await self._is_last_word(step):
            await self._change(step, {"snoozed_until": now() + action.span})

    async def _is_last_word(self, step: Step) -> bool:
        """Whether the customer has said nothing since; where they have, somebody has to look."""
        message, conversation = step.firing.occasion.message, await self._present(step.firing)
        return message is None or conversation["last_inbound_sort"] <= message["sort"]

    async def _hand_off(self, step: Step, action: HandOff) -> None:  # noqa: ARG002  # There is nothing more to say.
        firing = step.firing
        await self._handoff.hand_over(firing.conversation_id, by=firing.author, reason="rule")

    async def _move_order(self, step: Step, action: SetOrderStatus) -> None:
        firing, message = step.firing, step.firing.occasion.message
        # By what it came along with the order's history knows that it was moved, whatever became of it since.
        cause = message["_id"] if message is not None else firing.occasion.key
        order_id = firing.order_id or await self._movable(firing.occasion.customer_id, action.status, cause)
        along: Document = {"message_id": cause, "macro_id": None, "macro": ""}
        await self._orders.set_status(order_id, action.status, firing.author, reply=along)

    async def _movable(self, customer_id: str, status: str, cause: str) -> str:
        """The one order of a customer that may go there, or that went there already for the same cause.

        Raises `Invalid` where there is none, or several.
        """
        pipeline = await self._orders.pipeline()
        orders = await self._orders.of_customer(customer_id)
        moved = [order for order in orders if any(_came_with(entry, cause, status) for entry in order["history"])]
        found = moved or [order for order in orders if status in pipeline.allowed(order["status"])]
        if len(found) != 1:
            raise Invalid("order_status", "several orders may go there" if found else "no order may go there")
        order_id: str = found[0]["_id"]
        return order_id

    async def _create_task(self, step: Step, action: CreateTask) -> None:
        firing = step.firing
        holder = action.manager
        if holder == "assignee":
            holder = (await self._present(firing))["assignee_id"]
        wanted = NewTask(
            title=action.title,
            due_at=action.due(now()),
            conversation_id=firing.conversation_id,
            order_id=firing.order_id,
            assignee_id=holder,
            client_token=step.once,
        )
        await self._tasks.create(wanted, author=firing.author)

    async def _call_webhook(self, step: Step, action: CallWebhook) -> None:
        firing = step.firing
        rule = {"id": firing.rule_id, "name": firing.rule_name}
        await self._webhooks.call(firing.occasion, action, rule=rule, once=step.once)

    async def _present(self, firing: Firing) -> Document:
        found = await self._store.get(firing.conversation_id)
        if found is None:
            raise NotFound("this conversation is gone")
        return found

    async def _change(self, step: Step, changes: Mapping[str, Any]) -> None:
        firing = step.firing
        await self._conversations.change(firing.conversation_id, changes, by=firing.author, once=step.once)


def _led(firing: Firing) -> bool:
    """Whether the customer is led through a dialogue: what it says may have been said before."""
    return firing.after is not None


def _came_with(entry: Mapping[str, Any], cause: str, status: str) -> bool:
    """Whether a line of an order's history tells of a move to this status that this caused."""
    reply, moved = entry.get("reply") or {}, entry["changes"].get("status") or {}
    return reply.get("message_id") == cause and moved.get("to") == status
