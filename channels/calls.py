"""Calls of a provider's HTTP API, with timeouts that tell *never sent* from *never answered*.

A failure is raised after the handler that saw the library's exception: those carry addresses, and addresses may carry
tokens.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from aiohttp import ClientConnectorError, ClientError, ClientSession, ClientTimeout, ConnectionTimeoutError, InvalidURL

from inbox.model.failures import ChannelFailure, RetryLater, Uncertain

CONNECT_SECONDS: Final = 5.0
ANSWER_MAX_BYTES: Final = 4 << 20


class Answer(msgspec.Struct, frozen=True):
    """What came back, whatever its status. Header names in any case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Calls:
    """One client of the API of `provider`, which is named in failures. `answer_seconds` is how long to wait for it."""

    def __init__(self, provider: str, answer_seconds: float) -> None:
        self._provider = provider
        self._timeout = ClientTimeout(
            total=CONNECT_SECONDS + 2 * answer_seconds, connect=CONNECT_SECONDS, sock_read=answer_seconds
        )
        self._session: ClientSession | None = None

    async def __call__(
        self,
        method: str,
        url: str,
        *,
        json: Any = None,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Make one call. Raises `RetryLater` where nothing was sent and `Uncertain` where no whole answer came.

        Redirects are not followed: addresses and headers hold credentials.
        """
        failure: ChannelFailure
        try:
            async with self.session.request(
                method, url, json=json, params=query, headers=headers, timeout=self._timeout, allow_redirects=False
            ) as response:
                body = await response.content.read(ANSWER_MAX_BYTES)
                while not response.content.at_eof() and len(body) < ANSWER_MAX_BYTES:
                    body += await response.content.read(ANSWER_MAX_BYTES)
                return Answer(response.status, response.headers, body)
        except (ClientConnectorError, ConnectionTimeoutError, InvalidURL):
            failure = RetryLater(f"{self._provider} could not be reached")
        except (ClientError, OSError, TimeoutError):
            failure = Uncertain(f"the connection to {self._provider} broke before it answered")
        raise failure

    @property
    def session(self) -> ClientSession:
        """Without headers or credentials of its own."""
        if self._session is None or self._session.closed:
            self._session = ClientSession(json_serialize=_json)
        return self._session

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


def _json(value: Any) -> str:
    """Letters as they are: escaped, those beyond ASCII would use up a provider's limit three times as fast."""
    return msgspec.json.encode(value).decode()
