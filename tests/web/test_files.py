"""A file by its signed address: for whoever holds the address, and nobody else."""

import pytest
from aiohttp import FormData

from tests.flow import Shop

TEXT = "ціни на жовтень\n" * 100


@pytest.fixture
async def address(shop: Shop) -> str:
    """Of a price list that a manager uploaded."""
    form = FormData()
    form.add_field("file", TEXT.encode(), filename="Ціни.txt", content_type="text/plain")
    headers = {"Authorization": f"Bearer {shop.owner.token}"}
    async with shop.http.post(f"{shop.url}/api/v1/attachments", data=form, headers=headers) as answer:
        assert answer.status == 201
        uploaded = await answer.json()
    return shop.house.links.address({"_id": uploaded["id"], "name": uploaded["name"]})


async def test_it_is_fetched_without_a_session_whole_or_in_part(shop, address):
    async with shop.http.get(address) as answer:
        assert (answer.status, (await answer.read()).decode()) == (200, TEXT)
        assert answer.headers["Content-Disposition"].startswith("attachment;")
    async with shop.http.get(address, headers={"Range": "bytes=0-7"}) as answer:
        assert (answer.status, (await answer.read()).decode()) == (206, "ціни")
    async with shop.http.head(address) as answer:
        assert (answer.status, answer.content_length) == (200, len(TEXT.encode()))


async def test_an_address_that_we_did_not_write_opens_nothing(shop, address):
    prefix, token, name = address.rsplit("/", 2)
    for wrong in (f"{prefix}/x{token}/{name}", f"{prefix}/{token[:-4]}/{name}", f"{prefix}/-/{name}"):
        async with shop.http.get(wrong) as answer:
            assert answer.status == 404


async def test_only_a_public_message_is_answered_in_private(shop):
    chat = shop.customer()
    chat.text("Надішліть каталог")
    await shop.settled()
    (conversation,) = await shop.conversations()
    identity = (await shop.owner.get(f"/customers/{conversation['customer_id']}"))["identities"][0]
    assert (identity["window_until"], identity["person_window_until"], identity["unanswered_left"]) == (
        None,
        None,
        None,
    )
    refused = await shop.owner.call(
        "POST", f"/conversations/{conversation['id']}/messages", {"text": "Ось", "private": True}
    )
    assert (refused.status, refused.body["errors"][0]["field"]) == (422, "private")
    (message,) = await shop.messages(conversation["id"])
    assert (message["public"], message["private"], message["html"], message["subject"]) == (False, False, False, "")
