"""Every write leaves a trace that tells no secrets."""

from tests.web.api.desk import PASSWORD
from web.api import shapes

NEW = {"email": "olha@shop.example", "name": "Olha", "password": "battery staple", "role": "manager"}


async def entries(desk, query=""):
    return (await desk.admin.call("GET", f"/audit{query}")).fits(shapes.Page[shapes.AuditShape]).body["items"]


async def test_who_what_object_when_address_and_which_fields(desk):
    created = (await desk.owner.call("POST", "/managers", NEW)).body
    (entry,) = await entries(desk, "?action=manager.create")
    assert entry["actor"] == {"id": desk.owner.id, "name": "Owner", "role": "owner"}
    assert entry["object_id"] == created["id"]
    assert entry["address"] == "127.0.0.1"
    assert entry["at"].endswith("Z")
    assert entry["changed"] == {"email": None, "name": "Olha", "password": None, "role": "manager"}


async def test_the_newest_comes_first_page_by_page(desk):
    names = [f"Team {number}" for number in range(5)]
    for name in names:
        await desk.owner.call("POST", "/teams", {"name": name})
    seen, cursor = [], ""
    while True:
        page = await desk.admin.get(f"/audit?action=team.create&limit=2{cursor}")
        seen += [row["changed"]["name"] for row in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == names[::-1]


async def test_what_was_refused_is_not_told_as_done(desk):
    await desk.owner.call("PATCH", f"/managers/{desk.owner.id}", {"active": False})
    await desk.manager.call("POST", "/teams", {"name": "Mine"})
    assert await entries(desk, f"?object_id={desk.owner.id}") == []
    assert await entries(desk, f"?actor_id={desk.manager.id}") == []


async def test_a_sign_in_is_told_of_whoever_signed_in(desk):
    await desk.anonymous.call("POST", "/sessions", {"email": "owner@shop.example", "password": PASSWORD})
    (entry,) = await entries(desk, "?action=session.open")
    assert entry["actor"] == {"id": desk.owner.id, "name": "Owner", "role": "owner"}
