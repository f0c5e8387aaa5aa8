"""Building the index of search from the terminal."""

from datetime import timedelta

from pydantic import SecretStr

from inbox.model.ids import new_id, now
from inbox.model.people import Role, Viewer
from inbox.model.searched import Searched
from inbox.storage.database import connect
from tests.web.api.desk import written
from web.app import opened
from web.reindex import _build
from web.settings import Settings

OWNER = Viewer(id="owner", name="Owner", role=Role.OWNER)


async def test_all_that_is_stored_is_found_afterwards(databases, tmp_path, capsys):
    name = f"test_{new_id()}"
    settings = Settings(
        data_dir=tmp_path,
        mongodb_url=databases.mongodb_url,
        redis_url=databases.redis_url,
        mongodb_database=name,
        secret_key=SecretStr("the key of the first start, long enough"),
    )
    database = connect(databases.mongodb_url, name)
    try:
        await written(database, "Чи є чайник?", "Дякую")
        assert await _build(settings) == 0
        told = [line for line in capsys.readouterr().out.splitlines() if " of " in line]
        assert told == ["customers: 1 of 1", "messages: 2 of 2", "orders: 0 of 0"]
        async with opened(settings) as house:
            found = await house.search.find(OWNER, Searched.MESSAGES, "чай", limit=5)
            assert [hit.document["text"] for hit in found.hits] == ["Чи є чайник?"]
        await database.durable.search_roles.update_one(
            {"_id": "builder"}, {"$set": {"lease_until": now() + timedelta(hours=1)}}
        )
        assert await _build(settings) == 1
        assert "another process" in capsys.readouterr().err
    finally:
        await database.client.drop_database(name)
        database.close()
