"""Doors with all that keeps them, on a real server in front of real databases."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from redis.asyncio import Redis

from inbox.managers import Managers, NewManager
from inbox.model.people import Role
from inbox.storage.audit import AuditStore
from inbox.storage.channels import ChannelStore
from inbox.storage.database import Database
from inbox.storage.managers import ManagerStore
from inbox.storage.sessions import SessionStore
from inbox.storage.teams import TeamStore
from tests.web.doors.house import PASSWORD, BuildHouse, Client, House, Serve, endpoints
from web.doors.addresses import TrustedProxies
from web.doors.gate import Doors
from web.doors.passwords import Passwords
from web.doors.signin import SignIn
from web.doors.throttle import LoginThrottle


@pytest.fixture
async def passwords() -> AsyncIterator[Passwords]:
    keeper = Passwords()
    yield keeper
    keeper.close()


@pytest.fixture
def build_house(database: Database, redis: Redis, passwords: Passwords) -> BuildHouse:
    """Builds the doors with the settings that a test is about."""

    async def build(
        *, public_url: str | None = None, proxies: tuple[str, ...] = (), frame_ancestors: tuple[str, ...] = ()
    ) -> House:
        manager_store, sessions = ManagerStore(database), SessionStore(database)

        async def nobody_minds(_: object) -> None:
            return None

        managers = Managers(
            manager_store,
            sessions,
            TeamStore(database),
            ChannelStore(database),
            on_deactivated=nobody_minds,
            on_changed=nobody_minds,
        )
        throttle = LoginThrottle(redis, namespace=database.name)
        audit = AuditStore(database)
        sign_in = SignIn(manager_store, sessions, passwords, throttle)
        owner = await managers.create(
            NewManager(
                email="owner@shop.example",
                name="Olena",
                password_hash=await passwords.hash(PASSWORD),
                role=Role.OWNER,
            ),
            by=None,
        )
        doors = Doors(
            sign_in=sign_in,
            audit=audit,
            proxies=TrustedProxies(proxies),
            public_url=public_url,
            frame_ancestors=frame_ancestors,
        )
        return House(doors, sign_in, managers, audit, owner)

    return build


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Puts a house with these tests' endpoints on a real port."""
    clients: list[Client] = []

    async def start(house: House) -> Client:
        app = web.Application()
        house.doors.install(app)
        house.doors.add(app, endpoints(house))
        client = TestClient(TestServer(app))
        await client.start_server()
        clients.append(client)
        return client

    yield start
    for client in clients:
        await client.close()
