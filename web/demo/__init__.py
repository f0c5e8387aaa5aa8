"""`skrynka demo`: a shop with people, history and a phone to write from, in a directory that is thrown away.

Everything is the real thing: server, databases, the flow of messages. Only the messengers are played, by the sandbox.
"""

import asyncio
import contextlib
import tempfile
from pathlib import Path

import uvloop
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from channels.sandbox import Sandbox
from web.app import running, stop_signal
from web.demo.boutique import Boutique
from web.demo.cast import MANAGERS, PASSWORD
from web.demo.orders import open_boutique
from web.demo.parcels import send_parcels
from web.demo.stage import Stage
from web.pages.entry import Guest, Welcome
from web.settings import Settings

HOST = "127.0.0.1"
HIGHEST_PORT = 65535


class DemoSettings(Settings):
    """Settings that nobody's environment has a say in: made-up data must not get into a real database."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the names are pydantic's, which hands them by name
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


def run(port: int) -> int:
    """Show the demo until SIGTERM or SIGINT; returns the process's exit code."""
    return uvloop.run(_show_until_stopped(port))


async def _show_until_stopped(port: int) -> int:
    stopped = asyncio.create_task(stop_signal().wait())
    show = asyncio.create_task(_show(port))
    await asyncio.wait({stopped, show}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    show.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await show
    return 0


async def _show(port: int) -> None:
    _say("Setting up the demo shop …")
    async with contextlib.AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="skrynka-demo-"))
        sandbox = await _sandbox(stack, port)
        settings = DemoSettings(data_dir=Path(folder))
        server = await stack.enter_async_context(
            running(settings, HOST, port, frame_ancestors=[sandbox.url], welcome=_welcome(sandbox.url))
        )
        sandbox.inbox_url = server.url
        stage = Stage(server.house, sandbox)
        await stage.play()
        boutique = await stack.enter_async_context(Boutique(host=HOST))
        await open_boutique(server.house, server.url, boutique, stage.managers["oksana"])
        await send_parcels(server.house, sandbox)
        _say(_invitation(server.url, sandbox.url, boutique.url))
        await asyncio.Event().wait()


async def _sandbox(stack: contextlib.AsyncExitStack, port: int) -> Sandbox:
    """The messengers' side, on the port after the inbox's if that is free."""
    if 0 < port < HIGHEST_PORT:
        neighbour = Sandbox(host=HOST, port=port + 1)
        stack.push_async_callback(neighbour.close)
        with contextlib.suppress(OSError):
            await neighbour.open()
            return neighbour
    return await stack.enter_async_context(Sandbox(host=HOST))


def _welcome(phone_url: str) -> Welcome:
    guests = tuple(
        Guest(name=manager.name, email=manager.email, password=PASSWORD, tells=manager.tells)
        for manager in MANAGERS
        if manager.tells
    )
    return Welcome(phone_url=phone_url, guests=guests)


def _invitation(inbox_url: str, phone_url: str, boutique_url: str) -> str:
    width = max(len(manager.email) for manager in MANAGERS)
    people = "\n".join(f"    {one.email:<{width}}  {one.name}, {one.tells}" for one in MANAGERS if one.tells)
    return f"""
  The demo shop is open. Everything in it is made up and goes when you leave.

    {inbox_url}  the inbox
    {phone_url}  a customer's phone beside the inbox: write on the left, answer on the right
    {boutique_url}  the shop's own site: change an order there, it moves on in the inbox

  Sign in as one of them; the password is {PASSWORD}

{people}

  Ctrl-C closes the shop.
"""


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - for the person at the terminal
