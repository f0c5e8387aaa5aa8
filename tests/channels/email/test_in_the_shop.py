"""A mailbox in a running shop: letters with files both ways, threads, bounces, machines, and two mailboxes."""

import asyncio
import base64
import json
from typing import Any

import pytest
from aiohttp import FormData

from channels.faults import Fault
from channels.props import sample_photo
from inbox.storage.s3 import PART, BucketAddress, Buckets
from tests.channels.email.shop import Case
from tests.conftest import SECRET_KEY
from tests.flow import Shop, until


@pytest.fixture
async def case(shop: Shop) -> Case:
    return await Case.open(shop)


async def attachment(case: Case, name: str, content: bytes, content_type: str) -> str:
    form = FormData()
    form.add_field("file", content, filename=name, content_type=content_type)
    answer = await case.shop.owner.call("POST", "/attachments", data=form)
    assert answer.status == 201, answer
    return str(answer.body["id"])


async def stored(case: Case) -> list[dict[str, Any]]:
    async def there() -> list[dict[str, Any]]:
        messages = await case.messages()
        files = [file for message in messages for file in message["attachments"]]
        return messages if files and all(file["state"] == "stored" for file in files) else []

    return list(await until(there))


async def test_letters_with_files_both_ways(case):
    case.letters.write("Ось така коробка?", subject="Питання", files=[("коробка.png", "image/png", sample_photo())])
    await case.opens()
    [message] = await stored(case)
    assert (message["text"], message["subject"]) == ("Ось така коробка?", "Питання")
    [photo] = message["attachments"]
    assert (photo["name"], photo["content_type"]) == ("коробка.png", "image/png")
    got = await case.shop.owner.call("GET", f"/attachments/{photo['id']}")
    assert got.body == sample_photo()

    files = [await attachment(case, "рахунок.pdf", b"%PDF-1.7 x", "application/pdf")]
    files.append(await attachment(case, "фото.png", sample_photo(1), "image/png"))
    sent = await case.reply("Так, саме вона.", attachments=files)
    await case.becomes(sent, "sent")
    [_, letter] = case.letters.letters
    assert letter.text == "Так, саме вона."
    assert (letter.subject, letter.answers) == ("Re: Питання", case.letters.letters[0].message_id)
    assert [file.data for file in letter.files] == [b"%PDF-1.7 x", sample_photo(1)]
    assert not letter.automatic

    case.letters.write("Дякую!", answers=letter.id)
    await case.opens()
    *_, answer = await case.messages()
    assert (answer["text"], answer["reply_to"]) == ("Дякую!", sent["id"])
    assert "> Так, саме вона." in answer["original"]


@pytest.mark.parametrize("watched", [True, False], ids=["fetched", "posted"])
async def test_who_writes_in_a_language_is_greeted_in_it(shop, watched):
    texts = {"uk": "Дякуємо за лист", "en": "Thank you for your letter"}
    rule = {"name": "Greeting", "trigger": "conversation_opened", "conditions": []}
    answer = await shop.owner.call("POST", "/rules", {**rule, "actions": [{"type": "reply", "text": texts}]})
    assert answer.status == 201, answer
    case = await Case.open(shop, watched=watched)
    mail = shop.sandbox.email
    peter = mail.letters(case.mailbox, mail.create_customer("Peter", "peter@mail.example", language="en"))
    case.letters.write("Добрий день")
    peter.write("Hello")
    for letters, text in ((case.letters, texts["uk"]), (peter, texts["en"])):
        await letters.until(lambda letters: [letter for letter in letters.letters if letter.from_shop])
        assert [letter.text for letter in letters.letters if letter.from_shop] == [text]


@pytest.mark.parametrize("watched", [True, False], ids=["fetched", "posted"])
async def test_files_that_come_with_a_letter_go_to_the_bucket(database, redis, sandbox, s3, watched):
    buckets = Buckets(BucketAddress(url=s3, region="us-east-1", access_key="key", secret_key="secret"), "media")
    large = b"%PDF-1.7 " + bytes(range(256)) * (PART // 256 + 1)
    async with Shop.open(database, redis, sandbox, SECRET_KEY, buckets=buckets) as shop:
        case = await Case.open(shop, watched=watched)
        files = [("коробка.png", "image/png", sample_photo()), ("креслення.pdf", "application/pdf", large)]
        case.letters.write("Ось така коробка?", files=files)
        await case.opens()
        [message] = await stored(case)
        kept = await database.durable.attachments.find({}).to_list(None)
        assert [row["file_id"].partition("/")[0] for row in kept] == ["s3:media", "s3:media"]
        assert await database.durable["media.files"].count_documents({}) == 0
        for file, (name, content_type, content) in zip(message["attachments"], files, strict=True):
            assert (file["name"], file["content_type"], file["size"]) == (name, content_type, len(content))
            assert (await shop.owner.call("GET", f"/attachments/{file['id']}")).body == content
        part = await shop.owner.call("GET", f"/attachments/{file['id']}", headers={"Range": f"bytes={PART}-{PART + 9}"})
        assert (part.status, part.body) == (206, large[PART : PART + 10])


async def test_somebody_else_who_answers_our_letter_joins_its_conversation(case):
    case.letters.write("Питання")
    await case.opens()
    sent = await case.reply("Відповідь")
    await case.becomes(sent, "sent")
    mail = case.shop.sandbox.email
    husband = mail.letters(case.mailbox, mail.create_customer("Тарас", "taras@work.example"))
    husband.letters = list(case.letters.letters)
    husband.write("Я за неї", answers=case.letters.letters[-1].id)
    await husband.drained()
    await case.opens()
    assert (await case.messages())[-1]["text"] == "Я за неї"


async def test_a_letter_with_the_same_subject_from_a_stranger_does_not(case):
    case.letters.write("Питання", subject="Замовлення 5")
    await case.opens()
    mail = case.shop.sandbox.email
    stranger = mail.letters(case.mailbox, mail.create_customer("Тарас", "taras@work.example"))
    stranger.write("Віддайте моє", subject="Re: Замовлення 5")
    await stranger.drained()
    await case.shop.settled()
    assert len(await case.shop.conversations()) == 2


async def test_the_html_is_shown_in_a_frame_that_may_do_nothing(case):
    letter = (
        b"From: olena@mail.example\r\nMessage-ID: <h@mail.example>\r\nDate: Mon, 3 Nov 2025 12:00:00 +0200\r\n"
        b'Content-Type: multipart/related; boundary="b"\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n'
        b'<p onclick=x>Hi</p><script>1</script><img src="cid:p@x"><img src="https://elsewhere.example/t.gif">\r\n--b\r\n'
        b"Content-Type: image/png\r\nContent-ID: <p@x>\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + base64.encodebytes(sample_photo())
        + b"\r\n--b--\r\n"
    )
    await post(case, letter)
    await case.opens()
    [message] = await stored(case)
    assert message["html"] is True
    path = f"/messages/{message['id']}/html"
    shown = await case.shop.owner.call("GET", path)
    page = shown.body.decode()
    assert "sandbox" in shown.headers["Content-Security-Policy"]
    assert f"data:image/png;base64,{base64.b64encode(sample_photo()).decode()}" in page
    assert not [bad for bad in ("script>1", "onclick", "elsewhere") if bad in page]
    assert "elsewhere.example/t.gif" in (await case.shop.owner.call("GET", f"{path}?images=1")).body.decode()
    stranger = await case.shop.http.get(f"{case.shop.url}/api/v1{path}")
    assert stranger.status == 401


async def test_receipts_and_bounces(case):
    case.letters.write("Добрий день")
    await case.opens()
    seen = await case.reply("Вітаю")
    await case.becomes(seen, "sent")
    case.letters.read(case.letters.letters[-1].id)
    await case.becomes(seen, "read")

    case.letters.gone = True
    lost = await case.reply("Ви ще тут?")
    failed = await case.becomes(lost, "failed")
    assert "no such mailbox" in failed["error"]
    customer = await case.shop.owner.get(f"/customers/{(await case.shop.conversations())[0]['customer_id']}")
    [identity] = customer["identities"]
    assert identity["reachable"] is False


async def test_a_machines_letter_opens_nothing_and_is_kept(case):
    case.letters.write("Добрий день")
    await case.opens()
    closed = await case.shop.owner.call("PATCH", f"/conversations/{case.id}", {"status": "closed", "version": 1})
    assert closed.status == 200, closed
    case.letters.be_away()
    await case.letters.drained()
    await case.shop.settled()
    [conversation] = await case.shop.conversations(status="closed")
    assert conversation["id"] == case.id
    assert len(await case.messages()) == 2


async def test_what_the_server_refuses_shows_on_the_message(case):
    case.letters.write("Добрий день")
    await case.opens()
    case.shop.sandbox.email.fault(Fault(kind="status", method="DATA", status=554, times=1))
    refused = await case.becomes(await case.reply("Вітаю"), "failed")
    assert "554" in refused["error"]
    case.shop.sandbox.email.fault(Fault(kind="reset_after", method="DATA", times=1))
    await case.becomes(await case.reply("Ще раз"), "uncertain")
    case.shop.sandbox.email.fault(Fault(kind="status", method="DATA", status=451, times=1))
    await case.becomes(await case.reply("І ще"), "sent")


@pytest.mark.parametrize("together", [True, False])
async def test_one_letter_to_two_mailboxes_is_one_message_in_one_conversation(case, together):
    other = await Case.open(case.shop, "sales@shop.example")
    letter = (
        b"From: olena@mail.example\r\nTo: support@shop.example, sales@shop.example\r\n"
        b"Message-ID: <two@mail.example>\r\nDate: Mon, 3 Nov 2025 12:00:00 +0200\r\n\r\nHello you two\r\n"
    )
    if together:
        await asyncio.gather(post(case, letter), post(other, letter))
    else:
        for one in (case, other):
            await post(one, letter)
            await case.opens()
    await case.opens()
    assert [message["text"] for message in await case.messages()] == ["Hello you two"]

    other.letters.write("А це лише до вас")
    await other.opens()
    assert (other.id, len(await other.messages())) == (case.id, 2)
    reply = await other.reply("Вітаю")
    await other.becomes(reply, "sent")
    assert other.letters.texts() == ["Вітаю"]


async def test_twenty_megabytes_come_in(case):
    content = bytes(range(256)) * (20 << 12)
    case.letters.write("Відео", files=[("film.mp4", "video/mp4", content)])
    await case.opens()
    [message] = await stored(case)
    assert message["attachments"][0]["size"] == len(content)


async def post(case: Case, letter: bytes) -> int:
    """A letter as Postmark posts it, raw."""
    secret = base64.b64encode(f"p:{case.mailbox.webhook_secret}".encode()).decode()
    body = json.dumps({"From": "x", "RawEmail": letter.decode()}).encode()
    headers = {"Authorization": f"Basic {secret}", "Content-Type": "application/json"}
    async with case.shop.http.post(case.mailbox.webhook_url, data=body, headers=headers) as answer:
        return answer.status
