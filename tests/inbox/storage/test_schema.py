"""The database itself keeps what the flow promises."""

import pytest
from pymongo.errors import DuplicateKeyError

from inbox.storage.schema import COLLECTIONS

TWICE = [
    pytest.param("journal", {"_id": "e"}, {"_id": "e"}, id="event"),
    pytest.param(
        "identities",
        {"_id": "i1", "channel_id": "c", "external_id": "5"},
        {"_id": "i2", "channel_id": "c", "external_id": "5"},
        id="identity of a channel",
    ),
    pytest.param(
        "conversations",
        {"_id": "k1", "customer_id": "u", "active": True},
        {"_id": "k2", "customer_id": "u", "active": True},
        id="active conversation of a customer",
    ),
    pytest.param(
        "messages",
        {"_id": "m1", "conversation_id": "k", "client_token": "t"},
        {"_id": "m2", "conversation_id": "k", "client_token": "t"},
        id="client token in a conversation",
    ),
    pytest.param(
        "messages",
        {"_id": "m1", "channel_id": "c", "external_ids": ["1", "2"]},
        {"_id": "m2", "channel_id": "c", "external_ids": ["2", "3"]},
        id="external id of a channel",
    ),
    pytest.param("managers", {"_id": "1", "email": "a@b.c"}, {"_id": "2", "email": "a@b.c"}, id="address"),
    pytest.param("teams", {"_id": "1", "name": "Sales"}, {"_id": "2", "name": "SALES"}, id="team's name"),
]

BESIDE = [
    ("identities", {"_id": "i1", "channel_id": "c", "external_id": "5"}, {"channel_id": "d", "external_id": "5"}),
    ("conversations", {"_id": "k1", "customer_id": "u", "active": False}, {"customer_id": "u", "active": False}),
    ("conversations", {"_id": "k3", "customer_id": "v", "active": True}, {"customer_id": "v", "active": False}),
    (
        "messages",
        {"_id": "m1", "conversation_id": "k", "client_token": "t"},
        {"conversation_id": "l", "client_token": "t"},
    ),
    ("messages", {"_id": "m3", "conversation_id": "k"}, {"conversation_id": "k"}),
    ("messages", {"_id": "m5", "channel_id": "c", "external_ids": ["1"]}, {"channel_id": "d", "external_ids": ["1"]}),
    ("macros", {"_id": "1", "owner_id": None, "shortcut": ""}, {"owner_id": None, "shortcut": ""}),
]


@pytest.mark.parametrize(("collection", "first", "second"), TWICE)
async def test_what_must_exist_once_cannot_be_stored_twice(database, collection, first, second):
    await database.durable[collection].insert_one(first)
    with pytest.raises(DuplicateKeyError):
        await database.durable[collection].insert_one(second)


async def test_what_only_looks_alike_may_stand_side_by_side(database):
    for collection, first, second in BESIDE:
        await database.durable[collection].insert_many([first, second])


async def test_every_declared_index_exists_as_it_was_declared(database):
    for declared in COLLECTIONS:
        present = await database.durable[declared.name].index_information()
        for index in declared.indexes:
            wanted = index.document
            found = present[wanted["name"]]
            assert dict(found["key"]) == dict(wanted["key"]), wanted["name"]
            for option in ("unique", "partialFilterExpression", "expireAfterSeconds"):
                assert found.get(option) == wanted.get(option), (declared.name, wanted["name"], option)


async def test_an_index_that_was_declared_otherwise_before_is_rebuilt(database):
    journal = database.durable.journal
    await journal.drop_index("due")
    await journal.create_index("received_at", name="due")
    await database.prepare()
    assert dict((await journal.index_information())["due"]["key"]) == {"lease_until": 1}


@pytest.mark.parametrize(
    ("collection", "query", "sort", "index"),
    [
        ("journal", {"state": "pending", "lease_until": {"$lte": 1}}, "lease_until", "due"),
        ("outbox", {"lane": "l", "live": True}, "order", "lane"),
        ("conversations", {"customer_id": {"$in": ["u"]}, "active": True}, None, "one_active"),
        ("messages", {"conversation_id": "k", "sort": {"$lt": "1"}}, "sort", "thread"),
        ("messages", {"channel_id": "c", "external_ids": {"$in": ["1"]}}, None, "one_per_external_id"),
        ("early_changes", {"channel_id": "c", "external_id": {"$in": ["1"]}}, None, "message"),
        ("identities", {"customer_id": {"$in": ["u"]}}, None, "customer"),
    ],
)
async def test_the_flows_questions_are_answered_from_an_index(database, collection, query, sort, index):
    cursor = database.durable[collection].find(query)
    plan = await (cursor.sort(sort, 1) if sort else cursor).explain()
    assert f"'indexName': '{index}'" in str(plan["queryPlanner"]["winningPlan"])


@pytest.mark.parametrize("declared", COLLECTIONS, ids=lambda declared: declared.name)
def test_what_follows_a_card_or_a_conversation_is_found_by_an_index(declared):
    leading = {next(iter(index.document["key"])) for index in declared.indexes}
    assert {"customer_id"} & leading or not declared.of_customer
    assert {"conversation_id"} & leading or not declared.of_conversation
