"""Every kind and state of message as it stands in the thread."""

import re

import pytest

from tests.web.pages.shop import ABLE, ago, attachment, author

THREAD = "/fragments/conversations/olena/messages"

SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def thread(desk, read):
    """Say something and read the thread."""

    async def say(direction="in", text="", **fields):
        desk.add("new", direction, text, **fields)
        page = await read(THREAD)
        return page[page.index('id="m-new"') :]

    return say


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("queued", "Sending…"),
        ("sending", "Sending…"),
        ("sent", "Sent"),
        ("delivered", "Delivered"),
        ("read", "Read"),
        ("uncertain", "Not confirmed: may not have arrived."),
    ],
)
async def test_states_are_words(thread, state, words):
    assert words in await thread("out", "Вітаю", state=state)


async def test_what_failed_says_why_and_can_be_sent_again(thread):
    html = await thread("out", "Вітаю", state="failed", error="the customer blocked the bot.")
    assert "Not sent: the customer blocked the bot." in html
    assert 'data-api="POST /api/v1/messages/new/retry"' in html


async def test_photos_stand_in_a_grid_and_other_files_below(thread):
    pictures = [attachment(f"p{number}", "image/jpeg", "photo", width=4, height=3) for number in range(3)]
    html = await thread(attachments=[*pictures, attachment("чек.pdf", "application/pdf", "document", size=182_400)])
    assert 'class="photos several"' in html
    assert html.count('class="photo"') == 3
    assert 'download="чек.pdf"' in html
    assert "178 KB" in html


@pytest.mark.parametrize(
    ("file", "element"),
    [
        (attachment("a", "audio/ogg", "voice"), "<audio controls"),
        (attachment("a", "video/mp4", "video"), '<video class="video" controls'),
        (attachment("a", "image/webp", "sticker"), 'class="sticker"><img'),
        (attachment("a", "video/webm", "sticker"), 'class="sticker"><video'),
        (attachment("a", "application/x-tgsticker", "sticker"), 'class="file"'),
        (attachment("a", "image/jpeg", "photo", state="pending"), "Fetching…"),
        (attachment("a", "image/jpeg", "photo", state="failed"), "could not be fetched"),
    ],
)
async def test_each_kind_of_file(thread, file, element):
    assert element in await thread(attachments=[file])


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            {"type": "location", "latitude": 49.5, "longitude": 24.25, "title": "", "address": ""},
            'href="geo:49.5,24.25"',
        ),
        ({"type": "location", "latitude": 1.0, "longitude": 2.0, "title": "Склад", "address": "Львів"}, "Склад"),
        ({"type": "contact", "phone": "+380 67 1", "name": "Ніна", "own": True}, 'href="tel:+380671"'),
        ({"type": "placeholder", "what": "poll"}, "cannot be shown here"),
        ({"type": "button", "data": "yes", "acknowledge": ""}, "Беру"),
    ],
)
async def test_what_is_no_text(thread, content, expected):
    assert expected in await thread("in", "Беру" if content["type"] == "button" else "", content=content)


async def test_marks_of_what_changed(thread):
    html = await thread("in", "Привіт", edited_at=ago(minutes=1), reactions=[{"emoji": "❤", "by": "x"}])
    assert "edited" in html
    assert 'aria-label="Reaction ❤"' in html


async def test_a_letter_that_may_be_forged_says_so(thread):
    assert "Sender not confirmed" not in await thread("in", "Привіт")
    assert "Sender not confirmed" in await thread("in", "Надішліть мені гроші", unconfirmed=True)


async def test_what_was_deleted_is_gone(thread):
    html = await thread("in", "таємниця", deleted_at=ago(minutes=1))
    assert "This message was deleted" in html
    assert "таємниця" not in html


async def test_a_quote_shows_what_is_answered(thread):
    html = await thread("out", "Завтра", reply_to="m08")
    assert 'data-jump="m-m08"' in html
    assert "А коли відправите?" in html
    assert "An earlier message" in await thread("out", "Завтра", reply_to="unknown")


async def test_system_lines_and_notes(thread, desk):
    html = await thread("note", "Для своїх", author=author("manager", "ihor", "Ігор Бондар"))
    assert "Note" in html
    assert "Ігор Бондар" in html
    desk.add("line", "system", "Конверсацію закрито")
    assert "Конверсацію закрито" in await thread("in", "Дякую")


async def test_what_the_channel_cannot_do_is_greyed_with_the_reason(desk, thread):
    desk.connected[0]["capabilities"] = {**ABLE, "edit": "none", "delete": "none", "quote": "none"}
    html = await thread("out", "Вітаю")
    assert "Telegram cannot change what was sent" in html
    assert "Telegram cannot take back what was sent" in html
    assert "Telegram cannot quote" in html
    assert len(re.findall(r"data-tool=\"\w+\" data-id=\"new\" disabled", html)) == 3


async def test_customers_cannot_write_html(desk, thread):
    html = await thread(
        "in",
        f"{SCRIPT} javascript:alert(1) https://ok.example/?a=1&b=<i>",
        attachments=[attachment(SCRIPT, 'text/html"><script>', "document")],
        content={"type": "contact", "phone": '"><script>', "name": SCRIPT, "own": False},
        client_token='"><script>',
        reactions=[{"emoji": SCRIPT, "by": "x"}],
    )
    assert "<script" not in html
    assert 'href="javascript' not in html
    assert '<a href="https://ok.example/?a=1&amp;b=" target="_blank" rel="noopener noreferrer nofollow">' in html


async def test_names_labels_and_fields_cannot_either(desk, read):
    card = desk.cards["olena-card"]
    card.update(name=SCRIPT, tags=[SCRIPT, "'><b>"], fields={SCRIPT: SCRIPT})
    card["identities"][0]["username"] = SCRIPT
    desk.cases_list[0]["labels"] = [SCRIPT]
    desk.cases_list[0]["last_message"]["text"] = SCRIPT
    desk.people[1]["name"] = SCRIPT
    desk.connected[0]["name"] = SCRIPT
    page = await read("/inbox/olena")
    assert "<script>" not in page
    assert "'><b>" not in page
    assert SCRIPT not in await read(f"/fragments/list?q={SCRIPT}")


async def test_a_stretch_of_the_thread_is_fetched_again_as_it_is_now(read):
    stretch = await read(f"{THREAD}?lane=before-m05&first=m05&last=m08")
    shown = re.findall(r'id="m-(m\d+)"', stretch)
    assert shown == ["m05", "m06", "m07", "m08"]
    assert re.findall(r'id="m-(m\d+)"', await read(f"{THREAD}?first=m11")) == ["m11", "m12"]


async def test_earlier_messages_go_on_without_a_day_twice(read):
    page = await read("/fragments/conversations/olena/older?cursor=8")
    assert re.findall(r'id="m-(m\d+)"', page) == ["m01", "m02", "m03", "m04"]
    assert page.count('class="day"') <= 2


async def test_a_comment_says_that_everybody_reads_it_and_can_be_answered(desk, read):
    desk.add("c1", "in", "How much is it?", public=True)
    desk.connected[0]["capabilities"] = {**desk.connected[0]["capabilities"], "quote": "none"}
    desk.add("c2", "out", "In your messages", private=True)
    page = await read("/inbox/olena")
    assert "Public comment" in page
    assert "In private" in page
    assert " data-public>" in page
    assert 'data-tool="quote" data-id="c1" >' in page
    assert 'data-tool="quote" data-id="c2" disabled>' in page


async def test_a_letter_shows_its_subject_and_what_it_quotes_on_demand(desk, read):
    desk.add("l1", "in", "Yes, please", subject="Order <7>", original="Yes, please\n> shall I send it?")
    page = await read("/inbox/olena")
    assert "Order &lt;7&gt;" in page
    assert "&gt; shall I send it?" in page


async def test_what_the_shop_wrote_elsewhere_is_told_apart(desk, read):
    desk.add("e1", "out", "From the phone", author={"type": "shop", "id": None, "name": "Our Instagram"})
    page = await read("/inbox/olena")
    assert "Our Instagram" in page
    assert "Not written here" in page
