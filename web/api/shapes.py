"""What the API answers. `web.api.views` makes these; the OpenAPI document describes them."""

from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from bot.settings import BotSettings
from inbox.model.conversation import ConversationStatus
from inbox.model.people import Role, Status
from inbox.model.schedule import DaysOff, Schedule

PriorityName = Literal["low", "normal", "high", "urgent"]
ChannelState = Literal["connected", "degraded", "paused", "disconnected"]
Direction = Literal["in", "out", "note", "system"]

Item = TypeVar("Item")


class Shape(BaseModel):
    """An answer: nothing in it that is not written here. Made ready only where the API describes itself."""

    model_config = ConfigDict(extra="forbid", defer_build=True)


class Page(Shape, Generic[Item]):
    """A page of a list; `next_cursor` is null on the last one."""

    items: list[Item]
    next_cursor: str | None


class ManagerShape(Shape):
    """Somebody who answers. Colleagues' addresses are for admins.

    `channels` are ids, none stands for all. `schedule`: when they work, null for always. `off_shift`: they do not work
    now. `present`: they have a live connection. `gone`: routing takes them as away, because their connection has been
    lost for long.
    """

    id: str
    email: str | None
    name: str
    role: Role
    status: Status
    load: int
    capacity: int
    teams: list[str]
    languages: list[str]
    channels: list[str]
    schedule: Schedule | None
    days_off: list[DaysOff]
    off_shift: bool
    present: bool
    gone: bool
    active: bool
    created_at: AwareDatetime


class SessionShape(Shape):
    """A session that was just opened. The token is told once."""

    token: str
    csrf_token: str
    manager: ManagerShape


class MeShape(ManagerShape):
    """Oneself, with what the browser needs to write."""

    csrf_token: str


class OpenSpanShape(Shape):
    """A stretch of the day on these days."""

    days: list[str]
    start: Annotated[str, Field(alias="from")]
    end: Annotated[str, Field(alias="to")]


class HoursShape(Shape):
    """When the shop is open."""

    open: list[OpenSpanShape]


class QuietHoursShape(Shape):
    """When the bot begins nothing by itself, and nobody is told of their orders."""

    enabled: bool
    start: Annotated[str, Field(alias="from")]
    end: Annotated[str, Field(alias="to")]


class SettingsShape(Shape):
    """The shop's settings."""

    shop_name: str
    timezone: str
    languages: list[str]
    hours: HoursShape
    quiet_hours: QuietHoursShape
    reopen_window_days: int
    notice_channels: list[str]
    bot: BotSettings


class WebhookUrl(Shape):
    """Where a provider sends its events."""

    path: str
    absolute: str


class ChannelShape(Shape):
    """A connected account. Managers without the admin role get what their composer needs and null for the rest."""

    id: str
    kind: str
    name: str
    state: ChannelState
    state_reason: str | None
    state_since: AwareDatetime | None
    paused_by_hand: bool
    capabilities: dict[str, Any]
    settings: dict[str, Any] | None
    webhook_url: WebhookUrl | None
    checked_at: AwareDatetime | None
    last_message_at: AwareDatetime | None
    created_at: AwareDatetime | None


class NewChannelShape(ChannelShape):
    """A channel just connected, with what was generated for it and is told only here."""

    model_config = ConfigDict(extra="allow")

    secret_token: str | None
    generated: dict[str, str]


class AuthorShape(Shape):
    """Who wrote: `customer`, `manager`, `bot`, `system` or `shop`."""

    type: str
    id: str | None
    name: str


class PassedOver(Shape):
    """A channel that an order status update did not go out on, and why."""

    channel_id: str
    name: str
    reason: str


class MessageNotice(Shape):
    """What a message tells a customer of an order.

    `handed_on` says that it failed and another one went out on the next channel.
    """

    order_id: str
    number: str
    status: str
    passed_over: list[PassedOver]
    handed_on: bool


class PreviewShape(Shape):
    """The last message as a list shows it."""

    id: str
    text: str
    direction: Direction
    author: AuthorShape
    state: str
    public: bool
    at: AwareDatetime


class AssignmentShape(Shape):
    """Why the conversation is with whom it is."""

    model_config = ConfigDict(extra="allow")

    reason: str


class HandedOverShape(Shape):
    """By whom a conversation was handed over to whoever holds it, or to its team; `new` until they open it."""

    by: AuthorShape
    note: str
    at: AwareDatetime
    new: bool


class ClockShape(Shape):
    """By when a customer is to get the `first` reply since the conversation was opened, or the `next` one."""

    kind: Literal["first", "next"]
    due_at: AwareDatetime
    state: Literal["running", "at_risk", "late"]


class RatingShape(Shape):
    """What the customer said of the conversation after it was closed, from 1 (worst) to 5; `comment` may be empty."""

    score: int
    comment: str
    at: AwareDatetime


class ConversationShape(Shape):
    """One case with one customer."""

    id: str
    customer_id: str
    channel_id: str
    assignee_id: str | None
    team_id: str | None
    status: ConversationStatus
    priority: PriorityName
    labels: list[str]
    version: int
    waiting_since: AwareDatetime | None
    clock: ClockShape | None
    snoozed_until: AwareDatetime | None
    created_at: AwareDatetime
    closed_at: AwareDatetime | None
    last_at: AwareDatetime
    last_message: PreviewShape | None
    unread: int
    assignment: AssignmentShape | None
    handed_over: HandedOverShape | None
    rating: RatingShape | None


class AttachmentShape(Shape):
    """A file. `state`: `pending` while it still lies at the provider, `stored`, or `failed`.

    `width` and `height` in pixels; `preview_url` where a picture has a small copy.
    """

    id: str
    name: str
    content_type: str
    size: int | None
    type: str
    width: int | None
    height: int | None
    duration: int | None
    state: str
    url: str
    preview_url: str | None


class ReactionShape(Shape):
    """An emoji on a message, by an identity or a manager."""

    emoji: str
    by: str


class ButtonShape(Shape):
    """Something to press: what it says, and what comes back of it."""

    title: str
    data: str


class FollowUpShape(Shape):
    """What else was done with a reply: an action with its parameters. One that is `refused` says why in `error`."""

    model_config = ConfigDict(extra="allow")

    type: str
    state: Literal["pending", "done", "refused"]
    error: str | None


class MessageShape(Shape):
    """Something said in a conversation.

    `original` is the whole text where `text` leaves out what it quotes, `html` says whether there is an HTML version.
    `public`: everybody can read it (a comment). `private`: it answers a public one in private. `unconfirmed`: the
    provider could have vouched for its sender and did not. `numbered`: its buttons stand in the text as numbered lines.
    """

    id: str
    conversation_id: str
    channel_id: str | None
    direction: Direction
    author: AuthorShape
    text: str
    subject: str
    original: str | None
    html: bool
    public: bool
    private: bool
    unconfirmed: bool
    entities: list[dict[str, Any]]
    content: dict[str, Any] | None
    attachments: list[AttachmentShape]
    state: str
    error: str | None
    edited_at: AwareDatetime | None
    deleted_at: AwareDatetime | None
    reactions: list[ReactionShape]
    reply_to: str | None
    forwarded: bool
    automatic: bool
    macro_id: str | None
    buttons: list[ButtonShape]
    numbered: bool
    actions: list[FollowUpShape]
    notice: MessageNotice | None
    client_token: str | None
    sent_at: AwareDatetime
    created_at: AwareDatetime


class StartedShape(ConversationShape):
    """A conversation that the shop began, with its first message."""

    message: MessageShape


class IdentityShape(Shape):
    """The customer as one channel knows them.

    `window_until`: until when anything may be sent, null where there is no such limit; `person_window_until` where a
    manager's own reply may go longer. `unanswered_left`: how many messages may still go before the customer answers.
    `avatar_url`: the customer's picture there, null where none is shown. `joined`: `answer` where somebody answered a
    message to the customer, who may have passed it on: nothing of orders goes there until it is confirmed.
    """

    id: str
    channel_id: str
    kind: str
    external_id: str
    name: str
    username: str
    reachable: bool
    window_until: AwareDatetime | None
    person_window_until: AwareDatetime | None
    unanswered_left: int | None
    avatar_url: str | None
    joined: Literal["answer"] | None


class OrderSumShape(Shape):
    """What orders in one currency come to, as a decimal string."""

    currency: str
    total: str


class CustomerShape(Shape):
    """A card. `proven` lists those phones and addresses that the customer is known to own.

    `fields` are texts by code (see `/customer-fields`). `languages`: the preferred one, which is `language`, first.
    `notices` says whether they are told of their orders, `opted_out` whether nothing automatic is said to them at all.
    `responsible_manager_id`: who looks after them. `version` grows with every change. `avatar_url`: the first picture
    that a channel shows of them, null where none does.
    `first_contact_at` and `last_contact_at`: when they came to be known, and when they wrote last on any channel.
    `order_count`: how many orders they have; `order_sums`: what these come to, but for the cancelled and returned ones.
    """

    id: str
    name: str
    phones: list[str]
    emails: list[str]
    proven: list[str]
    tags: list[str]
    fields: dict[str, str]
    language: str
    languages: list[str]
    notices: bool
    opted_out: bool
    last_manager_id: str | None
    responsible_manager_id: str | None
    version: int
    avatar_url: str | None
    identities: list[IdentityShape]
    first_contact_at: AwareDatetime | None
    last_contact_at: AwareDatetime | None
    order_count: int
    order_sums: list[OrderSumShape]
    created_at: AwareDatetime
    updated_at: AwareDatetime


class QuarantinedShape(Shape):
    """An authentic event that could not be read or processed."""

    id: str
    channel_id: str
    kind: str
    reason: str
    received_at: AwareDatetime
    raw: str


class ReplayedShape(Shape):
    """An event that is at work again."""

    id: str
    state: Literal["pending"]


class AuditShape(Shape):
    """Who did what. `changed` has every field that was set, its value where it is neither secret nor personal."""

    id: str
    at: AwareDatetime
    actor: dict[str, str] | None
    action: str
    object_id: str | None
    address: str
    request_id: str | None
    changed: dict[str, Any]


class ProblemShape(Shape):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    errors: list[dict[str, str]] = Field(default_factory=list)
    current_version: int | None = None
    allowed: list[str] | None = None
    """Of a forbidden move: the statuses that the order may go to."""
    sources: list[str] | None = None
    """Of a number that several sources have: which."""
    macros: list[str] | None = None
    """Of a team that is still needed: what the macros are called that give conversations to it."""
