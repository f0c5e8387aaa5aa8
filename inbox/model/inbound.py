"""A customer's messages and changes as documents: what an event of a channel becomes before it is stored."""

from datetime import datetime
from typing import Any

import msgspec

from inbox.model.accepted import Accepted
from inbox.model.ids import derived_id, inbound_message_id, sort_key
from inbox.model.incoming import MessageChange, NewMessage

Document = dict[str, Any]


def attachments_of(accepted: Accepted, event: NewMessage) -> list[Document]:
    """A message's files as it shows them while they still lie at the provider."""
    return [
        {
            "id": derived_id("attachment", accepted.channel_id, event.external_id, str(position)),
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


def message_of(accepted: Accepted, event: NewMessage, identity: Document) -> Document:
    """A customer's message as it is stored; its conversation is found later."""
    return {
        "_id": inbound_message_id(accepted.channel_id, event.group or event.external_id),
        "conversation_id": "",
        "customer_id": identity["customer_id"],
        "channel_id": accepted.channel_id,
        "identity_id": identity["_id"],
        "external_ids": [event.external_id],
        "direction": "in",
        "author": {
            "type": "customer",
            "id": identity["customer_id"],
            "name": identity["name"] or identity["username"],
            "machine": event.person.machine,
        },
        "text": event.text,
        "entities": [dict(entity) for entity in event.entities],
        "content": msgspec.to_builtins(event.content) if event.content is not None else None,
        "attachments": attachments_of(accepted, event),
        "forwarded": event.forwarded,
        "reply_to": None,
        "state": "received",
        "error": None,
        "sort": sort_key(event.sent_at, event.sequence),
        "sent_at": event.sent_at,
        "received_at": accepted.received_at,
        "created_at": accepted.received_at,
        "edited_at": None,
        "deleted_at": None,
        "reactions": [],
        "automatic": False,
    }


def quotation_of(accepted: Accepted, event: NewMessage, message_id: str) -> Document:
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
        "stored_at": accepted.received_at,
    }


def change_of(
    accepted: Accepted,
    event: MessageChange,
    identity: Document,
) -> Document:
    """A change as it waits for its message."""
    raw = msgspec.to_builtins(event, builtin_types=(datetime,))
    return {
        **raw,
        "_id": derived_id("change", accepted.id, raw["type"], event.external_id),
        "channel_id": accepted.channel_id,
        "person": identity["_id"],
        "stored_at": accepted.received_at,
    }
