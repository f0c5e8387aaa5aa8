"""Macros are suggested by what was sent in like cases: learned once, forgotten with whom it was learned from."""

import asyncio
from datetime import timedelta

import pytest

from bot.suggesting import Suggesting
from inbox.model.domain_events import CustomerErased
from inbox.model.errors import NotFound
from inbox.model.ids import now
from inbox.model.people import Author, Role, Viewer
from inbox.replies import Draft
from inbox.storage.macro_cases import MacroCaseStore
from inbox.storage.macros import MacroStore

MARY = Viewer(id="m1", name="Mary", role=Role.ADMIN, teams=frozenset())
NICK = Viewer(id="m2", name="Nick", role=Role.MANAGER, teams=frozenset())


def suggesting_of(process, **options):
    return Suggesting(
        store=MacroCaseStore(process.database),
        macros=process.macros,
        macro_store=MacroStore(process.database),
        messages=process.messages,
        conversations=process.conversations,
        people=process.people,
        channels=process.channels,
        settings=process.settings,
        **{"fresh_seconds": 0.0, **options},
    )


class Desk:
    """A manager who answers with macros, in a process that learns from it."""

    def __init__(self, process):
        self.process = process
        self.suggesting = suggesting_of(process)
        self.cases = process.database.durable.macro_cases
        self._people = 0

    async def macro(self, name, text, *, viewer=MARY, shared=True):
        return (await self.process.macros.create(viewer, name=name, text={"en": text}, shared=shared))["_id"]

    async def hear(self, *texts, **person):
        """A new customer writes; returns their conversation's id."""
        self._people += 1
        known = {"external_id": f"c{self._people}", "name": "Ann", **person}
        heard = [await self.process.receive(text, **known) for text in texts]
        return heard[-1]["_id"]

    async def send(self, conversation_id, macro_id, *, learn=True, **draft):
        """Answer with a macro."""
        author = draft.pop("author", Author(type="manager", id="m1", name="Mary"))
        written = Draft(text="As prepared", macro_id=macro_id, **draft)
        message, _ = await self.process.replies.post(conversation_id, written, author=author)
        if learn:
            await self.suggesting.learn(message)
        return message

    async def teach(self, macro_id, *texts):
        for text in texts:
            await self.send(await self.hear(text), macro_id)

    async def suggested(self, conversation_id, viewer=MARY):
        return [one.macro["name"] for one in await self.suggesting.suggest(viewer, conversation_id)]


@pytest.fixture
async def desk(shop_process):
    return Desk(shop_process)


@pytest.fixture
async def taught(desk):
    """Two macros, each sent a few times."""
    desk.parcel = await desk.macro("Parcel", "It is on its way.")
    desk.sizes = await desk.macro("Sizes", "34×22×12")
    await desk.teach(desk.parcel, "Where is my order?", "Has my parcel been sent?", "Where is the parcel now")
    await desk.teach(desk.sizes, "What sizes do you have?", "How big is the large box?", "size in cm please")
    return desk


async def test_what_was_sent_in_like_cases_comes_first(taught):
    assert (await taught.suggested(await taught.hear("Hi, where is my parcel?")))[0] == "Parcel"
    assert (await taught.suggested(await taught.hear("Hello", "which size is the small one")))[0] == "Sizes"


async def test_another_process_knows_what_this_one_learned(taught, other_process):
    conversation_id = await taught.hear("where is the order")
    [first, *_] = await suggesting_of(other_process).suggest(MARY, conversation_id)
    assert (first.macro["name"], first.text) == ("Parcel", "It is on its way.")
    assert 0 < first.likelihood <= 1


async def test_a_case_is_learned_once_by_however_many(desk, other_process):
    macro_id = await desk.macro("Parcel", "It is on its way.")
    message = await desk.send(await desk.hear("Where is my order?"), macro_id, learn=False)
    elsewhere = suggesting_of(other_process)
    tried = await asyncio.gather(*(one.learn(message) for one in (desk.suggesting, elsewhere) for _ in range(3)))
    assert sorted(tried) == [False] * 5 + [True]
    assert await elsewhere.learn(message) is False
    assert await desk.cases.count_documents({}) == 1


async def test_a_case_holds_no_word_of_what_was_written(desk):
    macro_id = await desk.macro("Parcel", "It is on its way.")
    await desk.teach(macro_id, "Where is order 1042? My phone is +380671234567, olena@mail.example")
    [case] = await desk.cases.find({}).to_list(None)
    assert sorted(case) == ["_id", "at", "customer_id", "features", "macro_id"]
    assert isinstance(case["features"], bytes)
    for secret in (b"1042", b"380671234567", b"olena"):
        assert secret not in case["features"]


async def test_machines_notes_and_replies_to_nothing_teach_nothing(desk):
    macro_id = await desk.macro("Parcel", "It is on its way.")
    conversation_id = await desk.hear("Where is my order?")
    await desk.send(conversation_id, macro_id, author=Author(type="bot", id=None, name="Bot"), automatic=True)
    await desk.send(conversation_id, macro_id, kind="note")
    await desk.send(conversation_id, None)
    assert await desk.cases.count_documents({}) == 0
    # The customer was answered by that: what follows answers nothing of theirs.
    await desk.send(conversation_id, macro_id)
    assert await desk.cases.count_documents({}) == 0


async def test_what_the_bot_said_in_between_changes_nothing(taught):
    conversation_id = await taught.hear("Where is my order?")
    bot = Author(type="bot", id=None, name="Bot")
    greeting = Draft(text="Welcome! Somebody will answer.", automatic=True)
    await taught.process.replies.post(conversation_id, greeting, author=bot)
    assert (await taught.suggested(conversation_id))[0] == "Parcel"
    settled = Draft(text="It was delivered today.", automatic=True, answers=True)
    await taught.process.replies.post(conversation_id, settled, author=bot)
    assert await taught.suggested(conversation_id) == []


async def test_nothing_is_suggested_to_who_waits_for_nothing(taught):
    conversation_id = await taught.hear("Where is my order?")
    await taught.send(conversation_id, taught.parcel, learn=False)
    assert await taught.suggested(conversation_id) == []


async def test_nothing_is_suggested_where_nothing_fits(taught):
    assert await taught.suggested(await taught.hear("ჰმმ ჟჟჟ", language="ka")) == []


async def test_a_colleagues_own_macro_is_not_offered(taught):
    await taught.macro("Nick's parcel", "Where is my order? Parcel, order", viewer=NICK, shared=False)
    conversation_id = await taught.hear("Where is my order, the parcel?")
    assert "Nick's parcel" not in await taught.suggested(conversation_id)
    assert "Nick's parcel" in await taught.suggested(conversation_id, NICK)


async def test_what_lacks_a_value_is_not_offered(taught):
    conversation_id = await taught.hear("Where is my order?")
    assert (await taught.suggested(conversation_id))[0] == "Parcel"
    await taught.process.macros.change(MARY, taught.parcel, {"text": {"en": "It is {{ order.status }}."}})
    # What is left would be no more than noise.
    assert await taught.suggested(conversation_id) == []


async def test_an_archived_or_deleted_macro_is_not_offered(taught):
    conversation_id = await taught.hear("Where is my order?")
    await taught.process.macros.change(MARY, taught.parcel, {"archived": True})
    assert "Parcel" not in await taught.suggested(conversation_id)
    await taught.process.macros.change(MARY, taught.parcel, {"archived": False})
    assert (await taught.suggested(conversation_id))[0] == "Parcel"
    await taught.process.macros.delete(MARY, taught.parcel)
    assert "Parcel" not in await taught.suggested(conversation_id)
    assert await taught.cases.count_documents({"macro_id": taught.parcel}) == 0


async def test_a_macro_nobody_has_sent_yet_is_known_by_its_words(desk):
    await desk.macro("Gift wrapping", "We wrap it as a gift with ribbon, free of charge.")
    await desk.macro("Sizes", "Small 18 cm, medium 26 cm, large 34 cm.")
    assert (await desk.suggested(await desk.hear("could you wrap it as a gift?")))[0] == "Gift wrapping"


async def test_a_macro_that_goes_while_a_case_is_learned_takes_it_along(taught):
    message = await taught.send(await taught.hear("Where is my parcel?"), taught.parcel, learn=False)
    await taught.process.macros.delete(MARY, taught.parcel)
    assert await taught.suggesting.learn(message) is False
    assert await taught.cases.count_documents({"_id": message["_id"]}) == 0


async def test_an_erased_customers_cases_are_forgotten(taught):
    message = await taught.send(await taught.hear("Where is my parcel?"), taught.parcel)
    taught.suggesting.subscribe(taught.process.bus)
    await taught.process.bus.announce(CustomerErased(message["customer_id"], [message["conversation_id"]]))
    assert await taught.cases.count_documents({"customer_id": message["customer_id"]}) == 0
    await taught.process.database.durable.customers.delete_one({"_id": message["customer_id"]})
    assert await taught.suggesting.learn(message) is False
    assert await taught.cases.count_documents({"customer_id": message["customer_id"]}) == 0


async def test_only_the_newest_cases_stay(desk, database):
    store = MacroCaseStore(database, kept_of_macro=3, kept=5)
    customer = (await desk.process.conversation(await desk.hear("Hello")))["customer_id"]
    macros = [await desk.macro(name, name) for name in ("A", "B", "C")]
    for number in range(12):
        case = {"_id": str(number), "macro_id": macros[number % 3], "customer_id": customer, "features": b""}
        assert await store.keep({**case, "at": now() + timedelta(minutes=number)})
    assert sorted([row["_id"] async for row in desk.cases.find({})], key=int) == ["7", "8", "9", "10", "11"]
    standings = await store.standings()
    assert {macros.index(key): one.count for key, one in standings.items()} == {0: 1, 1: 2, 2: 2}


async def test_what_is_known_is_looked_at_again_only_after_a_while(taught):
    patient = suggesting_of(taught.process, fresh_seconds=600.0)
    conversation_id = await taught.hear("Do you engrave names?")
    before = [one.macro["name"] for one in await patient.suggest(MARY, conversation_id)]
    engraving = await taught.macro("Engraving", "Names are engraved free of charge")
    await taught.teach(engraving, "Can you engrave a name?", "Do you engrave?")
    assert [one.macro["name"] for one in await patient.suggest(MARY, conversation_id)] == before
    assert (await taught.suggested(conversation_id))[0] == "Engraving"


async def test_a_conversation_that_is_not_theirs_to_see_is_not_there(taught):
    with pytest.raises(NotFound):
        await taught.suggesting.suggest(MARY, "nothing")
