"""Phones and e-mail addresses as they are kept and compared."""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Final

import phonenumbers

DEFAULT_REGION = "UA"
"""How a number without country is read."""

FIELDS: Final = {"phone": ("phones", "number"), "email": ("emails", "address")}
"""Where a card keeps contacts of each type."""

_ADDRESS = re.compile(r"[^\s@<>()\[\],;:\\\"]{1,64}@[^\W_](?:[\w.-]{0,252}[^\W_])?")

_REGIONS = {"uk": "UA", "ka": "GE", "pl": "PL", "kk": "KZ", "ro": "RO", "cs": "CZ", "tr": "TR", "hy": "AM", "az": "AZ"}
"""Where languages are spoken that one country speaks above all."""


def home_region(time_zone: str, languages: Sequence[str]) -> str:
    """The country of a shop (ISO 3166): that of its time zone, else of its languages; empty where neither tells."""
    return _countries().get(time_zone) or next((_REGIONS[code] for code in languages if code in _REGIONS), "")


@cache
def _countries() -> dict[str, str]:
    """The country of every time zone that lies in one, as the time zone database tells."""
    table = files("tzdata.zoneinfo").joinpath("zone.tab").read_text(encoding="utf-8")
    rows = [line.split("\t") for line in table.splitlines() if line and not line.startswith("#")]
    return {row[2]: row[0] for row in rows}


def phone_number(written: str, region: str = "") -> str | None:
    """The number in E.164; None where it is no phone number. `region` is the writer's country (ISO 3166), if known."""
    try:
        parsed = phonenumbers.parse(written, region.upper() or DEFAULT_REGION)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(parsed):
        return None
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def email_address(written: str) -> str:
    """The address as it is compared: letters' case tells nothing."""
    return written.strip().lower()


def example_phone(region: str = "") -> str:
    """A number of a country, as it may be written."""
    mobile = phonenumbers.PhoneNumberType.MOBILE
    found = (phonenumbers.example_number_for_type(code, mobile) for code in (region, DEFAULT_REGION) if code)
    number = next(one for one in found if one is not None)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def is_address(written: str) -> bool:
    """Whether this can be an e-mail address: something before an @, and a name with a dot or a bare host behind it."""
    return _ADDRESS.fullmatch(written) is not None


def is_proven(card: Mapping[str, Any], type_: str, value: str) -> bool:
    """Whether somebody has shown that this contact is theirs whose card it is."""
    field, key = FIELDS[type_]
    return any(row[key] == value and row.get("proven", False) for row in card[field])
