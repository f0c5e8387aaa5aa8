"""The index of search as numbers: which of a segment's entries have which word.

A segment is a set of entries that never changes. Its entries are numbered newest first, and each word has the set of
the numbers of those who have it, its *postings*. A set is a Python integer with the bit of each member, so that "or"
and "and" are one operation; stored, it is that integer's bytes or, where it is shorter, its members in 16 bits each.

Words are kept in blocks by their first three letters: a block has the postings of each such word by the rest of it.
Whoever typed `зам` unites a whole block, whoever typed more unites what fits. Words are also in a block of their first
two letters, all in one set, so that two letters find something at once.
"""

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from sys import byteorder
from typing import NamedTuple

import msgspec

MOST_ENTRIES = 1 << 16
"""How many entries a segment can have: a number takes 16 bits."""

HEAD = 3
"""Letters by which words share a block."""

Blocks = dict[str, dict[str, bytes]]
"""Postings by block and the rest of the word."""


_Members = dict[str, dict[str, list[int]]]


class Entry(msgspec.Struct, frozen=True):
    """Something to be found: where it stands in time, what it is, and its words."""

    place: str
    id: str
    words: AbstractSet[str]


class Row(NamedTuple):
    """An entry without its words."""

    place: str
    id: str


class Segment(msgspec.Struct, frozen=True):
    """Entries newest first, and their words."""

    rows: list[Row]
    blocks: Blocks


def homes(word: str) -> Iterator[tuple[str, str]]:
    """The blocks that a word is in, each with the rest under which it is there."""
    if len(word) >= HEAD:
        yield word[:HEAD], word[HEAD:]
    if not word.startswith("="):
        yield word[: HEAD - 1], ""


def block_of(beginning: str) -> str:
    """The block that has every word with this beginning."""
    return beginning[:HEAD]


def segment_of(entries: Iterable[Entry]) -> Segment:
    """A segment of these entries."""
    words: dict[Row, set[str]] = {}
    for entry in entries:
        words.setdefault(Row(entry.place, entry.id), set()).update(entry.words)
    rows = sorted(words, reverse=True)
    members: _Members = {}
    for number, row in enumerate(rows):
        for block, rest in {home for word in words[row] for home in homes(word)}:
            members.setdefault(block, {}).setdefault(rest, []).append(number)
    return Segment(rows, _packed(members, len(rows)))


def united(segments: Sequence[Segment], leave_out: AbstractSet[str] = frozenset()) -> Segment:
    """One segment of everything in these, but for entries with the ids left out.

    Where several have an entry it keeps the words of all: none of them knows which is the newest.
    """
    rows = sorted({row for segment in segments for row in segment.rows if row.id not in leave_out}, reverse=True)
    numbers = {row: number for number, row in enumerate(rows)}
    members: _Members = {}
    for segment in segments:
        moved = [numbers.get(row) for row in segment.rows]
        for block, words in segment.blocks.items():
            for rest, stored in words.items():
                kept = [new for old in _members(stored, len(moved)) if (new := moved[old]) is not None]
                if kept:
                    members.setdefault(block, {}).setdefault(rest, []).extend(kept)
    return Segment(rows, _packed(members, len(rows)))


def _packed(members: _Members, entries: int) -> Blocks:
    return {
        block: {rest: _stored(set(numbers), entries) for rest, numbers in words.items()}
        for block, words in members.items()
    }


def _stored(numbers: AbstractSet[int], entries: int) -> bytes:
    if 2 * len(numbers) >= _width(entries):
        bits = bytearray(_width(entries))
        for number in numbers:
            bits[number >> 3] |= 1 << (number & 7)
        return bytes(bits)
    listed = array("H", sorted(numbers))
    if byteorder == "big":
        listed.byteswap()
    return listed.tobytes()


def _width(entries: int) -> int:
    """Bytes of a set that has a bit for each entry. What is stored in fewer is a list."""
    return (entries + 7) // 8


def _listed(stored: bytes) -> "array[int]":
    listed = array("H")
    listed.frombytes(stored)
    if byteorder == "big":
        listed.byteswap()
    return listed


def _members(stored: bytes, entries: int) -> Iterable[int]:
    return _listed(stored) if len(stored) < _width(entries) else members_of(int.from_bytes(stored, "little"))


def members_of(found: int) -> Iterator[int]:
    """The members of a set, newest entry first."""
    base = 0
    while found:
        # A long integer is cut into pieces: taking single bits from it would copy all of it each time.
        piece = found & _PIECE
        while piece:
            lowest = piece & -piece
            yield base + lowest.bit_length() - 1
            piece ^= lowest
        found >>= _PIECE_BITS
        base += _PIECE_BITS


_PIECE_BITS = 512
_PIECE = (1 << _PIECE_BITS) - 1


def having(beginning: str, words: Mapping[str, bytes], entries: int) -> int:
    """The set of entries with a word of this beginning, out of the block for it."""
    rest, width = beginning[HEAD:], _width(entries)
    bits, found = bytearray(width), 0
    for written, stored in words.items():
        if not written.startswith(rest):
            continue
        if len(stored) == width:
            found |= int.from_bytes(stored, "little")
        else:
            for number in _listed(stored):
                bits[number >> 3] |= 1 << (number & 7)
    return found | int.from_bytes(bits, "little")
