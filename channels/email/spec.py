"""What mail is and can do, and what it takes to connect a mailbox.

Nothing in SMTP limits a letter's text; sizes are those of the large mail services, named beside each.
"""

import re
import secrets
from collections.abc import Mapping
from typing import Final, Literal, Self
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from inbox.model.capabilities import Capabilities, Flow, MediaLimit, Pace
from inbox.model.look import Look

NAME: Final = "email"
TITLE: Final = "Email"
LOOK: Final = Look(
    icon="M3 5h18v14H3zM3 7l9 7 9-7",
    colour="#5c6672",
    colour_dark="#7d8893",
)

MEBIBYTE: Final = 1 << 20

MAIL_MAX_BYTES: Final = 25 * MEBIBYTE
"""A whole letter as it is sent, files in base64: what Gmail takes; most others take as much or more."""

_FILE = MediaLimit(18 * MEBIBYTE)  # base64 makes four bytes of three, and the text needs some room

CAPABILITIES: Final = Capabilities(
    text=Flow.BOTH,
    media=Flow.BOTH,
    buttons=Flow.NONE,
    quote=Flow.BOTH,
    edit=Flow.NONE,
    delete=Flow.NONE,
    reaction=Flow.NONE,
    typing=Flow.NONE,
    text_limit=100_000,
    text_unit="characters",
    caption_limit=100_000,
    media_limits={"photo": _FILE, "video": _FILE, "audio": _FILE, "voice": _FILE, "document": _FILE},
    receive_max_bytes=50 * MEBIBYTE,
    album_limit=20,
    album_any=True,
    channel_pace=Pace(per_second=2, burst=10),  # Gmail and Microsoft 365 count in thousands a day and tens a minute.
    chat_pace=Pace(per_second=1, burst=3),
    subjects=True,
    forgeable=True,
    starts_conversations=True,
)

MAX_WEBHOOK_BYTES: Final = 48 * MEBIBYTE
"""The largest call: SendGrid posts letters of up to 30 MB, Postmark up to 35 MB and files in base64."""

ANSWER_SECONDS: Final = 15.0
"""How long a server may take to answer once it has a whole letter; after that it is *uncertain*."""

Provider = Literal["postmark", "mailgun", "sendgrid"]

SETUP: Final = (
    "At your mail service, make a password for apps where it has such (Gmail, iCloud, Yahoo), or allow SMTP and IMAP.",
    "Look up the names and ports of its servers for sending (SMTP) and receiving (IMAP).",
    "Where you own the domain, set SPF, DKIM and DMARC as your mail service says, or letters end as spam.",
)

WEBHOOK_STEPS: Final[Mapping[Provider, tuple[str, ...]]] = {
    "postmark": (
        "In Postmark, open your server, its inbound stream, Settings, and paste the address as the webhook.",
        "Write postmark:password@ with the password of the posts between https:// and the rest of it.",
        "Tick 'Include raw email content', then forward the mailbox's letters to the stream's inbound address.",
    ),
    "mailgun": (
        "In Mailgun, open Receiving, Create route, and match the mailbox's address.",
        "As the action, choose Forward and paste the address; both of Mailgun's forms are understood.",
    ),
    "sendgrid": (
        "In SendGrid, open Settings, Inbound Parse, Add host, and choose the domain whose MX record you gave them.",
        "Paste the address as the destination, with sendgrid:password@ between https:// and the rest.",
        "Tick 'POST the raw, full MIME message'.",
    ),
}

ADDRESS: Final = re.compile(r"[^@\s<>()\[\]:;,\\\"\x00-\x1f]{1,64}@[^@\s<>()\[\]:;,\\\"\x00-\x1f]{1,253}")
_SECRET: Final = re.compile(r"[\x21-\x7e]{8,256}")
_SIGNING_KEY: Final = re.compile(r"[A-Za-z0-9_-]{32,128}")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_DEFAULT_PORTS: Final[Mapping[str, int]] = {"smtp": 587, "smtps": 465, "imap": 143, "imaps": 993}
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class Server(msgspec.Struct, frozen=True):
    """A mail server as an address names it. `tls` from the first byte on; otherwise `starttls` says when it begins."""

    host: str
    port: int
    user: str
    password: str
    tls: bool
    starttls: Literal["required", "offered", "never"]

    def __repr__(self) -> str:
        return f"Server({self.host}:{self.port})"


class EmailSettings(BaseModel):
    """A mailbox: where its letters leave, and how they come in (IMAP, a provider's webhook, or both).

    Servers are `smtp://` or `imap://` (TLS by STARTTLS) and `smtps://` or `imaps://`; `?sent=Folder` names the folder
    of sent letters, `?starttls=never` allows a password in clear. `plus_addressing` left out: as with a provider.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    address: str = Field(title="Mailbox", description="The address that customers write to")
    from_name: str = Field(
        default="",
        title="Name that customers see",
        description="Stands before the address in letters",
        json_schema_extra={"prominent": True},
    )
    smtp_url: SecretStr = Field(
        title="Server for sending",
        description="smtps://user:password@host:465 or smtp://user:password@host:587; write an @ in the user as %40",
    )
    imap_url: SecretStr | None = Field(
        default=None,
        title="Server for receiving",
        description="imaps://user:password@host:993; leave it empty where a provider posts the letters",
        json_schema_extra={"prominent": True},
    )
    inbound: Provider | None = Field(
        default=None,
        title="Provider that posts the letters",
        description="Postmark, Mailgun or SendGrid, instead of a server for receiving",
        json_schema_extra={"prominent": True},
    )
    inbound_secret: SecretStr | None = Field(
        default=None,
        title="Password of the posts",
        description="Mailgun: the HTTP webhook signing key; the others: left empty, one is made up",
    )
    plus_addressing: Literal["yes", "no"] | None = Field(
        default=None,
        title="Plus addresses arrive",
        description="Whether letters to name+anything@domain come in; left open: yes where a provider posts them",
    )
    signing_key: SecretStr | None = Field(
        default=None, title="Key of our letters", description="Made up; a new one forgets which letters were ours"
    )

    @field_validator("address")
    @classmethod
    def _address(cls, value: str) -> str:
        value = value.strip()
        if not ADDRESS.fullmatch(value):
            raise ValueError("address: give the mailbox's address, such as support@shop.example")
        return value

    @field_validator("from_name")
    @classmethod
    def _from_name(cls, value: str) -> str:
        if _CONTROL.search(value) or len(value) > 100:  # noqa: PLR2004 - the words name it
            raise ValueError("from_name: one line of at most 100 characters")
        return value.strip()

    @field_validator("smtp_url")
    @classmethod
    def _smtp_url(cls, value: SecretStr) -> SecretStr:
        if _server(value, {"smtp", "smtps"}) is None:
            raise ValueError("smtp_url: write smtp://user:password@host:587 or smtps://user:password@host:465")
        return value

    @field_validator("imap_url")
    @classmethod
    def _imap_url(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return None
        found = _server(value, {"imap", "imaps"})
        if found is None or not found.user:
            raise ValueError("imap_url: write imaps://user:password@host:993, with %40 for an @ in the user")
        return value

    @field_validator("inbound_secret")
    @classmethod
    def _inbound_secret(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not _SECRET.fullmatch(value.get_secret_value()):
            raise ValueError("inbound_secret: 8 to 256 visible ASCII characters")
        return value

    @field_validator("signing_key")
    @classmethod
    def _signing_key(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not _SIGNING_KEY.fullmatch(value.get_secret_value()):
            raise ValueError("signing_key: leave it out and one is generated")
        return value

    @model_validator(mode="after")
    def _inbound_is_proven(self) -> Self:
        if self.inbound == "mailgun" and self.inbound_secret is None:
            raise ValueError("inbound_secret: give Mailgun's HTTP webhook signing key")
        return self

    @property
    def smtp(self) -> Server:
        found = _server(self.smtp_url, {"smtp", "smtps"})
        assert found is not None  # noqa: S101 - the validator saw it
        return found

    @property
    def imap(self) -> Server | None:
        return _server(self.imap_url, {"imap", "imaps"}) if self.imap_url is not None else None

    @property
    def sent_folder(self) -> str:
        """The folder of sent letters where the admin names it; empty where it is to be found."""
        query = urlsplit(self.imap_url.get_secret_value()).query if self.imap_url is not None else ""
        return parse_qs(query).get("sent", [""])[0]

    @property
    def takes_plus_addresses(self) -> bool:
        return self.inbound is not None if self.plus_addressing is None else self.plus_addressing == "yes"


def own(settings: BaseModel) -> EmailSettings:
    """`settings` as mail's own; a programming error where another kind's settings come in."""
    if not isinstance(settings, EmailSettings):
        message = f"{type(settings).__name__} does not belong to {NAME}"
        raise TypeError(message)
    return settings


def prepared(settings: EmailSettings) -> tuple[EmailSettings, dict[str, str]]:
    """The settings with what could be left out; second: the webhook's password, where it was made up here."""
    changes: dict[str, SecretStr] = {}
    shown: dict[str, str] = {}
    if settings.signing_key is None:
        changes["signing_key"] = SecretStr(secrets.token_urlsafe(32))
    if settings.inbound is not None and settings.inbound_secret is None:
        shown["inbound_secret"] = secrets.token_urlsafe(24)
        changes["inbound_secret"] = SecretStr(shown["inbound_secret"])
    return settings.model_copy(update=changes) if changes else settings, shown


def _server(url: SecretStr, schemes: set[str]) -> Server | None:
    """The server that an address names, or None where it names none."""
    try:
        parts = urlsplit(url.get_secret_value().strip())
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme, 0)
    except ValueError:  # a broken IPv6 bracket or port
        return None
    if parts.scheme not in schemes or not parts.hostname or re.search(r"\s", url.get_secret_value()):
        return None
    local = parts.hostname in _LOOPBACK
    starttls: Literal["required", "offered"] = "offered" if local else "required"
    chosen = parse_qs(parts.query).get("starttls", [""])[0]
    return Server(
        host=parts.hostname,
        port=port,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        tls=parts.scheme.endswith("s"),
        starttls="never" if chosen == "never" else starttls,
    )
