"""A conversation's messages as they stand on the page: days, system lines, groups of one author's messages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
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
class Happening:
    """Something that happened with the customer besides messages: an entry of their timeline."""

    entry: Message
    kind: str = "happening"


@dataclass(slots=True)
class Case:
    """From here on it is another conversation, which opened with `message`."""

    message: Message
    kind: str = "case"


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
            and message["conversation_id"] == last["conversation_id"]
            and (message["public"], message["private"]) == (last["public"], last["private"])
            and last.get("state") not in TROUBLED
            and moment(message["sent_at"]) - moment(last["sent_at"]) <= TOGETHER
        )


Item = Day | Line | Happening | Case | Group


def arrange(messages: Sequence[Message], clock: Clock, *, after: Message | None = None) -> list[Item]:
    """Messages and what else happened, oldest first, as items of the page; `after` stands before them already."""
    items: list[Item] = []
    shown = clock.local(_time(after)).date() if after else None
    case = after["conversation_id"] if after else None
    for message in messages:
        at = _time(message)
        day = clock.local(at).date()
        if day != shown:
            items.append(Day(date=day, ago=clock.days_ago(at), label=clock.date(at)))
            shown = day
        if message.get("kind", "message") != "message":
            items.append(Happening(message))
            continue
        if case not in (None, message["conversation_id"]):
            items.append(Case(message))
        case = message["conversation_id"]
        if message["direction"] == "system":
            items.append(Line(message))
            continue
        group = items[-1] if items else None
        if not isinstance(group, Group) or not group.takes(message):
            group = Group(direction=message["direction"])
            items.append(group)
        group.messages.append(message)
    return items


def _time(entry: Message) -> datetime:
    """When it was said, or happened."""
    return moment(entry["sent_at"] if "sent_at" in entry else entry["at"])


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


def picture_url(attachment: Mapping[str, Any]) -> str | None:
    """Where the small copy of a file is, or the file itself where it needs none; None for what no browser shows."""
    content_type = attachment["content_type"]
    small = is_ready(attachment) and content_type in INLINE_TYPES and content_type.startswith("image/")
    url: str | None = attachment["preview_url"] or (attachment["url"] if small else None)
    return url


def is_ready(attachment: Mapping[str, Any]) -> bool:
    """Whether the file itself is here already."""
    return bool(attachment["state"] == "stored")
