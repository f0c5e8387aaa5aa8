"""How large a picture is, and a small copy of it. What comes in is a stranger's: it is decoded under limits, or not."""

import io
from typing import Final

import msgspec

MAX_BYTES: Final = 20 * 1024 * 1024
"""A picture that is larger is not looked at."""

MAX_PIXELS: Final = 40_000_000
"""How many pixels are decoded at most: a few kilobytes can stand for gigabytes.

A phone's camera makes 12 to 50 million, but as JPEG, which is decoded small at once.
"""

BOX: Final = 640
"""The longer side of a small copy, in pixels: twice what a thread shows, for dense screens."""

PORTRAIT: Final = 160
"""The sides of what stands for a person, in pixels: more than twice as large as it is ever shown."""

PREVIEW_TYPE: Final = "image/webp"

_FORMATS: Final = {
    "image/avif": "AVIF",
    "image/bmp": "BMP",
    "image/gif": "GIF",
    "image/jpeg": "JPEG",
    "image/png": "PNG",
    "image/webp": "WEBP",
}


class Picture(msgspec.Struct, frozen=True):
    """What was seen: size in pixels as a viewer shows it, and a small copy (`PREVIEW_TYPE`) where one is of use."""

    width: int
    height: int
    preview: bytes | None = None
    preview_width: int = 0
    preview_height: int = 0


def is_picture(content_type: str) -> bool:
    """Whether `look` knows this type."""
    return content_type in _FORMATS


def look(content: bytes, content_type: str) -> Picture | None:
    """Measure a picture and make a small copy of it; None where it is broken. Takes time: call it in a thread."""
    # Loaded with the first picture: its codecs cost memory that a shop of texts never needs.
    from PIL import Image, ImageOps

    try:
        with Image.open(io.BytesIO(content), formats=(_FORMATS[content_type],)) as image:
            width, height = image.size
            if image.getexif().get(_ORIENTATION, 1) in _TURNED:
                width, height = height, width
            image.draft("RGB", (BOX, BOX))  # JPEG can be decoded at an eighth of its size; others ignore this.
            if image.width * image.height > MAX_PIXELS:
                return Picture(width, height)
            if max(width, height) <= BOX and len(content) <= _SMALL_BYTES:
                image.load()
                return Picture(width, height)
            small = ImageOps.exif_transpose(image)
            small.thumbnail((BOX, BOX))
            small = small.convert("RGBA" if small.has_transparency_data else "RGB")
            kept = io.BytesIO()
            small.save(kept, "WEBP", quality=80)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning, OSError, SyntaxError, ValueError):
        return None
    return Picture(width, height, kept.getvalue(), small.width, small.height)


def portrait(content: bytes, content_type: str) -> bytes | None:
    """The middle of a picture as a square of `PORTRAIT` pixels (`PREVIEW_TYPE`); None where it is broken or too large.

    Takes time: call it in a thread.
    """
    from PIL import Image, ImageOps

    try:
        with Image.open(io.BytesIO(content), formats=(_FORMATS[content_type],)) as image:
            image.draft("RGB", (PORTRAIT, PORTRAIT))
            if image.width * image.height > MAX_PIXELS:
                return None
            turned = ImageOps.exif_transpose(image).convert("RGBA")
            square = Image.new("RGBA", (PORTRAIT, PORTRAIT), "white")
            square.alpha_composite(ImageOps.fit(turned, (PORTRAIT, PORTRAIT)))
            kept = io.BytesIO()
            square.convert("RGB").save(kept, "WEBP", quality=80)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning, OSError, SyntaxError, ValueError):
        return None
    return kept.getvalue()


_SMALL_BYTES: Final = 64 * 1024
_ORIENTATION: Final = 0x0112
_TURNED: Final = frozenset({5, 6, 7, 8})
"""EXIF orientations that lie on their side."""
