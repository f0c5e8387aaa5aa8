"""Parcels of the demo's orders, on their way with the carrier that the sandbox plays."""

from typing import Final

from channels.sandbox import Sandbox
from inbox.tracking import CarrierSettings
from web.demo.orders import ORDERS
from web.house import House

HANDED_OVER: Final = "9"
MADE_OUT: Final = "1"


async def send_parcels(house: House, sandbox: Sandbox) -> None:
    """Connect the carrier; what the shop's site calls completed was handed over, the rest still lies at the shop."""
    post = sandbox.nova_poshta
    carrier = house.tracking.carriers[post.name]
    for bought in ORDERS:
        name, number = bought.parcel
        if number and carrier.is_called(name):
            code = HANDED_OVER if bought.words[-1][1] == "completed" else MADE_OUT
            post.send(number, code=code, phone=bought.phone.removeprefix("+"))
    settings = {"api_key": post.create_key(), "api_base": sandbox.api_base(post.name)}
    await house.tracking.put(post.name, CarrierSettings(settings=settings))
