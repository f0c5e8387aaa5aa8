"""The Instagram API as far as we call it, with Meta's own answers and refusals.

https://developers.facebook.com/docs/instagram-platform/instagram-api-with-instagram-login
"""

import asyncio
import json
import mimetypes
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from aiohttp import ClientError, ClientSession, ClientTimeout, web

from channels.faults import Fault, Faults
from channels.instagram.sandbox.state import JSON, TOKEN_LIFE, TYPING_SECONDS, Account, Chat, Customer, Message, Token
from channels.instagram.spec import CAPABILITIES, DAY, MEGABYTE
from channels.props import Files

FETCH_SECONDS: Final = 5.0
REPLY_MAX: Final = 300
"""How long a public reply may be, in characters."""
RENEWABLE_AFTER: Final = DAY

ERRORS: Final[Mapping[str, tuple[int, str]]] = {
    "1": (500, "An unknown error occurred"),
    "1/1357046": (500, "Received Invalid JSON reply."),
    "2": (500, "An unexpected error has occurred. Please retry your request later."),
    "4": (400, "Application request limit reached"),
    "10": (403, "Application does not have permission for this action"),
    "10/2534022": (400, "This message is sent outside of allowed window."),
    "17": (400, "User request limit reached"),
    "100": (400, "Invalid parameter"),
    "100/2018008": (400, "Unable to fetch the file from the URL."),
    "100/2018294": (400, "Fetching the video took too long."),
    "100/2534014": (400, "The requested user cannot be found."),
    "190": (400, "Error validating access token: Session has expired."),
    "190/460": (400, "Error validating access token: The session has been invalidated."),
    "190/463": (400, "Error validating access token: Session has expired."),
    "200/2534041": (403, "The account owner has disabled access to Instagram direct messages."),
    "551": (400, "This person isn't available right now."),
    "613/2534040": (400, "Calls to this API have exceeded the rate limit."),
    "80002": (400, "There have been too many calls to this Instagram account."),
}
"""HTTP status and words by `code` or `code/subcode`. A fault's `description` names one of them."""

_BY_STATUS: Final[Mapping[int, str]] = {400: "100", 401: "190", 403: "200/2534041", 429: "4"}
_TRANSIENT: Final = frozenset({"1", "1/1357046", "2"})

_TYPES: Final[Mapping[str, str]] = {"image": "photo", "video": "video", "audio": "audio", "file": "document"}
"""The media type in our capabilities, whose limits are Meta's, behind each type of attachment."""


class Refusal(Exception):
    """What Meta says no with: a name of `ERRORS`, and its words where they differ."""

    def __init__(self, name: str, words: str = "", *, pause: int | None = None) -> None:
        super().__init__(name)
        self.name = name
        self.words = words
        self.pause = pause

    def answer(self, status: int = 0) -> web.Response:
        code, _, subcode = self.name.partition("/")
        usual, words = ERRORS.get(self.name, (400, "Error"))
        error: JSON = {
            "message": f"(#{code}) {self.words or words}",
            "type": "OAuthException",
            "code": int(code),
            "is_transient": self.name in _TRANSIENT,
            "fbtrace_id": "A1b2C3d4",
        }
        if subcode:
            error["error_subcode"] = int(subcode)
        headers = {} if self.pause is None else {"Retry-After": str(self.pause)}
        return web.json_response({"error": error}, status=status or usual, headers=headers)


class World:
    """What the API talks about."""

    def __init__(
        self,
        accounts: dict[str, Account],
        customers: dict[str, Customer],
        files: Files,
        faults: Faults,
    ) -> None:
        self.accounts = accounts
        self.customers = customers
        self.files = files
        self.faults = faults

    def bearer(self, request: web.Request) -> tuple[Account, Token]:
        """Whose token was shown."""
        shown = request.headers.get("Authorization", "").removeprefix("Bearer ") or request.query.get(
            "access_token", ""
        )
        for account in self.accounts.values():
            token = account.live_token(shown)
            if token is not None:
                return account, token
        raise Refusal("190/463" if shown else "190")


def provider(world: World) -> web.Application:
    """What stands at graph.instagram.com, and the files of its servers."""

    def door(method: str, handler: Callable[[World, web.Request], Awaitable[web.Response]]) -> Any:
        async def call(request: web.Request) -> web.Response:
            fault = world.faults.take(method)
            if fault is not None and not fault.does_as_asked:
                await request.read()
            early = fault and (_status(fault) or await world.faults.before(fault, request))
            if early:
                return early
            try:
                answer = await handler(world, request)
            except Refusal as refusal:
                answer = refusal.answer()
            return await world.faults.after(fault, request, answer) if fault else answer

        return call

    app = web.Application(client_max_size=MEGABYTE)
    version = r"/{version:v[0-9]+\.[0-9]+}"
    app.router.add_get("/refresh_access_token", door("refresh_access_token", _refresh))
    app.router.add_get("/media/{id}/{name}", door("media", _media))
    app.router.add_get(version + "/me", door("me", _me))
    app.router.add_route("*", version + "/{node}/subscribed_apps", door("subscribed_apps", _subscribed_apps))
    app.router.add_get(version + "/{node}/conversations", door("conversations", _conversations))
    app.router.add_post(version + "/{node}/messages", door("messages", _messages))
    app.router.add_post(version + "/{node}/replies", door("replies", _replies))
    app.router.add_get(version + "/{node}", door("profile", _profile))
    return app


def _status(fault: Fault) -> web.Response | None:
    if fault.kind != "status":
        return None
    name = fault.description if fault.description in ERRORS else _BY_STATUS.get(fault.status, "2")
    words = "" if fault.description in ERRORS else fault.description
    return Refusal(name, words, pause=fault.retry_after).answer(fault.status)


async def _me(world: World, request: web.Request) -> web.Response:
    account, _ = world.bearer(request)
    return web.json_response({"user_id": account.id, "username": account.username, "id": account.app_scoped_id})


async def _subscribed_apps(world: World, request: web.Request) -> web.Response:
    account = _own(world, request)
    match request.method:
        case "POST":
            account.fields = {one for one in request.query.get("subscribed_fields", "").split(",") if one}
            if not account.fields:
                raise Refusal("100", "Param subscribed_fields must be a non-empty array.")
        case "DELETE":
            account.fields = set()
        case _:
            fields = sorted(account.fields)
            data = [{"id": account.app_scoped_id, "subscribed_fields": fields}] if fields else []
            return web.json_response({"data": data})
    return web.json_response({"success": True})


async def _conversations(world: World, request: web.Request) -> web.Response:
    account = _own(world, request)
    _let_at_messages(account)
    found = [{"id": chat.customer.id} for chat in account.chats.values() if chat.silent_for() is not None]
    return web.json_response({"data": found[: int(request.query.get("limit", "25"))]})


async def _refresh(world: World, request: web.Request) -> web.Response:
    account, token = world.bearer(request)
    now = account.clock()
    if request.query.get("grant_type") != "ig_refresh_token":
        raise Refusal("100", "Invalid grant_type")
    if now - token.issued_at < RENEWABLE_AFTER:
        raise Refusal("100", "Access token must be at least 24 hours old to be refreshed")
    account.grant(age=time.time() - now)
    return web.json_response(
        {"access_token": account.access_token, "token_type": "bearer", "expires_in": int(TOKEN_LIFE)}
    )


async def _profile(world: World, request: web.Request) -> web.Response:
    account, _ = world.bearer(request)
    customer = world.customers.get(request.match_info["node"])
    chat = account.chats.get(customer.id) if customer else None
    if customer is None or chat is None or chat.silent_for() is None:
        raise Refusal("100", "Object does not exist, cannot be loaded due to missing permissions")
    if not customer.tells_name:
        raise Refusal("10", "User consent is required to access user profile")
    picture = account.link(customer.portrait) if customer.portrait else None
    told = {"id": customer.id, "name": customer.name, "username": customer.username, "profile_pic": picture}
    wanted = {"id", *request.query.get("fields", "").split(",")}
    return web.json_response({name: value for name, value in told.items() if name in wanted})


async def _messages(world: World, request: web.Request) -> web.Response:
    account = _own(world, request)
    _let_at_messages(account)
    asked = await _body(request)
    recipient = asked.get("recipient") or {}
    if "comment_id" in recipient:
        chat, about = _commented(account, str(recipient["comment_id"]))
    else:
        chat, about = _chat(world, account, str(recipient.get("id", ""))), ""
    if chat.blocked:
        raise Refusal("551")
    if "sender_action" in asked:
        chat.typing_until = time.monotonic() + (TYPING_SECONDS if asked["sender_action"] == "typing_on" else 0)
        chat.changes.announce()
        return web.json_response({"recipient_id": chat.customer.id})
    message = asked.get("message") or {}
    _pace(account, "media" if (message.get("attachment") or {}).get("type") in {"audio", "video"} else "text")
    if not about:
        _in_time(chat, asked)
    made = await _made(account, chat, message)
    made.reply_to, made.about = about, "privately, about your comment" if about else ""
    chat.made(made)
    return web.json_response({"recipient_id": chat.customer.id, "message_id": made.id})


async def _replies(world: World, request: web.Request) -> web.Response:
    account, _ = world.bearer(request)
    chat, comment = _find_comment(account, request.match_info["node"])
    text = str((await _body(request)).get("message", ""))
    if not text.strip():
        raise Refusal("100", "Param message must be non-empty.")
    if len(text) > REPLY_MAX:
        raise Refusal("100", f"Param message must be at most {REPLY_MAX} characters long.")
    reply = Message(f"{time.time_ns()}", from_shop=True, at=chat.now(), text=text, comment=True, reply_to=comment.id)
    chat.replied(reply)
    return web.json_response({"id": reply.id})


async def _media(world: World, request: web.Request) -> web.Response:
    file = world.files.get(request.match_info["id"])
    if file is None:
        return web.Response(status=404, text="URL signature expired")
    return web.Response(body=file.data, content_type=file.content_type)


def _own(world: World, request: web.Request) -> Account:
    """The account that the address names, if the token is its own."""
    account, _ = world.bearer(request)
    if request.match_info["node"] not in {account.id, "me"}:
        raise Refusal("100", "Object does not exist, cannot be loaded due to missing permissions")
    return account


def _let_at_messages(account: Account) -> None:
    if not account.message_access:
        raise Refusal("200/2534041")


async def _body(request: web.Request) -> JSON:
    try:
        asked = json.loads(await request.read())
    except ValueError:
        asked = None
    if not isinstance(asked, dict):
        raise Refusal("100", "The request is not JSON.")
    return asked


def _chat(world: World, account: Account, customer_id: str) -> Chat:
    customer = world.customers.get(customer_id)
    if customer is None:
        raise Refusal("100/2534014")
    return account.chat(customer)


def _find_comment(account: Account, comment_id: str) -> tuple[Chat, Message]:
    for chat in account.chats.values():
        for one in chat.messages:
            if one.comment and one.id == comment_id and not one.deleted:
                return chat, one
    raise Refusal("100", "Object does not exist, cannot be loaded due to missing permissions")


def _commented(account: Account, comment_id: str) -> tuple[Chat, str]:
    """The chat of whoever wrote a comment, which may be answered in private once and for a week."""
    chat, comment = _find_comment(account, comment_id)
    if any(one.from_shop and not one.comment and one.reply_to == comment_id for one in chat.messages):
        raise Refusal("10", "A private reply to this comment was sent already.")
    if chat.now() - comment.at > 7 * DAY * 1000:
        raise Refusal("10/2534022")
    return chat, comment.id


def _in_time(chat: Chat, asked: JSON) -> None:
    """A day for everybody, a week for people who say that they are."""
    silent = chat.silent_for()
    human = asked.get("messaging_type") == "MESSAGE_TAG" and asked.get("tag") == "HUMAN_AGENT"
    if asked.get("messaging_type") == "MESSAGE_TAG" and not human:
        raise Refusal("100", "Param tag is not one of HUMAN_AGENT.")
    if silent is None or silent > (7 * DAY if human else DAY):
        raise Refusal("10/2534022")


def _pace(account: Account, of_class: str) -> None:
    recent, now = account.sent[of_class], time.monotonic()
    if len(recent) == recent.maxlen and now - recent[0] < 1:
        raise Refusal("613/2534040")
    recent.append(now)


async def _made(account: Account, chat: Chat, message: JSON) -> Message:
    """A message as the customer will see it. Raises `Refusal` for what breaks Meta's rules."""
    made = Message(f"aWdf{time.time_ns():x}", from_shop=True, at=chat.now())
    if "attachment" in message:
        if "text" in message or "quick_replies" in message:
            raise Refusal("100", "Text and attachment cannot be sent together.")
        await _fetched(account, message["attachment"], made)
        return made
    made.text = str(message.get("text") or "")
    if not made.text.strip():
        raise Refusal("100", "Param message[text] must be non-empty.")
    if len(made.text.encode()) > CAPABILITIES.text_limit:
        raise Refusal("100", f"Length of param message[text] must be less than or equal to {CAPABILITIES.text_limit}.")
    quick = message.get("quick_replies") or []
    if len(quick) > CAPABILITIES.button_limit:
        raise Refusal("100", f"Param message[quick_replies] has more than {CAPABILITIES.button_limit} elements.")
    made.buttons = [(one["title"][: CAPABILITIES.button_title_limit], one["payload"]) for one in quick]
    return made


async def _fetched(account: Account, attachment: JSON, made: Message) -> None:
    """Meta gets what is sent from its address, at once and not for long."""
    kind, url = str(attachment.get("type")), str((attachment.get("payload") or {}).get("url", ""))
    limit = CAPABILITIES.media_limits.get(_TYPES.get(kind, ""))
    if limit is None or urlsplit(url).scheme not in {"http", "https"}:
        raise Refusal("100", "Param message[attachment] must be an image, video, audio or file with a URL.")
    try:
        async with (
            ClientSession(timeout=ClientTimeout(total=FETCH_SECONDS)) as session,
            session.get(url, allow_redirects=False) as response,
        ):
            if response.status != web.HTTPOk.status_code:
                raise Refusal("100/2018008")
            data = await response.content.read(limit.max_bytes + 1)
            while not response.content.at_eof() and len(data) <= limit.max_bytes:
                data += await response.content.read(limit.max_bytes + 1)
            content_type = response.content_type
    except (ClientError, OSError, TimeoutError, asyncio.IncompleteReadError):
        raise Refusal("100/2018294" if kind == "video" else "100/2018008") from None
    name = urlsplit(url).path.rpartition("/")[2]
    content_type = mimetypes.guess_type(name)[0] or content_type
    if len(data) > limit.max_bytes or content_type not in limit.content_types:
        raise Refusal("100", f"The file is not a {kind} as Instagram takes it ({content_type}, {len(data)} bytes).")
    made.file = account.files.add(kind, name, content_type, data)
    made.content = {"attachments": [{"type": kind, "payload": {"url": account.link(made.file)}}]}
