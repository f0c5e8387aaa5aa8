"""When a customer's picture is to be looked at (again). Pure.

An identity's `avatar_source` is where its picture lies as the provider said last; `avatar_of` is what that was when the
picture was looked at last, `avatar_at` when that happened; `avatar` is our own copy, `{file_id, size, version}`.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

REFRESHED_AFTER: Final = timedelta(days=3)
"""How old a picture may be when its customer writes again; not every provider tells of a new one."""


def told_source(identity: Mapping[str, Any]) -> str:
    """A source that nobody has looked at yet; empty where there is none."""
    source: str = identity.get("avatar_source", "")
    return source if source != identity.get("avatar_of", "") else ""


def is_due(identity: Mapping[str, Any], present: datetime) -> bool:
    """Whether it is time to look at an identity's picture."""
    looked = identity.get("avatar_at")
    return looked is None or present - looked >= REFRESHED_AFTER or bool(told_source(identity))
