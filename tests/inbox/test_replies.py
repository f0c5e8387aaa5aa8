"""What cannot be sent is refused by the name of its field, and then nothing of it is stored."""

import asyncio
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from inbox.model.errors import Conflict, Invalid, NotFound, ProviderUnavailable
from inbox.model.failures import Refused, RetryLater
from inbox.model.ids import identity_id, new_id, now
from inbox.model.incoming import Person
from inbox.model.people import Author
from inbox.replies import MAX_FILES, MAX_TEXT, Draft
from inbox.storage.conversations import closing
from inbox.storage.people import Sighting
from tests.inbox.arrivals import ANN, accepted, said, work_off
from tests.inbox.paper import CAPABILITIES, Floor, Paper

MARY = Author(type="manager", id="mary", name="Mary")
OLENA = Author(type="manager", id="olena", name="Olena")


class Desk:
    """A floor with a connected channel and a customer who wrote."""

    def __init__(self, floor: Floor) -> None:
        self.floor = floor
        self.channel_id = ""
        self.case = ""

    async def open(self) -> "Desk":
        self.channel_id = await self.floor.connect()
        await work_off(self.floor.ingest, [accepted(said(1), channel_id=self.channel_id)])
        row = await self.floor.database.durable.conversations.find_one({})
        assert row is not None
        self.case = row["_id"]
        return self

    async def upload(self, *, uploader: str | None = "mary", content_type: str = "image/png", size: int = 10) -> str:
        key = new_id()
        await self.floor.attachments.insert(
            {
                "_id": key,
                "uploader_id": uploader,
                "message_id": None,
                "name": "cat.png",
                "content_type": content_type,
                "size": size,
                "state": "stored",
                "file_id": "f",
            }
        )
        return key

    async def post(self, author: Author = MARY, **draft: Any) -> dict[str, Any]:
        message, _ = await self.floor.replies.post(self.case, Draft(**draft), author=author)
        return message

    async def stored(self) -> tuple[int, int, int]:
        """How many messages of ours, rows of the outbox and lanes there are."""
        database = self.floor.database.durable
        ours = await database.messages.count_documents({"direction": {"$ne": "in"}})
        return ours, await database.outbox.count_documents({}), await database.lanes.count_documents({})

    async def sent(self, **draft: Any) -> dict[str, Any]:
        """A reply that the provider has taken under the id `x1`."""
        message = await self.post(**draft)
        (row,) = await self.floor.outbox.of_message(message["_id"])
        await self.floor.outbox.sent(row, ["x1"])
        return message

    async def present(self, message_id: str) -> dict[str, Any]:
        found = await self.floor.messages.get(message_id)
        assert found is not None
        return found


@pytest.fixture
async def desk(floor):
    return await Desk(floor).open()


async def _foreign_message(desk: Desk) -> str:
    await desk.floor.messages.insert(
        [{"_id": "foreign", "conversation_id": "other", "channel_id": "c9", "external_ids": ["9"], "sort": "1"}]
    )
    return "foreign"


REFUSED = [
    pytest.param("text", {}, id="nothing"),
    pytest.param("text", {"text": " \n\t "}, id="white space"),
    pytest.param("text", {"text": "x" * (MAX_TEXT + 1)}, id="too long"),
    pytest.param("text", {"kind": "note"}, id="an empty note"),
    pytest.param("channel_id", {"text": "hi", "channel_id": "nowhere"}, id="no such channel"),
    pytest.param("attachments", {"text": "hi", "attachments": ["nothing"]}, id="no such upload"),
    pytest.param("attachments", {"attachments": [f"{number}" for number in range(MAX_FILES + 1)]}, id="too many"),
    pytest.param("reply_to", {"text": "hi", "reply_to": "nothing"}, id="no such message"),
    pytest.param("reply_to", {"text": "hi", "kind": "note", "reply_to": "nothing"}, id="a note on no such message"),
]


@pytest.mark.parametrize(("field", "draft"), REFUSED)
async def test_what_cannot_be_sent_names_its_field_and_stores_nothing(desk, field, draft):
    with pytest.raises(Invalid) as refused:
        await desk.post(**draft)
    assert refused.value.field == field
    assert refused.value.remedy
    assert await desk.stored() == (0, 0, 0)


async def test_files_are_refused_by_what_is_wrong_with_them(desk):
    mine = await desk.upload()
    wrong = {
        "twice": [mine, mine],
        "somebody else": [await desk.upload(uploader="olena")],
        "no upload": [await desk.upload(uploader=None)],
        "larger than the 2 MB that Paper takes": [await desk.upload(size=3 * 1024 * 1024)],
    }
    for reason, attachments in wrong.items():
        with pytest.raises(Invalid, match=reason) as refused:
            await desk.post(attachments=attachments)
        assert refused.value.field == "attachments"
    assert await desk.stored() == (0, 0, 0)


async def test_a_message_of_another_conversation_cannot_be_answered_here(desk):
    with pytest.raises(Invalid, match="reply_to"):
        await desk.post(text="hi", reply_to=await _foreign_message(desk))
    assert (await desk.stored())[1:] == (0, 0)


async def test_who_cannot_be_reached_is_not_written_to(desk):
    key = identity_id(desk.channel_id, "ann")
    await desk.floor.people.set_reachable(key, reachable=False, reason="blocked us", at=now())
    with pytest.raises(Invalid, match="blocked us") as refused:
        await desk.post(text="hi")
    assert refused.value.field == "channel_id"
    other = await desk.floor.connect(address="other desk")
    with pytest.raises(Invalid, match="not known on that channel"):
        await desk.post(text="hi", channel_id=other)
    assert await desk.stored() == (0, 0, 0)
    assert (await desk.post(text="a note may be written all the same", kind="note"))["state"] == "stored"


@pytest.mark.parametrize(
    "limits", [{"media_limits": {}}, {"media_limits": {"photo": CAPABILITIES.media_limits["photo"]}}]
)
async def test_a_channel_that_takes_no_such_file_says_so(database, redis, limits):
    floor = Floor(database, redis, kind=Paper(msgspec.structs.replace(CAPABILITIES, **limits)))
    desk = await Desk(floor).open()
    with pytest.raises(Invalid, match="Paper") as refused:
        await desk.post(attachments=[await desk.upload(content_type="application/pdf")])
    assert refused.value.field == "attachments"
    assert await desk.stored() == (0, 0, 0)
    await floor.channels.close()


async def test_a_reply_is_one_message_and_a_row_for_each_request(desk):
    message = await desk.post(text="word " * 50)
    rows = await desk.floor.outbox.of_message(message["_id"])
    assert [len(row["payload"]["text"]) <= 100 for row in rows] == [True] * 3
    assert " ".join(row["payload"]["text"] for row in rows) == message["text"]
    assert {row["lane"] for row in rows} == {message["identity_id"]}
    assert (message["state"], message["identity_id"]) == ("queued", identity_id(desk.channel_id, "ann"))
    row = await desk.floor.conversations.get(desk.case)
    assert row is not None
    assert (row["unanswered"], row["waiting_since"], row["last_message"]["id"]) == ([], None, message["_id"])


async def test_a_double_click_sends_once(desk):
    posts = [desk.floor.replies.post(desk.case, Draft(text="hi", client_token="t"), author=MARY) for _ in range(8)]
    outcomes = await asyncio.gather(*posts)
    assert len({message["_id"] for message, _ in outcomes}) == 1
    assert [created for _, created in outcomes].count(True) == 1
    assert await desk.stored() == (1, 1, 1)


async def test_the_answered_message_is_quoted_by_the_providers_name_for_it(desk):
    asked = await desk.floor.database.durable.messages.find_one({"direction": "in"})
    message = await desk.post(text="yes", reply_to=asked["_id"])
    (row,) = await desk.floor.outbox.of_message(message["_id"])
    assert (message["reply_to"], row["payload"]["reply_to"]) == (asked["_id"], "ann:1")


async def test_only_a_persons_reply_ends_the_wait(desk):
    await desk.post(text="Welcome!", author=Author(type="bot", name="Bot"), automatic=True)
    await desk.post(text="I look into it", kind="note")
    row = await desk.floor.conversations.get(desk.case)
    assert row is not None
    assert len(row["unanswered"]) == 1
    await desk.post(text="Here you are")
    row = await desk.floor.conversations.get(desk.case)
    assert row is not None
    assert row["unanswered"] == []


async def test_a_full_answer_of_the_bot_ends_the_wait_and_is_no_persons_reply(desk):
    bot = Author(type="bot", name="Bot")
    before = await desk.floor.conversations.get(desk.case)
    message = await desk.post(text="It is on its way", author=bot, automatic=True, answers=True)
    row = await desk.floor.conversations.get(desk.case)
    assert (row["unanswered"], row["waiting_since"], row["clock"]) == ([], None, None)
    assert (row["status"], row["active"], row["last_reply_sort"]) == ("pending", True, "")
    assert message["answers"] == before["unanswered"]
    await work_off(desk.floor.ingest, [accepted(said(2), channel_id=desk.channel_id)])
    row = await desk.floor.conversations.get(desk.case)
    assert (row["status"], len(row["unanswered"])) == ("open", 1)


async def test_a_full_answer_leaves_what_it_does_not_name(desk):
    await work_off(desk.floor.ingest, [accepted(said(2), channel_id=desk.channel_id)])
    first, second = (await desk.floor.conversations.get(desk.case))["unanswered"]
    bot = Author(type="bot", name="Bot")
    await desk.post(text="It is on its way", author=bot, automatic=True, answers=True, answered=[second])
    row = await desk.floor.conversations.get(desk.case)
    assert (row["unanswered"], row["status"]) == ([first], "open")
    assert row["waiting_since"] is not None


async def test_only_the_bot_answers_by_itself(desk):
    message = await desk.post(text="Here you are", answers=True)
    assert "answers" not in message


async def test_writing_into_a_closed_case_opens_it(desk):
    await desk.floor.conversations.change(desk.case, closing(), expected={})
    await desk.post(text="One more thing")
    row = await desk.floor.conversations.get(desk.case)
    assert row is not None
    assert (row["status"], row["active"], row["closed_at"]) == ("open", True, None)


async def test_writing_into_a_closed_case_beside_an_active_one_leaves_it_closed(desk):
    await desk.floor.conversations.change(desk.case, closing(now() - timedelta(days=30)), expected={})
    await work_off(desk.floor.ingest, [accepted(said(2), channel_id=desk.channel_id)])
    await desk.post(text="About last month")
    row = await desk.floor.conversations.get(desk.case)
    assert row is not None
    assert (row["status"], row["active"]) == ("closed", False)


async def test_a_sent_message_is_edited_at_the_customers_end_first(desk):
    message = await desk.sent(text="helo")
    await desk.floor.replies.edit(message["_id"], " hello ", author=MARY)
    assert desk.floor.kind.done[-1] == ("edit", "x1", "hello")
    assert (await desk.present(message["_id"]))["text"] == "hello"
    row = await desk.floor.conversations.get(desk.case)
    assert row is not None
    assert row["last_message"]["text"] == "hello"


@pytest.mark.parametrize(
    ("failure", "raised"), [(RetryLater("slow"), ProviderUnavailable), (Refused("too old"), Conflict)]
)
async def test_what_the_provider_does_not_change_stays_as_it_was(desk, failure, raised):
    message = await desk.sent(text="helo")
    desk.floor.kind.failure = failure
    with pytest.raises(raised, match="Paper"):
        await desk.floor.replies.edit(message["_id"], "hello", author=MARY)
    with pytest.raises(raised, match="Paper"):
        await desk.floor.replies.unsend(message["_id"], author=MARY)
    present = await desk.present(message["_id"])
    assert (present["text"], present["deleted_at"]) == ("helo", None)


async def test_who_may_change_what(desk):
    message = await desk.sent(text="helo")
    for change in (
        desk.floor.replies.edit(message["_id"], "hello", author=OLENA),
        desk.floor.replies.unsend(message["_id"], author=OLENA),
    ):
        with pytest.raises(Conflict, match="only who wrote"):
            await change
    asked = await desk.floor.database.durable.messages.find_one({"direction": "in"})
    with pytest.raises(NotFound):
        await desk.floor.replies.edit(asked["_id"], "hello", author=MARY)


@pytest.mark.parametrize(("text", "field"), [("  ", "text"), ("x" * 101, "text")])
async def test_an_edit_is_checked_like_a_message(desk, text, field):
    message = await desk.sent(text="helo")
    with pytest.raises(Invalid) as refused:
        await desk.floor.replies.edit(message["_id"], text, author=MARY)
    assert refused.value.field == field
    note = await desk.post(text="a note", kind="note")
    with pytest.raises(Invalid):
        await desk.floor.replies.edit(note["_id"], "x" * (MAX_TEXT + 1), author=MARY)


async def test_what_is_not_known_to_be_sent_cannot_be_changed_yet(desk):
    message = await desk.post(text="hi")
    with pytest.raises(Conflict, match="queued"):
        await desk.floor.replies.edit(message["_id"], "hello", author=MARY)


async def test_a_message_is_taken_back_at_the_customers_end_and_within_the_providers_time(desk):
    message = await desk.sent(text="oops")
    await desk.floor.replies.unsend(message["_id"], author=MARY)
    assert desk.floor.kind.done[-1] == ("delete", "x1")
    assert (await desk.present(message["_id"]))["deleted_at"] is not None
    with pytest.raises(Conflict, match="taken back"):
        await desk.floor.replies.edit(message["_id"], "hello", author=MARY)


async def test_what_is_too_old_is_not_taken_back(desk):
    old = await desk.sent(text="old")
    await desk.floor.messages.change(old["_id"], {"created_at": now() - timedelta(hours=2)})
    with pytest.raises(Conflict, match="1 hour"):
        await desk.floor.replies.unsend(old["_id"], author=MARY)


async def test_there_must_be_a_conversation(desk):
    with pytest.raises(NotFound):
        await desk.floor.replies.post("nothing", Draft(text="hi"), author=MARY)


async def test_a_failure_to_show_typing_is_nobodys_trouble(desk):
    await desk.floor.replies.typing(desk.case)
    assert desk.floor.kind.done[-1] == ("typing", "ann")
    desk.floor.kind.failure = RetryLater("slow")
    await desk.floor.replies.typing(desk.case)


async def test_of_two_on_a_channel_the_one_who_wrote_last_is_answered(floor):
    desk = await Desk(floor).open()
    (case,) = (await floor.conversations.many([desk.case])).values()
    bob = Person(external_id="bob", name="Bob")
    joining = Sighting(
        channel_id=desk.channel_id, kind="paper", person=bob, at=now(), customer_id=case["customer_id"], joined="answer"
    )
    await floor.people.resolve({joining.identity_id: joining}, ensure_cards=False)
    ann = identity_id(desk.channel_id, ANN.external_id)
    assert (await desk.post(text="To whoever wrote"))["identity_id"] == ann, "Bob is on the card and said nothing"
    await work_off(floor.ingest, [accepted(said(2, person=bob), channel_id=desk.channel_id)])
    assert (await desk.post(text="To Bob"))["identity_id"] == joining.identity_id
    await work_off(floor.ingest, [accepted(said(3), channel_id=desk.channel_id)])
    assert (await desk.post(text="To Ann again"))["identity_id"] == ann
