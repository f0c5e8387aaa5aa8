"""The three providers that post letters: how each proves itself, and how its form becomes a letter. Pure.

Postmark: https://postmarkapp.com/developer/webhooks/inbound-webhook
Mailgun: https://documentation.mailgun.com, routes with `forward()`
SendGrid: https://www.twilio.com/docs/sendgrid/for-developers/parsing-email/setting-up-the-inbound-parse-webhook
"""

import base64
import binascii
import hashlib
import hmac
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Final, Protocol, TypeVar
from urllib.parse import parse_qsl

import msgspec
from msgspec import Meta

from channels.email import mime, proof
from channels.email.mime import File, Mail
from channels.email.spec import EmailSettings, Provider
from inbox.model.channel import WebhookRequest
from inbox.model.failures import Forged, Unreadable

FRESH_SECONDS: Final = 300
"""How old Mailgun's signature may be, and how far ahead its clock."""

MAX_FIELDS: Final = 500

_T = TypeVar("_T")


class Field(msgspec.Struct, frozen=True):
    """A form's field, or a file in it."""

    content: bytes
    name: str = ""
    content_type: str = ""


class Form(dict[str, Field]):
    """A form's fields by name; where a name stands twice, the last.

    SendGrid's boundary is always the same, so a letter may hold what looks like fields of the form around it. Then a
    field that the provider wrote stands there twice, or behind what looks like the end.
    """

    def __init__(self, fields: Sequence[tuple[str, Field]], *, ended: bool = True) -> None:
        super().__init__(fields)
        self._often = Counter(name for name, _ in fields)
        self._ended = ended

    def own(self, *names: str) -> bool:
        """Whether these fields are there and can be no other than the provider's, as long as it never omits them."""
        return self._ended and all(self._often[name] == 1 for name in names)


class Fresh(Protocol):
    """Remembers Mailgun's tokens: each may come with one body only."""

    def first(self, token: str, body: bytes) -> bool:
        """Whether this token never came with another body."""


class Tokens:
    """The tokens of the last minutes, in this process. Across processes the journal refuses: the token is the key."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[float, bytes]] = {}

    def first(self, token: str, body: bytes) -> bool:
        present = time.monotonic()
        while self._seen and next(iter(self._seen.values()))[0] < present - 2 * FRESH_SECONDS:
            del self._seen[next(iter(self._seen))]
        digest = hashlib.sha256(body).digest()
        return self._seen.setdefault(token, (present, digest))[1] == digest


def authenticate(settings: EmailSettings, request: WebhookRequest, tokens: Fresh) -> None:
    """Raise `Forged` unless the mailbox's provider posted this."""
    if settings.inbound is None or settings.inbound_secret is None:
        raise Forged("nobody posts letters to this mailbox")
    secret = settings.inbound_secret.get_secret_value().encode()
    if settings.inbound == "mailgun":
        _authenticate_mailgun(secret, request, tokens)
    else:
        _authenticate_basic(secret, request)


def _authenticate_basic(secret: bytes, request: WebhookRequest) -> None:
    scheme, _, shown = request.headers.get("authorization", "").partition(" ")
    try:
        credentials = base64.b64decode(shown.strip().encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise Forged("no basic auth") from None
    password = credentials.partition(b":")[2]
    if scheme.lower() != "basic" or not hmac.compare_digest(password, secret):
        raise Forged("wrong password")


def _authenticate_mailgun(secret: bytes, request: WebhookRequest, tokens: Fresh) -> None:
    """The signature covers timestamp and token alone, so both must be fresh, and the token must be new."""
    try:
        form = form_of(request.headers.get("content-type", ""), request.body)
        timestamp, token, signature = (form[name].content for name in ("timestamp", "token", "signature"))
        age = abs(time.time() - int(timestamp))
    except (Unreadable, KeyError, ValueError):
        raise Forged("no signature") from None
    expected = hmac.new(secret, timestamp + token, hashlib.sha256).hexdigest().encode()
    if not hmac.compare_digest(signature, expected):
        raise Forged("wrong signature")
    if age > FRESH_SECONDS:
        raise Forged("the signature is too old")
    if not tokens.first(token.decode("latin-1"), request.body):
        raise Forged("the token was used before")


def form_of(content_type: str, body: bytes) -> Form:
    """A form's fields, as multipart/form-data or urlencoded. Raises `Unreadable`."""
    kind, _, _ = content_type.partition(";")
    if kind.strip().lower() == "application/x-www-form-urlencoded":
        try:
            pairs = parse_qsl(
                body.decode("latin-1"), keep_blank_values=True, max_num_fields=MAX_FIELDS, encoding="latin-1"
            )
        except ValueError:
            raise Unreadable("not a form") from None
        return Form([(name, Field(value.encode("latin-1"))) for name, value in pairs])
    boundary = re.search(r'boundary="?([^";,\s]{1,200})', content_type, re.IGNORECASE)
    if boundary is None:
        raise Unreadable("not a form")
    found = _multipart(boundary[1].encode("latin-1", "replace"), body)
    if not found:
        raise Unreadable("an empty form")
    return found


def _multipart(boundary: bytes, body: bytes) -> Form:
    fields: list[tuple[str, Field]] = []
    pieces = (b"\r\n" + body).split(b"\r\n--" + boundary, MAX_FIELDS)
    ends = [place for place, piece in enumerate(pieces) if piece.startswith(b"--")]
    for piece in pieces[1 : ends[0] if ends else None]:
        head, _, content = piece.partition(b"\r\n\r\n")
        words = head.decode(errors="replace")
        name = re.search(r'[;\s]name="([^"\r\n]*)"', words)
        if name is None:
            continue
        file = re.search(r'filename="([^"\r\n]*)"', words)
        kind = re.search(r"^content-type:[ \t]*([^\r\n;]+)", words, re.IGNORECASE | re.MULTILINE)
        fields.append((name[1], Field(content, file[1] if file else "", kind[1].strip().lower() if kind else "")))
    return Form(fields, ended=ends == [len(pieces) - 1] and pieces[-1].strip() == b"--")


_Text = Annotated[str, Meta(max_length=1 << 26)]


class _Header(msgspec.Struct, rename="pascal"):
    name: str = ""
    value: str = ""


class _Attachment(msgspec.Struct, rename={"content_id": "ContentID", "content_type": "ContentType"}):
    Name: str = ""
    Content: _Text = ""
    Data: _Text = ""
    content_type: str = ""
    content_id: str = ""


class _Postmark(msgspec.Struct, rename={"message_id": "MessageID"}):
    message_id: str = ""
    RecordType: str = ""
    From: str = ""
    To: str = ""
    Cc: str = ""
    ReplyTo: str = ""
    Subject: str = ""
    Date: str = ""
    OriginalRecipient: str = ""
    TextBody: str | None = ""
    HtmlBody: str | None = ""
    RawEmail: str | None = None
    Headers: list[_Header] = []
    Attachments: list[_Attachment] = []


_postmark_form = msgspec.json.Decoder(_Postmark)


def postmark(_content_type: str, body: bytes) -> Mail | None:
    """Postmark's JSON. None for its other records (deliveries, opens), which are no letters."""
    try:
        record = _postmark_form.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable(f"not a letter as Postmark documents it: {error}") from None
    if record.RecordType and record.RecordType != "Inbound":
        return None
    own = [mime.header("from", record.From), *(mime.header(one.name, one.value) for one in record.Headers)]
    if record.RawEmail:
        raw = mime.read(record.RawEmail.encode("utf-8", "surrogatepass"))
        return _vouched(raw, proof.by_postmark(raw.headers))
    if not (record.From or record.Headers):
        raise Unreadable("not a letter as Postmark documents it: From is missing")
    named = (
        ("from", record.From),
        ("to", record.To),
        ("cc", record.Cc),
        ("reply-to", record.ReplyTo),
        ("subject", record.Subject),
        ("date", record.Date),
        ("delivered-to", record.OriginalRecipient),
    )
    headers = [(name, mime.decoded(value)) for name, value in named if value]
    headers += own[1:]
    files = [
        File(
            name=mime.plain_name(one.Name) or f"file-{number}",
            content_type=one.content_type.partition(";")[0].strip().lower() or "application/octet-stream",
            content=_from_base64(one.Content or one.Data),
            cid=one.content_id.strip("<>").removeprefix("cid:"),
        )
        for number, one in enumerate(record.Attachments, 1)
    ]
    return _told_apart(headers, record.TextBody or "", record.HtmlBody or "", files, proof.by_postmark(own))


def mailgun(content_type: str, body: bytes) -> Mail | None:
    """Mailgun's form: a raw letter in `body-mime`, or one taken apart."""
    form = form_of(content_type, body)
    if "body-mime" in form:
        raw = mime.read(form["body-mime"].content)
        return _vouched(raw, proof.by_mailgun(raw.headers) if form.own("body-mime") else "")
    if not {"from", "sender", "From"} & set(form):
        raise Unreadable("not a letter as Mailgun documents it: from is missing")
    headers = [
        (name, mime.decoded(_text(form, field)))
        for field, name in (("from", "from"), ("subject", "subject"), ("recipient", "delivered-to"))
        if _text(form, field)
    ]
    given: list[tuple[str, str]] = _json(_text(form, "message-headers"), list[tuple[str, str]], [])
    own = [mime.header(name, value) for name, value in given]
    known = {name for name, _ in headers}
    headers += [(name, value) for name, value in own if name not in known]
    if "from" not in known:
        headers.append(("from", mime.decoded(_text(form, "sender"))))
    named: dict[str, str] = _json(_text(form, "content-id-map"), dict[str, str], {})
    cids = {field: cid.strip("<>") for cid, field in named.items()}
    files = [
        _form_file(name, field, cids.get(name, "")) for name, field in form.items() if _is_file(name, "attachment-")
    ]
    vouched = proof.by_mailgun(own) if form.own("message-headers") else ""
    return _told_apart(headers, _text(form, "body-plain"), _text(form, "body-html"), files, vouched)


def sendgrid(content_type: str, body: bytes) -> Mail | None:
    """SendGrid's form: a raw letter in `email`, or one taken apart, whose texts keep the sender's charsets."""
    form = form_of(content_type, body)
    if "email" in form:
        raw = mime.read(form["email"].content)
        return _vouched(raw, _by_sendgrid(form, "email", raw.headers))
    if not {"from", "headers"} & set(form):
        raise Unreadable("not a letter as SendGrid documents it: from is missing")
    charsets: dict[str, str] = _json(_text(form, "charsets"), dict[str, str], {})

    def words(name: str) -> str:
        return mime.text_in(form[name].content, charsets.get(name, "utf-8")) if name in form else ""

    headers = mime.headers_of(form["headers"].content.lstrip() + b"\r\n\r\n") if "headers" in form else []
    vouched = _by_sendgrid(form, "headers", headers)
    known = {name for name, _ in headers}
    headers += [
        (name, mime.decoded(words(name)))
        for name in ("from", "to", "cc", "subject")
        if name not in known and words(name)
    ]
    told: dict[str, dict[str, Any]] = _json(_text(form, "attachment-info"), dict[str, dict[str, Any]], {})
    files = []
    for name, field in form.items():
        if _is_file(name, "attachment"):
            about = told.get(name, {})
            better = msgspec.structs.replace(
                field,
                name=str(about.get("filename") or about.get("name") or field.name),
                content_type=str(about.get("type") or field.content_type),
            )
            files.append(_form_file(name, better, str(about.get("content-id") or "").strip("<>")))
    return _told_apart(headers, words("text"), words("html"), files, vouched)


READERS: Final[Mapping[Provider, Callable[[str, bytes], Mail | None]]] = {
    "postmark": postmark,
    "mailgun": mailgun,
    "sendgrid": sendgrid,
}


def _by_sendgrid(form: Form, field: str, headers: proof.Headers) -> str | None:
    """The verdict on a letter whose headers are in `field`; fields that the sender could have added spoil it."""
    if "dkim" not in form:
        return None
    return proof.by_sendgrid(_text(form, "dkim"), headers) if form.own("dkim", field) else ""


def _told_apart(headers: list[tuple[str, str]], text: str, html: str, files: list[File], vouched: str | None) -> Mail:
    """A letter from a form, with the machine-readable parts of a bounce taken out of its files."""
    reports = [file for file in files if file.content_type in mime.REPORTS]
    others = [file for file in files if file.content_type not in mime.REPORTS]
    return _vouched(mime.made(headers=headers, text=text, html=html, files=others, reports=reports), vouched)


def _vouched(mail: Mail, address: str | None) -> Mail:
    return msgspec.structs.replace(mail, vouched=address)


def _text(form: Form, name: str) -> str:
    return mime.text_in(form[name].content, "utf-8") if name in form else ""


def _is_file(name: str, prefix: str) -> bool:
    return name.startswith(prefix) and name.removeprefix(prefix).isdigit()


def _form_file(name: str, field: Field, cid: str) -> File:
    return File(
        name=mime.plain_name(field.name) or name,
        content_type=field.content_type.partition(";")[0].strip().lower() or "application/octet-stream",
        content=field.content,
        cid=cid,
    )


def _json(text: str, kind: Any, otherwise: _T) -> _T:
    """JSON within a form; a broken one costs what it says, not the letter."""
    try:
        found: _T = msgspec.json.decode(text, type=kind)
    except msgspec.MsgspecError:
        return otherwise
    return found


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text)
    except (binascii.Error, ValueError):
        return text.encode(errors="replace")
