"""How the table of the API is written: one row an endpoint."""

from collections.abc import Callable
from functools import partial

from web.doors.table import Route, Who

PREFIX = "/api/v1"


def row(method: str, path: str, who: Who) -> Callable[..., Route]:
    """The first three columns of a row; the rest are named."""
    return partial(Route, method=method, path=f"{PREFIX}{path}", who=who)
