"""What can go wrong below us, in two words that the rest of the house understands."""

from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    DuplicateKeyError,
    ExecutionTimeout,
    InvalidOperation,
    OperationFailure,
    PyMongoError,
    WriteConcernError,
)

Duplicate = DuplicateKeyError


class TermEnded(Exception):
    """The primary changed or restarted in the middle of a piece of work: some of it may be gone. To be done again."""


class BucketDown(Exception):
    """The bucket that holds files does not answer, or is not set up as it was. Its text names the bucket, no key."""


_DUPLICATE_KEY = 11000
# Codes by which a living server says that it cannot store now: disk full, shutting down, stepping down, no primary.
_PASSING_CODES = frozenset({14031, 91, 189, 10107, 11600, 11602, 13435, 13436, 50, 64, 202, 262})


def is_unavailable(error: BaseException) -> bool:
    """Whether storage could not be reached or could not promise durability: nothing is wrong with the request."""
    if isinstance(
        error, TermEnded | BucketDown | TimeoutError | ConnectionFailure | ExecutionTimeout | WriteConcernError
    ):
        return True
    if isinstance(error, BulkWriteError):
        return bool(error.details.get("writeConcernErrors")) or any(
            row.get("code") in _PASSING_CODES for row in error.details.get("writeErrors", ())
        )
    if isinstance(error, OperationFailure):
        return error.code in _PASSING_CODES or error.has_error_label("RetryableWriteError")
    return (isinstance(error, PyMongoError) and error.timeout) or isinstance(error, InvalidOperation)


def duplicate_positions(error: BulkWriteError) -> set[int]:
    """Which rows of an unordered bulk write met an existing key. Raises `error` itself if anything else went wrong."""
    if error.details.get("writeConcernErrors"):
        raise error
    rows = error.details["writeErrors"]
    if any(row["code"] != _DUPLICATE_KEY for row in rows):
        raise error
    return {row["index"] for row in rows}
