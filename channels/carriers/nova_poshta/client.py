"""The only place that speaks to Nova Poshta. It answers 200 whatever happens and says in `success` what did."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import msgspec
import structlog

from channels.calls import Answer, Calls
from channels.carriers.nova_poshta import statuses
from channels.carriers.nova_poshta.spec import ANSWER_SECONDS, NovaPoshtaSettings
from inbox.model.carrier import CarrierConnection, Parcel, ParcelNews
from inbox.model.failures import ChannelFailure, CredentialsRejected, Refused, RetryLater, Uncertain

KEY_CODES: Final = frozenset({"20000200068", "20000200069"})
"""API auth fail, API key empty: what `errorCodes` says of a key that is wrong, has expired or is missing."""

LIMIT_WORDS: Final = ("many requests", "limit")
LIMIT_SECONDS: Final = 60.0
"""How long to leave it alone that has had enough; it says no number itself."""

_log = structlog.get_logger(__name__)


class _Told(msgspec.Struct):
    success: bool
    data: list[dict[str, Any]] | None = None
    errors: Any = None
    errorCodes: Any = None  # noqa: N815 - as it is called there


_told = msgspec.json.Decoder(_Told)


class NovaPoshtaConnection(CarrierConnection):
    """One key; see `inbox.model.carrier.CarrierConnection`."""

    def __init__(self, settings: NovaPoshtaSettings, *, answer_seconds: float = ANSWER_SECONDS) -> None:
        self._settings = settings
        self._key = settings.api_key.get_secret_value()
        self._http = Calls("Nova Poshta", answer_seconds)

    async def check(self) -> None:
        """Ask who the sender is: TrackingDocument may answer strangers too."""
        await self._call("Counterparty", "getCounterparties", {"CounterpartyProperty": "Sender", "Page": "1"})

    async def look(self, parcels: Sequence[Parcel]) -> list[ParcelNews]:
        documents = [{"DocumentNumber": parcel.number, "Phone": parcel.phone.removeprefix("+")} for parcel in parcels]
        found = []
        for raw in await self._call("TrackingDocument", "getStatusDocuments", {"Documents": documents}):
            try:
                found.append(statuses.news(raw))
            except msgspec.ValidationError as error:
                # One odd document must not keep the news of the others.
                _log.warning("parcel_not_understood", carrier="nova_poshta", reason=str(error))
        return found

    async def close(self) -> None:
        await self._http.close()

    async def _call(self, model: str, method: str, properties: Mapping[str, Any]) -> list[dict[str, Any]]:
        request = {"apiKey": self._key, "modelName": model, "calledMethod": method, "methodProperties": properties}
        try:
            answer = await self._http("POST", f"{self._settings.api_base}/v2.0/json/", json=request)
        except Uncertain as failure:
            again: ChannelFailure = RetryLater(str(failure))
        else:
            read = _read(answer)
            if not isinstance(read, ChannelFailure):
                return read
            read.args = (str(read).replace(self._key, "***"),)
            again = read
        raise again


def _read(answer: Answer) -> list[dict[str, Any]] | ChannelFailure:
    if answer.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return CredentialsRejected("Nova Poshta does not accept this API key")
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        return RetryLater("Nova Poshta has had enough requests for now", after=LIMIT_SECONDS)
    if answer.status >= HTTPStatus.MULTIPLE_CHOICES:
        return RetryLater(f"Nova Poshta is in trouble or out of reach (HTTP {answer.status})")
    try:
        told = _told.decode(answer.body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return RetryLater("Nova Poshta's answer could not be understood")
    return told.data or [] if told.success else failure_of(_texts(told.errors), _texts(told.errorCodes))


def failure_of(errors: Sequence[str], codes: Sequence[str]) -> ChannelFailure:
    """What its `errors` and `errorCodes` mean."""
    words = "; ".join(errors)
    lowered = words.lower()
    if KEY_CODES.intersection(codes) or "api key" in lowered:
        return CredentialsRejected(f"Nova Poshta does not accept this API key ({words or 'no reason given'})")
    if any(sign in lowered for sign in LIMIT_WORDS):
        return RetryLater(f"Nova Poshta has had enough requests for now ({words})", after=LIMIT_SECONDS)
    return Refused(f"Nova Poshta refused ({words or 'no reason given'})", code=codes[0] if codes else "")


def _texts(told: Any) -> list[str]:
    """A list of texts, however it is written: empty lists come as null, others as an object with numbers for names."""
    values = told.values() if isinstance(told, dict) else told if isinstance(told, list) else ()
    return [str(value) for value in values]
