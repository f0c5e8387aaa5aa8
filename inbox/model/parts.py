"""Cutting a reply into requests that a channel takes: text by its own measure, files one or an album at a time."""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from inbox.model.capabilities import Capabilities


def _utf16(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _utf8(text: str) -> int:
    return len(text.encode())


_MEASURES: dict[str, Callable[[str], int]] = {"characters": len, "utf16": _utf16, "utf8": _utf8}
_ALBUM_TYPES = frozenset({"photo", "video"})
_JOINER = "\N{ZERO WIDTH JOINER}"
_CLINGING = re.compile("[\N{ZERO WIDTH JOINER}\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]")
"""Joiners, skin tones and the letters of regional flags: they belong to what stands before them."""
_FLAG_ENDING = re.compile("[\U0001f1e6-\U0001f1ff]+$")
_BREAKS = (re.compile(r"\n\s*\n"), re.compile(r"\n"), re.compile(r"(?<=[.!?…])\s"), re.compile(r"\s"))


class Part(msgspec.Struct, frozen=True):
    """One request: a text, or files with an optional caption. `files` are attachment ids."""

    text: str
    files: tuple[str, ...] = ()


def split_text(text: str, limit: int, unit: str) -> list[str]:
    """Cut `text` into pieces of at most `limit` units, at paragraphs, lines, sentences, words, in this preference.

    Nothing but white space at the cuts is lost. A word longer than the limit is cut between what readers take for
    characters: not within a flag, a family or a letter with its accent.
    """
    measure = _MEASURES[unit]
    pieces: list[str] = []
    rest = text.strip()
    while measure(rest) > limit:
        reach = _reach(rest, limit, measure)
        cut = _cut(rest[: reach + 1], reach)
        pieces.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    if rest:
        pieces.append(rest)
    return pieces


def _reach(text: str, limit: int, measure: Callable[[str], int]) -> int:
    """How many characters of `text` fit."""
    low, high = 1, min(len(text), limit)
    while low < high:
        middle = (low + high + 1) // 2
        if measure(text[:middle]) <= limit:
            low = middle
        else:
            high = middle - 1
    return low


def _cut(window: str, reach: int) -> int:
    for pattern in _BREAKS:
        places = [found.start() for found in pattern.finditer(window) if reach // 2 < found.start() <= reach]
        if places:
            return places[-1]
    whole = (place for place in range(reach, reach // 2, -1) if not _within_character(window, place))
    return next(whole, reach)


def _within_character(text: str, place: int) -> bool:
    """Whether a cut at `place` would part what is shown as one: the usual cases of Unicode's annex 29."""
    before, after = text[:place], text[place : place + 1]
    if not after or _CLINGING.match(after):
        return bool(after)
    flags = _FLAG_ENDING.search(before)
    half_flag = flags is not None and len(flags[0]) % 2 == 1 and _FLAG_ENDING.search(after) is not None
    return before.endswith(_JOINER) or half_flag or unicodedata.category(after).startswith("M")


def carries(capabilities: Capabilities, type_: str, content_type: str, size: int) -> bool:
    """Whether the channel takes this file as this media type."""
    limit = capabilities.media_limits.get(type_)
    if limit is None or size > limit.max_bytes or not capabilities.media.sends:
        return False
    return not limit.content_types or any(fnmatchcase(content_type, glob) for glob in limit.content_types)


def media_type(content_type: str, size: int, capabilities: Capabilities) -> str:
    """As which media type a file goes out: as what it is where the channel takes that, else as a document."""
    family = {"image": "photo", "video": "video", "audio": "audio"}.get(content_type.partition("/")[0], "document")
    return family if carries(capabilities, family, content_type, size) else "document"


def has_buttons(capabilities: Capabilities, buttons: Sequence[tuple[str, str]]) -> bool:
    """Whether the channel can show these buttons as such; elsewhere they become numbered text."""
    longest = max((len(title) for title, _ in buttons), default=0)
    titles_fit = not capabilities.button_title_limit or longest <= capabilities.button_title_limit
    return capabilities.buttons.sends and len(buttons) <= capabilities.button_limit and titles_fit


class Rendering(msgspec.Struct, frozen=True, kw_only=True):
    """A reply as a channel shows it. `text` is all that the customer reads, links and numbered buttons included."""

    text: str
    parts: tuple[Part, ...]
    types: Mapping[str, str]
    """As which media type each file goes, by its id."""
    linked: tuple[str, ...]
    """The files that the channel does not take: they stand in the text as links."""
    numbered: bool
    """Whether the buttons are numbered lines of the text; else they stand under the last part."""


def render(
    text: str,
    files: Sequence[Mapping[str, Any]],
    buttons: Sequence[tuple[str, str]],
    capabilities: Capabilities,
    *,
    address: Callable[[Mapping[str, Any]], str],
    public: bool = False,
) -> Rendering:
    """How a channel shows a reply. `files` are `{_id, name, content_type, size}`, `address` makes a link to one.

    Under what everybody can read (`public`) there is no place for buttons.
    """
    types = {file["_id"]: media_type(file["content_type"], file["size"], capabilities) for file in files}
    carried = [file for file in files if carries(capabilities, types[file["_id"]], file["content_type"], file["size"])]
    linked = [file for file in files if file not in carried]
    numbered = bool(buttons) and (public or not has_buttons(capabilities, buttons))
    lines = [f"{file['name']}: {address(file)}" for file in linked]
    if numbered:
        lines += [f"{number}. {title}" for number, (title, _) in enumerate(buttons, 1)]
    whole = "\n".join([text, *lines]).strip()
    sized = [{"id": file["_id"], "type": types[file["_id"]]} for file in carried]
    parts = plan(whole, sized, capabilities)
    if buttons and not numbered and not _bears_buttons(parts[-1:]):
        parts = [*plan("", sized, capabilities), *plan(whole, (), capabilities)]
    return Rendering(
        text=whole,
        parts=tuple(parts),
        types=types,
        linked=tuple(file["_id"] for file in linked),
        numbered=numbered,
    )


def _bears_buttons(parts: Sequence[Part]) -> bool:
    """Whether buttons may stand under the last: under words, and no more than one file, on every channel there is."""
    return all(part.text and len(part.files) <= 1 for part in parts)


def plan(text: str, files: Sequence[Mapping[str, Any]], capabilities: Capabilities) -> list[Part]:
    """The requests that carry this reply, in order. `files` are `{id, type, size}` with types of `media_type`."""
    pieces = split_text(text, capabilities.text_limit, capabilities.text_unit)
    groups = _groups(files, capabilities)
    if not groups:
        return [Part(piece) for piece in pieces]
    caption = ""
    short = len(pieces) == 1 and _MEASURES[capabilities.text_unit](pieces[0]) <= capabilities.caption_limit
    if short and files[0]["type"] in capabilities.captioned:
        caption = pieces.pop()
    parts = [Part(piece) for piece in pieces]
    parts.extend(Part(caption if position == 0 else "", group) for position, group in enumerate(groups))
    return parts


def _groups(files: Sequence[Mapping[str, Any]], capabilities: Capabilities) -> list[tuple[str, ...]]:
    album_limit = capabilities.album_limit
    groups: list[list[str]] = []
    joinable = False
    for file in files:
        fits = capabilities.album_any or file["type"] in _ALBUM_TYPES
        if joinable and fits and len(groups[-1]) < album_limit:
            groups[-1].append(file["id"])
        else:
            groups.append([file["id"]])
        joinable = fits and album_limit > 1
    return [tuple(group) for group in groups]
