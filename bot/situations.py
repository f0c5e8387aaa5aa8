"""What conditions look at. What has to be asked of the database is asked when a rule needs it, and once."""

import re
import unicodedata
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from enum import IntEnum
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from bot.regexes import MOST_SEEN
from bot.understanding.reading import Reading
from inbox.model.schedule import Schedule

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_APOSTROPHES = str.maketrans(dict.fromkeys("’ʼ`ʹ", "'"))  # Ukrainian words are written with all of them.


def spoken(text: str) -> str:
    """A text as it is compared: its words alone, in one case, with one kind of apostrophe and a blank around each."""
    plain = unicodedata.normalize("NFKC", text[:MOST_SEEN]).translate(_APOSTROPHES).casefold()
    return f" {' '.join(_WORD.findall(plain))} "


class Need(IntEnum):
    """What a condition needs that the event does not tell, what costs least first."""

    IDENTITY = 1
    CARD = 2
    ORDER = 3
    ORDERS = 4
    BEGINNING = 5
    MANAGERS = 6
    READING = 7


class Situation:
    """A customer's message or what else happened, and when it reached us.

    That moment, and not the present one, is what hours are compared with: an event that is heard again after a crash
    must end in the same decision. The fields that a `Need` stands for hold nothing before it was looked into.
    """

    def __init__(
        self,
        *,
        at: datetime,
        channel_id: str,
        text: str,
        openings: int,
        shop_hours: Schedule,
        labels: Collection[str] = (),
        team_id: str | None = None,
    ) -> None:
        self.at = at
        self.channel_id = channel_id
        self.text = text[:MOST_SEEN]
        self.openings = openings
        self.shop_hours = shop_hours
        self.labels = frozenset(labels)
        self.team_id = team_id
        self.channel_kind = ""
        self.told_language = ""
        """What the channel says; with `channel_kind` it needs the IDENTITY."""
        self.card: Mapping[str, Any] = {}
        self.order: Mapping[str, Any] | None = None
        self.orders = 0
        self.first_contact = False
        self.free_teams: tuple[Collection[str], ...] = ()
        """The teams of each manager who could take something now."""
        self.reading = Reading()

    @cached_property
    def spoken(self) -> str:
        """The text as it is compared."""
        return spoken(self.text)

    @cached_property
    def wall(self) -> datetime:
        """What the shop's clock showed."""
        return self.at.astimezone(ZoneInfo(self.shop_hours.timezone)).replace(tzinfo=None)

    @cached_property
    def day(self) -> int:
        """The day of the week in the shop, 0 for Monday."""
        return self.wall.weekday()

    @cached_property
    def clock(self) -> str:
        """The time of day in the shop, as `09:05`."""
        return self.wall.strftime("%H:%M")

    @property
    def language(self) -> str:
        """The customer's, as far as anybody knows: what the card says, else the channel. Without a region."""
        known: str = self.card.get("language") or self.told_language
        return known.partition("-")[0].lower()


Judge = Callable[[Situation], bool]
"""Whether a condition holds in a situation: the quick way to ask."""
