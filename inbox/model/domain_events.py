"""What happens in the house, each said once here. `inbox` announces; routing, bot and web subscribe."""

from typing import Any

import msgspec

from inbox.model.people import Author

_Document = dict[str, Any]


class ConversationOpened(msgspec.Struct, frozen=True):
    """A customer's message began a conversation or woke a closed or snoozed one.

    May be announced again after a crash: `message["_id"]` names the opening. `card` is the customer's.
    """

    conversation: _Document
    message: _Document
    card: _Document


class MessageReceived(msgspec.Struct, frozen=True):
    """A customer wrote. May be announced again after a crash."""

    conversation: _Document
    message: _Document


class ConversationChanged(msgspec.Struct, frozen=True):
    """A manager, a rule or a timer changed a conversation's status, holder, team, priority or labels."""

    before: _Document
    after: _Document
    author: Author


class ConversationAssigned(msgspec.Struct, frozen=True):
    """A conversation came to a manager, or went back to the queue, whoever decided it."""

    before: _Document
    after: _Document
    author: Author


class AvailabilityChanged(msgspec.Struct, frozen=True):
    """A manager chose another status, is gone or back, or their shift began or ended. May be announced again."""

    manager: _Document


class ReplyPosted(msgspec.Struct, frozen=True):
    """The shop wrote: a manager's reply or note, or the bot's."""

    conversation: _Document
    message: _Document


class ConversationRated(msgspec.Struct, frozen=True):
    """A customer said what they think of a case: see `inbox.model.ratings`. May be announced again."""

    conversation: _Document
    message: _Document


class ChannelPaused(msgspec.Struct, frozen=True):
    """A channel's token died; its outbox waits."""

    channel_id: str
    reason: str


class ContactProven(msgspec.Struct, frozen=True):
    """A phone or an e-mail was proven to be a customer's; `kind` is `phone` or `email`. May be announced again."""

    customer_id: str
    kind: str
    value: str


class OrderStatusChanged(msgspec.Struct, frozen=True):
    """An order moved from the status `before` to the one it has now. Making or importing an order is no move."""

    order: _Document
    before: str
    author: Author


class CardsChanged(msgspec.Struct, frozen=True):
    """Two cards became one, one became two again, or an identity got a card of its own. May be announced again.

    `merge` is its row (see `inbox.storage.merging`); `conversation_ids` are the conversations that it may have ended,
    given back, begun or changed.
    """

    merge: _Document
    conversation_ids: list[str]


class CustomerErased(msgspec.Struct, frozen=True):
    """A customer is gone, and their conversations with them. May be announced again."""

    customer_id: str
    conversation_ids: list[str]


class AnswerDue(msgspec.Struct, frozen=True):
    """A customer's wait came near its limit, or (`late`) went beyond it. May be announced again after a crash."""

    conversation: _Document
    late: bool


class ParcelWaiting(msgspec.Struct, frozen=True):
    """A parcel has waited to be collected for as long as the shop lets it. May be announced again after a crash.

    `parcel["arrived_at"]` tells this stay from another one.
    """

    order: _Document
    parcel: _Document


DomainEvent = (
    ConversationOpened
    | MessageReceived
    | ConversationChanged
    | ConversationAssigned
    | AvailabilityChanged
    | ReplyPosted
    | ConversationRated
    | ChannelPaused
    | ContactProven
    | CardsChanged
    | CustomerErased
    | OrderStatusChanged
    | ParcelWaiting
    | AnswerDue
)
