"""What customers look like: a small copy of our own of each picture that a provider shows, fetched beside the flow.

A customer without a picture is their initials; so whatever goes wrong here is noted, and what was there stays.
"""

import hashlib
from functools import partial
from typing import Final

import structlog

from inbox.channels import Channels
from inbox.customers import Customers
from inbox.files import Files, at_once
from inbox.media import Reader
from inbox.model.channel import Connection
from inbox.model.errors import NotFound
from inbox.model.failures import ChannelFailure, RetryLater
from inbox.model.ids import now
from inbox.pictures import PREVIEW_TYPE
from inbox.storage.attachments import AttachmentStore
from inbox.storage.database import Document
from inbox.storage.people import PeopleStore
from inbox.timers import Later

MAX_BYTES: Final = 5 << 20
"""Larger pictures of people are left at the provider."""

_log = structlog.get_logger(__name__)


class Avatars:
    """Fetches and opens customers' pictures."""

    def __init__(
        self,
        *,
        channels: Channels,
        people: PeopleStore,
        files: Files,
        attachments: AttachmentStore,
        customers: Customers,
    ) -> None:
        self._channels = channels
        self._people = people
        self._files = files
        self._attachments = attachments
        self._customers = customers

    async def open(self, identity_id: str) -> tuple[Document, Reader]:
        """An identity's picture as a file is described, with its `version`, and a reader of its bytes."""
        identity = await self._people.identity(identity_id)
        avatar = identity and identity.get("avatar")
        if not avatar:
            raise NotFound("this customer has no picture here")
        described = {**avatar, "content_type": PREVIEW_TYPE, "name": f"{identity_id}.webp"}
        return described, partial(self._attachments.read, avatar["file_id"])

    async def fetch(self, data: Document) -> None:
        """Look at an identity's picture (timer `identity.avatar`): at `source`, or where its provider says now."""
        identity = await self._people.identity(data["identity_id"])
        if identity is None:
            return
        try:
            connection = (await self._channels.open(identity["channel_id"])).connection
            source = data["source"] or await _source(identity, connection)
            await self.take(identity, connection, source)
        except RetryLater as error:
            raise Later(error.after or 60.0) from error
        except (ChannelFailure, NotFound) as error:
            _log.info("avatar_not_told", channel_id=identity["channel_id"], reason=str(error))

    async def take(self, identity: Document, connection: Connection, source: str) -> None:
        """Have the picture at `source` be the identity's, or none where `source` is empty.

        Raises `ChannelFailure` where the provider does not hand it over.
        """
        before = identity.get("avatar")
        after = before
        if not source:
            after = None
        elif (copy := await self._copy(connection, source)) is not None:
            version = hashlib.blake2b(copy, digest_size=8).hexdigest()
            if before is None or before["version"] != version:
                file_id, size = await self._attachments.write("avatar.webp", at_once(copy))
                after = {"file_id": file_id, "size": size, "version": version}
        kept = await self._people.set_avatar(identity, after, now())
        if before == after:
            return
        let_go = before if kept else after
        if let_go is not None:
            await self._attachments.discard(let_go["file_id"])
        if kept:
            await self._customers.show(identity)

    async def _copy(self, connection: Connection, source: str) -> bytes | None:
        content = bytearray()
        async for chunk in connection.fetch(source, MAX_BYTES):
            content += chunk
        return await self._files.portrait(bytes(content))


async def _source(identity: Document, connection: Connection) -> str:
    """Where the picture lies: the provider is asked, unless it can only say so in its events."""
    person = await connection.profile(identity["external_id"])
    source: str = identity.get("avatar_source", "") if person is None else person.avatar
    return source
