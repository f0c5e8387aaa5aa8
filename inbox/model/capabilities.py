"""Step 1, accept: authenticated webhook events become durable before anybody is told 200.

Requests that arrive together share one insert (group commit): while one insert waits for the disk, the next gathers. A
database that is down, full or hanging turns into `StorageDown` within two `INSERT_SECONDS`, and into an immediate one
while the breaker is open, so that the provider sends again.
"""

from enum import StrEnum
from typing import Literal

import msgspec


class Flow(StrEnum):
    """Which way a feature works on a channel."""

    NONE = "none"
    RECEIVE = "receive"
    SEND = "send"
    BOTH = "both"

    @property
    def sends(self) -> bool:
        """Whether we can do it to the customer."""
        return self in (Flow.SEND, Flow.BOTH)


class MediaLimit(msgspec.Struct, frozen=True):
    """What may be sent as one media type: `max_bytes` per file, `content_types` as MIME globs (empty: any)."""

    max_bytes: int
    content_types: tuple[str, ...] = ()


class Pace(msgspec.Struct, frozen=True):
    """How fast a provider lets us send: messages a second, and how many may go at once after a pause."""

    per_second: float
    burst: int


class Capabilities(msgspec.Struct, frozen=True):
    """One kind's abilities and limits. Sizes in bytes, text lengths in `text_unit`s, windows in seconds."""

    text: Flow
    media: Flow
    buttons: Flow
    quote: Flow
    edit: Flow
    delete: Flow
    reaction: Flow
    typing: Flow
    text_limit: int
    text_unit: Literal["characters", "utf16", "utf8"]
    caption_limit: int
    """How long a text may be to go along with a file, in `text_unit`s."""
    media_limits: dict[str, MediaLimit]
    """By media type: photo, video, audio, voice, document."""
    receive_max_bytes: int
    captioned: tuple[str, ...] = ("photo", "video", "audio", "voice", "document")
    """The media types that take a caption; with others a text goes ahead on its own."""
    album_limit: int = 1
    """How many files may share one message when all are photos or videos."""
    album_any: bool = False
    """Whether files of every type may share one message, as they do in a letter."""
    delivered_receipts: bool = False
    read_receipts: bool = False
    reply_window: int | None = None
    """How long after the customer's last message anything may be sent; None where there is no such limit."""
    person_window: int | None = None
    """How long after it a manager's own reply may be sent, where that is longer than `reply_window`."""
    unanswered_limit: int | None = None
    """How many messages in a row may be sent without the customer's answer; None where there is no such limit."""
    button_limit: int = 0
    """How many buttons a message carries at most; what has more becomes numbered text."""
    button_title_limit: int = 0
    """How long a button's title may be, in characters."""
    delete_window: int | None = None
    channel_pace: Pace = Pace(per_second=20, burst=20)
    chat_pace: Pace = Pace(per_second=1, burst=3)
    avatars: bool = False
    """Whether it shows what customers look like: in its events (`Person.avatar`), or asked (`Connection.profile`)."""
    subjects: bool = False
    """Whether a message has a line that says what it is about."""
    forgeable: bool = False
    """Whether a sender may call himself anything: a message is theirs only where the provider vouches for it."""
    starts_conversations: bool = False
    """Whether the shop may write to an identity that never wrote."""
