"""Whose letter it is: the address that the provider which took the letter in vouches for. Pure.

A verdict counts only where its sender cannot have written it himself: in a field of the provider's own form, or in a
header above the one by which the provider's server notes whom it had the letter from.

DKIM: https://www.rfc-editor.org/rfc/rfc6376. Alignment: https://www.rfc-editor.org/rfc/rfc7489, section 3.1.1; a
signature by a domain below that of the address is not taken for the address's own, so no list of public suffixes is
needed to tell a shop's subdomain from a stranger's.
Postmark names SpamAssassin's tests: https://postmarkapp.com/developer/user-guide/inbound/configure-an-inbound-server
Mailgun has a header: https://documentation.mailgun.com/docs/mailgun/user-manual/receive-forward-store/spam-filter
SendGrid has a field: https://www.twilio.com/docs/sendgrid/for-developers/parsing-email/setting-up-the-inbound-parse-webhook

Each reader gives None where the provider says nothing of any sender, because its checks are switched off, and an empty
address where it could have vouched for one and did not.
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


def by_postmark(headers: Headers) -> str | None:
    """Postmark runs SpamAssassin, one of whose tests is a valid signature by the author's own domain."""
    verdicts = _written(headers, "x-spam-tests")
    return _author(headers) if _one(verdicts, r"(?:.*[,\s])?DKIM_VALID_AU(?:[,\s].*)?") else ("" if verdicts else None)


def by_mailgun(headers: Headers) -> str | None:
    """Mailgun says that a signature is valid, and not whose; of a letter without one only its other checks tell."""
    verdicts = _written(headers, "x-mailgun-dkim-check-result")
    checked = verdicts or _written(headers, "x-mailgun-sflag") or _written(headers, "x-mailgun-spf")
    return _author(headers) if _one(verdicts, r"(?i:pass)") else ("" if checked else None)


def by_sendgrid(field: str, headers: Headers) -> str:
    """SendGrid tells of every signature: `{@mail.example : pass}`. One that fails spoils the letter."""
    return _author(headers) if _SENDGRID.fullmatch(field.strip()) else ""


def _written(headers: Headers, name: str) -> list[str]:
    """What the provider wrote above its own note of whom it had the letter from; what stands below came with it."""
    border = next(
        (place for place, (known, value) in enumerate(headers) if known == "received" and value.startswith("from ")), 0
    )
    return [value for known, value in headers[:border] if known == name]


def _one(verdicts: Sequence[str], wanted: str) -> bool:
    """Whether there is one verdict, and this: of two nobody knows which counts."""
    return len(verdicts) == 1 and re.fullmatch(wanted, verdicts[0], re.DOTALL) is not None


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
