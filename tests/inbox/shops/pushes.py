"""A shop's pushes as it sends them: recorded bodies, signed as each kind signs."""

import base64
import hashlib
import hmac
import json
import time
from pathlib import Path
from typing import Any

FIXTURES = Path(__file__).parent / "fixtures"

PushHeaders = dict[str, str]


def recorded(name: str, **changes: Any) -> bytes:
    """A body by its name under `fixtures`, with some of its fields changed."""
    body = (FIXTURES / f"{name}.json").read_bytes()
    return json.dumps({**json.loads(body), **changes}).encode() if changes else body


def signed(kind: str, secret: str, body: bytes, *, delivery: str = "d1", at: float | None = None) -> PushHeaders:
    """The headers that a shop of this kind sends with a body."""
    if kind == "generic":
        stamp = str(int(time.time() if at is None else at))
        digest = hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        return {"X-Timestamp": stamp, "X-Signature": f"sha256={digest}"}
    digest = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()
    if kind == "shopify":
        return {"X-Shopify-Hmac-Sha256": digest, "X-Shopify-Webhook-Id": delivery, "X-Shopify-Topic": "orders/updated"}
    return {
        "X-WC-Webhook-Signature": digest,
        "X-WC-Webhook-Delivery-ID": delivery,
        "X-WC-Webhook-Topic": "order.updated",
    }
