"""What routing goes by: a team's policy, else the shop's, else the defaults; whatever is stored."""

import pytest

from inbox.model.ids import now
from inbox.settings import ShopSettings
from inbox.storage.settings import SettingsStore
from inbox.storage.teams import TeamStore
from routing.policies import Policies
from routing.policy import Policy, RoutingSettings


@pytest.fixture
def settings(database):
    return ShopSettings(SettingsStore(database))


@pytest.fixture
def teams(database):
    return TeamStore(database)


@pytest.fixture
def policies(settings, teams):
    return Policies(settings, teams)


async def a_team(teams: TeamStore, name: str, **fields: object) -> str:
    await teams.insert({"_id": name, "name": name, "created_at": now(), **fields})
    return name


def stored(part: Policy | RoutingSettings) -> dict[str, object]:
    return part.model_dump(mode="json", by_alias=True)


async def test_nothing_set_is_the_defaults(policies):
    assert await policies.shop() == RoutingSettings()
    assert await policies.of(None) == Policy()
    assert await policies.of("unknown") == Policy()


async def test_a_team_goes_by_its_own_policy_as_a_whole_and_others_by_the_shops(policies, settings, teams):
    shop = RoutingSettings(policy=Policy(strategy="round_robin", warn_at=50), grace=30)
    await settings.change({"routing": stored(shop)})
    await a_team(teams, "sales", policy=stored(Policy(strategy="manual")))
    await a_team(teams, "repairs", policy=None)
    await a_team(teams, "older")
    assert await policies.shop() == shop
    assert await policies.of("sales") == Policy(strategy="manual")
    assert [await policies.of(team) for team in ("repairs", "older", None)] == [shop.policy] * 3


async def test_a_change_counts_at_once_where_it_was_made(policies, settings):
    assert (await policies.shop()).grace == 120
    await settings.change({"routing": stored(RoutingSettings(grace=60))})
    assert (await policies.shop()).grace == 120
    policies.forget()
    assert (await policies.shop()).grace == 60


async def test_what_another_version_wrote_is_as_good_as_not_set(policies, settings, teams):
    await settings.change({"routing": stored(RoutingSettings(policy=Policy(strategy="sticky")))})
    await a_team(teams, "sales", policy={**stored(Policy()), "strategy": "by_horoscope"})
    await a_team(teams, "repairs", policy=stored(Policy(strategy="manual")))
    assert (await policies.of("sales")).strategy == "sticky"
    assert (await policies.of("repairs")).strategy == "manual"
    await settings.change({"routing": {"moon": "full"}})
    policies.forget()
    assert await policies.shop() == RoutingSettings()
    assert (await policies.of("repairs")).strategy == "manual"


async def test_clocks_run_by_the_policys_hours_else_by_the_shops(policies, settings, teams):
    weekends = {"timezone": "Asia/Tbilisi", "open": [{"days": ["sat", "sun"], "from": "10:00", "to": "14:00"}]}
    await settings.change({"timezone": "Europe/Warsaw", "hours": {"open": []}})
    await a_team(teams, "sales", policy=stored(Policy(hours=weekends)))
    assert (await policies.hours("sales")).model_dump(mode="json", by_alias=True) == weekends
    assert (await policies.hours(None)).timezone == "Europe/Warsaw"
    assert (await policies.hours(None)).open == ()
