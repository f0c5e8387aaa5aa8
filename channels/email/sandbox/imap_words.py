"""How IMAP writes things (RFC 3501, 9): words, literals, lists, sets of numbers, dates. Pure."""

import imaplib
import re
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

Token = str | bytes | list["Token"]
"""A word, a literal's bytes, or what stood in parentheses."""

_TOKEN: Final = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|([()])|([^\s()"\[]*(?:\[[^\]]*\](?:<[\d.]+>)?)?))')


class NotImap(Exception):
    """What the client wrote cannot be read; the server says BAD."""


def parsed(pieces: Sequence[str | bytes]) -> list[Token]:
    """A command's words, from its lines and the literals between them."""
    open_lists: list[list[Token]] = [[]]
    for piece in pieces:
        if isinstance(piece, bytes):
            open_lists[-1].append(piece)
            continue
        position, end = 0, len(piece.rstrip())
        while position < end:
            found = _TOKEN.match(piece, position)
            if found is None or found.end() == position:
                raise NotImap
            position = found.end()
            if found[2] == "(":
                open_lists.append([])
            elif found[2] == ")":
                if len(open_lists) == 1:
                    raise NotImap
                closed = open_lists.pop()
                open_lists[-1].append(closed)
            else:
                open_lists[-1].append(found[3] if found[1] is None else re.sub(r"\\(.)", r"\1", found[1]))
    if len(open_lists) != 1:
        raise NotImap
    return open_lists[0]


def text(words: Sequence[Token], position: int) -> str:
    """The word that stands there, also where it came as a literal; empty where there is none."""
    word = words[position] if position < len(words) else ""
    if isinstance(word, list):
        raise NotImap
    return word.decode("utf-8", "replace") if isinstance(word, bytes) else word


def items(word: Token) -> list[str]:
    """The words of a list, or the one word that stands in its place."""
    listed = word if isinstance(word, list) else [word]
    return [text(listed, position) for position in range(len(listed))]


def spans(told: str, last: int) -> list[range]:
    """A set such as `1:3,7,12:*`, where `*` is the last number there is. The ends of a span come in either order."""
    found = []
    for span in told.split(","):
        ends = [last if end == "*" else int(end) for end in span.split(":", 1)]
        found.append(range(min(ends), max(ends) + 1))
    return found


def moment(told: str) -> datetime:
    """A date with or without its time: `22-Nov-2026 08:00:00 +0200`, `1-Feb-2026`."""
    whole = told if ":" in told else f"{told} 00:00:00 +0000"
    found = imaplib.Internaldate2tuple(f'INTERNALDATE "{whole.strip():>26}"'.encode())
    if found is None:
        raise NotImap
    return datetime.fromtimestamp(time.mktime(found), UTC)
