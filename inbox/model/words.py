"""Words as search knows them: what was written and what is typed meet here, whatever their case, alphabet or format.

A word begins wherever a run of letters or digits does. Case, accents, apostrophes (м'я, мʼя), ё and ґ make no
difference; и and і, or Latin letters that only look Cyrillic, do. An e-mail address is also found whole and from its
`@`, a number without its leading zeros, a telephone number by any of its endings of seven digits and more: `067 123`,
`+38 (067) 123-45-67` and `123-45-67` all find 380671234567.
"""

import contextlib
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

import msgspec
import phonenumbers

from inbox.model.contacts import DEFAULT_REGION

LONGEST_TEXT = 20_000
"""How many characters of a text are looked at."""

LONGEST_WORD = 40
"""How many letters of a word are told apart; an e-mail address may have as many as it likes."""

MOST_TERMS = 8
"""How many words of what is typed are looked for."""

LONGEST_QUERY = 200

SHORTEST_ENDING = 7
"""Digits of a telephone number that find it."""

_SNIPPET = 160
"""How many characters of a text a result shows."""

_BEFORE_HIT = 40

_APOSTROPHES = "'’ʼ‘`´′＇‛ʹ"
_KEPT = frozenset("йїў")
"""Letters of their own that Unicode sees as others with a mark."""


class _Folding(dict[int, str]):
    """Each character as search compares it; made when it is first met."""

    def __missing__(self, code: int) -> str:
        self[code] = folded = _folded(chr(code))
        return folded


def _folded(character: str) -> str:
    if character in _APOSTROPHES:
        return "'"
    if unicodedata.category(character).startswith("S"):
        return character  # Some would become letters, and № a part of its number.
    lowered = character.casefold()
    if lowered in _KEPT:
        return lowered
    if lowered == "ґ":
        return "г"
    plain = "".join(
        letter
        for letter in unicodedata.normalize("NFKD", lowered).casefold()
        if unicodedata.category(letter) not in ("Mn", "Cf")
    )
    return "".join(str(unicodedata.decimal(letter, letter)) for letter in plain)


_FOLD = _Folding()
_WORD = re.compile(r"[^\W_]+(?:'+[^\W_]+)*")
_EMAIL = re.compile(r"[^\W_][\w.+\-]*@[^\W_][\w\-]*(?:\.[\w\-]+)*")
_PHONE = re.compile(r"(?<![\w@])\+?\(?\d(?:[ \u00a0().\-–/]{0,3}\d){6,14}(?!\d)")
_MIXED = re.compile(r"\d{3,}")
_TYPED_EMAIL = re.compile(r"[\w.+\-]*@[\w.\-]+|[\w.+\-]+@")
_TYPED_PHONE = re.compile(r"(?<![\w@])(?=[+(0])\+?\(?\d(?:[ \u00a0().\-–/]{0,3}\d){2,14}(?!\d)")
"""What only begins to be a telephone number is known by how it begins."""


class Token(NamedTuple):
    """A word and where it stands in the text, in characters."""

    word: str
    start: int
    end: int


def tokens(text: str) -> Iterator[Token]:
    """Everything by which `text` is found. `text` is in NFC."""
    text = text[:LONGEST_TEXT]
    folded = text.translate(_FOLD)
    places = _places(text, folded)
    for found in _WORD.finditer(folded):
        word = found[0].replace("'", "")
        start, end = places[found.start()], places[found.end()]
        yield Token(word[:LONGEST_WORD], start, end)
        if word[0].isdigit() or word[-1].isdigit():
            for number in _numbers(word):
                yield Token(number, start, end)
    if "@" in folded:
        for found in _EMAIL.finditer(folded):
            start, at, end = found.start(), folded.index("@", found.start()), found.end()
            yield Token(found[0], places[start], places[end])
            yield Token(found[0][at - start :], places[at], places[end])
    for found in _PHONE.finditer(folded):
        digits = _digits(found[0])
        start, end = places[found.start()], places[found.end()]
        for length in range(SHORTEST_ENDING, len(digits) + 1):
            yield Token(digits[-length:], start, end)


def _places(text: str, folded: str) -> Sequence[int]:
    """Where each character of `folded` (and its end) comes from in `text`."""
    if len(folded) == len(text):
        return range(len(text) + 1)
    lengths = [len(_FOLD[ord(character)]) for character in text]
    places: list[int] = []
    for position, length in enumerate(lengths):
        places.extend([position] * length)
    return [*places, len(text)]


def _numbers(word: str) -> Iterator[str]:
    """The numbers in a word: without leading zeros, and without the letters around them (SO1001)."""
    if word.isdigit():
        if word[0] == "0" and word.strip("0"):
            yield word.lstrip("0")[:LONGEST_WORD]
    else:
        yield from (number[:LONGEST_WORD] for number in _MIXED.findall(word))


def _digits(phone: str) -> str:
    """A telephone number's digits without what is dialled before the country."""
    return re.sub(r"\D", "", phone).lstrip("0")


def words_of(texts: Iterable[str]) -> set[str]:
    """Every word by which something that says `texts` is found."""
    return {token.word for text in texts for token in tokens(unicodedata.normalize("NFC", text))}


class Term(msgspec.Struct, frozen=True):
    """One word of what is typed: whatever begins with one of these is meant."""

    beginnings: tuple[str, ...]

    @property
    def short(self) -> bool:
        """Whether it is a single letter, with which too much begins to be looked up."""
        return max(map(len, self.beginnings)) == 1

    def meets(self, word: str) -> bool:
        """Whether a word is meant."""
        return word.startswith(self.beginnings)


class Query(msgspec.Struct, frozen=True):
    """What somebody looks for: something that has a word for each of the terms."""

    terms: tuple[Term, ...]

    def matches(self, texts: Sequence[str]) -> bool:
        """Whether something that says `texts` is meant."""
        missing = list(self.terms)
        for text in texts:
            for token in tokens(unicodedata.normalize("NFC", text)):
                missing = [term for term in missing if not term.meets(token.word)]
                if not missing:
                    return True
        return False

    def snippet(self, texts: Sequence[str]) -> list[tuple[str, bool]]:
        """A piece of the text that says most of what is meant, in parts; True for a part that is meant itself."""
        best, hits = "", list[tuple[int, int]]()
        for text in texts:
            composed = unicodedata.normalize("NFC", text)[:LONGEST_TEXT]
            found = self._hits(composed)
            if not best or len(found) > len(hits):
                best, hits = composed, found
        return _cut(best, hits)

    def _hits(self, text: str) -> list[tuple[int, int]]:
        """Where in `text` what is meant stands: apart from each other, in order."""
        found = sorted(
            (token.start, token.start + self._length(text, token))
            for token in tokens(text)
            if any(term.meets(token.word) for term in self.terms)
        )
        apart: list[tuple[int, int]] = []
        for start, end in found:
            if apart and start < apart[-1][1]:
                apart[-1] = (apart[-1][0], max(end, apart[-1][1]))
            else:
                apart.append((start, end))
        return apart

    def _length(self, text: str, token: Token) -> int:
        """How many characters of a word were typed, in the text as it was written; the whole of a number."""
        length = token.end - token.start
        if token.word[0].isdigit():
            return length
        typed = max(
            len(beginning) for term in self.terms for beginning in term.beginnings if token.word.startswith(beginning)
        )
        behind = accumulate(len(_FOLD[ord(character)].replace("'", "")) for character in text[token.start : token.end])
        return next((position for position, told in enumerate(behind, 1) if told >= typed), length)


def _cut(text: str, hits: Sequence[tuple[int, int]]) -> list[tuple[str, bool]]:
    """The part of a text around its first hit, divided at the hits."""
    first = hits[0][0] if hits else 0
    start = 0 if first <= _BEFORE_HIT else text.find(" ", first - _BEFORE_HIT, first) + 1 or first - _BEFORE_HIT
    end = min(len(text), start + _SNIPPET)
    parts: list[tuple[str, bool]] = []
    behind = start
    for begin, until in hits:
        if begin >= end:
            break
        parts += [(text[behind:begin], False), (text[begin : min(until, end)], True)]
        behind = min(until, end)
    parts.append((text[behind:end], False))
    if start:
        parts.insert(0, ("…", False))
    if end < len(text):
        parts.append(("…", False))
    return [part for part in parts if part[0]]


def read_query(q: str) -> Query:
    """What is typed into a search field. Nothing that could be a word gives a query without terms."""
    rest = unicodedata.normalize("NFC", q)[:LONGEST_QUERY].translate(_FOLD)
    terms: list[Term] = []
    for shape, meaning in _MEANINGS:
        terms += [meaning(found) for found in shape.findall(rest)]
        rest = shape.sub(" ", rest)
    return Query(tuple(dict.fromkeys(terms))[:MOST_TERMS])


def _typed_email(typed: str) -> Term:
    # An @ stands before a domain, and before what somebody is called in a messenger.
    return Term((typed, typed[1:])) if typed.startswith("@") else Term((typed,))


def _typed_phone(typed: str) -> Term:
    # The zero before it may be dialled, or be a digit of the ending that was typed.
    beginnings = [re.sub(r"\D", "", typed), _digits(typed)]
    with contextlib.suppress(phonenumbers.NumberParseException):
        national = phonenumbers.national_significant_number(phonenumbers.parse(typed, DEFAULT_REGION))
        if len(national) >= SHORTEST_ENDING:
            beginnings.append(national)
    return Term(tuple(beginning for beginning in dict.fromkeys(beginnings) if beginning))


def _typed_word(typed: str) -> Term:
    word = typed.replace("'", "")[:LONGEST_WORD]
    return Term((word.lstrip("0") or word if word.isdigit() else word,))


_MEANINGS: tuple[tuple[re.Pattern[str], Callable[[str], Term]], ...] = (
    (_TYPED_EMAIL, _typed_email),
    (_PHONE, _typed_phone),
    (_TYPED_PHONE, _typed_phone),
    (_WORD, _typed_word),
)
