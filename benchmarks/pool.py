"""The least that customers of a team can wait in the mean, whatever schedule answers them.

Conversations belong to nobody, nobody's capacity ends, and whoever is free turns to the oldest message of the team. Of
those who leave in the middle of a reply, the pool lets the one with the most left to write go, whoever's shift it is.

*Claim.* No schedule waits less in the mean that

- does not know beforehand what a reply takes, whether it is the last of its conversation and when the customer writes
  again: each is drawn independently of all that came before, the end of a conversation with the same chance after every
  reply, so that nothing that a schedule can see tells one message from another;
- has each reply written from begin to end by one manager, who begins it while at work, all managers being equally fast.

*Why.* Under such a schedule it makes no difference to the law of a day when the draws are dealt out in the order in
which replies are begun (`Team.replies`). Dealt so, the k-th reply of the pool is begun no later than the k-th of the
schedule, for every k and on every single day. By induction over k: if all before were begun no later, they are done no
later, so the k-th message is there no later; and, sorted by when they are free, the pool's managers are free no later
than the schedule's. Whoever is free first takes the reply, which keeps that order, as does somebody who comes; who
leaves takes the last place of the pool's order, and some place of the schedule's (the ordering of Kiefer and Wolfowitz,
1955; on first come first served among schedules blind to durations: Daley, 1987; Foss and Chernova, 2001). So at any
moment at least as many conversations have ended in the pool: the sum of their lengths is no greater. Writing and
thinking take the same in both; the rest of that sum is waiting, for the same number of messages.
"""

import heapq
from bisect import insort
from collections import deque
from enum import IntEnum
from typing import NamedTuple

from benchmarks.day import Team


class Wait(NamedTuple):
    """From when to when a customer of the pool waits."""

    since: float
    until: float


class _Event(IntEnum):
    DONE = 0
    COMES = 1
    LEAVES = 2
    WRITES = 3


def least_waits(team: Team) -> list[Wait]:
    """The waits of a day in the pool, by when they end."""
    events = [(customer.writes_at, _Event.WRITES) for customer in team.customers]
    for duty in team.duties:
        for since, until in duty.spans:
            events += [(since, _Event.COMES), (until, _Event.LEAVES)]
    heapq.heapify(events)
    messages: deque[float] = deque()
    free = 0
    done_at: list[float] = []
    """When those at work will be done who write."""
    waits: list[Wait] = []
    while len(waits) < len(team.replies):
        now, event = heapq.heappop(events)
        if event is _Event.WRITES:
            messages.append(now)
        elif event is _Event.COMES:
            free += 1
        elif event is _Event.LEAVES and done_at:
            done_at.pop()
        elif event is _Event.LEAVES:
            free -= 1
        elif done_at and done_at[0] == now:
            del done_at[0]
            free += 1
        while free and messages:
            reply = team.replies[len(waits)]
            waits.append(Wait(messages.popleft(), now))
            free -= 1
            insort(done_at, now + reply.takes)
            heapq.heappush(events, (now + reply.takes, _Event.DONE))
            if reply.again_after is not None:
                heapq.heappush(events, (now + reply.takes + reply.again_after, _Event.WRITES))
            if len(waits) == len(team.replies):
                break
    return waits
