"""Who may take what is said for the claim, for the queue and in Python: all three say the same."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inbox.model.conversation import new_conversation
from inbox.model.eligibility import LASTING, Wanted, hindrance, is_available
from inbox.storage.queue import Gift, QueueStore, Reach
from inbox.storage.workloads import WorkloadStore
from routing.strategies import order

START = datetime(2026, 11, 1, tzinfo=UTC)
LANGUAGES = ("uk", "en")


def some_of(*values: str) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(values), unique=True, max_size=2)


managers = st.fixed_dictionaries(
    {
        "teams": some_of("a", "b"),
        "languages": some_of(*LANGUAGES),
        "status": st.sampled_from(["online", "online", "online", "busy", "away", "offline"]),
        "holding": st.sampled_from([[], [], ["x"], ["x", "y"]]),
    },
    optional={"channels": some_of("c1", "c2"), "gone": st.booleans(), "off_shift": st.booleans()},
)
wishes = st.builds(
    Wanted,
    team_id=st.sampled_from([None, "a", "b"]),
    language=st.sampled_from(["", *LANGUAGES]),
    channel_id=st.sampled_from(["c1", "c2"]),
    but=st.sampled_from([None, None, "mary", "olena"]),
)


@settings(
    max_examples=80,
    deadline=None,  # A shared machine pauses as it likes.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(fields=managers, wanted=wishes, waits=st.booleans())
async def test_claim_queue_and_words_agree(database, fields: dict[str, Any], wanted: Wanted, waits: bool):
    await database.relaxed.managers.delete_many({})
    await database.relaxed.conversations.delete_many({})
    ratio = len(fields["holding"]) / 2
    manager = {"_id": "mary", "active": True, "capacity": 2, "ratio": ratio, "pressure": 0.0, **fields}
    await database.relaxed.managers.insert_one(manager)
    hindered = hindrance(manager, wanted)
    assert is_available(manager) == _passes(manager)

    row = {
        **new_conversation("k", customer_id="u", channel_id=wanted.channel_id, at=START),
        "waiting_since": START if waits else None,
        "team_id": wanted.team_id,
        "given_up_by": wanted.but,
        "wants": {"language": wanted.language, "last_manager_id": None},
    }
    await database.relaxed.conversations.insert_one(row)
    reach = Reach(
        teams=(None, *manager["teams"]),
        unserved=tuple(set(LANGUAGES) - set(manager["languages"])) if manager["languages"] else (),
        channels=tuple(manager["channels"]) if manager.get("channels") else None,
        manager_ids=("mary",),
    )
    queue = QueueStore(database)
    assert bool(await queue.page(reach, 1, somebody_waits=waits)) == (hindered not in LASTING)
    assert await queue.page(reach, 1, somebody_waits=not waits) == []
    first = await queue.give_first(Gift(row, manager, {"assignee_id": "mary"}, ""), reach)
    assert (first is not None) == (hindered not in LASTING | {"gave_it_up"})

    claimed = await WorkloadStore(database).claim("k", wanted, order("balanced"))
    assert (claimed is not None) == (hindered is None)


def _passes(manager: dict[str, Any]) -> bool:
    """Whether somebody could take something that asks for nothing."""
    anything = Wanted(channel_id=(manager.get("channels") or [""])[0])
    return hindrance(manager, anything) is None
