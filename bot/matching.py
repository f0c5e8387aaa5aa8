"""Which of very many rules fire: not by asking each of them, but by what the message has that any of them wants.

Conditions are asked in stages: first what the event tells, then what needs one thing more and another (`Need`), for
the rules that may fire yet. In the first stage in which a rule asks anything, one of its conditions, one that rarely
holds, is its *key*. Words, phrases and expressions, values that are compared and hours are looked up by what the
situation has; every other key is judged once, however many rules share it. Only a rule whose key holds is looked at.
The outcome is that of asking all rules in their order.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

import msgspec

from bot.conditions import Condition, LabelCondition, OpeningCondition, TextCondition, told
from bot.regexes import Regexes
from bot.rules import Rule
from bot.situations import Judge, Need, Situation, spoken

_AT_ONCE = 0
"""The stage of what the event tells; the others are those of `Need`."""

_RANKS: Mapping[type[Condition], int] = {TextCondition: 0, LabelCondition: 1, OpeningCondition: 3}
"""What is rarely true comes first; every second conversation is a new one."""
_ELSE = 2


class Candidate(msgspec.Struct, frozen=True):
    """A rule that may fire yet: all holds that was looked at."""

    place: int
    """Where the rule stands among the others."""
    rule: Rule
    asks: Mapping[int, Sequence[int]]
    """Its conditions but for its key, by number, in each stage in which it has any."""


class _Stage:
    """What is looked up and judged at once, and whose keys that are."""

    def __init__(self) -> None:
        self.by_key: dict[int, list[int]] = defaultdict(list)
        self.compared: dict[str, dict[str, list[int]]] = {}
        """By what is compared and its value: the conditions that hold then, or may hold."""
        self.judged: list[int] = []
        """Keys that can only be judged."""


class Matcher:
    """The rules of one trigger, put in order once."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._numbers: dict[tuple[type[Condition], str], int] = {}
        self._judges: list[Judge] = []
        self._looked_up: set[int] = set()
        """Conditions that hold where they are found, and nowhere else."""
        self._found: set[int] = set()
        """Conditions that are found wherever they may hold."""
        self._rules: list[Candidate] = []
        self._always: list[int] = []
        self._stages: Mapping[int, _Stage] = {stage: _Stage() for stage in (_AT_ONCE, *Need)}
        self._words: dict[str, list[int]] = defaultdict(list)
        self._phrases: dict[str, list[tuple[str, int]]] = defaultdict(list)
        patterns: list[tuple[str, int]] = []
        for rule in rules:
            self._add(rule, patterns)
        self._pattern_owners = [number for _, number in patterns]
        self._regexes = Regexes([pattern for pattern, _ in patterns]) if patterns else None
        for stage in self._stages.values():
            stage.judged = [number for number in stage.by_key if number not in self._found]

    def _add(self, rule: Rule, patterns: list[tuple[str, int]]) -> None:
        asks: dict[int, list[int]] = defaultdict(list)
        for condition in sorted(rule.conditions, key=lambda each: _RANKS.get(type(each), _ELSE)):
            asks[condition.need or _AT_ONCE].append(self._number(condition, patterns))
        place = len(self._rules)
        if asks:
            first = min(asks)
            key, *others = asks.pop(first)
            self._stages[first].by_key[key].append(place)
            if others:
                asks[first] = others
        else:
            self._always.append(place)
        self._rules.append(Candidate(place, rule, dict(asks)))

    def _number(self, condition: Condition, patterns: list[tuple[str, int]]) -> int:
        """The number of a condition; what is asked by several rules has one."""
        written = (type(condition), condition.model_dump_json())
        number = self._numbers.get(written)
        if number is None:
            number = self._numbers[written] = len(self._judges)
            self._judges.append(condition.judge())
            if isinstance(condition, TextCondition):
                self._file(condition, number, patterns)
            elif condition.values is not None:
                name, values = condition.values
                owners = self._stages[condition.need or _AT_ONCE].compared.setdefault(name, {})
                for value in values:
                    owners.setdefault(value, []).append(number)
                self._found.add(number)
                if condition.exact:
                    self._looked_up.add(number)
        return number

    def _file(self, condition: TextCondition, number: int, patterns: list[tuple[str, int]]) -> None:
        self._found.add(number)
        self._looked_up.add(number)
        for entry in condition.entries:
            if condition.match == "regex":
                patterns.append((entry, number))
                continue
            said = spoken(entry)
            first, *more = said.split()
            if more:
                self._phrases[first].append((said, number))
            else:
                self._words[first].append(number)

    def candidates(self, situation: Situation) -> list[Candidate]:
        """The rules of which all holds that the event tells, and which ask something of it."""
        begun = [self._rules[place] for place in self._always]
        return self._held(begun, _AT_ONCE, situation, set(self._said(situation)))

    def needs(self, need: Need, candidates: Sequence[Candidate]) -> bool:
        """Whether any rule can go on only when this is known."""
        return bool(self._stages[need].by_key) or any(need in candidate.asks for candidate in candidates)

    def narrowed(self, candidates: Sequence[Candidate], need: Need, situation: Situation) -> list[Candidate]:
        """Those that still may fire now that the situation tells what was needed, and those that ask for it first."""
        return self._held(candidates, need, situation, set())

    def _held(self, candidates: Sequence[Candidate], at: int, situation: Situation, found: set[int]) -> list[Candidate]:
        stage, looked_up = self._stages[at], self._looked_up
        for name, owners in stage.compared.items():
            for value in told(situation, name):
                found.update(owners.get(value, ()))
        judged: dict[int, bool] = {}

        def holds(number: int) -> bool:
            if number in looked_up:
                return number in found
            known = judged.get(number)
            if known is None:
                known = judged[number] = self._judges[number](situation)
            return known

        by_key = stage.by_key
        keys = chain((number for number in found if number in by_key), stage.judged)
        begun = (self._rules[place] for number in keys if holds(number) for place in by_key[number])
        return [
            candidate
            for candidate in chain(candidates, begun)
            if at not in candidate.asks or all(holds(number) for number in candidate.asks[at])
        ]

    def _said(self, situation: Situation) -> Iterator[int]:
        """The conditions on the text that hold."""
        for word in set(situation.spoken.split()):
            yield from self._words.get(word, ())
            for phrase, number in self._phrases.get(word, ()):
                if phrase in situation.spoken:
                    yield number
        if self._regexes is not None:
            for place in self._regexes.fitting(situation.text):
                yield self._pattern_owners[place]


def in_order(candidates: Sequence[Candidate]) -> list[Rule]:
    """The rules of these candidates as they stood."""
    return [candidate.rule for candidate in sorted(candidates, key=lambda each: each.place)]
