"""Pictures of strangers: measured, made small, and never trusted with memory."""

import io
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from inbox.pictures import BOX, look


def drawn(size: tuple[int, int], form: str, **options: object) -> bytes:
    made = io.BytesIO()
    Image.effect_noise(size, 60).convert("RGB").save(made, form, **options)
    return made.getvalue()


@pytest.mark.parametrize(
    ("form", "content_type"),
    [
        ("JPEG", "image/jpeg"),
        ("PNG", "image/png"),
        ("GIF", "image/gif"),
        ("WEBP", "image/webp"),
        ("AVIF", "image/avif"),
    ],
)
def test_a_picture_is_measured_and_made_small(form, content_type):
    found = look(drawn((1600, 800), form), content_type)
    assert found is not None
    assert (found.width, found.height) == (1600, 800)
    assert (found.preview_width, found.preview_height) == (BOX, BOX // 2)
    assert found.preview is not None
    with Image.open(io.BytesIO(found.preview)) as small:
        assert (small.format, small.size) == ("WEBP", (BOX, BOX // 2))
        assert not small.getexif()


def test_a_small_picture_needs_no_smaller_one():
    found = look(drawn((64, 48), "PNG"), "image/png")
    assert found is not None
    assert (found.width, found.height, found.preview) == (64, 48, None)


def test_a_picture_taken_upright_stands_upright():
    exif = Image.Exif()
    exif[0x0112] = 6
    found = look(drawn((1600, 800), "JPEG", exif=exif), "image/jpeg")
    assert found is not None
    assert (found.width, found.height) == (800, 1600)
    assert (found.preview_width, found.preview_height) == (BOX // 2, BOX)


def test_what_can_be_seen_through_stays_so():
    made = io.BytesIO()
    Image.new("RGBA", (1000, 1000), (255, 0, 0, 0)).save(made, "PNG", compress_level=0)
    found = look(made.getvalue(), "image/png")
    assert found is not None
    assert found.preview is not None
    with Image.open(io.BytesIO(found.preview)) as small:
        assert small.mode == "RGBA"


def bomb(width: int, height: int) -> bytes:
    """A tiny PNG that stands for very many pixels."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(3 * 10_000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [7_000, 11_000, 60_000])
def test_a_bomb_is_not_decoded(side):
    found = look(bomb(side, side), "image/png")
    assert found is None or found.preview is None


def test_a_picture_that_breaks_off_has_no_small_copy():
    whole = drawn((1600, 800), "PNG")
    assert look(whole[: len(whole) // 2], "image/png") is None


@given(st.binary(max_size=300), st.sampled_from(["image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp"]))
def test_nothing_that_claims_to_be_a_picture_crashes(content, content_type):
    signature = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff", "image/gif": b"GIF89a"}
    look(signature.get(content_type, b"BM") + content, content_type)
