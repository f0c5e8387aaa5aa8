"""What conditions need to know is looked into where a rule needs it, and nowhere else."""

import pytest

from bot.looking import Lookout
from bot.occasions import Occasion
from bot.understanding.reading import Reading
from inbox.model.ids import now
from inbox.storage.orders import OrderStore
from inbox.storage.workloads import WorkloadStore


class Reader:
    """An understanding that remembers what it was asked."""

    def __init__(self) -> None:
        self.read_texts: list[str] = []

    async def read(self, text: str) -> Reading:
        self.read_texts.append(text)
        return Reading("complaint", 0.9)


def asks(*conditions):
    return {"conditions": list(conditions), "actions": [{"type": "label", "add": ["met"]}]}


@pytest.mark.parametrize(
    ("condition", "met"),
    [
        ({"type": "channel", "in": ["paper"]}, True),
        ({"type": "channel", "in": ["telegram"]}, False),
        ({"type": "language", "in": ["en"]}, True),
        ({"type": "customer_field", "field": "name", "is": "ann"}, True),
        ({"type": "customer_field", "field": "first_contact", "is": "yes"}, True),
        ({"type": "customer_field", "field": "first_contact", "is": "no"}, False),
        ({"type": "order_field", "count_at_most": 0}, True),
        ({"type": "order_field", "status": ["new"]}, False),
        ({"type": "manager_availability", "is": "none"}, True),
        ({"type": "manager_availability", "is": "any"}, False),
        ({"type": "label", "none": ["met"]}, True),
    ],
)
async def test_rules_know_what_they_ask(shop_process, condition, met):
    await shop_process.echo(**asks(condition))
    conversation = await shop_process.receive()
    assert conversation["labels"] == (["met"] if met else [])


async def test_a_message_is_read_once_and_only_where_it_matters(shop_process):
    reader = Reader()
    lookout = Lookout(
        people=shop_process.people,
        conversations=shop_process.conversation_store,
        orders=OrderStore(shop_process.database),
        workloads=WorkloadStore(shop_process.database),
        understanding=reader,
    )
    angry = asks({"type": "text", "any": ["broken"]}, {"type": "intent", "in": ["complaint"]})
    for trigger in ("conversation_opened", "message_received"):
        await shop_process.echo(trigger=trigger, **angry)
    await shop_process.receive("Hello", external_id="bob")
    await shop_process.receive("It is broken")
    playbook, fired = await shop_process.library.playbook(), 0
    for event in shop_process.announced:
        for trigger in ("conversation_opened", "message_received"):
            occasion = Occasion(
                trigger=trigger,
                key=event.message["_id"],
                at=event.message["received_at"],
                conversation=event.conversation,
                message=event.message,
            )
            fired += len(await lookout.firing(playbook.matchers[trigger], occasion, playbook))
    assert (fired, reader.read_texts) == (4, ["It is broken"])


async def test_who_was_here_before_is_no_first_contact(shop_process):
    await shop_process.echo(**asks({"type": "customer_field", "field": "first_contact", "is": "no"}))
    first = await shop_process.receive()
    await shop_process.conversations.change(first["_id"], {"status": "closed"})
    await shop_process.settings.change({"reopen_window_days": 0})
    second = await shop_process.receive()
    assert (first["labels"], second["labels"]) == ([], ["met"])


async def test_the_last_order_is_meant_where_nothing_else_is(shop_process):
    conversation = await shop_process.receive()
    store = OrderStore(shop_process.database)
    for number, total in (("1", "10.00"), ("2", "900.00")):
        row = {"customer_id": conversation["customer_id"], "currency": "UAH", "created_at": now()}
        await store.insert({"_id": f"api:{number}", "number": number, "status": "new", "total": total, **row})
    await shop_process.echo(**asks({"type": "order_field", "at_least": "500", "count_at_least": 2}))
    conversation = await shop_process.receive()
    assert conversation["labels"] == ["met"]
