"""Groups of managers."""

from web.api import shapes


async def test_a_team_and_who_is_in_it(desk):
    created = (await desk.admin.call("POST", "/teams", {"name": "Returns"})).fits(shapes.TeamShape)
    assert (created.status, created.body["members"]) == (201, [])
    joined = await desk.admin.call("PATCH", f"/managers/{desk.manager.id}", {"teams": [created.body["id"]]})
    assert joined.body["teams"] == [created.body["id"]]
    teams = (await desk.manager.call("GET", "/teams")).fits(shapes.Page[shapes.TeamShape]).body["items"]
    assert [(team["name"], team["members"]) for team in teams] == [("Returns", [desk.manager.id])]


async def test_a_name_is_taken_whatever_its_case(desk):
    assert (await desk.admin.call("POST", "/teams", {"name": "Повернення"})).status == 201
    again = await desk.admin.call("POST", "/teams", {"name": "повернення"})
    assert (again.status, again.fields) == (409, ["name"])
