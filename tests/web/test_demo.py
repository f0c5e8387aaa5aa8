"""The demo's shop: as full as it says, dated as it says, and in nobody's way."""

import asyncio
import os
import signal
import sys
import tempfile
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import ClientSession

from channels.sandbox import Sandbox
from channels.telegram.sandbox import Chat
from tests.flow import Person, sign_in, until
from web.app import running
from web.demo import DemoSettings
from web.demo.cast import MANAGERS, PASSWORD
from web.demo.stage import Stage
from web.demo.stories import STORIES


@dataclass
class Filled:
    """A demo's shop with an owner who is signed in."""

    sandbox: Sandbox
    owner: Person

    async def cases(self, **query: str) -> list[dict[str, Any]]:
        path = "/conversations?limit=100" + "".join(f"&{key}={value}" for key, value in query.items())
        items: list[dict[str, Any]] = (await self.owner.get(path))["items"]
        return items

    async def case(self, name: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """A customer's latest conversation and its messages, oldest first."""

        async def cards() -> list[dict[str, Any]]:
            found: list[dict[str, Any]] = (await self.owner.get(f"/customers?q={name}"))["items"]
            return found

        [card] = await until(cards)
        case = next(case for case in await self.cases() if case["customer_id"] == card["id"])
        return case, await self.thread(case["id"])

    async def thread(self, conversation_id: str) -> list[dict[str, Any]]:
        """A conversation's messages, oldest first."""
        page = await self.owner.get(f"/conversations/{conversation_id}/messages?limit=100")
        return list(reversed(page["items"]))

    def chat(self, name: str) -> Chat:
        bot, _ = self.sandbox.telegram.bots.values()
        [found] = [chat for chat in bot.chats.values() if chat.customer.name == name]
        return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def filled(tmp_path_factory) -> AsyncIterator[Filled]:
    """Filled once: it takes its seconds."""
    tmp_path = tmp_path_factory.mktemp("demo")
    async with Sandbox() as sandbox, ClientSession() as http:
        async with running(DemoSettings(data_dir=tmp_path / "data"), "127.0.0.1", 0) as server:
            await Stage(server.house, sandbox).play()
            yield Filled(sandbox, await sign_in(http, server.url, MANAGERS[0].email, PASSWORD))


in_the_filled_shop = pytest.mark.asyncio(loop_scope="module")


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


@in_the_filled_shop
async def test_the_shop_is_as_its_stories_tell(filled):
    everything = await filled.cases()
    assert len(everything) == sum(len(story.cases) for story in STORIES)
    assert {case["status"] for case in everything} == {"open", "pending", "snoozed", "closed"}
    queue = await filled.cases(assignee="none")
    assert len(queue) == 3
    states = set()
    for case in everything:
        messages = await filled.thread(case["id"])
        states |= {message["state"] for message in messages}
        assert [message["sent_at"] for message in messages] == sorted(one["sent_at"] for one in messages)
        assert case["created_at"] == messages[0]["sent_at"]
    assert states == {"received", "stored", "sent", "delivered", "read", "failed", "uncertain"}

    managers = {one["name"]: one for one in (await filled.owner.get("/managers"))["items"]}
    assert managers["Ігор Бондар"]["load"] == managers["Ігор Бондар"]["capacity"]
    assert managers["Оксана Коваль"]["status"] == "online"
    assert managers["Оксана Коваль"]["load"] < managers["Оксана Коваль"]["capacity"]


@in_the_filled_shop
async def test_the_shop_has_learned_what_it_answers_with(filled):
    case, _ = await filled.case("Олена Мельник")
    [first, *_] = (await filled.owner.get(f"/conversations/{case['id']}/suggestions"))["items"]
    assert first["name"] == "Коли відправимо"


@in_the_filled_shop
async def test_the_phone_and_the_inbox_tell_the_same_at_the_same_times(filled):
    case, messages = await filled.case("Олена")
    chat = filled.chat("Олена Мельник")
    told = [(message.text, message.date) for message in chat.messages]
    seen = [
        (message["text"], int(moment(message["sent_at"]).timestamp()))
        for message in messages
        if message["direction"] != "note"
    ]
    assert told[-len(seen) :] == seen
    assert len(told) > len(seen), "the phone also remembers the case before"

    late = datetime.now(UTC) - moment(case["waiting_since"])
    assert timedelta(minutes=8) < late < timedelta(minutes=12)
    assert case["last_message"]["text"].startswith("А встигнете")
    assert case["unread"] == 2


@in_the_filled_shop
async def test_a_managers_own_phone_is_there_to_be_looked_at(filled):
    _, companion = filled.sandbox.telegram.bots.values()
    [chat] = companion.chats.values()
    assert any("Оксана Коваль" in text for text in chat.texts())
    assert (await filled.owner.get("/me/staff-link"))["linked"]


@in_the_filled_shop
async def test_whoever_came_over_viber_has_read_what_they_answered(filled):
    case, messages = await filled.case("Злата")
    assert [one["state"] for one in messages if one["author"]["type"] == "manager"] == ["read", "read"]
    [bot] = filled.sandbox.viber.bots.values()
    [chat] = [chat for chat in bot.chats.values() if chat.customer.name == "Злата Гайдук"]
    assert [message.date for message in chat.messages] == sorted(message.date for message in chat.messages)
    assert case["last_message"]["text"] == chat.messages[-1].text


@in_the_filled_shop
async def test_every_channel_has_conversations(filled):
    channels = {one["id"]: one for one in (await filled.owner.get("/channels"))["items"]}
    assert {one["state"] for one in channels.values()} == {"connected"}
    written_on = {one["channel_id"] for case in await filled.cases() for one in await filled.thread(case["id"])}
    assert written_on == channels.keys()
    assert {one["kind"] for one in channels.values()} == {"telegram", "viber", "instagram", "email"}


@in_the_filled_shop
async def test_one_mailbox_is_watched_and_the_others_letters_are_posted(filled):
    watched, posted = filled.sandbox.email.mailboxes.values()
    channels = [one for one in (await filled.owner.get("/channels"))["items"] if one["kind"] == "email"]
    assert filled.sandbox.email.imap.connections(watched) == 2
    assert filled.sandbox.email.imap.connections(posted) == 0
    assert not watched.webhook_url
    assert posted.webhook_url in [one["webhook_url"]["absolute"] for one in channels]


@in_the_filled_shop
async def test_letters_are_answers_to_each_other_on_both_sides(filled):
    _, messages = await filled.case("Соломія")
    assert [(one["direction"], one["subject"]) for one in messages if not one["automatic"]] == [
        ("in", "Скриньки для каблучок"),
        ("out", "Скриньки для каблучок"),
        ("in", "Re: Скриньки для каблучок"),
    ]
    assert "З повагою" in messages[0]["text"]
    assert messages[-1]["text"] == "Дякую, беремо дві з горіха. Чи можна всередині оксамит кольору вина?"
    _, messages = await filled.case("Peter")
    assert any("from her phone" in one["text"] for one in messages if one["direction"] == "out")


@in_the_filled_shop
async def test_the_instagram_account_is_connected(filled):
    [account] = filled.sandbox.instagram.accounts.values()
    [channel] = [one for one in (await filled.owner.get("/channels"))["items"] if one["kind"] == "instagram"]
    assert channel["state"] == "connected"
    assert account.webhook_url == channel["webhook_url"]["absolute"]
    assert filled.sandbox.instagram.customers


@in_the_filled_shop
async def test_the_phone_lives_in_the_present_again(filled):
    chat = filled.chat("Дмитро Ткач")
    chat.text("Ще одне")
    await chat.bot.drained()
    async with asyncio.timeout(10):
        while (await filled.case("Дмитро"))[1][-1]["text"] != "Ще одне":
            await asyncio.sleep(0.05)
    assert chat.messages[-1].date >= datetime.now(UTC).timestamp() - 60


@in_the_filled_shop
async def test_both_mailboxes_live_in_the_present_again(filled):
    for name, address in (("Соломія", "solomiia@mail.example"), ("Остап", "ostap@dzyha.example")):
        mail = filled.sandbox.email
        customer = mail.customers[address]
        letters = mail.letters(mail.mailboxes[mail.wrote_to(customer)], customer)
        letters.write("Ще одне", answers=letters.letters[1].id)
        await letters.drained()
        async with asyncio.timeout(10):
            while (await filled.case(name))[1][-1]["text"] != "Ще одне":
                await asyncio.sleep(0.05)


def test_nobodys_environment_has_a_say(monkeypatch, tmp_path):
    monkeypatch.setenv("SKRYNKA_MONGODB_URL", "mongodb://real.example/?replicaSet=rs")
    monkeypatch.setenv("SKRYNKA_SECRET_KEY", "the key of a real database")
    monkeypatch.setenv("SKRYNKA_ADMIN_EMAIL", "owner@real.example")
    settings = DemoSettings(data_dir=tmp_path)
    assert settings.mongodb_url is None
    assert settings.secret_key is None
    assert settings.admin_email is None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_leaving_before_it_is_open_leaves_nothing(number):
    with tempfile.TemporaryDirectory(prefix="skrynka-test-") as folder:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "web", "demo", "--port", "0"),
            stdout=PIPE,
            stderr=PIPE,
            env=os.environ | {"TMPDIR": folder},
        )
        assert process.stdout
        async with asyncio.timeout(60):
            assert b"Setting up" in await process.stdout.readline()
            while not list(Path(folder).glob("skrynka-demo-*/mongod.log")):
                await asyncio.sleep(0.01)
            process.send_signal(number)
            _, complaints = await process.communicate()
        assert (process.returncode, complaints.decode()) == (0, "")
        assert list(Path(folder).iterdir()) == []
