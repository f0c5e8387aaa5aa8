"""How well questions about an order are told from everything else, on the phrases that were not learned from.

Families of phrases stand wholly on one side: what is measured here are ways of putting the matter that training never
saw. `python -m benchmarks.understanding` measures it alone.
"""

import sys
import time
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate, groupby
from typing import Any

from bot.understanding.built_in import BuiltIn
from bot.understanding.linear import EXAMPLES, Example, read_examples
from bot.understanding.reading import CONFIDENCE, Intent

HELD_OUT = {name: EXAMPLES.with_name(f"{name}.tsv") for name in ("held_out", "held_out_later")}
"""What is measured: the half that was set aside before anything was learned, and what somebody else added later."""

PRECISION, RECALL = 0.97, 0.90
"""What is wanted of `order_status`."""

_WANTED: Intent = "order_status"


def measure(confidence: float = CONFIDENCE) -> dict[str, Any]:
    """Precision and recall in all, by language, and by intent; and microseconds for a message."""
    examples = held_out()
    built_in = BuiltIn()
    built_in.likeliest("")
    started = time.perf_counter()
    readings = [built_in.likeliest(example.phrase) for example in examples]
    spent = time.perf_counter() - started
    read = [(example, reading.at(confidence).intent) for example, reading in zip(examples, readings, strict=True)]
    return {
        "phrases": len(examples),
        "confidence": confidence,
        "microseconds": round(1e6 * spent / len(examples)),
        _WANTED: figures(read, _WANTED),
        "tables": {name: figures(part, _WANTED) for name, part in _by_table(read)},
        "languages": {name: figures(part, _WANTED) for name, part in _parts(read, lambda example: example.language)},
        "intents": {name: figures(read, name) for name, _ in _parts(read, lambda example: example.intent)},
        "language": round(
            sum(reading.language == example.language for example, reading in zip(examples, readings, strict=True))
            / len(examples),
            3,
        ),
    }


def held_out() -> list[Example]:
    """All that is measured and never learned from."""
    return [example for path in HELD_OUT.values() for example in read_examples(path)]


def figures(read: Iterable[tuple[Example, str | None]], intent: str) -> dict[str, Any]:
    """How many phrases mean `intent`, how much of what was taken for it was it, and how much of it was found."""
    pairs = list(read)
    meant = sum(example.intent == intent for example, _ in pairs)
    said = sum(guess == intent for _, guess in pairs)
    right = sum(example.intent == intent == guess for example, guess in pairs)
    return {
        "phrases": meant,
        "precision": round(right / said, 3) if said else 1.0,
        "recall": round(right / meant, 3) if meant else 1.0,
    }


def reached(results: dict[str, Any]) -> bool:
    """Whether the figures are what is wanted."""
    return bool(results[_WANTED]["precision"] >= PRECISION and results[_WANTED]["recall"] >= RECALL)


def print_understanding(results: dict[str, Any]) -> None:
    """The figures as a table."""
    print(f"Understanding {results['phrases']} phrases that were not learned from, at {results['confidence']}:")
    print(f"  {'':16}{'phrases':>8}{'precision':>11}{'recall':>8}")
    rows: dict[str, Any] = {_WANTED: results[_WANTED]}
    rows |= {f"  {table}": row for table, row in results["tables"].items()}
    rows |= {f"  in {language}": row for language, row in results["languages"].items()}
    rows |= {intent: row for intent, row in results["intents"].items() if intent != _WANTED}
    for name, row in rows.items():
        print(f"  {name:16}{row['phrases']:>8}{row['precision']:>11.3f}{row['recall']:>8.3f}")
    print(f"  language right: {results['language']:.3f}; a phrase takes {results['microseconds']} µs")
    if not reached(results):
        print(f"  WANTED of {_WANTED}: precision {PRECISION}, recall {RECALL}")


def _by_table(read: Sequence[tuple[Example, str | None]]) -> list[tuple[str, Sequence[tuple[Example, str | None]]]]:
    ends = list(accumulate(len(read_examples(path)) for path in HELD_OUT.values()))
    return [(name, read[start:end]) for name, start, end in zip(HELD_OUT, [0, *ends], ends, strict=False)]


def _parts(
    read: Iterable[tuple[Example, str | None]], key: Callable[[Example], str]
) -> Iterable[tuple[str, list[tuple[Example, str | None]]]]:
    def of(pair: tuple[Example, str | None]) -> str:
        return key(pair[0])

    return [(name, list(part)) for name, part in groupby(sorted(read, key=of), key=of)]


if __name__ == "__main__":
    measured = measure()
    print_understanding(measured)
    sys.exit(not reached(measured))
