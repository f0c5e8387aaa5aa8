"""Posting to addresses that somebody else chose. They are guarded as downloads are; redirects are not followed."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from aiohttp import ClientConnectorError, ClientError, ClientSession, ClientTimeout, ConnectionTimeoutError

from channels.download import Guard, IpAddress, Resolve, address_to_call, is_forbidden, system_resolve
from inbox.model.failures import ChannelFailure, RetryLater

SECONDS: Final = 10.0
"""How long the other side has to answer."""


class Posting:
    """Posts bodies. `private` lets addresses of our own network be called, too."""

    def __init__(
        self,
        *,
        private: bool = False,
        resolve: Resolve = system_resolve,
        forbidden: Callable[[IpAddress], bool] = is_forbidden,
    ) -> None:
        self._guard = Guard(None, resolve, (lambda _: False) if private else forbidden)
        self._session: ClientSession | None = None

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """Post a body; the HTTP status that came back.

        Raises `Refused` for an address that is not to be called, and `RetryLater` where nothing came back.
        """
        failure: ChannelFailure
        try:
            async with asyncio.timeout(SECONDS):
                return await self._posted(url, body, headers)
        except ChannelFailure as known:
            failure = known
        except (ClientError, OSError, TimeoutError):
            failure = RetryLater("the other side did not answer")
        # Outside the handler: the library's exceptions hold the address, and addresses may hold tokens.
        raise failure

    async def _posted(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        address = address_to_call(url)
        places = await self._guard.addresses(address)
        if self._session is None:
            self._session = ClientSession()
        for last, place in enumerate(places, 1 - len(places)):
            try:
                async with self._session.post(
                    address.with_host(str(place)),
                    data=body,
                    # A name's own server and certificate, although the connection is made by address.
                    headers={**headers, "Host": address.host_port_subcomponent or ""},
                    server_hostname=(address.raw_host or "").rstrip(".") if address.scheme == "https" else None,
                    allow_redirects=False,
                    timeout=ClientTimeout(total=SECONDS),
                ) as response:
                    return response.status
            except (ClientConnectorError, ConnectionTimeoutError):
                if last == 0:
                    raise
        raise AssertionError

    async def close(self) -> None:
        """Close what is open."""
        if self._session is not None:
            await self._session.close()
