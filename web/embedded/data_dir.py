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


@contextmanager
def claimed_data_dir(root: Path) -> Iterator[DataDir]:
    """Create the directory where missing and hold it against other servers until the end of the context."""
    root = root.absolute()
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise DataDirUnusable(f"the data directory {root} cannot be used: {error.strerror}") from error
    try:
        _lock_or_refuse(lock, root)
        sockets = _private_directory(_socket_directory(root))
        yield DataDir(root, sockets)
        with suppress(OSError):  # A socket that is still there belongs to a process that could not be stopped.
            sockets.rmdir()
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


def _private_directory(path: Path) -> Path:
    """A directory that nobody else could have put there or can look into: /tmp is everybody's."""
    try:
        path.mkdir(mode=0o700, exist_ok=True)
        path.chmod(0o700)
        found = path.lstat()
    except OSError as error:
        raise DataDirUnusable(f"the socket directory {path} cannot be used: {error.strerror}") from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise DataDirUnusable(f"the socket directory {path} belongs to somebody else: remove it")
    return path
