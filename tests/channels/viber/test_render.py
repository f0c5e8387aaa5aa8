"""What we send is read back with aioviberbot, so that no field's name here is our own guess."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from aioviberbot.api.messages import FileMessage, PictureMessage, TextMessage, VideoMessage, get_message
from pydantic import SecretStr

from channels.viber import render, tracking
from channels.viber.spec import ViberSettings
from inbox.model.channel import Outgoing, OutgoingFile
from inbox.model.failures import Refused

SETTINGS = ViberSettings(
    token=SecretStr("445da6az1s345z78"), sender_name="Скринька", sender_avatar="https://shop.example/logo.png"
)


async def nothing() -> AsyncIterator[bytes]:
    yield b""


def rendered(text: str = "", **fields: Any) -> tuple[dict[str, Any], Any]:
    """The request, and the community's library's reading of it."""
    body = render.message(SETTINGS, Outgoing(to="ab/cd==", text=text, **fields))
    read = get_message(body)
    assert read.validate()
    return body, read


def file(kind: str, name: str) -> OutgoingFile:
    url = f"https://shop.example/files/t/{name}"
    return OutgoingFile(type=kind, name=name, content_type="", size=7, open=nothing, url=url)


def test_a_text():
    body, read = rendered("Вітаю")
    assert isinstance(read, TextMessage)
    assert (read.text, read.min_api_version) == ("Вітаю", 1)
    assert body["receiver"] == "ab/cd=="
    assert body["sender"] == {"name": "Скринька", "avatar": "https://shop.example/logo.png"}


def test_a_picture():
    _, read = rendered("Ось", files=(file("photo", "box.png"),))
    assert isinstance(read, PictureMessage)
    assert (read.text, read.media) == ("Ось", "https://shop.example/files/t/box.png")


def test_a_video():
    _, read = rendered(files=(file("video", "box.mp4"),))
    assert isinstance(read, VideoMessage)
    assert (read.media, read.size) == ("https://shop.example/files/t/box.mp4", 7)


@pytest.mark.parametrize("kind", ["document", "audio", "voice"])
def test_anything_else_is_a_file(kind):
    _, read = rendered(files=(file(kind, "чек.pdf"),))
    assert isinstance(read, FileMessage)
    assert (read.file_name, read.size) == ("чек.pdf", 7)


def test_buttons_and_what_stands_behind_them():
    _, read = rendered("Беремо?", buttons=(("Так & <ні>", "yes"),), key="m1:000")
    [button] = read.keyboard["Buttons"]
    assert (button["ActionType"], button["ActionBody"], button["Text"]) == (
        "reply",
        "Так & <ні>",
        "Так &amp; &lt;ні&gt;",
    )
    assert tracking.read(read.tracking_data) == tracking.Tracking("m1:000", {"Так & <ні>": "yes"})


@pytest.mark.parametrize("base", ["http://127.0.0.1:8080", "http://inbox.shop.example", "https://10.0.0.1"])
def test_a_file_that_viber_could_not_fetch_says_what_to_set_before_anything_is_sent(base):
    local = msgspec.structs.replace(file("photo", "x.png"), url=f"{base}/files/t/x.png")
    with pytest.raises(Refused, match="SKRYNKA_PUBLIC_URL") as refused:
        render.message(SETTINGS, Outgoing(to="ab/cd==", files=(local,)))
    assert refused.value.code == "no_public_url"
    here = SETTINGS.model_copy(update={"api_base": "http://127.0.0.1:8081/viber"})
    assert render.message(here, Outgoing(to="ab/cd==", files=(local,)))["media"] == local.url
