"""What became of each case, and the numbers that are added up from cases, hour by hour. Pure.

A *case* is one opening of a conversation: from the customer's message that opened it to the one that opens it anew. It
is read from the conversation, what happened in it and its messages as they are now, so whoever looks twice, late or in
another order reads the same. Case 0 is what was said before the customer ever wrote.

A case adds *shares* to the hours in which something of it happened: `{key, hour, manager_id, channel_id, team_id,
counts, spans}`, with whole numbers by name (`COUNTS`) and seconds by name (`SPANS`, one of a kind at the most). An
*hour* is the sum of all shares of one key: `{_id: key, hour, manager_id, channel_id, team_id, <count>: n, <span>:
{count, seconds, buckets}}`, only what is not nought. `docs/numbers.md` says what each number means.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from inbox.model.conversation import ConversationStatus
from inbox.model.ids import derived_id
from inbox.model.ratings import SATISFIED
from inbox.model.schedule import Schedule

Document = dict[str, Any]
Read = Mapping[str, Any]

COUNTS = ("opened", "returned", "late", "messages", "replies", "answered_by_bot", "rated", "satisfied", "points")
SPANS = ("wait", "reply", "reply_open", "resolution")

GROWTH = 1.05
"""By how much each bucket of durations is wider than the one before."""

SHARPNESS = math.sqrt(GROWTH) - 1
"""How far a percentile may be off, as a part of it: half a bucket."""

_PEOPLE = frozenset({"manager", "shop"})
_HOUR = timedelta(hours=1)


def cases_of(
    conversation: Read,
    happenings: Sequence[Read],
    messages: Sequence[Read],
    schedule: Schedule,
    known: Mapping[int, Read],
) -> list[Document]:
    """Every case that a conversation remembers, each as a row of `cases`.

    `happenings` and `messages` are all since the first of them. `schedule` says when the shop is open for it. `known`
    are its cases, by number, as they were read before: they tell what is forgotten elsewhere.
    """
    openings = _openings(conversation, messages)
    rows = []
    holder: str | None = None
    for number, opening in enumerate(openings):
        following = openings[number + 1] if number + 1 < len(openings) else None
        end = following["sort"] if following else None
        said = [row for row in messages if opening["sort"] <= row["sort"] and (end is None or row["sort"] < end)]
        happened = [row for row in happenings if _within(row, opening, following)]
        if holder is not None:
            happened.insert(0, {"kind": "assignment", "at": opening["at"], "assignee_id": holder})
        if opening["no"] or said:
            rows.append(_case(conversation, opening, happened, said, schedule, known, last=following is None))
        holder = _kept_by(happened)
    return rows


def _kept_by(happened: Sequence[Read]) -> str | None:
    """Who holds a conversation on when the customer's next message opens it: nobody, where it rested."""
    holder, rests = None, False
    for row in happened:
        if row["kind"] == "assignment":
            holder = row["assignee_id"]
        elif row["kind"] == "status":
            rests = row["status"] in (ConversationStatus.CLOSED, ConversationStatus.SNOOZED)
    return None if rests else holder


def _openings(conversation: Read, messages: Sequence[Read]) -> list[Document]:
    """The openings in their order, the time before the first one among them.

    Of a conversation from before they were remembered the last one is known.
    """
    begun = [dict(opening) for opening in conversation.get("begun", ())]
    if not begun and conversation["openings"]:
        first = next((row["sort"] for row in messages if row["_id"] == conversation["opened_by"]), "")
        told = {"no": conversation["openings"], "at": conversation["opened_at"]}
        begun = [{**told, "sort": first, "channel_id": conversation["channel_id"]}]
    if not begun or begun[0]["no"] == 1:
        before = {"no": 0, "at": conversation["created_at"], "sort": "", "channel_id": conversation["channel_id"]}
        begun.insert(0, before)
    return begun


def _within(happening: Read, opening: Read, following: Read | None) -> bool:
    if "case" in happening:
        return bool(happening["case"] == opening["no"])
    at = happening["at"]
    return bool(opening["at"] <= at and (following is None or at < following["at"]))


def _case(
    conversation: Read,
    opening: Read,
    happened: Sequence[Read],
    said: Sequence[Read],
    schedule: Schedule,
    known: Mapping[int, Read],
    *,
    last: bool,
) -> Document:
    earlier = known.get(opening["no"], {})
    row: Document = {
        "_id": derived_id("case", conversation["_id"], str(opening["no"])),
        "conversation_id": conversation["_id"],
        "no": opening["no"],
        "channel_id": opening["channel_id"],
        "opened_at": opening["at"],
        "late_at": earlier.get("late_at"),
        **_held(conversation, happened, earlier, last=last),
        **_answered(opening, said),
        "rating": _rated(conversation, opening["no"]),
        "messages": sum(message["direction"] == "in" for message in said),
    }
    if not opening["no"]:
        # Nobody wrote yet, so no team was asked, whichever the conversation comes to later.
        row["team_id"] = None
    if last and row["late_at"] is None:
        row["late_at"] = (conversation.get("clock") or {}).get("breached_at")
    return {**row, "shares": _shares(row, said, schedule)}


def _held(conversation: Read, happened: Sequence[Read], known: Read, *, last: bool) -> Document:
    """Who held a case, since when somebody did, of which team it was, and when who closed it.

    Of the last case the conversation tells itself: what happened is noted a moment later, and by a crash never. Where
    it is missing of an earlier case, that one stays as it was known.
    """
    taken = [row for row in happened if row["kind"] == "assignment" and row["assignee_id"] is not None]
    moves = [row for row in happened if row["kind"] == "status"]
    holders = [(row["at"], row["assignee_id"]) for row in taken]
    if last and conversation["assignee_id"] is not None and conversation["assignment"] is not None:
        holders.append((conversation["assignment"]["at"], conversation["assignee_id"]))
    told: Document = {}
    if holders:
        told |= {"manager_id": max(holders)[1], "assigned_at": min(holders)[0]}
    if last:
        told |= {"closed_at": conversation["closed_at"], "team_id": conversation["team_id"]}
    elif moves:
        closed = moves[-1]["status"] == ConversationStatus.CLOSED
        told |= {"closed_at": moves[-1]["at"] if closed else None, "team_id": moves[-1].get("team_id")}
    nothing = {"manager_id": None, "assigned_at": None, "closed_at": None, "team_id": conversation["team_id"]}
    return {field: told[field] if field in told else known.get(field, nothing[field]) for field in nothing}


def _answered(opening: Read, said: Sequence[Read]) -> Document:
    """When a person answered first, and who; how many replies there were."""
    replies = [row for row in said if row["direction"] == "out" and row["author"]["type"] in _PEOPLE]
    first = min(replies, key=lambda row: (row["created_at"], row["_id"]), default=None)
    if first is None or not opening["no"]:
        return {"first_reply_at": None, "first_reply_by": None, "replies": len(replies)}
    return {
        "first_reply_at": max(first["created_at"], opening["at"]),
        "first_reply_by": first["author"]["id"],
        "replies": len(replies),
    }


def _rated(conversation: Read, no: int) -> Document | None:
    """What the customer said of this case: `{score, at}`."""
    told = next((rating for rating in conversation.get("ratings") or () if rating["no"] == no), None)
    return {"score": told["score"], "at": told["at"]} if told is not None else None


def _shares(case: Read, said: Sequence[Read], schedule: Schedule) -> list[Document]:
    """What a case adds to which hours."""
    counts: dict[tuple[datetime, str | None, str], Counter[str]] = defaultdict(Counter)
    spans: dict[tuple[datetime, str | None, str], Document] = defaultdict(dict)
    channel, holder = case["channel_id"], case["manager_id"]
    for message in said:
        hour, via = _hour_of(message["created_at"]), message["channel_id"]
        if message["direction"] == "in":
            counts[hour, holder, via]["messages"] += 1
        elif message["direction"] == "out" and message["author"]["type"] in _PEOPLE:
            counts[hour, message["author"]["id"], via]["replies"] += 1
        elif "answers" in message:
            counts[hour, holder, via]["answered_by_bot"] += 1
    if case["no"]:
        opened = case["opened_at"]
        counts[_hour_of(opened), holder, channel]["opened"] += 1
        if case["no"] > 1:
            counts[_hour_of(opened), holder, channel]["returned"] += 1
        if case["late_at"] is not None:
            counts[_hour_of(case["late_at"]), holder, channel]["late"] += 1
        if case["rating"] is not None:
            score = case["rating"]["score"]
            said_of = counts[_hour_of(case["rating"]["at"]), holder, channel]
            said_of.update(rated=1, points=score, satisfied=int(score >= SATISFIED))
        if case["assigned_at"] is not None:
            place = (_hour_of(case["assigned_at"]), holder, channel)
            spans[place]["wait"] = _seconds(case["assigned_at"] - opened)
        if case["first_reply_at"] is not None:
            place = (_hour_of(case["first_reply_at"]), case["first_reply_by"], channel)
            spans[place]["reply"] = _seconds(case["first_reply_at"] - opened)
            spans[place]["reply_open"] = _seconds(schedule.open_between(opened, case["first_reply_at"]))
        if case["closed_at"] is not None:
            spans[_hour_of(case["closed_at"]), holder, channel]["resolution"] = _seconds(case["closed_at"] - opened)
    return [
        {
            "key": _key(hour, manager_id, channel_id, case["team_id"]),
            "hour": hour,
            "manager_id": manager_id,
            "channel_id": channel_id,
            "team_id": case["team_id"],
            "counts": dict(counts.get((hour, manager_id, channel_id), {})),
            "spans": spans.get((hour, manager_id, channel_id), {}),
        }
        for hour, manager_id, channel_id in sorted({*counts, *spans}, key=str)
    ]


def _hour_of(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _key(hour: datetime, *place: str | None) -> str:
    return ":".join([f"{hour:%Y-%m-%dT%H}", *(part or "" for part in place)])


def _seconds(span: timedelta) -> float:
    return max(span.total_seconds(), 0.0)


def changed_keys(before: Iterable[Read], after: Iterable[Read]) -> list[str]:
    """The keys of hours whose sums differ where these shares of a case became those."""
    earlier, later = ({share["key"]: share for share in shares} for shares in (before, after))
    return sorted(key for key in {*earlier, *later} if earlier.get(key) != later.get(key))


def summed(shares: Iterable[Read]) -> dict[str, Document]:
    """The hours that shares add up to, by key, whatever the order of the shares."""
    hours: dict[str, Document] = {}
    spans: dict[tuple[str, str], list[float]] = defaultdict(list)
    for share in shares:
        place = {field: share[field] for field in ("hour", "manager_id", "channel_id", "team_id")}
        hour = hours.setdefault(share["key"], {"_id": share["key"], **place})
        for name, count in share["counts"].items():
            hour[name] = hour.get(name, 0) + count
        for name, seconds in share["spans"].items():
            spans[share["key"], name].append(seconds)
    for (key, name), seconds in spans.items():
        buckets = Counter(str(bucket_of(one)) for one in seconds)
        hours[key][name] = {"count": len(seconds), "seconds": math.fsum(seconds), "buckets": dict(buckets)}
    return hours


def bucket_of(seconds: float) -> int:
    """Which bucket of durations a number of seconds falls into; 0 is less than one second."""
    return 0 if seconds < 1 else 1 + math.floor(math.log(seconds, GROWTH))


def percentile(buckets: Mapping[str, int], part: float) -> float | None:
    """The duration in seconds that this part (0 to 1) of durations do not exceed, off by `SHARPNESS` at the most.

    Below a second it is 0. None where there are none.
    """
    rank = math.ceil(part * sum(buckets.values()))
    passed = 0
    for bucket in sorted(map(int, buckets)):
        passed += buckets[str(bucket)]
        if passed >= rank:
            return 0.0 if bucket == 0 else GROWTH ** (bucket - 0.5)
    return None
