"""The flow of messages: from the journal into conversations, and from replies out to the providers."""

from collections.abc import Callable, Mapping, Sequence

from bot.staff.source import StaffSource
from channels.registry import KINDS
from inbox.batch import Batches
from inbox.echoes import Echoes
from inbox.indexing import Indexing
from inbox.ingest import Ingest
from inbox.journal import Journal
from inbox.listening import Listening
from inbox.media import Media
from inbox.model.accepted import Accepted
from inbox.model.channel import EventSource
from inbox.order_pushes import ByKind
from inbox.outbox import Sender
from inbox.pacing import Pacer
from inbox.quarantine import Quarantine
from inbox.replies import Replies
from inbox.shops import SHOPS
from web.house.basics import Basics
from web.house.ordering import Ordering
from web.house.people import People
from web.house.stores import Stores


class Flow:
    """`to_companion` takes the events of the companion, whose worker is made on a floor above."""

    def __init__(
        self,
        stores: Stores,
        basics: Basics,
        ordering: Ordering,
        people: People,
        *,
        to_companion: Callable[[Sequence[Accepted]], None],
    ) -> None:
        staff = StaffSource()
        self.sources: Mapping[str, EventSource] = {**KINDS, **SHOPS, staff.name: staff}
        batches = Batches(
            kinds=KINDS,
            journal=stores.journal,
            people=stores.people,
            conversations=stores.conversations,
            messages=stores.messages,
            attachments=stores.attachments,
            files=basics.files,
            echoes=Echoes(messages=stores.messages, outbox=stores.outbox, channels=basics.channels),
            channels=basics.channels,
            merging=people.merging,
            reach=basics.reach,
            timers=stores.timers,
            settings=stores.settings,
            feed=basics.feed,
            bus=basics.bus,
            wakeups=basics.wakeups,
            metrics=basics.metrics,
        )
        by_kind = ByKind(batches, ordering.pushes, SHOPS, {staff.name: to_companion})
        self.ingest = Ingest(by_kind, stores.journal, basics.metrics)
        self.indexing = Indexing(stores.search, gives_way=lambda: self.ingest.crowded)
        self.journal = Journal(stores.journal, self.ingest, basics.metrics)
        self.listening = Listening(stores.listeners, basics.channels, self.journal)
        self.quarantine = Quarantine(stores.journal, self.ingest, self.sources)
        self.media = Media(
            basics.files, stores.attachments, stores.messages, stores.conversations, basics.channels, basics.feed
        )
        self.sender = Sender(
            outbox=stores.outbox,
            messages=stores.messages,
            conversations=stores.conversations,
            people=stores.people,
            attachments=stores.attachments,
            channels=basics.channels,
            reach=basics.reach,
            links=basics.links,
            pacer=Pacer(basics.redis, basics.namespace),
            feed=basics.feed,
            wakeups=basics.wakeups,
            metrics=basics.metrics,
        )
        self.replies = Replies(
            conversations=stores.conversations,
            messages=stores.messages,
            outbox=stores.outbox,
            people=stores.people,
            attachments=stores.attachments,
            channels=basics.channels,
            reach=basics.reach,
            links=basics.links,
            merging=people.merging,
            feed=basics.feed,
            bus=basics.bus,
            wakeups=basics.wakeups,
        )
