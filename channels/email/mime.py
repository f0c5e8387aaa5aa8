"""A letter taken apart: headers as people read them, text, HTML, files. Pure, and at peace with any bytes.

The standard library's parser does the work, under its `compat32` policy: the newer one refuses header values that
arrive every day. What it hands over is decoded here, because letters lie about their charsets.
"""

import base64
import email.message
import email.parser
import email.policy
import email.utils
import quopri
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec

from channels.email.html import is_tame, text_of
from inbox.model.failures import Unreadable

MAX_PARTS: Final = 300
MAX_MULTIPARTS: Final = 100
"""More nested or neighbouring multiparts than any mail program makes; each costs the parser a look at every line."""

HEADER_LIMIT: Final = 20_000
"""How much of one header is read, in characters: three hundred recipients fit."""

CUT: Final = "…"

TEXT_LIMIT: Final = 100_000
HTML_LIMIT: Final = 1_000_000
"""How much text (characters) and HTML a message shows; what is longer comes as a file as well."""

NAME_LIMIT: Final = 120

_MULTIPART: Final = re.compile(rb"^content-type:\s*multipart/", re.IGNORECASE | re.MULTILINE)
_BOUNDARY: Final = re.compile(rb"--([A-Za-z0-9'()+_,./:=?-]{1,70})[ \t]*\r?\n")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_SPACES: Final = re.compile(r"\s+")
_ENCODED_WORD: Final = re.compile(r"=\?(?P<charset>[^?\s]{1,50})\?(?P<way>[bBqQ])\?(?P<text>[^?]*)\?=")
_ENCODED_WORDS: Final = re.compile(r"(?:=\?[^?\s]{1,50}\?[bBqQ]\?[^?]*\?=)+")
_BETWEEN_WORDS: Final = re.compile(r"(?<=\?=)\s+(?==\?[^?\s]{1,50}\?[bBqQ]\?)")
REPORTS: Final = frozenset({"message/delivery-status", "message/disposition-notification", "text/rfc822-headers"})
_ALIASES: Final[Mapping[str, str]] = {
    "cp-1251": "cp1251",
    "win-1251": "cp1251",
    "windows1251": "cp1251",
    "koi8": "koi8-u",
    "koi8-ru": "koi8-u",
    "utf8mb4": "utf-8",
    "unicode": "utf-8",
    "x-mac-cyrillic": "mac-cyrillic",
    "ansi_x3.110-1983": "latin-1",
}
_EXTENSIONS: Final[Mapping[str, str]] = {
    "text/calendar": "ics",
    "text/csv": "csv",
    "text/plain": "txt",
    "text/html": "html",
    "message/rfc822": "eml",
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/gif": "gif",
    "application/pdf": "pdf",
}
# Spaces and the lower-case letters are what Cyrillic text mostly is; the wrong table turns them into capitals.
_LOWER_CYRILLIC: Final = frozenset("абвгґдеєёжзиіїйклмнопрстуфхцчшщъыьэюя")


class File(msgspec.Struct, frozen=True, kw_only=True):
    """A file in a letter. `cid` is how its HTML calls it."""

    name: str
    content_type: str
    content: bytes
    cid: str = ""


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """A letter. `headers` are (name in lower case, decoded value) in their order."""

    headers: Sequence[tuple[str, str]]
    text: str = ""
    html: str = ""
    files: Sequence[File] = ()
    reports: Sequence[File] = ()
    """Machine-readable parts of a bounce or a receipt."""
    vouched: str | None = None
    """The address whose letter it is, as the provider says that took it in; empty where it could say and does not.

    None where nobody looked.
    """

    def header(self, name: str) -> str:
        """The first header of this name."""
        return next((value for known, value in self.headers if known == name), "")

    def addresses(self, name: str) -> list[tuple[str, str]]:
        """(display name, address in lower case) of every header of this name."""
        values = [value for known, value in self.headers if known == name]
        return addresses(values)


def read(data: bytes) -> Mail:
    """Take a letter apart. Raises `Unreadable` for what is none, or would take for ever."""
    if len(_MULTIPART.findall(data)) > MAX_MULTIPARTS:
        raise Unreadable(f"not a letter as people send them: more than {MAX_MULTIPARTS} multiparts")
    try:
        message = email.parser.BytesParser(policy=email.policy.compat32).parsebytes(data)
        return _assembled(message)
    except RecursionError:
        raise Unreadable("not a letter as people send them: nested too deeply") from None


def headers_of(data: bytes) -> list[tuple[str, str]]:
    """A letter's headers alone."""
    message = email.parser.BytesHeaderParser(policy=email.policy.compat32).parsebytes(data)
    return _headers(message)


def header(name: str, value: str) -> tuple[str, str]:
    """A header as a letter keeps it: its name in lower case, its value decoded unless only machines read it."""
    known = name.strip().lower()
    return known, _SPACES.sub(" ", value).strip() if known == "dkim-signature" else decoded(value)


def decoded(value: str) -> str:
    """A header's words: RFC 2047, raw UTF-8 or a guess, on one line. What is too long ends in `CUT`."""
    ending = CUT if len(value) > HEADER_LIMIT else ""
    value = value[:HEADER_LIMIT]
    raw = value.encode("utf-8", "surrogateescape")
    if not raw.isascii():
        value = guessed(raw)
    words = _BETWEEN_WORDS.sub("", value)
    words = _ENCODED_WORDS.sub(_decoded_run, words)
    return _SPACES.sub(" ", _CONTROL.sub("", words)).strip() + ending


def _decoded_run(found: re.Match[str]) -> str:
    """Encoded words that stand together. Senders cut them within a character, so bytes are joined before decoding."""
    written: list[str] = []
    charset, content = "", b""
    for one in _ENCODED_WORD.finditer(found[0]):
        said = one["charset"].partition("*")[0].lower()
        if said != charset:
            written.append(text_in(content, charset))
            charset, content = said, b""
        content += _word(one["way"], one["text"])
    return "".join((*written, text_in(content, charset)))


def _word(way: str, text: str) -> bytes:
    raw = text.encode("utf-8", "surrogateescape")
    if way in "qQ":
        return quopri.decodestring(raw.replace(b"_", b" "), header=False)
    clean = re.sub(rb"[^A-Za-z0-9+/]", b"", raw)
    return base64.b64decode(clean[: len(clean) - (len(clean) % 4 == 1)] + b"==")


def addresses(values: Sequence[str]) -> list[tuple[str, str]]:
    """(display name, address in lower case) of a list of addresses as it is written in decoded headers."""
    found = []
    for name, address in email.utils.getaddresses([value[:HEADER_LIMIT] for value in values]):
        clean = address.strip().strip("<>").lower()
        if "@" in clean.strip("@") and not _SPACES.search(clean):
            found.append((name.strip().strip("'\""), clean))
    if not found:
        # A name with an unquoted comma or colon breaks the grammar; the address stands there all the same.
        found = [("", one.lower()) for value in values for one in re.findall(r"<([^<>\s@]+@[^<>\s@]+)>", value)]
    return found


def date_of(value: str) -> datetime | None:
    """A Date header's time in UTC."""
    try:
        found = email.utils.parsedate_to_datetime(value)
        return found.replace(tzinfo=found.tzinfo or UTC).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def text_in(content: bytes, charset: str) -> str:
    """Bytes as text: as they say, else as they look."""
    name = charset.strip().strip("\"'").lower()
    name = _ALIASES.get(name, name)
    try:
        return content.decode(name) if name else guessed(content)
    except (LookupError, UnicodeError, ValueError):
        return guessed(content)


def guessed(content: bytes) -> str:
    """Bytes as text where nobody says, or nobody truly says, in which charset."""
    try:
        return content.decode()
    except UnicodeDecodeError:
        if sum(byte < 0x20 and byte not in b"\t\n\r" for byte in content[:2000]) > len(content[:2000]) // 10:  # noqa: PLR2004
            return content.decode(errors="replace")
    tried = [content.decode(name, errors="replace") for name in ("cp1251", "koi8-u")]
    return max(tried, key=lambda text: sum(letter in _LOWER_CYRILLIC for letter in text[:5000]))


def _headers(message: email.message.Message) -> list[tuple[str, str]]:
    return [header(name, str(value)) for name, value in message.raw_items()]


class _Collected:
    """What walking through the parts brings together."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.htmls: list[str] = []
        self.files: list[File] = []
        self.reports: list[File] = []
        self.parts = 0


def _assembled(message: email.message.Message) -> Mail:
    collected = _Collected()
    _collect(message, collected)
    html = "\n".join(collected.htmls)
    text = "\n\n".join(part for part in (text.strip("\n") for text in collected.texts) if part.strip())
    return made(headers=_headers(message), text=text, html=html, files=collected.files, reports=collected.reports)


def made(
    *,
    headers: Sequence[tuple[str, str]],
    text: str,
    html: str,
    files: Sequence[File],
    reports: Sequence[File] = (),
) -> Mail:
    """A letter of these parts, within the limits: text from the HTML where there is none, what is too long as files."""
    kept = list(files)
    shown = len(html) <= HTML_LIMIT and is_tame(html)
    if not shown:
        kept.append(File(name="message.html", content_type="text/html", content=html.encode(errors="replace")))
    text = _tidy(text) if text.strip() else text_of(html[:HTML_LIMIT])
    if len(text) > TEXT_LIMIT:
        kept.append(File(name="message.txt", content_type="text/plain", content=text.encode(errors="replace")))
    return Mail(
        headers=headers,
        text=text[:TEXT_LIMIT],
        html=html if shown else "",
        files=kept,
        reports=reports,
    )


def _tidy(text: str) -> str:
    return _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).rstrip()


def _collect(part: email.message.Message, into: _Collected) -> None:
    """Sort a part and what is in it: body, file, report."""
    into.parts += 1
    if into.parts > MAX_PARTS:
        return
    _make_readable(part)
    content_type = part.get_content_type()
    if content_type in REPORTS:
        into.reports.append(File(name="", content_type=content_type, content=_whole(part)))
    elif content_type == "message/rfc822" or content_type.startswith("message/"):
        into.files.append(_enclosed(part, content_type))
    elif part.is_multipart():
        _collect_several(part, content_type, into)
    elif content_type.startswith("multipart/"):
        _collect_undivided(part, into)
    elif _is_body(part, content_type):
        into_body = into.htmls if content_type == "text/html" else into.texts
        into_body.append(text_in(_content(part), _charset(part)))
    else:
        into.files.append(_file(part, content_type, len(into.files) + 1))


def _collect_several(part: email.message.Message, content_type: str, into: _Collected) -> None:
    children = [child for child in part.get_payload() if isinstance(child, email.message.Message)]
    if content_type != "multipart/alternative":
        for child in children:
            _collect(child, into)
        return
    # Alternatives say the same: the last text and the last HTML are the richest, and whatever else there is, is kept.
    alternatives = _Collected()
    alternatives.parts = into.parts
    for child in children:
        if child.get_content_type() != "text/x-amp-html":
            _collect(child, alternatives)
    into.parts = alternatives.parts
    into.texts.extend(alternatives.texts[-1:])
    into.htmls.extend(alternatives.htmls[-1:])
    into.files.extend(alternatives.files)
    into.reports.extend(alternatives.reports)


def _collect_undivided(part: email.message.Message, into: _Collected) -> None:
    """Parts that the boundary named for them does not divide: by the one that stands there, or else it is all text."""
    content = _content(part).lstrip()
    boundary = _BOUNDARY.match(content)
    if boundary is not None:
        head = b'Content-Type: multipart/mixed; boundary="' + boundary[1] + b'"\n\n'
        divided = email.parser.BytesParser(policy=email.policy.compat32).parsebytes(head + content)
        if divided.is_multipart():
            _collect(divided, into)
            return
    if content:
        into.texts.append(text_in(content, ""))


def _make_readable(part: email.message.Message) -> None:
    """Turn raw bytes in the headers that name files into text: the parser would replace each by a question mark."""
    for name, value in list(part.raw_items()):
        raw = str(value).encode("utf-8", "surrogateescape")
        if name.lower() in {"content-type", "content-disposition", "content-id", "subject"} and not raw.isascii():
            part.replace_header(name, guessed(raw))


def _is_body(part: email.message.Message, content_type: str) -> bool:
    attached = str(part.get("Content-Disposition", "")).strip().lower().startswith("attachment")
    return content_type in {"text/plain", "text/html"} and not attached and not _name(part)


def _content(part: email.message.Message) -> bytes:
    payload = part.get_payload(decode=True)
    if isinstance(payload, bytes):
        return payload
    raw = part.get_payload()
    return raw.encode("utf-8", "surrogateescape") if isinstance(raw, str) else b""


def _charset(part: email.message.Message) -> str:
    try:
        return part.get_content_charset() or ""
    except (LookupError, UnicodeError, ValueError):
        return ""


def _name(part: email.message.Message) -> str:
    try:
        found = part.get_filename() or ""
    except (LookupError, UnicodeError, ValueError, TypeError):
        found = ""
    return plain_name(decoded(found))


def plain_name(claimed: str) -> str:
    """A file's name without folders and without what cannot be seen."""
    name = "".join(letter for letter in claimed.replace("\\", "/").rpartition("/")[2] if letter.isprintable())
    return name.strip(" .")[-NAME_LIMIT:]


def _file(part: email.message.Message, content_type: str, number: int) -> File:
    extension = _EXTENSIONS.get(content_type, "bin")
    return File(
        name=_name(part) or f"file-{number}.{extension}",
        content_type=content_type,
        content=_content(part),
        cid=decoded(str(part.get("Content-ID", ""))).strip("<>"),
    )


def _enclosed(part: email.message.Message, content_type: str) -> File:
    """A letter within a letter, as a file."""
    inner = next(iter(_children(part)), None)
    title = next((value for name, value in _headers(inner) if name == "subject"), "") if inner is not None else ""
    name = _name(part) or plain_name(title.replace("/", " ").replace("\\", " ")) or "message"
    if not name.lower().endswith(".eml"):
        name = f"{name[: NAME_LIMIT - 4]}.eml"
    return File(name=name, content_type=content_type, content=_whole(part))


def _children(part: email.message.Message) -> Iterator[email.message.Message]:
    payload = part.get_payload()
    if isinstance(payload, list):
        yield from (child for child in payload if isinstance(child, email.message.Message))


def _whole(part: email.message.Message) -> bytes:
    """A part's content where the parser has already taken it apart."""
    children = list(_children(part))
    if not children:
        return _content(part)
    try:
        return b"\n".join(child.as_bytes() for child in children)
    except (LookupError, UnicodeError, ValueError, TypeError, AttributeError):
        # What cannot be put together again is shown as the parser understood it.
        return "\n".join(f"{name}: {value}" for child in children for name, value in _headers(child)).encode()
