"""What it costs to find out which of very many rules fire, beside asking each of them in the same run.

    python -m benchmarks.rules [--rules 10000]

Messages are like those of customers: some words, rarely more than a line. Every message is another one, so nothing is
known of it; the rules were put in order before, as they are whenever one of them changes.
"""

import argparse
import gc
import random
import statistics
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.conditions import Condition
from bot.matching import Matcher, in_order
from bot.rules import Rule, restore
from bot.situations import Need, Situation
from bot.understanding.reading import Reading
from inbox.model.schedule import Schedule

RULES = 10_000
LIMIT_MS = 5.0
"""What evaluating the rules against one message may take."""

_MESSAGES = 200
_ASKED_ONE_BY_ONE = 3
_SEED = 20_261_122
_LETTERS = "абвгґдеєжзиіїйклмнопрстуфхцчшщьюяabcdefghijklmnoprstuvz"
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HOURS = Schedule.model_validate(
    {"timezone": "Europe/Kyiv", "open": [{"days": _DAYS[:5], "from": "09:00", "to": "18:00"}]}
)

Make = Callable[[random.Random, Sequence[str], int], list[dict[str, Any]]]


def _word(rng: random.Random, words: Sequence[str], number: int) -> list[dict[str, Any]]:  # noqa: ARG001  # One of many.
    return [{"type": "text", "any": rng.sample(words, 3)}]


def _phrase(rng: random.Random, words: Sequence[str], number: int) -> list[dict[str, Any]]:  # noqa: ARG001  # The same.
    return [{"type": "text", "match": "phrase", "any": [" ".join(rng.sample(words, 2))]}]


def _regex(rng: random.Random, words: Sequence[str], number: int) -> list[dict[str, Any]]:
    one, other = rng.sample(words, 2)
    patterns = (
        rf"\b{one}\b.{{0,20}}{other}",
        rf"{one}\s+№?\d{{{number % 5 + 2},}}",
        rf"^{one}.*{other}$",
        rf"({one}|{other})[аоу]?\w* {number}",
    )
    return [{"type": "text", "match": "regex", "any": [patterns[number % 4]]}]


def _wordless(rng: random.Random, words: Sequence[str], number: int) -> list[dict[str, Any]]:  # noqa: ARG001  # The same.
    pattern = rf"\d{{{number % 40 + 3}}}[a-f]{{1,{number % 7 + 1}}}{number}$"
    return [{"type": "text", "match": "regex", "any": [pattern]}]


def _time(rng: random.Random, words: Sequence[str], number: int) -> list[dict[str, Any]]:  # noqa: ARG001  # The same.
    start, end = (f"{rng.randrange(24):02}:{rng.randrange(60):02}" for _ in range(2))
    return [{"type": "time", "days": [_DAYS[number % 7]], "from": start, "to": end}]


def _field(rng: random.Random, words: Sequence[str], number: int) -> list[dict[str, Any]]:
    return [{"type": "customer_field", "field": f"field{number % 50}", "is": rng.choice(words)}]


def _everything(rng: random.Random, words: Sequence[str], number: int) -> list[dict[str, Any]]:
    kinds = (_word, _word, _word, _phrase, _phrase, _regex, _time, _field)
    return [
        *kinds[number % len(kinds)](rng, words, number),
        *([{"type": "channel", "in": [rng.choice(["telegram", "viber", "email"])]}] if number % 2 else []),
        *([{"type": "hours", "is": rng.choice(["open", "closed"])}] if number % 3 else []),
    ]


KINDS: dict[str, Make] = {
    "of every kind": _everything,
    "words, three each": _word,
    "phrases": _phrase,
    "regexes": _regex,
    "regexes without a word": _wordless,
    "times of day: nothing to look up": _time,
    "fields of the card": _field,
}


def _rules(make: Make, count: int, words: Sequence[str], rng: random.Random) -> list[Rule]:
    return [
        restore(
            {
                "_id": f"{number:06}",
                "name": f"Rule {number}",
                "trigger": "message_received",
                "conditions": make(rng, words, number),
                "actions": [{"type": "close"}],
            }
        )
        for number in range(count)
    ]


def _situation(rng: random.Random, words: Sequence[str]) -> Situation:
    said = [rng.choice(words) for _ in range(rng.randrange(2, 25))]
    said += [str(rng.randrange(10**5))] * (rng.random() < 0.3)  # noqa: PLR2004  # As many name an order.
    seen = Situation(
        at=datetime(2026, 6, 1, tzinfo=UTC) + timedelta(minutes=rng.randrange(7 * 24 * 60)),
        channel_id="c1",
        text=" ".join(said),
        openings=rng.choice([1, 2]),
        shop_hours=_HOURS,
    )
    seen.channel_kind = "telegram"
    seen.card = {"fields": {f"field{number}": rng.choice(words) for number in range(5)}}
    seen.reading = Reading("greeting", 0.9)
    return seen


def _fired(matcher: Matcher, situation: Situation) -> list[Rule]:
    candidates = matcher.candidates(situation)
    for need in Need:
        if matcher.needs(need, candidates):
            candidates = matcher.narrowed(candidates, need, situation)
    return in_order(candidates)


def _asked(rules: Sequence[tuple[Rule, Sequence[Callable[[Situation], bool]]]], situation: Situation) -> list[Rule]:
    return [rule for rule, judges in rules if all(judge(situation) for judge in judges)]


def _judges(conditions: Sequence[Condition]) -> list[Callable[[Situation], bool]]:
    return [condition.judge() for condition in conditions]


def measure(count: int = RULES) -> dict[str, dict[str, float]]:
    """Milliseconds of processor time a message, by kind of rules."""
    results: dict[str, dict[str, float]] = {}
    for name, make in KINDS.items():
        rng = random.Random(_SEED)
        words = ["".join(rng.choices(_LETTERS, k=rng.randint(4, 9))) for _ in range(3_000)]
        rules = _rules(make, count, words, rng)
        began = time.thread_time()
        matcher = Matcher(rules)
        put_in_order = time.thread_time() - began
        judged = [(rule, _judges(rule.conditions)) for rule in rules]
        gc.collect()
        took: list[float] = []
        alone: list[float] = []
        fired = 0
        for number in range(_MESSAGES):
            situation = _situation(rng, words)
            began = time.thread_time()
            found = _fired(matcher, situation)
            took.append(time.thread_time() - began)
            fired += len(found)
            if number < _ASKED_ONE_BY_ONE:
                began = time.thread_time()
                expected = _asked(judged, situation)
                alone.append(time.thread_time() - began)
                if found != expected:
                    raise RuntimeError(f"{name}: other rules fired than those whose conditions hold")
        took.sort()
        results[name] = {
            "fired": fired / _MESSAGES,
            "ms": 1e3 * statistics.median(took),
            "p95_ms": 1e3 * took[int(0.95 * _MESSAGES)],
            "worst_ms": 1e3 * took[-1],
            "one_by_one_ms": 1e3 * statistics.median(alone),
            "order_ms": 1e3 * put_in_order,
        }
    return results


COLUMNS = (
    ("fire", "fired"),
    ("median", "ms"),
    ("p95", "p95_ms"),
    ("worst", "worst_ms"),
    ("each asked alone", "one_by_one_ms"),
    ("put in order, once", "order_ms"),
)


def print_rules(results: dict[str, dict[str, float]], count: int) -> None:
    """The table."""
    print(f"{count:,} rules against one message, in milliseconds of processor time (at most {LIMIT_MS:g}):")
    rows = [["", *(title for title, _ in COLUMNS)]]
    rows += [[name, *(f"{row[key]:,.2f}" for _, key in COLUMNS)] for name, row in results.items()]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for name, *cells in rows:
        print(
            name.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True)), sep="  "
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rules", type=int, default=RULES, help="how many rules")
    wanted = parser.parse_args()
    print_rules(measure(wanted.rules), wanted.rules)
