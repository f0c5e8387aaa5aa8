"""Our messages as Bot API methods (https://core.telegram.org/bots/api#available-methods). Pure: nothing is sent here.

Text goes as it is, without a parse mode: what a manager types is never Markdown by accident.
"""

import re
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any, Final

from aiogram import Bot
from aiogram.methods import (
    DeleteBusinessMessages,
    DeleteMessage,
    SendAudio,
    SendDocument,
    SendMediaGroup,
    SendMessage,
    SendPhoto,
    SendVideo,
    SendVoice,
)
from aiogram.types import (
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputFile,
    InputMediaAudio,
    InputMediaDocument,
    InputMediaPhoto,
    InputMediaVideo,
    Message,
    ReplyParameters,
)

from inbox.model.channel import Outgoing, OutgoingFile, Sent
from inbox.model.failures import Refused, Unreachable

_CONNECTION: Final = "[A-Za-z0-9_-]{1,128}"
_CHAT: Final = rf"-?[0-9]+(?:@{_CONNECTION})?"

Send = SendMessage | SendPhoto | SendVideo | SendAudio | SendVoice | SendDocument | SendMediaGroup


class Upload(InputFile):
    """A file streamed from where it lies. `broken` tells a failure of ours from one of the connection's."""

    def __init__(self, file: OutgoingFile) -> None:
        # The name stands between quotes in a multipart header.
        super().__init__(filename=re.sub(r'[\x00-\x1f\x7f"\\]', "_", file.name) or "file")
        self._file = file
        self.broken = False

    async def read(self, bot: Bot) -> AsyncGenerator[bytes, None]:  # noqa: ARG002  aiogram's signature
        try:
            async for chunk in self._file.open():
                yield chunk
        except Exception:
            self.broken = True
            raise


def chat(to: str) -> dict[str, Any]:
    """The parameters that say which chat stands behind an identity's external id: `chat`, or `chat@connection`."""
    found = re.fullmatch(rf"(-?[0-9]{{1,19}})(?:@({_CONNECTION}))?", to)
    if not found:
        message = f"{to!r} is no Telegram chat"
        raise Unreachable(message, code="chat_id")
    return {"chat_id": int(found[1])} | ({"business_connection_id": found[2]} if found[2] else {})


def message_id(external_id: str) -> int:
    """The number within its chat of the message that we call `chat:number`."""
    found = re.fullmatch(rf"{_CHAT}:([0-9]{{1,19}})", external_id)
    if not found:
        message = f"{external_id!r} is no Telegram message"
        raise Refused(message, code="message_id")
    return int(found[1])


def sent(to: str, messages: Message | list[Message]) -> Sent:
    """The external ids of what Telegram made of our request to `to`."""
    made = messages if isinstance(messages, list) else [messages]
    return Sent(tuple(f"{to}:{message.message_id}" for message in made))


def deletion(to: str, external_id: str) -> DeleteMessage | DeleteBusinessMessages:
    """The method that takes a message back."""
    number, where = message_id(external_id), chat(to)
    if connection := where.get("business_connection_id"):
        return DeleteBusinessMessages(business_connection_id=connection, message_ids=[number])
    return DeleteMessage(chat_id=where["chat_id"], message_id=number)


def send(message: Outgoing) -> tuple[Send, tuple[Upload, ...]]:
    """The method that sends `message`, and its files, whose `broken` is worth a look when it fails."""
    uploads = tuple(Upload(file) for file in message.files)
    common: dict[str, Any] = {**chat(message.to), "reply_parameters": _reply(message.reply_to)}
    if len(uploads) > 1:
        return SendMediaGroup(**common, media=_album(message, uploads)), uploads
    common["reply_markup"] = _keyboard(message.buttons)
    if not uploads:
        return SendMessage(**common, text=message.text), uploads
    method: Callable[..., Send] = _SINGLE.get(message.files[0].type, _document)
    return method(uploads[0], **common, caption=message.text or None), uploads


def _document(upload: Upload, **common: Any) -> Send:
    # Otherwise Telegram may turn a document that it takes for a video into one.
    return SendDocument(document=upload, disable_content_type_detection=True, **common)


_SINGLE: Final[Mapping[str, Callable[..., Send]]] = {
    "photo": lambda upload, **common: SendPhoto(photo=upload, **common),
    "video": lambda upload, **common: SendVideo(video=upload, **common),
    "audio": lambda upload, **common: SendAudio(audio=upload, **common),
    "voice": lambda upload, **common: SendVoice(voice=upload, **common),
}

_GROUPED: Final[Mapping[str, Any]] = {
    "photo": InputMediaPhoto,
    "video": InputMediaVideo,
    "audio": InputMediaAudio,
    "document": InputMediaDocument,
}


def _album(message: Outgoing, uploads: tuple[Upload, ...]) -> list[Any]:
    """Photos and videos mix; documents and audio only go among themselves; the first caption is the album's."""
    kinds = {"visual" if file.type in {"photo", "video"} else file.type for file in message.files}
    if len(kinds) > 1 or not kinds <= {"visual", "audio", "document"}:
        reason = "Telegram puts only photos and videos, or only documents, or only audio into one album"
        raise Refused(reason, code="album")
    if message.buttons:
        reason = "Telegram shows no buttons under an album"
        raise Refused(reason, code="album")
    captions = [message.text or None, *[None] * (len(uploads) - 1)]
    return [
        _GROUPED[file.type](media=upload, caption=caption)
        for file, upload, caption in zip(message.files, uploads, captions, strict=True)
    ]


def _reply(external_id: str) -> ReplyParameters | None:
    """A pressed button has an id of its own and no message to quote."""
    if not re.fullmatch(rf"{_CHAT}:[0-9]+", external_id):
        return None
    return ReplyParameters(message_id=message_id(external_id), allow_sending_without_reply=True)


def _keyboard(buttons: tuple[tuple[str, str], ...]) -> InlineKeyboardMarkup | None:
    if not buttons:
        return None
    return InlineKeyboardMarkup(
        inline_keyboard=[[InlineKeyboardButton(text=title, callback_data=data)] for title, data in buttons]
    )
