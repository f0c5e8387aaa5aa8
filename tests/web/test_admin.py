"""The first people of a shop, and a start with what does not fit."""

import asyncio

import pytest
from pydantic import SecretStr

from inbox.model.ids import new_id
from inbox.model.people import Role
from inbox.storage.database import connect
from web.admin import _add
from web.app import opened
from web.doors.passwords import Passwords
from web.settings import Settings, SettingsError

KEY = "the key of the first start, long enough"
PASSWORD = "correct horse battery"


@pytest.fixture
async def settings(databases, tmp_path):
    """Settings of a shop that has never been started; other values by name."""
    name = f"test_{new_id()}"

    def make(**fields):
        known = {
            "data_dir": tmp_path,
            "mongodb_url": databases.mongodb_url,
            "redis_url": databases.redis_url,
            "mongodb_database": name,
            "secret_key": SecretStr(KEY),
        }
        return Settings(**{**known, **fields})

    yield make
    database = connect(databases.mongodb_url, name)
    await database.client.drop_database(name)
    database.close()


async def people(settings):
    async with opened(settings) as house:
        rows = await house.database.durable.managers.find().to_list(None)
        return {row["email"]: row for row in rows}


async def test_the_environment_names_the_first_owner_once(settings):
    first = settings(admin_email="Owner@Shop.example", admin_password=SecretStr(PASSWORD))
    owner = (await people(first))["owner@shop.example"]
    assert (owner["role"], owner["active"], owner["status"]) == ("owner", True, "offline")
    assert await Passwords().matches(owner["password_hash"], PASSWORD)
    again = settings(admin_email="other@shop.example", admin_password=SecretStr("another password"))
    assert await people(again) == {"owner@shop.example": owner}


async def test_processes_that_start_together_make_one_first_owner(settings):
    first = settings(admin_email="owner@shop.example", admin_password=SecretStr(PASSWORD))
    await asyncio.gather(*(people(first) for _ in range(4)))
    assert list(await people(first)) == ["owner@shop.example"]


@pytest.mark.parametrize("fields", [{"admin_email": "owner@", "admin_password": SecretStr(PASSWORD)}])
async def test_an_address_that_is_none_is_refused_by_its_name(fields):
    with pytest.raises(ValueError, match=r"admin_email|e-mail address"):
        Settings(**fields)


async def test_a_password_that_is_too_short_is_refused_by_its_name(settings):
    with pytest.raises(SettingsError, match="SKRYNKA_ADMIN_PASSWORD"):
        await people(settings(admin_email="owner@shop.example", admin_password=SecretStr("short")))
    assert await people(settings()) == {}


async def test_a_start_with_another_key_is_refused_by_its_name(settings):
    await people(settings())
    with pytest.raises(SettingsError, match="SKRYNKA_SECRET_KEY") as refused:
        await people(settings(secret_key=SecretStr("some other key, also long enough")))
    assert "some other key" not in str(refused.value)
    await people(settings())


async def test_somebody_added_at_the_terminal_may_sign_in(settings, capsys):
    assert await _add(settings(), "Mary@Shop.example", " Mary ", "manager", PASSWORD) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "mary@shop.example may sign in as manager"
    mary = (await people(settings()))["mary@shop.example"]
    assert (mary["name"], mary["role"]) == ("Mary", Role.MANAGER)
    assert await Passwords().matches(mary["password_hash"], PASSWORD)


@pytest.mark.parametrize(
    ("email", "password", "named"),
    [
        ("mary@shop.example", PASSWORD, "email"),
        ("nonsense", PASSWORD, "email"),
        ("new@shop.example", "short", "password"),
    ],
)
async def test_who_cannot_be_added_is_refused_by_the_field(settings, email, password, named):
    await _add(settings(), "mary@shop.example", "Mary", "owner", PASSWORD)
    with pytest.raises(SettingsError, match=named):
        await _add(settings(), email, "Mary", "owner", password)
    assert list(await people(settings())) == ["mary@shop.example"]


async def test_a_database_of_a_newer_version_is_refused(settings):
    async with opened(settings()) as house:
        await house.database.durable.meta.update_one({"_id": "schema"}, {"$set": {"version": 999}})
    with pytest.raises(SettingsError, match="start the newer version"):
        await people(settings())
