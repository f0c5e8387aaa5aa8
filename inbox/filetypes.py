"""What a file is: what its bytes say, never what its name or its sender says."""

from typing import Final

import puremagic

HEAD_BYTES: Final = 4096
"""How much of a file's beginning `sniff` wants to see."""

UNKNOWN: Final = "application/octet-stream"

_OTHER_NAMES: Final = {
    "application/x-gzip": "application/gzip",
    "audio/mp3": "audio/mpeg",
    "audio/vnd.wave": "audio/wav",
    "audio/wave": "audio/wav",
    "audio/x-m4a": "audio/mp4",
    "audio/x-wav": "audio/wav",
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/x-ms-bmp": "image/bmp",
}
"""Several words for one thing, and the one that browsers and providers know."""

_CONTAINERS: Final = {
    "application/ogg": ("audio/ogg", "video/ogg"),
    "application/x-matroska": ("video/x-matroska", "video/webm", "audio/webm"),
    "video/mp4": ("audio/mp4", "video/quicktime"),
    "video/quicktime": ("video/mp4", "audio/mp4"),
    "video/webm": ("audio/webm",),
}
"""Types whose first bytes do not say whether there is a picture to the sound; there the sender's word decides."""

_WRITTEN: Final = frozenset(
    {
        "application/json",
        "application/pdf",
        "application/postscript",
        "application/rtf",
        "application/xml",
        "image/svg+xml",
        "message/rfc822",
    }
)
"""Types that may be text alone, besides `text/…`. Any other signature in a text is a word that looks like one."""

_SOUND: Final = (b"OpusHead", b"vorbis", b"Speex", b"fLaC")
_CONTROLS: Final = bytes(set(range(32)) - set(b"\t\n\f\r\x1b"))


def sniff(head: bytes, claimed: str = "") -> str:
    """The MIME type of a file that begins with these bytes.

    Where the bytes fit several types, `claimed` decides if it is one of them. A claimed text is believed where the
    bytes could be text, and is then plain: nothing in them says more.
    """
    claimed = _named(claimed)
    text = head.translate(None, delete=_CONTROLS) == head
    found = [kind for kind in _signatures(head) if not text or kind.startswith("text/") or kind in _WRITTEN]
    fitting = [*found, *(other for kind in found for other in _CONTAINERS.get(kind, ()))]
    if claimed in fitting:
        return claimed
    if "application/ogg" in found:
        return "audio/ogg" if any(mark in head for mark in _SOUND) else "video/ogg"
    if "application/zip" in found:
        return "application/zip"
    if found:
        return found[0]
    return "text/plain" if text and claimed.startswith("text/") else UNKNOWN


def _signatures(head: bytes) -> list[str]:
    """Every type whose signature is there, likeliest first."""
    try:
        guesses = puremagic.magic_string(head)
    except (puremagic.PureError, ValueError):
        return []
    return [_named(str(guess.mime_type)) for guess in guesses if guess.mime_type]


def _named(kind: str) -> str:
    kind = kind.partition(";")[0].strip().lower()
    return _OTHER_NAMES.get(kind, kind)
