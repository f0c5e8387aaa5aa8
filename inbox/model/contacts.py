"""Phones and e-mail addresses as they are kept and compared."""

import phonenumbers

DEFAULT_REGION = "UA"
"""How a number without country is read."""


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
