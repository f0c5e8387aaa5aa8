"""Every error leaves as `application/problem+json` (RFC 9457), or as a page where a person looks.

- `inbox.model.errors`: 404, 403, 422 and 409, as they say themselves
- `inbox.model.failures`: the provider; 422 where it refused, 502 where it may work later
- storage unavailable: 503 with Retry-After
- `Problem`: what the doors themselves refuse
- anything else: 500, told to the log and not to the client
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import structlog
from aiohttp import web
from pydantic import ValidationError

from inbox.model.errors import Conflict, DomainError, Forbidden, Invalid, NotFound, ProviderUnavailable, Taken, TooOften
from inbox.model.failures import ChannelFailure, CredentialsRejected, Refused, RetryLater
from inbox.model.remedies import remedy
from inbox.storage.errors import is_unavailable
from web.doors.answers import json_bytes
from web.doors.headers import name_request

RETRY_AFTER_SECONDS = 2
MEDIA_TYPE = "application/problem+json"

PageRenderer = Callable[[web.Request, "Problem"], Awaitable[web.StreamResponse]]

_BRANCH = re.compile(r"constrained-\w+|(dict|list|tuple)\[.+\]")
_log = structlog.get_logger(__name__)


class FieldError(dict[str, str]):
    """`{field, message}`: where in the request something is wrong, and what to do about it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(field=field, message=message)


class Problem(Exception):
    """A refusal with its HTTP status; `members` are what it tells besides (RFC 9457, section 3.2)."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        current_version: int | None = None,
        members: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = list(errors)
        self.headers = dict(headers or {})
        self.current_version = current_version
        self.members = members or {}

    def response(self, instance: str) -> web.Response:
        """The answer that tells it."""
        document = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
            **({"errors": self.errors} if self.errors else {}),
            **({} if self.current_version is None else {"current_version": self.current_version}),
            **self.members,
        }
        return web.Response(
            status=self.status, body=json_bytes(document), content_type=MEDIA_TYPE, headers=self.headers
        )


def invalid_fields(error: ValidationError, whole: str) -> Problem:
    """What pydantic found wrong, each under its field's name; `whole` names the request part itself."""
    found = error.errors(include_url=False, include_input=False)
    if found[0]["type"] == "json_invalid":
        return Problem(400, "the body is not JSON", errors=[FieldError(whole, found[0]["msg"])])
    errors = [FieldError(_named(row["loc"]) or whole, remedy(row)) for row in found]
    return Problem(422, f"{errors[0]['field']}: {errors[0]['message']}", errors=errors)


def _named(loc: Sequence[int | str]) -> str:
    """A field's name without the words by which pydantic tells apart what a value might have been."""
    return ".".join(str(part) for part in loc if not _BRANCH.fullmatch(str(part)))


def _problem(error: Exception) -> Problem | None:
    """The refusal that an exception stands for, if it stands for one."""
    if isinstance(error, Problem):
        return error
    for kind, tell in _TELLERS:
        if isinstance(error, kind):
            return tell(error)
    if is_unavailable(error):
        retry = {"Retry-After": str(RETRY_AFTER_SECONDS)}
        return Problem(503, "the database does not answer; try again shortly", headers=retry)
    return None


def _field_problem(status: int) -> Callable[[Any], Problem]:
    return lambda error: Problem(status, str(error), errors=[FieldError(error.field, error.remedy)])


def _conflict_problem(error: Conflict) -> Problem:
    return Problem(409, str(error), current_version=error.current, members=error.choices)


def _provider_problem(error: ChannelFailure) -> Problem:
    if isinstance(error, CredentialsRejected | Refused):
        field = "settings" if isinstance(error, CredentialsRejected) else "channel"
        return Problem(422, str(error), errors=[FieldError(field, str(error))])
    after = (error.after if isinstance(error, RetryLater) else None) or RETRY_AFTER_SECONDS
    return Problem(502, f"the provider: {error}", headers={"Retry-After": str(int(after) or 1)})


def _http_problem(error: web.HTTPException) -> Problem:
    match error:
        case web.HTTPMethodNotAllowed():
            allowed = ", ".join(sorted(error.allowed_methods))
            return Problem(405, f"allowed here: {allowed}", headers={"Allow": allowed})
        case web.HTTPNotFound():
            return Problem(404, "there is nothing at this address")
        case web.HTTPRequestEntityTooLarge():
            return Problem(413, "the body is too large")
    return Problem(error.status, error.reason)


# Special before general: the first that fits speaks.
_TELLERS: tuple[tuple[type[Exception], Callable[[Any], Problem]], ...] = (
    (NotFound, lambda error: Problem(404, str(error))),
    (Forbidden, lambda error: Problem(403, str(error))),
    (Invalid, _field_problem(422)),
    (Taken, _field_problem(409)),
    (Conflict, _conflict_problem),
    (ProviderUnavailable, lambda error: Problem(502, str(error), headers={"Retry-After": str(RETRY_AFTER_SECONDS)})),
    (TooOften, lambda error: Problem(429, str(error), headers={"Retry-After": str(int(error.after))})),
    (DomainError, lambda error: Problem(422, str(error))),
    (ChannelFailure, _provider_problem),
    (web.HTTPException, _http_problem),
)


def problem_middleware(render_page: PageRenderer | None) -> Any:
    """Name requests and turn exceptions into answers: one layer, since every webhook passes it.

    `render_page` makes answers for people; without it everybody gets JSON.
    """

    @web.middleware
    async def answer_problems(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        name_request(request)
        try:
            return await handler(request)
        except Exception as error:
            if isinstance(error, web.HTTPException) and error.status < HTTPStatus.BAD_REQUEST:
                raise
            if isinstance(error, ConnectionResetError):
                # The client left in the middle of an answer; there is nobody to tell.
                raise
            problem = _problem(error)
            if problem is None:
                _log.exception("request_failed", method=request.method, path=request.path)
                problem = Problem(500, "something broke on our side; the log has it under this request's id")
            elif problem.status == HTTPStatus.SERVICE_UNAVAILABLE:
                _log.warning("storage_unavailable", method=request.method, path=request.path, error=str(error))
            wants_page = not request.path.startswith("/api/") and "text/html" in request.headers.get("Accept", "")
            if render_page is not None and wants_page:
                return await render_page(request, problem)
            return problem.response(request.path)

    return answer_problems
