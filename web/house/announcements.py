"""Who hears of what.

The ground floor announces, and whoever is concerned subscribes here. They are told in this order, one after the other.
"""

from inbox.model.domain_events import CardsChanged, ContactProven, MessageReceived
from web.house.floors import Floors


def subscribe(floors: Floors) -> None:
    bus = floors.basics.bus
    floors.people.timeline.subscribe(bus)
    floors.counting.numbers.subscribe(bus)
    bus.subscribe(MessageReceived, floors.basics.channels.hear)
    bus.subscribe(ContactProven, floors.ordering.orders.contact_proven)
    bus.subscribe(CardsChanged, floors.ordering.orders.cards_changed)
    floors.routing.priorities.subscribe()
    floors.routing.assigner.subscribe()
    floors.routing.clocks.subscribe()
    floors.routing.relief.subscribe(bus)
    floors.rules.follow_ups.subscribe(bus)
    floors.rules.suggesting.subscribe(bus)
    floors.skills.opting_out.subscribe(bus)
    floors.skills.rating.subscribe(bus)
    floors.bot.hearing.subscribe(bus)
    floors.companion.tellings.subscribe(bus)
