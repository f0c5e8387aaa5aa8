"""Messages and changes that a channel brings, as documents: what an event becomes before it is stored."""

from datetime import datetime
from typing import Any

import msgspec

from inbox.model.accepted import Accepted
from inbox.model.ids import derived_id, inbound_message_id, sort_key
from inbox.model.incoming import Echo, MessageChange, MessageEdited, NewMessage

Document = dict[str, Any]


def attachments_of(accepted: Accepted, event: NewMessage | Echo | MessageEdited) -> list[Document]:
    """A message's files as it shows them while they still lie at the provider."""
    return [
        {
            "id": derived_id(
                "attachment", _scope(accepted, event), event.external_id, str(position), *filter(None, [media.same])
            ),
            "type": media.type,
            "part": media.part,
            "name": media.name,
            "content_type": media.content_type,
            "size": media.size,
            "width": media.width,
            "height": media.height,
            "duration": media.duration,
            "state": "pending",
        }
        for position, media in enumerate(event.media)
    ]


def _scope(accepted: Accepted, event: NewMessage | Echo | MessageEdited) -> str:
    """Within what an event's external id is unique."""
    return accepted.kind if isinstance(event, NewMessage) and event.everywhere else accepted.channel_id


def message_of(accepted: Accepted, event: NewMessage, identity: Document) -> Document:
    """A customer's message as it is stored; its conversation is found later."""
    author = {
        "type": "customer",
        "id": identity["customer_id"],
        "name": identity["name"] or identity["username"],
        "machine": event.person.machine,
    }
    return {
        **_stored(accepted, event, identity),
        "_id": inbound_message_id(_scope(accepted, event), event.group or event.external_id),
        "direction": "in",
        "author": author,
        "content": msgspec.to_builtins(event.content) if event.content is not None else None,
        "forwarded": event.forwarded,
        "state": "received",
        **_told(
            original=event.original,
            public=event.public,
            quiet=event.quiet,
            source=event.source,
            unconfirmed=event.unconfirmed,
            vouched=bool(event.proven_email),
        ),
    }


def echo_of(accepted: Accepted, event: Echo, identity: Document, channel_name: str) -> Document:
    """What the shop wrote by another way than through us, as it is stored."""
    return {
        **_stored(accepted, event, identity),
        "_id": inbound_message_id(accepted.channel_id, event.external_id),
        "direction": "out",
        "author": {"type": "shop", "id": None, "name": channel_name, "machine": False},
        "content": None,
        "forwarded": False,
        "state": "sent",
    }


def _stored(accepted: Accepted, event: NewMessage | Echo, identity: Document) -> Document:
    """What both have."""
    return {
        "conversation_id": "",
        "customer_id": identity["customer_id"],
        "channel_id": accepted.channel_id,
        "identity_id": identity["_id"],
        "external_ids": [event.external_id],
        "text": event.text,
        "entities": [dict(entity) for entity in event.entities],
        "attachments": attachments_of(accepted, event),
        "reply_to": None,
        "error": None,
        "sort": sort_key(event.sent_at, event.sequence),
        "sent_at": event.sent_at,
        "received_at": accepted.received_at,
        "created_at": accepted.received_at,
        "edited_at": None,
        "deleted_at": None,
        "reactions": [],
        "automatic": False,
        **_told(subject=event.subject, html=bool(event.html)),
    }


def _told(**fields: str | bool) -> Document:
    """Fields that most messages do not have, where this one does."""
    return {name: value for name, value in fields.items() if value}


def quotation_of(accepted: Accepted, event: NewMessage | Echo, message_id: str) -> Document:
    """What a message answers, waiting to be known.

    It is a change of the answer that is due when the answered message is there.
    """
    return {
        "_id": derived_id("change", accepted.id, "quotation", event.external_id),
        "type": "quotation",
        "channel_id": accepted.channel_id,
        "external_id": event.reply_to,
        "by": message_id,
        "at": event.sent_at,
    }


def change_of(
    accepted: Accepted,
    event: MessageChange,
    identity: Document,
) -> Document:
    """A change as it waits for its message. Files that an edit brings keep the `ref` by which they are fetched then."""
    raw = msgspec.to_builtins(event, builtin_types=(datetime,))
    if isinstance(event, MessageEdited):
        shown = zip(attachments_of(accepted, event), raw.pop("media"), strict=True)
        raw["files"] = [{**file, "ref": media["ref"]} for file, media in shown]
    return {
        **raw,
        "_id": derived_id("change", accepted.id, raw["type"], event.external_id),
        "channel_id": accepted.channel_id,
        "person": identity["_id"],
    }
