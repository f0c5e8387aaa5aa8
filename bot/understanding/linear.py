"""A linear classifier read from a file: two questions about the same features, what is wanted and in which language.

The file is a line of JSON (`Header`) and a table of bytes, one row for each bucket of `features`, one column for each
intent and then each language. A byte b stands for `(b - 128) * scale` of its column. A text's value
in a column is, for each group of features, the sum over its buckets divided by the square root of their number and
times the group's factor, and the column's bias. Values become probabilities by a softmax; the factors were chosen so
that these are honest for ways of putting the matter that were not learned.
"""

import hashlib
import math
from collections.abc import Collection, Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec

from bot.understanding import features as features_module
from bot.understanding.features import BUCKETS, VOCABULARY, features

WEIGHTS = Path(__file__).with_name("weights.bin")
EXAMPLES = Path(__file__).with_name("examples") / "training.tsv"
"""What the weights were learned from; not part of an installation."""

_LANE = 4
"""Bytes of a column's sum."""

_KEEP_ROWS = 8192
"""So many rows are kept ready to be summed, in a megabyte; texts share most of theirs."""

ZERO = 128
"""The byte that stands for nothing."""


class Question(msgspec.Struct, frozen=True):
    """What is asked about a text."""

    answers: tuple[str, ...]
    scales: tuple[float, ...]
    biases: tuple[float, ...]
    factors: tuple[float, ...]
    """How much each group of features counts."""


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What a file of weights says of itself."""

    buckets: int
    examples: str
    """The digest of the examples that it was learned from."""
    reading: str
    """The digest of the vocabulary and the code that made features of them; with others the weights mean nothing."""
    parameters: dict[str, Any]
    """How it was learned."""
    intents: Question
    languages: Question


class Guess(msgspec.Struct, frozen=True):
    """The likeliest intent and language, and how probable they are."""

    intent: str
    confidence: float
    language: str
    language_confidence: float


class Damaged(Exception):
    """The file of weights is not what this version reads; `make train` writes it anew."""


class _Rows(dict[int, int]):
    """Rows of the table as numbers that can be summed whole: each column has a lane that no sum overflows."""

    def __init__(self, table: bytes, width: int) -> None:
        super().__init__()
        self._table = table
        self._width = width

    def __missing__(self, bucket: int) -> int:
        lanes = bytearray(_LANE * self._width)
        lanes[::_LANE] = self._table[bucket * self._width : (bucket + 1) * self._width]
        row = self[bucket] = int.from_bytes(lanes, "little")
        return row


class Classifier:
    """A table of weights in memory."""

    def __init__(self, header: Header, table: bytes) -> None:
        self.header = header
        self._table = table
        self._width = len(header.intents.answers) + len(header.languages.answers)
        self._rows = _Rows(table, self._width)

    @classmethod
    def load(cls, path: Path = WEIGHTS) -> "Classifier":
        """Read a file. Raises `Damaged` where it is none or one of another version."""
        try:
            line, table = path.read_bytes().split(b"\n", 1)
            header = msgspec.json.decode(line, type=Header)
        except (OSError, ValueError) as error:
            raise Damaged(f"{path}: {error}") from error
        width = len(header.intents.answers) + len(header.languages.answers)
        if header.buckets != BUCKETS or len(table) != BUCKETS * width:
            raise Damaged(f"{path} is of another version or cut short")
        return cls(header, table)

    def dump(self) -> bytes:
        """The file."""
        return msgspec.json.encode(self.header) + b"\n" + self._table

    def guess(self, text: str) -> Guess | None:
        """What `text` is likeliest to be; None where it has no word."""
        groups = features(text)
        if not groups[0]:
            return None
        means = [self._mean(group) for group in groups]
        first = len(self.header.intents.answers)
        return Guess(
            *_likeliest(self.header.intents, [mean[:first] for mean in means]),
            *_likeliest(self.header.languages, [mean[first:] for mean in means]),
        )

    def _mean(self, buckets: Collection[int]) -> list[float]:
        """What the rows of `buckets` come to in each column, as if they were one row of length one."""
        while len(self._rows) > _KEEP_ROWS:
            self._rows.popitem()  # The last to come: what most texts have came first.
        sums = sum(map(self._rows.__getitem__, buckets)).to_bytes(_LANE * self._width, "little")
        length = math.sqrt(len(buckets) or 1)
        return [(total - ZERO * len(buckets)) / length for total in memoryview(sums).cast("I")]


def _likeliest(question: Question, means: Sequence[Sequence[float]]) -> tuple[str, float]:
    """`means[group][column]`."""
    values = [
        scale * sum(factor * mean for factor, mean in zip(question.factors, column, strict=True)) + bias
        for scale, bias, column in zip(question.scales, question.biases, zip(*means, strict=True), strict=True)
    ]
    highest = max(values)
    share = sum(math.exp(value - highest) for value in values)
    return question.answers[values.index(highest)], 1 / share


class Example(msgspec.Struct, frozen=True):
    """A phrase with what it means and the family of ways of putting that it is of."""

    language: str
    """`uk`, `ru`, `en`, `ka`, or `xx` for any other."""
    intent: str
    family: str
    phrase: str


def read_examples(path: Path) -> list[Example]:
    """The examples of a table with one line each, below a line of titles."""
    return [Example(*line.split("\t")) for line in path.read_text(encoding="utf-8").splitlines()[1:]]


def digest(examples: Iterable[Example]) -> str:
    """Names a set of examples, whatever their order."""
    lines = sorted("\t".join(msgspec.structs.astuple(example)) for example in examples)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def digest_of_reading() -> str:
    """Names the way in which features are made of a text: the vocabulary, and the code beside it."""
    parts = (path.read_text(encoding="utf-8") for path in (VOCABULARY, Path(features_module.__file__)))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def table_of(columns: Sequence[Sequence[float]]) -> tuple[tuple[float, ...], bytes]:
    """Weights as a file has them: each column's scale, and the rows of bytes. `columns[c][bucket]` is a weight."""
    scales = tuple(max(max(map(abs, column)) / (ZERO - 1), 1e-12) for column in columns)
    quantised = [
        [round(weight / scale) + ZERO for weight in column] for column, scale in zip(columns, scales, strict=True)
    ]
    return scales, bytes(chain.from_iterable(zip(*quantised, strict=True)))
