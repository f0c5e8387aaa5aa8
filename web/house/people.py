"""Customers: their cards and what is on them, who they are, and which of them are one."""

from inbox.avatars import Avatars
from inbox.cards import Cards
from inbox.customer_fields import CustomerFields
from inbox.customers import Customers
from inbox.merging import Merging
from inbox.notes import CustomerNotes
from inbox.profiles import Profiles
from inbox.proofs import Proofs
from inbox.search import Search
from inbox.suggestions import Suggestions
from inbox.timeline import Timeline
from web.house.basics import Basics
from web.house.ordering import Ordering
from web.house.stores import Stores


class People:
    def __init__(self, stores: Stores, basics: Basics, ordering: Ordering) -> None:
        self.search = Search(stores.search, stores.conversations)
        self.fields = CustomerFields(stores.customer_fields)
        self.customers = Customers(
            people=stores.people,
            managers=stores.managers,
            reach=basics.reach,
            fields=self.fields,
            settings=stores.settings,
            search=self.search,
            queue=stores.queue,
            feed=basics.feed,
        )
        self.cards = Cards(stores.people, basics.reach, stores.conversations, ordering.orders)
        self.notes = CustomerNotes(stores.notes, stores.people, basics.feed)
        self.timeline = Timeline(
            store=stores.timeline,
            messages=stores.messages,
            notes=stores.notes,
            conversations=stores.conversations,
        )
        self.avatars = Avatars(
            channels=basics.channels,
            people=stores.people,
            files=basics.files,
            attachments=stores.attachments,
            customers=self.customers,
        )
        self.profiles = Profiles(
            channels=basics.channels, people=stores.people, customers=self.customers, avatars=self.avatars
        )
        self.merging = Merging(
            store=stores.merges,
            people=stores.people,
            conversations=stores.conversations,
            messages=stores.messages,
            timers=stores.timers,
            feed=basics.feed,
            bus=basics.bus,
        )
        self.proofs = Proofs(
            store=stores.contacts,
            merging=self.merging,
            messages=stores.messages,
            settings=stores.settings,
            feed=basics.feed,
            bus=basics.bus,
        )
        self.suggestions = Suggestions(stores.contacts, stores.people, self.merging)
