"""What managers have at hand: conversations, prepared replies, tasks, notices of orders, files in and out."""

from inbox.codes import Codes
from inbox.conversations import Conversations
from inbox.erasing import Erasing
from inbox.exporting import Lists, PersonalData
from inbox.imports import Imports
from inbox.macros import Macros
from inbox.messages import Messages
from inbox.model.macros import MacroTexts
from inbox.model.tables import Table
from inbox.notices import Notices
from inbox.previews import Previews
from inbox.readers import CustomerReader, MacroReader, OrderReader
from inbox.tasks import Tasks
from web.house.basics import Basics
from web.house.flow import Flow
from web.house.ordering import Ordering
from web.house.people import People
from web.house.stores import Stores


class Desk:
    def __init__(self, stores: Stores, basics: Basics, ordering: Ordering, people: People, flow: Flow) -> None:
        self.conversations = Conversations(
            store=stores.conversations,
            people=stores.people,
            channels=basics.channels,
            timers=stores.timers,
            feed=basics.feed,
            bus=basics.bus,
            wakeups=basics.wakeups,
            search=people.search,
        )
        self.messages = Messages(stores.messages, stores.conversations)
        self.macros = Macros(
            store=stores.macros,
            attachments=stores.attachments,
            settings=stores.settings,
            texts=MacroTexts(),
            orders=ordering.orders,
            fields=people.fields,
        )
        self.previews = Previews(
            channels=basics.channels,
            people=stores.people,
            managers=stores.managers,
            teams=stores.teams,
            orders=ordering.orders,
            settings=stores.settings,
            links=basics.links,
        )
        self.codes = Codes(
            store=stores.codes,
            contacts=stores.contacts,
            people=stores.people,
            conversations=stores.conversations,
            messages=stores.messages,
            merging=people.merging,
            proofs=people.proofs,
            replies=flow.replies,
            settings=stores.settings,
            timers=stores.timers,
            wakeups=basics.wakeups,
            box=basics.box,
        )
        self.tasks = Tasks(
            store=stores.tasks,
            conversations=stores.conversations,
            people=stores.people,
            orders=stores.orders,
            managers=stores.managers,
            timers=stores.timers,
            feed=basics.feed,
            wakeups=basics.wakeups,
        )
        self.notices = Notices(
            store=stores.notices,
            orders=ordering.orders,
            order_store=stores.orders,
            conversations=stores.conversations,
            messages=stores.messages,
            people=stores.people,
            channels=basics.channels,
            replies=flow.replies,
            macros=self.macros,
            tasks=self.tasks,
            settings=stores.settings,
            wakeups=basics.wakeups,
        )
        self.imports = Imports(
            store=stores.imports,
            readers={
                Table.CUSTOMERS: CustomerReader(people.customers, stores.people, stores.settings),
                Table.ORDERS: OrderReader(ordering.orders, ordering.sources, stores.settings, stores.people),
                Table.MACROS: MacroReader(self.macros),
            },
            attachments=stores.attachments,
            managers=stores.managers,
            timers=stores.timers,
            feed=basics.feed,
            wakeups=basics.wakeups,
        )
        self.lists = Lists(stores.exports, people.cards, people.fields)
        self.personal_data = PersonalData(stores.exports, stores.conversations, stores.messages, flow.media)
        self.erasing = Erasing(
            store=stores.erasures,
            journal=stores.journal,
            merging=people.merging,
            files=basics.files,
            indexing=flow.indexing,
            kinds=flow.sources,
            feed=basics.feed,
            bus=basics.bus,
        )
