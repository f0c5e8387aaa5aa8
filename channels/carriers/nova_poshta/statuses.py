"""What Nova Poshta's answer says of a parcel: its status codes as stages, its many ways to write a time. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from channels.carriers.nova_poshta.spec import ZONE
from inbox.model.carrier import ParcelNews, Stage

STAGES: Final[Mapping[str, Stage]] = MappingProxyType(
    {
        "1": Stage.CREATED,
        "2": Stage.CANCELLED,
        "3": Stage.UNKNOWN,
        "4": Stage.MOVING,
        "41": Stage.MOVING,
        "5": Stage.MOVING,
        "6": Stage.MOVING,
        "7": Stage.ARRIVED,
        "8": Stage.ARRIVED,
        "9": Stage.DELIVERED,
        "10": Stage.DELIVERED,
        "11": Stage.DELIVERED,
        "12": Stage.MOVING,
        "14": Stage.ARRIVED,
        "101": Stage.MOVING,
        "102": Stage.RETURNED,
        "103": Stage.RETURNED,
        "104": Stage.MOVING,
        "105": Stage.RETURNED,
        "106": Stage.DELIVERED,
        "107": Stage.ARRIVED,
        "108": Stage.RETURNED,
        "111": Stage.MOVING,
        "112": Stage.MOVING,
    }
)
"""Codes as TrackingDocument tells them: 1 made out, 2 deleted, 3 not found, 4, 41, 5, 6, 12 under way, 7 at the branch,
8 in the locker, 9 handed over, 10, 11 and 106 with the money for it on its way, 14 being looked at, 101 with the
courier, 102, 103, 108 refused, 104 sent on, 105 kept too long, 107 kept for a fee, 111, 112 the courier comes again."""

FINAL: Final = frozenset({"2", "9", "11", "102", "103", "105", "106", "108"})

_FORMATS: Final = ("%Y-%m-%d %H:%M:%S", "%d-%m-%Y %H:%M:%S", "%d.%m.%Y %H:%M:%S", "%Y-%m-%d", "%d-%m-%Y", "%d.%m.%Y")


class Document(msgspec.Struct, frozen=True, rename="pascal"):
    """A document as TrackingDocument describes it, as far as we read it. Everything may be missing or empty."""

    number: str
    status_code: str | int = ""
    status: str | None = ""
    scheduled_delivery_date: str | None = ""
    actual_delivery_date: str | None = ""
    warehouse_recipient: str | None = ""


def news(raw: Mapping[str, Any]) -> ParcelNews:
    """What a document says. Raises `msgspec.ValidationError` for what is no document."""
    told = msgspec.convert(raw, Document)
    code = str(told.status_code).strip()
    stage = STAGES.get(code, Stage.UNKNOWN)
    words = [told.status or ""]
    if stage is Stage.ARRIVED and told.warehouse_recipient:
        words.append(told.warehouse_recipient)
    expected = when(told.scheduled_delivery_date or "")
    return ParcelNews(
        number=told.number,
        stage=stage,
        text=": ".join(word.strip() for word in words if word.strip())[:500],
        code=code,
        expected_on=expected.astimezone(ZoneInfo(ZONE)).date().isoformat() if expected is not None else "",
        arrived_at=when(told.actual_delivery_date or "") if stage is Stage.ARRIVED else None,
        final=code in FINAL,
    )


def when(words: str) -> datetime | None:
    """A time in whichever of the formats it is written; None for nothing, for zeros and for anything else."""
    for form in _FORMATS:
        try:
            told = datetime.strptime(words.strip(), form).replace(tzinfo=ZoneInfo(ZONE))
        except ValueError:
            continue
        return told.astimezone(UTC) if told.year > 1 else None
    return None
