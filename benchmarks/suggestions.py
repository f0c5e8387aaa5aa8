"""Which macros are suggested, judged by a replay of a made-up year of a shop, split by date.

    python -m benchmarks.suggestions [--cases 4000] [--seeds 3] [--json FILE]

The shop is the demo's, grown to 21 macros. Its customers ask in four languages with the phrases of
`benchmarks.phrases`, greet, make typos, write in pieces, and ask two things at once; some only say hello or "?".
Managers send what answers, but for one reply in ten: then something near it, or what they like to send. Macros come and
go, what is asked drifts with the seasons, and some phrases are used by nobody before the last quarter of the year,
which is the part judged:

    learned once      everything before that quarter is known, and nothing of it
    learned daily     what was sent until the evening before is known as well, as in a shop
    most used         the three macros sent most often so far, of those that there are
    at random         three of those that there are

`precision@3` is how often what was sent is among the three (or fewer) that are offered, where any are; `coverage` how
often any are; `hits` is the one times the other. `new` is precision@3 for phrases that nobody had used before the part
that is judged. Greetings and question marks count like everything else. Beside it: what as many cases as are ever kept
take of memory, and how long one answer takes.
"""

import argparse
import itertools
import json
import random
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from benchmarks.phrases import NEIGHBOURS, OWN_TEXTS, PHRASES
from bot.likeness import OFFERED, Habit, Likeness, circumstances, features, habit, worth_offering
from web.demo.cast import MACROS

DAYS: Final = 360
JUDGED_FROM: Final = 270
CASES: Final = 4000
SEEDS: Final = 3
KEPT: Final = 300
"""How many cases of a macro are kept, as the server keeps them."""

FULL_MACROS: Final = 70
FULL_CASES: Final = 20_000
OTHER_WORDS: Final = 6
"""How many words a message of the full shop has beside its question: people say more than phrases tell."""

VOCABULARY: Final = 20_000

PROMISED_MS: Final = 5.0
PROMISED_MB: Final = 3.0

_LIVES: Final = {
    "знижка": (200, DAYS),
    "пакування": (150, DAYS),
    "адреса": (285, DAYS),
    "львів": (0, 300),
    "догляд": (60, 240),
}
"""From which day to which the shop has a macro; the others it has all year."""

_LANGUAGES: Final = {"uk": 60, "ru": 18, "en": 14, "ka": 8}
_KINDS: Final = {"telegram": 5, "instagram": 3, "viber": 2, "email": 1}
_GREETINGS: Final = {
    "uk": ("Доброго дня! ", "Вітаю, ", "Привіт ", "Добрий вечір. "),
    "en": ("Hello! ", "Hi, ", "Good morning. "),
    "ru": ("Здравствуйте! ", "Добрый день, ", "Привет "),
    "ka": ("გამარჯობა! ", "მოგესალმებით, "),
}
_TAILS: Final = {
    "uk": (" Дякую", " Чекаю на відповідь", " 🙏", " будь ласка", " Терміново!"),
    "en": (" Thanks", " please", " 🙏", " It is urgent"),
    "ru": (" Спасибо", " жду ответа", " 🙏", " пожалуйста"),
    "ka": (" გმადლობთ", " 🙏"),
}
_STAGES: Final = {
    "ттн": "shipped",
    "адреса": "confirmed",
    "скасувати": "new",
    "відправка": "confirmed",
    "брак": "delivered",
    "повернення": "delivered",
    "дякую": "delivered",
}
_ANY_STAGE: Final = ("none", "none", "none", "new", "confirmed", "shipped", "delivered")

_HIGH_SEASON: Final = 0.25
_LOW_SEASON: Final = -0.3


class _Odds:
    """How often what happens; the rest of the time it does not."""

    BESIDE = 0.06
    """A manager sends something near what answers."""
    BY_HABIT = 0.04
    """Or what is sent often, whatever was asked."""
    WORDLESS = 0.03
    GREETED = 0.35
    TAILED = 0.25
    TWO_QUESTIONS = 0.08
    NUMBERED = 0.15
    CARELESS = 0.4
    """Without capitals and commas."""
    DROPPED, DOUBLED, MISTYPED = 0.012, 0.008, 0.01
    """Letters."""
    TELLING_ORDER = 0.7
    """The order's status is the one that goes with the question."""


class Case(NamedTuple):
    """A customer's words, when (in days), and what was sent."""

    day: float
    text: str
    circumstances: tuple[str, ...]
    macro: str
    phrase: str

    @property
    def features(self) -> tuple[int, ...]:
        """What is kept of it."""
        return tuple({**features(self.text), **circumstances(self.circumstances)})


def history(cases: int, seed: int) -> list[Case]:
    """A shop's year, oldest case first; the same for the same seed."""
    chance = random.Random(seed)
    names = list(PHRASES)
    chance.shuffle(names)
    popular = {name: 1 / (rank + 2) for rank, name in enumerate(names)}
    season = {name: (chance.random(), chance.uniform(0.2, 0.9)) for name in names}
    told = []
    for day in sorted(chance.uniform(0, DAYS) for _ in range(cases)):
        weights = [popular[name] * _season(day, *season[name]) for name in names]
        [asked] = chance.choices(names, weights)
        [language] = chance.choices(list(_LANGUAGES), list(_LANGUAGES.values()))
        phrases = PHRASES[asked].get(language) or PHRASES[asked]["uk"]
        known = phrases if day >= JUDGED_FROM else phrases[:-1]
        phrase = chance.choice(known)
        sent = _sent(asked, day, names, weights, chance)
        if sent is not None:
            text = _written(phrase, asked, language, chance)
            told.append(Case(day, text, _circumstances(asked, language, chance), sent, phrase))
    return told


def _season(day: float, phase: float, depth: float) -> float:
    """How much more or less something is asked at that time of the year."""
    at = (day / DAYS + phase) % 1
    return 1 + depth * (1 if at < _HIGH_SEASON else _LOW_SEASON)


def alive(macro: str, day: float) -> bool:
    """Whether the shop has a macro on a day."""
    begins, ends = _LIVES.get(macro, (0, DAYS))
    return begins <= day < ends


def _sent(asked: str, day: float, names: Sequence[str], weights: Sequence[float], chance: random.Random) -> str | None:
    """What a manager sends; None where they type by hand, as for what no macro answers."""
    sent = asked
    if chance.random() < _Odds.BESIDE and asked in NEIGHBOURS:
        sent = NEIGHBOURS[asked]
    elif chance.random() < _Odds.BY_HABIT:
        [sent] = chance.choices(names, weights)
    return sent if alive(sent, day) else None


def _written(phrase: str, asked: str, language: str, chance: random.Random) -> str:
    """A phrase as somebody types it."""
    if chance.random() < _Odds.WORDLESS:
        return chance.choice(("?", "???", "ау", "…", "+"))
    text = phrase
    if chance.random() < _Odds.GREETED:
        text = chance.choice(_GREETINGS[language]) + text[0].lower() + text[1:]
    if chance.random() < _Odds.TAILED:
        text += chance.choice(_TAILS[language])
    if chance.random() < _Odds.TWO_QUESTIONS:
        # A second question: one of the two is answered with a macro, the other by hand.
        beside = chance.choice([name for name in PHRASES if name != asked])
        other = chance.choice(PHRASES[beside].get(language) or PHRASES[beside]["uk"])
        text = "\n".join(chance.sample((other, text), 2))
    if chance.random() < _Odds.NUMBERED:
        text += f" № {chance.randrange(1000, 9999)}"
    if chance.random() < _Odds.CARELESS:
        text = text.lower().replace("?", "").replace(",", "")
    return "".join(_typed(text, chance))


def _typed(text: str, chance: random.Random) -> Iterator[str]:
    """One letter in thirty or so is left out, doubled or another one."""
    slips = ("dropped", "doubled", "mistyped", "")
    odds = (_Odds.DROPPED, _Odds.DOUBLED, _Odds.MISTYPED)
    for letter in text:
        [slip] = chance.choices(slips, (*odds, 1 - sum(odds)))
        if slip == "mistyped" and letter.isalpha():
            yield chance.choice("аоиеtns")
        elif slip != "dropped" or not letter.isalpha():
            yield letter * (2 if slip == "doubled" and letter.isalpha() else 1)


def _circumstances(asked: str, language: str, chance: random.Random) -> tuple[str, ...]:
    stage = _STAGES[asked] if asked in _STAGES and chance.random() < _Odds.TELLING_ORDER else chance.choice(_ANY_STAGE)
    [kind] = chance.choices(list(_KINDS), list(_KINDS.values()))
    hours = chance.choice(("morning", "day", "day", "evening", "night"))
    return f"language:{language}", f"kind:{kind}", f"order:{stage}", f"hours:{hours}"


def _own(macro: str) -> tuple[int, ...]:
    """The features of a macro's own texts."""
    known = next((one for one in MACROS if one.key == macro), None)
    texts = [known.name, *known.text.values()] if known is not None else [macro, OWN_TEXTS[macro]]
    return tuple({feature for text in texts for feature in features(text)})


def learned(cases: Sequence[Case], day: float) -> Likeness:
    """What a shop knows on a day of what was sent before."""
    by_macro: dict[str, list[tuple[tuple[int, ...], float]]] = {name: [] for name in PHRASES}
    for case in reversed(cases):
        if case.day < day and len(by_macro[case.macro]) < KEPT:
            by_macro[case.macro].append((case.features, day - case.day))
    return Likeness([habit(name, None, _own(name), rows) for name, rows in by_macro.items()])


class Score:
    """How often what was sent is among what is offered."""

    def __init__(self) -> None:
        self.judged = self.offered = self.hits = self.first = self.new = self.new_hits = 0

    def judge(self, case: Case, three: Sequence[str], *, new: bool) -> None:
        """Count a case."""
        hit = case.macro in three
        self.judged += 1
        self.offered += bool(three)
        self.hits += hit
        self.first += three[:1] == [case.macro]
        self.new += new and bool(three)
        self.new_hits += new and hit

    def figures(self) -> dict[str, float]:
        """The shares, each between 0 and 1."""
        offered = max(self.offered, 1)
        return {
            "precision": self.hits / offered,
            "first": self.first / offered,
            "coverage": self.offered / self.judged,
            "hits": self.hits / self.judged,
            "new": self.new_hits / max(self.new, 1),
        }


def replay(cases: Sequence[Case], seed: int = 0, *, every: int = 1) -> dict[str, dict[str, float]]:
    """The last quarter of a history, judged by each way to choose three macros; "daily" is `every` so many days."""
    chance = random.Random(seed)
    before = [case for case in cases if case.day < JUDGED_FROM]
    used = {case.phrase for case in before}
    counted = Counter(case.macro for case in before)
    scores = {way: Score() for way in ("learned once", "learned daily", "most used", "at random")}
    once = daily = learned(before, JUDGED_FROM)
    today = JUDGED_FROM
    for case in cases[len(before) :]:
        if case.day >= today + every:
            today = int(case.day)
            daily = learned(cases, today)
        there = [name for name in PHRASES if alive(name, case.day)]
        most = sorted(there, key=lambda name: (-counted[name], name))[:OFFERED]
        new = case.phrase not in used
        scores["learned once"].judge(case, suggested(once, case), new=new)
        scores["learned daily"].judge(case, suggested(daily, case), new=new)
        scores["most used"].judge(case, most, new=new)
        scores["at random"].judge(case, chance.sample(there, OFFERED), new=new)
        counted[case.macro] += 1
    return {way: score.figures() for way, score in scores.items()}


def suggested(known: Likeness, case: Case) -> list[str]:
    """The macros that are offered for a case."""

    def there(one: Habit) -> bool:
        return alive(one.macro_id, case.day)

    likely = known.fitting(features(case.text), circumstances(case.circumstances), there)
    return [macro for macro, _ in worth_offering(likely)][:OFFERED]


def at_the_limit(seed: int) -> dict[str, float]:
    """What as many cases cost as are ever kept: of more macros than there are phrases for."""
    chance = random.Random(seed)
    cases = history(FULL_CASES * 3 // 2, seed)[-FULL_CASES:]
    whose: dict[int, list[tuple[tuple[int, ...], float]]] = {number: [] for number in range(FULL_MACROS)}
    families = {
        name: [place, *range(len(PHRASES) + place, FULL_MACROS, len(PHRASES))] for place, name in enumerate(PHRASES)
    }
    letters = "абвгдежзийклмнопрстуфхцчшщьюяіїє"
    words = ["".join(chance.choices(letters, k=chance.randrange(3, 10))) for _ in range(VOCABULARY)]
    likely = list(itertools.accumulate(1 / (rank + 1) for rank in range(VOCABULARY)))
    said = [
        case._replace(text=" ".join([*chance.choices(words, cum_weights=likely, k=OTHER_WORDS), case.text]))
        for case in cases
    ]
    for case in said:
        number = chance.choice(families[case.macro])
        whose[number].append((case.features, DAYS - case.day))
    began = time.perf_counter()
    model = Likeness([habit(str(number), None, (), rows) for number, rows in whose.items()])
    built = time.perf_counter() - began
    took = []
    for case in said[-300:]:
        began = time.perf_counter()
        model.fitting(features(case.text), circumstances(case.circumstances))
        took.append(1000 * (time.perf_counter() - began))
    return {
        "cases": len(cases),
        "macros": FULL_MACROS,
        "megabytes": model.size / 1024**2,
        "built_ms": 1000 * built,
        "p50_ms": statistics.median(took),
        "p99_ms": sorted(took)[int(0.99 * (len(took) - 1))],
    }


def measure(cases: int = CASES, seeds: int = SEEDS) -> dict[str, Any]:
    """Everything, as data: each figure the mean over the seeds."""
    runs = [replay(history(cases, seed), seed) for seed in range(seeds)]
    ways = {
        way: {name: round(statistics.mean(run[way][name] for run in runs), 3) for name in figures}
        for way, figures in runs[0].items()
    }
    limit = {name: round(value, 2) for name, value in at_the_limit(0).items()}
    return {"cases": cases, "seeds": seeds, "ways": ways, "limit": limit}


def print_suggestions(results: dict[str, Any]) -> None:
    """Print what was measured."""
    columns = {"precision@3": "precision", "@1": "first", "coverage": "coverage", "hits": "hits", "new": "new"}
    title = f"suggesting macros, {results['cases']} cases, {results['seeds']} shops"
    print(title.ljust(44), *(name.rjust(11) for name in columns), sep="  ")
    for way, figures in results["ways"].items():
        print(way.ljust(44), *(f"{figures[key]:.3f}".rjust(11) for key in columns.values()), sep="  ")
    limit = results["limit"]
    print(
        f"{limit['cases']:.0f} cases of {limit['macros']:.0f} macros: {limit['megabytes']:.1f} MB, made in "
        f"{limit['built_ms']:.0f} ms, an answer in {limit['p50_ms']:.2f} ms (p99 {limit['p99_ms']:.2f})"
    )


def main() -> None:
    """Measure, print, and say by the exit code whether what is promised holds."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.suggestions", description="Which macros are suggested.")
    parser.add_argument("--cases", type=int, default=CASES)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--json", type=Path, help="also write the figures there")
    options = parser.parse_args()
    results = measure(options.cases, options.seeds)
    print_suggestions(results)
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n")
    ways, limit = results["ways"], results["limit"]
    better = ways["learned daily"]["hits"] > ways["most used"]["hits"]
    sys.exit(not better or limit["p50_ms"] > PROMISED_MS or limit["megabytes"] > PROMISED_MB)


if __name__ == "__main__":
    main()
