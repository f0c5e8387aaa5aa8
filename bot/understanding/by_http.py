"""Another classifier, asked over HTTP: a model of the shop's own, or a language model behind an address.

It is sent `{"text": …}` and answers 200 with `{"intent": one of INTENTS or null, "confidence": 0 … 1}`. Whatever else
happens is a fault, and what is inside answers instead: no connection, an answer that is late, too long, or says
something else. After a few faults in a row the address is left alone for a while, so that a dead one delays no message.
"""

import time
from http import HTTPStatus
from typing import Annotated

import msgspec
import structlog
from aiohttp import ClientError, ClientSession, ClientTimeout

from bot.understanding.reading import Intent, Reading

TIMEOUT = 2.0
"""Seconds that one question may take in all."""

LONGEST_TEXT = 4_000
"""How many characters of a text are sent."""

LONGEST_ANSWER = 16_384
"""How many bytes of an answer are read."""

MOST_FAULTS = 3
"""So many in a row, and the address is left alone."""

REST = 30.0
"""For so many seconds."""

_log = structlog.get_logger(__name__)


class _Answer(msgspec.Struct, frozen=True):
    intent: Intent | None
    confidence: Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]


class ByHttp:
    """Asks an address. `secret` goes along as a bearer token, so that the classifier knows who asks."""

    def __init__(self, secret: str = "", *, rest: float = REST) -> None:
        self._headers = {"Authorization": f"Bearer {secret}"} if secret else {}
        self._rest = rest
        self._http: ClientSession | None = None
        self._faults = 0
        self._rests_until = 0.0
        self._url = ""

    async def ask(self, url: str, text: str) -> Reading | None:
        """What is at `url` says of `text`, without its language; None where it does not say it properly, or rests."""
        if url != self._url:
            self._url, self._faults, self._rests_until = url, 0, 0.0
        if time.monotonic() < self._rests_until:
            return None
        try:
            answer = msgspec.json.decode(await self._post(url, text), type=_Answer)
        except (ClientError, OSError, TimeoutError, ValueError) as error:
            self._faults += 1
            if self._faults >= MOST_FAULTS:
                self._rests_until = time.monotonic() + self._rest
            _log.warning("classifier_failed", url=url, faults=self._faults, reason=str(error) or type(error).__name__)
            return None
        self._faults = 0
        return Reading(answer.intent, answer.confidence)

    async def _post(self, url: str, text: str) -> bytes:
        if self._http is None:
            self._http = ClientSession(timeout=ClientTimeout(total=TIMEOUT))
        async with self._http.post(
            url, json={"text": text[:LONGEST_TEXT]}, headers=self._headers, allow_redirects=False
        ) as response:
            if response.status != HTTPStatus.OK:
                raise ValueError(f"answered {response.status}")
            body = bytearray()
            async for piece in response.content.iter_any():
                body += piece
                if len(body) > LONGEST_ANSWER:
                    raise ValueError(f"answered more than {LONGEST_ANSWER} bytes")
            return bytes(body)

    async def close(self) -> None:
        """Let the connections go."""
        if self._http is not None:
            await self._http.close()
