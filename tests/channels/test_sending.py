"""What a kind says it can send arrives at its sandbox; what goes wrong names the next step and tells no secret."""

import logging
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import pytest
from structlog.testing import capture_logs

from channels.faults import Fault
from channels.props import sample_photo, sample_voice
from channels.sandbox import Sandbox
from inbox.model.capabilities import Capabilities
from inbox.model.channel import Connection, Outgoing, OutgoingFile
from inbox.model.failures import ChannelFailure, Refused, RetryLater
from inbox.model.ids import new_id
from tests.channels.examples import EXAMPLES, KINDS, Shelf, Stage, impatient, secrets_of

MP4 = b"\0\0\0\x18ftypmp42" + bytes(100)
SAMPLES: Mapping[str, tuple[tuple[str, str, bytes], ...]] = {
    "photo": (("box.png", "image/png", sample_photo()),),
    "video": (("box.mp4", "video/mp4", MP4),),
    "audio": (("jingle.m4a", "audio/mp4", MP4), ("jingle.mp3", "audio/mpeg", b"ID3" + bytes(100))),
    "voice": (("note.wav", "audio/wav", sample_voice()), ("note.m4a", "audio/mp4", MP4)),
    "document": (("receipt.pdf", "application/pdf", b"%PDF-1.4\n"),),
}
"""By media type: name, content type, content. The first that a kind takes is sent."""

LETTER = {"characters": "ї", "utf16": "🙂", "utf8": "ї"}
UNITS = {"characters": 1, "utf16": 2, "utf8": 2}

Offer = Callable[[str, bytes], str]
Build = Callable[[Stage, Offer], dict[str, Any]]


def sample(can: Capabilities, kind: str, offer: Offer) -> OutgoingFile:
    """A file of this media type such as the kind takes."""
    allowed = can.media_limits[kind].content_types
    name, content_type, data = next(one for one in SAMPLES[kind] if not allowed or one[1] in allowed)

    async def content() -> AsyncIterator[bytes]:
        yield data

    return OutgoingFile(
        type=kind, name=name, content_type=content_type, size=len(data), open=content, url=offer(name, data)
    )


def longest(can: Capabilities, limit: int) -> str:
    """A text that is as long as it may be."""
    return LETTER[can.text_unit] * (limit // UNITS[can.text_unit])


def with_files(can: Capabilities, kinds: Sequence[str], text: str = "") -> Build:
    return lambda _stage, offer: {"files": tuple(sample(can, kind, offer) for kind in kinds), "text": text}


def renderings(can: Capabilities) -> Iterator[tuple[str, Build]]:
    """A message for each thing that a kind says it can send, by a name for it."""
    if can.text.sends:
        yield "text", lambda _stage, _offer: {"text": "Вітаю!"}
        yield "the longest text", lambda _stage, _offer: {"text": longest(can, can.text_limit)}
    if can.quote.sends:
        yield "a quotation", lambda stage, _offer: {"text": "Так", "reply_to": stage.asked}
    if can.buttons.sends:
        title = "Б" * min(can.button_title_limit or 64, 64)
        buttons = tuple((title, f"choice-{number}") for number in range(can.button_limit))
        yield "as many buttons as there may be", lambda _stage, _offer: {"text": "Що?", "buttons": buttons}
    for kind in can.media_limits:
        yield kind, with_files(can, [kind])
        if kind in can.captioned and can.caption_limit:
            yield f"{kind} with the longest caption", with_files(can, [kind], longest(can, can.caption_limit))
    if can.album_limit > 1:
        yield "as many photos as one message may have", with_files(can, ["photo"] * can.album_limit, "Разом")
    if can.album_any:
        yield "files of every type together", with_files(can, list(can.media_limits))


RENDERINGS = [
    pytest.param(name, fields, id=f"{name}: {what}")
    for name, kind in KINDS.items()
    for what, fields in renderings(kind.capabilities)
]
FAULTS = [
    pytest.param(name, fault, failure, id=f"{name}: {what}")
    for name, example in EXAMPLES.items()
    for what, (fault, failure) in example.faults.items()
]


@pytest.fixture
async def shelf() -> AsyncIterator[Shelf]:
    async with Shelf().open() as opened:
        yield opened


@pytest.fixture
async def stage(name: str, sandbox: Sandbox, shelf: Shelf) -> AsyncIterator[Stage]:
    async with EXAMPLES[name].stage(sandbox, shelf) as opened:
        yield opened


@pytest.fixture
async def connection(name: str, stage: Stage) -> AsyncIterator[Connection]:
    opened = await impatient(name).connect(stage.settings)
    yield opened
    await opened.close()


@pytest.fixture
def told(stage: Stage, caplog: pytest.LogCaptureFixture) -> Iterator[list[BaseException]]:
    """Failures that a test met; at its end nothing that they or the log say may hold a secret."""
    caplog.set_level(logging.DEBUG)
    failures: list[BaseException] = []
    with capture_logs() as lines:
        yield failures
    said = [logging.Formatter().format(record) for record in caplog.get_records("call")]
    shown = [*said, repr(lines), *(repr(one) + "".join(traceback.format_exception(one)) for one in failures)]
    secrets = [form for secret in secrets_of(stage.settings) for form in (secret, quote(secret, safe=""))]
    assert [secret for secret in secrets if any(secret in text for text in shown)] == []


@pytest.mark.parametrize(("name", "fields"), RENDERINGS)
async def test_what_a_kind_says_it_can_send_arrives(stage, connection, shelf, fields):
    before = stage.arrived()
    sent = await connection.send(Outgoing(to=stage.to, key=new_id(), by_person=True, **fields(stage, shelf.offer)))
    assert all(sent.external_ids)
    assert stage.arrived() - before == len(sent.external_ids) > 0


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("action", ["edit", "delete"])
async def test_what_was_sent_is_changed_or_the_change_refused(name, stage, connection, action):
    sent = await connection.send(Outgoing(to=stage.to, text="Завтра", key=new_id()))
    changes = (stage.to, sent.external_ids[0], *(("Сьогодні",) if action == "edit" else ()))
    if getattr(KINDS[name].capabilities, action).sends:
        await getattr(connection, action)(*changes)
        assert stage.arrived() == (1 if action == "edit" else 0)
    else:
        with pytest.raises(Refused) as raised:
            await getattr(connection, action)(*changes)
        assert raised.value.code == action


@pytest.mark.parametrize("name", KINDS)
async def test_typing_is_shown_or_nothing_happens(stage, connection):
    await connection.typing(stage.to)
    assert stage.arrived() == 0


@pytest.mark.parametrize(("name", "fault", "failure"), FAULTS)
async def test_what_goes_wrong_names_the_next_step(stage, connection, told, fault, failure):
    stage.fault(fault)
    with pytest.raises(ChannelFailure) as raised:
        await connection.send(Outgoing(to=stage.to, text="Вітаю", key=new_id()))
    told.append(raised.value)
    assert type(raised.value) is failure
    assert str(raised.value)


@pytest.mark.parametrize("name", KINDS)
async def test_nothing_that_goes_well_tells_a_secret(stage, connection, shelf, told):
    await connection.check(shelf.webhook)
    await connection.send(Outgoing(to=stage.to, text="Вітаю", key=new_id()))
    assert told == []


CALLS: Mapping[str, Callable[[Connection, str], Awaitable[None]]] = {
    "register": lambda connection, url: connection.register(url),
    "check": lambda connection, url: connection.check(url),
    "unregister": lambda connection, _url: connection.unregister(),
}


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("kind", ["html", "garbage", "hang", "reset_before", "reset_after"])
async def test_what_may_be_done_twice_is_never_uncertain(stage, connection, shelf, told, call, kind):
    stage.fault(Fault(kind=kind))
    try:
        await CALLS[call](connection, shelf.webhook)
    except RetryLater as failure:
        told.append(failure)
