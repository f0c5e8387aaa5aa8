"""Errors leave as problem+json and tell what to do, never what is inside."""

import pytest
from aiohttp import web

from inbox.model.errors import Conflict, Forbidden, Invalid, NotFound, ProviderUnavailable, Taken
from inbox.model.failures import CredentialsRejected, Refused, RetryLater, Uncertain
from web.doors.problems import Problem, problem_middleware


@pytest.mark.parametrize(
    ("error", "status", "fields"),
    [
        (NotFound("no such thing"), 404, []),
        (Forbidden("not yours"), 403, []),
        (Invalid("email", "give an address"), 422, ["email"]),
        (Taken("email", "another manager has it"), 409, ["email"]),
        (Conflict("somebody was first", current=4), 409, []),
        (ProviderUnavailable("Telegram did not answer"), 502, []),
        (CredentialsRejected("the token is dead"), 422, ["settings"]),
        (Refused("too long"), 422, ["channel"]),
        (RetryLater("busy", after=7), 502, []),
        (Uncertain("no answer"), 502, []),
        (TimeoutError(), 503, []),
        (web.HTTPNotFound(), 404, []),
        (web.HTTPRequestEntityTooLarge(max_size=1, actual_size=2), 413, []),
        (Problem(429, "slower", headers={"Retry-After": "9"}), 429, []),
        (LookupError("the secret of the house"), 500, []),
    ],
)
async def test_every_error_has_its_status(aiohttp_client, error, status, fields):
    async def fail(request: web.Request) -> web.Response:
        raise error

    app = web.Application(middlewares=[problem_middleware(None)])
    app.router.add_get("/api/fail", fail)
    answer = await (await aiohttp_client(app)).get("/api/fail")
    problem = await answer.json(content_type="application/problem+json")
    assert answer.status == problem["status"] == status
    assert {"type", "title", "detail", "instance"} <= problem.keys()
    assert [row["field"] for row in problem.get("errors", [])] == fields
    assert "secret" not in await answer.text()
    assert ("Retry-After" in answer.headers) == (status in (429, 502, 503))
    assert problem.get("current_version") == (4 if isinstance(error, Conflict) and error.current else None)


async def test_people_get_a_page_where_there_is_one(aiohttp_client):
    async def render(request: web.Request, problem: Problem) -> web.Response:
        return web.Response(status=problem.status, text=f"<p>{problem.detail}", content_type="text/html")

    app = web.Application(middlewares=[problem_middleware(render)])
    client = await aiohttp_client(app)
    browser = {"Accept": "text/html,*/*"}
    assert (await client.get("/nowhere", headers=browser)).content_type == "text/html"
    assert (await client.get("/api/nowhere", headers=browser)).content_type == "application/problem+json"
    assert (await client.get("/nowhere")).content_type == "application/problem+json"


async def test_redirects_are_no_errors(aiohttp_client):
    async def elsewhere(request: web.Request) -> web.Response:
        raise web.HTTPSeeOther("/there")

    app = web.Application(middlewares=[problem_middleware(None)])
    app.router.add_get("/here", elsewhere)
    answer = await (await aiohttp_client(app)).get("/here", allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/there")
