"""A letter's HTML as text. Ammonia's parser (nh3) reads it like a browser, and in linear time whoever wrote it."""

import html as entities
import re
from typing import Final

import nh3

MAX_DEPTH: Final = 1000

_OPENINGS: Final = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)")
_SELF_CLOSING: Final = frozenset(
    {
        *("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"),
        *("p", "li", "dt", "dd", "tr", "td", "th", "option", "tbody", "thead"),
    }
)
"""What needs no end, or is often left without one."""

_TOKENS: Final = re.compile(r"<((?:[^>\"]|\"[^\"]*\")*)>|([^<]+)")
_STRUCTURE: Final = {
    "p",
    "div",
    "br",
    "li",
    "tr",
    "td",
    "th",
    "blockquote",
    "pre",
    "hr",
    *(f"h{n}" for n in range(1, 7)),
}
_BLOCKS: Final = _STRUCTURE - {"br", "td", "th", "hr"}
_DROPPED: Final = {"script", "style", "title", "template", "object", "iframe"}
_LINES: Final = re.compile(r"\n{3,}")
_BLANKS: Final = re.compile(r"[ \t\r\f\v\u00a0]+")


def is_tame(html: str) -> bool:
    """Whether this is nested as deeply as people's letters are: a browser's way to read costs depth times length."""
    depth = 0
    for closing, name in _OPENINGS.findall(html):
        if name.lower() not in _SELF_CLOSING:
            depth = max(0, depth - 1) if closing else depth + 1
            if depth > MAX_DEPTH:
                return False
    return True


def text_of(html: str) -> str:
    """What a letter's HTML says, as text. Quoted blocks come as lines with `>`, as in a letter of plain text."""
    if not is_tame(html):
        return entities.unescape(_BLANKS.sub(" ", re.sub(r"<[^<>]*>", " ", html))).strip()
    clean = nh3.clean(
        html,
        tags=_STRUCTURE,
        attributes={},
        clean_content_tags=_DROPPED,
        link_rel=None,
    )
    written: list[str] = []
    depth = 0
    for tag, words in _TOKENS.findall(clean):
        if words:
            written.append(_BLANKS.sub(" ", entities.unescape(words).replace("\n", " ")))
            continue
        name = re.split(r"[\s/>]", tag.lstrip("/"), maxsplit=1)[0]
        if name == "blockquote":
            depth = max(0, depth + (-1 if tag.startswith("/") else 1))
            written.append(f"\n\0{depth}\0")
        elif name in {"br", "hr"} or name in _BLOCKS:
            begun = written and not written[-1].endswith("\n")
            written.append("\n\n" if name == "p" else "\n" if begun or name == "br" else "")
        elif name in {"td", "th"} and tag.startswith("/"):
            written.append(" ")
    return _quoted("".join(written))


def _quoted(text: str) -> str:
    """Lines with `>` for each block that they stand in; a mark is a depth between two NULs."""
    depth = 0
    lines = []
    for line in text.split("\n"):
        marks = re.findall(r"\0(\d+)\0", line)
        words = re.sub(r"\0\d+\0", "", line).strip()
        if marks:
            depth = int(marks[-1])
        lines.append(f"{'>' * depth} {words}".strip() if depth and words else words)
    return _LINES.sub("\n\n", "\n".join(lines)).strip()
