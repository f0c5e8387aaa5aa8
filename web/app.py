"""From settings to a listening server and back: everything is opened and closed in one readable list."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

import structlog
import uvloop
from aiohttp import web

from inbox.managers import NewManager
from inbox.model.errors import Conflict, DomainError
from inbox.model.people import Role
from inbox.storage.database import Database, connect
from inbox.storage.errors import is_unavailable
from inbox.storage.meta import MetaStore
from inbox.storage.migrations import SchemaTooNew, migrate
from inbox.storage.s3 import BucketAddress, Buckets
from web.api.routes import add_api
from web.api.services import ApiServices
from web.doors.addresses import TrustedProxies
from web.doors.gate import Doors
from web.doors.passwords import Passwords
from web.doors.signin import SignIn
from web.doors.throttle import LoginThrottle
from web.embedded import embedded_databases
from web.express import ExpressLane
from web.files import LinkedFiles
from web.house import House, connect_redis
from web.memory import share_one_pool
from web.operations import Operations
from web.order_hooks import OrderHooks
from web.pages.entry import Welcome
from web.pages.routes import add_pages, problem_page
from web.settings import Settings, SettingsError, resolve_secret_key
from web.staff_hooks import StaffHooks
from web.webhooks import Webhooks

START_SECONDS = 20.0
"""How long a database that was named in the settings may take to answer at start-up."""

DRAIN_SECONDS = 5.0
"""How long requests under way may take when the server stops."""

BACKLOG = 1024
"""How many connections may wait to be taken."""

EXPRESS = web.AppKey("express", ExpressLane)
"""Which calls an application answers before it is asked."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: where it listens, and the parts behind it."""

    url: str
    house: House
    app: web.Application


def serve(settings: Settings, host: str, port: int) -> int:
    """Serve until SIGTERM or SIGINT; returns the process's exit code."""
    share_one_pool()
    return uvloop.run(_serve_until_stopped(settings, host, port))


async def _serve_until_stopped(settings: Settings, host: str, port: int) -> int:
    stop = stop_signal()
    async with running(settings, host, port) as server:
        _log.info("listening", url=server.url)
        await stop.wait()
        _log.info("stopping")
    _log.info("stopped")
    return 0


def stop_signal() -> asyncio.Event:
    """An event that SIGTERM and SIGINT set."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


@contextlib.asynccontextmanager
async def running(
    settings: Settings, host: str, port: int, *, frame_ancestors: Sequence[str] = (), welcome: Welcome | None = None
) -> AsyncIterator[Server]:
    """A server for the length of the context; port 0 takes a free one.

    `frame_ancestors` are sites that may frame the inbox, `welcome` is what a demo's sign-in page tells.
    """
    port = port or free_port(host)
    async with contextlib.AsyncExitStack() as stack:
        house = await _open_house(stack, settings, base_url=settings.public_url or f"http://{host}:{port}")
        app = build_app(settings, house, frame_ancestors, welcome)
        await stack.enter_async_context(house.working())
        bound = await stack.enter_async_context(listening(app, house, host=host, port=port))
        warming = asyncio.create_task(house.channels.warm())
        stack.callback(warming.cancel)
        yield Server(f"http://{bound[0]}:{bound[1]}", house, app)


@contextlib.asynccontextmanager
async def listening(app: web.Application, house: House, **where: Any) -> AsyncIterator[tuple[str, int]]:
    """Serve over HTTP for the length of the context; `where` as for `create_server`: `host` and `port`, or `sock`.

    At the end nobody new is let in, live sockets are closed, and calls under way are answered.
    """
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=DRAIN_SECONDS, handler_cancellation=False)
    await runner.setup()
    express = app[EXPRESS]
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(runner.cleanup)
        connections = express.before(cast("web.Server", runner.server))
        listener = await asyncio.get_running_loop().create_server(connections, backlog=BACKLOG, **where)
        stack.push_async_callback(express.drained)
        stack.callback(house.feed.close)
        stack.callback(listener.close)
        bound = listener.sockets[0].getsockname()
        yield bound[0], bound[1]


def free_port(host: str) -> int:
    """A port that nobody listens on: webhooks are registered under it before the server itself does."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as probe:
        return int(probe.getsockname()[1])


@contextlib.asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[House]:
    """The house without workers and without a server, for commands; beside a server that runs, over its databases."""
    async with contextlib.AsyncExitStack() as stack:
        base_url = settings.public_url or "http://127.0.0.1:8080"
        house = await _open_house(stack, settings, base_url=base_url, join=True)
        stack.push_async_callback(house.channels.close)
        yield house


async def _open_house(
    stack: contextlib.AsyncExitStack, settings: Settings, *, base_url: str, join: bool = False
) -> House:
    secret_key = resolve_secret_key(settings)
    databases = await stack.enter_async_context(
        embedded_databases(
            settings.data_dir, mongodb=settings.mongodb_url is None, redis=settings.redis_url is None, join=join
        )
    )
    database = connect(settings.mongodb_url or databases.mongodb_url or "", settings.mongodb_database)
    stack.callback(database.close)
    redis = connect_redis(settings.redis_url or databases.redis_url or "")
    stack.push_async_callback(redis.aclose)
    await _wait_for(database)
    try:
        await migrate(database)
    except SchemaTooNew as error:
        raise SettingsError(str(error)) from error
    house = House(
        database,
        redis,
        secret_key=secret_key,
        base_url=base_url,
        buckets=_buckets(settings),
        file_links_last=timedelta(days=settings.file_link_days),
        private_webhooks=settings.private_webhooks,
        classifier_secret=settings.classifier_secret.get_secret_value() if settings.classifier_secret else "",
    )
    if not await MetaStore(database).same_key(house.box.fingerprint):
        raise SettingsError(
            "SKRYNKA_SECRET_KEY: this is not the key that the database's channel secrets were stored with;"
            " give every process the key of the first one"
        )
    await house.rules.install()
    await _first_owner(settings, house)
    return house


def _buckets(settings: Settings) -> Buckets | None:
    if settings.s3_url is None or settings.s3_access_key is None or settings.s3_secret_key is None:
        return None
    address = BucketAddress(
        url=settings.s3_url,
        region=settings.s3_region,
        access_key=settings.s3_access_key.get_secret_value(),
        secret_key=settings.s3_secret_key.get_secret_value(),
    )
    return Buckets(address, settings.s3_bucket or "")


async def _wait_for(database: Database) -> None:
    deadline = asyncio.get_running_loop().time() + START_SECONDS
    while True:
        try:
            await database.ping()
        except Exception as error:
            if not is_unavailable(error):
                raise SettingsError(f"SKRYNKA_MONGODB_URL: {error}") from error
            if asyncio.get_running_loop().time() > deadline:
                raise SettingsError("SKRYNKA_MONGODB_URL: no primary of a replica set answers there") from error
            await asyncio.sleep(0.2)
        else:
            return


async def _first_owner(settings: Settings, house: House) -> None:
    """Create the owner that the environment names, on a shop that has nobody yet."""
    if settings.admin_email is None or settings.admin_password is None or await house.manager_store.exists():
        return
    password = settings.admin_password.get_secret_value()
    try:
        hashed = await Passwords().hash(password)
        owner = NewManager(email=settings.admin_email, name="Owner", password_hash=hashed, role=Role.OWNER)
        await house.managers.create(owner, by=None)
    except Conflict:
        _log.info("first_owner_exists")  # Another process was first.
    except DomainError as error:
        raise SettingsError(f"SKRYNKA_ADMIN_EMAIL, SKRYNKA_ADMIN_PASSWORD: {error}") from error


def services_of(house: House, passwords: Passwords) -> ApiServices:
    """What the API's handlers need of a house."""
    return ApiServices(
        assigner=house.assigner,
        audit=house.audit,
        avatars=house.avatars,
        cards=house.cards,
        channels=house.channels,
        codes=house.codes,
        conversations=house.conversations,
        customer_fields=house.customer_fields,
        customer_notes=house.customer_notes,
        customers=house.customers,
        erasing=house.erasing,
        feed=house.feed,
        follow_ups=house.follow_ups,
        gathering=house.gathering,
        handing_over=house.handing_over,
        imports=house.imports,
        lists=house.lists,
        macros=house.macros,
        managers=house.managers,
        media=house.media,
        merging=house.merging,
        messages=house.messages,
        notices=house.notices,
        order_sources=house.order_sources,
        orders=house.orders,
        personal_data=house.personal_data,
        passwords=passwords,
        pipeline=house.pipeline,
        presence=house.presence,
        previews=house.previews,
        quarantine=house.quarantine,
        replies=house.replies,
        reports=house.reports,
        routing_setup=house.routing_setup,
        rules=house.rules,
        dry_runs=house.dry_runs,
        webhooks=house.webhooks,
        search=house.search,
        settings=house.settings,
        staff_accounts=house.staff_accounts,
        suggesting=house.suggesting,
        suggestions=house.suggestions,
        tasks=house.tasks,
        tracking=house.tracking,
        timeline=house.timeline,
        teams=house.teams,
    )


def build_app(
    settings: Settings, house: House, frame_ancestors: Sequence[str] = (), welcome: Welcome | None = None
) -> web.Application:
    """All endpoints over the house."""
    passwords = Passwords()
    sign_in = SignIn(
        house.manager_store, house.session_store, passwords, LoginThrottle(house.redis, namespace=house.database.name)
    )
    doors = Doors(
        sign_in=sign_in,
        audit=house.audit,
        proxies=TrustedProxies(map(str, settings.trusted_proxies)),
        public_url=settings.public_url,
        frame_ancestors=frame_ancestors,
        render_page=problem_page(),
    )
    app = web.Application()
    doors.install(app)
    webhooks = Webhooks(house.channels, house.journal)
    app[EXPRESS] = ExpressLane(webhooks, doors.headers)
    operations = Operations(
        house.database, house.redis, house.journal_store, house.outbox_store, house.channels, house.metrics
    )
    doors.add(app, webhooks.table())
    doors.add(app, OrderHooks(house.order_sources, house.journal).table())
    doors.add(app, StaffHooks(house.staff_accounts, house.staff_journal).table())
    doors.add(app, operations.table())
    doors.add(app, LinkedFiles(house.media, house.links).table())
    services = services_of(house, passwords)
    add_api(app, doors, services)
    add_pages(app, doors, services, welcome)
    return app
