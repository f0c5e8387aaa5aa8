"""Over which of their channels a customer can be answered, and what stands against the others."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from web.pages.desk import View
from web.pages.looks import window

Obstacle = Literal["", "disconnected", "silent", "blocked", "window", "unanswered"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A channel of a customer, and the identity that an answer there goes to.

    `obstacle` is why nothing can be sent: the channel is disconnected or takes nothing (`silent`), the customer
    `blocked` us, or must write first because the `window` is closed or too much is `unanswered`. Empty: it can.
    """

    channel: View
    identity: View
    obstacle: Obstacle

    @property
    def called(self) -> str:
        """How the customer is called there."""
        return str(self.identity["username"] or self.identity["name"] or self.identity["external_id"])


def ways(customer: View, channels: Mapping[str, View]) -> list[Way]:
    """A customer's channels in the order in which they came to be known on them."""
    chosen: dict[str, View] = {}
    for identity in customer["identities"]:
        channel_id = identity["channel_id"]
        if channel_id in channels and customer["answers_to"].get(channel_id) == identity["id"]:
            chosen[channel_id] = identity
    return [
        Way(channel=channels[key], identity=identity, obstacle=_obstacle(channels[key], identity))
        for key, identity in chosen.items()
    ]


def _obstacle(channel: View, identity: View) -> Obstacle:
    if channel["state"] == "disconnected":
        return "disconnected"
    if channel["capabilities"].get("text") not in ("send", "both"):
        return "silent"
    if not identity["reachable"]:
        return "blocked"
    if window(identity, "person") == "closed":
        return "window"
    return "unanswered" if identity["unanswered_left"] == 0 else ""
