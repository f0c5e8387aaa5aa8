"""The order of the doors: session, origin, role, query, body, and the audit behind the handler."""

import io

import pytest
from aiohttp import web

from inbox.storage.audit import AuditQuery
from tests.web.doors.house import BuildHouse, Client, House, Serve, by_cookie
from web.doors.signin import csrf_token


@pytest.fixture
async def house(build_house: BuildHouse) -> House:
    return await build_house()


@pytest.fixture
async def client(house: House, serve: Serve) -> Client:
    return await serve(house)


async def test_a_public_row_asks_for_nothing(client):
    answer = await client.get("/api/hello")
    assert answer.status == 200
    assert (await client.head("/api/hello")).status == 200


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer nonsense"}, {"Cookie": "skrynka_session=nonsense"}])
async def test_without_a_living_session_the_answer_is_401(client, headers):
    answer = await client.get("/api/inside", headers=headers)
    assert answer.status == 401
    assert answer.content_type == "application/problem+json"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


async def test_bearer_and_cookie_both_open(client, house):
    token = await house.token()
    assert (await client.get("/api/inside", headers={"Authorization": f"Bearer {token}"})).status == 200
    assert (await client.get("/api/inside", headers=by_cookie(token))).status == 200


async def test_a_wrong_bearer_token_is_not_rescued_by_a_cookie(client, house):
    headers = {"Authorization": "Bearer nonsense", **by_cookie(await house.token())}
    assert (await client.get("/api/inside", headers=headers)).status == 401


async def test_an_unknown_path_is_404_and_a_wrong_method_405(client):
    unknown = await client.get("/api/nowhere")
    assert (unknown.status, unknown.content_type) == (404, "application/problem+json")
    wrong = await client.delete("/api/hello")
    assert (wrong.status, wrong.headers["Allow"]) == (405, "GET, HEAD")
    assert (await wrong.json())["detail"] == "allowed here: GET, HEAD"


async def test_a_page_sends_to_sign_in_and_comes_back(client):
    answer = await client.get("/page?tab=mine", allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/login?next=%2Fpage%3Ftab%3Dmine")
    fragment = await client.get("/page", headers={"HX-Request": "true"})
    assert (fragment.status, fragment.headers["HX-Redirect"]) == (401, "/login")


async def test_a_server_with_a_route_that_came_past_the_table_does_not_start(house):
    async def stowaway(request: web.Request) -> web.Response:
        return web.Response(text="I should not be here")

    app = web.Application()
    house.doors.install(app)
    app.router.add_get("/stowaway", stowaway)
    runner = web.AppRunner(app)
    with pytest.raises(RuntimeError, match=r"/stowaway.*without a row"):
        await runner.setup()
    await runner.cleanup()


@pytest.mark.parametrize(
    ("sent", "status", "field"),
    [
        (b"{", 400, "body"),
        (b"", 400, "body"),
        (b"\xff\xfe", 400, "body"),
        (b"[1]", 422, "body"),
        (b'{"weight": "5"}', 422, "weight"),
        (b'{"weight": true}', 422, "weight"),
        (b"{}", 422, "weight"),
        (b'{"weight": 1, "colour": "red"}', 422, "colour"),
    ],
)
async def test_a_bad_body_is_refused_by_name(client, house, sent, status, field):
    headers = {"Authorization": f"Bearer {await house.token()}", "Content-Type": "application/json"}
    answer = await client.post("/api/parcels", data=sent, headers=headers)
    assert answer.status == status
    assert [error["field"] for error in (await answer.json())["errors"]] == [field]


async def test_a_huge_body_is_refused_while_it_comes(client, house):
    headers = {"Authorization": f"Bearer {await house.token()}"}

    async def endless():
        for _ in range(64):
            yield b" " * (1 << 16)

    assert (await client.post("/api/parcels", data=io.BytesIO(b" " * (1 << 21)), headers=headers)).status == 413
    assert (await client.post("/api/parcels", data=endless(), headers=headers)).status == 413


async def test_a_form_is_not_json(client, house):
    headers = {"Authorization": f"Bearer {await house.token()}"}
    assert (await client.post("/api/parcels", data={"weight": "1"}, headers=headers)).status == 415


class TestForgery:
    """A cookie travels with requests that other sites make; a bearer token does not."""

    OWN = "http://inbox.example:8080"

    @pytest.mark.parametrize(
        ("origin", "status"),
        [
            ("http://inbox.example:8080", 201),
            ("HTTP://INBOX.example:8080", 201),
            ("https://inbox.example:8080", 403),
            ("http://inbox.example", 403),
            ("http://inbox.example:8080.evil.example", 403),
            ("http://evil.example", 403),
            ("null", 403),
            ("", 403),
            ("http://[", 403),
        ],
    )
    async def test_the_origin_must_be_the_public_one(self, build_house, serve, origin, status):
        house = await build_house(public_url=self.OWN)
        client = await serve(house)
        headers = {**by_cookie(await house.token()), "Origin": origin}
        assert (await client.post("/api/parcels", json={"weight": 1}, headers=headers)).status == status

    async def test_without_a_public_address_the_host_that_was_asked_is_ours(self, client, house):
        cookie = by_cookie(await house.token())
        own = f"http://{client.host}:{client.port}"
        for origin, status in ((own, 201), ("http://evil.example", 403), (f"http://{client.host}:1", 403)):
            answer = await client.post("/api/parcels", json={"weight": 1}, headers={**cookie, "Origin": origin})
            assert answer.status == status, origin

    async def test_a_default_port_need_not_be_said(self, client, house):
        headers = {**by_cookie(await house.token()), "Host": "inbox.example", "Origin": "https://inbox.example:443"}
        assert (await client.post("/api/parcels", json={"weight": 1}, headers=headers)).status == 201

    async def test_without_an_origin_the_token_is_wanted(self, client, house):
        token = await house.token()
        right, other = csrf_token(token), csrf_token(await house.token())
        for sent, status in ((right, 201), (other, 403), ("", 403), ("ґ", 403)):
            headers = {**by_cookie(token), "X-CSRF-Token": sent.encode().decode("latin-1")}
            assert (await client.post("/api/parcels", json={"weight": 1}, headers=headers)).status == status, sent
        assert (await client.post("/api/parcels", json={"weight": 1}, headers=by_cookie(token))).status == 403

    async def test_a_foreign_origin_is_refused_whatever_the_token(self, client, house):
        token = await house.token()
        headers = {**by_cookie(token), "X-CSRF-Token": csrf_token(token), "Origin": "http://evil.example"}
        assert (await client.post("/api/parcels", json={"weight": 1}, headers=headers)).status == 403

    async def test_a_form_may_carry_the_token(self, client, house):
        token = await house.token()
        right = {"csrf_token": csrf_token(token), "say": "hello"}
        answer = await client.post("/form", data=right, headers=by_cookie(token))
        assert (answer.status, await answer.json()) == (200, {"said": "hello"})
        assert (await client.post("/form", data={"say": "hello"}, headers=by_cookie(token))).status == 403

    async def test_bearers_need_neither(self, client, house):
        headers = {"Authorization": f"Bearer {await house.token()}", "Origin": "http://evil.example"}
        assert (await client.post("/api/parcels", json={"weight": 1}, headers=headers)).status == 201

    async def test_reading_by_cookie_needs_neither(self, client, house):
        headers = {**by_cookie(await house.token()), "Origin": "http://evil.example"}
        assert (await client.get("/api/inside", headers=headers)).status == 200

    async def test_sockets_and_sign_in_look_at_a_foreign_origin(self, client, house):
        foreign = {"Origin": "http://evil.example"}
        token = await house.token()
        assert (await client.get("/api/socket", headers={**by_cookie(token), **foreign})).status == 403
        assert (await client.get("/api/socket", headers={"Authorization": f"Bearer {token}", **foreign})).status == 200
        credentials = {"email": "owner@shop.example", "password": "correct horse"}
        assert (await client.post("/api/enter", json=credentials, headers=foreign)).status == 403
        assert (await client.post("/api/enter", json=credentials)).status == 201


async def test_the_audit_tells_who_did_what_without_what_is_private(client, house):
    headers = {"Authorization": f"Bearer {await house.token()}", "X-Request-Id": "request-of-the-test"}
    body = {"weight": 7, "address": "Kharkiv, Sumska 1"}
    assert (await client.post("/api/parcels", json=body, headers=headers)).status == 201
    assert (await client.post("/api/parcels", json={"weight": None}, headers=headers)).status == 422
    (entry,) = await house.audit.page(AuditQuery())
    assert entry["action"] == "parcel.send"
    assert entry["actor"] == {"id": house.owner["_id"], "name": "Olena", "role": "owner"}
    assert entry["object_id"] == "parcel"
    assert entry["address"] == "127.0.0.1"
    assert entry["request_id"] == "request-of-the-test"
    assert entry["changed"] == {"address": None, "weight": 7}
