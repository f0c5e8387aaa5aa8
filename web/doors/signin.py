"""Signing in and out: tokens go to their owners, only hashes stay."""

import asyncio
import hashlib
import secrets
from datetime import timedelta
from typing import Any

from aiohttp import web

from inbox.managers import normalised_email
from inbox.model.errors import Invalid
from inbox.model.ids import now
from inbox.model.people import Viewer
from inbox.storage.database import Document
from inbox.storage.managers import ManagerStore
from inbox.storage.sessions import SessionStore
from web.doors.passwords import AT_ONCE, Passwords
from web.doors.problems import Problem
from web.doors.table import Session
from web.doors.throttle import LoginThrottle

COOKIE = "skrynka_session"
LIFETIME = timedelta(days=30)

_EXTEND_AFTER = timedelta(hours=1)
_TOKEN_BYTES = 32
_AGENT_LIMIT = 200
_RENEWED = web.RequestKey("renewed", str)
_WRONG = "the e-mail address or the password is wrong"


def session_key(token: str) -> str:
    """Under what a token's session is kept."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()


def csrf_token(token: str) -> str:
    """The session's CSRF token: bound to it, useless for finding it."""
    return hashlib.sha256(b"csrf:" + token.encode(errors="surrogatepass")).hexdigest()


class SignIn:
    """Opens, finds and ends sessions."""

    def __init__(
        self, managers: ManagerStore, sessions: SessionStore, passwords: Passwords, throttle: LoginThrottle
    ) -> None:
        self._managers = managers
        self._sessions = sessions
        self._passwords = passwords
        self._throttle = throttle
        # A guess is judged whole, from the look at the throttle to the count of its failure, so that guesses sent all
        # at once cannot slip past the limit together.
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def sign_in(self, email: str, password: str, *, address: str, agent: str) -> tuple[str, Document]:
        """A new session's token and its manager. Raises `Problem` 401 or 429."""
        try:
            account = normalised_email(email)
        except Invalid:
            account, manager = email, None
        else:
            manager = await self._managers.by_email(account)
        known = manager if manager is not None and manager["active"] else None
        await self.prove(account, known["password_hash"] if known else None, password, address=address)
        if known is None:
            raise RuntimeError("nobody proved to be somebody")
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        await self._sessions.open(
            session_key(token), known["_id"], expires_at=now() + LIFETIME, address=address, agent=agent[:_AGENT_LIMIT]
        )
        return token, known

    async def prove(self, account: str, password_hash: str | None, password: str, *, address: str) -> None:
        """Return if this is the account's password. Raises `Problem` 401, or 429 after too many that were not."""
        async with self._turn:
            seconds = await self._throttle.wait(account, address)
            if seconds:
                retry = {"Retry-After": str(seconds)}
                raise Problem(429, f"too many failed attempts; try again in {seconds} s", headers=retry)
            if not await self._passwords.matches(password_hash, password):
                await self._throttle.failed(account, address)
                raise Problem(401, _WRONG)
        await self._throttle.succeeded(account, address)

    async def find(self, request: web.Request) -> Session | None:
        """The living session that a request shows, by `Authorization: Bearer` or by cookie; showing it extends it."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        by_cookie = scheme.lower() != "bearer"
        if by_cookie:
            token = request.cookies.get(COOKIE, "")
        token = token.strip()
        if not token:
            return None
        key = session_key(token)
        found = await self._sessions.holder(key)
        if found is None:
            return None
        session, manager = found
        expires_at = now() + LIFETIME
        if expires_at - session["expires_at"] > _EXTEND_AFTER:
            await self._sessions.extend(key, expires_at)
            if by_cookie:
                request[_RENEWED] = token
        return Session(
            key=key,
            viewer=Viewer.of(manager),
            manager=manager,
            by_cookie=by_cookie,
            csrf_token=csrf_token(token),
        )

    async def viewer(self, key: str) -> Viewer | None:
        """Whose living session this is, as they are now; None once it is over."""
        found = await self._sessions.holder(key)
        return Viewer.of(found[1]) if found is not None else None

    async def sign_out(self, session: Session) -> None:
        """End one session."""
        await self._sessions.end(session.key)


def renewal_signal(*, secure: bool) -> Any:
    """An `on_response_prepare` signal: the browser's copy of an extended session lives on with it."""

    async def renew(request: web.Request, response: web.StreamResponse) -> None:
        token = request.get(_RENEWED)
        if token is not None and COOKIE not in response.cookies:
            set_cookie(response, token, secure=secure)
            # At this moment aiohttp has already written the cookies into the headers.
            response.headers.add("Set-Cookie", response.cookies[COOKIE].OutputString())

    return renew


def set_cookie(response: web.StreamResponse, token: str, *, secure: bool) -> None:
    """Hand the browser its session."""
    response.set_cookie(
        COOKIE,
        token,
        max_age=int(LIFETIME.total_seconds()),
        path="/",
        secure=secure,
        httponly=True,
        samesite="Lax",
    )


def clear_cookie(response: web.StreamResponse, *, secure: bool) -> None:
    """Have the browser forget its session."""
    response.del_cookie(COOKIE, path="/", secure=secure, httponly=True, samesite="Lax")
