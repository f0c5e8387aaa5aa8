"""Which of very many rules fire: not by asking each of them, but by what the message has that any of them wants.

Of every rule one condition, the one that rarely holds, is its *key*. Words, phrases and expressions are looked up by
what the message says, all of them at once; every other key is judged once, however many rules share it. Only rules
whose key holds are looked at further. What needs to be asked of the database comes after that, for those rules alone.
The outcome is that of asking all rules in their order.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from bot.conditions import Condition, LabelCondition, OpeningCondition, TextCondition, told
from bot.regexes import Regexes
from bot.rules import Rule
from bot.situations import Judge, Need, Situation, spoken

_RANKS: Mapping[type[Condition], int] = {TextCondition: 0, LabelCondition: 1, OpeningCondition: 3}
"""What is rarely true comes first; every second conversation is a new one."""
_ELSE = 2


class Candidate(msgspec.Struct, frozen=True):
    """A rule that may fire yet: all holds that was looked at."""

    rule: Rule
    at_once: Sequence[int]
    """Its conditions but for its key that need nothing beyond the event, by number."""
    later: Mapping[Need, Sequence[int]]
    """Those that need to know more."""


class Matcher:
    """The rules of one trigger, put in order once."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._numbers: dict[tuple[type[Condition], str], int] = {}
        self._judges: list[Judge] = []
        self._rules: list[Candidate] = []
        self._keyless: list[int] = []
        self._by_key: dict[int, list[int]] = defaultdict(list)
        self._words: dict[str, list[int]] = defaultdict(list)
        self._phrases: dict[str, list[tuple[str, int]]] = defaultdict(list)
        self._texts: set[int] = set()
        self._compared: dict[Need, dict[str, dict[str, list[int]]]] = {need: {} for need in Need}
        self._comparing: set[int] = set()
        patterns: list[tuple[str, int]] = []
        for rule in rules:
            self._add(rule, patterns)
        self._pattern_owners = [number for _, number in patterns]
        self._regexes = Regexes([pattern for pattern, _ in patterns]) if patterns else None
        self._judged_keys = [number for number in self._by_key if number not in self._texts]

    def _add(self, rule: Rule, patterns: list[tuple[str, int]]) -> None:
        at_once: list[int] = []
        later: dict[Need, list[int]] = {}
        for condition in sorted(rule.conditions, key=lambda each: _RANKS.get(type(each), _ELSE)):
            number = self._number(condition, patterns)
            if condition.need is None:
                at_once.append(number)
            else:
                later.setdefault(condition.need, []).append(number)
        if at_once:
            self._by_key[at_once[0]].append(len(self._rules))
        else:
            self._keyless.append(len(self._rules))
        self._rules.append(Candidate(rule, at_once[1:], later))

    def _number(self, condition: Condition, patterns: list[tuple[str, int]]) -> int:
        """The number of a condition; what is asked by several rules has one."""
        written = (type(condition), condition.model_dump_json())
        number = self._numbers.get(written)
        if number is None:
            number = self._numbers[written] = len(self._judges)
            self._judges.append(condition.judge())
            if isinstance(condition, TextCondition):
                self._file(condition, number, patterns)
            elif condition.need is not None and condition.values is not None:
                name, values = condition.values
                owners = self._compared[condition.need].setdefault(name, {})
                for value in values:
                    owners.setdefault(value, []).append(number)
                self._comparing.add(number)
        return number

    def _file(self, condition: TextCondition, number: int, patterns: list[tuple[str, int]]) -> None:
        self._texts.add(number)
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
        """The rules of which all holds that the event tells, in their order."""
        said = set(self._said(situation))
        judged: dict[int, bool] = {}
        places = list(self._keyless)
        for number in said:
            places.extend(self._by_key.get(number, ()))
        for number in self._judged_keys:
            judged[number] = self._judges[number](situation)
            if judged[number]:
                places.extend(self._by_key[number])

        def holds(number: int) -> bool:
            return number in said if number in self._texts else self._judged(number, judged, situation)

        rules = (self._rules[place] for place in sorted(places))
        return [rule for rule in rules if all(holds(number) for number in rule.at_once)]

    def narrowed(self, candidates: Sequence[Candidate], need: Need, situation: Situation) -> list[Candidate]:
        """Those that still may fire, now that the situation tells what was needed."""
        met = {
            number
            for name, owners in self._compared[need].items()
            for value in told(situation, name)
            for number in owners.get(value, ())
        }
        judged: dict[int, bool] = {}

        def holds(number: int) -> bool:
            return number in met if number in self._comparing else self._judged(number, judged, situation)

        return [rule for rule in candidates if all(holds(number) for number in rule.later.get(need, ()))]

    def _judged(self, number: int, judged: dict[int, bool], situation: Situation) -> bool:
        known = judged.get(number)
        if known is None:
            known = judged[number] = self._judges[number](situation)
        return known

    def _said(self, situation: Situation) -> Iterator[int]:
        """The conditions on the text that hold."""
        for word in set(situation.spoken.split()):
            yield from self._words.get(word, ())
            for phrase, number in self._phrases.get(word, ()):
                if phrase in situation.spoken:
                    yield number
        if self._regexes is not None and situation.text:
            for place in self._regexes.fitting(situation.text):
                yield self._pattern_owners[place]
