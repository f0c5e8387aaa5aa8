"""The command line. What a command needs is imported when it runs, so that `--help` answers at once."""

from __future__ import annotations

import errno
import getpass
import socket
import sys
from collections.abc import Callable
from importlib.metadata import version
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, CycloptsError, Parameter
from cyclopts.validators import Number

if TYPE_CHECKING:
    from web.settings import Settings

Port = Annotated[int, Parameter(validator=Number(gte=0, lte=65535))]
Role = Literal["owner", "admin", "manager"]

INTERRUPTED = 130  # What a shell expects of a program that Ctrl-C ended.

app = App(
    name="skrynka",
    help="An omnichannel chat inbox for online shops.",
    version=lambda: version("skrynka"),
    result_action="return_value",
)
admin = App(name="admin", help="Look after the people who may sign in.")
app.command(admin)


class CommandError(Exception):
    """The command cannot be carried out; the message is one line for the person who typed it."""

    def __init__(self, message: str, exit_code: int = 2) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def main() -> None:
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Carry out one command line and return its exit code: 0 done, 1 tried and failed, 2 not asked for properly."""
    try:
        result = app(arguments, exit_on_error=False, print_error=False)
    except CycloptsError as error:
        return _complain(_in_one_line(error), 2)
    except CommandError as error:
        return _complain(str(error), error.exit_code)
    except KeyboardInterrupt:
        return INTERRUPTED
    return result if isinstance(result, int) else 0


@app.command
def serve(*, host: str = "127.0.0.1", port: Port = 8080) -> int:
    """Run the server with its workers in the foreground.

    Parameters
    ----------
    host
        The address to listen on.
    port
        The port to listen on; 0 takes any free one.
    """
    settings = _settings()
    require_free_address(host, port)
    from web.app import serve as serve_until_stopped

    return _with_databases(lambda: serve_until_stopped(settings, host, port))


@app.command
def demo(*, port: Port = 8080) -> int:
    """Run a shop with data, and a phone to write to it from, in a throw-away directory.

    Parameters
    ----------
    port
        The port to listen on; 0 takes any free one.
    """
    _settings(quiet=True)
    require_free_address("127.0.0.1", port)
    from web.demo import run as run_demo

    return _with_databases(lambda: run_demo(port))


@app.command
def doctor() -> int:
    """Check settings, databases and every channel, one line each; exit 1 if any fails."""
    settings = _settings(quiet=True)
    from web.doctor import run as examine

    return _with_databases(lambda: examine(settings))


@app.command
def reindex() -> int:
    """Build the index of search anew. A server may go on meanwhile; searching uses the old index until it is done."""
    settings = _settings(quiet=True)
    from web.reindex import run as build

    return _with_databases(lambda: build(settings))


@admin.command
def add(email: str, /, *, name: str, role: Role = "owner") -> int:
    """Add a person who may sign in; the password is read from standard input.

    Parameters
    ----------
    email
        The address to sign in with.
    name
        The name that colleagues and customers see.
    role
        What the person may do.
    """
    settings = _settings(quiet=True)
    password = read_password()
    from web.admin import add as add_person

    return _with_databases(lambda: add_person(settings, email, name, role, password))


def read_password() -> str:
    """One line of standard input, asked for only where a person sits at it."""
    password = getpass.getpass() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise CommandError("no password: give it on standard input, like `echo PASSWORD | skrynka admin add …`")
    return password


def require_free_address(host: str, port: int) -> None:
    """Find out before the databases start that the server could not listen anyway."""
    try:
        places = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):
        raise CommandError(f"--host: {host!r} is not an address of this machine", exit_code=1) from None
    problems = [
        problem for family, kind, protocol, _, place in places if (problem := _try(family, kind, protocol, place))
    ]
    if errno.EADDRINUSE in problems:
        raise CommandError(
            f"--port: {port} is already in use on {host}: stop the other program or choose another port", 1
        )
    if errno.EACCES in problems:
        raise CommandError(f"--port: {port} needs more rights than this user has: choose one above 1023", exit_code=1)
    if len(problems) == len(places):
        raise CommandError(f"--host: {host!r} is not an address of this machine", exit_code=1)


def _try(family: int, kind: int, protocol: int, place: tuple[object, ...]) -> int | None:
    """The error number of listening there, if any."""
    try:
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            probe.bind(place)
            probe.listen(1)
    except OSError as error:
        return error.errno
    return None


def _settings(*, quiet: bool = False) -> Settings:
    """Read the environment and start logging as it says; a quiet command talks to a person and logs only warnings."""
    from web.logs import configure_logging
    from web.settings import LogLevel, SettingsError, load_settings

    try:
        settings = load_settings()
    except SettingsError as error:
        raise CommandError(str(error), error.exit_code) from None
    chosen = "log_level" in settings.model_fields_set
    configure_logging(LogLevel.WARNING if quiet and not chosen else settings.log_level)
    return settings


def _with_databases(command: Callable[[], int]) -> int:
    """Run what needs the settings' secrets and databases, whose errors are already lines for people."""
    from web.embedded import EmbeddedError
    from web.settings import SettingsError

    try:
        return command()
    except (EmbeddedError, SettingsError) as error:
        raise CommandError(str(error), error.exit_code) from error


def _in_one_line(error: CycloptsError) -> str:
    return " ".join(str(error).split())


def _complain(message: str, exit_code: int) -> int:
    print(f"skrynka: {message}", file=sys.stderr)  # noqa: T201 - a line for the person at the terminal
    return exit_code
