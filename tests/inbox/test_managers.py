"""The rules about managers that hold whoever asks."""

import pytest

from inbox.managers import Managers, NewManager, normalised_email
from inbox.model.errors import Conflict, Forbidden, Invalid, NotFound, Taken
from inbox.model.people import Role, Viewer
from inbox.storage.channels import ChannelStore
from inbox.storage.managers import ManagerStore
from inbox.storage.sessions import SessionStore
from inbox.storage.teams import TeamStore


class Told:
    """Somebody who is told what happens to managers."""

    def __init__(self) -> None:
        self.left: list[str] = []
        self.changed: list[dict[str, object]] = []

    async def hear_left(self, manager_id: str) -> None:
        self.left.append(manager_id)

    async def hear_changed(self, manager: dict[str, object]) -> None:
        self.changed.append(manager)


@pytest.fixture
def told():
    return Told()


@pytest.fixture
def managers(database, told):
    return Managers(
        ManagerStore(database),
        SessionStore(database),
        TeamStore(database),
        ChannelStore(database),
        on_deactivated=told.hear_left,
        on_changed=told.hear_changed,
    )


def somebody(email: str = "olena@shop.example", role: Role = Role.MANAGER) -> NewManager:
    return NewManager(email=email, name="Olena", password_hash="hash", role=role)


def viewer(manager) -> Viewer:
    return Viewer(id=manager["_id"], name=manager["name"], role=Role(manager["role"]))


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        (" Olena@Shop.Example ", "olena@shop.example"),
        ("o.l+e@xn--80ak6aa92e.com", "o.l+e@xn--80ak6aa92e.com"),
        ("олена@крамниця.укр", "олена@крамниця.укр"),
        ("root@localhost", "root@localhost"),
    ],
)
def test_an_address_has_one_form(written, kept):
    assert normalised_email(written) == kept


@pytest.mark.parametrize(
    "written",
    ["", "olena", "@shop.example", "olena@", "a b@c.d", "a@b@c.d", "a@b..c", "a@-b.c", "a@b.c\n.d", f"{'x' * 300}@b.c"],
)
def test_what_is_no_address_is_refused(written):
    with pytest.raises(Invalid, match="email"):
        normalised_email(written)


async def test_whoever_has_the_terminal_makes_the_first_owner(managers, told):
    owner = await managers.create(somebody(role=Role.OWNER), by=None)
    assert (owner["status"], owner["capacity"], owner["holding"], owner["ratio"]) == ("offline", 10, [], 0.0)
    assert told.changed[0]["_id"] == owner["_id"]
    assert "password_hash" not in told.changed[0]
    with pytest.raises(Taken, match="email"):
        await managers.create(somebody("OLENA@shop.example"), by=None)


async def test_owners_are_for_owners(managers):
    owner = viewer(await managers.create(somebody("owner@shop.example", Role.OWNER), by=None))
    admin = viewer(await managers.create(somebody("admin@shop.example", Role.ADMIN), by=owner))
    with pytest.raises(Forbidden):
        await managers.create(somebody("second@shop.example", Role.OWNER), by=admin)
    with pytest.raises(Forbidden):
        await managers.change(owner.id, {"capacity": 1}, by=admin)
    second = await managers.create(somebody("second@shop.example", Role.OWNER), by=owner)
    assert (await managers.change(second["_id"], {"active": False}, by=owner))["active"] is False
    with pytest.raises(Conflict, match="last active owner"):
        await managers.change(owner.id, {"role": "admin"}, by=owner)


async def test_who_leaves_is_offline_and_announced(managers, told):
    owner = viewer(await managers.create(somebody("owner@shop.example", Role.OWNER), by=None))
    leaver = await managers.create(somebody(), by=owner)
    left = await managers.change(leaver["_id"], {"active": False}, by=owner)
    assert (left["active"], left["status"]) == (False, "offline")
    assert told.left == [leaver["_id"]]
    await managers.change(leaver["_id"], {"name": "Halyna"}, by=owner)
    assert told.left == [leaver["_id"]], "once"


async def test_nobody_is_changed_who_is_not_there(managers):
    owner = viewer(await managers.create(somebody(role=Role.OWNER), by=None))
    with pytest.raises(NotFound):
        await managers.change("nobody", {"name": "X"}, by=owner)
    with pytest.raises(Invalid, match="teams"):
        await managers.change(owner.id, {"teams": ["nowhere"]}, by=owner)
