"""Viber, by way of a bot: a channel's life in order.

`connect` makes a client; its `register` sets the webhook, during which Viber calls it for the first time;
`authenticate`, `split` and `read` turn its calls into events; `answer` greets whoever opens the chat; the client sends
the answers.
"""

from collections.abc import Sequence

from pydantic import BaseModel

from channels import addresses
from channels.viber import parse, render, spec
from channels.viber.client import ViberConnection
from channels.viber.spec import ViberSettings
from inbox.model.capabilities import Capabilities
from inbox.model.channel import ChannelKind, Connection, RawEvent, WebhookRequest
from inbox.model.incoming import Incoming
from inbox.model.look import Look

__all__ = ["Viber", "ViberSettings"]


class Viber(ChannelKind):
    """The kind `viber`; see `inbox.model.channel.ChannelKind` for what each method owes.

    `answer_seconds` is how long its connections wait for an answer before a message is uncertain.
    """

    name: str = spec.NAME
    title: str = spec.TITLE
    capabilities: Capabilities = spec.CAPABILITIES
    look: Look = spec.LOOK
    settings: type[BaseModel] = ViberSettings
    setup: Sequence[str] = spec.SETUP

    def __init__(self, *, answer_seconds: float = spec.ANSWER_SECONDS) -> None:
        self._answer_seconds = answer_seconds

    def prepare(self, settings: BaseModel) -> tuple[BaseModel, dict[str, str]]:
        return settings, {}

    def account(self, settings: BaseModel) -> str:
        return spec.own(settings).token.get_secret_value()

    def can_open(self, settings: BaseModel, url: str) -> bool:
        return addresses.can_open(spec.own(settings).api_base, url)

    def authenticate(self, settings: BaseModel, request: WebhookRequest) -> None:
        parse.authenticate(spec.own(settings), request)

    def answer(self, settings: BaseModel, request: WebhookRequest) -> bytes:
        return render.welcome(spec.own(settings)) if parse.opens_unsubscribed(request) else b""

    def split(self, settings: BaseModel, request: WebhookRequest) -> list[RawEvent]:
        return parse.split(request)

    def read(self, raw: bytes) -> list[Incoming]:
        return parse.read(raw)

    async def connect(self, settings: BaseModel) -> Connection:
        return ViberConnection(spec.own(settings), answer_seconds=self._answer_seconds)
