"""Which order a customer means, and by which phone. Pure; nobody's orders are looked at but those given."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
import phonenumbers

from bot.understanding.numbers import LONGEST_TEXT, Mention, order_numbers
from inbox.model.contacts import phone_number

_CHUNK = re.compile(r"\+?\d+")
_BETWEEN = re.compile(r"[\s().\u00a0-]{0,3}")
_DIGITS = range(9, 16)
"""How many digits a phone has that is written with or without its country."""

_SHORTEST: Final = 4
"""How many signs a number has at the least that is recognised with a slip of the pen."""

_PAIR: Final = 2
_TWINS: Final = str.maketrans("АВЕКМНОРСТУХІавекморстухі", "ABEKMHOPCTYXIabekmopctyxi")


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What of a text may be numbers of orders, the likeliest first, and the phone in it (E.164; empty: none)."""

    numbers: Sequence[Mention] = ()
    phone: str = ""

    @property
    def number(self) -> Mention | None:
        """The likeliest number."""
        return self.numbers[0] if self.numbers else None


def said(text: str, region: str = "") -> Said:
    """Read a text of any length; `region` is the shop's country, for phones that are written without theirs."""
    text = text[:LONGEST_TEXT]
    found = [
        (_others(text, place), _digits(text[slice(*place)]), place, phone) for place, phone in _phones(text, region)
    ]
    if not found:
        return Said(numbers=order_numbers(text))
    # One that leaves another number beside it goes before one that takes it in.
    _, _, (start, end), phone = max(found)
    return Said(numbers=order_numbers(f"{text[:start]}\n{text[end:]}"), phone=phone)


def phone_alone(text: str, region: str = "") -> str:
    """The phone that a text is, also one that nobody was ever given; empty where the text says anything else."""
    number = phone_number(text.strip(" .,;!\n"), region) if _digits(text) in _DIGITS else None
    return number if number is not None and not re.search(r"[^\W\d_]", text) else ""


def named(numbers: Sequence[Mention], orders: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Which of these orders are meant; several where each would do equally well.

    Those of a number as it was written, else of one of its spellings, else with one slip of the pen.
    """
    for means in (_as_written, _spelled, _nearly):
        found = [order for order in orders if any(means(mention, comparable(order["number"])) for mention in numbers)]
        if found:
            return found
    return []


def is_same(mention: Mention, number: str) -> bool:
    """Whether a number is written so, and not only nearly."""
    return _as_written(mention, comparable(number)) or _spelled(mention, comparable(number))


def comparable(number: str) -> str:
    """A number without what people write differently in the same one: case, signs, look-alikes."""
    return "".join(sign for sign in number.translate(_TWINS).casefold() if sign.isalnum())


def _as_written(mention: Mention, number: str) -> bool:
    return comparable(mention.spellings[0]) == number


def _spelled(mention: Mention, number: str) -> bool:
    return any(comparable(spelling) in (number, _only_digits(number)) for spelling in mention.spellings)


def _nearly(mention: Mention, number: str) -> bool:
    written = comparable(mention.spellings[0])
    likened = ((written, number), (_only_digits(written), _only_digits(number)))
    return mention.marked and any(_slipped(*pair) for pair in likened)


def _slipped(written: str, number: str) -> bool:
    """Whether one has a sign more, less or changed, or two neighbours exchanged."""
    if min(len(written), len(number)) < _SHORTEST:
        return False
    if len(written) == len(number):
        wrong = [place for place, (one, other) in enumerate(zip(written, number, strict=True)) if one != other]
        exchanged = len(wrong) == _PAIR and written[wrong[0] : wrong[1] + 1] == number[wrong[0] : wrong[1] + 1][::-1]
        return len(wrong) == 1 or exchanged
    shorter, longer = sorted((written, number), key=len)
    return any(longer[:place] + longer[place + 1 :] == shorter for place in range(len(longer)))


def _phones(text: str, region: str) -> Iterator[tuple[tuple[int, int], str]]:
    """Where a text may have a phone, and which."""
    chunks = list(_CHUNK.finditer(text))
    for first, chunk in enumerate(chunks):
        if re.match(r"[\w#№]", text[chunk.start() - 1 : chunk.start()]):
            continue
        for last in range(first, len(chunks)):
            if last > first and not _BETWEEN.fullmatch(text[chunks[last - 1].end() : chunks[last].start()]):
                break
            start, end = chunk.start(), chunks[last].end()
            if _digits(text[start:end]) not in _DIGITS or text[end : end + 1].isalnum():
                continue
            number = phone_number(text[start:end], region)
            if number is not None and phonenumbers.is_valid_number(phonenumbers.parse(number)):
                yield (start, end), number


def _others(text: str, place: tuple[int, int]) -> bool:
    """Whether there is a number beside what stands at a place."""
    return _digits(text[: place[0]]) + _digits(text[place[1] :]) > 0


def _digits(text: str) -> int:
    return len(_only_digits(text))


def _only_digits(text: str) -> str:
    return "".join(sign for sign in text if sign.isdecimal())
