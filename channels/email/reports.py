"""Bounces (RFC 3464), read receipts (RFC 8098), and the bounces that keep to no standard."""

import re
from collections.abc import Iterator, Mapping
from typing import Final, Literal

import msgspec

from channels.email import mime
from channels.email.mime import File, Mail

REASON_LIMIT: Final = 300

_ADDRESS: Final = re.compile(r"[^\s<>;,()\"']{1,64}@[^\s<>;,()\"']{1,253}")
_STATUS: Final = re.compile(r"\b([245])\.\d{1,3}\.\d{1,3}\b")
_CODE: Final = re.compile(r"\b([45])\d\d[ -]")
_FROM_DAEMON: Final = re.compile(r"(?:mailer-daemon|postmaster)@", re.IGNORECASE)
_FAILED: Final = re.compile(
    r"undeliver|delivery (?:status notification|failure|has failed)|returned mail|failure notice|mail delivery failed"
    r"|не доставлен|недоставлен|не удалось доставить|не вдалося доставити|возвращен|повернуто",
    re.IGNORECASE,
)


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a letter at one recipient. `permanent`: the address itself takes no mail."""

    recipient: str
    state: Literal["delivered", "read", "failed"]
    reason: str = ""
    permanent: bool = False


def verdicts(mail: Mail) -> Iterator[Verdict]:
    """What a report says; nothing where the letter is none, or tells of a delay only."""
    told = False
    for report in mail.reports:
        if report.content_type == "message/delivery-status":
            told = True
            yield from _delivery(report)
        elif report.content_type == "message/disposition-notification":
            told = True
            yield from _disposition(report)
    if not told and _is_sloppy_bounce(mail):
        yield from _sloppy(mail)


def _delivery(report: File) -> Iterator[Verdict]:
    """One block for the letter, then one for each recipient."""
    for block in _blocks(report):
        recipient = _recipient(block.get("final-recipient", "") or block.get("original-recipient", ""))
        action = block.get("action", "").lower()
        status = _STATUS.search(block.get("status", ""))
        reason = _typed(block.get("diagnostic-code", "")) or block.get("status", "") or "the mail server refused it"
        if not recipient:
            continue
        if action == "failed":
            yield Verdict(
                recipient=recipient,
                state="failed",
                reason=reason[:REASON_LIMIT],
                permanent=status is not None and _is_the_address(status[0]),
            )
        elif action == "delivered":
            yield Verdict(recipient=recipient, state="delivered")


def _disposition(report: File) -> Iterator[Verdict]:
    for block in _blocks(report):
        recipient = _recipient(block.get("final-recipient", "") or block.get("original-recipient", ""))
        if recipient and "displayed" in block.get("disposition", "").lower():
            yield Verdict(recipient=recipient, state="read")


def _is_sloppy_bounce(mail: Mail) -> bool:
    froms = mail.addresses("from")
    by_daemon = bool(froms) and _FROM_DAEMON.match(froms[0][1]) is not None
    empty_path = mail.header("return-path").replace(" ", "") == "<>"
    failed = bool(mail.header("x-failed-recipients")) or _FAILED.search(mail.header("subject")) is not None
    return failed and (by_daemon or empty_path)


def _sloppy(mail: Mail) -> Iterator[Verdict]:
    """A bounce in prose: its recipient is named in a header, or is the first address of the text."""
    text = mail.text[:5000]
    named = _ADDRESS.search(mail.header("x-failed-recipients")) or _ADDRESS.search(text)
    if named is None:
        return
    lines = [line.strip() for line in text.split("\n")]
    telling = next((line for line in lines if _STATUS.search(line) or _CODE.search(line)), "")
    status = _STATUS.search(telling)
    if status is not None and status[1] == "4":
        return
    yield Verdict(
        recipient=named[0].lower().strip(".:"),
        state="failed",
        reason=(telling or mail.header("subject"))[:REASON_LIMIT],
        permanent=status is not None and _is_the_address(status[0]),
    )


def _is_the_address(status: str) -> bool:
    """5.1.x: no such address. Other refusals (5.2.2 full, 5.7.1 not wanted) may pass."""
    return status.startswith(("5.1.0", "5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1", "5.4.4"))


def _blocks(report: File) -> Iterator[Mapping[str, str]]:
    text = mime.text_in(report.content, "utf-8").replace("\r\n", "\n")
    for block in re.split(r"\n[ \t]*\n", text):
        unfolded = re.sub(r"\n[ \t]+", " ", block)
        pairs = (line.partition(":") for line in unfolded.split("\n"))
        found = {name.strip().lower(): value.strip() for name, colon, value in pairs if colon}
        if found:
            yield found


def _typed(value: str) -> str:
    """A value without its type: `smtp; 550 5.1.1 no such user`."""
    kind, semicolon, rest = value.partition(";")
    return (rest if semicolon and kind.strip().isalnum() else value).strip()


def _recipient(value: str) -> str:
    found = _ADDRESS.search(_typed(value))
    return found[0].lower() if found else ""
