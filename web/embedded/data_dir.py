"""The directory that holds everything the embedded databases own, claimed by one server at a time."""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from web.embedded.errors import DataDirInUse, DataDirUnusable

SOCKET_PATH_LIMIT = 104  # Bytes, the smaller of Linux's 107 and macOS's 103 plus its terminator.
LONGEST_SOCKET_NAME = "mongod.sock"


class DataDir:
    """Paths below one data directory."""

    def __init__(self, root: Path, sockets: Path) -> None:
        self.root = root
        self.sockets = sockets

    @property
    def mongod_files(self) -> Path:
        return self.root / "mongod"

    @property
    def mongod_version_file(self) -> Path:
        return self.root / "mongod.version"

    def socket(self, name: str) -> Path:
        return self.sockets / f"{name}.sock"

    def pid_file(self, name: str) -> Path:
        return self.root / f"{name}.pid"

    def log_file(self, name: str) -> Path:
        return self.root / f"{name}.log"


def data_dir_at(root: Path) -> DataDir:
    """The paths alone, for one who only looks: nothing is created and nothing claimed."""
    root = root.absolute()
    return DataDir(root, _socket_directory(root))


@contextmanager
def claimed_data_dir(root: Path) -> Iterator[DataDir]:
    """Create the directory where missing and hold it against other servers until the end of the context."""
    home = data_dir_at(root)
    try:
        home.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(home.root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise DataDirUnusable(f"the data directory {home.root} cannot be used: {error.strerror}") from error
    try:
        _lock_or_refuse(lock, home.root)
        _make_private(home.sockets)
        yield home
        with suppress(OSError):  # A socket that is still there belongs to a process that could not be stopped.
            home.sockets.rmdir()
    finally:
        os.close(lock)


def _lock_or_refuse(lock: int, root: Path) -> None:
    """Take the lock, which the kernel gives back however we end, and leave our process id in it for the next one."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(lock, 20).decode(errors="replace").strip() or "unknown"
        raise DataDirInUse(
            f"the data directory {root} is in use by another server (process {holder}): "
            "stop it or set SKRYNKA_DATA_DIR to another directory"
        ) from None
    os.ftruncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode(), 0)


def _socket_directory(root: Path) -> Path:
    """Below the data directory, or, as the kernel caps the length of a socket's path, in the temporary directory."""
    below = root / "run"
    if len(os.fsencode(below / LONGEST_SOCKET_NAME)) < SOCKET_PATH_LIMIT:
        return below
    tie = hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"skrynka-{os.geteuid()}-{tie}"


def _make_private(path: Path) -> None:
    """Make a directory that nobody else could have put there or can look into: /tmp is everybody's."""
    try:
        path.mkdir(mode=0o700, exist_ok=True)
        path.chmod(0o700)
        found = path.lstat()
    except OSError as error:
        raise DataDirUnusable(f"the socket directory {path} cannot be used: {error.strerror}") from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise DataDirUnusable(f"the socket directory {path} belongs to somebody else: remove it")
