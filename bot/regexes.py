"""Regular expressions of rules, by an engine whose time grows with the text and with nothing else (RE2).

The engine is loaded when the first rule needs it.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, Protocol

MOST_SEEN = 10_000
"""How much of a message rules look at, in characters."""

MAX_PROGRAM = 4_000
"""How large an expression may become, in steps of the engine: `.{1000}` already is 8,004."""

_MEMORY = 1 << 20
_SET_MEMORY = 8 << 20
_SET_SIZE = 100
_ALWAYS = "(?:)"
"""Fits everything: by it a set is known to have done its work, and not to have run out of memory."""


class Regex(Protocol):
    """An expression that was found to be right."""

    def search(self, text: str) -> object | None:
        """What of the text fits; None where nothing does."""


def check(pattern: str) -> str:
    """The expression itself. Raises `ValueError` that says what is wrong with it, and where."""
    compiled(pattern)
    return pattern


@lru_cache(maxsize=1_000)
def compiled(pattern: str) -> Regex:
    """The expression, whatever the case of the text. Raises `ValueError` that says what is wrong with it, and where."""
    import re2

    try:
        regex: Any = re2.compile(pattern, _options(_MEMORY))
    except re2.error as error:
        raise ValueError(_told(pattern, error)) from error
    if regex.programsize > MAX_PROGRAM:
        raise ValueError(f"{pattern[:40]!r} is too large by its repetitions: make them fewer or smaller")
    found: Regex = regex
    return found


class Regexes:
    """Many expressions that look at one text together."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._patterns = patterns
        # Most expressions need some word; one look at the text tells which words it has, and so whom to ask.
        everybody = _filter(patterns)
        alone = sorted(everybody.Match("", potential=True) or ()) if everybody is not None else range(len(patterns))
        self._worded = sorted(set(range(len(patterns))).difference(alone))
        self._filtered = _filter([patterns[place] for place in self._worded]) if self._worded else None
        self._sets = [
            (_set([patterns[place] for place in places]), places)
            for places in (alone[start : start + _SET_SIZE] for start in range(0, len(alone), _SET_SIZE))
        ]

    def fitting(self, text: str) -> Iterable[int]:
        """Places of the expressions that fit the text."""
        if self._filtered is not None:
            yield from (self._worded[place] for place in self._filtered.Match(text) or ())
        for together, places in self._sets:
            found = together.Match(text) if together is not None else None
            if found is None:
                yield from (place for place in places if compiled(self._patterns[place]).search(text))
            else:
                yield from (places[number - 1] for number in found if number)


def _filter(patterns: Sequence[str]) -> Any:
    """Expressions behind the words that they need; None where these are too many for the engine."""
    import re2

    together = re2.Filter()
    try:
        for pattern in patterns:
            together.Add(pattern, _options(_MEMORY))
        together.Compile()
    except re2.error:
        return None
    return together


def _set(patterns: Sequence[str]) -> Any:
    """Expressions as one; None where that is too large for the engine."""
    import re2

    together = re2.Set.SearchSet(_options(_SET_MEMORY))
    try:
        for pattern in (_ALWAYS, *patterns):
            together.Add(pattern)
        together.Compile()
    except re2.error:
        return None
    return together


def _options(memory: int) -> Any:
    import re2

    options = re2.Options()
    options.max_mem = memory
    options.case_sensitive = False
    options.log_errors = False
    return options


def _told(pattern: str, error: Exception) -> str:
    """What is wrong with an expression, and at which of its characters, counted from 1."""
    raw = error.args[0] if error.args else ""
    text = raw.decode(errors="replace") if isinstance(raw, bytes) else str(raw)
    what, _, where = text.partition(": ")
    place = _unbalanced(pattern) if what.startswith(("missing )", "unexpected )")) else None
    if place is None:
        place = max(pattern.find(where), 0)
    return f"cannot be read at character {place + 1} of {pattern[:40]!r}: {what}"


def _unbalanced(pattern: str) -> int | None:
    """Where the bracket stands that has no partner."""
    opened: list[int] = []
    escaped = listed = False
    for place, sign in enumerate(pattern):
        if escaped:
            escaped = False
        elif sign == "\\":
            escaped = True
        elif listed:
            listed = sign != "]"
        elif sign == "[":
            listed = True
        elif sign == "(":
            opened.append(place)
        elif sign == ")":
            if not opened:
                return place
            opened.pop()
    return opened[-1] if opened else None
