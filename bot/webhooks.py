"""Rules tell other systems what happened: posted as JSON from a durable list, tried again until they have taken it.

Each call has an id that stays the same over all its tries (`X-Skrynka-Delivery`): who got one twice knows it by that.
Where the rule has a secret, `X-Skrynka-Signature` is `sha256=` and the HMAC-SHA256, in hex, of the time in
`X-Skrynka-Timestamp` (seconds since 1970), a dot, and the body.
"""

import hashlib
import hmac
import time
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any

import msgspec
import structlog

from bot.actions import CallWebhook
from bot.occasions import Occasion
from inbox.model.failures import ChannelFailure, Refused
from inbox.model.ids import derived_id
from inbox.paging import moment_and_id, page
from inbox.storage.database import Document
from inbox.storage.timers import TimerStore
from inbox.storage.webhook_calls import WebhookCallStore
from inbox.timers import Later
from inbox.wakeups import Wakeups

POST = "webhook.post"
"""The kind of timer by which a call is made."""

PAUSES = (10.0, 60.0, 300.0, 1_800.0, 7_200.0, 21_600.0)
"""Seconds between one try and the next; who has not taken it after the last has not for about eight hours."""

Post = Callable[[str, bytes, Mapping[str, str]], Awaitable[int]]
"""Posts a body to an address; the HTTP status. Raises `Refused` for an address that is not called, else another
`ChannelFailure`."""

_log = structlog.get_logger(__name__)


class Webhooks:
    """Makes the calls. No rule waits for them."""

    def __init__(self, *, store: WebhookCallStore, timers: TimerStore, wakeups: Wakeups, post: Post) -> None:
        self._store = store
        self._timers = timers
        self._wakeups = wakeups
        self._post = post

    async def call(self, occasion: Occasion, action: CallWebhook, *, rule: Mapping[str, str], once: str) -> None:
        """Have an occasion told to an address, once for each `once`."""
        call_id = derived_id("webhook", once)
        body = msgspec.json.encode({"id": call_id, "rule": rule, **told(occasion)})
        call = {
            "_id": call_id,
            "rule_id": rule["id"],
            "customer_id": occasion.customer_id,
            "url": action.url,
            "secret": action.secret or "",
            "body": body.decode(),
        }
        if await self._store.add(call):
            await self._timers.set_many(POST, {f"{POST}:{call_id}": {"call_id": call_id}})
            self._wakeups.ring("timers")

    async def page(self, rule_id: str, cursor: str | None, limit: int) -> tuple[list[Document], str | None]:
        """A page of the calls of a rule, newest first and without what was posted, and the cursor for the next."""
        return page(await self._store.of_rule(rule_id, moment_and_id(cursor), limit + 1), limit, "at", "_id")

    async def deliver(self, data: Mapping[str, Any]) -> None:
        """Make one try (timer `webhook.post`). Raises `Later` where another one is due."""
        call = await self._store.get(data["call_id"])
        if call is None or call["state"] != "waiting":
            return
        status, error, final = 0, "", False
        try:
            status = await self._post(call["url"], call["body"].encode(), _headers(call))
        except Refused as refusal:
            error, final = str(refusal), True
        except ChannelFailure as failure:
            error = str(failure)
        taken = HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES
        if not taken and not error:
            error = f"the other side answered HTTP {status}"
        final = final or status == HTTPStatus.GONE or call["attempts"] >= len(PAUSES)
        state = "done" if taken else "failed" if final else "waiting"
        await self._store.note(call["_id"], state=state, status=status, error=error)
        context = {
            "rule_id": call["rule_id"],
            "call_id": call["_id"],
            "status": status,
            "attempt": call["attempts"] + 1,
        }
        if taken:
            _log.info("webhook_taken", **context)
            return
        _log.warning("webhook_not_taken", reason=error, given_up=final, **context)
        if not final:
            raise Later(PAUSES[call["attempts"]])


def told(occasion: Occasion) -> Document:
    """What another system is told of an occasion."""
    conversation, message, order = occasion.conversation, occasion.message, occasion.order
    shown = ("status", "channel_id", "assignee_id", "team_id", "labels", "priority")
    return {
        "trigger": occasion.trigger,
        "at": occasion.at,
        "conversation": {"id": conversation["_id"], **{field: conversation[field] for field in shown}},
        "customer_id": occasion.customer_id,
        "message": message and {"id": message["_id"], "text": message["text"], "sent_at": message["sent_at"]},
        "order": order and {field: order[field] for field in ("number", "source", "status")},
    }


def _headers(call: Mapping[str, Any]) -> dict[str, str]:
    moment = str(int(time.time()))
    headers = {
        "Content-Type": "application/json",
        "X-Skrynka-Delivery": call["_id"],
        "X-Skrynka-Timestamp": moment,
    }
    if call["secret"]:
        signed = hmac.new(call["secret"].encode(), f"{moment}.{call['body']}".encode(), hashlib.sha256)
        headers["X-Skrynka-Signature"] = f"sha256={signed.hexdigest()}"
    return headers
