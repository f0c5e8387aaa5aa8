"""What rules told other systems, as admins see it."""

from inbox.storage.webhook_calls import WebhookCallStore
from web.api.rule_calls import RuleCallShape
from web.api.shapes import Page


async def test_admins_see_what_a_rule_told_and_whether_it_was_taken(desk, database):
    store = WebhookCallStore(database)
    for number, rule_id in enumerate(("a", "b", "a")):
        call = {"_id": str(number), "rule_id": rule_id, "customer_id": "c", "url": "https://shop.example/told"}
        await store.add({**call, "secret": "not for the list", "body": "{}"})
    await store.note("0", state="done", status=204, error="")
    await store.note("2", state="waiting", status=503, error="the other side answered HTTP 503")
    listed = (await desk.admin.call("GET", "/rules/a/calls")).fits(Page[RuleCallShape]).body["items"]
    assert [(call["id"], call["state"], call["status"], call["attempts"]) for call in listed] == [
        ("2", "waiting", 503, 1),
        ("0", "done", 204, 1),
    ]
    assert "not for the list" not in str(listed)
    first = (await desk.admin.call("GET", "/rules/a/calls?limit=1")).body
    second = (await desk.admin.call("GET", f"/rules/a/calls?limit=1&cursor={first['next_cursor']}")).body
    assert [call["id"] for call in (*first["items"], *second["items"])] == ["2", "0"]
    assert (await desk.manager.call("GET", "/rules/a/calls")).status == 403
