"""What every floor uses: secrets, announcements, bells between processes, files and channels."""

import gc
from datetime import timedelta

from redis.asyncio import Redis

from channels.registry import KINDS
from inbox.channels import Channels
from inbox.events import EventBus
from inbox.files import Files
from inbox.gathering import Gathering
from inbox.links import FileLinks
from inbox.live import LiveFeed
from inbox.metrics import Metrics
from inbox.reach import Reach
from inbox.secrets import SecretBox
from inbox.wakeups import Wakeups
from web.house.stores import Stores


class Basics:
    """`namespace` tells apart, in Redis, what belongs to this shop."""

    def __init__(
        self,
        stores: Stores,
        redis: Redis,
        namespace: str,
        *,
        secret_key: str,
        base_url: str,
        file_links_last: timedelta,
    ) -> None:
        self.redis = redis
        self.namespace = namespace
        self.base_url = base_url
        self.box = SecretBox(secret_key)
        self.metrics = Metrics()
        self.bus = EventBus()
        self.wakeups = Wakeups(redis, namespace)
        self.feed = LiveFeed(stores.live_log, self.wakeups)
        self.gathering = Gathering(redis, namespace)
        self.files = Files(stores.attachments)
        self.links = FileLinks(self.box, base_url, file_links_last)
        self.reach = Reach(KINDS, stores.messages)
        self.channels = Channels(
            store=stores.channels,
            outbox=stores.outbox,
            timers=stores.timers,
            kinds=KINDS,
            box=self.box,
            feed=self.feed,
            bus=self.bus,
            wakeups=self.wakeups,
            base_url=base_url,
            # A provider's library brings hundreds of thousands of objects that never die. Taken out of the collector's
            # sight they cost nothing; left in it, every full collection stops the server for a quarter of a second.
            on_loaded=gc.freeze,
        )
