"""The list, the thread's frame and the card, as HTML."""

import re

import pytest

from tests.web.pages.shop import ago, attachment, author, note

FRAGMENT = {"HX-Request": "true"}


async def test_the_list_tells_who_where_from_what_and_how_long(read):
    page = await read("/inbox")
    assert "Олена Мельник" in page
    assert "Заберу тут" in page
    assert "12 min" in page
    assert 'class="when late"' in page
    assert "Snoozed until" in page
    assert 'title="2 unread messages">2<' in page
    assert '<span class="n">6</span>' in page
    assert "Choose a conversation" in page


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/fragments/list?tab=unassigned", "The queue is empty"),
        ("/fragments/list?tab=all", "No customer has written yet"),
        ("/fragments/list?tab=closed", "Nothing is closed yet"),
        ("/fragments/list?tab=mine", "You hold no conversations"),
        ("/fragments/list?q=xyzzy", "Nothing found for “xyzzy”"),
    ],
)
async def test_every_empty_list_says_what_to_do(desk, read, path, words):
    desk.cases_list.clear()
    assert words in await read(path)


async def test_a_channel_in_trouble_stands_above_the_list(desk, read):
    page = await read("/fragments/list?tab=all")
    assert "hello@skrynka works with trouble: the mailbox answers slowly." in page
    assert 'href="/settings/channels#channel-em"' in page
    assert "/settings/channels" not in await read("/fragments/list?tab=all", As="ihor")
    desk.connected[0] |= {"state": "paused", "state_reason": "paused by hand", "paused_by_hand": True}
    assert "is paused by hand: what you send there waits." in await read("/fragments/list?tab=all")


async def test_more_rows_come_with_the_cursor(desk, read):
    first = desk.cases_list[0]
    desk.cases_list.extend({**first, "id": f"copy-{number}"} for number in range(60))
    page = await read("/fragments/list?tab=mine")
    assert "/fragments/rows?tab=mine&amp;q=&amp;sort=recent&amp;cursor=40" in page
    rest = await read("/fragments/rows?tab=mine&q=&sort=recent&cursor=40")
    assert rest.count('class="row ') == 26
    assert "Loading more" not in rest


async def test_a_row_and_the_thread_tell_how_long_there_is_to_answer(read):
    rows = await read("/fragments/list?tab=all")
    for state, words in (("at_risk", "3 min left"), ("late", "3 min late"), ("running", "56 min left")):
        assert re.search(rf'class="deadline {state}"[^>]*>{words}<', rows), state
    bar = await read("/fragments/conversations/marta/bar")
    assert re.search(r'class="deadline late"[^>]*title="The first reply is due: [^"]+">3 min late<', bar)
    assert "deadline" not in await read("/fragments/conversations/viktor/bar")


async def test_the_list_may_begin_with_who_is_to_be_answered_soonest(read):
    recent = await read("/fragments/list?tab=all")
    assert 'href="/inbox?tab=all&amp;q=&amp;sort=due" title="Show first who is to be answered soonest"' in recent
    due = await read("/fragments/list?tab=all&sort=due")
    assert re.findall(r'id="c-([^"]+)"', due)[:3] == ["marta", "olena", "james"]
    # Whatever is fetched next is in the same order.
    assert 'hx-get="/fragments/list?tab=all&amp;q=&amp;sort=due"' in due
    assert '<input type="hidden" name="sort" value="due" id="find-sort" form="find-form">' in due
    assert 'href="/inbox?tab=all&amp;q=&amp;sort=recent" title="Show the newest first"' in due


@pytest.mark.parametrize(("state", "words"), [("failed", "Not sent"), ("uncertain", "Not confirmed")])
async def test_a_row_says_that_the_last_message_needs_somebody(desk, read, state, words):
    row = desk.cases_list[0]
    row["last_message"] = {**row["last_message"], "direction": "out", "state": state}
    assert words in await read("/fragments/list?tab=mine")


async def test_a_conversation_is_a_page_of_its_own_and_a_part_of_one(read):
    whole = await read("/inbox/olena")
    assert whole.startswith("<!DOCTYPE html>")
    assert 'aria-current="true"' in whole
    assert 'content="csrf-of-this-session"' in whole
    part = await read("/inbox/olena", **FRAGMENT)
    assert "<html" not in part
    assert 'id="composer"' in part
    restored = await read("/inbox/olena", **FRAGMENT, **{"HX-History-Restore-Request": "true"})
    assert restored.startswith("<!DOCTYPE html>")


@pytest.mark.parametrize("part", ["bar", "messages", "older?cursor=0", "card"])
async def test_what_belongs_to_another_team_is_not_there(read, part):
    other = {"As": "ihor"}
    for path in ("/inbox/returns-case", f"/fragments/conversations/returns-case/{part}"):
        assert "Tom Baker" not in await read(path, status=404, **other)
    assert "This conversation is not here" in await read("/inbox/returns-case", status=404, **other, **FRAGMENT)
    await read(f"/fragments/conversations/returns-case/{part}")


@pytest.mark.parametrize(
    ("assignment", "words"),
    [
        ({"reason": "last_manager"}, "Yours: you answered last time"),
        ({"reason": "least_loaded"}, "Yours: you had the most room"),
        ({"reason": "replied"}, "Yours: you answered first"),
        ({"reason": "manual", "by": "Ігор Бондар"}, "Yours: assigned by Ігор Бондар"),
        ({"reason": "manual", "by": "Оксана Коваль"}, "Yours: you took it"),
        ({"reason": "something new"}, "Yours"),
        (None, "Yours"),
    ],
)
async def test_the_header_says_why_it_is_yours(desk, read, assignment, words):
    desk.cases_list[0]["assignment"] = assignment
    assert words in await read("/fragments/conversations/olena/bar")


async def test_assigning_tells_who_is_there_and_how_busy(desk, read):
    (busy,) = [manager for manager in desk.people if manager["status"] == "busy"]
    menu = await read("/fragments/conversations/olena/assign")
    assert "Busy</small>" in menu
    assert "9/10</small>" in menu
    assert "Give it back to the queue" in menu
    assert "Take it<" not in menu
    assert "Take it<" in await read("/fragments/conversations/giorgi/assign")
    busy |= {"status": "online", "gone": True}
    assert "Away, connection lost" in await read("/fragments/conversations/olena/assign")
    busy |= {"off_shift": True}
    assert "Off shift" in await read("/fragments/conversations/olena/assign")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"state": "paused", "state_reason": "the token was revoked"}, "is paused: the token was revoked"),
        ({"state": "paused", "paused_by_hand": True}, "waits until an admin resumes it"),
        ({"state": "disconnected"}, "is disconnected"),
    ],
)
async def test_what_the_channel_cannot_do_now_stands_above_the_composer(desk, read, change, words):
    desk.connected[0].update(change)
    assert words in await read("/inbox/olena")
    assert words in await read("/fragments/conversations/olena/bar")


async def test_hints_about_the_customer_and_the_conversation(desk, read):
    assert "cannot be reached on Telegram" in await read("/inbox/andrii")
    assert "Nobody holds this yet" in await read("/inbox/james")
    assert "Nino Gelashvili holds this conversation" in await read("/inbox/giorgi")
    assert "A reply opens it again" in await read("/inbox/iryna")
    assert "takes answers for 6 h more" in await read("/inbox/marta")
    marta = desk.cards["marta"]["identities"][0]
    marta |= {"window_until": ago(hours=1), "person_window_until": ago(days=-6)}
    assert "Only your own words may still go to Instagram" in await read("/inbox/marta")
    marta["person_window_until"] = None
    assert "is over; the customer must write first" in await read("/fragments/conversations/marta/bar")
    next(row for row in desk.cases_list if row["id"] == "marta")["last_message"]["public"] = True
    assert "Only the comment can be answered" in await read("/fragments/conversations/marta/bar")


@pytest.mark.parametrize(
    ("left", "words"),
    [
        (100, None),
        (10, "10 more messages may go to Telegram"),
        (1, "1 more message may go to Telegram"),
        (0, "takes no more messages until the customer answers"),
    ],
)
async def test_how_many_messages_may_go_without_an_answer_is_told_near_the_end(desk, read, left, words):
    desk.cards["olena-card"]["identities"][0]["unanswered_left"] = left
    page = await read("/inbox/olena")
    assert words in page if words else "before the customer answers" not in page


async def test_a_channel_that_takes_nothing_now_cannot_be_chosen(desk, read):
    assert _ways(await read("/inbox/olena")) == {"tg": (True, ""), "vb": (True, ""), "em": (True, "")}
    desk.cards["olena-card"]["identities"][1]["window_until"] = ago(hours=1)
    assert _ways(await read("/inbox/olena")) == {
        "tg": (True, ""),
        "vb": (False, "they must write first"),
        "em": (True, ""),
    }


async def test_who_is_not_confirmed_to_be_the_customer_is_told_before_anything_is_written(desk, read):
    assert "may be somebody else" not in await read("/inbox/olena")
    theirs = desk.cards["olena-card"]["identities"][0]
    theirs["joined"] = "answer"
    hint = (await read("/inbox/olena")).partition('<div class="of-channel" data-of="tg"')[2].partition("</div>")[0]
    assert "What you write goes to olena_m, who answered a message to Олена Мельник and may be somebody else." in hint
    for path in ("confirm", "split"):
        assert f'POST /api/v1/customers/olena-card/{path}" data-body=\'{{"identity": "{theirs["id"]}"}}\'' in hint
    assert _ways(await read("/inbox/olena"))["tg"] == (True, "not confirmed")
    theirs["reachable"] = False
    assert "may be somebody else" not in await read("/inbox/olena")


async def test_a_channel_without_files_greys_the_button_with_the_reason(desk, read):
    desk.connected[0]["capabilities"] = {**desk.connected[0]["capabilities"], "media": "receive"}
    assert 'disabled title="Telegram takes no files"' in await read("/inbox/olena")


async def test_the_card_tells_who_it_is(read):
    card = await read("/fragments/conversations/olena/card")
    for words in ("olena_m", "+380671234567", "proven", "постійна", "доставка", "Львів", "№ 14", "Дякую за скриньку"):
        assert words in card


async def test_fields_are_filled_in_by_what_may_stand_in_them(read):
    card = await read("/fragments/conversations/olena/card")
    assert '<input class="input" id="edit-field-born" name="fields.born" data-type="optional" value=""' in card
    assert 'type="date"' in card
    assert '<option value="Нова пошта" selected>Нова пошта</option>' in card
    assert '<option value="yes" >yes</option>' in card
    assert "Розмір" not in card


async def test_notes_and_files_stand_on_the_card(desk, read):
    assert 'class="card-files"' not in await read("/fragments/conversations/olena/card")
    desk.notes_of["olena-card"] = [note("mine", "Своя", author=author("manager", "me", "Оксана")), note("his", "Чужа")]
    files = [attachment(f"p{number}", "image/jpeg", "photo", message_id=f"m{number}") for number in range(11)]
    files.append(attachment("bill.pdf", "application/pdf", "document", message_id="m11"))
    desk.files_of["olena-card"] = [{**file, "conversation_id": "olena", "sent_at": ago(days=1)} for file in files]

    card = await read("/fragments/conversations/olena/card", As="ihor")
    assert card.count('aria-label="Delete the note"') == 1
    assert card.count('class="shot"') == 9
    assert '<img src="/api/v1/attachments/p0"' in card, "small enough to be shown as it is"
    assert 'href="/inbox/olena#m-m11"' in card
    page = await read(_fetched(card, "/fragments/customers/olena-card/files"))
    assert page.count('class="shot"') == 2
    assert "hx-get" not in page


@pytest.mark.parametrize(
    ("by", "told"),
    [
        ({"type": "bot", "id": "r1", "name": "Says goodbye"}, "Closed · Says goodbye · "),
        ({"type": "manager", "id": "m9", "name": "Oleh"}, "Closed · Oleh · "),
        ({"type": "system", "id": None, "name": ""}, "Closed · <time"),
    ],
)
async def test_a_change_of_status_says_whose_it_is(desk, read, by, told):
    closed = {"id": "e1", "kind": "status", "status": "closed", "snoozed_until": None, "conversation_id": "olena"}
    desk.happened["olena-card"] = [{**closed, "at": ago(minutes=1), "by": by}]
    page = await read("/inbox/olena?view=everything")
    assert told in page.partition('id="h-e1"')[2]


async def test_a_thread_shows_its_conversation_or_everything(desk, read):
    order = {"order_id": "o", "number": "1042", "source": "api", "irregular": False, "fields": []}
    moved = {"kind": "order", "id": "e", "at": ago(hours=1), "by": author("shop", "s", "Shop"), "conversation_id": None}
    order["reply"] = {"message_id": "m", "macro_id": "x", "macro": "On its way"}
    desk.happened["olena-card"] = [{**moved, **order, "status": {"from": "confirmed", "to": "shipped"}}]
    desk.notes_of["olena-card"] = [note("n", "x")]
    assert "Order 1042" not in await read("/inbox/olena")
    page = await read("/inbox/olena?view=everything")
    assert "Order 1042: Підтверджено → Відправлено · Shop · with the macro “On its way”" in page
    assert 'data-view="everything"' in page
    assert "Order 1042" in await read(_fetched(page, "/fragments/conversations/olena/messages"))


async def test_a_face_stands_in_list_header_and_card_where_one_is_known(desk, read):
    face = "/api/v1/identities/i-tg-olena_m/avatar?v=1"
    assert face not in await read("/inbox/olena?tab=all")
    for shown in desk.cards.values():
        shown["avatar_url"] = face
    page = await read("/inbox/olena?tab=all")
    pictures = [line for line in page.splitlines() if f'<img src="{face}" alt=""' in line]
    assert sum('class="av hue-' in line for line in pictures) == len(pictures) > 2
    assert any("big" in line for line in pictures)
    assert "ОМ<img" in page


async def test_a_conversation_whose_channel_is_gone_is_still_readable(desk, read):
    desk.connected.clear()
    assert "Заберу тут" in await read("/inbox/olena")


async def test_one_who_administers_nothing_is_not_offered_settings(read):
    assert 'href="/settings"' in await read("/inbox")
    assert 'href="/settings"' not in await read("/inbox", As="ihor")


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_colours_are_drawn_right_at_once(read, theme):
    assert f'data-theme="{theme}"' in await read("/inbox", Cookie=f"skrynka_theme={theme}")
    assert 'data-theme="auto"' in await read("/inbox", Cookie='skrynka_theme="><script>')


def _fetched(page, beginning):
    """The address that begins so and that a part of the page fetches."""
    (found,) = re.findall(rf'hx-get="({beginning}[^"]+)"', page)
    return found.replace("&amp;", "&")


def _ways(page):
    """The channels that can be chosen in the composer: whether they can be chosen now, and what stands beside them."""
    ways = re.findall(
        r'<button class="item way" type="button" data-via="(\w+)"([^>]*)>.*?<small class="why">(.*?)</small>',
        page,
        re.DOTALL,
    )
    return {channel: (" disabled" not in attributes, why) for channel, attributes, why in ways}
