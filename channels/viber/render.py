"""Our messages as send_message takes them (https://developers.viber.com/docs/api/rest-bot-api/#send-message). Pure."""

import html
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from channels.addresses import can_fetch
from channels.viber import tracking
from channels.viber.spec import ViberSettings
from channels.viber.tracking import Tracking
from inbox.model.channel import Outgoing, OutgoingFile
from inbox.model.failures import Refused

Json = dict[str, Any]

MIN_API_VERSION: Final = 1
"""What a customer's app must know at least; all that we send has been there from the first version on."""

FILE_NAME_LIMIT: Final = 256
"""File message, file_name: max 256 characters, including the extension."""


def message(settings: ViberSettings, outgoing: Outgoing) -> Json:
    """The body of send_message. Raises `Refused` for what Viber has no words for."""
    if len(outgoing.files) > 1:
        reason = "Viber takes one file a message"
        raise Refused(reason, code="album")
    content: Json = {"type": "text", "text": outgoing.text}
    if outgoing.files:
        content = _file(outgoing.files[0], outgoing.text, settings.api_base)
    buttons = {"keyboard": _keyboard(outgoing.buttons)} if outgoing.buttons else {}
    attached = Tracking(outgoing.key, dict(outgoing.buttons))
    return {
        "receiver": outgoing.to,
        "min_api_version": MIN_API_VERSION,
        "sender": _sender(settings),
        "tracking_data": tracking.written(attached),
        **content,
        **buttons,
    }


def welcome(settings: ViberSettings) -> bytes:
    """The answer to somebody who opens the chat; nothing where nothing is to be said."""
    if not settings.welcome:
        return b""
    said = {"min_api_version": MIN_API_VERSION, "sender": _sender(settings), "type": "text", "text": settings.welcome}
    return msgspec.json.encode(said)


def _sender(settings: ViberSettings) -> Json:
    avatar = {"avatar": settings.sender_avatar} if settings.sender_avatar else {}
    return {"name": settings.sender_name, **avatar}


def _picture(file: OutgoingFile, text: str) -> Json:
    return {"type": "picture", "text": text, "media": file.url}


def _video(file: OutgoingFile, _text: str) -> Json:
    return {"type": "video", "media": file.url, "size": file.size}


def _document(file: OutgoingFile, _text: str) -> Json:
    return {"type": "file", "media": file.url, "size": file.size, "file_name": _shortened(file.name)}


_FILES: Final[Mapping[str, Callable[[OutgoingFile, str], Json]]] = {"photo": _picture, "video": _video}


def _file(file: OutgoingFile, text: str, api_base: str) -> Json:
    """Viber fetches what it is to show, so it needs an address to fetch it from."""
    if not can_fetch(api_base, file.url):
        reason = (
            "Viber fetches files from the shop's public address, and the shop has none on the internet that begins with"
            " https: set SKRYNKA_PUBLIC_URL"
        )
        raise Refused(reason, code="no_public_url")
    if text and file.type != "photo":
        reason = "Viber shows a text only under pictures"
        raise Refused(reason, code="caption")
    return _FILES.get(file.type, _document)(file, text)


def _shortened(name: str) -> str:
    """A file's name within the limit, with its extension: that decides what a phone opens it with."""
    stem, dot, extension = name.rpartition(".")
    if len(name) <= FILE_NAME_LIMIT or not dot:
        return name[:FILE_NAME_LIMIT] or "file"
    return f"{stem[: FILE_NAME_LIMIT - len(extension) - 1]}.{extension}"[:FILE_NAME_LIMIT]


def _keyboard(buttons: tuple[tuple[str, str], ...]) -> Json:
    """A row a button. What is pressed is sent as if the customer had typed it, so it is the title and not the data."""
    return {
        "Type": "keyboard",
        "DefaultHeight": False,
        "Buttons": [
            {
                "Columns": 6,
                "Rows": 1,
                "ActionType": "reply",
                "ActionBody": title,
                "Text": html.escape(title, quote=False),  # Text may hold markup.
            }
            for title, _ in buttons
        ],
    }
