"""The only place that speaks to Viber.

Viber answers 200 whatever happens and says in `status` what did
(https://developers.viber.com/docs/api/rest-bot-api/#error-codes).
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing
from http import HTTPStatus
from typing import Any, Final

import msgspec

from channels.calls import Answer, Calls
from channels.download import download
from channels.viber import render
from channels.viber.parse import EVENT_TYPES, Token
from channels.viber.spec import ANSWER_SECONDS, ViberSettings
from inbox.model.channel import Connection, Outgoing, Sent
from inbox.model.failures import ChannelFailure, CredentialsRejected, Refused, RetryLater, Uncertain, Unreachable

TOKEN_HEADER: Final = "X-Viber-Auth-Token"  # noqa: S105  the header's name, not its value

OK: Final = 0

_FILTERED: Final = frozenset(EVENT_TYPES) - {"subscribed", "unsubscribed"}
"""What a webhook may be without, and so is told of an account; the other two come in any case."""


class _Answer(msgspec.Struct):
    status: int
    status_message: str = ""
    message_token: Token | None = None
    webhook: str | None = None
    event_types: list[str] | None = None


_answer = msgspec.json.Decoder(_Answer)


class ViberConnection(Connection):
    """One bot; see `inbox.model.channel.Connection`. `answer_seconds` is how long to wait for an answer."""

    def __init__(self, settings: ViberSettings, *, answer_seconds: float = ANSWER_SECONDS) -> None:
        self._settings = settings
        self._token = settings.token.get_secret_value()
        self._http = Calls("Viber", answer_seconds)

    async def register(self, webhook_url: str) -> None:
        """Set the webhook. Viber calls it before it answers, so it has to be served already."""
        await self._repeatable(
            "set_webhook",
            {"url": webhook_url, "event_types": EVENT_TYPES, "send_name": True, "send_photo": True},
        )

    async def unregister(self) -> None:
        await self._repeatable("set_webhook", {"url": ""})

    async def check(self, webhook_url: str) -> None:
        account = await self._repeatable("get_account_info", {})
        if account.webhook != webhook_url or not set(account.event_types or ()) >= _FILTERED:
            await self.register(webhook_url)

    async def send(self, message: Outgoing) -> Sent:
        answer = await self._call("send_message", render.message(self._settings, message))
        if answer.message_token is None:
            reason = "Viber's answer does not say which message it made"
            raise Uncertain(reason)
        return Sent((str(answer.message_token),))

    async def fetch(self, ref: str, max_bytes: int) -> AsyncIterator[bytes]:
        """Stream a file from where Viber's event says that it is, for an hour."""
        copied = download(self._http.session, ref, max_bytes=max_bytes, allowed_base=self._settings.api_base)
        async with aclosing(copied) as chunks:
            async for chunk in chunks:
                yield chunk

    async def close(self) -> None:
        await self._http.close()

    async def _repeatable(self, method: str, body: Mapping[str, Any]) -> _Answer:
        """Ask for something that is the same done twice: where no answer comes, it may simply be asked again."""
        try:
            return await self._call(method, body)
        except Uncertain as failure:
            again = RetryLater(str(failure))
        raise again

    async def _call(self, method: str, body: Mapping[str, Any]) -> _Answer:
        answer = await self._http(
            "POST", f"{self._settings.api_base}/pa/{method}", json=body, headers={TOKEN_HEADER: self._token}
        )
        read = _read(answer)
        if isinstance(read, _Answer) and read.status == OK:
            return read
        failure = read if isinstance(read, ChannelFailure) else failure_of(read.status, read.status_message)
        failure.args = (str(failure).replace(self._token, "***"),)
        raise failure


def _read(answer: Answer) -> _Answer | ChannelFailure:
    if answer.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return Refused("the message is too long for Viber", code=str(answer.status))
    if answer.status >= HTTPStatus.MULTIPLE_CHOICES:
        return RetryLater(f"Viber is in trouble or out of reach (HTTP {answer.status})")
    try:
        return _answer.decode(answer.body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return Uncertain("Viber's answer could not be understood")


def failure_of(status: int, words: str) -> ChannelFailure:
    """What a `status` other than 0 means for the message that was being sent; `words` are Viber's own."""
    translate, meaning = _MEANING.get(status, (_refused, "Viber refused"))
    return translate(f"{meaning} ({words})" if words else meaning, str(status))


def _refused(reason: str, code: str) -> ChannelFailure:
    return Refused(reason, code=code)


def _unreachable(reason: str, code: str) -> ChannelFailure:
    return Unreachable(reason, code=code)


def _reconnect(reason: str, _code: str) -> ChannelFailure:
    return CredentialsRejected(reason)


def _again(reason: str, _code: str) -> ChannelFailure:
    return RetryLater(reason)


_MEANING: Final[Mapping[int, tuple[Callable[[str, str], ChannelFailure], str]]] = {
    1: (_refused, "Viber cannot call the shop's address, or got no 200 from it"),
    2: (_reconnect, "Viber does not know this token"),
    3: (_refused, "Viber finds a mistake in the message"),
    4: (_refused, "Viber misses something in the message"),
    5: (_unreachable, "this customer is not on Viber any more"),
    6: (_unreachable, "this customer has not subscribed, or has unsubscribed"),
    7: (_reconnect, "Viber has blocked this bot"),
    8: (_reconnect, "Viber has no such bot any more"),
    9: (_reconnect, "Viber has suspended this bot"),
    10: (_reconnect, "Viber has no webhook for this bot"),  # Paused, the channel is checked, which sets it again.
    11: (_unreachable, "none of the customer's devices can show messages of bots"),
    12: (_again, "Viber has had enough messages for now; after 100 an hour it waits for the customer's answer"),
    13: (_refused, "Viber does not know this version of its interface"),
    14: (_refused, "the customer's Viber is too old for this message"),
    15: (_reconnect, "Viber does not allow this bot to write"),
    16: (_refused, "Viber does not allow this in the middle of a chat"),
    17: (_refused, "this bot is no inline bot"),
    18: (_refused, "this bot has no public chat"),
    19: (_refused, "this bot may not broadcast"),
    20: (_refused, "Viber does not allow broadcasts to this bot"),
}
"""Any other status is a refusal too: it is an answer, so nothing was sent."""
