"""The REST Bot API as far as we call it, with Viber's own statuses: 200 whatever happens, and what did in the body.

See https://developers.viber.com/docs/api/rest-bot-api/. Media are fetched after the answer, as Viber does it: what
cannot be fetched, is too large or is not what it says becomes a `failed` callback.
"""

import html
import json
import re
import zlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from aiohttp import web

from channels.faults import Fault, Faults
from channels.props import File
from channels.viber.sandbox.state import JSON, OPTIONAL_EVENTS, UNANSWERED_MAX, Bot, Chat, Message
from channels.viber.spec import MEGABYTE, NAME_LIMIT

REQUEST_MAX_BYTES: Final = 30 * 1024
TEXT_MAX: Final = 7000
CAPTION_MAX: Final = 512
TRACKING_MAX: Final = 4000
FILE_NAME_MAX: Final = 256
BUTTON_TEXT_MAX: Final = 250
KEYBOARD_ROWS_MAX: Final = 24
HTTP_STATUSES: Final = 100
"""A fault's `status` from here on is HTTP's; below, it is Viber's."""

STATUSES: Final[Mapping[int, str]] = {
    0: "ok",
    1: "invalidUrl",
    2: "invalidAuthToken",
    3: "badData",
    4: "missingData",
    5: "receiverNotRegistered",
    6: "receiverNotSubscribed",
    7: "publicAccountBlocked",
    8: "publicAccountNotFound",
    9: "publicAccountSuspended",
    10: "webhookNotSet",
    11: "receiverNoSuitableDevice",
    12: "tooManyRequests",
    13: "apiVersionNotSupported",
    14: "incompatibleWithVersion",
    15: "publicAccountNotAuthorized",
    16: "inchatReplyMessageNotAllowed",
    17: "publicAccountIsNotInline",
    18: "noPublicChat",
    19: "cannotSendBroadcast",
    20: "broadcastNotAllowed",
}


class _Refusal(Exception):
    """What Viber says no with."""

    def __init__(self, status: int, words: str = "") -> None:
        super().__init__(words)
        self.status = status
        self.words = words or STATUSES.get(status, "generalError")

    def answer(self) -> web.Response:
        return web.json_response({"status": self.status, "status_message": self.words})


class _Fields:
    """The fields of a request, each asked for as what it has to be."""

    def __init__(self, values: Any) -> None:
        if not isinstance(values, dict):
            raise _Refusal(3)
        self._values = values

    def text(self, name: str, limit: int, *, required: bool = True) -> str:
        found = self._values.get(name)
        if found is None or (required and found == ""):
            if required:
                raise _Refusal(4, f"missing data: {name}")
            return ""
        if not isinstance(found, str) or len(found.encode("utf-16-le", "surrogatepass")) // 2 > limit:
            raise _Refusal(3, f"bad data: {name}")
        return found

    def number(self, name: str, limit: int) -> int:
        found = self._values.get(name)
        if found is None:
            raise _Refusal(4, f"missing data: {name}")
        if not isinstance(found, int) or not 0 < found <= limit:
            raise _Refusal(3, f"bad data: {name}")
        return found

    def address(self, extensions: str = "") -> str:
        """Where a file lies. Viber tells pictures and videos by the end of the path."""
        found = self.text("media", 2000)
        path = found.partition("?")[0].lower()
        if not re.match(r"https?://[^/]", found) or (extensions and not re.search(rf"\.({extensions})$", path)):
            raise _Refusal(3, "bad data: media")
        return found

    def inner(self, name: str) -> "_Fields":
        found = self._values.get(name)
        if found is None:
            raise _Refusal(4, f"missing data: {name}")
        return _Fields(found)

    def items(self, name: str) -> list[Any] | None:
        found = self._values.get(name)
        if found is not None and not isinstance(found, list):
            raise _Refusal(3, f"bad data: {name}")
        return found

    def keyboard(self) -> tuple[tuple[str, str], ...]:
        """The buttons as (text, what is sent), if there are any."""
        if self._values.get("keyboard") is None:
            return ()
        keyboard = self.inner("keyboard")
        buttons = [_Fields(button) for button in keyboard.items("Buttons") or ()]
        rows = sum(button.number("Rows", KEYBOARD_ROWS_MAX) for button in buttons)
        if keyboard.text("Type", 32) != "keyboard" or not 0 < rows <= KEYBOARD_ROWS_MAX:
            raise _Refusal(3, "bad data: keyboard")
        # Text may hold markup, so what is no markup comes escaped.
        return tuple(
            (html.unescape(button.text("Text", BUTTON_TEXT_MAX)), button.text("ActionBody", TEXT_MAX))
            for button in buttons
        )


class _Media:
    """A kind of file message: what it asks for, how large it may be, and what its bytes begin with."""

    def __init__(self, extensions: str, max_bytes: int, signs: tuple[bytes, ...], *, sized: bool, at: int = 0) -> None:
        self._extensions = extensions
        self._max_bytes = max_bytes
        self._signs = signs
        self._sized = sized
        self._at = at

    def content(self, fields: _Fields) -> JSON:
        content: JSON = {"media": fields.address(self._extensions)}
        if self._sized:
            content["size"] = fields.number("size", self._max_bytes)
        return content

    async def fetch(self, chat: Chat, message: Message) -> None:
        """Get the file and show it, or tell that it could not be shown."""
        data = await chat.bot.download(message.content["media"], self._max_bytes)
        if not data or (self._signs and not data.startswith(self._signs, self._at)):
            chat.fail(message.id)
            return
        name = message.content.get("file_name", "")
        message.file = chat.bot.files.add(message.type, name, _content_type(message.type, data), data)
        chat.changes.announce()
        chat.arrive(message)


_MEDIA: Final[Mapping[str, _Media]] = {
    "picture": _Media("jpe?g|png|gif", MEGABYTE, (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8"), sized=False),
    "video": _Media("mp4", 26 * MEGABYTE, (b"ftyp",), sized=True, at=4),
    "file": _Media("", 50 * MEGABYTE, (), sized=True),
}


def _text_content(fields: _Fields) -> JSON:
    return {"text": fields.text("text", TEXT_MAX)}


def _picture_content(fields: _Fields) -> JSON:
    return {"text": fields.text("text", CAPTION_MAX, required=False), **_MEDIA["picture"].content(fields)}


def _file_content(fields: _Fields) -> JSON:
    return {"file_name": fields.text("file_name", FILE_NAME_MAX), **_MEDIA["file"].content(fields)}


_CONTENT: Final[Mapping[str, Callable[[_Fields], JSON]]] = {
    "text": _text_content,
    "picture": _picture_content,
    "video": _MEDIA["video"].content,
    "file": _file_content,
}
"""The types of message that we send."""


async def _set_webhook(bot: Bot, fields: _Fields) -> JSON:
    url = fields.text("url", 2000, required=False)
    before = bot.webhook.url
    if url and not re.match(r"https?://[^/]", url):
        raise _Refusal(1)
    bot.webhook.url = url
    if not url:
        return {"event_types": []}
    problem = await bot.shake()
    if problem:
        bot.webhook.url = before
        raise _Refusal(1, f"failed: webhook answered {problem}")
    wanted = fields.items("event_types")
    bot.webhook.events = OPTIONAL_EVENTS if wanted is None else OPTIONAL_EVENTS & set(wanted)
    return {"event_types": _event_types(bot)}


async def _get_account_info(bot: Bot, _fields: _Fields) -> JSON:
    return {
        "id": f"pa:{zlib.crc32(bot.token.encode())}",
        "name": bot.name,
        "uri": bot.name.replace(" ", "").lower(),
        "webhook": bot.webhook.url,
        "event_types": _event_types(bot),
        "subscribers_count": sum(chat.subscribed for chat in bot.chats.values()),
    }


def _event_types(bot: Bot) -> list[str]:
    return sorted(bot.webhook.events) if bot.webhook.url else []


async def _send_message(bot: Bot, fields: _Fields) -> JSON:
    if not bot.webhook.url:
        raise _Refusal(10)
    receiver = fields.text("receiver", 256)
    fields.inner("sender").text("name", NAME_LIMIT)
    content_of = _CONTENT.get(fields.text("type", 32))
    if content_of is None:
        raise _Refusal(3, "bad data: type")
    kind, content = fields.text("type", 32), content_of(fields)
    buttons, tracking = fields.keyboard(), fields.text("tracking_data", TRACKING_MAX, required=False)
    chat = bot.chat_of(receiver)
    if chat is None:
        raise _Refusal(5)
    if not chat.subscribed:
        raise _Refusal(6)
    if chat.unanswered >= UNANSWERED_MAX:
        raise _Refusal(12)
    chat.unanswered += 1
    message = Message(bot.next_token(), True, chat.clock(), kind, content, buttons=buttons, tracking_data=tracking)
    chat.add(message)
    bot.begin(_carried(chat, message))
    return {"message_token": message.id}


async def _carried(chat: Chat, message: Message) -> None:
    """What happens to a message once it is accepted."""
    media = _MEDIA.get(message.type)
    if media is not None:
        await media.fetch(chat, message)
    else:
        chat.arrive(message)


_METHODS: Final[Mapping[str, Callable[[Bot, _Fields], Awaitable[JSON]]]] = {
    "set_webhook": _set_webhook,
    "get_account_info": _get_account_info,
    "send_message": _send_message,
}


def provider(bots: Mapping[str, Bot], faults: Faults) -> web.Application:
    """chatapi.viber.com for these bots, and the place where customers' files lie."""

    async def call(request: web.Request) -> web.Response:
        fault = faults.take(request.match_info["method"])
        if fault is None:
            return await _answered(bots, request)
        if not fault.does_as_asked:
            await request.read()
        early = _status(fault) or await faults.before(fault, request)
        if early is not None:
            return early
        return await faults.after(fault, request, await _answered(bots, request))

    async def media(request: web.Request) -> web.Response:
        fault = faults.take("media")
        if fault is not None:
            early = _status(fault) or await faults.before(fault, request)
            if early is not None:
                return early
        file = _media_file(bots, request.match_info["id"])
        answer = web.Response(body=file.data, content_type=file.content_type)
        return await faults.after(fault, request, answer) if fault else answer

    app = web.Application()
    app.router.add_post("/pa/{method}", call)
    app.router.add_get("/media/{id}", media)
    return app


def _media_file(bots: Mapping[str, Bot], file_id: str) -> File:
    for bot in bots.values():
        file = bot.links.get(file_id)
        if file is not None:
            return file
    raise web.HTTPNotFound(text="this link is over")


async def _answered(bots: Mapping[str, Bot], request: web.Request) -> web.Response:
    method = _METHODS.get(request.match_info["method"])
    if method is None:
        raise web.HTTPNotFound(text="no such method")
    body = await request.read()
    try:
        fields = _fields(body)
        bot = _bot(bots, request, fields)
        bot.base = str(request.url).rpartition("pa/")[0]
        answer = await method(bot, fields)
    except _Refusal as refusal:
        return refusal.answer()
    return web.json_response({"status": 0, "status_message": "ok", "chat_hostname": "SN-SANDBOX_", **answer})


def _bot(bots: Mapping[str, Bot], request: web.Request, fields: _Fields) -> Bot:
    """Whose token it is: of the header, or of the body, where Viber's own libraries put it."""
    token = request.headers.get("X-Viber-Auth-Token") or fields.text("auth_token", 256, required=False)
    if not token:
        raise _Refusal(2, "missing_auth_token")
    if token not in bots:
        raise _Refusal(2)
    return bots[token]


def _fields(body: bytes) -> _Fields:
    if len(body) > REQUEST_MAX_BYTES:
        raise _Refusal(3, "bad data: the request is larger than 30 KB")
    try:
        return _Fields(json.loads(body))
    except ValueError:
        raise _Refusal(3, "bad data: no JSON") from None


def _status(fault: Fault) -> web.Response | None:
    if fault.kind != "status":
        return None
    if fault.status < HTTP_STATUSES:
        return _Refusal(fault.status, fault.description).answer()
    return web.Response(status=fault.status, text=fault.description or "Service Unavailable")


def _content_type(kind: str, data: bytes) -> str:
    if kind == "video":
        return "video/mp4"
    if kind == "picture":
        return "image/png" if data.startswith(b"\x89PNG") else "image/jpeg"
    return "application/octet-stream"
