"""The floors, from the ground up: each is made of those below it. What has to reach up is handed down as a call."""

from collections.abc import Sequence
from datetime import timedelta

from redis.asyncio import Redis

from inbox.model.accepted import Accepted
from inbox.storage.database import Database
from inbox.storage.s3 import Buckets
from web.house.basics import Basics
from web.house.bot import Bot
from web.house.companion import Companion
from web.house.counting import Counting
from web.house.crew import Crew
from web.house.desk import Desk
from web.house.flow import Flow
from web.house.ordering import Ordering
from web.house.people import People
from web.house.routing import Routing
from web.house.rules import Rules
from web.house.skills import Skills
from web.house.stores import Stores


class Floors:
    def __init__(
        self,
        database: Database,
        redis: Redis,
        *,
        secret_key: str,
        base_url: str,
        buckets: Buckets | None,
        file_links_last: timedelta,
        private_webhooks: bool,
        classifier_secret: str,
    ) -> None:
        self.stores = stores = Stores(database, buckets)
        self.basics = basics = Basics(
            stores, redis, database.name, secret_key=secret_key, base_url=base_url, file_links_last=file_links_last
        )

        # The ground floor: the flow of messages, and all that it brings.
        self.ordering = ordering = Ordering(stores, basics)
        self.people = people = People(stores, basics, ordering)
        self.flow = flow = Flow(stores, basics, ordering, people, to_companion=self._to_companion)
        self.desk = desk = Desk(stores, basics, ordering, people, flow)

        # The upper floors: who answers, and what a machine answers.
        self.routing = routing = Routing(stores, basics, flow, desk)
        self.rules = rules = Rules(stores, basics, ordering, people, desk, routing)
        self.skills = skills = Skills(
            stores, basics, ordering, people, flow, desk, rules, classifier_secret=classifier_secret
        )
        self.bot = Bot(stores, basics, ordering, people, desk, rules, skills, private_webhooks=private_webhooks)
        self.crew = crew = Crew(stores, desk, routing, rules, on_deactivated=self._manager_left)
        self.companion = Companion(stores, basics, people, flow, desk, routing, rules, crew)
        self.counting = Counting(stores, basics, flow)

    # The two ways up. Nobody takes them before all floors stand.

    def _to_companion(self, updates: Sequence[Accepted]) -> None:
        self.companion.ingest.submit(updates)

    async def _manager_left(self, manager_id: str) -> None:
        await self.companion.accounts.unlink(manager_id)
        await self.routing.assigner.manager_left(manager_id)
