"""What colleagues should know of a customer."""

from tests.web.api.desk import written
from web.api.customer_notes import NoteShape
from web.api.shapes import Page


async def test_notes_are_taken_pinned_changed_and_forgotten(desk):
    customer = (await desk.manager.call("POST", "/customers", {"name": "Iryna"})).body["id"]
    notes = f"/customers/{customer}/notes"
    taken = (await desk.manager.call("POST", notes, {"text": " Calls only after six "})).fits(NoteShape)
    assert (taken.status, taken.body["text"], taken.body["pinned"]) == (201, "Calls only after six", False)
    assert taken.body["author"]["id"] == desk.manager.id
    await desk.owner.call("POST", notes, {"text": "Second"})

    listed = (await desk.manager.call("GET", notes, params={"limit": 1})).fits(Page[NoteShape]).body
    assert [note["text"] for note in listed["items"]] == ["Second"]
    rest = (await desk.manager.call("GET", notes, params={"cursor": listed["next_cursor"]})).body
    assert [note["text"] for note in rest["items"]] == ["Calls only after six"]

    path = f"{notes}/{taken.body['id']}"
    changed = (await desk.manager.call("PATCH", path, {"text": "Writes, never calls", "pinned": True})).fits(NoteShape)
    assert (changed.body["text"], changed.body["pinned"]) == ("Writes, never calls", True)
    assert changed.body["edited_at"] is not None
    assert (await desk.manager.call("DELETE", path)).status == 204
    assert (await desk.manager.call("DELETE", path)).status == 404


async def test_another_ones_note_is_pinned_but_not_rewritten(desk):
    customer = (await desk.owner.call("POST", "/customers", {"name": "Iryna"})).body["id"]
    note = (await desk.owner.call("POST", f"/customers/{customer}/notes", {"text": "x"})).body["id"]
    path = f"/customers/{customer}/notes/{note}"
    assert (await desk.manager.call("PATCH", path, {"pinned": True})).status == 200
    assert (await desk.manager.call("PATCH", path, {"text": "y"})).status == 403
    assert (await desk.manager.call("DELETE", path)).status == 403
    assert (await desk.admin.call("DELETE", path)).status == 204


async def test_a_note_is_found_only_on_its_card(desk, database):
    customers = [(await written(database))["customer_id"] for _ in range(2)]
    note = (await desk.owner.call("POST", f"/customers/{customers[0]}/notes", {"text": "x"})).body["id"]
    assert (await desk.owner.call("PATCH", f"/customers/{customers[1]}/notes/{note}", {"text": "y"})).status == 404
    assert (await desk.owner.call("GET", "/customers/nobody/notes")).status == 404
    assert (await desk.owner.call("POST", "/customers/nobody/notes", {"text": "x"})).status == 404
    empty = await desk.owner.call("POST", f"/customers/{customers[0]}/notes", {"text": "  "})
    assert (empty.status, empty.fields) == (422, ["text"])


async def test_notes_follow_a_merge_and_go_back_with_its_undo(desk, database):
    stays, goes = [(await written(database))["customer_id"] for _ in range(2)]
    note = (await desk.owner.call("POST", f"/customers/{goes}/notes", {"text": "theirs"})).body
    await desk.owner.call("POST", f"/customers/{stays}/merge", {"other_id": goes})
    assert [row["id"] for row in (await desk.owner.get(f"/customers/{stays}/notes"))["items"]] == [note["id"]]
    (merge,) = (await desk.owner.get(f"/customers/{stays}/merges"))["items"]
    await desk.owner.call("POST", f"/customers/{stays}/merges/{merge['id']}/undo")
    assert [row["id"] for row in (await desk.owner.get(f"/customers/{goes}/notes"))["items"]] == [note["id"]]
    assert (await desk.owner.get(f"/customers/{stays}/notes"))["items"] == []
