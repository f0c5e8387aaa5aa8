"""The list of customers, and the page of one of them."""

import re

import pytest

from tests.web.pages.shop import ago, customer, identity


async def test_customers_stand_with_their_channels_tags_and_when_they_wrote_last(desk, read):
    page = await read("/customers")
    assert '<a class="go" href="/customers" aria-current="page"' in page
    row = page.partition('href="/customers/olena-card"')[2].partition("</li>")[0]
    assert "Олена Мельник" in row
    assert "+380671234567" in row
    assert "постійна" in row
    assert row.count('class="ch kind-') == 3
    assert "<time" in row


async def test_a_row_says_what_they_bought(desk, read):
    sums = [{"currency": "UAH", "total": "1299.50"}, {"currency": "EUR", "total": "10.00"}]
    desk.cards = {"ann": customer("ann", "Ann", order_count=3, order_sums=sums), "bo": customer("bo", "Bo")}
    page = await read("/customers")
    assert "3 orders" in page
    assert "1 299.50 ₴ + 10.00 €" in page
    assert page.count("orders</b>") == 1


async def test_who_has_no_channel_never_wrote(desk, read):
    desk.cards = {"new": customer("new", "Нова", last_contact_at=None)}
    assert "never wrote" in await read("/customers")


async def test_what_was_said_last_where_one_may_not_see_is_not_told(desk, read):
    desk.cards = {"viktor": desk.cards["viktor"]}
    desk.cases_list = [row for row in desk.cases_list if row["id"] == "returns-case"]
    assert "<time" in await read("/customers")
    hidden = await read("/customers", As="ihor")
    assert "<time" not in hidden
    assert "never wrote" not in hidden


async def test_words_narrow_the_list_and_nothing_found_is_said(read):
    found = await read("/fragments/customers?q=мельник")
    assert "olena-card" in found
    assert "viktor" not in found
    assert "<html" not in found
    assert "Nobody found for “xyzzy”" in await read("/customers?q=xyzzy")


async def test_a_shop_without_customers_is_told_how_they_come(desk, read):
    desk.cards = {}
    assert "Nobody is known yet" in await read("/customers")


async def test_the_list_goes_on_where_it_ended(desk, read):
    desk.cards = {f"c{number}": customer(f"c{number}", f"Customer {number}") for number in range(50)}
    first = await read("/customers?q=customer")
    (following,) = re.findall(r'hx-get="(/fragments/customers/rows[^"]*)"', first)
    more = await read(following.replace("&amp;", "&"))
    shown = [re.findall(r'href="/customers/(\w+)"', page) for page in (first, more)]
    assert shown == [[f"c{number}" for number in range(40)], [f"c{number}" for number in range(40, 50)]]
    assert "more-rows" not in more


async def test_a_customers_page_shows_the_card_and_their_conversations(read):
    page = await read("/customers/olena-card")
    assert '<h1><span class="cut">Олена Мельник</span></h1>' in page
    assert 'hx-get="/fragments/customers/olena-card/card"' in page
    assert 'href="/inbox/olena?tab=all"' in page
    assert 'href="/inbox/olena-old?tab=all"' in page
    assert "<h3>This conversation</h3>" not in page
    assert "&#34;conversation_id&#34;: null" in page or '"conversation_id": null' in page


async def test_conversations_of_others_are_not_shown(read):
    seen = await read("/customers/viktor")
    assert "/inbox/returns-case" in seen
    hidden = await read("/customers/viktor", As="ihor")
    assert "/inbox/returns-case" not in hidden
    assert "/inbox/returns-case" not in await read("/fragments/customers/viktor/cases", As="ihor")


async def test_a_channel_that_cannot_be_written_to_says_why(desk, read):
    both = identity("tg", "telegram", "ann", reachable=False), identity("vb", "viber", "Ann")
    desk.cards["ann"] = customer("ann", "Ann", *both)
    options = re.findall(r"<option.*?</option>", await read("/fragments/customers/ann/write"))
    assert [("disabled" in option) for option in options] == [False, True]
    assert "they blocked us there" in options[1]
    closed = identity("ig", "instagram", "ann", window_until=ago(hours=1), person_window_until=ago(hours=1))
    desk.cards["ann"] = customer("ann", "Ann", closed)
    page = await read("/customers/ann")
    assert "Nowhere can they be written to now" in page
    assert "they must write first" in page


async def test_who_never_wrote_can_not_be_written_to(desk, read):
    desk.cards["new"] = customer("new", "Нова", last_contact_at=None)
    page = await read("/customers/new")
    assert "They have not written to any of your channels yet" in page
    assert 'data-form="POST /api/v1/conversations"' not in page


async def test_who_was_merged_into_another_is_shown_there(desk, client):
    desk.merged["earlier"] = "olena-card"
    async with client.get("/customers/earlier", allow_redirects=False) as answer:
        assert answer.status == 303
        assert answer.headers["Location"] == "/customers/olena-card"


async def test_any_other_card_can_be_chosen_as_the_same_person(read):
    assert "data-api" not in await read("/fragments/customers/olena-card/others")
    found = await read("/fragments/customers/olena-card/others?q=а")
    assert "POST /api/v1/customers/olena-card/merge" in found
    assert "viktor" in found
    assert '"other_id": "olena-card"' not in found
    assert "Nobody else found" in await read("/fragments/customers/olena-card/others?q=мельник")


@pytest.mark.parametrize("part", ["card", "cases", "write", "others?q=x"])
async def test_who_is_not_there_is_not_shown(read, part):
    await read("/customers/nobody", status=404)
    await read(f"/fragments/customers/nobody/{part}", status=404)


async def test_the_card_can_be_fetched_again(read):
    card = await read("/fragments/customers/olena-card/card")
    assert 'id="card"' in card
    assert "<html" not in card


async def test_the_card_beside_a_thread_leads_to_the_page_that_does_not_lead_to_itself(read):
    assert 'href="/customers/olena-card"' in await read("/inbox/olena")
    assert 'href="/customers/olena-card"' not in await read("/customers/olena-card")
