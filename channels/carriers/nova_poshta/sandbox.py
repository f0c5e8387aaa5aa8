"""Nova Poshta's side, played locally: parcels that a test or a person moves along, and its errors.

Provider   POST /v2.0/json/           TrackingDocument.getStatusDocuments, Counterparty.getCounterparties
Control    GET  /parcels, PUT /parcels/{number} {code, status?, ...}; /faults as in `channels.steering`

It knows every key that was made with `create_key` (or any key at all while none was), and no parcel but those made.
"""

import json
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
from aiohttp import web

from channels import steering
from channels.carriers.nova_poshta.spec import BATCH, NAME, ZONE
from channels.faults import Fault, Faults
from channels.props import Files

STATUSES: Final = {
    "1": "Відправник самостійно створив цю накладну, але ще не надав до відправки",
    "2": "Видалено",
    "3": "Номер не знайдено",
    "4": "Відправлення у місті відправника",
    "5": "Відправлення прямує до міста одержувача",
    "6": "Відправлення у місті одержувача",
    "7": "Прибув на відділення",
    "8": "Завантажено в поштомат",
    "9": "Відправлення отримано",
    "101": "На шляху до одержувача",
    "103": "Відмова одержувача",
    "105": "Припинено зберігання",
}


@dataclass
class SandboxParcel:
    """A parcel on its way. `phone` is the recipient's, without +: who does not name it is told less."""

    number: str
    code: str = "1"
    status: str = ""
    phone: str = ""
    scheduled: str = ""
    arrived: str = ""
    branch: str = "Відділення №1"

    def move(self, code: str, status: str = "") -> None:
        """Let it get to where a code says."""
        self.code, self.status = code, status
        if code in {"7", "8"}:
            self.arrived = datetime.now(UTC).astimezone(ZoneInfo(ZONE)).strftime("%Y-%m-%d %H:%M:%S")


class _Move(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    code: str = "1"
    status: str = ""
    scheduled: str = ""
    arrived: str = ""


@dataclass
class _Seen:
    """What was asked for, so that a test can count."""

    batches: list[int] = field(default_factory=list)


class NovaPoshtaSandbox:
    """Parcels, keys and faults; `channels.sandbox.Sandbox` puts it on a port."""

    name: Final = NAME

    def __init__(self) -> None:
        self.parcels: dict[str, SandboxParcel] = {}
        self.keys: set[str] = set()
        self.faults = Faults()
        self.seen = _Seen()
        self.choke_on = ""
        """A number that makes it refuse a whole request."""

    def create_key(self) -> str:
        """A key as the business cabinet makes one; from then on no unknown key works."""
        key = secrets.token_hex(16)
        self.keys.add(key)
        return key

    def send(self, number: str = "", **fields: str) -> SandboxParcel:
        """Make out a waybill."""
        made = SandboxParcel(number or f"2045{secrets.randbelow(10**10):010d}", **fields)
        self.parcels[made.number] = made
        return made

    def fault(self, fault: Fault) -> None:
        """Let something go wrong with the calls to come; `method` is the called method."""
        self.faults.add(fault)

    def provider(self) -> web.Application:
        """What stands at api.novaposhta.ua."""
        app = web.Application()
        app.router.add_post("/v2.0/json/", self._answer)
        return app

    def control(self) -> web.Application:
        """The same parcels over HTTP."""
        app = steering.application(self.faults, Files())

        async def listed(_request: web.Request) -> web.Response:
            return steering.answer({"items": list(self.parcels.values())})

        async def put(request: web.Request) -> web.Response:
            wanted = await steering.body(request, _Move)
            number = request.match_info["number"]
            parcel = self.parcels.get(number) or self.send(number)
            parcel.move(wanted.code, wanted.status)
            parcel.scheduled = wanted.scheduled or parcel.scheduled
            parcel.arrived = wanted.arrived or parcel.arrived
            return steering.answer(parcel)

        app.router.add_get("/parcels", listed)
        app.router.add_put("/parcels/{number}", put)
        return app

    def release(self) -> None:
        """Let go of every call that hangs."""
        self.faults.close()

    async def close(self) -> None:
        """It calls nobody."""

    async def _answer(self, request: web.Request) -> web.Response:
        try:
            asked = json.loads(await request.read())
            method = str(asked["calledMethod"])
        except (ValueError, KeyError, TypeError):
            return _refusal("Invalid json", "20000100001")
        fault = self.faults.take(method)
        if fault is not None and (early := await self.faults.before(fault, request)) is not None:
            return early
        if fault is not None and fault.kind == "status":
            if fault.status >= 300:  # noqa: PLR2004 - of HTTP
                return web.json_response({"success": False, "errors": [fault.description]}, status=fault.status)
            return _refusal(fault.description or "To many requests", "20000600001")
        answer = self._told(asked, method)
        return answer if fault is None else await self.faults.after(fault, request, answer)

    def _told(self, asked: dict[str, Any], method: str) -> web.Response:
        if self.keys and asked.get("apiKey") not in self.keys:
            return _refusal("API auth fail", "20000200068")
        if method == "getCounterparties":
            return _success([])
        if method != "getStatusDocuments":
            return _refusal(f"Method {method} not found", "20000100009")
        documents = asked.get("methodProperties", {}).get("Documents", [])
        if not documents or len(documents) > BATCH:
            return _refusal("Documents count is out of range", "20000900746")
        if self.choke_on in {document.get("DocumentNumber") for document in documents}:
            return _refusal("Document number is incorrect", "20000200001")
        self.seen.batches.append(len(documents))
        return _success([self._document(document) for document in documents])

    def _document(self, asked: dict[str, str]) -> dict[str, Any]:
        number = str(asked.get("DocumentNumber", ""))
        parcel = self.parcels.get(number)
        if parcel is None:
            return {"Number": number, "StatusCode": "3", "Status": STATUSES["3"]}
        told = {
            "Number": number,
            "StatusCode": parcel.code,
            "Status": parcel.status or STATUSES.get(parcel.code, "Статус уточнюється"),
            "ScheduledDeliveryDate": parcel.scheduled,
            "ActualDeliveryDate": parcel.arrived or "0001-01-01 00:00:00",
        }
        if asked.get("Phone") == parcel.phone:
            told["WarehouseRecipient"] = parcel.branch
        return told


def _success(data: list[dict[str, Any]]) -> web.Response:
    return web.json_response({"success": True, "data": data, "errors": [], "warnings": [], "info": []})


def _refusal(words: str, code: str) -> web.Response:
    return web.json_response({"success": False, "data": [], "errors": [words], "errorCodes": [code], "warnings": []})
