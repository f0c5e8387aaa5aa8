"""The only place that speaks to Instagram. Whatever it or the network answers leaves here as a `ChannelFailure`."""

import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing, suppress
from http import HTTPStatus
from typing import Any, Final, TypeVar

import msgspec
from pydantic import BaseModel, SecretStr

from channels.calls import Answer, Calls
from channels.download import download
from channels.instagram import render
from channels.instagram.parse import COMMENT, SUBSCRIBED_FIELDS, Id
from channels.instagram.spec import ANSWER_SECONDS, RENEW_AHEAD, RENEW_URGENT, TITLE, InstagramSettings
from inbox.model.channel import Connection, Outgoing, Sent
from inbox.model.failures import (
    ChannelFailure,
    CredentialsRejected,
    Refused,
    RetryLater,
    Uncertain,
    Unreachable,
)
from inbox.model.incoming import Person

THROTTLED_SECONDS: Final = 30.0
"""How long to wait where Meta asks to slow down and does not say for how long."""


_T = TypeVar("_T", bound=msgspec.Struct)


class _Yes(msgspec.Struct):
    """Any object: that it was done is all there is to know."""


class _Account(msgspec.Struct):
    user_id: Id


class _Subscription(msgspec.Struct):
    subscribed_fields: list[str] = []


class _Subscriptions(msgspec.Struct):
    data: list[_Subscription] = []


class _Made(msgspec.Struct):
    """A message has a `message_id`, a reply to a comment an `id`."""

    message_id: str = ""
    id: Id = ""


class _Token(msgspec.Struct):
    access_token: str
    expires_in: int


class _Profile(msgspec.Struct):
    name: str | None = None
    username: str | None = None
    profile_pic: str | None = None


class _Error(msgspec.Struct):
    code: int
    error_subcode: int | None = None
    message: str = ""
    error_user_msg: str | None = None
    is_transient: bool = False

    @property
    def name(self) -> str:
        return f"{self.code}/{self.error_subcode}" if self.error_subcode else str(self.code)

    @property
    def words(self) -> str:
        """Meta's own, for people where it has such, without the class of error in front."""
        return (self.error_user_msg or self.message).partition("\n")[0] or f"error {self.name}"


class _Failed(msgspec.Struct):
    error: _Error


class InstagramConnection(Connection):
    """One account; see `inbox.model.channel.Connection`. `answer_seconds` is how long to wait for an answer."""

    def __init__(self, settings: InstagramSettings, *, answer_seconds: float = ANSWER_SECONDS) -> None:
        self._settings = settings
        self._token = settings.access_token.get_secret_value()
        self._calls = Calls(TITLE, answer_seconds)

    async def register(self, webhook_url: str) -> None:  # noqa: ARG002  the address is set in Meta's dashboard
        await self._check_account()
        await self._subscribe()

    async def unregister(self) -> None:
        await self._repeatable(_Yes, "DELETE", self._own("subscribed_apps"))

    async def check(self, webhook_url: str) -> None:  # noqa: ARG002
        await self._check_account()
        told = await self._repeatable(_Subscriptions, "GET", self._own("subscribed_apps"))
        if not set(SUBSCRIBED_FIELDS) <= {field for one in told.data for field in one.subscribed_fields}:
            await self._subscribe()
        await self._knock()

    async def renew(self) -> BaseModel | None:
        ends = self._settings.token_expires_at
        if ends is not None and ends - time.time() > RENEW_AHEAD:
            return None
        query = {"grant_type": "ig_refresh_token", "access_token": self._token}
        try:
            fresh = await self._repeatable(_Token, "GET", "refresh_access_token", query=query, versioned=False)
        except (Refused, RetryLater) as failure:
            # One whose end is not known is most likely younger than a day, which Meta does not renew.
            if ends is None or ends - time.time() > RENEW_URGENT:
                return None
            reason = str(failure)
        else:
            changes = {
                "access_token": SecretStr(fresh.access_token),
                "token_expires_at": int(time.time()) + fresh.expires_in,
            }
            return self._settings.model_copy(update=changes)
        raise RetryLater(f"the access token could not be renewed: {reason}")

    async def send(self, message: Outgoing) -> Sent:
        request = render.send(message, api_base=self._settings.api_base, human_agent=self._settings.human_agent)
        node = request.node or self._settings.account_id
        made = await self._ask(_Made, "POST", f"{node}/{request.edge}", json=request.body)
        external_id = f"{COMMENT}{made.id}" if request.public and made.id else made.message_id
        if not external_id:
            raise Uncertain("Instagram's answer could not be understood")
        return Sent((external_id,))

    async def typing(self, to: str) -> None:
        request = render.typing(to)
        await self._repeatable(_Yes, "POST", self._own(request.edge), json=request.body)

    async def profile(self, external_id: str) -> Person | None:
        query = {"fields": "name,username,profile_pic"}
        try:
            told = await self._repeatable(_Profile, "GET", render.recipient(external_id), query=query)
        except Refused:  # They did not write yet, or gave no consent: there is a customer, without a name.
            return None
        return Person(
            external_id=external_id,
            name=told.name or "",
            username=told.username or "",
            avatar=told.profile_pic or "",
        )

    async def fetch(self, ref: str, max_bytes: int) -> AsyncIterator[bytes]:
        base = self._settings.api_base
        async with aclosing(download(self._calls.session, ref, max_bytes=max_bytes, allowed_base=base)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def close(self) -> None:
        await self._calls.close()

    async def _check_account(self) -> None:
        account = await self._repeatable(_Account, "GET", "me", query={"fields": "user_id,username"})
        if str(account.user_id) != self._settings.account_id:
            raise Refused(f"this access token belongs to the account {account.user_id}", code="account_id")

    async def _knock(self) -> None:
        """Raise `CredentialsRejected` where the owner has shut connected tools out, of which `/me` says nothing.

        Only that counts: what else this call may answer is not documented.
        """
        query = {"platform": "instagram", "limit": "1"}
        with suppress(Refused, RetryLater):
            await self._repeatable(_Yes, "GET", self._own("conversations"), query=query)

    async def _subscribe(self) -> None:
        query = {"subscribed_fields": ",".join(SUBSCRIBED_FIELDS)}
        await self._repeatable(_Yes, "POST", self._own("subscribed_apps"), query=query)

    def _own(self, edge: str) -> str:
        return f"{self._settings.account_id}/{edge}"

    async def _repeatable(self, shape: type[_T], method: str, path: str, **details: Any) -> _T:
        """Ask for something that is the same done twice: where no answer comes, it may simply be asked again."""
        try:
            return await self._ask(shape, method, path, **details)
        except Uncertain as failure:
            again = RetryLater(str(failure))
        raise again

    async def _ask(
        self,
        shape: type[_T],
        method: str,
        path: str,
        *,
        json: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
        versioned: bool = True,
    ) -> _T:
        version = f"/{self._settings.api_version}" if versioned else ""
        answer = await self._calls(
            method,
            f"{self._settings.api_base}{version}/{path}",
            json=json,
            query=query,
            headers={"Authorization": f"Bearer {self._token}"},
        )
        failure: ChannelFailure
        if answer.status != HTTPStatus.OK:
            failure = failure_of(answer)
        else:
            try:
                return msgspec.json.decode(answer.body, type=shape, strict=False)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                # A yes that cannot be understood has happened all the same.
                failure = Uncertain("Instagram's answer could not be understood")
        failure.args = (str(failure).replace(self._token, "***"),)
        raise failure


def failure_of(answer: Answer) -> ChannelFailure:
    """What an answer that is no yes means for what was asked."""
    try:
        error = msgspec.json.decode(answer.body, type=_Failed).error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _by_status(answer)
    meaning = _MEANING.get((error.code, error.error_subcode)) or _MEANING.get((error.code, None))
    if meaning:
        return meaning(error, answer)
    if error.is_transient or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _in_trouble(error, answer)
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        return _throttled(error, answer)
    return Refused(error.words, code=error.name)


def _dead_token(_error: _Error, _answer: Answer) -> ChannelFailure:
    return CredentialsRejected("Instagram does not accept the access token any more; connect the account again")


def _no_access(_error: _Error, _answer: Answer) -> ChannelFailure:
    return CredentialsRejected(
        "the account's owner has switched off access to messages for connected tools, in Instagram's app under"
        " Settings, Messages and story replies, Message controls, Connected tools"
    )


def _window_closed(error: _Error, _answer: Answer) -> ChannelFailure:
    return Refused("the time in which Instagram lets a shop answer this customer is over", code=error.name)


def _gone(error: _Error, _answer: Answer) -> ChannelFailure:
    return Unreachable("Instagram cannot reach this customer", code=error.name)


def _throttled(_error: _Error, answer: Answer) -> ChannelFailure:
    return RetryLater("Instagram asks to slow down", after=_pause(answer))


def _in_trouble(_error: _Error, _answer: Answer) -> ChannelFailure:
    return RetryLater("Instagram is in trouble, or does not let the shop write to this customer")


def _maybe_sent(_error: _Error, _answer: Answer) -> ChannelFailure:
    return Uncertain("Instagram reported an error, and may have sent this all the same")


def _not_fetched(_error: _Error, _answer: Answer) -> ChannelFailure:
    return RetryLater("Instagram could not fetch the file from the shop's public address")


_MEANING: Final[Mapping[tuple[int, int | None], Callable[[_Error, Answer], ChannelFailure]]] = {
    (190, None): _dead_token,  # Whatever its subcode: expired, revoked, password changed.
    (102, None): _dead_token,
    (200, 2534041): _no_access,
    (10, 2534022): _window_closed,
    (100, 2534014): _gone,
    (100, 2018001): _gone,
    (551, None): _gone,
    (4, None): _throttled,
    (17, None): _throttled,
    (32, None): _throttled,
    (613, None): _throttled,
    (80002, None): _throttled,
    (1, 1357046): _maybe_sent,
    (1, None): _in_trouble,
    (2, None): _in_trouble,
    (100, 2018008): _not_fetched,
    (100, 2018294): _not_fetched,
}
"""By code and subcode; without a subcode for all that are not told apart. What is not here is refused for good."""


def _by_status(answer: Answer) -> ChannelFailure:
    """What a status alone says, where a proxy answered or half of an answer came."""
    if answer.status == HTTPStatus.UNAUTHORIZED:
        return CredentialsRejected("Instagram does not accept the access token any more; connect the account again")
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        return RetryLater("Instagram asks to slow down", after=_pause(answer))
    return RetryLater(f"Instagram is in trouble or out of reach (HTTP {answer.status})")


class _Usage(msgspec.Struct):
    estimated_time_to_regain_access: float = 0.0
    """In minutes: https://developers.facebook.com/docs/graph-api/overview/rate-limiting."""


def _pause(answer: Answer) -> float:
    """Seconds until it is worth trying again."""
    told = answer.headers.get("Retry-After", "")
    if told.isdecimal():
        return float(told[:6])
    try:
        usage = msgspec.json.decode(
            answer.headers.get("X-Business-Use-Case-Usage", "{}"), type=dict[str, list[_Usage]], strict=False
        )
    except msgspec.MsgspecError:
        return THROTTLED_SECONDS
    minutes = max((one.estimated_time_to_regain_access for many in usage.values() for one in many), default=0.0)
    return minutes * 60 or THROTTLED_SECONDS
