"""Addresses that an admin types into a channel's settings."""

import re
from urllib.parse import SplitResult, urlsplit


def web_address(field: str, value: str, example: str) -> SplitResult:
    """The parts of an http or https address. Raises `ValueError` that names `field` and never repeats the value."""
    try:
        address = urlsplit(value)
        reachable = address.hostname and address.port != 0
    except ValueError:  # a broken IPv6 bracket or port
        reachable = False
        address = urlsplit("")
    if address.scheme not in {"http", "https"} or not reachable or re.search(r"\s", value):
        message = f"{field}: give an http or https address such as {example}"
        raise ValueError(message)
    return address


def provider_root(value: str, example: str) -> SplitResult:
    """The parts of an `api_base`: scheme, host, port and perhaps a path, without a slash at the end."""
    address = web_address("api_base", value, example)
    if address.query or address.fragment or address.username or "{" in value or "}" in value:
        message = "api_base: only scheme, host, port and path are allowed"
        raise ValueError(message)
    if value.endswith("/"):
        message = f"api_base: leave out the slash at the end, as in {example}"
        raise ValueError(message)
    return address
