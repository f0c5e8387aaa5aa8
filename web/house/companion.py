"""The companion by which managers answer from their phones: beside the flow, with a worker of its own."""

import gc

from bot.staff.accounts import StaffAccounts
from bot.staff.desk import StaffDesk
from bot.staff.opening import Opener, open_line
from bot.staff.telling import Tellings
from bot.staff.updates import Companions, StaffUpdates
from inbox.ingest import Ingest
from inbox.journal import Journal
from web.house.basics import Basics
from web.house.crew import Crew
from web.house.desk import Desk
from web.house.flow import Flow
from web.house.people import People
from web.house.routing import Routing
from web.house.rules import Rules
from web.house.stores import Stores


class Companion:
    def __init__(
        self,
        stores: Stores,
        basics: Basics,
        people: People,
        flow: Flow,
        desk: Desk,
        routing: Routing,
        rules: Rules,
        crew: Crew,
    ) -> None:
        self.accounts = StaffAccounts(
            store=stores.staff,
            managers=stores.managers,
            channels=basics.channels,
            timers=stores.timers,
            box=basics.box,
            base_url=basics.base_url,
            open_line=open_line,
        )
        staff_desk = StaffDesk(
            assigner=routing.assigner,
            handing_over=routing.handing_over,
            conversations=desk.conversations,
            messages=desk.messages,
            customers=people.customers,
            channels=basics.channels,
            replies=flow.replies,
            macros=desk.macros,
            follow_ups=rules.follow_ups,
            managers=crew.managers,
            teams=crew.teams,
            media=flow.media,
            audit=stores.audit,
        )
        opener = Opener(
            desk=staff_desk,
            accounts=self.accounts,
            settings=stores.settings,
            redis=basics.redis,
            namespace=basics.namespace,
        )
        self.companions = Companions(self.accounts, opener, on_loaded=gc.freeze)
        self.ingest = Ingest(StaffUpdates(self.companions, stores.journal), stores.journal, basics.metrics)
        self.journal = Journal(stores.journal, self.ingest, basics.metrics)
        self.tellings = Tellings(
            accounts=self.accounts,
            companions=self.companions,
            desk=staff_desk,
            store=stores.staff,
            timers=stores.timers,
            wakeups=basics.wakeups,
        )
