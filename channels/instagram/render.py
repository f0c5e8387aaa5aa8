"""Our messages as requests of the Send API and the comments' API. Pure: nothing is sent here.

https://developers.facebook.com/docs/instagram-platform/instagram-api-with-instagram-login/messaging-api
"""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from channels.addresses import can_fetch
from channels.instagram.parse import COMMENT
from channels.instagram.spec import PAYLOAD_LIMIT
from inbox.model.channel import Outgoing, OutgoingFile
from inbox.model.failures import Refused, Unreachable


class Request(msgspec.Struct, frozen=True):
    """What to post, and below which node: the account's own where `node` is empty."""

    edge: str
    body: Mapping[str, Any]
    node: str = ""

    @property
    def public(self) -> bool:
        """Whether everybody can read what comes of it."""
        return self.edge == "replies"


def send(message: Outgoing, *, api_base: str, human_agent: bool = True) -> Request:
    """The request that sends `message`. Raises `Refused` for what Instagram has no way to say.

    `api_base` is where Instagram is; `human_agent` is whether Meta lets people of this shop answer after the first day.
    """
    comment = message.reply_to.removeprefix(COMMENT) if message.reply_to.startswith(COMMENT) else ""
    if comment and not message.private:
        return Request("replies", _public_reply(message), node=_digits(comment))
    body: dict[str, Any] = {"recipient": {"comment_id": _digits(comment)} if comment else {"id": recipient(message.to)}}
    # An answer to a comment has a week of its own, and no tag to go with it.
    body |= {"messaging_type": "RESPONSE"} if comment else _occasion(message, human_agent=human_agent)
    return Request("messages", body | {"message": _content(message, api_base)})


def typing(to: str) -> Request:
    return Request("messages", {"recipient": {"id": recipient(to)}, "sender_action": "typing_on"})


def recipient(to: str) -> str:
    """The Instagram-scoped id behind an identity."""
    if not re.fullmatch(r"[0-9]{1,32}", to):
        raise Unreachable(f"{to!r} is nobody on Instagram", code="recipient")
    return to


def _digits(comment: str) -> str:
    if not re.fullmatch(r"[0-9_]{1,64}", comment):
        raise Refused(f"{comment!r} is no comment on Instagram", code="comment")
    return comment


def _occasion(message: Outgoing, *, human_agent: bool) -> dict[str, str]:
    """What allows us to write now: the customer's last message, or that a person answers within the week."""
    if not message.late:
        return {"messaging_type": "RESPONSE"}
    if not message.by_person:
        raise Refused(
            "a day after the customer's last message Instagram lets only people answer, no bot", code="window"
        )
    if not human_agent:
        raise Refused("a day after the customer's last message it takes Meta's Human Agent to answer", code="window")
    return {"messaging_type": "MESSAGE_TAG", "tag": "HUMAN_AGENT"}


def _public_reply(message: Outgoing) -> dict[str, str]:
    if message.files:
        raise Refused("Instagram shows no files under a comment; answer in private", code="comment")
    if message.buttons:
        raise Refused("Instagram shows no buttons under a comment; answer in private", code="comment")
    return {"message": message.text}


def _content(message: Outgoing, api_base: str) -> dict[str, Any]:
    if not message.files:
        return {"text": message.text, **_quick_replies(message)}
    if len(message.files) > 1 or message.text or message.buttons:
        raise Refused("Instagram takes one file a message, without a text", code="file")
    return {"attachment": _attachment(message.files[0], api_base)}


def _attachment(file: OutgoingFile, api_base: str) -> dict[str, Any]:
    if not can_fetch(api_base, file.url):
        reason = (
            "Instagram fetches files from the shop's public address, and the shop has none on the internet that begins"
            " with https: set SKRYNKA_PUBLIC_URL"
        )
        raise Refused(reason, code="no_public_url")
    return {"type": _TYPES.get(file.type, "file"), "payload": {"url": file.url}}


def _quick_replies(message: Outgoing) -> dict[str, Any]:
    if not message.buttons:
        return {}
    if any(len(data) > PAYLOAD_LIMIT for _, data in message.buttons):
        raise Refused(f"what stands behind a button may have {PAYLOAD_LIMIT} characters on Instagram", code="button")
    return {
        "quick_replies": [{"content_type": "text", "title": title, "payload": data} for title, data in message.buttons]
    }


_TYPES: Final[Mapping[str, str]] = {
    "photo": "image",
    "video": "video",
    "audio": "audio",
    "voice": "audio",
    "document": "file",
}
