"""Addresses that an admin types into a channel's settings, and the shop's own as providers see it."""

import re
from ipaddress import ip_address
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


def can_open(api_base: str, url: str) -> bool:
    """Whether customers of the provider at `api_base` can open an address of ours that they read.

    Those of a provider on the internet need a name that means the same to them as to us; to one on this machine or in
    this network, such as the sandbox, any is good.
    """
    address = urlsplit(url)
    return bool(url) and (_is_public(address.hostname or "") or not _is_public(urlsplit(api_base).hostname or ""))


def can_fetch(api_base: str, url: str) -> bool:
    """Whether the provider at `api_base` can itself fetch from an address of ours: on the internet they want https."""
    encrypted = urlsplit(url).scheme == "https" or not _is_public(urlsplit(api_base).hostname or "")
    return encrypted and can_open(api_base, url)


def _is_public(host: str) -> bool:
    try:
        return ip_address(host).is_global
    except ValueError:
        return "." in host.strip(".") and not host.endswith((".local", ".localhost", ".internal", ".lan", ".home.arpa"))
