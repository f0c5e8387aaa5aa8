"""Sessions: opaque, hashed at rest, sliding, and over when they are over."""

import time
from datetime import timedelta

import pytest

from inbox.model.ids import now
from tests.web.doors.house import PASSWORD, BuildHouse, House, by_cookie
from web.doors.problems import Problem
from web.doors.signin import LIFETIME, session_key


@pytest.fixture
async def house(build_house: BuildHouse) -> House:
    return await build_house()


async def test_only_the_hash_of_a_token_is_kept(house, database):
    token = await house.token()
    (session,) = await database.durable.sessions.find().to_list(None)
    assert session["_id"] == session_key(token)
    assert token not in str(session)
    assert len(token) >= 43, "256 bits"


async def test_the_address_may_be_written_in_any_case(house):
    token, manager = await house.sign_in.sign_in(" OWNER@shop.Example", PASSWORD, address="::1", agent="")
    assert manager["_id"] == house.owner["_id"]
    assert token


@pytest.mark.parametrize("email", ["owner@shop.example", "nobody@shop.example", "no address at all", "\ud800"])
async def test_wrong_passwords_and_unknown_accounts_look_the_same(house, email):
    with pytest.raises(Problem, match="the e-mail address or the password is wrong") as refusal:
        await house.sign_in.sign_in(email, "wrong horse", address="203.0.113.1", agent="")
    assert refusal.value.status == 401


async def test_unknown_accounts_take_as_long(house, passwords):
    async def seconds(password_hash: str | None) -> float:
        started = time.perf_counter()
        assert not await passwords.matches(password_hash, "wrong horse")
        return time.perf_counter() - started

    # Side by side and the best of many, since the machine does other things too.
    pairs = [(await seconds(house.owner["password_hash"]), await seconds(None)) for _ in range(15)]
    known, unknown = (min(times) for times in zip(*pairs, strict=True))
    assert 0.5 < known / unknown < 2


async def test_use_extends_a_session_and_an_old_one_ends(house, serve, database):
    client = await serve(house)
    token = await house.token()
    headers = {"Authorization": f"Bearer {token}"}
    sessions = database.durable.sessions

    async def expire_in(left: timedelta) -> None:
        await sessions.update_one({"_id": session_key(token)}, {"$set": {"expires_at": now() + left}})

    await expire_in(timedelta(days=1))
    assert (await client.get("/api/inside", headers=headers)).status == 200
    extended = (await sessions.find_one({"_id": session_key(token)}))["expires_at"]
    assert extended > now() + LIFETIME - timedelta(minutes=1)
    await expire_in(timedelta(seconds=-1))
    assert (await client.get("/api/inside", headers=headers)).status == 401


async def test_the_browsers_cookie_lives_on_with_its_session(house, serve, database):
    client = await serve(house)
    token = await house.token()
    fresh = await client.get("/api/inside", headers=by_cookie(token))
    assert "Set-Cookie" not in fresh.headers
    earlier = now() + LIFETIME - timedelta(days=1)
    await database.durable.sessions.update_one({"_id": session_key(token)}, {"$set": {"expires_at": earlier}})
    renewed = await client.get("/api/inside", headers=by_cookie(token))
    assert f"skrynka_session={token}" in renewed.headers["Set-Cookie"]
    assert "HttpOnly" in renewed.headers["Set-Cookie"]


@pytest.mark.parametrize(("public_url", "secure"), [(None, False), ("https://inbox.example", True)])
async def test_the_cookie_is_out_of_reach(build_house, serve, public_url, secure):
    client = await serve(await build_house(public_url=public_url))
    answer = await client.post("/api/enter", json={"email": "owner@shop.example", "password": PASSWORD})
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Path=/" in cookie
    assert ("Secure" in cookie) is secure
