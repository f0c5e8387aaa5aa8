"""What customers were told of their orders, who wants none of it, and on which channels it goes first."""

from tests.inbox.customers import ANN, channel, customer, notices_said, order
from web.api.notices import NoticeList
from web.api.shapes import CustomerShape, SettingsShape


async def test_a_manager_lifts_that_a_customer_wants_nothing_automatic(desk):
    customer_id = (await desk.admin.call("POST", "/customers", {"name": "Ann"})).body["id"]
    path = f"/customers/{customer_id}"
    assert (await desk.admin.get(path))["opted_out"] is False
    out = await desk.manager.call("PATCH", path, {"opted_out": True})
    assert out.fits(CustomerShape).body["opted_out"] is True
    lifted = await desk.manager.call("PATCH", path, {"opted_out": False})
    assert lifted.fits(CustomerShape).body["opted_out"] is False
    refused = await desk.manager.call("PATCH", path, {"opted_out": "no"})
    assert (refused.status, "opted_out" in refused.fields) == (422, True)


async def test_an_orders_notices_say_where_they_went_and_what_was_passed_over(desk):
    house = desk.house
    telegram, viber = await channel(house), await channel(house, "viber")
    oksana = await customer(house, telegram, viber)
    await house.database.durable.identities.update_one(
        {"channel_id": telegram}, {"$set": {"reachable": False, "reachable_reason": "blocked"}}
    )
    order_id = await order(house, oksana)
    await house.orders.set_status(order_id, "confirmed", ANN)
    await house.notices.work_off()
    (notice,) = (await desk.manager.call("GET", f"/notices?order={order_id}")).fits(NoticeList).body["items"]
    assert (notice["state"], notice["status"]) == ("posted", "confirmed")
    (passed,) = notice["passed_over"]
    assert (passed["channel_id"], passed["name"]) == (telegram, "Our telegram")
    message = (await desk.owner.get(f"/conversations/{notice['conversation_id']}/messages"))["items"][0]
    assert message["notice"] == {
        "order_id": order_id,
        "number": "1001",
        "status": "confirmed",
        "passed_over": [passed],
        "handed_on": False,
    }
    assert (await desk.manager.call("GET", "/notices")).fields == ["order"]
    assert (await desk.anonymous.call("GET", f"/notices?order={order_id}")).status == 401


async def test_a_customer_can_be_left_alone(desk):
    key = await customer(desk.house)
    path = f"/customers/{key}"
    assert (await desk.manager.get(path))["notices"] is True
    changed = (await desk.manager.call("PATCH", path, {"notices": False})).fits(CustomerShape)
    assert (changed.status, changed.body["notices"]) == (200, False)
    assert (await desk.manager.call("PATCH", path, {"notices": "no"})).fields == ["notices"]
    assert (await desk.manager.get(path))["notices"] is False


async def test_the_shop_sets_the_order_of_its_channels(desk):
    changed = await desk.admin.call("PATCH", "/settings", {"notice_channels": ["b", "a", "b"]})
    assert changed.fits(SettingsShape).body["notice_channels"] == ["b", "a"]
    assert (await desk.manager.call("PATCH", "/settings", {"notice_channels": []})).status == 403


async def test_who_wanted_no_notices_wants_none_on_the_card_that_stays(desk):
    survivor, loser = await customer(desk.house), await customer(desk.house, notices=False)
    merged = await desk.manager.call("POST", f"/customers/{survivor}/merge", {"other_id": loser})
    assert merged.status == 200, merged
    assert (await desk.manager.get(f"/customers/{survivor}"))["notices"] is False


async def test_what_another_channel_took_over_is_not_sent_again(desk):
    house = desk.house
    telegram, viber = await channel(house), await channel(house, "viber")
    oksana = await customer(house, telegram, viber)
    order_id = await order(house, oksana)
    await house.orders.set_status(order_id, "confirmed", ANN)
    await house.notices.work_off()
    (first,) = await notices_said(house)
    for row in await house.outbox_store.of_message(first["_id"]):
        await house.outbox_store.move(row, "failed", among={}, error="blocked")
    await house.notices.work_off()
    refused = await desk.owner.call("POST", f"/messages/{first['_id']}/retry")
    assert (refused.status, "another channel" in refused.body["detail"]) == (409, True)
