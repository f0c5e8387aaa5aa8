"""`skrynka doctor`: one line for every thing that must hold, and what to do about those that do not."""

from collections.abc import AsyncIterator

import uvloop

from inbox.model.errors import DomainError, NotFound
from inbox.model.failures import ChannelFailure
from inbox.secrets import WrongKey
from inbox.storage.database import Document
from inbox.storage.errors import BucketDown
from web.app import opened
from web.house import House
from web.settings import Settings, SettingsError


def run(settings: Settings) -> int:
    """Check everything; 0 when all holds, 1 when anything does not."""
    return uvloop.run(_examine(settings))


async def _examine(settings: Settings) -> int:
    findings = [_say(True, "settings", _settings_summary(settings))]
    try:
        async with opened(settings) as house:
            findings.append(_say(True, "mongodb", f"primary answers, database {house.database.name}"))
            findings.append(await _redis(house))
            if settings.s3_url is not None:
                findings.append(await _bucket(house, settings))
            findings += [
                await _channel(house, channel, f"{channel['kind']} {channel['name']!r}")
                for channel in await house.channels.all()
            ]
            findings += await _staff_bot(house)
    except SettingsError as error:
        findings.append(_say(False, "start", str(error)))
    return 0 if all(findings) else 1


def _settings_summary(settings: Settings) -> str:
    if settings.public_url is None:
        return "read; SKRYNKA_PUBLIC_URL is not set, so providers cannot be told where to post"
    if settings.public_url.startswith("http://"):
        return f"read; {settings.public_url} is plain http: providers insist on https"
    return f"read; public address {settings.public_url}"


async def _redis(house: House) -> bool:
    try:
        await house.redis.ping()
    except Exception as error:  # noqa: BLE001  # Whatever it is, it is the finding.
        return _say(False, "redis", f"{error}: live updates are slower until it answers (SKRYNKA_REDIS_URL)")
    return _say(True, "redis", "answers")


async def _bucket(house: House, settings: Settings) -> bool:
    if settings.s3_bucket is None:
        return _say(True, "bucket", f"{settings.s3_url} is read from; new files go to MongoDB")
    try:
        file_id, _ = await house.attachment_store.write("doctor", _probe())
        await house.attachment_store.discard(file_id)
    except BucketDown as error:
        return _say(False, "bucket", f"{error} (SKRYNKA_S3_URL, SKRYNKA_S3_BUCKET and the keys)")
    return _say(True, "bucket", f"{settings.s3_bucket} at {settings.s3_url} takes files")


async def _probe() -> AsyncIterator[bytes]:
    yield b"skrynka doctor was here"


async def _channel(house: House, channel: Document, title: str) -> bool:
    waiting = (await house.channels.waiting()).get(channel["_id"], 0)
    queue = f"; {waiting} to be sent" if waiting else ""
    if channel.get("held"):
        return _say(True, title, f"{channel['state_reason']}, not asked{queue}")
    try:
        opened_channel = await house.channels.open(channel["_id"])
        await opened_channel.connection.check(house.channels.webhook_url(opened_channel.document))
    except (ChannelFailure, DomainError, WrongKey) as error:
        return _say(False, title, f"{error}{queue}")
    return _say(True, title, f"works: credentials accepted, events come in{queue}")


async def _staff_bot(house: House) -> list[bool]:
    try:
        bot = await house.staff_accounts.bot()
    except NotFound:
        return []
    title = f"staff bot @{bot['username']}"
    try:
        await house.staff_accounts.check(bot)
    except (ChannelFailure, WrongKey) as error:
        return [_say(False, title, str(error))]
    return [_say(True, title, f"works: {await house.staff_accounts.links()} managers answer by it")]


def _say(holds: bool, what: str, finding: str) -> bool:  # noqa: FBT001 - the finding itself
    print(f"{'ok  ' if holds else 'FAIL'}  {what}: {finding}")  # noqa: T201 - the command's answer
    return holds
