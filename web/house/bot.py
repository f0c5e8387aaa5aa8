"""What a machine answers: occasions are heard, skills and rules judge them, and what they say is done."""

from bot.doing import Doer
from bot.engine import BotEngine
from bot.flows import Flows
from bot.hearing import BotHearing
from bot.trying import DryRuns
from bot.webhooks import Webhooks
from channels.posting import Posting
from inbox.ratings import Ratings
from routing.outlook import Outlooks
from web.house.basics import Basics
from web.house.desk import Desk
from web.house.ordering import Ordering
from web.house.people import People
from web.house.rules import Rules
from web.house.skills import Skills
from web.house.stores import Stores


class Bot:
    def __init__(
        self,
        stores: Stores,
        basics: Basics,
        ordering: Ordering,
        people: People,
        desk: Desk,
        rules: Rules,
        skills: Skills,
        *,
        private_webhooks: bool,
    ) -> None:
        self.posting = Posting(private=private_webhooks)
        self.webhooks = Webhooks(
            store=stores.webhook_calls, timers=stores.timers, wakeups=basics.wakeups, post=self.posting.post
        )
        doer = Doer(
            speaker=skills.speaker,
            questions=skills.questions,
            handoff=skills.handoff,
            webhooks=self.webhooks,
            conversations=desk.conversations,
            conversation_store=stores.conversations,
            people=stores.people,
            macros=desk.macros,
            follow_ups=rules.follow_ups,
            orders=ordering.orders,
            tasks=desk.tasks,
            outlooks=Outlooks(stores.waiting),
            playbook=rules.library.playbook,
        )
        self.engine = BotEngine(
            library=rules.library,
            lookout=skills.lookout,
            firings=stores.firings,
            conversation_store=stores.conversations,
            doer=doer,
            questions=skills.questions,
            flows=Flows(
                doer=doer,
                questions=skills.questions,
                speaker=skills.speaker,
                customers=people.customers,
                fields=people.fields,
                settings=stores.settings,
                audit=stores.audit,
            ),
            # They hear of an occasion in this order.
            skills=(skills.language, skills.person, skills.order_status),
        )
        self.dry_runs = DryRuns(
            library=rules.library,
            engine=self.engine,
            lookout=skills.lookout,
            conversations=stores.conversations,
            messages=stores.messages,
            orders=stores.orders,
            macros=desk.macros,
        )
        self.hearing = BotHearing(
            engine=self.engine, conversations=stores.conversations, messages=stores.messages, timers=stores.timers
        )
        self.ratings = Ratings(
            conversations=stores.conversations,
            messages=stores.messages,
            people=stores.people,
            feed=basics.feed,
            bus=basics.bus,
        )
