"""Whether a browser's request was made by our own pages."""

import secrets
from urllib.parse import urlsplit

from aiohttp import web

from web.doors.problems import Problem
from web.doors.table import Session

CSRF_HEADER = "X-CSRF-Token"
CSRF_FIELD = "csrf_token"

_FORMS = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})
_DEFAULT_PORTS = {"http": 80, "https": 443}


def _origin(url: str) -> tuple[str, str, int | None] | None:
    """Scheme, host and port of an address; None where it has none (`null`, rubbish)."""
    try:
        parts = urlsplit(url)
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return None
    if not parts.scheme or not parts.hostname:
        return None
    return parts.scheme, parts.hostname, port


class OriginGuard:
    """Knows our own origin: `public_url`'s, or where that is unset the Host that each request names."""

    def __init__(self, public_url: str | None) -> None:
        self._own = _origin(public_url) if public_url else None

    def refuse_foreign(self, request: web.Request) -> bool:
        """Raise `Problem` 403 for a foreign Origin; whether there was one of ours."""
        claimed = request.headers.get("Origin")
        if claimed is None:
            return False
        if not self._is_ours(claimed, request):
            raise Problem(403, "this request comes from another site")
        return True

    async def refuse_forged_write(self, request: web.Request, session: Session) -> None:
        """Raise `Problem` 403 unless our own page made this cookie-authenticated write."""
        if self.refuse_foreign(request):
            return
        token = request.headers.get(CSRF_HEADER, "")
        if not token and request.content_type in _FORMS:
            field = (await request.post()).get(CSRF_FIELD, "")
            token = field if isinstance(field, str) else ""
        if not secrets.compare_digest(token.encode(errors="surrogatepass"), session.csrf_token.encode()):
            raise Problem(403, f"send the session's CSRF token in {CSRF_HEADER}")

    def _is_ours(self, claimed: str, request: web.Request) -> bool:
        origin = _origin(claimed)
        if origin is None:
            return False
        if self._own is not None:
            return origin == self._own
        # A proxy may have taken the TLS off, so the scheme is the browser's word; the host must be the one asked for.
        scheme, host, port = origin
        own = _origin(f"{scheme}://{request.host}")
        return own is not None and own == (scheme, host, port)
