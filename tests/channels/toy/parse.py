"""What the toy posts: `{"id": 7, "from": "ann", "at": 1760000000, "text": "hi"}`, or with `edits`, the edited id."""

import hmac
from datetime import UTC, datetime
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from inbox.model.channel import RawEvent, WebhookRequest
from inbox.model.failures import Forged, Unreadable
from inbox.model.incoming import Incoming, MessageEdited, NewMessage, Person
from tests.channels.toy.spec import ToySettings

SIGNATURE: Final = "x-toy-signature"


class _Event(msgspec.Struct, rename={"sender": "from"}):
    id: Annotated[int, Meta(ge=0, le=2**63 - 1)]
    sender: Annotated[str, Meta(min_length=1)] = ""
    at: Annotated[int, Meta(ge=0, lt=2**33)] = 0
    text: str = ""
    edits: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0


_event = msgspec.json.Decoder(_Event)


def signature(token: str, body: bytes) -> str:
    """The toy's proof that it sent `body`: an HMAC with SHA-256, in hexadecimal."""
    return hmac.new(token.encode(), body, "sha256").hexdigest()


def authenticate(settings: ToySettings, request: WebhookRequest) -> None:
    """Raise `Forged` unless the call is signed with the account's token."""
    shown = request.headers.get(SIGNATURE, "").encode(errors="backslashreplace")
    expected = signature(settings.token.get_secret_value(), request.body)
    if not hmac.compare_digest(shown, expected.encode()):
        message = f"wrong {SIGNATURE}"
        raise Forged(message)


def split(request: WebhookRequest) -> list[RawEvent]:
    """The one event of a call; its key is its id."""
    return [RawEvent(key=str(_decoded(request.body).id), raw=request.body)]


def read(raw: bytes) -> list[Incoming]:
    """An event in our words; empty where nobody wrote anything."""
    event = _decoded(raw)
    if not event.text:
        return []
    if not event.sender:
        message = "not an event of the toy's: from is missing"
        raise Unreadable(message)
    person, at = Person(external_id=event.sender), datetime.fromtimestamp(event.at, UTC)
    if event.edits:
        return [MessageEdited(person=person, external_id=str(event.edits), at=at, sequence=event.id, text=event.text)]
    return [NewMessage(person=person, external_id=str(event.id), sent_at=at, sequence=event.id, text=event.text)]


def _decoded(raw: bytes) -> _Event:
    try:
        return _event.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        message = f"not an event of the toy's: {error}"
        raise Unreadable(message) from None
