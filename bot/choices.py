"""What a customer chose of the buttons that they were offered, however they say it."""

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from bot.situations import spoken
from inbox.presses import number_in


def chosen(message: Mapping[str, Any], buttons: Sequence[Mapping[str, str]], *, numbered: bool = True) -> str | None:
    """The `data` of the button that a message means, by pressing it, by its title or by its number.

    `buttons` are `{title, data}` in the order in which they were shown. A press is of that very button or of none: an
    older question may have had one of the same title, or in the same place. `numbered` is whether a typed number may
    mean a button.
    """
    content = message.get("content")
    if content is not None:
        pressed = content["data"] if content["type"] == "button" else None
        return next((button["data"] for button in buttons if button["data"] == pressed), None)
    text: str = message["text"]
    titled = next((button["data"] for button in buttons if _same(button["title"], text)), None)
    if titled is not None:
        return titled
    number = (number_in(text) or 0) if numbered else 0
    return buttons[number - 1]["data"] if 1 <= number <= len(buttons) else None


def _same(title: str, text: str) -> bool:
    """Whether a text is the title: by its words, or where it has none (a row of stars) by its signs."""
    words = spoken(title)
    return words == spoken(text) if words.strip() else _signs(title) == _signs(text)


def _signs(text: str) -> str:
    return unicodedata.normalize("NFKC", text).replace("\ufe0f", "").strip()
