"""Nova Poshta: it is asked about up to a hundred parcels at a time, since it calls nobody by itself."""

import re
from collections.abc import Sequence

from pydantic import BaseModel

from channels.carriers.nova_poshta import spec
from channels.carriers.nova_poshta.client import NovaPoshtaConnection
from channels.carriers.nova_poshta.spec import NovaPoshtaSettings
from inbox.model.carrier import Carrier, CarrierConnection

__all__ = ["NovaPoshta", "NovaPoshtaSettings"]


class NovaPoshta(Carrier):
    """The carrier `nova_poshta`; see `inbox.model.carrier.Carrier`. `answer_seconds` is how long it may think."""

    name: str = spec.NAME
    title: str = spec.TITLE
    setup: Sequence[str] = spec.SETUP
    settings: type[BaseModel] = NovaPoshtaSettings
    batch: int = spec.BATCH
    spellings: Sequence[str] = spec.SPELLINGS

    def __init__(self, *, answer_seconds: float = spec.ANSWER_SECONDS) -> None:
        self._answer_seconds = answer_seconds

    def knows(self, number: str) -> bool:
        return re.fullmatch(spec.NUMBER, number) is not None

    def page(self, number: str) -> str:
        return spec.PAGE.format(number=number)

    async def connect(self, settings: BaseModel) -> CarrierConnection:
        return NovaPoshtaConnection(spec.own(settings), answer_seconds=self._answer_seconds)
