"""Looks into what conditions need to know and the event does not tell: each thing once, and only where it is needed."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence

from bot.matching import Candidate, Matcher, in_order
from bot.occasions import Occasion
from bot.playbook import Playbook
from bot.rules import Rule
from bot.situations import Need, Situation
from bot.understanding.reading import Reading, Understanding
from inbox.storage.conversations import ConversationStore
from inbox.storage.database import Document
from inbox.storage.orders import OrderStore
from inbox.storage.people import PeopleStore
from inbox.storage.workloads import WorkloadStore

_KEEP_READINGS = 64
"""How many messages are remembered with what was understood of them: several occasions come of one message."""


class Lookout:
    """Tells which rules fire, asking as little as can be."""

    def __init__(
        self,
        *,
        people: PeopleStore,
        conversations: ConversationStore,
        orders: OrderStore,
        workloads: WorkloadStore,
        understanding: Understanding,
    ) -> None:
        self._people = people
        self._conversations = conversations
        self._orders = orders
        self._workloads = workloads
        self._understanding = understanding
        self._readings: OrderedDict[str, Reading] = OrderedDict()
        self._ways: dict[Need, Callable[[Situation, Occasion], Awaitable[None]]] = {
            Need.IDENTITY: self._identity,
            Need.CARD: self._card,
            Need.ORDER: self._order,
            Need.ORDERS: self._count_orders,
            Need.BEGINNING: self._beginning,
            Need.MANAGERS: self._managers,
            Need.READING: self._read,
        }

    async def firing(self, matcher: Matcher, occasion: Occasion, playbook: Playbook) -> list[Rule]:
        """The rules that fire on this occasion, in their order."""
        situation = situation_of(occasion, playbook)
        candidates = _meant(matcher.candidates(situation), occasion)
        for need in Need:
            if matcher.needs(need, candidates):
                await self._ways[need](situation, occasion)
                candidates = _meant(matcher.narrowed(candidates, need, situation), occasion)
        return in_order(candidates)

    async def know(self, situation: Situation, occasion: Occasion, rules: Sequence[Rule]) -> None:
        """Look into all that these rules ask for, whatever of it would be left out in earnest."""
        wanted = {condition.need for rule in rules for condition in rule.conditions}
        for need in Need:
            if need in wanted:
                await self._ways[need](situation, occasion)

    async def reading(self, message: Document) -> Reading:
        """What a message is about; it is read once however often that is asked."""
        known = self._readings.get(message["_id"])
        if known is None:
            known = await self._understanding.read(message["text"])
            self._readings[message["_id"]] = known
            while len(self._readings) > _KEEP_READINGS:
                self._readings.popitem(last=False)
        return known

    async def _identity(self, situation: Situation, occasion: Occasion) -> None:
        if occasion.message is not None:
            identity = await self._people.identity(occasion.message["identity_id"])
        else:
            known = await self._people.identities([occasion.customer_id])
            identity = next((each for each in known if each["channel_id"] == situation.channel_id), None)
        if identity is not None:
            situation.channel_kind = identity["kind"]
            situation.told_language = identity.get("language") or ""

    async def _card(self, situation: Situation, occasion: Occasion) -> None:
        situation.card = await self._people.living(occasion.customer_id) or {}
        if not situation.card.get("language") and not situation.told_language:
            await self._identity(situation, occasion)

    async def _order(self, situation: Situation, occasion: Occasion) -> None:
        situation.order = occasion.order
        if occasion.order is None:
            situation.order = next(iter(await self._orders.of_customer(occasion.customer_id, 1)), None)

    async def _count_orders(self, situation: Situation, occasion: Occasion) -> None:
        sums = await self._orders.sums([occasion.customer_id], ())
        situation.orders = sum(each.count for each in sums[occasion.customer_id])
        if situation.order is None:
            await self._order(situation, occasion)

    async def _beginning(self, situation: Situation, occasion: Occasion) -> None:
        began = await self._conversations.between([occasion.customer_id])
        present = occasion.conversation
        first = began.get(occasion.customer_id, (present["created_at"], None))[0]
        situation.first_contact = situation.openings <= 1 and first >= present["created_at"]

    async def _managers(self, situation: Situation, occasion: Occasion) -> None:  # noqa: ARG002  # All are asked alike.
        situation.free_teams = tuple(serving.teams for serving in await self._workloads.free())

    async def _read(self, situation: Situation, occasion: Occasion) -> None:
        if occasion.message is not None and situation.text:
            situation.reading = await self.reading(occasion.message)


def _meant(candidates: Sequence[Candidate], occasion: Occasion) -> list[Candidate]:
    return [candidate for candidate in candidates if candidate.rule.when.means(occasion)]


def situation_of(occasion: Occasion, playbook: Playbook) -> Situation:
    """What the event itself tells."""
    conversation, message = occasion.conversation, occasion.message
    return Situation(
        at=occasion.at,
        channel_id=conversation["channel_id"] if message is None else message["channel_id"],
        text="" if message is None else message["text"],
        openings=conversation["openings"],
        shop_hours=playbook.hours,
        labels=conversation["labels"],
        team_id=conversation["team_id"],
    )
