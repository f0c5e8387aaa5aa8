"""Signing in and out over the API."""

from tests.web.api.desk import PASSWORD
from web.api import shapes

MANAGER = {"email": "manager@shop.example", "password": PASSWORD}


async def test_signing_in_gives_a_token_and_a_cookie(desk):
    answer = (await desk.anonymous.call("POST", "/sessions", MANAGER)).fits(shapes.SessionShape)
    assert answer.status == 201
    assert answer.body["manager"]["email"] == "manager@shop.example"
    assert f"skrynka_session={answer.body['token']}" in answer.headers["Set-Cookie"]
    assert "password" not in answer.raw.decode()


async def test_the_csrf_token_of_the_answer_lets_a_browser_write(desk):
    session = (await desk.anonymous.call("POST", "/sessions", MANAGER)).body
    browser = {"Cookie": f"skrynka_session={session['token']}"}
    refused = await desk.anonymous.call("PATCH", "/me", {"name": "Halyna"}, headers=browser)
    assert refused.status == 403
    browser["X-CSRF-Token"] = session["csrf_token"]
    assert (await desk.anonymous.call("PATCH", "/me", {"name": "Halyna"}, headers=browser)).status == 200


async def test_a_wrong_password_says_no_more_than_an_unknown_account(desk):
    wrong = await desk.anonymous.call("POST", "/sessions", {**MANAGER, "password": "wrong horse"})
    unknown = await desk.anonymous.call("POST", "/sessions", {**MANAGER, "email": "nobody@shop.example"})
    assert wrong.status == unknown.status == 401
    assert wrong.body == unknown.body


async def test_signing_out_ends_this_session_only(desk):
    session = (await desk.anonymous.call("POST", "/sessions", MANAGER)).body
    bearer = {"Authorization": f"Bearer {session['token']}"}
    assert (await desk.anonymous.call("DELETE", "/sessions/current", headers=bearer)).status == 204
    assert (await desk.anonymous.call("GET", "/me", headers=bearer)).status == 401
    assert (await desk.manager.call("GET", "/me")).status == 200
