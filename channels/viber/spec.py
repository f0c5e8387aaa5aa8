"""What Viber is and can do, and what it takes to connect a bot.

Limits are those of the REST Bot API (https://developers.viber.com/docs/api/rest-bot-api/) in version 7.3, at the
section named beside each; FAQ is https://developers.viber.com/docs/faq/.
"""

import re
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from channels.addresses import provider_root, web_address
from inbox.model.capabilities import Capabilities, Flow, MediaLimit, Pace
from inbox.model.look import Look

NAME: Final = "viber"
TITLE: Final = "Viber"
LOOK: Final = Look(
    icon="M7 3 4 5c-1 7 8 16 15 15l2-3-5-4-2 2c-2-1-4-3-5-5l2-2z",
    colour="#6d5ae0",
    colour_dark="#8b7cf5",
)
SETUP: Final = (
    "A bot comes from Rakuten Viber or one of its partners, on commercial terms: apply for one there.",
    "In Viber on the phone of the bot's admin, open More, Settings, Bots, then the bot, then Edit info.",
    "Copy “Your app key”, and paste it here. Viber calls this server at once, so it has to be reachable by then.",
)

MEGABYTE: Final = 10**6

CAPABILITIES: Final = Capabilities(
    text=Flow.BOTH,
    media=Flow.BOTH,
    buttons=Flow.BOTH,
    quote=Flow.NONE,  # Neither events nor send_message know an answered message.
    edit=Flow.NONE,
    delete=Flow.NONE,
    reaction=Flow.NONE,
    typing=Flow.NONE,
    text_limit=7000,  # Text message: max length 7,000 characters
    text_unit="utf16",  # The unit is not documented; counted so, a text is never longer than by any other reading.
    caption_limit=512,  # https://www.infobip.com/docs/viber/bots/message-types: image caption 512 characters
    captioned=("photo",),  # Only the picture message has a text.
    media_limits={
        "photo": MediaLimit(MEGABYTE, ("image/jpeg", "image/png")),  # Picture message: 1 MB on iOS, no animated GIF
        "video": MediaLimit(26 * MEGABYTE, ("video/mp4",)),  # Video message: 26 MB, MP4 with H.264
        "document": MediaLimit(50 * MEGABYTE),  # File message: 50 MB
    },
    receive_max_bytes=50 * MEGABYTE,  # Not documented for what customers send; the same as what they may be sent.
    delivered_receipts=True,  # Message receipts callbacks
    read_receipts=True,
    unanswered_limit=100,  # FAQ: 100 messages to a user in an hour, begun anew by each answer; then status 12
    button_limit=12,  # FAQ: up to 12 rows in portrait mode; each button has a row
    button_title_limit=250,  # Keyboards, Text: max 250 characters, cropped on narrow phones
    channel_pace=Pace(per_second=40, burst=40),  # Broadcast message: 500 requests in 10 s; send_message has no number
    chat_pace=Pace(per_second=1, burst=3),  # Not documented.
    avatars=True,
)

ANSWER_SECONDS: Final = 15.0
"""How long Viber may take to answer once it has the whole request; after that a message is *uncertain*."""

NAME_LIMIT: Final = 28
"""General send message parameters, sender.name: max 28 characters."""

_TOKEN: Final = re.compile(r"[!-~]{8,128}")


class ViberSettings(BaseModel):
    """A bot. `api_base` is what stands before `/pa/`: no trailing slash. An empty `welcome` says nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    token: SecretStr = Field(title="App key", description="In Viber: More, Settings, Bots, Edit info, Your app key")
    sender_name: str = Field(
        title="Name that customers see", description=f"Stands above each message; at most {NAME_LIMIT} characters"
    )
    sender_avatar: str = Field(
        default="",
        title="Address of a picture",
        description="Stands beside each message; up to 100 KB, best 720 by 720",
    )
    welcome: str = Field(
        default="",
        title="Welcome",
        description="Said once to whoever opens the chat and has not written yet; left empty, nothing is said",
        json_schema_extra={"prominent": True},
    )
    api_base: str = Field(
        default="https://chatapi.viber.com", title="Address of the API", description="Only for a proxy"
    )

    @field_validator("token")
    @classmethod
    def _token(cls, value: SecretStr) -> SecretStr:
        token = value.get_secret_value().strip()
        if not _TOKEN.fullmatch(token):
            message = "token: not a bot's token; in Viber it stands under More, Settings, Bots, Edit info, Your app key"
            raise ValueError(message)
        return SecretStr(token)

    @field_validator("sender_name")
    @classmethod
    def _sender_name(cls, value: str) -> str:
        name = value.strip()
        if not 1 <= len(name) <= NAME_LIMIT or not name.isprintable():
            message = f"sender_name: give the name that customers see, at most {NAME_LIMIT} characters on one line"
            raise ValueError(message)
        return name

    @field_validator("sender_avatar")
    @classmethod
    def _sender_avatar(cls, value: str) -> str:
        if value:
            web_address("sender_avatar", value, "https://shop.example/logo.png")
        return value

    @field_validator("api_base")
    @classmethod
    def _api_base(cls, value: str) -> str:
        address = provider_root(value, "https://chatapi.viber.com")
        if address.path.endswith("/pa"):
            message = "api_base: give what stands before /pa/"
            raise ValueError(message)
        return value

    @field_validator("welcome")
    @classmethod
    def _welcome(cls, value: str) -> str:
        text = value.strip()
        if len(text.encode("utf-16-le")) // 2 > CAPABILITIES.text_limit:
            message = f"welcome: at most {CAPABILITIES.text_limit} characters"
            raise ValueError(message)
        return text


def own(settings: BaseModel) -> ViberSettings:
    """`settings` as Viber's own; a programming error where another kind's settings come in."""
    if not isinstance(settings, ViberSettings):
        message = f"{type(settings).__name__} does not belong to {NAME}"
        raise TypeError(message)
    return settings
