"""A conversation's messages as they stand on the page: days, system lines, groups of one author's messages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from web.api.attachments import INLINE_TYPES
from web.pages.looks import Clock, media_type, moment

Message = Mapping[str, Any]

TOGETHER = timedelta(minutes=5)
"""Messages of one author belong together when no more time than this lies between them."""

TROUBLED = frozenset({"failed", "uncertain"})


@dataclass(slots=True)
class Day:
    """A line between two days; `ago` is 0 for today."""

    date: date
    ago: int
    label: str
    kind: str = "day"


@dataclass(slots=True)
class Line:
    """Something that happened, said by nobody."""

    message: Message
    kind: str = "line"


@dataclass(slots=True)
class Group:
    """Messages of one author in a row: one line below them says who and when."""

    direction: str
    messages: list[Message] = field(default_factory=list)
    kind: str = "group"

    @property
    def last(self) -> Message:
        return self.messages[-1]

    def takes(self, message: Message) -> bool:
        """Whether this message continues the group."""
        last = self.last
        return (
            message["direction"] == last["direction"]
            and message["author"] == last["author"]
            and message["channel_id"] == last["channel_id"]
            and (message["public"], message["private"]) == (last["public"], last["private"])
            and last.get("state") not in TROUBLED
            and moment(message["sent_at"]) - moment(last["sent_at"]) <= TOGETHER
        )


Item = Day | Line | Group


def arrange(messages: Sequence[Message], clock: Clock, *, after: Message | None = None) -> list[Item]:
    """Messages, oldest first, as items of the page; `after` is the one that stands before them already."""
    items: list[Item] = []
    shown = clock.local(moment(after["sent_at"])).date() if after else None
    for message in messages:
        sent_at = moment(message["sent_at"])
        day = clock.local(sent_at).date()
        if day != shown:
            items.append(Day(date=day, ago=clock.days_ago(sent_at), label=clock.date(sent_at)))
            shown = day
        if message["direction"] == "system":
            items.append(Line(message))
            continue
        group = items[-1] if items else None
        if not isinstance(group, Group) or not group.takes(message):
            group = Group(direction=message["direction"])
            items.append(group)
        group.messages.append(message)
    return items


@dataclass(frozen=True, slots=True)
class Files:
    """A message's files by how they are shown."""

    photos: list[Mapping[str, Any]]
    others: list[tuple[str, Mapping[str, Any]]]


def files(message: Message) -> Files:
    """Photos go together in a grid; everything else stands below, each in its own way.

    A photo that a browser cannot show is a file like others.
    """
    found = Files(photos=[], others=[])
    for attachment in message["attachments"]:
        media = media_type(attachment)
        if media != "photo" or not is_ready(attachment):
            found.others.append((media, attachment))
        elif attachment["content_type"] in INLINE_TYPES:
            found.photos.append(attachment)
        else:
            found.others.append(("document", attachment))
    return found


def is_ready(attachment: Mapping[str, Any]) -> bool:
    """Whether the file itself is here already."""
    return bool(attachment["state"] == "stored")
