"""Which macro a customer's words call for, by what was sent in like cases. Pure: no storage, no clock.

A case is a set of *features*: the customer's words, pairs of words and pieces of words, and the circumstances, each of
them hashed into one of 65,536 buckets. Nothing else of what somebody wrote is known here, and of numbers and addresses
not even that: they are features of their kind (`#number`), not of their value.

Every macro is given the weight of each feature over its cases, newer cases weighing more, and its own texts count as
one case: so a macro that nobody has sent yet is known by its words, and forgets them as it is used. A feature speaks
for a macro by how often it was seen with it against how often chance would have it there:

    log((seen + SHRINKAGE) / (expected + SHRINKAGE))

which is near nothing where little was seen. The sum of that over a message, and how often a macro is sent at all, make
its likelihood against all others and against *none of them*.
"""

import itertools
import math
import re
import struct
import unicodedata
import zlib
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import msgspec

from inbox.model.words import tokens

BUCKETS: Final = 1 << 16

MOST_FEATURES: Final = 240
"""How many features a case has at most; a text that has more is known by its end, where the question stands."""

LONGEST: Final = 600
"""How many characters of what a customer wrote are looked at: the last ones."""

HALF_LIFE_DAYS: Final = 180.0
"""After how long a case weighs half."""

SHRINKAGE: Final = 1.0
"""How many sightings of a feature are disbelieved."""

ELSEWHERE: Final = 20.0
"""How many messages there were beside the cases: where few were learned, a word that was met at all says something."""

OWN_WORDS: Final = 1.0
"""How much of a case a macro's own texts are."""

EVERY_MACRO: Final = 5.0
"""How many more times than it was each macro is taken to be sent: what nobody has sent yet may be sent next."""

NONE: Final = 0.5
"""How likely it is beforehand that no macro fits, where that some macro does is 1."""

OFFERED: Final = 3
LEAST: Final = 0.4
"""How likely it has to be that what is sent is among those offered, for any to be offered."""

BESIDE: Final = 0.03
"""How likely each of them has to be."""

_MANY: Final = 40
"""From how many cases on what one customer alone has said is left out."""

_ONCE: Final = 1.0
_SAYING_SOMETHING: Final = 0.03
"""How much has to speak for some macro: else only habit would."""

_CANDIDATES: Final = 40
"""How many macros are weighed exactly: those with most that speaks for them."""

_SHORT: Final = 8.0
"""The weight of a text whose features are believed by half: they are of the same few words, so more prove less each."""

_WORD, _PAIR, _PIECE, _SIGN, _CIRCUMSTANCE = 1.0, 0.5, 0.3, 0.5, 0.5
_PIECE_LETTERS: Final = 3
_SIGNS: Final = ((re.compile(r"https?://\S+|www\.\S+"), "#link"), (re.compile(r"\S+@\S+"), "#address"))
_NUMBER: Final = re.compile(r"\+?\d[\d ().\-–/:,]*")
_PHONE_DIGITS: Final = 9


def features(text: str, signs: Iterable[str] = ()) -> dict[int, float]:
    """What somebody wrote, and how much each of it counts; `signs` are what came without words, as `photo`."""
    words, found = _words(text)
    weighed = [(f"w {word}", _WORD) for word in words]
    weighed += [(f"s {sign}", _SIGN) for sign in (*found, *signs)]
    weighed += [(f"p {first} {second}", _PAIR) for first, second in itertools.pairwise(words)]
    weighed += [(f"n {piece}", _PIECE) for word in words for piece in _pieces(word)]
    return _hashed(weighed)


def circumstances(told: Iterable[str]) -> dict[int, float]:
    """What was around it, as `order:shipped`, and how much each of that counts."""
    return _hashed((f"c {one}", _CIRCUMSTANCE) for one in told)


def _hashed(weighed: Iterable[tuple[str, float]]) -> dict[int, float]:
    known: dict[int, float] = {}
    for name, weight in weighed:
        if len(known) == MOST_FEATURES:
            break
        known.setdefault(zlib.crc32(name.encode()) % BUCKETS, weight)
    return known


def packed(known: Iterable[int]) -> bytes:
    """Features as they are stored: two bytes each, in order."""
    ordered = sorted(known)
    return struct.pack(f"<{len(ordered)}H", *ordered)


def unpacked(stored: bytes) -> tuple[int, ...]:
    """The features of a stored case."""
    return struct.unpack(f"<{len(stored) // 2}H", stored)


def _words(text: str) -> tuple[list[str], list[str]]:
    """The words of the end of a text, last first, and what else stands in it."""
    text = unicodedata.normalize("NFC", text[-LONGEST:])
    signs = ["#question"] if "?" in text else []
    for shape, sign in _SIGNS:
        text, count = shape.subn(" ", text)
        signs += [sign] if count else []
    for number in _NUMBER.findall(text):
        signs.append("#phone" if sum(map(str.isdigit, number)) >= _PHONE_DIGITS else "#number")
    plain = _NUMBER.sub(" ", text)
    return [token.word for token in tokens(plain)][::-1], signs


def _pieces(word: str) -> Iterable[str]:
    """The runs of three characters of a word between its ends: a typo or an ending leaves most of them."""
    bounded = f"<{word}>"
    return (bounded[at : at + _PIECE_LETTERS] for at in range(max(1, len(bounded) - _PIECE_LETTERS + 1)))


class Habit(msgspec.Struct, frozen=True):
    """What is known of one macro: how much each of its features weighs (`features` in order), and all its cases do."""

    macro_id: str
    owner_id: str | None
    features: "array[int]"
    weights: "array[float]"
    total: float


def habit(
    macro_id: str, owner_id: str | None, own: Iterable[int], cases: Iterable[tuple[Sequence[int], float]]
) -> Habit:
    """What `cases` teach of a macro, each with its age in days, beside the features of its `own` texts."""
    seen = dict.fromkeys(own, OWN_WORDS)
    total, count = OWN_WORDS, 0
    for case, age in cases:
        weight = 0.5 ** (max(age, 0.0) / HALF_LIFE_DAYS)
        total, count = total + weight, count + 1
        for feature in case:
            seen[feature] = seen.get(feature, 0.0) + weight
    if count >= _MANY:
        # What one of so many customers said once is theirs, and half of all there would be to keep.
        seen = {feature: weight for feature, weight in seen.items() if weight > _ONCE}
    ordered = sorted(seen)
    return Habit(macro_id, owner_id, array("H", ordered), array("f", (seen[key] for key in ordered)), total)


class Likeness:
    """All habits of a shop, by feature: arrays of numbers, so that thousands of cases take little memory."""

    def __init__(self, habits: Sequence[Habit]) -> None:
        self._habits = tuple(habits)
        self._total = sum(one.total for one in self._habits)
        self._rates = array("f", bytes(4 * BUCKETS))
        counts = array("I", bytes(4 * BUCKETS))
        for one in self._habits:
            for feature, weight in zip(one.features, one.weights, strict=True):
                counts[feature] += 1
                self._rates[feature] += weight
        self._starts = array("I", itertools.accumulate(counts, initial=0))
        self._whose = array("H", bytes(2 * self._starts[-1]))
        self._seen = array("f", bytes(4 * self._starts[-1]))
        places = self._starts[:]
        for number, one in enumerate(self._habits):
            for feature, weight in zip(one.features, one.weights, strict=True):
                self._whose[places[feature]] = number
                self._seen[places[feature]] = math.log1p(weight / SHRINKAGE)
                places[feature] += 1

    @property
    def size(self) -> int:
        """How many bytes it takes."""
        own = (self._rates, self._starts, self._whose, self._seen)
        kept = [*own, *(each for one in self._habits for each in (one.features, one.weights))]
        return sum(each.itemsize * len(each) for each in kept)

    def fitting(
        self,
        words: Mapping[int, float],
        around: Mapping[int, float],
        may: Callable[[Habit], bool] | None = None,
    ) -> list[tuple[str, float]]:
        """Macro ids and how likely each is what is sent to these words in these circumstances, the likeliest first.

        Of the habits that `may` be offered, or all; the likelihoods of these and of none of them add up to 1. Empty
        where the words say nothing: then circumstances and habit would decide alone.
        """
        for_words, for_around = self._seen_with(words), self._seen_with(around)
        offered = for_words if may is None else [number for number in for_words if may(self._habits[number])]
        candidates = sorted(offered, key=lambda number: for_words[number], reverse=True)[:_CANDIDATES]
        trust = 1 / (1 + (sum(words.values()) + sum(around.values())) / _SHORT)
        chances = self._chances(words)
        said = {number: trust * (for_words[number] - self._expected(number, chances)) for number in candidates}
        if max(said.values(), default=0.0) < _SAYING_SOMETHING:
            return []
        chances = self._chances(around)
        uses = self._total + EVERY_MACRO * len(self._habits)
        likely: dict[int, float] = {}
        for number in candidates:
            prior = math.log((self._habits[number].total + EVERY_MACRO) / uses)
            beside = for_around.get(number, 0.0) - self._expected(number, chances)
            likely[number] = prior + said[number] + trust * beside
        top = max(math.log(NONE), *likely.values())
        summed = math.exp(math.log(NONE) - top) + sum(math.exp(value - top) for value in likely.values())
        ranked = sorted(likely, key=lambda number: (-likely[number], self._habits[number].macro_id))
        return [(self._habits[number].macro_id, math.exp(likely[number] - top) / summed) for number in ranked]

    def _seen_with(self, wanted: Mapping[int, float]) -> dict[int, float]:
        """What was seen of these features with each habit that has any, by the habit's number."""
        seen: dict[int, float] = {}
        for feature, weight in wanted.items():
            for place in range(self._starts[feature], self._starts[feature + 1]):
                number = self._whose[place]
                seen[number] = seen.get(number, 0.0) + weight * self._seen[place]
        return seen

    def _chances(self, wanted: Mapping[int, float]) -> list[tuple[float, float]]:
        """How often chance has each feature that is known, in shrinkages, and how much it counts."""
        return [(self._chance(key) / SHRINKAGE, weight) for key, weight in wanted.items() if self._rates[key] > 0]

    def _expected(self, number: int, chances: Iterable[tuple[float, float]]) -> float:
        """What chance alone would have seen with a habit."""
        total = self._habits[number].total
        return sum(weight * math.log1p(total * chance) for chance, weight in chances)

    def _chance(self, feature: int) -> float:
        """In which share of all messages there is a feature. What every case has, every other message has as well."""
        share = min(1.0, self._rates[feature] / self._total)
        return share * self._total / (self._total + ELSEWHERE * (1 - share))


def worth_offering(ranked: Sequence[tuple[str, float]]) -> list[tuple[str, float]]:
    """Those of the ranked macros that are more than noise, in their order: none where even the first few are not."""
    likely = [(macro_id, likelihood) for macro_id, likelihood in ranked if likelihood >= BESIDE]
    return likely if sum(likelihood for _, likelihood in likely[:OFFERED]) >= LEAST else []
