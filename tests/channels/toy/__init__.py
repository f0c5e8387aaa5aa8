# ruff: noqa: ARG002  # The port's signatures; the toy does not need all that they bring.
"""A made-up provider of messages, as small as a kind can be: what `docs/adding-a-channel.md` describes, done once.

It is registered nowhere but in the tests, and held to the same contract as the others.
"""

from collections.abc import Sequence

from pydantic import BaseModel

from channels import addresses
from inbox.model.capabilities import Capabilities
from inbox.model.channel import ChannelKind, Connection, RawEvent, WebhookRequest
from inbox.model.incoming import Incoming
from inbox.model.look import Look
from tests.channels.toy import parse, spec
from tests.channels.toy.client import ToyConnection


class Toy(ChannelKind):
    """The kind `toy`. `answer_seconds` is how long its connections wait for an answer."""

    name: str = spec.NAME
    title: str = spec.TITLE
    capabilities: Capabilities = spec.CAPABILITIES
    look: Look = spec.LOOK
    settings: type[BaseModel] = spec.ToySettings
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

    def split(self, settings: BaseModel, request: WebhookRequest) -> list[RawEvent]:
        return parse.split(request)

    def read(self, raw: bytes) -> list[Incoming]:
        return parse.read(raw)

    async def connect(self, settings: BaseModel) -> Connection:
        return ToyConnection(spec.own(settings), answer_seconds=self._answer_seconds)
