"""Numbers, kept as things happen, and the reports that are read from them."""

from inbox.numbers import Numbers
from inbox.reports import Reports
from web.house.basics import Basics
from web.house.flow import Flow
from web.house.stores import Stores


class Counting:
    def __init__(self, stores: Stores, basics: Basics, flow: Flow) -> None:
        self.numbers = Numbers(
            stores.numbers, stores.policies.hours, basics.feed, gives_way=lambda: flow.ingest.crowded
        )
        self.reports = Reports(
            store=stores.numbers,
            settings=stores.settings,
            managers=stores.managers,
            teams=stores.teams,
            channels=basics.channels,
            people=stores.people,
        )
