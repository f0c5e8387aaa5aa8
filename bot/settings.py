"""What an admin sets for the bot as a whole, `settings["bot"]`: skills, manners, and how it understands."""

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlsplit

import structlog
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, StringConstraints, ValidationError

_log = structlog.get_logger(__name__)


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def web_address(url: str) -> str:
    """The address itself. Raises `ValueError` where it is none of the web, or would show a password."""
    try:
        parts = urlsplit(url)
        proper = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError as error:
        raise ValueError("is no address: give one such as https://classifier.example/read") from error
    if not proper:
        raise ValueError("give an address that begins with http:// or https://")
    if parts.username is not None:
        raise ValueError("an address may not hold a password")
    return url


class BotSkills(_Part):
    """Which of the skills are switched on."""

    order_status: StrictBool = True
    """Where an order is, asked by its customer."""
    opt_out: StrictBool = True
    """Words that end all automatic messages, and those that bring them back."""
    person: StrictBool = True
    """Handing over as soon as somebody asks for a person."""
    language: StrictBool = False
    """Asking once for the language where nothing tells it."""
    rating: StrictBool = False
    """Asking for a rating after a conversation was closed."""


class Classifier(_Part):
    """Another classifier of what customers mean, in the place of the one inside."""

    url: Annotated[str, StringConstraints(min_length=8, max_length=500), AfterValidator(web_address)]


class BotSettings(_Part):
    """How the bot behaves in the whole shop."""

    skills: BotSkills = BotSkills()
    most_per_hour: Annotated[int, Field(strict=True, ge=1, le=100)] = 10
    """At most so many automatic messages in a conversation within an hour."""
    confidence: Annotated[float, Field(strict=True, ge=0.3, le=0.99, allow_inf_nan=False)] = 0.6
    """How sure the bot must be of what a customer means; below that a person answers."""
    classifier: Classifier | None = None
    rating_after: Annotated[int, Field(strict=True, ge=1, le=1440)] = 5
    """How many minutes after a conversation was closed its customer is asked for a rating."""

    def has(self, skill: str) -> bool:
        """Whether a skill is switched on."""
        return getattr(self.skills, skill, False) is True

    def changed(self, changes: Mapping[str, Any]) -> "BotSettings":
        """With some fields set, and some of the skills; the others stay as they are."""
        skills = {**self.skills.model_dump(), **changes.get("skills", {})}
        return BotSettings.model_validate({**self.model_dump(), **changes, "skills": skills})


def bot_settings(settings: Mapping[str, Any]) -> BotSettings:
    """The bot's part of the shop's settings; the defaults where another version of the house wrote what it knows."""
    try:
        return BotSettings.model_validate(settings["bot"] or {})
    except ValidationError as error:
        _log.warning("bot_settings_unreadable", reason=str(error))
        return BotSettings()
