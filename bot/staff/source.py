"""How updates of the companion's bot are believed and told apart. Pure; nothing of aiogram.

They are durable in the journal before Telegram is told 200, like everything that customers write, under a kind of
their own: `bot.staff.updates` works them off.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
from pydantic import BaseModel

from channels.telegram import parse, spec
from inbox.model.channel import EventSource, RawEvent, WebhookRequest
from inbox.model.failures import Unreadable
from inbox.model.incoming import Incoming

KIND: Final = "staff"
"""What the journal calls these updates; also their part of the webhook's address."""


class _Person(msgspec.Struct):
    id: int


class _From(msgspec.Struct):
    sender: _Person | None = msgspec.field(name="from", default=None)


class _Update(msgspec.Struct):
    update_id: int
    message: _From | None = None
    callback_query: _From | None = None


_decoder: Final = msgspec.json.Decoder(_Update)


class StaffSource(EventSource):
    """Telegram, posting what managers write and press."""

    name: str = KIND

    def authenticate(self, settings: BaseModel, request: WebhookRequest) -> None:
        """See `EventSource`: by the secret that setWebhook was given."""
        parse.authenticate(spec.own(settings), request)

    def split(self, settings: BaseModel, request: WebhookRequest) -> list[RawEvent]:  # noqa: ARG002  # The port's.
        """A call brings one update, whose number names it."""
        return [RawEvent(str(_read(request.body).update_id), request.body)]

    def read(self, raw: bytes) -> list[Incoming]:
        """No customer's messages; the attempt tells whether it is an update."""
        _read(raw)
        return []


def sender(raw: bytes) -> int:
    """The account that an update comes from; 0 for one that nobody sent."""
    update = _read(raw)
    parts: Sequence[_From | None] = (update.message, update.callback_query)
    return next((part.sender.id for part in parts if part is not None and part.sender is not None), 0)


def _read(raw: bytes) -> _Update:
    try:
        return _decoder.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        reason = f"not an update as Telegram documents it: {error}"
        raise Unreadable(reason) from None
