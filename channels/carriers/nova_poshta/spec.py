"""What Nova Poshta is and needs: its JSON API in version 2, https://developers.novaposhta.ua/documentation."""

import re
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from channels.addresses import provider_root

NAME: Final = "nova_poshta"
TITLE: Final = "Nova Poshta"
SETUP: Final = (
    "Sign in to Nova Poshta's business cabinet (new.novaposhta.ua), open Settings, Security, and create an API key.",
    "Paste it here. A key lives a year at most: when it ends, this screen says so, and parcels wait for a new one.",
)
SPELLINGS: Final = ("novaposhta", "новапошта", "новаяпочта", "novapost", "нп", "np")

BATCH: Final = 100
"""TrackingDocument.getStatusDocuments: up to 100 documents in one request."""

NUMBER: Final = r"\d{14}|(?=.*\d)[A-Z0-9]{9,36}"
"""Fourteen digits at home; letters and digits across the border."""

PAGE: Final = "https://novaposhta.ua/tracking/{number}"
"""Where anybody who has a number may follow the parcel. Not documented, and used all over the country."""

ANSWER_SECONDS: Final = 20.0

_KEY: Final = re.compile(r"[A-Za-z0-9]{16,64}")

ZONE: Final = "Europe/Kyiv"
"""The clock that its times are told by. Not documented."""


class NovaPoshtaSettings(BaseModel):
    """An account. `api_base` is what stands before `/v2.0/json/`: no trailing slash."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    api_key: SecretStr = Field(title="API key", description="In the business cabinet: Settings, Security")
    api_base: str = Field(
        default="https://api.novaposhta.ua", title="Address of the API", description="Only for a proxy"
    )

    @field_validator("api_key")
    @classmethod
    def _api_key(cls, value: SecretStr) -> SecretStr:
        key = value.get_secret_value().strip()
        if not _KEY.fullmatch(key):
            message = "api_key: not a key; in the business cabinet it stands under Settings, Security"
            raise ValueError(message)
        return SecretStr(key)

    @field_validator("api_base")
    @classmethod
    def _api_base(cls, value: str) -> str:
        address = provider_root(value, "https://api.novaposhta.ua")
        if "/v2.0" in address.path:
            message = "api_base: give what stands before /v2.0/json/"
            raise ValueError(message)
        return value


def own(settings: BaseModel) -> NovaPoshtaSettings:
    """`settings` as Nova Poshta's own; a programming error where another carrier's come in."""
    if not isinstance(settings, NovaPoshtaSettings):
        message = f"{type(settings).__name__} does not belong to {NAME}"
        raise TypeError(message)
    return settings
