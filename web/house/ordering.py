"""Orders: the shops they come from, how they move on, and the parcels they travel in."""

from channels.carriers.registry import CARRIERS
from inbox.order_pushes import OrderPushes
from inbox.order_sources import OrderSources
from inbox.orders import Orders
from inbox.pipeline import OrderPipeline
from inbox.shops import SHOPS
from inbox.tracking import Tracking
from web.house.basics import Basics
from web.house.stores import Stores


class Ordering:
    def __init__(self, stores: Stores, basics: Basics) -> None:
        self.pipeline = OrderPipeline(
            store=stores.pipeline,
            orders=stores.orders,
            macros=stores.macros,
            sources=stores.order_sources,
            shops=SHOPS,
        )
        self.orders = Orders(
            store=stores.orders,
            pipeline=self.pipeline,
            people=stores.people,
            feed=basics.feed,
            bus=basics.bus,
            wakeups=basics.wakeups,
            metrics=basics.metrics,
        )
        self.sources = OrderSources(
            store=stores.order_sources,
            kinds=SHOPS,
            pipeline=self.pipeline,
            box=basics.box,
            base_url=basics.base_url,
        )
        self.pushes = OrderPushes(
            kinds=SHOPS,
            sources=self.sources,
            store=stores.order_sources,
            orders=self.orders,
            journal=stores.journal,
        )
        self.tracking = Tracking(
            carriers=CARRIERS,
            store=stores.carriers,
            parcels=stores.parcels,
            orders=self.orders,
            timers=stores.timers,
            box=basics.box,
            feed=basics.feed,
            bus=basics.bus,
        )
