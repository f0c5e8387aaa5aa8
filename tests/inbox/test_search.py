"""What is found, by whom and how soon; what a crash, a rebuild or an erasure does to it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymongo.errors import AutoReconnect

from inbox.indexing import Indexing
from inbox.model.ids import now, sort_key
from inbox.model.people import Role, Viewer
from inbox.model.postings import Segment
from inbox.model.searched import Searched
from inbox.model.words import read_query
from inbox.search import ANYWHERE, Narrowed, Search
from inbox.storage.conversations import ConversationStore
from inbox.storage.database import Database, Document
from inbox.storage.roles import Roles
from inbox.storage.search import SearchStore
from tests.flow import Shop, until

OWNER = Viewer(id="owner", name="Owner", role=Role.OWNER)
MANAGER = Viewer(id="ann", name="Ann", role=Role.MANAGER, teams=frozenset({"sales"}))
START = datetime(2026, 11, 1, 9, tzinfo=UTC)
QUICK = 0.02


def message(number: int, text: str, **fields: Any) -> Document:
    """A message as it is stored, as far as search looks at it. Later numbers are newer."""
    return {
        "_id": f"m{number}",
        "conversation_id": "open",
        "customer_id": "petro",
        "channel_id": "telegram",
        "direction": "in",
        "text": text,
        "attachments": [],
        "content": None,
        "deleted_at": None,
        "sort": sort_key(START + timedelta(seconds=number), number),
        **fields,
    }


class Library:
    """An index over a database, and what is asked of it. Segments of five entries are large here."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.store = SearchStore(database, small=5)
        self.search = Search(self.store, ConversationStore(database))

    async def furnish(self) -> None:
        """Conversations of nobody's team and of two teams."""
        await self.database.durable.conversations.insert_many(
            [
                {"_id": key, "customer_id": key, "team_id": team, "assignee_id": None, "active": False}
                for key, team in (("open", None), ("sales", "sales"), ("returns", "returns"))
            ]
        )

    async def say(self, *messages: Document) -> None:
        await self.database.durable.messages.insert_many(messages)

    async def build(self) -> None:
        assert await Indexing(self.store, built_together=7).build()

    @contextlib.asynccontextmanager
    async def kept(self, store: SearchStore | None = None, **options: Any) -> AsyncIterator[None]:
        """A process that keeps the index."""
        worker = asyncio.create_task(Indexing(store or self.store, poll_seconds=QUICK, **options).run())
        try:
            await until(self._built)
            yield
        finally:
            worker.cancel()
            await asyncio.gather(worker, return_exceptions=True)

    async def _built(self) -> bool:
        builder = await self.store.roles.read("builder")
        return builder.get("wanted") is False

    async def found(
        self, q: str, *, viewer: Viewer = OWNER, where: Narrowed = ANYWHERE, kind: Searched = Searched.MESSAGES
    ) -> list[str]:
        """Ids of everything that `q` finds, page by page."""
        page = await self.search.find(viewer, kind, q, where=where, limit=3)
        ids = [hit.document["_id"] for hit in page.hits]
        while page.next_cursor is not None:
            page = await self.search.find(viewer, kind, q, where=where, limit=3, cursor=page.next_cursor)
            ids += [hit.document["_id"] for hit in page.hits]
        return ids

    def finds(self, q: str, ids: Sequence[str], **asked: Any) -> Callable[[], Awaitable[bool]]:
        """Whether `q` finds exactly these, to wait for."""

        async def answer() -> bool:
            return await self.found(q, **asked) == list(ids)

        return answer


@pytest.fixture
async def library(database: Database) -> Library:
    """An empty index over an empty shop."""
    made = Library(database)
    await made.furnish()
    return made


async def test_a_message_is_found_within_five_seconds_of_its_webhook(shop: Shop) -> None:
    text = "Де моє замовлення №10234?"
    chat = shop.customer("Олена Коваль")
    said = chat.text(text)
    await shop.settled()

    def finding(q: str, kind: Searched = Searched.MESSAGES) -> Callable[[], Awaitable[list[Document]]]:
        async def ask() -> list[Document]:
            found = await shop.house.search.find(OWNER, kind, q, limit=50)
            # The bot answers such a question, in words that are found as well.
            return [hit.document for hit in found.hits if hit.document.get("direction") != "out"]

        return ask

    for q in ("замовлення", "ЗАМОВ", "10234", "#0010234", "замов 102"):
        (found,) = await until(finding(q), seconds=5)
        assert found["text"] == text, q
    assert await finding("замовлення 999")() == []
    (card,) = await until(finding("коваль ол", Searched.CUSTOMERS), seconds=5)
    assert card["name"] == "Олена Коваль"

    chat.edit(said, "Вже знайшла, дякую")
    (found,) = await until(finding("знайшла"), seconds=5)
    assert found["text"] == "Вже знайшла, дякую"
    assert await finding("замовлення")() == []


async def test_newest_first_page_by_page_over_small_and_large_segments(library: Library) -> None:
    await library.say(*(message(number, f"parcel {number}") for number in range(40)))
    await library.build()
    async with library.kept():
        await library.say(*(message(number, f"parcel {number}") for number in range(40, 60)))
        # What is imported is old and comes late.
        await library.say(message(-5, "parcel of last year"))
        expected = [f"m{number}" for number in reversed(range(60))] + ["m-5"]
        await until(library.finds("parc", expected))
        assert await library.found("parcel 5") == [f"m{number}" for number in (*range(59, 49, -1), 5)]
        assert await library.found("parcel missing") == []
        assert await library.found("p") == []


async def test_a_letter_alone_is_a_word_and_beside_others_a_beginning(library: Library) -> None:
    await library.say(message(1, "я тут"), message(2, "яблуко тут"))
    await library.build()
    assert await library.found("я") == ["m1"]
    assert await library.found("тут я") == ["m2", "m1"]


async def test_teams_find_what_is_theirs_and_nothing_else(library: Library) -> None:
    cases = ("open", "sales", "returns")
    await library.say(*(message(number, "refund", conversation_id=cases[number % 3]) for number in range(30)))
    await library.build()
    assert len(await library.found("refund")) == 30
    expected = [f"m{number}" for number in reversed(range(30)) if cases[number % 3] != "returns"]
    assert await library.found("refund", viewer=MANAGER) == expected
    await library.database.durable.conversations.update_one({"_id": "sales"}, {"$set": {"team_id": "returns"}})
    expected = [f"m{number}" for number in reversed(range(0, 30, 3))]
    assert await library.found("refund", viewer=MANAGER) == expected
    await library.database.durable.conversations.update_one({"_id": "returns"}, {"$set": {"assignee_id": "ann"}})
    assert len(await library.found("refund", viewer=MANAGER)) == 20


async def test_within_a_conversation_a_customer_or_a_channel(library: Library) -> None:
    await library.say(
        message(1, "size M", channel_id="viber"),
        message(2, "size L", conversation_id="sales", customer_id="olena"),
        message(3, "size S", conversation_id="sales", customer_id="olena", channel_id="viber"),
        message(4, "colour", conversation_id="sales", customer_id="olena"),
    )
    await library.build()
    assert await library.found("size", where=Narrowed(conversation_id="sales")) == ["m3", "m2"]
    assert await library.found("size", where=Narrowed(customer_id="petro")) == ["m1"]
    assert await library.found("size", where=Narrowed(channel_id="viber")) == ["m3", "m1"]
    assert await library.found("size", where=Narrowed(channel_id="viber", customer_id="olena")) == ["m3"]


async def test_a_merge_of_cards_moves_what_is_found(library: Library) -> None:
    await library.say(message(1, "hello"), message(2, "hello", customer_id="olena"))
    await library.build()
    await library.database.durable.messages.update_many({}, {"$set": {"customer_id": "olena"}})
    assert await library.found("hello", where=Narrowed(customer_id="olena")) == ["m2", "m1"]
    assert await library.found("hello", where=Narrowed(customer_id="petro")) == []


async def test_what_was_deleted_is_not_found_and_what_comes_back_is(library: Library) -> None:
    await library.say(message(1, "regret"), message(2, "regret"))
    async with library.kept():
        await until(library.finds("regret", ["m2", "m1"]))
        await library.database.durable.messages.update_one({"_id": "m1"}, {"$set": {"deleted_at": now()}})
        await library.database.durable.messages.delete_one({"_id": "m2"})
        assert await library.found("regret") == []
        await library.say(message(2, "regret nothing"))
        await until(library.finds("regret", ["m2"]))


async def test_a_card_is_found_by_all_that_it_says(library: Library) -> None:
    card = {
        "_id": "petro",
        "name": "Петро Шевчук",
        "phones": [{"number": "+380671234567", "proven": True}],
        "emails": [{"address": "petro.sh@shop.example", "proven": False}],
        "tags": ["оптовий"],
        "fields": {"city": "Львів"},
        "merged_into": None,
        "created_at": START,
    }
    await library.database.durable.customers.insert_one(card)
    identity = {"_id": "i1", "channel_id": "c", "customer_id": "petro", "name": "P", "username": "pshevchuk"}
    async with library.kept():
        for q in ("шевчук", "067 123-45-67", "+380 67", "1234567", "petro.sh@", "@shop.example", "опт", "льв"):
            await until(library.finds(q, ["petro"], kind=Searched.CUSTOMERS))
        await library.database.durable.identities.insert_one({**identity, "external_id": "77"})
        await until(library.finds("pshev", ["petro"], kind=Searched.CUSTOMERS))
        await library.database.durable.identities.update_one({"_id": "i1"}, {"$set": {"username": "renamed"}})
        await until(library.finds("renamed", ["petro"], kind=Searched.CUSTOMERS))
        assert await library.found("pshev", kind=Searched.CUSTOMERS) == []
        await library.database.durable.customers.update_one({"_id": "petro"}, {"$set": {"merged_into": "other"}})
        assert await library.found("шевчук", kind=Searched.CUSTOMERS) == []


async def test_an_order_is_found_by_number_contact_and_goods(library: Library) -> None:
    order = {
        "_id": "o1",
        "number": "A-00077",
        "external_id": "",
        "customer_id": "petro",
        "contact": {"name": "Olena", "phone": "+380501112233", "email": "olena@shop.example"},
        "items": [{"name": "Чайник емальований", "sku": "TEA-9"}],
        "delivery": {"carrier": "np", "tracking_number": "20450012345678"},
        "created_at": START,
    }
    await library.database.durable.orders.insert_one(order)
    await library.build()
    for q in ("a-77", "00077", "#77", "050 111 22 33", "olena@", "чайн", "tea-9", "2045001"):
        assert await library.found(q, kind=Searched.ORDERS) == ["o1"], q
    assert await library.found("77", kind=Searched.ORDERS, where=Narrowed(customer_id="petro")) == ["o1"]
    assert await library.found("77", kind=Searched.ORDERS, where=Narrowed(customer_id="olena")) == []


WORDS = st.sampled_from(["посилка", "посилання", "по", "size", "sizes", "10234", "0010234", "відправили", "я"])
TEXTS = st.lists(WORDS, min_size=1, max_size=4).map(" ".join)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.lists(TEXTS, min_size=1, max_size=30),
    later=st.lists(TEXTS, max_size=25),
    edits=st.dictionaries(st.integers(0, 29), TEXTS, max_size=5),
    queries=st.lists(st.lists(WORDS.map(lambda word: word[:5]), min_size=1, max_size=2).map(" ".join), max_size=6),
)
async def test_however_it_came_to_be_the_index_finds_what_is_stored(
    library: Library, texts: Sequence[str], later: Sequence[str], edits: Mapping[int, str], queries: Sequence[str]
) -> None:
    """Built, followed and united segments together find what reading everything finds; so does a new build."""
    for name in ("messages", "search_segments", "search_blocks", "search_pages", "search_roles"):
        await library.database.durable[name].delete_many({})
    await library.say(*(message(number, text) for number, text in enumerate(texts)))
    async with library.kept():
        for number, text in enumerate(later, start=len(texts)):
            await library.say(message(number, text))
        for number, text in edits.items():
            await library.database.durable.messages.update_one({"_id": f"m{number}"}, {"$set": {"text": text}})
        await library.say(message(1000, "the end"))
        await until(library.finds("the end", ["m1000"]))
    stored = await library.database.durable.messages.find({}).sort("sort", -1).to_list(None)
    expected = {q: [row["_id"] for row in stored if read_query(q).matches([row["text"]])] for q in queries}
    for q in queries:
        if not all(term.short for term in read_query(q).terms):
            assert await library.found(q) == expected[q], q
    await library.build()
    for q in queries:
        if not all(term.short for term in read_query(q).terms):
            assert await library.found(q) == expected[q], q


class MortalRoles(Roles):
    """Tells before each note what is noted."""

    def __init__(self, database: Database, before: Callable[[Mapping[str, Any]], None]) -> None:
        super().__init__(database.durable.search_roles)
        self._before = before

    async def note(self, role: str, holder: str, fields: Mapping[str, Any] | None = None) -> bool:
        self._before(fields or {})
        return await super().note(role, holder, fields)


class Mortal(SearchStore):
    """A store whose process loses the database at one step, the first time that it comes to it."""

    def __init__(self, database: Database, step: str) -> None:
        super().__init__(database, small=20)
        self.roles = MortalRoles(database, self._noting)
        self._step = step
        self.died = False

    def _live(self, step: str, *, token: bool = True) -> None:
        if step == self._step and token and not self.died:
            self.died = True
            raise AutoReconnect("the process died here")

    def _noting(self, fields: Mapping[str, Any]) -> None:
        self._live("note", token=bool(fields.get("token")) and self._followed)

    _followed = False

    async def add(self, kind: Searched, segment: Segment, *, build: int = 0) -> int:
        self._live("add")
        self._followed = True
        number = await super().add(kind, segment, build=build)
        self._live("added")
        return number

    async def retire(self, numbers: Sequence[int]) -> None:
        self._live("retire")
        await super().retire(numbers)

    async def publish(self, build: int) -> None:
        self._live("publish")
        await super().publish(build)


@pytest.mark.parametrize("step", ["add", "added", "note", "retire", "publish"])
async def test_a_crash_at_any_step_loses_nothing(library: Library, step: str) -> None:
    await library.say(*(message(number, "before") for number in range(3)))
    mortal = Mortal(library.database, step)
    async with library.kept(mortal):
        for number in range(3, 40):
            await library.say(message(number, "after"))
            await until(library.finds("after", [f"m{known}" for known in range(number, 2, -1)]))
        assert mortal.died
        assert await library.found("before") == ["m2", "m1", "m0"]


async def test_when_the_process_that_follows_ends_another_goes_on(library: Library) -> None:
    async with library.kept():
        async with library.kept():
            await library.say(message(1, "first"))
            await until(library.finds("first", ["m1"]))
        await library.say(message(2, "second"))
        await until(library.finds("second", ["m2"]), seconds=5)


async def test_whoever_always_gives_way_still_keeps_the_index(library: Library) -> None:
    async with library.kept(gives_way=lambda: True):
        await library.say(message(1, "Скринька дубова"))
        await until(library.finds("скринька", ["m1"]))


async def test_where_the_history_is_lost_the_index_is_built_anew(library: Library) -> None:
    async with library.kept():
        await library.say(message(1, "first"))
        await until(library.finds("first", ["m1"]))
    await library.say(message(2, "unseen"))
    lost = {"_data": "82000000010000000129295A1004" + "0" * 32 + "04"}
    await library.database.durable.search_roles.update_one({"_id": "follower"}, {"$set": {"token": lost}})
    async with library.kept():
        await until(library.finds("unseen", ["m2"]))
        assert await library.found("first") == ["m1"]


async def test_nothing_of_somebody_forgotten_is_left(library: Library) -> None:
    told = ("secretword", "olena@private.example", "0671112233")
    await library.say(*(message(number, f"parcel {number}") for number in range(30)))
    await library.say(*(message(30 + number, text, customer_id="olena") for number, text in enumerate(told)))
    indexing = Indexing(library.store, built_together=7)
    assert await indexing.build()
    assert await indexing.forget_customer("olena") == {"customers": 0, "messages": 1, "orders": 0}
    await library.database.durable.messages.delete_many({"customer_id": "olena"})
    assert await indexing.forget(Searched.MESSAGES, ["m30", "m31", "m32"]) == 0
    kept = ""
    for name in ("search_segments", "search_blocks", "search_pages"):
        kept += repr(await library.database.durable[name].find({}).to_list(None))
    for trace in ("retword", "private", "671112233", "m30", "m31", "m32"):
        assert trace not in kept, trace
    assert await library.found("parcel") == [f"m{number}" for number in reversed(range(30))]
