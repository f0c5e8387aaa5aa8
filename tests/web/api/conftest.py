"""The API on a real server in front of real databases, and somebody of every role signed in."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import DummyCookieJar, web
from aiohttp.test_utils import TestClient, TestServer

from inbox.managers import NewManager
from inbox.model.people import Role
from tests.passwords import quick_hash
from tests.web.api.desk import PASSWORD, Caller, Desk
from web.api.routes import add_api
from web.app import services_of
from web.doors.addresses import TrustedProxies
from web.doors.gate import Doors
from web.doors.passwords import Passwords
from web.doors.signin import SignIn
from web.doors.throttle import LoginThrottle
from web.house import House


@pytest.fixture
async def desk(house: House) -> AsyncIterator[Desk]:
    """The API over `house`, whose workers sleep: what the API itself promises needs none of them."""
    passwords = Passwords()
    throttle = LoginThrottle(house.redis, namespace=house.database.name)
    sign_in = SignIn(house.manager_store, house.session_store, passwords, throttle)
    doors = Doors(sign_in=sign_in, audit=house.audit, proxies=TrustedProxies(), public_url=None)
    app = web.Application()
    doors.install(app)
    add_api(app, doors, services_of(house, passwords))
    client = TestClient(TestServer(app), cookie_jar=DummyCookieJar())
    await client.start_server()
    people = {"anonymous": Caller(client)}
    password_hash = quick_hash(PASSWORD)
    for role in Role:
        email = f"{role}@shop.example"
        await house.managers.create(
            NewManager(email=email, name=role.title(), password_hash=password_hash, role=role), by=None
        )
        token, manager = await sign_in.sign_in(email, PASSWORD, address="192.0.2.1", agent="tests")
        people[role] = Caller(client, token, manager["_id"])
    yield Desk(house, client, doors.table, people)
    house.feed.close()
    await client.close()
    passwords.close()
