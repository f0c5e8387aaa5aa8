"""A customer's picture becomes a small file of our own, whichever way their provider shows it."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from PIL import Image

from channels.faults import Fault
from channels.props import sample_photo
from inbox.model.avatars import REFRESHED_AFTER
from inbox.model.ids import now
from inbox.pictures import PORTRAIT, portrait
from tests.flow import Shop, until
from tests.meta import connected_account


@dataclass
class Face:
    """A customer with an app, and what their app and their provider do."""

    say: Callable[[str], Any]
    drained: Callable[[], Any]
    portray: Callable[[bytes | None], None]
    fault: Callable[[Fault], None]
    fetching: str
    """The sandbox's word for fetching a file."""


async def telegram(shop: Shop) -> Face:
    chat = shop.customer("Олена Мельник")
    sandbox = shop.sandbox.telegram
    return Face(
        chat.text, shop.bot.drained, lambda picture: sandbox.portray(chat.customer, picture), sandbox.fault, "getFile"
    )


async def viber(shop: Shop) -> Face:
    sandbox = shop.sandbox.viber
    bot = sandbox.create_bot("Скринька")
    settings = {"token": bot.token, "sender_name": "Скринька", "api_base": shop.sandbox.api_base("viber")}
    answer = await shop.owner.call("POST", "/channels", {"kind": "viber", "name": "Viber", "settings": settings})
    assert answer.status == 201, answer
    chat = bot.chat(sandbox.create_customer("Олена Мельник"))
    return Face(chat.text, bot.drained, lambda picture: sandbox.portray(chat.customer, picture), sandbox.fault, "media")


async def instagram(shop: Shop) -> Face:
    sandbox = shop.sandbox.instagram
    account, _ = await connected_account(shop)
    chat = account.chat(sandbox.create_customer("Олена Мельник", username="olena_m"))
    return Face(
        chat.text, account.drained, lambda picture: sandbox.portray(chat.customer, picture), sandbox.fault, "media"
    )


@pytest.fixture(params=[telegram, viber, instagram], ids=lambda made: made.__name__)
async def face(shop: Shop, request: pytest.FixtureRequest) -> Face:
    made: Face = await request.param(shop)
    return made


async def card(shop: Shop) -> Any:
    """The only customer's card."""
    [found] = (await shop.owner.get("/customers"))["items"]
    return found


async def looks(shop: Shop, condition: Callable[[str | None], bool]) -> str | None:
    """The address of their picture, once `condition` holds of it."""

    async def there() -> list[str | None]:
        url = (await card(shop))["avatar_url"]
        return [url] if condition(url) else []

    [url] = list[str | None](await until(there))
    return url


async def heard(shop: Shop, face: Face, text: str = "Добрий день") -> None:
    face.say(text)
    await face.drained()
    await shop.settled()


async def grows_old(shop: Shop) -> None:
    """Let days pass since their picture was looked at."""
    await shop.house.database.durable.identities.update_many(
        {}, {"$set": {"avatar_at": now() - REFRESHED_AFTER - timedelta(hours=1)}}
    )


async def looked(shop: Shop) -> None:
    """Wait until nobody's picture is being looked at."""

    async def at_rest() -> bool:
        timers = shop.house.database.durable.timers
        return await timers.find_one({"kind": {"$in": ["identity.avatar", "identity.profile"]}}) is None

    await until(at_rest)


async def test_it_is_a_small_square_at_an_address_of_our_own(shop, face):
    face.portray(sample_photo(1))
    await heard(shop, face)
    url = await looks(shop, bool)
    [identity] = (await card(shop))["identities"]
    assert identity["avatar_url"] == url
    shown = await shop.owner.call("GET", str(url).removeprefix("/api/v1"))
    assert (shown.status, shown.headers["Content-Type"]) == (200, "image/webp")
    assert "immutable" in shown.headers["Cache-Control"]
    assert "private" in shown.headers["Cache-Control"]
    with Image.open(io.BytesIO(shown.body)) as picture:
        assert picture.size == (PORTRAIT, PORTRAIT)


async def test_whoever_shows_none_keeps_their_initials(shop, face):
    await heard(shop, face)
    await looked(shop)
    assert (await card(shop))["avatar_url"] is None


async def test_another_one_takes_its_place_and_the_first_is_forgotten(shop, face):
    face.portray(sample_photo(1))
    await heard(shop, face)
    first = await looks(shop, bool)
    face.portray(sample_photo(2))
    await grows_old(shop)
    await heard(shop, face, "Ще питання")
    second = await looks(shop, lambda url: url not in (None, first))
    old = await shop.owner.call("GET", str(first).removeprefix("/api/v1"))
    assert old.headers["Cache-Control"] == "private, no-cache"
    assert old.body == (await shop.owner.call("GET", str(second).removeprefix("/api/v1"))).body

    async def alone() -> bool:
        return bool(await shop.house.database.durable["media.files"].count_documents({}) == 1)

    await until(alone)


async def test_the_same_one_keeps_its_address_however_often_it_is_looked_at(shop, face):
    face.portray(sample_photo(1))
    await heard(shop, face)
    first = await looks(shop, bool)
    await grows_old(shop)
    await heard(shop, face, "Ще питання")
    await looked(shop)
    assert (await card(shop))["avatar_url"] == first
    assert await shop.house.database.durable["media.files"].count_documents({}) == 1


async def test_a_provider_that_does_not_hand_it_over_harms_nothing(shop, face):
    face.portray(sample_photo(1))
    await heard(shop, face)
    first = await looks(shop, bool)
    face.portray(b"no picture at all")
    await grows_old(shop)
    await heard(shop, face, "Ще питання")
    await looked(shop)
    assert (await card(shop))["avatar_url"] == first


async def test_it_is_on_every_screen_without_anybody_asking(shop):
    face = await telegram(shop)
    face.portray(sample_photo(1))
    seen: list[str | None] = []
    async with shop.http.ws_connect(
        f"{shop.url}/api/v1/live", headers={"Authorization": f"Bearer {shop.owner.token}"}
    ) as socket:
        await heard(shop, face)
        async for message in socket:
            frame = message.json()
            if frame["type"] == "identity.updated":
                seen.append(frame["data"]["avatar_url"])
                break
    assert seen == [await looks(shop, bool)]


async def test_strangers_do_not_see_it(shop):
    face = await telegram(shop)
    face.portray(sample_photo(1))
    await heard(shop, face)
    url = await looks(shop, bool)
    async with shop.http.get(f"{shop.url}{url}") as answer:
        assert answer.status == 401
    misread = await shop.owner.call("GET", f"/identities/nobody/avatar?v={'1' * 65}")
    assert (misread.status, [error["field"] for error in misread.body["errors"]]) == (422, ["v"])
    nobody = await shop.owner.call("GET", "/identities/nobody/avatar")
    assert (nobody.status, nobody.body["detail"]) == (404, "this customer has no picture here")


def test_what_is_no_picture_makes_none():
    assert portrait(b"\x89PNG\r\n\x1a\nbroken", "image/png") is None


def test_a_picture_is_cut_to_its_middle():
    wide = Image.new("RGB", (400, 100), "red")
    wide.paste("blue", (150, 0, 250, 100))
    kept = io.BytesIO()
    wide.save(kept, "PNG")
    made = portrait(kept.getvalue(), "image/png")
    assert made is not None
    with Image.open(io.BytesIO(made)) as square:
        [(_, corner)] = square.convert("RGB").crop((4, 80, 5, 81)).getcolors() or []
        assert isinstance(corner, tuple)
        assert corner[0] < 60
        assert corner[2] > 200
