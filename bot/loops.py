"""Telling another bot that answers ours from a customer, before the two talk to each other for ever. Pure."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

LOOK_BACK = 20
"""How many of a conversation's last messages are looked at."""

_QUICK = timedelta(seconds=1)
"""Nobody reads an answer and writes to it within this time."""

_SIGNS_A_SECOND = 20
"""Nobody types so fast."""

_SOON = timedelta(seconds=5)
"""What came later than this after our answer is not judged by its length: it may have been pasted."""

_AT_ONCE = timedelta(minutes=10)
"""Who says the same again so soon said it to no purpose."""

_REPEATING, _HASTY, _ENOUGH = 3, 2, 6
"""What speaks for a machine: an answer that repeats its own one before, or ours, and one that comes too quickly.

So many marks of answers in a row end the exchange: two that repeat, or three quick ones. The bot has said three things
at the most by then, and a person who types fast, or says the same once more, is not taken for a machine.
"""


def answers_like_a_machine(thread: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the last messages of a conversation, in any order, look like another bot that answers ours.

    Only the first message after one of ours is an answer to it. A pressed button, a file and a place on the map are a
    person's; what a manager wrote begins the count anew.
    """
    marks = 0
    ours: Mapping[str, Any] | None = None
    theirs: Mapping[str, Any] | None = None
    # By our clock: where a provider tells time in seconds, an answer stands before what it answers.
    for message in sorted(thread, key=lambda message: message["created_at"]):
        if message["direction"] == "in":
            if ours is not None:
                mark = _mark(message, ours, theirs)
                marks = marks + mark if mark else 0
            ours, theirs = None, message
        elif message["direction"] == "out" and message["author"]["type"] == "bot":
            ours = message
        elif message["direction"] == "out":
            marks, ours, theirs = 0, None, None
    return marks >= _ENOUGH


def plain_words(text: str) -> str:
    """A text as it is compared with another one: whatever its case and its blanks."""
    return " ".join(text.casefold().split())


def _mark(answer: Mapping[str, Any], ours: Mapping[str, Any], earlier: Mapping[str, Any] | None) -> int:
    words = plain_words(answer["text"])
    if answer["content"] or answer["attachments"] or not words:
        return 0
    if words == plain_words(ours["text"]):
        return _REPEATING
    if earlier is not None and words == plain_words(earlier["text"]):
        return _REPEATING if answer["received_at"] - earlier["received_at"] < _AT_ONCE else 0
    typed = timedelta(seconds=len(words) / _SIGNS_A_SECOND)
    return _HASTY if answer["received_at"] - ours["created_at"] < max(_QUICK, min(typed, _SOON)) else 0
