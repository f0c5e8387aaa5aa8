"""What each fixture has to say, kept beside it as `expected/{event}__{variant}.json`.

    python -m tests.channels.sidecars    writes those that are missing, to be read before they are committed

A sidecar lists the events of the call in our words; what is empty is left out, so that it can be read line by line.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from inbox.model.channel import WebhookRequest
from inbox.model.failures import Unreadable
from inbox.model.ids import now
from inbox.model.incoming import Incoming
from tests.channels.examples import EXAMPLES, HERE, KINDS, settings_of

NOW = "when it came"
"""The time of what the provider does not date."""


def fixtures() -> Sequence[Path]:
    """The bodies of webhook calls. Letters have sidecars of their own: `tests/channels/email/test_letters.py`."""
    return sorted(HERE.glob("*/fixtures/*.json"))


def sidecar(fixture: Path) -> Path:
    """Where stands what a fixture says."""
    return fixture.parent.parent / "expected" / fixture.name


def told(fixture: Path) -> dict[str, Any]:
    """What a fixture says: the keys of its events, and the events, or why they cannot be read."""
    began = now()
    kind = KINDS[fixture.parent.parent.name]
    request = WebhookRequest(headers={}, query={}, body=EXAMPLES[kind.name].call(fixture.read_bytes()))
    raw = kind.split(settings_of(kind.name), request)
    read: list[Any] = []
    for one in raw:
        try:
            read.extend(_words(event, began) for event in kind.read(one.raw))
        except Unreadable as unreadable:
            read.append({"event": "quarantined", "reason": str(unreadable)})
    return {"keys": [one.key for one in raw], "events": read}


def _words(event: Incoming, began: datetime) -> dict[str, Any]:
    fields = {name: getattr(event, name) for name in event.__struct_fields__}
    dated = {name: NOW if _undated(value, began) else msgspec.to_builtins(value) for name, value in fields.items()}
    # Of these the empty value is what the event is about.
    kept = {name: dated[name] for name in ("reachable", "emoji") if name in dated}
    return {"event": str(event.__struct_config__.tag), **_filled(dated), **kept}


def _undated(value: Any, began: datetime) -> bool:
    return isinstance(value, datetime) and value >= began.replace(microsecond=0)


def _filled(value: Any) -> Any:
    """`value` without what is empty in it."""
    if isinstance(value, dict):
        return {key: _filled(inner) for key, inner in value.items() if inner not in ("", None, False, 0, [], (), {})}
    if isinstance(value, list | tuple):
        return [_filled(inner) for inner in value]
    return value


def main() -> None:
    """Write what is missing."""
    for fixture in fixtures():
        path = sidecar(fixture)
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            words = json.dumps(told(fixture), ensure_ascii=False, indent=2, default=list)
            path.write_text(f"{words}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
