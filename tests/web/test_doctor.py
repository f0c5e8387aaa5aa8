"""`skrynka doctor`: one line for everything that must hold; 1 where anything does not."""

import pytest
from pydantic import SecretStr

from bot.staff.accounts import Wishes
from inbox.model.ids import new_id
from inbox.storage.database import connect
from tests.conftest import SECRET_KEY
from web.app import opened
from web.doctor import _examine
from web.settings import Settings


@pytest.fixture
async def settings(databases, tmp_path):
    """Settings of a shop of its own; other values by name."""
    name = f"test_{new_id()}"

    def make(**fields):
        known = {
            "data_dir": tmp_path,
            "mongodb_url": databases.mongodb_url,
            "redis_url": databases.redis_url,
            "mongodb_database": name,
            "secret_key": SecretStr(SECRET_KEY),
            "public_url": "https://chat.shop.example",
        }
        return Settings(**{**known, **fields})

    yield make
    database = connect(databases.mongodb_url, name)
    await database.client.drop_database(name)
    database.close()


def found(capsys):
    """What was printed, by what it is about: whether it holds, and why."""
    printed = capsys.readouterr().out.splitlines()
    lines = [line.partition(": ") for line in printed if line.startswith(("ok  ", "FAIL"))]
    return {what[6:]: (what[:4].strip(), finding) for what, _, finding in lines}


async def test_where_all_holds_every_line_says_so(settings, capsys):
    assert await _examine(settings()) == 0
    lines = found(capsys)
    assert list(lines) == ["settings", "mongodb", "redis"]
    assert {holds for holds, _ in lines.values()} == {"ok"}
    assert "https://chat.shop.example" in lines["settings"][1]


@pytest.mark.parametrize(
    ("public_url", "said"), [(None, "SKRYNKA_PUBLIC_URL is not set"), ("http://chat.shop.example", "plain http")]
)
async def test_an_address_that_providers_do_not_reach_is_mentioned(settings, capsys, public_url, said):
    assert await _examine(settings(public_url=public_url)) == 0
    assert said in found(capsys)["settings"][1]


async def test_without_redis_the_line_names_the_setting(settings, capsys):
    assert await _examine(settings(redis_url="redis://127.0.0.1:1/0")) == 1
    holds, finding = found(capsys)["redis"]
    assert holds == "FAIL"
    assert "SKRYNKA_REDIS_URL" in finding


@pytest.mark.parametrize(("bucket", "holds"), [("media", "ok"), ("missing", "FAIL"), (None, "ok")])
async def test_a_bucket_is_tried(settings, s3, capsys, bucket, holds):
    keys = {"s3_access_key": SecretStr("key"), "s3_secret_key": SecretStr("never-shown")}
    assert await _examine(settings(s3_url=s3, s3_bucket=bucket, **keys)) == (holds == "FAIL")
    printed = found(capsys)["bucket"]
    assert printed[0] == holds
    assert "never-shown" not in printed[1]


async def test_a_key_that_is_not_the_databases_is_a_finding(settings, capsys):
    assert await _examine(settings()) == 0
    capsys.readouterr()
    assert await _examine(settings(secret_key=SecretStr("another key that is long enough"))) == 1
    assert "SKRYNKA_SECRET_KEY" in str(found(capsys))


async def test_each_channel_is_asked_and_a_dead_token_fails(settings, sandbox, capsys):
    good, dying, held_bot = (sandbox.telegram.create_bot() for _ in range(3))

    def wanted(bot):
        return {"token": bot.token, "api_base": sandbox.api_base("telegram")}

    async with opened(settings()) as house:
        for name, bot in (("Good", good), ("Dead", dying)):
            await house.channels.create("telegram", name, wanted(bot))
        dead = await house.database.durable.channels.find_one({"name": "Dead"})
        assert dead is not None
        sealed = house.box.seal({**house.box.open(dead["sealed"]), "token": "1:dead"})
        await house.database.durable.channels.update_one({"_id": dead["_id"]}, {"$set": {"sealed": sealed}})
        held, _ = await house.channels.create("telegram", "Held", wanted(held_bot))
        await house.channels.hold(held["_id"])
    assert await _examine(settings()) == 1
    printed = found(capsys)
    assert printed["telegram 'Good'"][0] == "ok"
    assert printed["telegram 'Held'"] == ("ok", "paused by hand, not asked")
    assert printed["telegram 'Dead'"][0] == "FAIL"
    assert "1:dead" not in str(printed)
    assert not any(bot.token in str(printed) for bot in (good, dying, held_bot))


async def test_the_staff_bot_is_asked_too(settings, sandbox, capsys):
    bot = sandbox.telegram.create_bot()
    async with opened(settings()) as house:
        wishes = Wishes(token=bot.token, api_base=sandbox.api_base("telegram"))
        await house.staff_accounts.put(wishes)
    assert await _examine(settings()) == 0
    assert found(capsys)[f"staff bot @{bot.username}"] == ("ok", "works: 0 managers answer by it")
    del sandbox.telegram.bots[bot.token]
    assert await _examine(settings()) == 1
    holds, finding = found(capsys)[f"staff bot @{bot.username}"]
    assert (holds, "token" in finding, bot.token in finding) == ("FAIL", True, False)
