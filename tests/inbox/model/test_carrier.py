from datetime import UTC, datetime, timedelta

import pytest

from inbox.model.carrier import GIVE_UP, STATUS_MAP, Stage, next_look, wanted_status

AT = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


def parcel(stage: Stage, *, still: timedelta = timedelta(), final: bool = False) -> dict[str, object]:
    return {"stage": stage.value, "changed_at": AT - still, "final": final}


def pause(stage: Stage, *, still: timedelta = timedelta()) -> timedelta:
    following = next_look(parcel(stage, still=still), AT, chance=0.5)
    assert following is not None
    return following - AT


def test_what_moves_is_looked_at_sooner_and_what_lies_still_later():
    moved = pause(Stage.MOVING)
    still = pause(Stage.MOVING, still=timedelta(hours=5))
    old = pause(Stage.MOVING, still=timedelta(days=8))
    assert moved < still < old
    assert pause(Stage.CREATED) > still


def test_the_last_word_of_a_carrier_is_the_last_look_and_so_are_weeks_of_silence():
    assert next_look(parcel(Stage.DELIVERED, final=True), AT, chance=0.5) is None
    assert next_look(parcel(Stage.CREATED, still=GIVE_UP), AT, chance=0.5) is None
    assert next_look(parcel(Stage.CREATED, still=GIVE_UP - timedelta(hours=1)), AT, chance=0.5) is not None


def test_chance_keeps_parcels_out_of_step():
    soonest = next_look(parcel(Stage.ARRIVED), AT, chance=0.0)
    latest = next_look(parcel(Stage.ARRIVED), AT, chance=1.0)
    assert soonest is not None
    assert latest is not None
    assert timedelta(minutes=30) < latest - soonest < timedelta(hours=1)


@pytest.mark.parametrize(
    ("stage", "status"),
    [
        (Stage.UNKNOWN, None),
        (Stage.CREATED, None),
        (Stage.MOVING, "shipped"),
        (Stage.ARRIVED, "shipped"),
        (Stage.DELIVERED, "delivered"),
        (Stage.RETURNED, "returned"),
        (Stage.CANCELLED, None),
    ],
)
def test_a_stage_without_a_status_of_its_own_has_that_of_the_way_so_far(stage, status):
    assert wanted_status(stage, STATUS_MAP) == status


def test_an_own_map_decides_and_an_emptied_entry_moves_nothing():
    assert wanted_status(Stage.ARRIVED, {**STATUS_MAP, "arrived": "at_branch"}) == "at_branch"
    assert wanted_status(Stage.DELIVERED, {**STATUS_MAP, "delivered": ""}) is None
