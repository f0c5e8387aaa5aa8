"""What the person who runs the server may set: environment variables that begin with SKRYNKA_, and nothing else.

A bad value is refused in one line that names the variable and the remedy. Secrets are never repeated in it.
"""

from __future__ import annotations

import os
import re
import secrets
from contextlib import suppress
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Annotated, Any, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

PREFIX = "SKRYNKA_"
SECRET_KEY_LENGTH = 16
SECRET_KEY_HINT = "generate one with `openssl rand -hex 32` and give the same to every process"  # noqa: S105 - advice
SECRET_KEY_FILE = "secret.key"  # noqa: S105 - the name of a file
DATABASE_NAME = re.compile(r"[A-Za-z0-9_-]{1,38}")
BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
EMAIL = re.compile(r"[^@\s]+@[^@\s]+")


class SettingsError(Exception):
    """The settings cannot be used; the message is one line that names the variable and what to do."""

    exit_code = 2


class LogLevel(StrEnum):
    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"
    CRITICAL = "CRITICAL"


def default_data_dir() -> Path:
    """Where the desktop's conventions put a user's data, so that the server finds it from any working directory."""
    base = os.environ.get("XDG_DATA_HOME", "")
    return (Path(base) if base.startswith("/") else Path("~/.local/share").expanduser()) / "skrynka"


class Settings(BaseSettings):
    """Everything the environment says, checked and typed."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,  # `SKRYNKA_REDIS_URL=` in a compose file means "not set".
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
    )

    data_dir: Path = Field(default_factory=default_data_dir)
    mongodb_url: str | None = None
    mongodb_database: str = "skrynka"
    redis_url: str | None = None
    s3_url: str | None = None
    s3_bucket: str | None = None
    s3_region: str = "us-east-1"
    s3_access_key: SecretStr | None = None
    s3_secret_key: SecretStr | None = None
    secret_key: SecretStr | None = None
    public_url: str | None = None
    file_link_days: Annotated[int, Field(ge=1, le=365)] = 7
    trusted_proxies: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = ()
    private_webhooks: bool = False
    classifier_secret: SecretStr | None = None
    admin_email: str | None = None
    admin_password: SecretStr | None = None
    log_level: LogLevel = LogLevel.INFO

    @field_validator("data_dir")
    @classmethod
    def _absolute_data_dir(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @field_validator("mongodb_url")
    @classmethod
    def _mongodb_scheme(cls, value: str | None) -> str | None:
        return _url_of(value, ("mongodb", "mongodb+srv"), "mongodb://host:27017/?replicaSet=NAME")

    @field_validator("mongodb_database")
    @classmethod
    def _mongodb_name(cls, value: str) -> str:
        if not DATABASE_NAME.fullmatch(value):
            raise _refused("use 1 to 38 letters, digits, hyphens and underscores")
        return value

    @field_validator("redis_url")
    @classmethod
    def _redis_scheme(cls, value: str | None) -> str | None:
        return _url_of(value, ("redis", "rediss", "unix"), "redis://host:6379/0")

    @field_validator("s3_url")
    @classmethod
    def _s3_scheme(cls, value: str | None) -> str | None:
        return _url_of(value and value.rstrip("/"), ("http", "https"), "https://s3.eu-central-1.amazonaws.com")

    @field_validator("s3_bucket")
    @classmethod
    def _s3_name(cls, value: str | None) -> str | None:
        if value is not None and not BUCKET_NAME.fullmatch(value):
            raise _refused("use a bucket's name: 3 to 63 small letters, digits, dots and hyphens")
        return value

    @field_validator("secret_key")
    @classmethod
    def _long_secret_key(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < SECRET_KEY_LENGTH:
            raise _refused(f"shorter than {SECRET_KEY_LENGTH} characters: {SECRET_KEY_HINT}")
        return value

    @field_validator("public_url")
    @classmethod
    def _origin(cls, value: str | None) -> str | None:
        """An origin: pages, cookies and webhooks are laid out from the root of a host."""
        example = "https://chat.example.com"
        if value is None:
            return None
        parts = _parts_of(_url_of(value.rstrip("/"), ("http", "https"), example) or "", example)
        if parts.path or parts.query or parts.fragment or parts.username is not None or not parts.hostname:
            raise _refused(f"use scheme and host alone, like {example}")
        return value.rstrip("/")

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _networks(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return tuple(_network(part) for part in value.split(",") if part.strip())

    @field_validator("admin_email")
    @classmethod
    def _email(cls, value: str | None) -> str | None:
        if value is not None and not EMAIL.fullmatch(value):
            raise _refused("use an e-mail address, like owner@example.com")
        return value

    @field_validator("log_level", mode="before")
    @classmethod
    def _level(cls, value: object) -> object:
        if isinstance(value, str) and value.upper() in LogLevel.__members__:
            return value.upper()
        raise _refused("use one of " + ", ".join(LogLevel))

    @model_validator(mode="after")
    def _belong_together(self) -> Self:
        if self.mongodb_url is not None and self.secret_key is None:
            raise _refused(f"required once {PREFIX}MONGODB_URL is set: {SECRET_KEY_HINT}", name="secret_key")
        if self.s3_bucket is not None and self.s3_url is None:
            raise _refused(f"required together with {PREFIX}S3_BUCKET", name="s3_url")
        for name in ("s3_access_key", "s3_secret_key"):
            if self.s3_url is not None and getattr(self, name) is None:
                raise _refused(f"required together with {PREFIX}S3_URL", name=name)
        if self.admin_email is not None and self.admin_password is None:
            raise _refused(f"required together with {PREFIX}ADMIN_EMAIL", name="admin_password")
        if self.admin_password is not None and self.admin_email is None:
            raise _refused(f"required together with {PREFIX}ADMIN_PASSWORD", name="admin_email")
        return self


def load_settings() -> Settings:
    """The settings of this process, or SettingsError."""
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsError("; ".join(_in_words(problem) for problem in error.errors(include_url=False))) from None


def resolve_secret_key(settings: Settings) -> str:
    """The key that encrypts channel secrets: the one that was set, else the one kept in the data directory.

    It is generated on first use. Lose it and every connected channel has to be connected anew.
    """
    if settings.secret_key is not None:
        return settings.secret_key.get_secret_value()
    file = settings.data_dir / SECRET_KEY_FILE
    try:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not file.exists():
            _keep(secrets.token_hex(32), file)
        key = file.read_text().strip()
    except OSError as error:
        raise SettingsError(f"{PREFIX}DATA_DIR: {error.filename or file}: {error.strerror}") from error
    if len(key) < SECRET_KEY_LENGTH:
        raise SettingsError(f"{PREFIX}SECRET_KEY: {file} holds no key: restore it from a backup, or set the variable")
    return key


def _keep(key: str, file: Path) -> None:
    """Put the key there whole and for us alone; of two processes that do it at once, the first one wins."""
    with NamedTemporaryFile("w", dir=file.parent, prefix=f"{file.name}.") as draft:  # Made with mode 0600.
        draft.write(f"{key}\n")
        draft.flush()
        os.fsync(draft.fileno())
        with suppress(FileExistsError):
            file.hardlink_to(draft.name)


def _refused(remedy: str, *, name: str | None = None) -> PydanticCustomError:
    return PydanticCustomError("refused", "{remedy}", {"remedy": remedy, "name": name})


def _url_of(value: str | None, schemes: tuple[str, ...], example: str) -> str | None:
    if value is not None and _parts_of(value, example).scheme not in schemes:
        raise _refused(f"use an address like {example}")
    return value


def _parts_of(value: str, example: str) -> SplitResult:
    try:
        parts = urlsplit(value)
        _ = parts.port  # Looked at only when asked for.
    except ValueError:
        if value.startswith("mongodb://"):  # Several hosts, each with a port, are for the driver to read.
            return SplitResult("mongodb", "", "", "", "")
        raise _refused(f"use an address like {example}") from None
    return parts


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text.strip())
    except ValueError:
        raise _refused(f"{text.strip()!r} is no network: use CIDRs separated by commas, like 10.0.0.0/8,::1") from None


def _in_words(problem: Any) -> str:
    """`SKRYNKA_LOG_LEVEL: use one of …` from one of pydantic's findings."""
    name = problem.get("ctx", {}).get("name") or "_".join(str(part) for part in problem["loc"])
    return f"{PREFIX}{name.upper()}: {problem['msg']}"
