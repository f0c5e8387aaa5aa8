"""Secrets of rules: what signs the calls of other systems is kept, used, and shown to nobody again."""

from collections.abc import Iterator, Mapping
from typing import Any

from inbox.model.errors import Invalid

MASK = "••••••••"
"""What stands in place of a secret; sent back, it means the one that is kept."""


def masked(parts: Any) -> Any:
    """Actions as they are shown."""
    if isinstance(parts, Mapping):
        shown = {key: masked(value) for key, value in parts.items()}
        return {**shown, "secret": MASK} if _signs(parts) else shown
    return [masked(part) for part in parts] if isinstance(parts, list | tuple) else parts


def unmasked(parts: Any, before: Any, path: str = "actions") -> Any:
    """Actions as they are kept: behind a mask is the secret that calls of the same address had before.

    Raises `Invalid` naming the mask (`actions.0.secret`) where they had none.
    """
    return _unmasked(parts, {call["url"]: call["secret"] for call in _calls(before)}, path)


def _unmasked(parts: Any, known: Mapping[str, str], path: str) -> Any:
    if isinstance(parts, Mapping):
        kept = {key: _unmasked(value, known, f"{path}.{key}") for key, value in parts.items()}
        if not (_signs(parts) and parts["secret"] == MASK):
            return kept
        if parts.get("url") not in known:
            raise Invalid(f"{path}.secret", "no call of this address had a secret before: write it again")
        return {**kept, "secret": known[parts["url"]]}
    if isinstance(parts, list | tuple):
        return [_unmasked(part, known, f"{path}.{position}") for position, part in enumerate(parts)]
    return parts


def _calls(parts: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(parts, Mapping):
        if _signs(parts):
            yield parts
        parts = list(parts.values())
    if isinstance(parts, list | tuple):
        for part in parts:
            yield from _calls(part)


def _signs(part: Mapping[str, Any]) -> bool:
    return part.get("type") == "webhook" and bool(part.get("secret"))
