"""How a kind of channel is told apart at a glance: a small sign beside its conversations."""

import re
from typing import Final

import msgspec

ON_COLOUR: Final = "#ffffff"
"""What the drawing is drawn in by day, on `Look.colour`."""
ON_COLOUR_DARK: Final = "#131211"
"""The same by night, on `Look.colour_dark`."""
CONTRAST: Final = 3.0
"""How much a drawing must stand out from its ground: Web Content Accessibility Guidelines 2.2, 1.4.11."""

_COLOUR: Final = re.compile(r"#[0-9a-f]{6}")
_PATH: Final = re.compile(r"[Mm][MLHVCSQTAZmlhvcsqtaz0-9 .,-]{1,600}")


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """A kind's sign: a drawing on a round ground. Raises `ValueError` where it could not be drawn, or hardly be seen.

    `icon` is the path of an SVG of 24 by 24, drawn as a line 2.6 wide and shown 9 pixels wide: keep it simple. Colours
    are `#rrggbb` in lower case, the ground's by day and by night.
    """

    icon: str = "M4 5h16v11h-9l-5 4v-4H4z"
    colour: str = "#5c6672"
    colour_dark: str = "#7d8893"

    def __post_init__(self) -> None:
        if not _PATH.fullmatch(self.icon):
            message = f"icon: not the path of an SVG: {self.icon[:40]!r}"
            raise ValueError(message)
        for name, colour, drawing in (
            ("colour", self.colour, ON_COLOUR),
            ("colour_dark", self.colour_dark, ON_COLOUR_DARK),
        ):
            if not _COLOUR.fullmatch(colour):
                message = f"{name}: {colour!r} is not a colour like #2380bb"
                raise ValueError(message)
            if contrast(colour, drawing) < CONTRAST:
                message = f"{name}: {drawing} on {colour} stands out by {contrast(colour, drawing):.1f}, not {CONTRAST}"
                raise ValueError(message)


def contrast(one: str, other: str) -> float:
    """The contrast of two colours `#rrggbb`, 1 to 21, as the guidelines count it."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    """Relative luminance in sRGB, 0 to 1."""
    red, green, blue = (_linear(part / 255) for part in bytes.fromhex(colour[1:]))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4  # noqa: PLR2004 - sRGB's own knee
