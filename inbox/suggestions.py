"""Who might be the same person: for a manager to decide, with what speaks for it and against it, in words.

Candidates are looked up by the contacts and the name of one card, each by its index. Nothing is merged from here.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from inbox.merging import Merging
from inbox.model.people import Author
from inbox.proofs import contacts_of
from inbox.storage.contacts import ContactStore
from inbox.storage.database import Document
from inbox.storage.people import PeopleStore

MOST = 10
"""How many suggestions a card shows."""

_CANDIDATES = 40
_CROWD = 5
"""A contact that more cards than this have is a shop's or a courier's, and says nothing of who they are."""

_TOLD = {
    "typed": "{value} was typed in a chat of {name}",
    "contact": "a contact with {value} was shared in a chat of {name}; nothing proves whose it is",
}


class Suggestion(msgspec.Struct, frozen=True, kw_only=True):
    """Another card that may be the same person's. Each reason is a sentence."""

    customer: Document
    reasons_for: list[str]
    reasons_against: list[str]


class Suggestions:
    """Finds them, and remembers what somebody decided."""

    def __init__(self, contacts: ContactStore, people: PeopleStore, merging: Merging) -> None:
        self._contacts = contacts
        self._people = people
        self._merging = merging

    async def of(self, customer_id: str) -> list[Suggestion]:
        """Likely ones first; nobody who was said to be somebody else."""
        card = await self._merging.card(customer_id)
        strangers = await self._merging.strangers(card["_id"])
        values = [value for _, value in contacts_of(card)]
        found = await self._contacts.alike(values, card.get("name_key") or "", _CANDIDATES)
        others = [other for other in found if other["_id"] != card["_id"] and other["_id"] not in strangers]
        identities = await self._people.identities([card["_id"], *(other["_id"] for other in others)])
        having = Counter(key for other in others for key in contacts_of(other))
        telling = {key for key in contacts_of(card) if having[key] <= _CROWD}
        compared = [_compared(card, other, identities, telling) for other in others]
        suggested = [each for each in compared if each.reasons_for]
        return sorted(suggested, key=lambda each: len(each.reasons_against) - 2 * len(each.reasons_for))[:MOST]

    async def dismiss(self, customer_id: str, other_id: str, *, by: Author) -> None:
        """Remember that these are two people: they are not suggested again, nor merged by themselves."""
        card, other = await self._merging.card(customer_id), await self._merging.card(other_id)
        await self._merging.set_apart(card, other, by=by)


def _compared(
    card: Document, other: Document, identities: Sequence[Document], telling: set[tuple[str, str]]
) -> Suggestion:
    """What speaks for and against two cards being one person's, by the contacts that tell anything at all."""
    ours, theirs = contacts_of(card), contacts_of(other)
    speaks_for: list[str] = []
    against: list[str] = []
    for key in ours:
        if key in theirs and key in telling:
            _weigh(key[1], ours[key], theirs[key], (card, other), speaks_for, against)
    if card.get("name_key") and card.get("name_key") == other.get("name_key"):
        speaks_for.append(f"both are called {card['name']}")
    elif card["name"] and other["name"] and card["name"].casefold() != other["name"].casefold():
        against.append(f"the names differ: {card['name']} and {other['name']}")
    proven = [{key for key, row in rows.items() if row.get("proven")} for rows in (ours, theirs)]
    for type_, words in (("phone", "phones"), ("email", "e-mail addresses")):
        first, second = ({value for kind, value in keys if kind == type_} for keys in proven)
        if first and second and not first & second:
            against.append(f"they have proven different {words}")
    channels = [
        {row["channel_id"] for row in identities if row["customer_id"] == each["_id"]} for each in (card, other)
    ]
    if channels[0] & channels[1]:
        against.append("they write from two accounts on the same channel")
    if card["language"] and other["language"] and card["language"] != other["language"]:
        against.append(f"they write in different languages: {card['language']} and {other['language']}")
    return Suggestion(customer=other, reasons_for=speaks_for, reasons_against=against)


def _weigh(
    value: str,
    our: Mapping[str, Any],
    their: Mapping[str, Any],
    cards: tuple[Document, Document],
    speaks_for: list[str],
    against: list[str],
) -> None:
    """What it says that two cards have the same contact."""
    both = ((our, cards[0]), (their, cards[1]))
    told = [
        _TOLD[row["source"]].format(value=value, name=card["name"] or "somebody without a name")
        for row, card in both
        if row["source"] in _TOLD
    ]
    proven = [card["name"] or "somebody without a name" for row, card in both if row.get("proven")]
    if not told:
        speaks_for.append(f"both cards have {value}")
    speaks_for.extend(told)
    if proven:
        speaks_for.append(f"{' and '.join(proven)} proved that {value} is theirs")
    else:
        against.append(f"nobody has proven that {value} is theirs")
