"""Every kind of channel that this house speaks: one line each."""

from collections.abc import Mapping
from types import MappingProxyType

from channels.email import Email
from channels.instagram import Instagram
from channels.telegram import Telegram
from channels.viber import Viber
from inbox.model.channel import ChannelKind


def _by_name(*kinds: ChannelKind) -> Mapping[str, ChannelKind]:
    return MappingProxyType({kind.name: kind for kind in kinds})


KINDS: Mapping[str, ChannelKind] = _by_name(
    Email(),
    Instagram(),
    Telegram(),
    Viber(),
)
"""Kind by name, as it stands in `/webhooks/{kind}/{channel_id}` and in the channel's row."""
