"""Documents as the API and the pages show them: each function is one shape of `web.api.shapes`."""

from collections.abc import Mapping
from typing import Any

import msgspec

from inbox.cards import WholeCard
from inbox.customers import languages_of
from inbox.model.capabilities import Capabilities
from inbox.model.conversation import Priority, unread
from inbox.model.ids import now
from inbox.model.opting import opted_out
from inbox.model.people import Viewer
from inbox.model.ratings import rating_of
from inbox.storage.database import Document
from routing.clockwork import state
from web.api.rows import PREFIX

View = dict[str, Any]

_RAW_LIMIT = 20_000
_ATTACHMENT_DEFAULTS = {"type": "document", "width": None, "height": None, "duration": None, "state": "stored"}


def manager_view(manager: Document, viewer: Viewer) -> View:
    """A manager, as this viewer may see them."""
    shows_address = viewer.administers or viewer.id == manager["_id"]
    return {
        "id": manager["_id"],
        "email": manager["email"] if shows_address else None,
        "name": manager["name"],
        "role": manager["role"],
        "status": manager["status"],
        "load": len(manager["holding"]),
        "capacity": manager["capacity"],
        "teams": manager["teams"],
        "languages": manager["languages"],
        "channels": manager.get("channels", []),
        "schedule": manager.get("schedule"),
        "days_off": manager.get("days_off", []),
        "off_shift": manager.get("off_shift", False),
        "present": manager.get("present", False),
        "gone": manager.get("gone", False),
        "active": manager["active"],
        "created_at": manager["created_at"],
    }


def author_view(author: Mapping[str, Any]) -> View:
    """Who wrote."""
    return {"type": author["type"], "id": author.get("id"), "name": author.get("name", "")}


def clock_view(conversation: Document) -> View | None:
    """By when a customer who waits is to be answered, and how that stands; None where nothing is set or it rests."""
    clock = conversation.get("clock")
    standing = state(clock, now())
    return {"kind": clock["kind"], "due_at": clock["due_at"], "state": standing} if clock and standing else None


def conversation_view(conversation: Document, viewer: Viewer) -> View:
    """A conversation; `unread` counts what this viewer has not seen."""
    last = conversation["last_message"]
    return {
        "id": conversation["_id"],
        "customer_id": conversation["customer_id"],
        "channel_id": conversation["channel_id"],
        "assignee_id": conversation["assignee_id"],
        "team_id": conversation["team_id"],
        "status": conversation["status"],
        "priority": Priority(conversation["priority"]).name.lower(),
        "labels": conversation["labels"],
        "version": conversation["version"],
        "waiting_since": conversation["waiting_since"],
        "clock": clock_view(conversation),
        "snoozed_until": conversation["snoozed_until"],
        "created_at": conversation["created_at"],
        "closed_at": conversation["closed_at"],
        "last_at": conversation["last_at"],
        "last_message": last
        and {
            "id": last["id"],
            "text": last["text"],
            "direction": last["direction"],
            "author": author_view(last["author"]),
            "state": last["state"],
            "public": last.get("public", False),
            "at": last["at"],
        },
        "unread": unread(conversation, viewer.id),
        "assignment": conversation["assignment"],
        "handed_over": _handed_over_view(conversation, viewer),
        "rating": _rating_view(conversation),
    }


def _rating_view(conversation: Document) -> View | None:
    """The last rating of a conversation."""
    told = rating_of(conversation)
    return {field: told[field] for field in ("score", "comment", "at")} if told is not None else None


def _handed_over_view(conversation: Document, viewer: Viewer) -> View | None:
    """By whom it was handed over to whoever holds it or to its team; `new` until this viewer, who got it, opens it."""
    told = conversation.get("handed_over")
    if told is None:
        return None
    new = not told["opened"] and conversation["assignee_id"] == viewer.id
    return {"by": author_view(told["by"]), "note": told["note"], "at": told["at"], "new": new}


def attachment_view(attachment: Mapping[str, Any]) -> View:
    """A file, as a message lists it or as it is stored."""
    key = attachment.get("id") or attachment["_id"]
    told = {field: attachment.get(field, default) for field, default in _ATTACHMENT_DEFAULTS.items()}
    return {
        "id": key,
        "name": attachment["name"],
        "content_type": attachment["content_type"],
        "size": attachment["size"],
        **told,
        "url": f"/api/v1/attachments/{key}",
        "preview_url": f"/api/v1/attachments/{key}/preview" if attachment.get("preview") else None,
    }


def _notice_view(notice: Mapping[str, Any]) -> View:
    """What a message tells a customer of an order."""
    return {field: notice[field] for field in ("order_id", "number", "status", "passed_over", "handed_on")}


def message_view(message: Document) -> View:
    """A message."""
    return {
        "id": message["_id"],
        "conversation_id": message["conversation_id"],
        "channel_id": message.get("channel_id"),
        "direction": message["direction"],
        "author": author_view(message["author"]),
        "text": message["text"],
        "subject": message.get("subject", ""),
        "original": message.get("original"),
        "html": message.get("html", False),
        "public": message.get("public", False),
        "private": message.get("private", False),
        "unconfirmed": message.get("unconfirmed", False),
        "entities": message.get("entities", []),
        "content": message.get("content"),
        "attachments": [attachment_view(row) for row in message["attachments"]],
        "state": message["state"],
        "error": message.get("error"),
        "edited_at": message.get("edited_at"),
        "deleted_at": message.get("deleted_at"),
        # Taking a reaction back leaves an empty mark in the document.
        "reactions": [{"emoji": row["emoji"], "by": row["by"]} for row in message["reactions"] if row["emoji"]],
        "reply_to": message.get("reply_to"),
        "forwarded": message.get("forwarded", False),
        "automatic": message.get("automatic", False),
        "macro_id": message.get("macro_id"),
        "buttons": message.get("buttons", []),
        "numbered": message.get("numbered", False),
        "actions": message.get("actions", []),
        "notice": _notice_view(message["notice"]) if message.get("notice") else None,
        "client_token": message.get("client_token"),
        "sent_at": message["sent_at"],
        "created_at": message["created_at"],
    }


def avatar_url(identity: Document) -> str | None:
    """Where an identity's picture is; another one has another address."""
    avatar = identity.get("avatar")
    return f"{PREFIX}/identities/{identity['_id']}/avatar?v={avatar['version']}" if avatar else None


def identity_view(identity: Document) -> View:
    """The customer as one channel knows them."""
    return {
        "id": identity["_id"],
        "channel_id": identity["channel_id"],
        "kind": identity["kind"],
        "external_id": identity["external_id"],
        "name": identity["name"],
        "username": identity["username"],
        "reachable": identity["reachable"],
        "window_until": identity.get("window_until"),
        "person_window_until": identity.get("person_window_until"),
        "unanswered_left": identity.get("unanswered_left"),
        "avatar_url": avatar_url(identity),
        "joined": identity.get("joined"),
    }


def card_view(customer: Document) -> View:
    """What stands on a card itself."""
    contacts = [*customer["phones"], *customer["emails"]]
    return {
        "id": customer["_id"],
        "name": customer["name"],
        "phones": [row["number"] for row in customer["phones"]],
        "emails": [row["address"] for row in customer["emails"]],
        "proven": [row.get("number") or row["address"] for row in contacts if row.get("proven")],
        "tags": customer["tags"],
        "fields": customer["fields"],
        "language": customer["language"],
        "languages": languages_of(customer),
        "notices": customer.get("notices", True),
        "opted_out": opted_out(customer),
        "last_manager_id": customer["last_manager_id"],
        "responsible_manager_id": customer.get("responsible_manager_id"),
        "version": customer.get("version", 0),
        "created_at": customer["created_at"],
        "updated_at": customer["updated_at"],
    }


def customer_view(whole: WholeCard) -> View:
    """A card, with what stands elsewhere of the customer."""
    identities = [identity_view(row) for row in whole.identities]
    return {
        **card_view(whole.card),
        "avatar_url": next((one["avatar_url"] for one in identities if one["avatar_url"]), None),
        "identities": identities,
        "first_contact_at": whole.first_contact_at,
        "last_contact_at": whole.last_contact_at,
        "order_count": sum(one.count for one in whole.sums),
        "order_sums": [{"currency": one.currency, "total": str(one.total)} for one in whole.sums],
    }


def capabilities_view(capabilities: Capabilities) -> View:
    """What a channel can do, for the composer."""
    view: View = msgspec.to_builtins(capabilities)
    return view


def channel_view(channel: Document, viewer: Viewer, capabilities: Capabilities, *, path: str, absolute: str) -> View:
    """A channel. Its settings are for admins; secrets are not in them."""
    whole = viewer.administers
    return {
        "id": channel["_id"],
        "kind": channel["kind"],
        "name": channel["name"],
        "state": channel["state"],
        "state_reason": channel["state_reason"] or None,
        "state_since": channel.get("state_since"),
        "paused_by_hand": channel.get("held", False),
        "capabilities": capabilities_view(capabilities),
        "settings": channel["settings"] if whole else None,
        "webhook_url": {"path": path, "absolute": absolute} if whole else None,
        "checked_at": channel.get("checked_at") if whole else None,
        "last_message_at": channel.get("last_message_at") if whole else None,
        "created_at": channel["created_at"] if whole else None,
    }


def quarantined_view(event: Document) -> View:
    """An event that was set aside, its body as far as it is text."""
    return {
        "id": event["_id"],
        "channel_id": event["channel_id"],
        "kind": event["kind"],
        "reason": event["reason"],
        "received_at": event["received_at"],
        "raw": event["raw"][:_RAW_LIMIT].decode(errors="replace"),
    }


def audit_view(entry: Document) -> View:
    """An entry of the audit."""
    return {
        "id": entry["_id"],
        **{field: entry[field] for field in ("at", "actor", "action", "object_id", "address", "request_id", "changed")},
    }
