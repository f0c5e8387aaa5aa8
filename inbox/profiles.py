"""Who somebody is whom a provider's events bring without a name: asked once, beside the flow."""

import contextlib

import structlog

from inbox.avatars import Avatars
from inbox.channels import Channels
from inbox.customers import Customers
from inbox.model.errors import NotFound
from inbox.model.failures import ChannelFailure, RetryLater
from inbox.model.ids import now
from inbox.storage.database import Document
from inbox.storage.people import PeopleStore, Sighting
from inbox.timers import Later

_log = structlog.get_logger(__name__)


class Profiles:
    """Asks providers for names."""

    def __init__(self, *, channels: Channels, people: PeopleStore, customers: Customers, avatars: Avatars) -> None:
        self._channels = channels
        self._people = people
        self._customers = customers
        self._avatars = avatars

    async def learn(self, data: Document) -> None:
        """Ask about an identity and put the name on its card (timer `identity.profile`); their picture comes along."""
        identity = await self._people.identity(data["identity_id"])
        if identity is None or identity["name"] or identity["username"]:
            return
        try:
            opened = await self._channels.open(identity["channel_id"])
            person = await opened.connection.profile(identity["external_id"])
        except RetryLater as error:
            raise Later(error.after or 60.0) from error
        except (ChannelFailure, NotFound) as error:
            # A customer may keep their profile to themselves, and a channel may be gone: they stay without a name.
            _log.info("profile_not_told", channel_id=identity["channel_id"], reason=str(error))
            person = None
        if person is not None:
            seen = Sighting(channel_id=identity["channel_id"], kind=identity["kind"], person=person, at=now())
            await self._people.resolve({identity["_id"]: seen}, ensure_cards=False)
        await self._people.note_asked(identity["_id"], now())
        if person is None:
            return
        await self._customers.show(identity)
        if person.avatar:
            with contextlib.suppress(Later):  # Their next message has it looked at again.
                await self._avatars.fetch({"identity_id": identity["_id"], "source": person.avatar})
