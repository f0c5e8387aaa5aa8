"""What the classifier sees of a text: which pieces of words and words are in it, each as the number of its bucket.

Training and reading go through this one place, so that both see the same. Every letter of the four languages is one
byte here, letters of other languages are all alike, and what is no letter parts words.
"""

import functools
import re
import unicodedata
import zlib
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from itertools import combinations, pairwise
from pathlib import Path
from typing import NamedTuple

VOCABULARY = Path(__file__).with_name("words.tsv")
"""Each notion with its kind and its words in all languages. A star marks how words begin; the longest counts."""

LONGEST_TEXT = 600
"""How many characters of a text are looked at; customers ask in fewer, and what follows is quoted mail."""

BUCKETS = 1 << 15
"""Pieces of words are told apart by so many numbers; two that share one are rare enough."""

_SHORTEST, _LONGEST = 2, 5
"""Pieces have so many letters, the ends of words counted as one each."""

_MOST_STRANGE, _LEAST_SAYING = 3, 4
"""So many words that are not in the vocabulary are as good as more; shorter ones than so many letters hardly count."""

_KEEP_WORDS = 2048
"""Of so many words it is remembered what is in them: people use the same few hundred most of the time."""

_LETTERS = "abcdefghijklmnopqrstuvwxyzабвгдежзийклмнопрстуфхцчшщъыьэюяіїєґაბგდევზთიკლმნოპჟრსტუფქღყშჩცძწჭხჯჰ"
_FOREIGN, _HEART, _FIRST = 0x7F, 0x7E, 0x80
_HEARTS = "❤♥💕😍🥰🙏👍👌🔥"
_APOSTROPHES = "'’ʼ‘`´′\u200d\ufe0f"
_REPEATED = re.compile(rb"([a-z\x7e-\xff])\1{2,}")
_DIGITS = re.compile(rb"[0-9]+")


class _Bytes(dict[int, int | None]):
    """The byte of each character, given as characters of the same number; None for what is left out."""

    def __missing__(self, code: int) -> int | None:
        if unicodedata.combining(chr(code)):
            return None
        return _FOREIGN if chr(code).isalpha() else ord(" ")


def _bytes() -> _Bytes:
    table = _Bytes({ord(sign): None for sign in _APOSTROPHES})
    table |= {ord(sign): _HEART for sign in _HEARTS}
    table |= {ord(sign): ord(sign) for sign in "0123456789?"}
    table |= {ord("№"): ord("#"), ord("#"): ord("#")}
    others = iter(range(_FIRST, 0x100))
    for letter in _LETTERS:
        table[ord(letter)] = table[ord(letter.upper())] = ord(letter) if letter.isascii() else next(others)
    table[ord("ё")] = table[ord("Ё")] = table[ord("е")]
    return table


_TABLE = _bytes()


def words(text: str) -> list[bytes]:
    """The words of a text: case, apostrophes and held letters make no difference, of digits only their count does."""
    letters = unicodedata.normalize("NFC", text[:LONGEST_TEXT]).translate(_TABLE).encode("latin-1")
    letters = _DIGITS.sub(_count, _REPEATED.sub(rb"\1", letters))
    return letters.replace(b"?", b" ? ").replace(b"#", b" # ").split()


def _count(digits: re.Match[bytes]) -> bytes:
    """A day, a size or an hour; a price or an order; a telephone or parcel."""
    length = len(digits[0])
    return b"1" if length <= 2 else b"3" if length <= 7 else b"8"  # noqa: PLR2004 - what has so many digits


def features(text: str) -> tuple[set[int], ...]:
    """The buckets of a text in four groups, the first of them empty where it has no word.

    They are of its pieces, words and pairs of words; of its notions and their pairs; of the kinds of its notions, their
    pairs and triples; and one tells that it asks for an order by words that hardly leave a doubt. Notions are what
    words of all languages have in common (`words.tsv`): an order, waiting, money.
    """
    found = words(text)
    pieces = {zlib.crc32(first + b" " + second) % BUCKETS for first, second in pairwise(found)}
    pieces.update(*map(_pieces_of, found))
    kind_of = _vocabulary().kinds
    meant = notions(found)
    strange = b"%d" % min(_MOST_STRANGE, sum(map(_is_strange, found)))
    kinds = sorted({kind_of.get(notion, notion) for notion in meant})
    ideas = [b"=" + b"=".join(some) for size in (1, 2) for some in combinations(sorted(meant), size)]
    themes = [b"~" + b"~".join(some) for size in (1, 2, 3) for some in combinations(kinds, size)]
    sure = [b"!", b"!" + strange] if asks_for_an_order(meant) else []
    return (pieces, *({zlib.crc32(one) % BUCKETS for one in several} for several in (ideas, themes, sure)))


@functools.lru_cache(_KEEP_WORDS)
def _pieces_of(word: bytes) -> tuple[int, ...]:
    """The buckets of a word and of its pieces."""
    marked = b"_" + word + b"_"
    length = len(marked)
    sizes = range(_SHORTEST, min(_LONGEST, length) + 1)
    pieces = [marked[start : start + size] for size in sizes for start in range(length - size + 1)]
    return tuple({zlib.crc32(piece) % BUCKETS for piece in (b" " + word, *pieces)})


def notions(found: Sequence[bytes]) -> set[bytes]:
    """What is spoken of; a word of which nothing is known says nothing."""
    return set().union(*map(_notions_of, found))


@functools.lru_cache(_KEEP_WORDS)
def _notions_of(word: bytes) -> Sequence[bytes]:
    vocabulary = _vocabulary()
    known = vocabulary.whole.get(word)
    for length in range(len(word), 1, -1):
        if known is not None:
            break
        known = vocabulary.beginnings.get(word[:length])
    return known or ()


def _is_strange(word: bytes) -> bool:
    """Whether it says something of which nothing is known; who asks for an order uses few such words."""
    return len(word) >= _LEAST_SAYING and not _notions_of(word)


def asks_for_an_order(meant: AbstractSet[bytes]) -> bool:
    """Whether the words alone say so: an order with what one asks of it, and nothing that another matter would need."""
    if b"money" in meant and b"paid" not in meant:
        return False
    if meant & _OTHER_MATTERS or (b"thanks" in meant and not meant & _THANKED_FOR):
        return False
    if (b"received" in meant and not meant & _MISSED) or (b"take_away" in meant and not meant & _THANKED_FOR):
        return False
    if meant & _THINGS:
        return bool(meant & _ASKED)
    return bool(meant & _CERTAIN) or len(meant & _ASKED_OF_NOTHING) > 1


def _set(text: str) -> frozenset[bytes]:
    return frozenset(text.encode().split())


_THINGS = _set("order parcel courier carrier delivery # 3")
_ASKED = _set(
    "where when status news track look_up happening wait way sent coming bring ready days named_day late promised "
    "forgotten lost message confirmed nothing not yet how_much about my ? why stuck processing in_time turn fate longer"
)
_CERTAIN = _set("track status courier")
_ASKED_OF_NOTHING = _set(
    "when sent coming bring wait days nothing late promised way where yet paid named_day forgotten my received ordered"
)
_MISSED = _set("not nothing yet when ?")
_THANKED_FOR = _set("when where look_up status ?")
_OTHER_MATTERS = _set(
    "broken wrong lacks quality buy cost free usual return cancel change hold person robot receipt review discount "
    "warranty stock size good pay habit if call account site document keep supply abroad made used stolen complain "
    "fits gift photo private for_you total stop"
)


_IN_LATIN = (
    "а=a б=b в=v г=h ґ=g д=d е=e є=ie ж=zh з=z и=y і=i ї=i й=i к=k л=l м=m н=n "
    "о=o п=p р=r с=s т=t у=u ф=f х=kh ц=ts ч=ch ш=sh щ=shch ь= ы=y э=e ю=yu я=ya "
    "ა=a ბ=b გ=g დ=d ე=e ვ=v ზ=z თ=t ი=i კ=k ლ=l მ=m ნ=n ო=o პ=p ჟ=zh რ=r "
    "ს=s ტ=t უ=u ფ=p ქ=k ღ=gh ყ=y შ=sh ჩ=ch ც=ts ძ=dz წ=ts ჭ=ch ხ=kh ჯ=j ჰ=h"
)
_LATIN = str.maketrans(dict(pair.split("=") for pair in _IN_LATIN.split()))
_LEAST_IN_LATIN = 4
"""Shorter words would be taken for English ones."""


class _Vocabulary(NamedTuple):
    whole: dict[bytes, list[bytes]]
    """The notions of words as they are."""
    beginnings: dict[bytes, list[bytes]]
    """The notions of words that begin so."""
    kinds: dict[bytes, bytes]
    """Of which kind a notion is."""


@functools.cache
def _vocabulary() -> _Vocabulary:
    vocabulary = _Vocabulary({sign: [sign] for sign in (b"?", b"#", b"1", b"3", b"8")}, {}, {})
    lines = [line.split("\t") for line in VOCABULARY.read_text(encoding="utf-8").splitlines()]
    entries = [(notion.encode(), entry) for notion, _, listed in lines for entry in listed.split()]
    vocabulary.kinds.update({notion.encode(): kind.encode() for notion, kind, _ in lines})
    for notion, entry in entries:
        _enter(vocabulary, notion, entry)
    listed_words = {*vocabulary.beginnings, *vocabulary.whole}
    for notion, entry in entries:
        latin = entry.translate(_LATIN)
        # What the table says of a word in Latin letters goes before what another word looks like in them.
        if len(latin.rstrip("*")) >= _LEAST_IN_LATIN and not listed_words.intersection(words(latin)):
            _enter(vocabulary, notion, latin)
    return vocabulary


def _enter(vocabulary: _Vocabulary, notion: bytes, entry: str) -> None:
    entries = vocabulary.beginnings if entry.endswith("*") else vocabulary.whole
    for word in words(entry):
        meant = entries.setdefault(word, [])
        if notion not in meant:
            meant.append(notion)
