"""Letters, copies from the folder of sent letters and receipts end the same in whatever order they are fetched."""

import itertools
import json
import re
from datetime import UTC, datetime, timedelta

from channels.email import identity, parse
from channels.email.spec import EmailSettings
from inbox.model.incoming import Incoming
from tests.inbox.orders import outcome
from tests.inbox.paper import Floor

START = datetime(2025, 11, 3, 10, tzinfo=UTC)
SENT = "Message-ID: <{ours}>\r\nFrom: support@shop.example\r\nTo: {who}\r\n\r\nВітаю"
REPORT = (
    'From: {who}\r\nContent-Type: multipart/report; report-type={kind}; boundary="b"\r\n\r\n'
    "--b\r\nContent-Type: message/{kind}\r\n\r\nFinal-Recipient: rfc822; {who}\r\n{told}\r\n\r\n"
    "--b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: <{ours}>\r\n--b--\r\n"
)
STORY: tuple[tuple[parse.Folder, str], ...] = (
    ("inbox", "Message-ID: <1.{who}>\r\nFrom: {who}\r\n\r\nДобрий день"),
    ("sent", SENT),
    ("inbox", REPORT.replace("{kind}", "delivery-status").replace("{told}", "Action: delivered")),
    ("inbox", REPORT.replace("{kind}", "disposition-notification").replace("{told}", "Disposition: x; displayed")),
    ("inbox", "Message-ID: <2.{who}>\r\nIn-Reply-To: <{ours}>\r\nFrom: {who}\r\n\r\nДякую"),
)


def events_of(settings: EmailSettings, who: str) -> list[Incoming]:
    """One customer's exchange with the shop, a minute a letter."""
    ours = identity.message_id(settings, who)
    found: list[Incoming] = []
    for minute, (folder, letter) in enumerate(STORY):
        content = letter.format(who=who, ours=ours).encode()
        event = parse.fetched(settings, content, received=START + timedelta(minutes=minute), folder=folder)
        [read] = parse.read(event.raw)
        found.append(read)
    return found


async def test_each_order_ends_the_same(database, redis, settings):
    """Each order has a customer of its own: an address is one person on all channels of a shop."""
    floor = Floor(database, redis)
    ends = set()
    for number, order in enumerate(itertools.permutations(range(len(STORY)))):
        who = f"olena{number:03d}@mail.example"
        events = events_of(settings, who)
        coming = [events[position] for position in (*order, order[0])]  # The first comes twice.
        end = json.dumps(await outcome(database, floor.ingest, coming), default=str, sort_keys=True)
        end = end.replace(who, "olena").replace(identity.message_id(settings, who), "ours")
        ends.add(re.sub(r"/[0-9a-f]{12}", "/mark", end))
    [end] = ends
    messages = json.loads(end)["messages"]
    assert [(one["text"], one["direction"], one["state"]) for one in messages] == [
        ("Добрий день", "in", "received"),
        ("Вітаю", "out", "read"),
        ("Дякую", "in", "received"),
    ]
    assert messages[2]["reply_to"] == "ours"
    await floor.channels.close()
