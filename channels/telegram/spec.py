"""What Telegram is and can do, and what it takes to connect a bot.

Limits are those of the Bot API (https://core.telegram.org/bots/api) in version 10.3, at the method named beside each.
"""

import re
import secrets
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from channels.addresses import provider_root
from inbox.model.capabilities import Capabilities, Flow, MediaLimit, Pace
from inbox.model.look import Look

NAME: Final = "telegram"
TITLE: Final = "Telegram"
LOOK: Final = Look(
    icon="M21 4 3 11l6 2.5L12 20zM21 4 9 13.5",
    colour="#2380bb",
    colour_dark="#3f9bd6",
)
SETUP: Final = (
    "In Telegram, open @BotFather and send /newbot. For a bot that you have already, send /mybots and choose it.",
    "Answer its questions: a name that customers see, and a user name that ends in “bot”.",
    "Copy the token that @BotFather gives you, and paste it here.",
)

MEBIBYTE: Final = 1 << 20
_UPLOAD: Final = 50 * MEBIBYTE

CAPABILITIES: Final = Capabilities(
    text=Flow.BOTH,
    media=Flow.BOTH,
    buttons=Flow.BOTH,
    quote=Flow.BOTH,
    edit=Flow.BOTH,
    delete=Flow.BOTH,  # What a customer deletes is only told of a business account's chats.
    reaction=Flow.RECEIVE,
    typing=Flow.SEND,
    text_limit=4096,  # sendMessage: 1-4096 characters after entities parsing
    text_unit="utf16",  # Entities count UTF-16 units; as a limit it is never longer than Telegram's own count.
    caption_limit=1024,  # sendPhoto: 0-1024 characters
    media_limits={
        "photo": MediaLimit(10 * MEBIBYTE, ("image/jpeg", "image/png", "image/webp")),  # sendPhoto
        "video": MediaLimit(_UPLOAD, ("video/mp4",)),  # sendVideo: other formats go as documents
        "audio": MediaLimit(_UPLOAD, ("audio/mpeg", "audio/mp4", "audio/x-m4a")),  # sendAudio: MP3 or M4A
        "voice": MediaLimit(_UPLOAD, ("audio/ogg", "audio/mpeg", "audio/mp4", "audio/x-m4a")),  # sendVoice
        "document": MediaLimit(_UPLOAD),  # sendDocument
    },
    receive_max_bytes=20 * MEBIBYTE,  # getFile
    album_limit=10,  # sendMediaGroup: 2-10
    button_limit=100,  # Not documented; a keyboard of more is refused as REPLY_MARKUP_TOO_LONG.
    delete_window=48 * 3600,  # deleteMessage
    channel_pace=Pace(per_second=25, burst=25),  # FAQ, "My bot is hitting limits": about 30 messages a second
    chat_pace=Pace(per_second=1, burst=3),  # the same page: about one message a second in a chat, short bursts allowed
    avatars=True,
)

ANSWER_SECONDS: Final = 15.0
"""How long Telegram may take to answer once it has the whole request; after that a message is *uncertain*."""

_TOKEN: Final = re.compile(r"[0-9]{1,20}:[A-Za-z0-9_-]{3,128}")
_SECRET: Final = re.compile(r"[A-Za-z0-9_-]{1,256}")


class TelegramSettings(BaseModel):
    """A bot. `api_base` is what stands before `/bot<token>`: no version, no trailing slash."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    token: SecretStr = Field(title="Token", description="From @BotFather; it looks like 123456789:AAF-0123abcd…")
    api_base: str = Field(
        default="https://api.telegram.org",
        title="Address of the Bot API",
        description="Only for a Bot API server of your own, or a proxy",
    )
    secret_token: SecretStr | None = Field(
        default=None,
        title="Webhook secret",
        description="What Telegram shows with every call, so that nobody else can pose as it; made up where left empty",
    )

    @field_validator("token")
    @classmethod
    def _token(cls, value: SecretStr) -> SecretStr:
        token = value.get_secret_value().strip()
        if not _TOKEN.fullmatch(token):
            message = "token: not a bot token; copy it whole from @BotFather, it looks like 123456789:AAF-0123abcd..."
            raise ValueError(message)
        return SecretStr(token)

    @field_validator("secret_token")
    @classmethod
    def _secret_token(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not _SECRET.fullmatch(value.get_secret_value()):
            message = "secret_token: use 1 to 256 of A-Z a-z 0-9 _ -, or leave it out and one is generated"
            raise ValueError(message)
        return value

    @field_validator("api_base")
    @classmethod
    def _api_base(cls, value: str) -> str:
        address = provider_root(value, "https://api.telegram.org")
        if re.search(r"/bot[0-9]", address.path):
            message = "api_base: give what stands before /bot<token>"
            raise ValueError(message)
        return value


def own(settings: BaseModel) -> TelegramSettings:
    """`settings` as Telegram's own; a programming error where another kind's settings come in."""
    if not isinstance(settings, TelegramSettings):
        message = f"{type(settings).__name__} does not belong to {NAME}"
        raise TypeError(message)
    return settings


def bot_id(settings: TelegramSettings) -> str:
    """The bot's own id: what stands before the colon of its token, and stays when @BotFather gives out a new one."""
    return settings.token.get_secret_value().partition(":")[0]


def with_secret(settings: TelegramSettings) -> tuple[TelegramSettings, dict[str, str]]:
    """The settings with a secret token, and that token when it was made up here: it is shown once."""
    if settings.secret_token is not None:
        return settings, {}
    secret = secrets.token_urlsafe(32)
    return settings.model_copy(update={"secret_token": SecretStr(secret)}), {"secret_token": secret}
