"""What can keep the embedded databases from starting.

EmbeddedError                 one line for the person who typed the command
├── DataDirInUse              another server holds the data directory: stop it, or choose another directory
├── DataDirUnusable           the directory cannot be created or written: fix its owner or choose another
├── BinaryUnavailable         no program for this platform, or a system library is missing: install or point elsewhere
├── VersionRefused            the data was written by a release that this program cannot read
└── DatabaseDidNotStart       the program started and gave up: its log says why
"""

from __future__ import annotations


class EmbeddedError(Exception):
    """The embedded databases cannot run as things are; the message says what to do."""

    exit_code = 2


class DataDirInUse(EmbeddedError):
    """Another server works on this data directory."""


class DataDirUnusable(EmbeddedError):
    """The data directory cannot be created or written."""


class BinaryUnavailable(EmbeddedError):
    """There is no database program that runs on this machine."""


class VersionRefused(EmbeddedError):
    """The data was written by a release of mongod that the available one cannot read."""


class DatabaseDidNotStart(EmbeddedError):
    """A database process ended, or never answered, while it was starting."""
