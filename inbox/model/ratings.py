"""Ratings: what a customer says of a case that was closed, in one tap or one number. Pure.

A conversation keeps them in `ratings`, one a case: `{no, score, at, sort, comment}` with the number of the case's
opening, 1 (worst) to 5, when it was said, and its place among all that was said about it.
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

BEST = 5
SATISFIED = 4
"""From which score on a customer counts as satisfied."""

ANSWERED_WITHIN = timedelta(hours=24)
"""How long after the question a number alone is an answer to it; a button is one for ever."""

COMMENTED_WITHIN = timedelta(minutes=10)
"""How long after they asked to add a comment a customer's next message is that comment."""

MAX_COMMENT = 2000

_PRESSED = re.compile(r"rating:([^:]{1,40}):([0-9]{1,6}):([1-5]|comment)")
_ASKED = re.compile(r"skill:rating:ask:([^:]{1,40}):([0-9]{1,6})")


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """Something said about a case: a score, the wish to add a comment (neither), or that comment."""

    conversation_id: str
    no: int
    score: int | None = None
    comment: bool = False
    """Whether the message's text is the comment."""


def case_name(conversation_id: str, no: int) -> str:
    """A case in tokens and buttons."""
    return f"{conversation_id}:{no}"


def asked_token(conversation_id: str, no: int) -> str:
    """The client token of the question about a case."""
    return f"skill:rating:ask:{case_name(conversation_id, no)}"


def button(conversation_id: str, no: int, what: str) -> str:
    """What is attached to a button: a score, or `comment`."""
    return f"rating:{case_name(conversation_id, no)}:{what}"


def pressed(data: str) -> Given | None:
    """What a button says; None where it is none of ours."""
    found = _PRESSED.fullmatch(data)
    if found is None:
        return None
    score = None if found[3] == "comment" else int(found[3])
    return Given(conversation_id=found[1], no=int(found[2]), score=score)


def score_in(text: str) -> int | None:
    """The score that is all of a text."""
    word = text.strip().rstrip(".!")
    return int(word) if len(word) == 1 and word in "12345" else None


def answered_by(question: Mapping[str, Any], score: int, received_at: datetime) -> Given | None:
    """What a number says that follows this message of ours; None where that was no question, or long ago."""
    asked = _ASKED.fullmatch(question.get("client_token") or "")
    if asked is None or received_at - question["created_at"] > ANSWERED_WITHIN:
        return None
    return Given(conversation_id=asked[1], no=int(asked[2]), score=score)


def rating_of(conversation: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The last rating of a conversation."""
    ratings = conversation.get("ratings") or ()
    return ratings[-1] if ratings else None
