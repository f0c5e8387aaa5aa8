"""The bot leaves a case to people: silent until it is closed, and told in the history."""

from datetime import timedelta

from bot.handoff import Handoff
from inbox.model.happenings import HANDED_OFF, is_handed_off, lines_of
from inbox.model.ids import now
from inbox.model.people import BOT


async def test_the_bot_is_silent_in_a_case_that_it_left_and_speaks_in_the_next(shop_process):
    await shop_process.echo()
    conversation = await shop_process.receive("Hello")
    await Handoff(shop_process.conversations).hand_over(conversation["_id"], by=BOT, reason="rule")
    await shop_process.receive("Anybody?")
    assert await shop_process.bot_texts(conversation["_id"]) == ["Noted"]
    await shop_process.conversations.change(
        conversation["_id"], {"status": "snoozed", "snoozed_until": now() + timedelta(days=1)}
    )
    await shop_process.receive("Still nobody?")
    assert await shop_process.bot_texts(conversation["_id"]) == ["Noted"]
    await shop_process.conversations.change(conversation["_id"], {"status": "closed"})
    await shop_process.receive("A new matter")
    assert len(await shop_process.bot_texts(conversation["_id"])) == 2


async def test_it_is_left_once_in_a_case_and_waits_for_a_person_as_before(shop_process):
    conversation = await shop_process.receive("Hello")
    handoff = Handoff(shop_process.conversations)
    first = await handoff.hand_over(conversation["_id"], by=BOT, reason="rule")
    second = await handoff.hand_over(conversation["_id"], by=BOT, reason="another")
    assert second["handed_off"] == first["handed_off"]
    assert (first["status"], first["waiting_since"]) == (conversation["status"], conversation["waiting_since"])
    [line] = [line for line in lines_of(second) if line["kind"] == HANDED_OFF]
    assert (line["reason"], line["by"]["type"]) == ("rule", "bot")
    assert is_handed_off(second)
    assert not is_handed_off(conversation)
