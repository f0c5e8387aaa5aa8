"""Whose address a request comes from, when there may be proxies in between."""

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from aiohttp import web

_UNKNOWN = "unknown"
_IPV6_SITE_BITS = 64


class TrustedProxies:
    """The proxies whose `X-Forwarded-For` is believed, as CIDR ranges. By default none: the header means nothing."""

    def __init__(self, ranges: Iterable[str] = ()) -> None:
        self._networks: list[IPv4Network | IPv6Network] = [ip_network(text, strict=False) for text in ranges]

    def client_address(self, request: web.Request) -> str:
        """The right-most address that is no proxy of ours: everything left of it anybody could have written."""
        peername = request.transport.get_extra_info("peername") if request.transport is not None else None
        address = _normalised(peername[0]) if isinstance(peername, tuple) else _UNKNOWN
        if not self._trusts(address):
            return address
        hops = [hop for line in request.headers.getall("X-Forwarded-For", []) for hop in line.split(",")]
        for hop in reversed(hops):
            named = _normalised(hop.strip())
            if named == _UNKNOWN:
                return address
            address = named
            if not self._trusts(address):
                break
        return address

    def _trusts(self, address: str) -> bool:
        if address == _UNKNOWN:
            return False
        parsed = ip_address(address)
        return any(parsed in network for network in self._networks)


def _normalised(text: str) -> str:
    """An address in its shortest spelling; an IPv4 one that came over an IPv6 socket as IPv4."""
    try:
        parsed = ip_address(text.split("%", 1)[0])
    except ValueError:
        return _UNKNOWN
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return str(mapped or parsed)


def counted_as(address: str) -> str:
    """Under what an address is counted: an IPv6 customer owns a whole /64, so that is one address."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        return str(ip_network((parsed, _IPV6_SITE_BITS), strict=False))
    return address
