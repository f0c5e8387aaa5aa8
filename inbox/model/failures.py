"""How a channel can fail, named by what happens next.

ChannelFailure
  RetryLater           try again; after `after` seconds where the provider says so
  CredentialsRejected  pause the channel, tell the admins, hold its outbox
  Refused              final: shown to the manager on the message
    Unreachable        final, and the identity cannot be written to (blocked, gone)
  Uncertain            it may have arrived: shown with *send again*, never resent by itself
  AddressMoved         the chat has another id now: store it and send there
WebhookRefused         what came to the webhook is not to be believed or cannot be read
  Forged               401: leaves no trace but a counter
  Unreadable           authentic: 200, kept as quarantined
"""


class ChannelFailure(Exception):
    """A provider did not do what was asked. The text is fit for a manager's eyes: no token, no address with one."""


class RetryLater(ChannelFailure):
    """Nothing happened at the provider; the same request may succeed later."""

    def __init__(self, reason: str, *, after: float | None = None) -> None:
        super().__init__(reason)
        self.after = after


class CredentialsRejected(ChannelFailure):
    """The token is dead. Every request would fail the same way until an admin gives a new one."""


class Refused(ChannelFailure):
    """The provider will never do this; `code` is its own word for why."""

    def __init__(self, reason: str, *, code: str = "") -> None:
        super().__init__(reason)
        self.code = code


class Unreachable(Refused):
    """This customer cannot be written to on this channel."""


class Uncertain(ChannelFailure):
    """The request left whole and no answer came back."""


class AddressMoved(ChannelFailure):
    """The chat lives under another external id now."""

    def __init__(self, reason: str, *, external_id: str) -> None:
        super().__init__(reason)
        self.external_id = external_id


class WebhookRefused(Exception):
    """A webhook request that does not become an event."""


class Forged(WebhookRefused):
    """The sender could not prove to be the provider."""


class Unreadable(WebhookRefused):
    """Authentic, but not what the provider's documents promise."""
