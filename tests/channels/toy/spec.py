"""What the toy is and can do, and what it takes to connect an account."""

from typing import Final

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from channels.addresses import provider_root
from inbox.model.capabilities import Capabilities, Flow
from inbox.model.look import Look

NAME: Final = "toy"
TITLE: Final = "Toy"
LOOK: Final = Look(icon="M12 3 21 20H3z", colour="#7a5c00", colour_dark="#c9a227")
SETUP: Final = ("Wind it up.",)
ANSWER_SECONDS: Final = 15.0

CAPABILITIES: Final = Capabilities(
    text=Flow.BOTH,
    media=Flow.NONE,
    buttons=Flow.NONE,
    quote=Flow.NONE,
    edit=Flow.RECEIVE,
    delete=Flow.NONE,
    reaction=Flow.NONE,
    typing=Flow.NONE,
    text_limit=200,
    text_unit="characters",
    caption_limit=0,
    media_limits={},
    receive_max_bytes=0,
    captioned=(),
)


class ToySettings(BaseModel):
    """An account. `api_base` is what stands before `/send`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    token: SecretStr = Field(title="Token", description="From the toy's maker; at least 16 letters", min_length=16)
    api_base: str = Field(default="https://api.toy.example", title="Address of the toy", description="Only for a proxy")

    @field_validator("token")
    @classmethod
    def _token(cls, value: SecretStr) -> SecretStr:
        if not value.get_secret_value().isascii() or not value.get_secret_value().isprintable():
            message = "token: Latin letters and digits only"
            raise ValueError(message)
        return value

    @field_validator("api_base")
    @classmethod
    def _api_base(cls, value: str) -> str:
        provider_root(value, "https://api.toy.example")
        return value


def own(settings: BaseModel) -> ToySettings:
    """`settings` as the toy's own; a programming error where another kind's settings come in."""
    if not isinstance(settings, ToySettings):
        message = f"{type(settings).__name__} does not belong to {NAME}"
        raise TypeError(message)
    return settings
