"""The only place that speaks to Telegram. Whatever aiogram or the network raise leaves here as a `ChannelFailure`.

The bot's token is part of every address, and both aiogram's and aiohttp's exceptions carry addresses or methods. So a
failure is raised after the handler that built it, never inside: nothing of theirs is left in its context.

Importing this module imports aiogram, which takes seconds: only `channels.telegram.Telegram.connect` does so.
"""

import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing
from http import HTTPStatus
from typing import Any, Final, TypeVar

import msgspec
from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import (
    AiogramError,
    ClientDecodeError,
    TelegramAPIError,
    TelegramBadRequest,
    TelegramConflictError,
    TelegramEntityTooLarge,
    TelegramForbiddenError,
    TelegramMigrateToChat,
    TelegramNotFound,
    TelegramRetryAfter,
    TelegramServerError,
    TelegramUnauthorizedError,
)
from aiogram.methods import (
    AnswerCallbackQuery,
    DeleteWebhook,
    EditMessageCaption,
    EditMessageText,
    GetFile,
    GetMe,
    GetUserProfilePhotos,
    GetWebhookInfo,
    Response,
    SendChatAction,
    SetWebhook,
    TelegramMethod,
)
from aiohttp import (
    ClientConnectorError,
    ClientError,
    ClientTimeout,
    ConnectionTimeoutError,
    InvalidURL,
)

from channels.telegram import render
from channels.telegram.parse import ALLOWED_UPDATES
from channels.telegram.spec import ANSWER_SECONDS, TelegramSettings
from inbox.model.channel import Connection, Outgoing, Sent
from inbox.model.failures import (
    AddressMoved,
    ChannelFailure,
    CredentialsRejected,
    Refused,
    RetryLater,
    Uncertain,
    Unreachable,
)
from inbox.model.incoming import Person

CONNECT_SECONDS: Final = 5.0
SLOWEST: Final = 64 * 1024
"""Bytes a second; an upload or download slower than this is given up."""
CHUNK: Final = 64 * 1024
PORTRAIT: Final = 160
"""How wide a picture of somebody is wanted at least, in pixels."""
PILED_UP: Final = 50
"""How many events wait at Telegram before that is trouble: a busy hour alone brings a few."""
LATELY: Final = 300.0
"""For how many seconds a failed delivery is trouble while events wait: one of yesterday's is not."""

_T = TypeVar("_T")


class TelegramConnection(Connection):
    """One bot; see `inbox.model.channel.Connection`. `answer_seconds` is how long to wait for an answer."""

    def __init__(self, settings: TelegramSettings, *, answer_seconds: float = ANSWER_SECONDS) -> None:
        self._settings = settings
        self._token = settings.token.get_secret_value()
        self._session = _Session(api=TelegramAPIServer.from_base(settings.api_base), answer_seconds=answer_seconds)
        self._bot = Bot(self._token, session=self._session)

    async def register(self, webhook_url: str) -> None:
        await self._repeatable(GetMe())
        await self._set_webhook(webhook_url)

    async def unregister(self) -> None:
        await self._repeatable(DeleteWebhook())

    async def check(self, webhook_url: str) -> None:
        await self._repeatable(GetMe())
        info = await self._repeatable(GetWebhookInfo())
        # A failing delivery may mean that Telegram holds another secret than ours, which it does not tell.
        stands = info.url == webhook_url and set(info.allowed_updates or ()) == set(ALLOWED_UPDATES)
        if not stands or info.last_error_date is not None:
            await self._set_webhook(webhook_url)
        waiting = info.pending_update_count
        failed = info.last_error_date.timestamp() if info.last_error_date else 0
        if stands and (waiting >= PILED_UP or (waiting and time.time() - failed < LATELY)):
            why = f": {self._shown(info.last_error_message)}" if info.last_error_message else ""
            reason = f"{waiting} events wait at Telegram and do not get here{why}"
            raise RetryLater(reason)

    async def send(self, message: Outgoing) -> Sent:
        try:
            return await self._send(message)
        except Refused as refusal:
            if not _says(refusal, *_NO_PHOTO):
                raise
        # Sides of more than 10000 pixels together, or one 20 times the other: as a file it goes all the same.
        files = tuple(msgspec.structs.replace(file, type="document") for file in message.files)
        return await self._send(msgspec.structs.replace(message, files=files))

    async def _send(self, message: Outgoing) -> Sent:
        rendered, uploads = render.send(message)
        method: TelegramMethod[Any] = rendered
        made = await self._call(method, size=sum(file.size for file in message.files), uploads=uploads)
        return render.sent(message.to, made)

    async def edit(self, to: str, external_id: str, text: str) -> None:
        where: dict[str, Any] = {**render.chat(to), "message_id": render.message_id(external_id)}
        try:
            await self._repeatable(EditMessageText(**where, text=text))
        except Refused as refusal:
            no_text = _says(refusal, "no text in the message")
            if not no_text and not _says(refusal, "message is not modified"):
                raise
        else:
            return
        if no_text:
            await self._edit_caption(where, text)

    async def delete(self, to: str, external_id: str) -> None:
        try:
            await self._repeatable(render.deletion(to, external_id))
        except Refused as refusal:
            if not _says(refusal, "message to delete not found"):
                raise

    async def typing(self, to: str) -> None:
        await self._repeatable(SendChatAction(**render.chat(to), action="typing"))

    async def acknowledge(self, token: str) -> None:
        try:
            await self._repeatable(AnswerCallbackQuery(callback_query_id=token))
        except Refused as refusal:
            if not _says(refusal, "query is too old"):
                raise

    async def profile(self, external_id: str) -> Person | None:
        """The customer's picture: that is all that Telegram's events do not tell."""
        user_id = render.chat(external_id)["chat_id"]
        if user_id < 0:
            return None
        found = await self._repeatable(GetUserProfilePhotos(user_id=user_id, limit=1))
        sizes = sorted((size for photo in found.photos[:1] for size in photo), key=lambda size: size.width)
        chosen = next((size for size in sizes if size.width >= PORTRAIT), sizes[-1] if sizes else None)
        return Person(external_id=external_id, avatar=chosen.file_id if chosen else "")

    async def fetch(self, ref: str, max_bytes: int) -> AsyncIterator[bytes]:
        file = await self._repeatable(GetFile(file_id=ref))
        if not file.file_path:
            reason = "Telegram has no such file any more"
            raise Refused(reason, code="file")
        received = file.file_size or 0
        if received <= max_bytes:
            received = 0
            async with aclosing(self._download(file.file_path, max_bytes)) as chunks:
                async for chunk in chunks:
                    received += len(chunk)
                    if received > max_bytes:
                        break
                    yield chunk
        if received > max_bytes:
            reason = f"the file is larger than {max_bytes} bytes"
            raise Refused(reason, code="too_big")

    async def close(self) -> None:
        await self._session.close()

    async def _set_webhook(self, webhook_url: str) -> None:
        secret = self._settings.secret_token
        await self._repeatable(
            SetWebhook(
                url=webhook_url,
                secret_token=secret.get_secret_value() if secret else None,
                allowed_updates=list(ALLOWED_UPDATES),
            )
        )

    async def _edit_caption(self, where: Mapping[str, Any], text: str) -> None:
        try:
            await self._repeatable(EditMessageCaption(**where, caption=text))
        except Refused as refusal:
            if not _says(refusal, "message is not modified"):
                raise

    async def _repeatable(self, method: TelegramMethod[_T]) -> _T:
        """Ask for something that is the same done twice: where no answer comes, it may simply be asked again."""
        try:
            return await self._call(method)
        except Uncertain as failure:
            again = RetryLater(str(failure))
        raise again

    async def _call(self, method: TelegramMethod[_T], *, size: int = 0, uploads: tuple[render.Upload, ...] = ()) -> _T:
        try:
            return await self._session.request(self._bot, method, size)
        except (AiogramError, ClientError, OSError, TimeoutError, _OddAnswer) as error:
            failure = failure_of(error)
            reason = self._shown(str(failure))
        if any(upload.broken for upload in uploads):
            reason = "a file of this message could not be read; nothing was sent"
            raise RetryLater(reason)
        failure.args = (reason,)
        raise failure

    def _shown(self, words: str) -> str:
        """Telegram's words without our secrets, should it repeat them."""
        secret = self._settings.secret_token
        for hidden in (self._token, secret.get_secret_value() if secret else ""):
            words = words.replace(hidden, "***") if hidden else words
        return words

    async def _download(self, path: str, size: int) -> AsyncGenerator[bytes]:
        session = await self._session.create_session()
        url = self._session.api.file_url(self._token, path)
        failure: ChannelFailure | None = None
        try:
            async with session.get(url, timeout=self._session.patience(size), allow_redirects=False) as response:
                if response.status == HTTPStatus.OK:
                    async for chunk in response.content.iter_chunked(CHUNK):
                        yield chunk
                else:
                    failure = _by_status(response.status)
        except (ClientError, OSError, TimeoutError):
            failure = RetryLater("the file did not arrive whole from Telegram")
        if isinstance(failure, Uncertain):
            failure = RetryLater(str(failure))
        if failure:
            raise failure


class _OddAnswer(Exception):
    """An answer that is not the Bot API's: a proxy's page, half a body. Only its status says something."""

    def __init__(self, status: int) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status


class _Session(AiohttpSession):
    """aiogram's session, with timeouts that tell *never sent* from *never answered*, and statuses that are kept."""

    def __init__(self, api: TelegramAPIServer, answer_seconds: float) -> None:
        super().__init__(api=api, timeout=answer_seconds)

    def patience(self, size: int) -> ClientTimeout:
        """`sock_read` starts when the request is out; `total` ends an exchange of `size` bytes that only trickles."""
        return ClientTimeout(
            total=CONNECT_SECONDS + 2 * self.timeout + size / SLOWEST,
            connect=CONNECT_SECONDS,
            sock_read=self.timeout,
        )

    async def request(self, bot: Bot, method: TelegramMethod[_T], size: int) -> _T:
        """Make one call. Redirects are not followed: the address holds the token."""
        session = await self.create_session()
        async with session.post(
            self.api.api_url(token=bot.token, method=method.__api_method__),
            data=self.build_form_data(bot=bot, method=method),
            timeout=self.patience(size),
            allow_redirects=False,
        ) as answer:
            content = await answer.text(encoding="utf-8", errors="replace")
        result = self.check_response(bot, method, answer.status, content).result
        if result is None:
            raise _OddAnswer(answer.status)
        return result

    async def close(self) -> None:
        """Close at once: aiogram sleeps for old releases of aiohttp that did not wait for TLS to end."""
        if self._session is not None:
            await self._session.close()

    def check_response(self, bot: Bot, method: TelegramMethod[_T], status_code: int, content: str) -> Response[_T]:
        if status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise _OddAnswer(status_code)
        try:
            return super().check_response(bot, method, status_code, content)
        except ClientDecodeError:
            raise _OddAnswer(status_code) from None
        except TelegramAPIError as error:
            if type(error) is TelegramAPIError:  # aiogram's word for a status that it has no word for
                raise _OddAnswer(status_code) from None
            raise


def failure_of(error: Exception) -> ChannelFailure:
    """What an exception of aiogram's, aiohttp's or the system's means for the message that was being sent."""
    for kind, translate in _MEANING.items():
        if isinstance(error, kind):
            return translate(error)
    return Uncertain("the connection to Telegram broke before it answered")


def _never_sent(_error: Exception) -> ChannelFailure:
    return RetryLater("Telegram could not be reached")


def _flooded(error: Any) -> ChannelFailure:
    return RetryLater("Telegram asks to slow down", after=float(error.retry_after))


def _moved(error: Any) -> ChannelFailure:
    return AddressMoved("this chat has moved", external_id=str(error.migrate_to_chat_id))


def _dead_token(_error: Exception) -> ChannelFailure:
    return CredentialsRejected("Telegram does not know this bot's token any more")


def _forbidden(error: Any) -> ChannelFailure:
    return Unreachable(_description(error), code="403")


def _bad_request(error: Any) -> ChannelFailure:
    description = _description(error)
    for sign, words in _BUSINESS.items():
        if sign in description.lower():
            return Refused(words, code="business")
    gone = any(sign in description.lower() for sign in _GONE)
    return (Unreachable if gone else Refused)(description, code="400")


def _too_large(_error: Exception) -> ChannelFailure:
    return Refused("Telegram does not take a file this large", code="413")


def _odd(error: Any) -> ChannelFailure:
    return _by_status(error.status)


def _refused(error: Any) -> ChannelFailure:
    return Refused(_description(error))


def _by_status(status: int) -> ChannelFailure:
    """What a status alone says."""
    if status == HTTPStatus.UNAUTHORIZED:
        return _dead_token(_OddAnswer(status))
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return _too_large(_OddAnswer(status))
    if status < HTTPStatus.MULTIPLE_CHOICES:
        return Uncertain("Telegram's answer could not be understood")
    return RetryLater(f"Telegram is in trouble or out of reach (HTTP {status})")


def _description(error: TelegramAPIError) -> str:
    """Telegram's own words, without its prefix."""
    words = str(error.message).partition("\n")[0]
    return words.removeprefix("Bad Request: ").removeprefix("Forbidden: ")


def _says(refusal: Refused, *signs: str) -> bool:
    """Whether one of these is what Telegram refused with."""
    return any(sign in str(refusal).lower() for sign in signs)


_GONE: Final = ("chat not found", "user not found", "user is deactivated", "peer_id_invalid", "bot was kicked")

_NO_PHOTO: Final = ("photo_invalid_dimensions", "image_process_failed")

_BUSINESS: Final[Mapping[str, str]] = {
    "business connection not found": "the business account is not connected to this bot any more",
    "business_connection_invalid": "the business account is not connected to this bot any more",
    "business_peer_invalid": "the business account keeps the bot out of this chat",
    "business_peer_usage_missing": "Telegram lets a business account's bot answer only within 24 hours of a message",
    "not enough rights": "the business account does not allow the bot to do this: Settings, Business, Chatbots",
}
"""Final for this message and nothing more: what the account's owner changes counts for the next one."""

_MEANING: Final[Mapping[type[Exception], Callable[[Any], ChannelFailure]]] = {
    TelegramRetryAfter: _flooded,
    TelegramMigrateToChat: _moved,
    TelegramUnauthorizedError: _dead_token,
    TelegramNotFound: _dead_token,  # An address without a known token; a missing chat is a 400.
    TelegramForbiddenError: _forbidden,
    TelegramBadRequest: _bad_request,
    TelegramConflictError: _refused,
    TelegramEntityTooLarge: _too_large,
    TelegramServerError: lambda _error: RetryLater("Telegram is in trouble"),
    _OddAnswer: _odd,
    ClientConnectorError: _never_sent,
    ConnectionTimeoutError: _never_sent,
    InvalidURL: _never_sent,
}
"""The first that fits counts. What is not here left us and was not answered."""
