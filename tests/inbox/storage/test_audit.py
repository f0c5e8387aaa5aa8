"""The audit as it is kept: newest first, entries of one millisecond included."""

from inbox.model.ids import new_id, now
from inbox.storage.audit import AuditQuery, AuditStore


async def test_pages_neither_repeat_nor_lose_entries_of_one_moment(database):
    store, at = AuditStore(database), now()
    keys = [new_id() for _ in range(7)]
    for key in keys:
        await store.add({"_id": key, "at": at, "actor": {"id": "olena"}, "action": "team.create", "object_id": "t"})
    seen, after = [], None
    while rows := await store.page(AuditQuery(after=after, limit=2)):
        seen += [row["_id"] for row in rows]
        after = (rows[-1]["at"], rows[-1]["_id"])
    assert seen == sorted(keys, reverse=True)


async def test_entries_are_found_by_who_what_and_object(database):
    store = AuditStore(database)
    for actor, action, thing in (("olena", "team.create", "t"), ("taras", "team.create", "u"), ("taras", "x", "t")):
        await store.add({"_id": new_id(), "at": now(), "actor": {"id": actor}, "action": action, "object_id": thing})
    for query, count in (
        (AuditQuery(actor_id="taras"), 2),
        (AuditQuery(action="team.create"), 2),
        (AuditQuery(object_id="t", actor_id="olena"), 1),
    ):
        assert len(await store.page(query)) == count
