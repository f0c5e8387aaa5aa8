"""What a letter became, short enough to be read beside it."""

from collections.abc import Sequence
from typing import Any

from inbox.model.incoming import AccountChanged, Echo, Incoming, NewMessage, ReachabilityChanged, Receipt


def told(events: Sequence[Incoming]) -> list[dict[str, Any]]:
    """Events as the sidecars of fixtures hold them: what is empty is left out."""
    return [
        {key: value for key, value in _told(event).items() if value not in ("", [], False, None)} for event in events
    ]


def _told(event: Incoming) -> dict[str, Any]:
    assert not isinstance(event, AccountChanged)
    who = event.person
    match event:
        case NewMessage() | Echo():
            message = event if isinstance(event, NewMessage) else None
            return {
                "event": "message" if message else "echo",
                "from" if message else "to": who.external_id,
                "name": who.name,
                "machine": who.machine,
                "id": event.external_id,
                "at": event.sent_at.isoformat(),
                "subject": event.subject,
                "text": event.text,
                "original": message.original if message else "",
                "html": event.html,
                "files": [f"{media.type} {media.name} {media.content_type} {media.size}" for media in event.media],
                "answers": list(message.answers) if message else [],
                "proven": message.proven_email if message else "",
                "quiet": message.quiet if message else False,
            }
        case Receipt():
            return {
                "event": "receipt",
                "from": who.external_id,
                "id": event.external_id,
                "state": event.state,
                "error": event.error,
            }
        case ReachabilityChanged():
            return {
                "event": "reachability",
                "from": who.external_id,
                "reachable": str(event.reachable),
                "reason": event.reason,
            }
    raise AssertionError(event)
