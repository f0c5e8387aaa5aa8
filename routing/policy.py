"""How the conversations of a team are given out and watched over: what an admin sets, for the shop and for each team.

A team's policy stands in its row and holds as a whole. Conversations without a team, and those of teams that set none
of their own, go by the shop's.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from inbox.model.schedule import Schedule

Id = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Minutes = Annotated[int, Field(strict=True, ge=1, le=7 * 24 * 60)]

Strategy = Literal["balanced", "round_robin", "sticky", "manual"]
"""Whom a conversation goes to.

`balanced`: the customer's last manager if eligible now, else the lowest load by capacity. `sticky`: the same, but the
last manager is waited for. `round_robin`: whose turn it is, by when they last got one. `manual`: people take and give.
"""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Targets(_Part):
    """Within how many minutes of opening hours a customer is to be answered; None sets no clock.

    The first reply is the first one after a conversation was opened, every other one is a next reply.
    """

    first_reply: Minutes | None = None
    next_reply: Minutes | None = None


class Policy(_Part):
    """What holds for a team, or for the shop. Every duration is in minutes."""

    strategy: Strategy = "balanced"
    wait_for_last: Minutes = 10
    """How long a conversation waits for the customer's last manager, where the strategy is sticky."""
    targets: Targets = Targets()
    channel_targets: Annotated[Mapping[Id, Targets], Field(max_length=100)] = {}
    """Targets of single channels, by channel id, in the place of `targets`."""
    warn_at: Annotated[int, Field(strict=True, ge=1, le=99)] = 75
    """How much of a target may have passed before the conversation is shown as at risk, in percent."""
    hours: Schedule | None = None
    """When clocks run; the shop's hours where None."""
    leads: Annotated[tuple[Id, ...], Field(max_length=20)] = ()
    """Managers who are told of what was not answered in time."""
    unanswered: Minutes | None = None
    """After how long, in opening hours, a conversation whose customer waits is taken from its manager."""
    offline: Minutes | None = 10
    """After how long of being offline, or away without having said so, a manager's waiting customers go to others."""

    def targets_on(self, channel_id: str) -> Targets:
        """The targets of a conversation whose customer wrote on this channel last."""
        return self.channel_targets.get(channel_id, self.targets)


class PriorityRule(_Part):
    """Raises the priority of conversations that meet all that is named; never lowers what is higher already."""

    channels: Annotated[tuple[Id, ...], Field(max_length=100)] = ()
    """Channel ids or kinds, any of them."""
    labels: Annotated[tuple[str, ...], Field(max_length=20)] = ()
    """Labels of the conversation, any of them."""
    tags: Annotated[tuple[str, ...], Field(max_length=20)] = ()
    """Tags on the customer's card, any of them."""
    waiting: Minutes | None = None
    """Minutes, by the clock on the wall, that the conversation has waited in the queue."""
    priority: Literal["low", "normal", "high", "urgent"]

    @model_validator(mode="after")
    def _asks_something(self) -> "PriorityRule":
        if not (self.channels or self.labels or self.tags or self.waiting):
            raise ValueError("name channels, labels, tags or waiting")
        return self


class RoutingSettings(_Part):
    """What holds for the whole shop."""

    policy: Policy = Policy()
    priorities: Annotated[tuple[PriorityRule, ...], Field(max_length=50)] = ()
    weights: Annotated[Mapping[Id, Annotated[float, Field(gt=0, le=10)]], Field(max_length=100)] = {}
    """How much a conversation of a channel id or kind weighs beside others: 1 where not named. Breaks ties only."""
    grace: Annotated[int, Field(strict=True, ge=10, le=3600)] = 120
    """Seconds for which a manager's connection may be lost before routing treats them as away."""

    @property
    def grace_period(self) -> timedelta:
        """The grace as a span."""
        return timedelta(seconds=self.grace)
