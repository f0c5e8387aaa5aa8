# ruff: noqa: ARG002  # The port's signatures; the toy does not need all that they bring.
"""The only place that speaks to the toy."""

from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

import msgspec

from channels.calls import Calls
from inbox.model.channel import Connection, Outgoing, Sent
from inbox.model.failures import ChannelFailure, CredentialsRejected, Refused, RetryLater, Uncertain, Unreachable
from tests.channels.toy.spec import ToySettings

OK: Final = 200


class _Sent(msgspec.Struct):
    id: str = ""


class ToyConnection(Connection):
    """One account; see `inbox.model.channel.Connection`."""

    def __init__(self, settings: ToySettings, *, answer_seconds: float) -> None:
        self._settings = settings
        self._calls = Calls("the toy", answer_seconds)

    async def register(self, webhook_url: str) -> None:
        await self._repeatable("hook", {"url": webhook_url})

    async def unregister(self) -> None:
        await self._repeatable("hook", {"url": ""})

    async def check(self, webhook_url: str) -> None:
        await self.register(webhook_url)

    async def send(self, message: Outgoing) -> Sent:
        made = await self._call("send", {"to": message.to, "text": message.text})
        return Sent((made.id,))

    def fetch(self, ref: str, max_bytes: int) -> AsyncIterator[bytes]:
        message = f"the toy has no files, neither {ref!r} nor others"
        raise Refused(message, code="file")

    async def close(self) -> None:
        await self._calls.close()

    async def _repeatable(self, method: str, body: Mapping[str, Any]) -> None:
        try:
            await self._call(method, body)
        except Uncertain as failure:
            again = RetryLater(str(failure))
        else:
            return
        raise again

    async def _call(self, method: str, body: Mapping[str, Any]) -> _Sent:
        token = self._settings.token.get_secret_value()
        url = f"{self._settings.api_base}/{method}"
        answer = await self._calls("POST", url, json=body, headers={"authorization": f"Bearer {token}"})
        if answer.status != OK:
            raise failure_of(answer.status)
        try:
            return msgspec.json.decode(answer.body, type=_Sent)
        except msgspec.MsgspecError:
            failure = Uncertain("the toy's answer could not be understood")
        raise failure


def failure_of(status: int) -> ChannelFailure:
    """What a status means for the message that was being sent."""
    known: dict[int, ChannelFailure] = {
        400: Refused("the toy refused", code="400"),
        401: CredentialsRejected("the toy does not know this token any more"),
        404: Unreachable("the toy does not know this person", code="404"),
        429: RetryLater("the toy asks to slow down", after=1.0),
    }
    return known.get(status) or RetryLater(f"the toy is in trouble (HTTP {status})")
