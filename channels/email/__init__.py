"""A mailbox: a channel's life in order.

`prepare` makes up the key that proves our own letters; `connect` makes a client, whose `listen` fetches letters by
IMAP where the mailbox has it; `authenticate`, `split` and `read` take what a provider posts; the client answers.
"""

from collections.abc import Sequence

from pydantic import BaseModel

from channels import addresses
from channels.email import inbound, parse, spec
from channels.email.spec import EmailSettings
from inbox.model.capabilities import Capabilities
from inbox.model.channel import ChannelKind, Connection, RawEvent, WebhookRequest
from inbox.model.incoming import Incoming
from inbox.model.look import Look

__all__ = ["Email", "EmailSettings"]


class Email(ChannelKind):
    """The kind `email`; see `inbox.model.channel.ChannelKind` for what each method owes.

    `answer_seconds` is how long its connections wait for a server before a letter is uncertain.
    """

    name: str = spec.NAME
    title: str = spec.TITLE
    capabilities: Capabilities = spec.CAPABILITIES
    look: Look = spec.LOOK
    settings: type[BaseModel] = EmailSettings
    max_webhook_bytes: int = spec.MAX_WEBHOOK_BYTES
    setup: Sequence[str] = spec.SETUP

    def __init__(self, *, answer_seconds: float = spec.ANSWER_SECONDS) -> None:
        self._answer_seconds = answer_seconds
        self._tokens = inbound.Tokens()

    def webhook_steps(self, settings: BaseModel) -> Sequence[str]:
        provider = spec.own(settings).inbound
        return spec.WEBHOOK_STEPS[provider] if provider is not None else ()

    def prepare(self, settings: BaseModel) -> tuple[BaseModel, dict[str, str]]:
        return spec.prepared(spec.own(settings))

    def account(self, settings: BaseModel) -> str:
        return spec.own(settings).address.casefold()

    def listens(self, settings: BaseModel) -> bool:
        return spec.own(settings).imap_url is not None

    def can_open(self, settings: BaseModel, url: str) -> bool:
        return addresses.can_open(spec.own(settings).smtp_url.get_secret_value(), url)

    def authenticate(self, settings: BaseModel, request: WebhookRequest) -> None:
        inbound.authenticate(spec.own(settings), request, self._tokens)

    def split(self, settings: BaseModel, request: WebhookRequest) -> list[RawEvent]:
        return parse.split(spec.own(settings), request)

    def read(self, raw: bytes) -> list[Incoming]:
        return parse.read(raw)

    async def connect(self, settings: BaseModel) -> Connection:
        from channels.email.client import EmailConnection

        return EmailConnection(spec.own(settings), answer_seconds=self._answer_seconds)
