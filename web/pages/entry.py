"""What stands before the inbox: sign-in, static files, and refusals as pages."""

import gettext
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

from aiohttp import web
from pydantic import StringConstraints

from web.doors.bodies import Query
from web.doors.headers import REQUEST_ID
from web.doors.problems import Problem
from web.doors.table import Call
from web.pages.pages import KIND_STYLES, Pages

_ = gettext.NullTranslations().gettext

HOME = "/inbox"

_FOREVER = "public, max-age=31536000, immutable"

_WORDS = {
    HTTPStatus.FORBIDDEN: (_("Not for you"), _("This part of the inbox is for admins. Ask one of them.")),
    HTTPStatus.NOT_FOUND: (_("There is nothing here"), _("The address is wrong, or what was here is gone.")),
    HTTPStatus.SERVICE_UNAVAILABLE: (
        _("One moment"),
        _("The database does not answer. Nothing is lost; it usually takes a few seconds."),
    ),
}
_BROKEN = (_("Something broke on our side"), _("It has been written down. Try again; if it stays, tell an admin."))


class NextQuery(Query):
    """Where somebody wanted to go before they had to sign in."""

    next: Annotated[str, StringConstraints(max_length=2000)] = HOME


def local(path: str) -> str:
    """The path if it stays on this site, else the inbox. Two slashes, of either kind, would leave it."""
    stays = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if stays else HOME


@dataclass(frozen=True, slots=True, kw_only=True)
class Guest:
    """Somebody as whom a newcomer may sign in. `tells` says who they are."""

    name: str
    email: str
    password: str
    tells: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Welcome:
    """What the sign-in page of a demo tells: as whom one may sign in, and where the customer's phone is."""

    phone_url: str
    guests: tuple[Guest, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryPages:
    """`/login`, `/static/…`, and what refusals look like."""

    pages: Pages
    welcome: Welcome | None = None

    async def login(self, call: Call[None, NextQuery]) -> web.Response:
        """Sign in."""
        return self.pages.html(call.request, "login.html", next=local(call.query.next), welcome=self.welcome)

    async def static(self, call: Call[None, None]) -> web.StreamResponse:
        """A file of the front end."""
        current = call.path("version") == self.pages.version
        headers = {"Cache-Control": _FOREVER if current else "no-cache"}
        if call.path("path") == KIND_STYLES:
            return web.Response(text=self.pages.styles, content_type="text/css", headers=headers)
        root = self.pages.static.resolve()
        path = (root / call.path("path")).resolve()
        if not path.is_relative_to(root) or not path.is_file():
            raise Problem(404, "there is no such file")
        return web.FileResponse(path, headers=headers)

    async def icon(self, call: Call[None, None]) -> web.StreamResponse:  # noqa: ARG002 - a handler is called with its call
        """What browsers ask for by themselves."""
        return web.FileResponse(self.pages.static / "logo.svg", headers={"Cache-Control": "max-age=86400"})

    async def problem(self, request: web.Request, problem: Problem) -> web.StreamResponse:
        """A refusal as a page, with the next step."""
        title, text = _WORDS.get(HTTPStatus(problem.status), _BROKEN)
        if HTTPStatus.BAD_REQUEST <= problem.status < HTTPStatus.INTERNAL_SERVER_ERROR and problem.status not in _WORDS:
            title, text = _("That did not work"), problem.detail
        response = self.pages.html(
            request,
            "problem.html",
            status=problem.status,
            title=title,
            text=text,
            code=None,
            retry=problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR,
            request_id=request.get(REQUEST_ID) if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR else None,
        )
        response.headers.update(problem.headers)
        return response

    def unready(self, request: web.Request) -> web.Response:
        """What stands in for every page while the front-end files are missing."""
        return self.pages.html(
            request,
            "problem.html",
            status=503,
            title=_("The pages are not set up yet"),
            text=_(
                "The API and the webhooks work. The inbox needs its front-end files, which set-up brings in: run this"
                " in the project's folder, then start the server again."
            ),
            code=".ci/setup run",
            retry=True,
            request_id=None,
        )
