"""Letters in our words. Pure: no I/O.

What the journal keeps is an envelope, a line of JSON with what the letter itself cannot tell, and the call's body or
the letter as it came. `read` needs nothing else: which of our own letters it truly mentions was found out while the
mailbox's key was at hand.
"""

import hashlib
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, Literal
from urllib.parse import unquote

import msgspec
from msgspec import Meta

from channels.email import identity, inbound, mime, reports
from channels.email.mime import Mail
from channels.email.quotes import unquoted
from channels.email.spec import EmailSettings, Provider
from inbox.model.channel import RawEvent, WebhookRequest
from inbox.model.failures import Unreadable
from inbox.model.incoming import Echo, Incoming, Media, NewMessage, Person, ReachabilityChanged, Receipt

Folder = Literal["inbox", "sent"]

CLOCKS_DIFFER: Final = timedelta(days=1)
"""How far a letter's own date is believed beside the time when it came: letters travel slowly, and dates are forged."""

QUICKLY: Final = timedelta(minutes=2)
"""A letter that came so soon stands where it came: its own date has whole seconds, which is too little for order."""

SUBJECT_LIMIT: Final = 500
ID_LIMIT: Final = 400
NAME_LIMIT: Final = 200
KEY_LIMIT: Final = 600
MAX_FILES: Final = 100

_IDS: Final = re.compile(r"<([^<>\s]{1,400})>")
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}(?:-[a-z0-9]{2,8}){0,3}")
"""One language tag (RFC 5646) in lower case, as far as mail programs write any."""
_CID: Final = re.compile(r"\bcid:([^\"'\s<>)]{1,300})", re.IGNORECASE)
_MACHINES: Final = re.compile(
    r"(?:mailer-daemon|postmaster|no-?reply|do-?not-?reply|nicht-?antworten|notifications?|bounces?)(?:[+.\-=].*)?@",
    re.IGNORECASE,
)
_RETURNED: Final = frozenset({*mime.REPORTS, "message/rfc822"})
_BULK: Final = frozenset({"bulk", "junk", "list", "auto_reply"})


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a letter beside its bytes. `received` in seconds; `ours` names letters of ours it mentions."""

    form: Provider | Literal["mime"]
    mailbox: str
    received: Annotated[float, Meta(ge=0, lt=2**33)]
    folder: Folder = "inbox"
    content_type: str = ""
    ours: tuple[str, ...] = ()


_envelope = msgspec.json.Decoder(Envelope)


def split(settings: EmailSettings, request: WebhookRequest) -> list[RawEvent]:
    """The one letter of a provider's call."""
    if settings.inbound is None:
        raise Unreadable("nobody posts letters to this mailbox")
    content_type = request.headers.get("content-type", "")
    mail = inbound.READERS[settings.inbound](content_type, request.body)
    envelope = Envelope(
        form=settings.inbound,
        mailbox=settings.address.lower(),
        received=time.time(),
        content_type=content_type,
        ours=tuple(identity.found_in(settings, _mentions(request.body, mail))),
    )
    if mail is None:
        key = "record:" + hashlib.sha256(request.body).hexdigest()
    elif settings.inbound == "mailgun":
        # Mailgun signs its token and not the letter: the token coming again, with whatever letter, is the same event.
        token = inbound.form_of(content_type, request.body).get("token")
        key = "token:" + hashlib.sha256(token.content if token else request.body).hexdigest()
    else:
        key = external_id(mail)[:KEY_LIMIT]
    return [RawEvent(key=key, raw=_kept(envelope, request.body))]


def fetched(settings: EmailSettings, letter: bytes, *, received: datetime, folder: Folder) -> RawEvent:
    """A letter as it lay in a folder of the mailbox."""
    envelope = Envelope(
        form="mime",
        mailbox=settings.address.lower(),
        received=max(0.0, received.timestamp()),
        folder=folder,
        ours=tuple(identity.found_in(settings, letter)),
    )
    headers = Mail(headers=mime.headers_of(letter))
    key = external_id(headers) if headers.header("message-id") else "hash:" + hashlib.sha256(letter).hexdigest()
    return RawEvent(key=f"{folder}:{key}"[:KEY_LIMIT], raw=_kept(envelope, letter))


def read(raw: bytes) -> list[Incoming]:
    """A letter as events; empty for a provider's record that is none."""
    head, _, body = raw.partition(b"\n")
    try:
        envelope = _envelope.decode(head)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise Unreadable("not a letter: its envelope is missing") from None
    mail = mime.read(body) if envelope.form == "mime" else inbound.READERS[envelope.form](envelope.content_type, body)
    if mail is None:
        return []
    if envelope.folder == "sent":
        return list(_echo(envelope, mail))
    return list(_report(envelope, mail)) or [_message(envelope, mail)]


def external_id(mail: Mail) -> str:
    """How a letter is called: its Message-ID and a mark of what it is, because some programs use one id for all."""
    written = _IDS.search(mail.header("message-id"))
    name = written[1] if written else mail.header("message-id").strip("<> ")[:ID_LIMIT]
    told = "\n".join((*(address for _, address in mail.addresses("from")), mail.header("date"), mail.header("subject")))
    if not name or not mail.header("date"):
        told += f"\n{mail.text}\n{len(mail.html)}"
    mark = hashlib.sha256(told.encode(errors="replace")).hexdigest()
    return f"{name}/{mark[:12]}" if name else f"unnamed-{mark[:32]}/"


def message_id_of(known: str) -> str:
    """The Message-ID within an external id of ours or of a customer's letter; empty where it never had one."""
    name, _, mark = known.rpartition("/")
    name = name if mark or known.endswith("/") else known
    return "" if name.startswith("unnamed-") else (name or known)


def _mentions(body: bytes, mail: Mail | None) -> bytes:
    """Where a call may name letters of ours: in itself, and in returned letters that it carries in base64."""
    returned = [file.content for file in (*mail.reports, *mail.files) if file.content_type in _RETURNED] if mail else []
    return b"\n".join((body, *returned))


def _kept(envelope: Envelope, body: bytes) -> bytes:
    return msgspec.json.encode(envelope) + b"\n" + body


def _message(envelope: Envelope, mail: Mail) -> NewMessage:
    person, automatic = _sender(envelope, mail)
    text, original = unquoted(mail.text)
    subject = mail.header("subject")[:SUBJECT_LIMIT]
    answers = _answers(envelope, mail)
    return NewMessage(
        person=person,
        external_id=external_id(mail),
        sent_at=_moment(envelope, mail),
        text=text,
        original=original,
        subject=subject,
        html=_with_parts(mail),
        media=tuple(_media(mail)),
        answers=answers,
        reply_to=answers[0] if answers else "",
        everywhere=bool(mail.header("message-id")),
        proven_email=person.external_id if mail.vouched == person.external_id and not automatic else "",
        unconfirmed=mail.vouched is not None and mail.vouched != person.external_id,
        quiet=automatic,
    )


def _echo(envelope: Envelope, mail: Mail) -> Iterator[Echo]:
    """What was sent from the mailbox: ours, known by its Message-ID, or written by hand."""
    others = [one for name in ("to", "cc", "bcc") for one in mail.addresses(name) if not _is_own(envelope, one[1])]
    if not others:
        return
    name, address = others[0]
    text, _ = unquoted(mail.text)
    sent = identity.mentioned(envelope.ours, mail.header("message-id"))
    yield Echo(
        person=Person(external_id=address, name=name, username=address, everywhere=True),
        external_id=_own_id(envelope, sent[0]) if sent else external_id(mail),
        sent_at=_moment(envelope, mail),
        text=text,
        media=tuple(_media(mail)),
        subject=mail.header("subject")[:SUBJECT_LIMIT],
        html=_with_parts(mail),
    )


def _report(envelope: Envelope, mail: Mail) -> Iterator[Incoming]:
    """What a bounce or a read receipt says of a letter of ours.

    Only of ours: anybody may write a bounce, and a forged one must not make a customer unreachable.
    """
    if not envelope.ours:
        return
    at = _moment(envelope, mail)
    concerned = _own_id(envelope, envelope.ours[0])
    for verdict in reports.verdicts(mail):
        person = Person(external_id=verdict.recipient, everywhere=True)
        yield Receipt(person=person, external_id=concerned, at=at, state=verdict.state, error=verdict.reason)
        if verdict.permanent:
            yield ReachabilityChanged(person=person, at=at, reachable=False, reason=verdict.reason)


def _sender(envelope: Envelope, mail: Mail) -> tuple[Person, bool]:
    """Who wrote, and whether it was a machine: such letters are kept and never answered (RFC 3834).

    A form on the shop's page sends as the shop or as nobody and puts the customer into Reply-To.
    """
    replies = mail.addresses("reply-to")
    froms = mail.addresses("from") or mail.addresses("sender") or mail.addresses("return-path")
    name, address = froms[0] if froms else ("", "")
    by_form = bool(replies) and (_is_own(envelope, address) or _MACHINES.match(address) is not None)
    if by_form and not _is_own(envelope, replies[0][1]) and _MACHINES.match(replies[0][1]) is None:
        name, address = replies[0]
        automatic = _is_automatic(mail)
    else:
        automatic = not address or _is_automatic(mail) or _is_own(envelope, address) or bool(_MACHINES.match(address))
    person = Person(
        external_id=address[:ID_LIMIT] or "unknown@invalid",
        name=(name or ("" if address else mail.header("from")))[:NAME_LIMIT],
        username=address[:ID_LIMIT],
        language="" if by_form else _language(mail),
        machine=automatic,
        everywhere=True,
    )
    return person, automatic


def _language(mail: Mail) -> str:
    """What the sender reads, or else writes, where their program says so (RFC 4021, RFC 3282); nothing is guessed."""
    first = mail.header("accept-language").partition(",")[0].partition(";")[0]
    told = (one.strip().lower() for one in (first, mail.header("content-language")))
    return next((one for one in told if _LANGUAGE.fullmatch(one)), "")


def _is_automatic(mail: Mail) -> bool:
    """RFC 3834 and what programs do instead of it."""
    submitted = mail.header("auto-submitted").lower().partition(";")[0].strip()
    suppressed = mail.header("x-auto-response-suppress").lower()
    return (
        submitted not in ("", "no")
        or mail.header("return-path").replace(" ", "") == "<>"
        or mail.header("precedence").lower() in _BULK
        or any(
            mail.header(name) for name in ("list-id", "list-unsubscribe", "x-autoreply", "x-autorespond", "feedback-id")
        )
        or suppressed not in ("", "none")
        or bool(mail.reports)
    )


def _is_own(envelope: Envelope, address: str) -> bool:
    """Whether this is the mailbox itself, with or without something behind a `+`."""
    local, _, domain = address.rpartition("@")
    return f"{local.partition('+')[0]}@{domain}" == envelope.mailbox or address == envelope.mailbox


def _answers(envelope: Envelope, mail: Mail) -> tuple[str, ...]:
    """Our letters that this one answers: by its threads, else by the address it went to; never by its subject."""
    threads = f"{mail.header('in-reply-to')} " + " ".join(reversed(_IDS.findall(mail.header("references"))))
    names = identity.mentioned(envelope.ours, threads)
    if not names:
        went = " ".join(mail.header(name) for name in ("delivered-to", "x-original-to", "envelope-to", "to", "cc"))
        names = identity.mentioned(envelope.ours, went)
    return tuple(_own_id(envelope, name) for name in names)


def _own_id(envelope: Envelope, name: str) -> str:
    return f"{name}@{envelope.mailbox.rpartition('@')[2]}"


def _moment(envelope: Envelope, mail: Mail) -> datetime:
    received = datetime.fromtimestamp(envelope.received, UTC)
    dated = mime.date_of(mail.header("date"))
    believed = dated is not None and received - CLOCKS_DIFFER <= dated < received - QUICKLY
    return dated if dated is not None and believed else received


def _with_parts(mail: Mail) -> str:
    """The HTML, whose pictures name the parts of the message instead of Content-IDs, which nothing keeps."""
    parts = {file.cid: _part(number) for number, file in enumerate(mail.files, 1) if file.cid}
    if not parts:
        return mail.html
    return _CID.sub(lambda found: f"cid:{parts.get(unquote(found[1]), found[1])}", mail.html)


def _part(number: int) -> str:
    return f"{number:03d}"


def _media(mail: Mail) -> Iterator[Media]:
    for number, file in enumerate(mail.files[:MAX_FILES], 1):
        family = file.content_type.partition("/")[0]
        kind: Literal["photo", "video", "audio", "document"] = "document"
        if family == "image" and "svg" not in file.content_type:
            kind = "photo"
        elif family in {"video", "audio"}:
            kind = "video" if family == "video" else "audio"
        yield Media(
            type=kind,
            content=file.content,
            part=_part(number),
            name=file.name,
            content_type=file.content_type,
            size=len(file.content),
        )
