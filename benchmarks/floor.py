"""The bare floor: an aiohttp handler that does one journaled `insert_one` per request, and nothing else.

python -m benchmarks.floor MONGODB_URL PORT
"""

import asyncio
import sys

import uvloop
from aiohttp import web

from inbox.model.ids import new_id
from inbox.storage.database import connect


async def serve(url: str, port: int) -> None:
    """Serve until killed."""
    database = connect(url, f"floor_{new_id()}")
    events = database.durable.events

    async def accept(request: web.Request) -> web.Response:
        await events.insert_one({"_id": new_id(), "raw": await request.read()})
        return web.Response()

    app = web.Application()
    app.router.add_post("/webhook", accept)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1], int(sys.argv[2])))
