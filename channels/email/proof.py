"""Whose letter it is: the address that the provider which took the letter in vouches for. Pure.

A verdict counts only where its sender cannot have written it himself: in a field of the provider's own form, or in a
header above the one by which the provider's server notes whom it had the letter from.

DKIM: https://www.rfc-editor.org/rfc/rfc6376. Alignment: https://www.rfc-editor.org/rfc/rfc7489, section 3.1.1; a
signature by a domain below that of the address is not taken for the address's own, so no list of public suffixes is
needed to tell a shop's subdomain from a stranger's.
Postmark names SpamAssassin's tests: https://postmarkapp.com/developer/user-guide/inbound/configure-an-inbound-server
Mailgun has a header: https://documentation.mailgun.com/docs/mailgun/user-manual/receive-forward-store/spam-filter
SendGrid has a field: https://www.twilio.com/docs/sendgrid/for-developers/parsing-email/setting-up-the-inbound-parse-webhook
"""

import re
from collections.abc import Sequence
from typing import Final

from channels.email.mime import CUT

Headers = Sequence[tuple[str, str]]
"""(name in lower case, value as `channels.email.mime.header` gives it), in the letter's order."""

_ADDRESS: Final = re.compile(r"[^@\s<>()\[\]:;,\\\"']+@([a-z0-9-]+(?:\.[a-z0-9-]+)+)")
_DOMAIN: Final = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+")
_SENDGRID: Final = re.compile(r"\{\s*@[^\s:,{}]+\s*:\s*pass(?:\s*,\s*@[^\s:,{}]+\s*:\s*pass)*\s*\}")


def by_postmark(headers: Headers) -> str:
    """Postmark runs SpamAssassin, one of whose tests is a valid signature by the author's own domain."""
    verdict = _verdict(headers, "x-spam-tests")
    return _author(headers) if "DKIM_VALID_AU" in re.split(r"[,\s]+", verdict) else ""


def by_mailgun(headers: Headers) -> str:
    """Mailgun says that a signature is valid, and not whose."""
    return _author(headers) if _verdict(headers, "x-mailgun-dkim-check-result").lower() == "pass" else ""


def by_sendgrid(field: str, headers: Headers) -> str:
    """SendGrid tells of every signature: `{@mail.example : pass}`. One that fails spoils the letter."""
    return _author(headers) if _SENDGRID.fullmatch(field.strip()) else ""


def _verdict(headers: Headers, name: str) -> str:
    """What the provider wrote above its own note of whom it had the letter from; what stands below came with it."""
    border = next(
        (place for place, (known, value) in enumerate(headers) if known == "received" and value.startswith("from ")), 0
    )
    found = [value for known, value in headers[:border] if known == name]
    return found[0] if len(found) == 1 else ""


def _author(headers: Headers) -> str:
    """The one address in From, where every signature of the letter is of its domain; else empty.

    Every one, because some providers do not say which of them is valid.
    """
    named = [value.lower() for known, value in headers if known == "from"]
    if len(named) != 1 or named[0].endswith(CUT):
        return ""
    # However a mail program reads it: nothing else in it may be taken for an address.
    found = list(_ADDRESS.finditer(named[0]))
    addresses = {one[0] for one in found}
    if len(found) != named[0].count("@") or len(addresses) != 1:
        return ""
    signers = [_signer(value) for known, value in headers if known == "dkim-signature"]
    domain = found[0][1]
    aligned = [signer for signer in signers if signer and f".{domain}".endswith(f".{signer}")]
    return addresses.pop() if signers and aligned == signers else ""


def _signer(signature: str) -> str:
    """The domain that a signature names; empty where it names none or several."""
    tags = ["".join(tag.split()).lower().partition("=") for tag in signature.split(";")]
    domains = [value for name, _, value in tags if name == "d"]
    return domains[0] if len(domains) == 1 and _DOMAIN.fullmatch(domains[0]) else ""
