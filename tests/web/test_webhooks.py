"""Where providers post: the whole answer is the status."""

import io
import time

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestClient, TestServer

from channels.registry import KINDS
from inbox.model.ids import new_id
from inbox.storage.database import connect
from tests.conftest import SECRET_KEY
from web.app import build_app, listening
from web.house import House
from web.settings import Settings

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"
SECRET = "what_Telegram_was_told"
TOKEN = "123456789:AAF-0123456789abcdefghijklmnopqrstuvw"
MAX_BODY = KINDS["telegram"].max_webhook_bytes


@pytest.fixture(params=["express", "aiohttp"])
async def client(house, request):
    """A client of a server with and without the express lane: nobody outside can tell which."""
    app = build_app(Settings(), house)
    if request.param == "express":
        async with (
            listening(app, house, host="127.0.0.1", port=0) as (host, port),
            ClientSession(f"http://{host}:{port}") as http,
        ):
            yield http
        return
    opened = TestClient(TestServer(app))
    await opened.start_server()
    yield opened
    house.feed.close()
    await opened.close()


@pytest.fixture
async def address(house):
    """A Telegram channel's webhook; its provider was never asked."""
    key = new_id()
    sealed = house.box.seal({"token": TOKEN, "secret_token": SECRET})
    row = {"_id": key, "kind": "telegram", "name": "Bot", "settings": {}, "sealed": sealed, "state": "connected"}
    row |= {"state_reason": "", "created_at": 1, "changed_at": 1}
    await house.database.durable.channels.insert_one(row)
    return f"/webhooks/telegram/{key}"


async def journal(house):
    return await house.database.durable.journal.find().to_list(None)


async def test_what_the_provider_proves_to_have_sent_is_stored_before_the_answer(client, house, address):
    answer = await client.post(address, data=b'{"update_id": 1}', headers={SECRET_HEADER: SECRET})
    assert answer.status == 200
    assert [row["key"] for row in await journal(house)] == ["1"]


@pytest.mark.parametrize("headers", [{}, {SECRET_HEADER: ""}, {SECRET_HEADER: SECRET + "x"}, {SECRET_HEADER: "ключ"}])
async def test_what_is_forged_leaves_no_trace_but_a_count(client, house, address, headers):
    answer = await client.post(address, data=b'{"update_id": 1}', headers=headers)
    assert answer.status == 401
    assert await journal(house) == []
    labels = {"kind": "telegram", "outcome": "rejected"}
    assert house.metrics.registry.get_sample_value("skrynka_webhook_events_total", labels) == 1


async def test_what_is_true_and_unreadable_is_kept(client, house, address):
    answer = await client.post(address, data=b"\xff no JSON", headers={SECRET_HEADER: SECRET})
    assert answer.status == 200
    (row,) = await journal(house)
    assert (row["state"], row["raw"]) == ("quarantined", b"\xff no JSON")


async def test_an_unknown_channel_and_another_kind_are_not_there(client, house, address):
    elsewhere = [f"/webhooks/telegram/{new_id()}", address.replace("telegram", "viber"), "/webhooks/telegram"]
    for path in elsewhere:
        answer = await client.post(path, data=b'{"update_id": 1}', headers={SECRET_HEADER: SECRET})
        assert answer.status == 404, path
    assert (await client.get(address)).status == 403
    assert await journal(house) == []


async def test_what_is_too_large_is_refused_unread(client, house, address):
    for body in (io.BytesIO(b"x" * (MAX_BODY + 1)), _endless()):
        answer = await client.post(address, data=body, headers={SECRET_HEADER: SECRET})
        assert answer.status == 413
    assert await journal(house) == []


async def _endless():
    for _ in range(MAX_BODY // 65536 + 1):
        yield b"x" * 65536


async def test_without_a_database_the_provider_is_told_in_time_to_send_again(redis):
    nowhere = connect("mongodb://127.0.0.1:1/?replicaSet=none", "test_nowhere")
    house = House(nowhere, redis, secret_key=SECRET_KEY, base_url="http://127.0.0.1:1")
    client = TestClient(TestServer(build_app(Settings(), house)))
    await client.start_server()
    began = time.monotonic()
    answer = await client.post("/webhooks/telegram/any", data=b"{}", headers={SECRET_HEADER: SECRET})
    assert answer.status == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert time.monotonic() - began < 3
    await client.close()
    nowhere.close()


async def test_new_credentials_count_at_once_in_a_process_that_was_not_told(client, house, address):
    """Viber calls while it is told of the webhook, and may reach another process than the one that tells it."""
    assert (await client.post(address, data=b'{"update_id": 1}', headers={SECRET_HEADER: SECRET})).status == 200
    sealed = house.box.seal({"token": TOKEN, "secret_token": "another"})
    key = address.rpartition("/")[2]
    await house.database.durable.channels.update_one({"_id": key}, {"$set": {"sealed": sealed, "changed_at": 2}})
    assert (await client.post(address, data=b'{"update_id": 2}', headers={SECRET_HEADER: "another"})).status == 200
    assert (await client.post(address, data=b'{"update_id": 3}', headers={SECRET_HEADER: SECRET})).status == 401
    assert [row["key"] for row in await journal(house)] == ["1", "2"]
