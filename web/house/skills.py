"""What the bot is able to do: speak, ask, look things up and step aside; and the skills that are made of it."""

from bot.handoff import Handoff
from bot.looking import Lookout
from bot.questions import Questions
from bot.settings import BotSettings
from bot.skills.language import LanguageSkill
from bot.skills.opting_out import OptingOut
from bot.skills.order_status import OrderStatus
from bot.skills.person import PersonSkill
from bot.skills.rating import RatingSkill
from bot.speaking import Speaker
from bot.understanding.as_set import AsSet
from bot.understanding.by_http import ByHttp
from channels.registry import KINDS
from inbox.disclosure import Disclosure
from web.house.basics import Basics
from web.house.desk import Desk
from web.house.flow import Flow
from web.house.ordering import Ordering
from web.house.people import People
from web.house.rules import Rules
from web.house.stores import Stores


class Skills:
    def __init__(
        self,
        stores: Stores,
        basics: Basics,
        ordering: Ordering,
        people: People,
        flow: Flow,
        desk: Desk,
        rules: Rules,
        *,
        classifier_secret: str,
    ) -> None:
        playbook = rules.library.playbook

        async def bot_settings() -> BotSettings:
            return (await playbook()).bot

        self.handoff = Handoff(desk.conversations)
        self.speaker = Speaker(
            replies=flow.replies,
            people=stores.people,
            messages=stores.messages,
            budget=stores.reply_budget,
            playbook=playbook,
            handoff=self.handoff,
        )
        self.questions = Questions(store=stores.questions, messages=stores.messages, speaker=self.speaker)
        self.classifier = ByHttp(classifier_secret)
        self.lookout = Lookout(
            people=stores.people,
            conversations=stores.conversations,
            orders=stores.orders,
            workloads=stores.workloads,
            understanding=AsSet(bot_settings, self.classifier),
        )

        self.language = LanguageSkill(
            people=stores.people,
            customers=people.customers,
            questions=self.questions,
            speaker=self.speaker,
            playbook=playbook,
        )
        self.person = PersonSkill(
            read=self.lookout.reading, speaker=self.speaker, handoff=self.handoff, playbook=playbook
        )
        self.order_status = OrderStatus(
            read=self.lookout.reading,
            disclosure=Disclosure(
                orders=stores.orders,
                people=stores.people,
                merges=stores.merges,
                tries=stores.order_tries,
                kinds=KINDS,
            ),
            orders=ordering.orders,
            tracking=ordering.tracking,
            messages=stores.messages,
            settings=stores.settings,
            speaker=self.speaker,
            questions=self.questions,
            handoff=self.handoff,
        )
        self.opting_out = OptingOut(people=stores.people, speaker=self.speaker, playbook=playbook, feed=basics.feed)
        self.rating = RatingSkill(
            conversations=stores.conversations,
            people=stores.people,
            channels=basics.channels,
            speaker=self.speaker,
            playbook=playbook,
            settings=stores.settings,
            timers=stores.timers,
        )
