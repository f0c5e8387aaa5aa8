"""One person, one card: merging, parting and splitting cards, who might be the same, and one-time codes."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from aiohttp import web
from pydantic import AwareDatetime, StringConstraints

from inbox.cards import Cards
from inbox.codes import Codes
from inbox.merging import Merging, told_of
from inbox.model.people import Author
from inbox.storage.database import Document
from inbox.suggestions import Suggestion, Suggestions
from web.api.fields import Id
from web.api.rows import row
from web.api.services import ApiServices
from web.api.shapes import AuthorShape, CustomerShape, Shape
from web.api.views import View, author_view, card_view, customer_view
from web.doors.answers import json_answer, no_content
from web.doors.bodies import Body
from web.doors.table import Call, Route, Who

Contact = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=254)]


class MergeBody(Body):
    """Which card joins this one. `suggested` where the manager was asked whether they are one person."""

    audited = frozenset({"other_id", "suggested"})

    other_id: Id
    suggested: bool = False


class SplitBody(Body):
    """Which identity, by its `id`, gets a card of its own."""

    audited = frozenset({"identity"})

    identity: Id


class ConfirmBody(Body):
    """Which identity, by its `id`, is the person's whose card it is on."""

    audited = frozenset({"identity"})

    identity: Id


class CodeBody(Body):
    """Whose a code is to prove: a phone or an e-mail address; and over which identity of the card it will be typed."""

    audited = frozenset({"identity"})

    contact: Contact
    identity: Id


class ReasonShape(Shape):
    """Why two cards became one: a manager's word, a proven contact or a code; `value` is the contact."""

    type: Literal["manual", "suggestion", "phone", "email", "code"]
    value: str | None


class MergeShape(Shape):
    """A card that joined this one. `text` tells of it in words, `outdone` is what it said differently, by field."""

    id: str
    customer_id: str
    name: str
    at: AwareDatetime
    by: AuthorShape
    reason: ReasonShape
    text: str
    outdone: dict[str, str]


class MergesShape(Shape):
    """What can be undone, newest first."""

    items: list[MergeShape]


class SuggestedCardShape(Shape):
    """A card without its identities."""

    id: str
    name: str
    phones: list[str]
    emails: list[str]


class SuggestionShape(Shape):
    """Another card that may be the same person's, with what speaks for it and against it."""

    customer: SuggestedCardShape
    reasons_for: list[str]
    reasons_against: list[str]


class SuggestionsShape(Shape):
    """Likely ones first."""

    items: list[SuggestionShape]


class CodeShape(Shape):
    """The same for everybody: whether a code was sent is told to nobody but its reader."""

    text: str


ASKED = "If this contact is known to us, a code has just been sent to it. It can be typed here for 10 minutes."


def merge_view(merge: Document) -> View:
    """A merge into a card."""
    return {
        "id": merge["_id"],
        "customer_id": merge["loser_id"],
        "name": merge["before"]["loser"]["name"],
        "at": merge["at"],
        "by": author_view(merge["by"]),
        "reason": {"type": merge["reason"]["type"], "value": merge["reason"].get("value")},
        "text": told_of(merge),
        "outdone": {field: str(value) for field, value in merge["outdone"].items()},
    }


def suggestion_view(suggestion: Suggestion) -> View:
    """A suggestion."""
    card = card_view(suggestion.customer)
    return {
        "customer": {field: card[field] for field in ("id", "name", "phones", "emails")},
        "reasons_for": suggestion.reasons_for,
        "reasons_against": suggestion.reasons_against,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class MergingHandlers:
    """`/customers/{id}/…`, as far as it is about who is who."""

    merging: Merging
    suggestions: Suggestions
    codes: Codes
    cards: Cards

    async def merge(self, call: Call[MergeBody, None]) -> web.Response:
        """Join another card into this one."""
        reason = {"type": "suggestion" if call.body.suggested else "manual"}
        card = await self.merging.merge(call.path(), call.body.other_id, by=Author.of(call.viewer), reason=reason)
        return await self._shown(card)

    async def merges(self, call: Call[None, None]) -> web.Response:
        """What joined this card."""
        card = await self.merging.card(call.path())
        return json_answer({"items": [merge_view(merge) for merge in await self.merging.merges(card["_id"])]})

    async def undo(self, call: Call[None, None]) -> web.Response:
        """Part what was joined."""
        return await self._shown(await self.merging.undo(call.path(), call.path("merge_id"), by=Author.of(call.viewer)))

    async def split(self, call: Call[SplitBody, None]) -> web.Response:
        """Give an identity a card of its own."""
        card = await self.merging.split(call.path(), call.body.identity, by=Author.of(call.viewer))
        return await self._shown(card, status=201)

    async def confirm(self, call: Call[ConfirmBody, None]) -> web.Response:
        """Have an identity that joined by an answer count as the customer's."""
        return await self._shown(await self.merging.confirm(call.path(), call.body.identity))

    async def suggest(self, call: Call[None, None]) -> web.Response:
        """Who might be the same person."""
        found = await self.suggestions.of(call.path())
        return json_answer({"items": [suggestion_view(each) for each in found]})

    async def dismiss(self, call: Call[None, None]) -> web.Response:
        """They are two people."""
        await self.suggestions.dismiss(call.path(), call.path("other_id"), by=Author.of(call.viewer))
        return no_content()

    async def ask(self, call: Call[CodeBody, None]) -> web.Response:
        """Have somebody prove that a contact is theirs."""
        await self.codes.ask(call.path(), call.body.identity, call.body.contact, by=Author.of(call.viewer))
        return json_answer({"text": ASKED}, status=202)

    async def _shown(self, card: Document, **options: Any) -> web.Response:
        return json_answer(customer_view(await self.cards.one(card)), **options)


def rows(services: ApiServices) -> list[Route]:
    """The endpoints about who is who."""
    merging = MergingHandlers(
        merging=services.merging,
        suggestions=services.suggestions,
        codes=services.codes,
        cards=services.cards,
    )
    return [
        row("POST", "/customers/{id}/merge", Who.SIGNED_IN)(
            handler=merging.merge,
            summary="Join another card into this one, which stays; both histories are kept",
            body=MergeBody,
            answer=CustomerShape,
            audit="customer.merge",
        ),
        row("GET", "/customers/{id}/merges", Who.SIGNED_IN)(
            handler=merging.merges, summary="The cards that joined this one, newest first", answer=MergesShape
        ),
        row("POST", "/customers/{id}/merges/{merge_id}/undo", Who.SIGNED_IN)(
            handler=merging.undo,
            summary="Make one card two again; 409 where that is not possible any more",
            answer=CustomerShape,
            audit="customer.unmerge",
        ),
        row("POST", "/customers/{id}/split", Who.SIGNED_IN)(
            handler=merging.split,
            summary="Give an identity, with what was said over it, a card of its own; 409 for the last one",
            body=SplitBody,
            answer=CustomerShape,
            statuses=(201,),
            audit="customer.split",
        ),
        row("POST", "/customers/{id}/confirm", Who.SIGNED_IN)(
            handler=merging.confirm,
            summary="Say that an identity which joined by an answer is the customer's: it may prove and hear of orders",
            body=ConfirmBody,
            answer=CustomerShape,
            audit="customer.confirm",
        ),
        row("GET", "/customers/{id}/suggestions", Who.SIGNED_IN)(
            handler=merging.suggest,
            summary="Cards that may be the same person's, with what speaks for and against",
            answer=SuggestionsShape,
        ),
        row("POST", "/customers/{id}/suggestions/{other_id}/dismiss", Who.SIGNED_IN)(
            handler=merging.dismiss,
            summary="These are two people: not suggested again, nor merged by themselves",
            statuses=(204,),
            audit="customer.set_apart",
        ),
        row("POST", "/customers/{id}/codes", Who.SIGNED_IN)(
            handler=merging.ask,
            summary="Send a one-time code to a contact's proven owner, to be typed over this card's identity",
            body=CodeBody,
            answer=CodeShape,
            statuses=(202,),
            audit="customer.code",
        ),
    ]
