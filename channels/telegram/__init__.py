"""Telegram, by way of a bot: a channel's life in order.

`prepare` makes up the secret that Telegram will show us; `connect` makes a client; its `register` checks the token and
sets the webhook; `authenticate`, `split` and `read` turn a call of that webhook into events; the client answers them.
"""

import asyncio
from collections.abc import Sequence

from pydantic import BaseModel

from channels import addresses
from channels.telegram import parse, spec
from channels.telegram.spec import TelegramSettings
from inbox.model.capabilities import Capabilities
from inbox.model.channel import ChannelKind, Connection, RawEvent, WebhookRequest
from inbox.model.incoming import Incoming
from inbox.model.look import Look

__all__ = ["Telegram", "TelegramSettings"]


class Telegram(ChannelKind):
    """The kind `telegram`; see `inbox.model.channel.ChannelKind` for what each method owes.

    `answer_seconds` is how long its connections wait for an answer before a message is uncertain.
    """

    name: str = spec.NAME
    title: str = spec.TITLE
    capabilities: Capabilities = spec.CAPABILITIES
    look: Look = spec.LOOK
    settings: type[BaseModel] = TelegramSettings
    setup: Sequence[str] = spec.SETUP

    def __init__(self, *, answer_seconds: float = spec.ANSWER_SECONDS) -> None:
        self._answer_seconds = answer_seconds

    def prepare(self, settings: BaseModel) -> tuple[BaseModel, dict[str, str]]:
        return spec.with_secret(spec.own(settings))

    def account(self, settings: BaseModel) -> str:
        return spec.bot_id(spec.own(settings))

    def can_open(self, settings: BaseModel, url: str) -> bool:
        return addresses.can_open(spec.own(settings).api_base, url)

    def authenticate(self, settings: BaseModel, request: WebhookRequest) -> None:
        parse.authenticate(spec.own(settings), request)

    def split(self, settings: BaseModel, request: WebhookRequest) -> list[RawEvent]:
        return parse.split(request)

    def read(self, raw: bytes) -> list[Incoming]:
        return parse.read(raw)

    async def connect(self, settings: BaseModel) -> Connection:
        # aiogram takes seconds to import (docs/decisions/0010): in a thread, so that webhooks are answered meanwhile.
        return await asyncio.to_thread(_open, spec.own(settings), self._answer_seconds)


def _open(settings: TelegramSettings, answer_seconds: float) -> Connection:
    from channels.telegram.client import TelegramConnection

    return TelegramConnection(settings, answer_seconds=answer_seconds)
