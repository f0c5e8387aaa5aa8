"""What pages read of a real house."""

from channels.registry import KINDS
from inbox.managers import NewManager
from inbox.model.people import Role, Viewer
from web.app import services_of
from web.doors.passwords import Passwords
from web.pages.reads import EVERYBODY, ServiceDesk

OWNER = Viewer(id="owner", name="Owner", role=Role.OWNER)


async def test_screens_on_which_people_are_chosen_list_everybody(house):
    for place in range(EVERYBODY + 5):
        joining = NewManager(email=f"m{place}@shop.example", name=f"M{place}", password_hash="")
        await house.managers.create(joining, by=None)
    desk = ServiceDesk(services_of(house, Passwords()), KINDS)
    assert len(await desk.managers(OWNER)) == EVERYBODY
    everybody = await desk.everybody(OWNER)
    assert len({manager["id"] for manager in everybody}) == EVERYBODY + 5
