"""Who answers, and by when: managers get conversations, the queue is kept in order, and deadlines are watched."""

from channels.registry import KINDS
from routing.assignment import Assigner
from routing.clocks import Clocks
from routing.handing_over import HandingOver
from routing.presence import Presence
from routing.priorities import Priorities
from routing.relief import Relief
from routing.setup import RoutingSetup
from routing.shifts import ShiftChanges
from web.house.basics import Basics
from web.house.desk import Desk
from web.house.flow import Flow
from web.house.stores import Stores


class Routing:
    def __init__(self, stores: Stores, basics: Basics, flow: Flow, desk: Desk) -> None:
        self.assigner = Assigner(
            workloads=stores.workloads,
            queue=stores.queue,
            roles=stores.roles,
            conversations=stores.conversations,
            people=stores.people,
            channels=basics.channels,
            policies=stores.policies,
            settings=stores.settings,
            timers=stores.timers,
            feed=basics.feed,
            bus=basics.bus,
            metrics=basics.metrics,
        )
        self.presence = Presence(stores.presence, stores.policies, on_changed=self.assigner.availability_changed)
        self.shifts = ShiftChanges(
            store=stores.shifts,
            settings=stores.settings,
            timers=stores.timers,
            on_changed=self.assigner.availability_changed,
        )
        self.relief = Relief(
            store=stores.absences,
            assigner=self.assigner,
            policies=stores.policies,
            timers=stores.timers,
            wakeups=basics.wakeups,
        )
        self.handing_over = HandingOver(
            assigner=self.assigner,
            conversations=stores.conversations,
            replies=flow.replies,
            managers=stores.managers,
            teams=stores.teams,
        )
        self.clocks = Clocks(
            winder=stores.winder,
            conversations=stores.conversations,
            waiting=stores.waiting,
            people=stores.people,
            managers=stores.managers,
            tasks=desk.tasks,
            replies=flow.replies,
            relieve=self.assigner.relieve,
            feed=basics.feed,
            bus=basics.bus,
        )
        self.priorities = Priorities(
            policies=stores.policies,
            store=stores.waiting,
            conversations=stores.conversations,
            people=stores.people,
            channels=basics.channels,
            feed=basics.feed,
            bus=basics.bus,
        )
        self.setup = RoutingSetup(
            policies=stores.policies,
            settings=stores.settings,
            channels=basics.channels,
            managers=stores.managers,
            kinds=KINDS,
            drain=self.assigner.drain,
        )
