"""The Bot API as far as we call it, with Telegram's own answers and refusals (https://core.telegram.org/bots/api)."""

import json
import re
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from aiohttp import BodyPartReader, web

from channels.faults import Fault, Faults
from channels.props import File, Files, image_size
from channels.telegram.sandbox.state import DEFAULT_UPDATES, JSON, Bot, Chat, Message, file_content
from channels.telegram.spec import CAPABILITIES, MEBIBYTE

UPLOAD_MAX_BYTES: Final = 50 * MEBIBYTE
PHOTO_MAX_BYTES: Final = 10 * MEBIBYTE
DOWNLOAD_MAX_BYTES: Final = 20 * MEBIBYTE
TYPING_SECONDS: Final = 5.0
PHOTO_SIDES: Final = 10_000
"""How long a photo's width and height together may be, in pixels; and one side at most 20 times the other."""
DAY: Final = 24 * 3600

_STRUCTURED: Final = frozenset(
    {"reply_markup", "reply_parameters", "media", "entities", "allowed_updates", "message_ids"}
)
"""Parameters that come as JSON inside a form."""

_DESCRIPTIONS: Final[Mapping[int, str]] = {
    400: "Bad Request: message text is empty",
    401: "Unauthorized",
    403: "Forbidden: bot was blocked by the user",
    404: "Not Found",
    409: "Conflict: terminated by other getUpdates request",
    413: "Request Entity Too Large",
    500: "Internal Server Error",
}


class _Refusal(Exception):
    """What Telegram says no with."""

    def __init__(self, status: int, description: str, **parameters: int) -> None:
        super().__init__(description)
        self.status = status
        self.description = description
        self.parameters = parameters

    def answer(self) -> web.Response:
        body: JSON = {"ok": False, "error_code": self.status, "description": self.description}
        if self.parameters:
            body["parameters"] = self.parameters
        return web.json_response(body, status=self.status)


class _Call:
    """One call: who asks, with what parameters and files."""

    def __init__(self, bot: Bot, params: JSON, uploads: dict[str, tuple[str, str, bytes]]) -> None:
        self.bot = bot
        self.params = params
        self._uploads = uploads

    def text(self, name: str) -> str:
        return str(self.params.get(name) or "")

    def chat(self) -> Chat:
        """The chat that is written to, if the customer lets us."""
        wanted = self.text("chat_id")
        number = int(wanted) if re.fullmatch(r"[0-9]{1,19}", wanted) else 0
        if connection := self.text("business_connection_id"):
            return self._business_chat(connection, number)
        chat = self.bot.chats.get(number)
        if chat is None:
            raise _Refusal(400, "Bad Request: chat not found")
        if not chat.messages:
            raise _Refusal(403, "Forbidden: bot can't initiate conversation with a user")
        if chat.blocked:
            raise _Refusal(403, "Forbidden: bot was blocked by the user")
        return chat

    def _business_chat(self, connection: str, customer: int) -> Chat:
        business = self.bot.businesses.get(connection)
        chat = self.bot.business_chats.get((connection, customer))
        if business is None or not business.enabled:
            raise _Refusal(400, "Bad Request: business connection not found")
        if chat is None:
            raise _Refusal(400, "Bad Request: BUSINESS_PEER_INVALID")
        if not business.can_reply:
            raise _Refusal(400, "Bad Request: not enough rights to send messages on behalf of the business account")
        if not any(not message.from_shop and message.date > chat.clock() - DAY for message in chat.messages):
            raise _Refusal(400, "Bad Request: BUSINESS_PEER_USAGE_MISSING")
        return chat

    def business_messages(self) -> tuple[Chat, list[int]]:
        """The messages of one business chat that are named."""
        wanted = {int(number) for number in self.params.get("message_ids") or ()}
        for (connection, _), chat in self.bot.business_chats.items():
            if connection == self.text("business_connection_id"):
                found = [one.id for one in chat.messages if one.id in wanted and not one.deleted]
                if found:
                    return chat, found
        raise _Refusal(400, "Bad Request: message to delete not found")

    def file(self, kind: str, value: Any) -> File:
        """The file behind `attach://name`, a field's own upload, or a known `file_id`."""
        reference = str(value).removeprefix("attach://") if isinstance(value, str) else kind
        if reference not in self._uploads:
            known = self.bot.files.get(reference)
            if known is None:
                raise _Refusal(
                    400, "Bad Request: wrong remote file identifier specified: Wrong character in the string"
                )
            return known
        name, content_type, data = self._uploads[reference]
        if not data:
            raise _Refusal(400, "Bad Request: file must be non-empty")
        if kind == "photo" and len(data) > PHOTO_MAX_BYTES:
            raise _Refusal(
                400,
                f"Bad Request: file of size {len(data)} bytes is too big for a photo; "
                f"the maximum size is {PHOTO_MAX_BYTES} bytes",
            )
        width, height = (kind == "photo" and image_size(data)) or (1, 1)
        if width + height > PHOTO_SIDES or max(width, height) > 20 * min(width, height):
            raise _Refusal(400, "Bad Request: PHOTO_INVALID_DIMENSIONS")
        return self.bot.files.add(kind, name, content_type, data)

    def reply_to(self, chat: Chat) -> int | None:
        wanted = self.params.get("reply_parameters")
        if not isinstance(wanted, dict):
            return None
        number = int(wanted.get("message_id", 0))
        if any(message.id == number and not message.deleted for message in chat.messages):
            return number
        if not wanted.get("allow_sending_without_reply"):
            raise _Refusal(400, "Bad Request: message to be replied not found")
        return None

    def keyboard(self) -> list[list[JSON]]:
        markup = self.params.get("reply_markup") or {}
        rows: list[list[JSON]] = markup.get("inline_keyboard") or []
        for button in (button for row in rows for button in row):
            if not 1 <= len(str(button.get("callback_data", "")).encode()) <= 64:  # noqa: PLR2004  documented limit
                raise _Refusal(400, "Bad Request: BUTTON_DATA_INVALID")
        return rows

    def own_message(self, action: str) -> tuple[Chat, Message]:
        chat = self.chat()
        number = self.text("message_id")
        for message in chat.messages:
            if str(message.id) == number and not message.deleted:
                if not message.from_shop:
                    raise _Refusal(400, f"Bad Request: message can't be {action}{'ed' if action == 'edit' else 'd'}")
                return chat, message
        raise _Refusal(400, f"Bad Request: message to {action} not found")


def _get_me(call: _Call) -> Any:
    return call.bot.as_user() | {
        "can_join_groups": True,
        "can_read_all_group_messages": False,
        "supports_inline_queries": False,
    }


def _set_webhook(call: _Call) -> Any:
    hook = call.bot.webhook
    secret = call.text("secret_token")
    if not re.fullmatch(r"[A-Za-z0-9_-]{0,256}", secret):
        raise _Refusal(400, "Bad Request: secret token contains unallowed characters")
    url = call.text("url")
    if url and not re.match(r"https?://[^/]", url):
        raise _Refusal(400, "Bad Request: bad webhook: invalid webhook URL specified")
    wanted = call.params.get("allowed_updates")
    if wanted is not None:  # Left out, the previous choice stands.
        hook.updates = frozenset(wanted) or DEFAULT_UPDATES
    hook.url, hook.secret = url, secret
    hook.last_error_date, hook.last_error_message = None, ""
    if call.text("drop_pending_updates").lower() == "true":
        call.bot.drop_pending()
    call.bot.resume()
    return True


def _delete_webhook(call: _Call) -> Any:
    call.params["url"] = ""
    call.params.pop("allowed_updates", None)
    return _set_webhook(call)


def _get_webhook_info(call: _Call) -> Any:
    hook = call.bot.webhook
    info: JSON = {
        "url": hook.url,
        "has_custom_certificate": False,
        "pending_update_count": call.bot.pending_updates(),
        "max_connections": 40,
        "allowed_updates": sorted(hook.updates),
    }
    if hook.last_error_date is not None:
        info |= {"last_error_date": hook.last_error_date, "last_error_message": hook.last_error_message}
    return info


def _send_message(call: _Call) -> Any:
    chat = call.chat()
    text = call.text("text")
    if not text.strip():
        raise _Refusal(400, "Bad Request: message text is empty")
    if _length(text) > CAPABILITIES.text_limit:
        raise _Refusal(400, "Bad Request: message is too long")
    entities = {"entities": call.params["entities"]} if call.params.get("entities") else {}
    return _add(call, chat, {"text": text, **entities})


def _send_file(kind: str) -> Callable[[_Call], Any]:
    def send(call: _Call) -> Any:
        chat = call.chat()
        caption = _caption(call.text("caption"))
        file = call.file(kind, call.params.get(kind))
        return _add(call, chat, file_content(file) | caption, file=file)

    return send


def _send_media_group(call: _Call) -> Any:
    chat = call.chat()
    media = call.params.get("media") or []
    if not 2 <= len(media) <= 10:  # noqa: PLR2004  sendMediaGroup: 2-10
        raise _Refusal(400, "Bad Request: group must contain from 2 to 10 messages")
    kinds = {"visual" if one["type"] in {"photo", "video"} else one["type"] for one in media}
    if len(kinds) > 1:
        raise _Refusal(400, "Bad Request: document or audio can't be mixed with other media types")
    files = [(call.file(one["type"], one["media"]), _caption(str(one.get("caption") or ""))) for one in media]
    album = f"{time.time_ns()}"
    return [_add(call, chat, file_content(file) | caption, file=file, album=album) for file, caption in files]


def _edit_message_text(call: _Call) -> Any:
    return _edit(call, "text", CAPABILITIES.text_limit)


def _edit_message_caption(call: _Call) -> Any:
    return _edit(call, "caption", CAPABILITIES.caption_limit)


def _edit(call: _Call, field: str, limit: int) -> Any:
    chat, message = call.own_message("edit")
    text = call.text(field)
    if field == "text" and "text" not in message.content:
        raise _Refusal(400, "Bad Request: there is no text in the message to edit")
    if field == "text" and not text.strip():
        raise _Refusal(400, "Bad Request: message text is empty")
    if _length(text) > limit:
        raise _Refusal(400, "Bad Request: MESSAGE_TOO_LONG")
    if message.content.get(field, "") == text:
        raise _Refusal(
            400,
            "Bad Request: message is not modified: specified new message content and reply markup are exactly the "
            "same as a current content and reply markup of the message",
        )
    message.content[field] = text
    message.keyboard = call.keyboard()  # Left out, the buttons go.
    message.edit_date = int(chat.clock())
    chat.changes.announce()
    return chat.as_json(message)


def _delete_message(call: _Call) -> Any:
    chat, message = call.own_message("delete")
    message.deleted = True
    chat.changes.announce()
    return True


def _delete_business_messages(call: _Call) -> Any:
    chat, numbers = call.business_messages()
    chat.delete(*numbers)
    return True


def _send_chat_action(call: _Call) -> Any:
    chat = call.chat()
    chat.typing_until = time.monotonic() + TYPING_SECONDS
    chat.changes.announce()
    return True


def _answer_callback_query(call: _Call) -> Any:
    query = call.text("callback_query_id")
    chat = call.bot.queries.pop(query, None)
    if chat is None:
        raise _Refusal(400, "Bad Request: query is too old and response timeout expired or query ID is invalid")
    call.bot.answered.append(query)
    if alert := call.text("text"):
        call.bot.alerts.append(alert)
    chat.changes.announce()
    return True


def _get_file(call: _Call) -> Any:
    file = call.bot.files.get(call.text("file_id"))
    if file is None:
        raise _Refusal(400, "Bad Request: wrong file_id or the file is temporarily unavailable")
    if len(file.data) > DOWNLOAD_MAX_BYTES:
        raise _Refusal(400, "Bad Request: file is too big")
    return {
        "file_id": file.id,
        "file_unique_id": "U",
        "file_size": len(file.data),
        "file_path": f"{file.type}s/{file.id}",
    }


def _get_user_profile_photos(call: _Call) -> Any:
    wanted = call.text("user_id")
    customers = {str(chat.customer.id): chat.customer for chat in call.bot.all_chats()}
    customer = customers.get(wanted)
    if customer is None:
        raise _Refusal(400, "Bad Request: user not found")
    portrait = customer.portrait
    if portrait is None:
        return {"total_count": 0, "photos": []}
    width, height = image_size(portrait.data) or (0, 0)
    size = {"file_id": portrait.id, "file_unique_id": "U", "width": width, "height": height}
    return {"total_count": 1, "photos": [[{**size, "file_size": len(portrait.data)}]]}


_METHODS: Final[Mapping[str, Callable[[_Call], Any]]] = {
    "getme": _get_me,
    "setwebhook": _set_webhook,
    "deletewebhook": _delete_webhook,
    "getwebhookinfo": _get_webhook_info,
    "sendmessage": _send_message,
    "sendphoto": _send_file("photo"),
    "sendvideo": _send_file("video"),
    "sendaudio": _send_file("audio"),
    "sendvoice": _send_file("voice"),
    "senddocument": _send_file("document"),
    "sendmediagroup": _send_media_group,
    "editmessagetext": _edit_message_text,
    "editmessagecaption": _edit_message_caption,
    "deletemessage": _delete_message,
    "deletebusinessmessages": _delete_business_messages,
    "sendchataction": _send_chat_action,
    "answercallbackquery": _answer_callback_query,
    "getfile": _get_file,
    "getuserprofilephotos": _get_user_profile_photos,
}
"""By name in lower case: Telegram does not mind the case."""


def provider(bots: Mapping[str, Bot], files: Files, faults: Faults) -> web.Application:
    """api.telegram.org for these bots."""

    async def call(request: web.Request) -> web.Response:
        method = request.match_info["method"]
        fault = faults.take(method)
        if fault is None:
            return await _answered(bots, request)
        if not fault.does_as_asked:
            await request.read()
        early = _status(fault) or await faults.before(fault, request)
        if early is not None:
            return early
        return await faults.after(fault, request, await _answered(bots, request))

    async def download(request: web.Request) -> web.Response:
        fault = faults.take("file")
        if fault is not None:
            early = _status(fault) or await faults.before(fault, request)
            if early is not None:
                return early
        file = files.get(request.match_info["path"].partition("/")[2])
        if request.match_info["token"] not in bots or file is None:
            return _Refusal(404, "Not Found").answer()
        answer = web.Response(body=file.data, content_type="application/octet-stream")
        return await faults.after(fault, request, answer) if fault else answer

    app = web.Application()
    app.router.add_route("*", "/bot{token:[^/]+}/{method}", call)
    app.router.add_get("/file/bot{token:[^/]+}/{path:.+}", download)
    return app


async def _answered(bots: Mapping[str, Bot], request: web.Request) -> web.Response:
    try:
        params, uploads = await _parameters(request)
        result = _method(request)(_Call(_bot(bots, request), params, uploads))
    except _Refusal as refusal:
        return refusal.answer()
    except (ValueError, TypeError, KeyError, AttributeError):
        return _Refusal(400, "Bad Request: wrong parameters").answer()
    return web.json_response({"ok": True, "result": result})


def _bot(bots: Mapping[str, Bot], request: web.Request) -> Bot:
    bot = bots.get(request.match_info["token"])
    if bot is None:
        raise _Refusal(401, "Unauthorized")
    return bot


def _method(request: web.Request) -> Callable[[_Call], Any]:
    method = _METHODS.get(request.match_info["method"].lower())
    if method is None:
        raise _Refusal(404, "Not Found")
    return method


def _status(fault: Fault) -> web.Response | None:
    if fault.kind != "status":
        return None
    status = fault.status or 500
    parameters = {}
    if status == 429:  # noqa: PLR2004  too many requests
        parameters["retry_after"] = 1 if fault.retry_after is None else fault.retry_after
    default = f"Too Many Requests: retry after {parameters.get('retry_after')}" if parameters else ""
    description = fault.description or default or _DESCRIPTIONS.get(status, "Internal Server Error")
    return _Refusal(status, description, **parameters).answer()


async def _parameters(request: web.Request) -> tuple[JSON, dict[str, tuple[str, str, bytes]]]:
    """Parameters from JSON, form, multipart or query, and uploads as (name, content type, data)."""
    params: JSON = dict(request.query)
    uploads: dict[str, tuple[str, str, bytes]] = {}
    if request.content_type == "application/json":
        body = await request.read()
        try:
            params |= json.loads(body)
        except (ValueError, TypeError):
            raise _Refusal(400, "Bad Request: can't parse JSON object") from None
    elif request.content_type == "multipart/form-data":
        left = UPLOAD_MAX_BYTES + MEBIBYTE
        async for part in await request.multipart():
            if not isinstance(part, BodyPartReader):
                continue
            data = bytearray()
            while chunk := await part.read_chunk():
                data += chunk
                left -= len(chunk)
                if left < 0:
                    raise _Refusal(413, "Request Entity Too Large")
            if part.filename is None:
                params[part.name or ""] = data.decode(errors="replace")
            else:
                content_type = part.headers.get("Content-Type", "application/octet-stream")
                uploads[part.name or ""] = (part.filename, content_type, bytes(data))
    else:
        params |= dict(await request.post())
    for name in _STRUCTURED & params.keys():
        if isinstance(params[name], str):
            params[name] = json.loads(params[name])
    return params, uploads


def _add(call: _Call, chat: Chat, content: JSON, *, file: File | None = None, album: str = "") -> JSON:
    reply_to = call.reply_to(chat)
    keyboard = call.keyboard()
    chat.typing_until = 0
    message = chat.add(
        Message(
            id=chat.next_id(),
            from_shop=True,
            date=int(chat.clock()),
            content=content,
            file=file,
            reply_to=reply_to,
            album=album,
            keyboard=keyboard,
            by_bot=chat.business is not None,
        )
    )
    return chat.as_json(message)


def _caption(caption: str) -> JSON:
    if _length(caption) > CAPABILITIES.caption_limit:
        raise _Refusal(400, "Bad Request: message caption is too long")
    return {"caption": caption} if caption else {}


def _length(text: str) -> int:
    """In UTF-16 units, as everything at Telegram is counted."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
