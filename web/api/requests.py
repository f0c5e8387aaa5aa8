"""What the API takes: bodies and queries."""

import zoneinfo
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, AwareDatetime, Field, SecretStr, StringConstraints, model_validator

from bot.settings import BotSettings
from inbox.macros import MAX_ACTIONS, MAX_BUTTONS, MAX_DATA, MAX_TITLE
from inbox.model.conversation import MAX_LABEL, MAX_LABELS, ConversationStatus
from inbox.model.people import Status
from inbox.model.remedies import Told
from inbox.model.schedule import Clock
from web.api.shapes import PriorityName
from web.doors.bodies import Body, Change, PageQuery, Query
from web.doors.passwords import MAX_LENGTH, MIN_LENGTH

_TEXT_LIMIT = 20_000
_BOUNDED = 200
_FIRST_YEAR, _LAST_YEAR = 2000, 2999


def _time_zone(name: str) -> str:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError("give a time zone by its IANA name, such as Europe/Kyiv") from error
    return name


def _short_enough(data: str) -> str:
    if len(data.encode()) > MAX_DATA:
        raise ValueError(f"at most {MAX_DATA} bytes may stand behind a button")
    return data


def each_once(values: tuple[str, ...]) -> tuple[str, ...]:
    """Values without their repetitions."""
    return tuple(dict.fromkeys(values))


def _storable(time: datetime) -> datetime:
    """In UTC, and within what calendars, MongoDB and clients all can hold."""
    if not _FIRST_YEAR <= time.year <= _LAST_YEAR:
        raise ValueError(f"give a time between {_FIRST_YEAR} and {_LAST_YEAR}")
    return time.astimezone(UTC)


Id = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Time = Annotated[AwareDatetime, AfterValidator(_storable)]
Search = Annotated[str, StringConstraints(strip_whitespace=True, max_length=_BOUNDED, pattern=r"^[^\x00]*$")]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=_BOUNDED)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=_TEXT_LIMIT)]
Address = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=254)]
Phone = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=40)]
Token = Annotated[str, StringConstraints(min_length=1, max_length=100)]
Language = Annotated[
    str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})?$"), Told("is a language such as uk")
]
Label = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_LABEL)]
Password = Annotated[SecretStr, Field(min_length=MIN_LENGTH, max_length=MAX_LENGTH)]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Languages = Annotated[tuple[Language, ...], Field(max_length=20), AfterValidator(each_once)]
Labels = Annotated[tuple[Label, ...], Field(max_length=MAX_LABELS), AfterValidator(each_once)]
ButtonData = Annotated[str, StringConstraints(min_length=1, max_length=MAX_DATA), AfterValidator(_short_enough)]


class Credentials(Body):
    """Signing in."""

    email: Annotated[str, StringConstraints(max_length=1000)]
    password: Annotated[SecretStr, Field(max_length=1000)]


class MeChange(Change):
    """What everybody changes about themselves."""

    audited: ClassVar = frozenset({"name", "languages"})

    name: Name = ""
    languages: Languages = ()


class StatusBody(Body):
    """Saying whether one takes conversations."""

    audited: ClassVar = frozenset({"status"})

    status: Status


class PasswordBody(Body):
    """A new password, with the present one as proof."""

    current_password: Annotated[SecretStr, Field(max_length=1000)]
    new_password: Password


class OpenSpan(Body):
    """A stretch of the day on these days."""

    days: Annotated[tuple[Day, ...], Field(min_length=1, max_length=7)]
    start: Annotated[Clock, Field(alias="from")]
    end: Annotated[Clock, Field(alias="to")]


class Hours(Body):
    """When the shop is open."""

    open: Annotated[tuple[OpenSpan, ...], Field(max_length=50)]


class QuietHours(Body):
    """When the bot begins nothing by itself."""

    enabled: bool
    start: Annotated[Clock, Field(alias="from")] = "21:00"
    end: Annotated[Clock, Field(alias="to")] = "09:00"


class SettingsChange(Change):
    """What an admin sets for the shop."""

    audited: ClassVar = frozenset(
        {"shop_name", "timezone", "languages", "hours", "quiet_hours", "reopen_window_days", "notice_channels", "bot"}
    )

    shop_name: Name = ""
    timezone: Annotated[str, StringConstraints(max_length=60), AfterValidator(_time_zone)] = ""
    languages: Annotated[Languages, Field(min_length=1)] = ()
    hours: Hours = Hours(open=())
    quiet_hours: QuietHours = QuietHours(enabled=False)
    reopen_window_days: Annotated[int, Field(ge=0, le=365)] = 14
    notice_channels: Annotated[tuple[Id, ...], Field(max_length=100), AfterValidator(each_once)] = ()
    """On which channels customers are told of their orders, by id, the most wished-for first."""
    bot: Annotated[BotSettings, Field(default_factory=BotSettings)]
    """What of it is sent changes: of `skills` those that are named."""


class NewChannel(Body):
    """An account that is to be connected; what `settings` holds is the kind's to say."""

    audited: ClassVar = frozenset({"kind", "name"})

    kind: Annotated[str, StringConstraints(max_length=40)]
    name: Name
    settings: dict[str, Any]


class ChannelChange(Change):
    """What an admin changes about a channel; settings that are not sent stay. `paused` holds what goes out, by hand."""

    audited: ClassVar = frozenset({"name", "paused"})

    name: Name = ""
    settings: dict[str, Any] = Field(default_factory=dict)
    paused: bool = False


class ConversationsQuery(PageQuery):
    """Which conversations are wanted."""

    status: Annotated[str, StringConstraints(max_length=20)] | None = None
    assignee: Id | None = None
    team: Id | None = None
    channel: Id | None = None
    label: Label | None = None
    q: Search = ""
    sort: Annotated[str, StringConstraints(max_length=20)] = "recent"


class NewConversation(Body):
    """Writing first."""

    audited: ClassVar = frozenset({"customer_id", "channel_id"})

    customer_id: Id
    channel_id: Id
    text: Text
    client_token: Token | None = None


class ConversationPatch(Change):
    """What a manager changes about a conversation. `version` is the one they saw: a newer one answers 409."""

    audited: ClassVar = frozenset({"status", "assignee_id", "team_id", "labels", "snoozed_until", "priority"})

    status: ConversationStatus = ConversationStatus.OPEN
    assignee_id: Id | None = None
    team_id: Id | None = None
    labels: Labels = ()
    snoozed_until: Time | None = None
    priority: PriorityName = "normal"
    version: Annotated[int, Field(ge=0, lt=1 << 53)] | None = None


class MessageButton(Body):
    """Something to press: what it says, and what comes back of it."""

    title: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_TITLE)]
    data: ButtonData


class NewMessage(Body):
    """A reply or a note. `private` says how the public comment in `reply_to` is answered; absent means in public.

    With a `macro_id`, what is left out of `text`, `attachments`, `buttons` and `actions` is the macro's. `order` is the
    customer's order that it speaks of, by id or number; without it, the latest that may still go somewhere. `seen` is
    the message that came last of those that the writer knew of: where others' came after it, a reply answers 409 with
    what is `newer`.
    """

    audited: ClassVar = frozenset({"kind", "channel_id", "macro_id", "private"})

    text: Annotated[str, StringConstraints(max_length=_TEXT_LIMIT)] = ""
    kind: Literal["reply", "note"] = "reply"
    channel_id: Id | None = None
    attachments: Annotated[tuple[Id, ...], Field(max_length=10), AfterValidator(each_once)] = ()
    macro_id: Id | None = None
    buttons: Annotated[tuple[MessageButton, ...], Field(max_length=MAX_BUTTONS)] = ()
    actions: Annotated[list[dict[str, Any]], Field(max_length=MAX_ACTIONS)] = Field(default_factory=list)
    order: Id | None = None
    reply_to: Id | None = None
    private: bool | None = None
    client_token: Token | None = None
    seen: Id | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "NewMessage":
        if not (self.text.strip() or self.attachments or self.macro_id):
            raise ValueError("give a text, attachments or a macro_id")
        if self.kind == "note" and (self.buttons or self.actions):
            raise ValueError("buttons and actions go along with a reply, not with a note")
        return self


class MessageEdit(Body):
    """Another text for a message of ours."""

    text: Text


class HtmlQuery(Query):
    """How a message's HTML is wanted. Pictures from elsewhere tell their sender who looked."""

    images: bool = False


class AuditPageQuery(PageQuery):
    """Which entries of the audit are wanted."""

    object_id: Id | None = None
    actor_id: Id | None = None
    action: Annotated[str, StringConstraints(max_length=60)] | None = None


class LiveQuery(Query):
    """From where on the feed is wanted."""

    since: Annotated[int, Field(ge=0, lt=1 << 53)] | None = None
