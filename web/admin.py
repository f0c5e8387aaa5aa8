"""`skrynka admin`: looking after the people who may sign in, from the server's terminal."""

import uvloop

from inbox.managers import NewManager
from inbox.model.errors import DomainError
from inbox.model.people import Role
from web.app import opened
from web.doors.passwords import Passwords
from web.settings import Settings, SettingsError


def add(settings: Settings, email: str, name: str, role: str, password: str) -> int:
    """Add a person; prints a line and returns the exit code. Raises `SettingsError` naming what is wrong."""
    return uvloop.run(_add(settings, email, name, role, password))


async def _add(settings: Settings, email: str, name: str, role: str, password: str) -> int:
    async with opened(settings) as house:
        try:
            hashed = await Passwords().hash(password)
            manager = await house.managers.create(
                NewManager(email=email, name=name.strip(), password_hash=hashed, role=Role(role)), by=None
            )
        except DomainError as error:
            raise SettingsError(str(error)) from error
    print(f"{manager['email']} may sign in as {role}")  # noqa: T201 - a line for the person at the terminal
    return 0
