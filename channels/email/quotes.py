"""What a letter quotes, told from what it says.

Line by line and in linear time: mail programs announce a quotation in a line of their language, in a block of headers,
or by `>`. The whole text is kept beside what is shown, so a wrong cut loses nothing.
"""

import re
from collections.abc import Sequence
from typing import Final

LINE_LIMIT: Final = 500
"""A longer line is somebody's text, whatever it ends with."""

_QUOTE: Final = re.compile(r"\s*>")

# "… wrote:" in the languages of our shops and their neighbours, as Gmail, Outlook, Apple Mail and Thunderbird say it.
_WROTE: Final = re.compile(
    r"(?:\bwrote|\bwrites|\bпише|\bпишуть|\bнаписа(?:в|ла|ли|в\(ла\)|в/ла)|\bпишет|\bписал(?:а|\(а\))?"
    r"|\bнаписал(?:а|и|\(а\))?|დაწერა|წერს|წერდა|მოგწერათ|\bschrieb|\ba écrit|\bnapisał(?:a|\(a\))?|\bpisze|\bescribió"
    r"|\bha scritto|\bnapsal(?:a|\(a\))?|\byazdı)(?:\s[^:]{0,120})?\s?:\s*$",
    re.IGNORECASE,
)
# "3 листопада 2025, 14:22, Олена <olena@…>:" with no verb at all, as Gmail in Russian, ukr.net and Yandex say it.
_NAMED: Final = re.compile(r"<?[^<>\s@]{1,64}@[^<>\s@]{1,120}>?\)?\s?:\s*$")
_DATED: Final = re.compile(r"\d{1,2}[:.]\d{2}|\d{4}")

_SEPARATOR: Final = re.compile(
    r"\s*(?:-{2,}|_{2,}|\*{2,})\s*(?:original message|reply message|original appointment"
    r"|вихідне повідомлення|оригінальне повідомлення|початкове повідомлення|исходное сообщение|оригинальное сообщение"
    r"|ორიგინალი შეტყობინება|თავდაპირველი შეტყობინება|ursprüngliche nachricht|message d'origine|wiadomość oryginalna"
    r"|mensaje original)\s*(?:-{2,}|_{2,}|\*{2,})?\s*",
    re.IGNORECASE,
)
_RULE: Final = re.compile(r"\s*_{20,}\s*")
_HEADER: Final = re.compile(
    r"\s*\*?(?P<name>from|sent|date|to|cc|subject|reply-to"
    r"|від|відправник|надіслано|дата|кому|копія|тема"
    r"|от|от кого|отправлено|отправитель|копия"
    r"|გამგზავნი|ვისგან|გაგზავნილია|გაიგზავნა|თარიღი|მიმღები|ვის|ასლი|თემა|საგანი"
    r"|von|gesendet|an|betreff|de|envoyé|à|objet|od|wysłano|do|temat)\s*:\*?(?:\s|$)",
    re.IGNORECASE,
)
_SENDERS: Final = frozenset(
    {"from", "від", "відправник", "от", "от кого", "отправитель", "გამგზავნი", "ვისგან", "von", "de", "od"}
)
_HEADERS_IN_A_ROW: Final = 3

_SIGNATURE: Final = re.compile(r"-- ?")
_DEVICE: Final = re.compile(
    r"\s*(?:sent from (?:my |mail for |outlook|yahoo|proton)|get outlook for|отправлено (?:с|из) |надіслано (?:з|із) "
    r"|відправлено (?:з|із) |gesendet von|გამოგზავნილია ჩემი|გაგზავნილია ჩემი|envoyé de mon|wysłano z ).{0,80}",
    re.IGNORECASE,
)


def unquoted(text: str) -> tuple[str, str]:
    """What a letter says by itself, and the whole text where that is more (else empty).

    Answers between the lines of a quotation are shown with it; where cutting would leave nothing, nothing is cut.
    """
    lines = text.split("\n")
    shown = "\n".join(_without_signature(_without_quotation(lines))).strip()
    if not shown:
        shown = text.strip()
    return shown, "" if shown == text.strip() else text.strip()


def _without_quotation(lines: list[str]) -> list[str]:
    for number, line in enumerate(lines):
        if _QUOTE.match(line):
            return _around(lines, number, number)
        if _begins_block(lines, number):
            return lines[:number]
        begin = _attribution(lines, number)
        if begin is not None:
            following = _next_full(lines, number + 1)
            if following is not None and _QUOTE.match(lines[following]):
                return _around(lines, begin, following)
            return lines[:begin]
    return lines


def _around(lines: list[str], begin: int, quote: int) -> list[str]:
    """The lines without one quotation, announced at `begin` and quoted from `quote` on.

    Several quotations with words between them are a talk point by point, which says nothing without its points.
    """
    end = quote
    while end < len(lines) and (_QUOTE.match(lines[end]) or not lines[end].strip()):
        end += 1
    rest = lines[end:]
    if any(_QUOTE.match(line) for line in rest):
        return lines
    return [*lines[:begin], *rest]


def _begins_block(lines: Sequence[str], number: int) -> bool:
    """Whether a letter is repeated from here on with its headers above it."""
    line = lines[number]
    if len(line) > LINE_LIMIT:
        return False
    if _SEPARATOR.fullmatch(line):
        return True
    at = number
    if _RULE.fullmatch(line):
        following = _next_full(lines, number + 1)
        if following is None:
            return False
        at = following
    found = _HEADER.match(lines[at])
    if found is None or found["name"].lower() not in _SENDERS:
        return False
    near = [one for one in lines[at : at + 8] if one.strip()][: _HEADERS_IN_A_ROW + 1]
    return sum(_HEADER.match(one[:LINE_LIMIT]) is not None for one in near) >= _HEADERS_IN_A_ROW


def _attribution(lines: Sequence[str], number: int) -> int | None:
    """Where the sentence begins that ends in this line with "wrote:"; None where there is none.

    It tells a date or an address, and mail programs break it over up to three lines.
    """
    line = lines[number]
    if len(line) > LINE_LIMIT or not line.rstrip().endswith(":"):
        return None
    wrote = _WROTE.search(line) is not None
    if not wrote and not _NAMED.search(line):
        return None
    for begin in range(number, max(-1, number - 3), -1):
        if not lines[begin].strip():
            break
        if _DATED.search(lines[begin][:LINE_LIMIT]):
            return begin
    return number if wrote and "@" in line else None


def _next_full(lines: Sequence[str], number: int) -> int | None:
    return next((at for at in range(number, min(number + 4, len(lines))) if lines[at].strip()), None)


def _without_signature(lines: list[str]) -> list[str]:
    for number, line in enumerate(lines):
        if _SIGNATURE.fullmatch(line):
            return lines[:number]
    last = next((at for at in range(len(lines) - 1, -1, -1) if lines[at].strip()), None)
    if last is not None and _DEVICE.fullmatch(lines[last]):
        return lines[:last]
    return lines
