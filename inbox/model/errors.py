"""What the domain answers when it cannot do what was asked. The web turns each into one HTTP status.

DomainError
  NotFound    404  no such thing, or not for these eyes
  Forbidden   403  seen, but not theirs to change
  Invalid     422  `field` and what to do about it
  Conflict    409  somebody else was first, or the state forbids it
    Taken     409  `field` must be unique and is not
    Overtaken 409  a reply was written without knowing what was said since
  TooOften    429  asked for too many times; `after` so many seconds it may be asked for again
  ProviderUnavailable  502  a channel's provider did not answer
"""

from collections.abc import Mapping, Sequence
from typing import Any


class DomainError(Exception):
    """A request that the domain refuses. The text is for the person who asked."""


class NotFound(DomainError):
    """There is no such thing, or this viewer must not know of it."""


class Forbidden(DomainError):
    """The viewer may see it and may not do this to it."""


class Invalid(DomainError):
    """A value is wrong: `field` names it (dots for nesting), the text says what would be right."""

    def __init__(self, field: str, remedy: str) -> None:
        super().__init__(f"{field}: {remedy}")
        self.field = field
        self.remedy = remedy


class Conflict(DomainError):
    """It was right when it was asked, and is not now; `current` is the present version where there is one.

    `choices` is what would do instead, by what it is called: `{"allowed": [...]}`.
    """

    def __init__(
        self, reason: str, *, current: int | None = None, choices: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        super().__init__(reason)
        self.current = current
        self.choices = dict(choices or {})


class Taken(Conflict):
    """The value of `field` must be unique and somebody else has it."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.remedy = reason


class Overtaken(Conflict):
    """Something was said that the writer of a reply has not seen: `newer` messages, oldest first."""

    def __init__(self, newer: Sequence[dict[str, Any]]) -> None:
        last = newer[-1]
        who = "the customer" if last["direction"] == "in" else last["author"]["name"] or "the shop"
        super().__init__(
            f"{who} wrote meanwhile: look, and send it again with the newest message as `seen` if it still fits"
        )
        self.newer = newer


class TooOften(DomainError):
    """It was asked for too many times; `after` is how long to wait at the most, in seconds."""

    def __init__(self, reason: str, *, after: float) -> None:
        super().__init__(reason)
        self.after = after


class ProviderUnavailable(DomainError):
    """The provider of a channel could not be asked; nothing was changed."""
