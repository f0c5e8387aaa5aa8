"""Which occasions of its trigger a rule waits for: its `when`.

Adding a trigger is a class, its row in `bot.rules.TRIGGERS`, and a place in `bot.hearing` that makes occasions of it.
"""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from bot.occasions import Occasion
from inbox.model.actions import Labels

LONGEST_WAIT = 14 * 24 * 60
"""How long a rule may wait for a reply, in minutes."""

Status = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]


def _each_once(codes: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(codes))


class When(BaseModel):
    """Every occasion of the trigger."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def means(self, occasion: Occasion) -> bool:  # noqa: ARG002  # Those that tell occasions apart look at it.
        """Whether this occasion of the trigger is one that the rule waits for."""
        return True


class NoReply(When):
    """A customer has waited so many minutes for a person."""

    minutes: Annotated[int, Field(strict=True, ge=1, le=LONGEST_WAIT)]

    def means(self, occasion: Occasion) -> bool:
        return occasion.waited == self.minutes


class OrderStatusChanged(When):
    """An order came to one of these statuses, by their codes; to any where none is named."""

    to: Annotated[tuple[Status, ...], Field(max_length=50), AfterValidator(_each_once)] = ()

    def means(self, occasion: Occasion) -> bool:
        return not self.to or (occasion.order is not None and occasion.order["status"] in self.to)


class LabelAdded(When):
    """A conversation got one of these labels; any where none is named."""

    labels: Labels = ()

    def means(self, occasion: Occasion) -> bool:
        return not self.labels or not occasion.labels.isdisjoint(self.labels)
