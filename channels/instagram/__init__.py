"""Instagram, by way of a professional account's own login: a channel's life in order.

`prepare` makes up what Meta will show us when it checks the webhook; `handshake` answers that check; `connect` makes a
client, whose `register` checks the token and subscribes; `authenticate`, `split` and `read` turn Meta's batches into
events; the client answers them, and renews its token ahead of time.
"""

from collections.abc import Sequence

from pydantic import BaseModel

from channels import addresses
from channels.instagram import parse, spec
from channels.instagram.client import InstagramConnection
from channels.instagram.spec import InstagramSettings
from inbox.model.capabilities import Capabilities
from inbox.model.channel import ChannelKind, Connection, RawEvent, WebhookRequest
from inbox.model.incoming import Incoming
from inbox.model.look import Look

__all__ = ["Instagram", "InstagramSettings"]


class Instagram(ChannelKind):
    """The kind `instagram`; see `inbox.model.channel.ChannelKind` for what each method owes.

    `answer_seconds` is how long its connections wait for an answer before a message is uncertain.
    """

    name: str = spec.NAME
    title: str = spec.TITLE
    capabilities: Capabilities = spec.CAPABILITIES
    look: Look = spec.LOOK
    settings: type[BaseModel] = InstagramSettings
    setup: Sequence[str] = spec.SETUP

    def __init__(self, *, answer_seconds: float = spec.ANSWER_SECONDS) -> None:
        self._answer_seconds = answer_seconds

    def webhook_steps(self, settings: BaseModel) -> Sequence[str]:
        return spec.WEBHOOK_STEPS

    def prepare(self, settings: BaseModel) -> tuple[BaseModel, dict[str, str]]:
        return spec.prepared(spec.own(settings))

    def handshake(self, settings: BaseModel, request: WebhookRequest) -> str:
        return parse.handshake(spec.own(settings), request)

    def account(self, settings: BaseModel) -> str:
        return spec.own(settings).account_id

    def can_open(self, settings: BaseModel, url: str) -> bool:
        return addresses.can_open(spec.own(settings).api_base, url)

    def authenticate(self, settings: BaseModel, request: WebhookRequest) -> None:
        parse.authenticate(spec.own(settings), request)

    def split(self, settings: BaseModel, request: WebhookRequest) -> list[RawEvent]:
        return parse.split(spec.own(settings), request)

    def read(self, raw: bytes) -> list[Incoming]:
        return parse.read(raw)

    async def connect(self, settings: BaseModel) -> Connection:
        return InstagramConnection(spec.own(settings), answer_seconds=self._answer_seconds)
