"""What we send, as a letter. Pure: files are handed in read."""

import contextlib
import email.generator
import email.message
import email.policy
import html
import io
import re
from collections.abc import Sequence
from datetime import datetime
from email.headerregistry import Address
from email.utils import format_datetime
from typing import Final

from channels.email import identity
from channels.email.parse import message_id_of
from channels.email.spec import ADDRESS, EmailSettings
from inbox.model.channel import Outgoing, OutgoingFile
from inbox.model.failures import Refused

MAX_REFERENCES: Final = 20
"""How long the thread is told: its first letter and the latest. Some servers refuse headers of many kilobytes."""

SUBJECT_LIMIT: Final = 200

_BREAKS: Final = re.compile(r"[\r\n\x00-\x1f\x7f\u2028\u2029\x85]+")
_ID: Final = re.compile(r"[^\s<>()\[\]\\,;:\"\x00-\x1f\x7f]{1,250}@[^\s<>()\[\]\\,;:\"\x00-\x1f\x7f]{1,250}")
_AGAIN: Final = re.compile(r"(?:(?:re|fwd?|aw|sv|від|відп|отв|ответ|пересл)(?:\[\d+\])?:\s*)+", re.IGNORECASE)
_LINK: Final = re.compile(r"https?://[^\s<>\"]+[^\s<>\".,;:!?)\]]")
_POLICY: Final = email.policy.SMTP.clone(cte_type="7bit", max_line_length=78)


def message(
    settings: EmailSettings, outgoing: Outgoing, files: Sequence[tuple[OutgoingFile, bytes]], *, at: datetime
) -> email.message.EmailMessage:
    """The letter. Raises `Refused` where the address is none."""
    made = email.message.EmailMessage(policy=_POLICY)
    own = identity.message_id(settings, outgoing.key)
    made["From"] = _address(settings.address, settings.from_name)
    made["To"] = _address(outgoing.to)
    made["Subject"] = _subject(settings, outgoing)
    made["Date"] = format_datetime(at)
    made["Message-ID"] = f"<{own}>"
    answers = identity.reply_address(settings, own)
    if settings.takes_plus_addresses and answers:
        made["Reply-To"] = _address(answers, settings.from_name)
    thread = _thread(outgoing)
    if thread:
        made["In-Reply-To"] = f"<{thread[-1]}>"
        made["References"] = " ".join(f"<{one}>" for one in thread)
    if not outgoing.by_person:
        # RFC 3834, and Microsoft's word for the same: no automatic answer to an automatic letter.
        made["Auto-Submitted"] = "auto-replied" if thread else "auto-generated"
        made["X-Auto-Response-Suppress"] = "All"
    made.set_content(outgoing.text or " ", cte="quoted-printable" if not outgoing.text.isascii() else None)
    made.add_alternative(_html(outgoing.text), subtype="html", cte="quoted-printable")
    for file, content in files:
        kind, _, subtype = file.content_type.partition("/")
        if not subtype or kind in {"text", "message", "multipart"}:
            kind, subtype = "application", "octet-stream"  # As text it would be recoded, as a letter taken apart.
        made.add_attachment(content, maintype=kind, subtype=subtype, filename=one_line(file.name) or "file")
    return made


def as_bytes(letter: email.message.EmailMessage) -> bytes:
    """A letter as it goes over the wire: in 7 bits, unless its address itself is in other letters (RFC 6532)."""
    written = io.BytesIO()
    international = not letter["To"].addresses[0].addr_spec.isascii()
    policy = _POLICY.clone(utf8=True, cte_type="8bit") if international else _POLICY
    email.generator.BytesGenerator(written, policy=policy).flatten(letter)
    return written.getvalue()


def one_line(text: str) -> str:
    """A header's value: what breaks lines would begin a header of somebody else's making."""
    return " ".join(_BREAKS.sub(" ", text).split())


def _address(address: str, name: str = "") -> Address:
    local, _, domain = address.rpartition("@")
    made: Address | None = None
    if ADDRESS.fullmatch(address):
        with contextlib.suppress(ValueError, IndexError, UnicodeError):
            made = Address(display_name=one_line(name), username=local, domain=domain.encode("idna").decode("ascii"))
    if made is None:
        raise Refused("this is not an address that mail can be sent to", code="address")
    return made


def _subject(settings: EmailSettings, outgoing: Outgoing) -> str:
    words = _AGAIN.sub("", one_line(outgoing.subject), count=1).strip()[:SUBJECT_LIMIT]
    about = words or one_line(settings.from_name or settings.address)
    return f"Re: {about}" if outgoing.reply_to or outgoing.references else about


def _thread(outgoing: Outgoing) -> list[str]:
    """Message-IDs of the exchange, oldest first; the last one is answered."""
    known = [message_id_of(one) for one in (*outgoing.references, outgoing.reply_to) if one]
    ids = [one for one in reversed(dict.fromkeys(reversed(known))) if _ID.fullmatch(one)]
    return ids if len(ids) <= MAX_REFERENCES else [ids[0], *ids[1 - MAX_REFERENCES :]]


def _html(text: str) -> str:
    paragraphs = [part for part in re.split(r"\n{2,}", text.strip()) if part]
    body = "".join(f"<p>{_linked(part)}</p>" for part in paragraphs) or "<p></p>"
    return f'<!DOCTYPE html><html><head><meta charset="utf-8"></head><body dir="auto">{body}</body></html>'


def _linked(text: str) -> str:
    pieces = []
    end = 0
    for found in _LINK.finditer(text):
        address = html.escape(found[0])
        pieces += [html.escape(text[end : found.start()]), f'<a href="{address}">{address}</a>']
        end = found.end()
    pieces.append(html.escape(text[end:]))
    return "".join(pieces).replace("\n", "<br>\n")
