"""What managers wrote beforehand: macros that offer themselves and do more than answer, and the rules of the bot."""

from bot.library import RuleLibrary
from bot.references import References
from bot.suggesting import Suggesting
from inbox.follow_ups import FollowUps
from web.house.basics import Basics
from web.house.desk import Desk
from web.house.ordering import Ordering
from web.house.people import People
from web.house.routing import Routing
from web.house.stores import Stores


class Rules:
    def __init__(
        self, stores: Stores, basics: Basics, ordering: Ordering, people: People, desk: Desk, routing: Routing
    ) -> None:
        self.suggesting = Suggesting(
            store=stores.macro_cases,
            macros=desk.macros,
            macro_store=stores.macros,
            messages=stores.messages,
            conversations=desk.conversations,
            people=stores.people,
            channels=basics.channels,
            settings=stores.settings,
        )
        self.follow_ups = FollowUps(
            messages=stores.messages,
            conversations=desk.conversations,
            conversation_store=stores.conversations,
            managers=stores.managers,
            teams=stores.teams,
            orders=ordering.orders,
            macros=desk.macros,
            timers=stores.timers,
            audit=stores.audit,
            feed=basics.feed,
            hand_over=routing.assigner.hand_to,
            on_used=self.suggesting.learn,
        )
        self.references = References(
            rules=stores.rules,
            macros=desk.macros,
            managers=stores.managers,
            teams=stores.teams,
            orders=ordering.orders,
            fields=people.fields,
        )
        self.library = RuleLibrary(stores.rules, stores.firings, stores.settings, self.references)
