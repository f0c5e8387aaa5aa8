"""Downloads from addresses that somebody else chose: a customer, or a provider's event that a customer shaped.

Such an address may point into our own network. So each hop is resolved here, every address it may lead to is checked,
and the connection goes to the very address that was checked: a name that means something else a moment later (DNS
rebinding) changes nothing. The channel's own `api_base` is exempt: whoever runs the shop chose it.
"""

import asyncio
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from http import HTTPStatus
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final

from aiohttp import (
    ClientConnectorError,
    ClientError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    ConnectionTimeoutError,
)
from yarl import URL

from inbox.model.failures import ChannelFailure, Refused, RetryLater

CONNECT_SECONDS: Final = 5.0
SILENCE_SECONDS: Final = 15.0
SLOWEST: Final = 64 * 1024
"""Bytes a second; a download slower than this is given up."""
MAX_REDIRECTS: Final = 5
CHUNK: Final = 64 * 1024

IpAddress = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Awaitable[Sequence[IpAddress]]]
"""Every address of a host name or literal. Raises `OSError` where there is none."""

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_BUSY: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})
_NAT64: Final = IPv6Network("64:ff9b::/96")
_IPV4_MASK: Final = (1 << 32) - 1
_SECONDS_DIGITS: Final = 4


async def system_resolve(host: str, port: int) -> list[IpAddress]:
    """What the system says. It also reads `127.1`, `0177.0.0.1` and `2130706433`, as a connection would."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [ip_address(address[0]) for *_, address in found]


def is_forbidden(address: IpAddress) -> bool:
    """Whether an address is not one of the public internet, also where it only wraps such an IPv4 address."""
    if isinstance(address, IPv6Address):
        inner = _wrapped(address)
        if inner is not None:
            return is_forbidden(inner)
        if address.is_site_local:
            return True
    return not address.is_global or address.is_multicast or address.is_reserved


async def download(
    session: ClientSession,
    url: str,
    *,
    max_bytes: int,
    allowed_base: str = "",
    resolve: Resolve = system_resolve,
    forbidden: Callable[[IpAddress], bool] = is_forbidden,
) -> AsyncGenerator[bytes]:
    """Stream the file at `url`; `allowed_base` is the one origin that may be in a private network.

    Raises `Refused` for an address that is not to be called (code `address`), for more than `max_bytes` (`too_big`, by
    the stated size and while streaming) and for what is not there (the HTTP status); `RetryLater` for everything that
    may pass. `session` must have no headers of its own, for they would be sent along.
    """
    if session.headers:
        message = "this session would show its credentials to strangers"
        raise ValueError(message)
    guard = Guard(_origin(URL(allowed_base)) if allowed_base else None, resolve, forbidden)
    failure: ChannelFailure
    try:
        async with aclosing(_follow(session, address_to_call(url), max_bytes, guard)) as chunks:
            async for chunk in chunks:
                yield chunk
    except ChannelFailure as known:
        failure = known
    except (ClientError, OSError, TimeoutError):
        failure = RetryLater("the file did not arrive whole from its server")
    else:
        return
    # Outside the handler: the library's exceptions hold the address, and addresses may hold tokens.
    raise failure


@dataclass(frozen=True, slots=True)
class Guard:
    """Says where a connection for an address may go."""

    allowed: URL | None
    resolve: Resolve
    forbidden: Callable[[IpAddress], bool]

    async def addresses(self, url: URL) -> list[IpAddress]:
        """Where to connect to, best first. Raises `Refused` for a name with even one address that is forbidden."""
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                found = list(await self.resolve(url.host or "", url.port or 0))
        except UnicodeError:
            found = []
        if not found:
            raise _bad_address("has no host")
        if _origin(url) != self.allowed and any(map(self.forbidden, found)):
            raise _bad_address("points into a private network")
        return found


async def _follow(session: ClientSession, url: URL, max_bytes: int, guard: Guard) -> AsyncGenerator[bytes]:
    for _ in range(MAX_REDIRECTS + 1):
        async with await _get(session, url, await guard.addresses(url), max_bytes) as response:
            if response.status not in _REDIRECTS:
                async with aclosing(_body(response, max_bytes)) as chunks:
                    async for chunk in chunks:
                        yield chunk
                return
            location = response.headers.get("Location", "")
        url = address_to_call(location, url)
    raise _bad_address("leads from one place to another without end")


async def _get(session: ClientSession, url: URL, addresses: Sequence[IpAddress], max_bytes: int) -> ClientResponse:
    """Ask the first of `addresses` that takes the connection, under the name that `url` has."""
    for last, address in enumerate(addresses, 1 - len(addresses)):
        try:
            return await session.get(
                url.with_host(str(address)),
                # A name's own server and certificate, although the connection is made by address.
                headers={"Host": url.host_port_subcomponent or "", "Accept-Encoding": "identity"},
                server_hostname=(url.raw_host or "").rstrip(".") if url.scheme == "https" else None,
                allow_redirects=False,
                timeout=ClientTimeout(
                    total=CONNECT_SECONDS + 2 * SILENCE_SECONDS + max_bytes / SLOWEST,
                    sock_connect=CONNECT_SECONDS,
                    sock_read=SILENCE_SECONDS,
                ),
            )
        except (ClientConnectorError, ConnectionTimeoutError):
            if last == 0:
                raise
    raise AssertionError


async def _body(response: ClientResponse, max_bytes: int) -> AsyncGenerator[bytes]:
    if response.status != HTTPStatus.OK:
        raise _by_status(response)
    received = 0
    if (response.content_length or 0) <= max_bytes:
        async for chunk in response.content.iter_chunked(CHUNK):
            received += len(chunk)
            if received > max_bytes:
                break
            yield chunk
        else:
            return
    reason = f"the file is larger than {max_bytes} bytes"
    raise Refused(reason, code="too_big")


def address_to_call(text: str, base: URL | None = None) -> URL:
    """An address to call, relative to `base`. Raises `Refused`; the text is not repeated."""
    try:
        url = URL(text)
        url = base.join(url) if base else url
    except ValueError:
        url = URL()
    if url.scheme not in ("http", "https") or not url.host:
        raise _bad_address("is not one of the web")
    if url.user is not None or url.password is not None:
        raise _bad_address("has a user's name in it")
    return url.with_fragment(None)


def _origin(url: URL) -> URL:
    """Scheme, host and port, the last one always said."""
    return URL.build(scheme=url.scheme, host=(url.host or "").lower(), port=url.port)


def _by_status(response: ClientResponse) -> ChannelFailure:
    if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR or response.status in _BUSY:
        after = response.headers.get("Retry-After", "")
        seconds = float(after) if after.isdecimal() and len(after) <= _SECONDS_DIGITS else None
        return RetryLater(f"the file's server is in trouble (HTTP {response.status})", after=seconds)
    return Refused(f"the file is not there (HTTP {response.status})", code=str(response.status))


def _bad_address(why: str) -> Refused:
    return Refused(f"the address {why}", code="address")


def _wrapped(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that a router would take this one to: mapped, 6to4, Teredo, NAT64."""
    if address in _NAT64:
        return IPv4Address(int(address) & _IPV4_MASK)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None)
