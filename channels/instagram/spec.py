"""What Instagram is and can do, and what it takes to connect a professional account.

Limits are those of the Instagram API with Instagram Login (https://developers.facebook.com/docs/instagram-platform), at
the page named beside each. What no page of Meta's confirms stands behind a setting.
"""

import re
import secrets
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from channels.addresses import provider_root
from inbox.model.capabilities import Capabilities, Flow, MediaLimit, Pace
from inbox.model.look import Look

NAME: Final = "instagram"
TITLE: Final = "Instagram"
LOOK: Final = Look(
    icon="M8 3h8a5 5 0 0 1 5 5v8a5 5 0 0 1-5 5H8a5 5 0 0 1-5-5V8a5 5 0 0 1 5-5zM8 12a4 4 0 1 0 8 0 4 4 0 1 0-8 0z",
    colour="#c7397c",
    colour_dark="#e0689f",
)

SETUP: Final = (
    "In Instagram, switch the shop's account to a professional one, if it is not.",
    "Allow access to messages: Settings, Messages and story replies, Message controls, Connected tools.",
    "At developers.facebook.com create an app, one for each account, to manage messaging and content on Instagram.",
    "In the app open API setup with Instagram login and copy the Instagram app secret.",
    "Open App settings, Basic, and copy the app secret that stands there.",
    "Back in API setup, under Generate access tokens, add the account; copy its number, generate its token, copy that.",
)
WEBHOOK_STEPS: Final = (
    "In the app, under API setup with Instagram login, open Configure webhooks. Paste the address as Callback URL.",
    "Paste the verify token below it, and press Verify and save. Meta asks here at once whether it is right.",
    "Subscribe to messages, message_edit, message_reactions, messaging_seen, messaging_postbacks, messaging_referral.",
    "For comments under posts subscribe to comments as well.",
    "Switch the app from Development to Live. Until Meta's review is through, only people with a role in it can write.",
)

HOUR: Final = 3600
DAY: Final = 24 * HOUR
MEGABYTE: Final = 10**6
_LARGE: Final = 25 * MEGABYTE
_SOUNDS: Final = ("audio/aac", "audio/mp4", "audio/x-m4a", "audio/wav", "audio/x-wav")

CAPABILITIES: Final = Capabilities(
    text=Flow.BOTH,
    media=Flow.BOTH,
    buttons=Flow.BOTH,
    quote=Flow.RECEIVE,
    edit=Flow.RECEIVE,
    delete=Flow.RECEIVE,
    reaction=Flow.RECEIVE,
    typing=Flow.SEND,
    text_limit=1000,  # Send messages: 1000 bytes in UTF-8, about 500 Cyrillic letters
    text_unit="utf8",
    caption_limit=0,  # Send messages: a text and an attachment are two requests
    media_limits={  # Send messages, table of media types
        "photo": MediaLimit(8 * MEGABYTE, ("image/png", "image/jpeg")),
        "video": MediaLimit(
            _LARGE, ("video/mp4", "video/ogg", "video/x-msvideo", "video/avi", "video/quicktime", "video/webm")
        ),
        "audio": MediaLimit(_LARGE, _SOUNDS),
        "voice": MediaLimit(_LARGE, _SOUNDS),
        "document": MediaLimit(_LARGE, ("application/pdf",)),
    },
    receive_max_bytes=50 * MEGABYTE,  # Nothing is documented; as much as the inbox takes from anybody.
    captioned=(),
    read_receipts=True,
    reply_window=24 * HOUR,  # Messaging window
    person_window=7 * DAY,  # Human agent: replies of people only
    button_limit=13,  # Quick replies
    button_title_limit=20,  # Quick replies: longer ones are cut off
    channel_pace=Pace(per_second=10, burst=20),  # Rate limits: 100 texts a second, 10 of audio or video
    chat_pace=Pace(per_second=2, burst=5),  # Nothing is documented; no person writes faster.
    avatars=True,
)

PAYLOAD_LIMIT: Final = 1000
"""Quick replies: how long the data behind a button may be, in characters."""

ANSWER_SECONDS: Final = 15.0
"""How long Instagram may take to answer once it has the whole request; after that a message is *uncertain*."""

RENEW_AHEAD: Final = 20 * DAY
"""How long before its end a token is renewed. Tokens live 60 days and can be renewed only while they live."""

RENEW_URGENT: Final = 7 * DAY
"""From when on a token that cannot be renewed is a trouble to be told; before, it is simply tried again."""

_ID: Final = re.compile(r"[0-9]{1,32}")
_VISIBLE: Final = re.compile(r"[\x21-\x7e]{1,2048}")
"""What a secret is made of: ASCII without spaces."""


class InstagramSettings(BaseModel):
    """A professional account. `api_base` is Instagram's root: no version, no trailing slash."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    account_id: str = Field(
        title="Account id", description="The long number beside the account's name where Meta generates its token"
    )
    """The `user_id` that `/me` tells, which is also the `id` of every webhook entry."""
    access_token: SecretStr = Field(
        title="Access token", description="Lives 60 days, and is renewed ahead of its end without anybody's help"
    )
    app_secret: SecretStr = Field(
        title="Instagram app secret", description="Above the tokens, under API setup with Instagram login"
    )
    meta_app_secret: SecretStr | None = Field(
        default=None,
        title="Meta app secret",
        description="Under App settings, Basic. Either of the two secrets may sign what Meta sends",
        json_schema_extra={"prominent": True},
    )
    verify_token: SecretStr | None = Field(
        default=None,
        title="Verify token",
        description="What Meta shows when it checks the webhook's address; made up where left empty",
    )
    api_base: str = Field(
        default="https://graph.instagram.com", title="Address of the Instagram API", description="Only for a proxy"
    )
    api_version: str = Field(
        default="v25.0", title="Version of the Instagram API", description="Meta keeps each for about two years"
    )
    human_agent: bool = Field(
        default=True,
        title="Human Agent granted",
        description="Meta's review lets managers answer for a week after a customer's last message, instead of a day",
    )
    token_expires_at: int | None = Field(
        default=None,
        title="End of the access token",
        description="In Unix seconds; written when it is renewed",
        json_schema_extra={"kept": True},
    )

    @field_validator("account_id")
    @classmethod
    def _account_id(cls, value: str) -> str:
        if not _ID.fullmatch(value.strip()):
            raise ValueError("account_id: digits only, as Meta's dashboard shows them beside the account's name")
        return value.strip()

    @field_validator("access_token")
    @classmethod
    def _access_token(cls, value: SecretStr) -> SecretStr:
        return _copied(value, "access_token: copy the whole token from Meta's dashboard")

    @field_validator("app_secret")
    @classmethod
    def _app_secret(cls, value: SecretStr) -> SecretStr:
        return _copied(value, "app_secret: copy the Instagram app secret from Meta's dashboard")

    @field_validator("meta_app_secret")
    @classmethod
    def _meta_app_secret(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return None
        return _copied(value, "meta_app_secret: copy the app secret under App settings, Basic")

    @field_validator("verify_token")
    @classmethod
    def _verify_token(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return None
        return _copied(value, "verify_token: use Latin letters and digits, or leave it out and one is generated")

    @field_validator("api_version")
    @classmethod
    def _api_version(cls, value: str) -> str:
        if not re.fullmatch(r"v[0-9]{1,3}\.[0-9]{1,2}", value):
            raise ValueError("api_version: such as v25.0")
        return value

    @field_validator("api_base")
    @classmethod
    def _api_base(cls, value: str) -> str:
        if re.search(r"/v[0-9.]+$", provider_root(value, "https://graph.instagram.com").path):
            raise ValueError("api_base: give what stands before the version")
        return value


def own(settings: BaseModel) -> InstagramSettings:
    """`settings` as Instagram's own; a programming error where another kind's settings come in."""
    if not isinstance(settings, InstagramSettings):
        raise TypeError(f"{type(settings).__name__} does not belong to {NAME}")
    return settings


def prepared(settings: InstagramSettings) -> tuple[InstagramSettings, dict[str, str]]:
    """Settings as an admin gave them, with a verify token; second: that token when it was made up: it is shown once.

    The end that an earlier access token had says nothing of this one: renewing it will tell.
    """
    given = settings.model_copy(update={"token_expires_at": None})
    if given.verify_token is not None:
        return given, {}
    token = secrets.token_urlsafe(24)
    return given.model_copy(update={"verify_token": SecretStr(token)}), {"verify_token": token}


def _copied(value: SecretStr, message: str) -> SecretStr:
    """`value` without what a copied line brings along. Raises `ValueError` with `message` where it does not fit."""
    secret = value.get_secret_value().strip()
    if not _VISIBLE.fullmatch(secret):
        raise ValueError(message)
    return SecretStr(secret)
