"""Settings and profile: what an admin sets up, and what everybody sets for themselves."""

import asyncio
import gettext
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from aiohttp import web
from pydantic import StringConstraints

from web.doors.bodies import Query
from web.doors.table import Call
from web.pages.desk import Desk, View
from web.pages.pages import Pages, frame

_ = gettext.NullTranslations().gettext

ADMIN_PLACES = (
    ("general", _("Shop"), "store"),
    ("channels", _("Channels"), "plug"),
    ("people", _("Managers and teams"), "users"),
    ("macros", _("Macros"), "zap"),
    ("rules", _("Rules"), "bot"),
    ("quarantine", _("Quarantine"), "shield"),
    ("audit", _("Audit"), "history"),
    ("profile", _("Profile"), "user-round"),
)
"""Address, title and icon of each screen."""

OWN_PLACES = tuple(place for place in ADMIN_PLACES if place[0] in ("macros", "profile"))
"""What is there for those who set nothing up."""

DAY_NAMES = {
    "mon": _("Mon"),
    "tue": _("Tue"),
    "wed": _("Wed"),
    "thu": _("Thu"),
    "fri": _("Fri"),
    "sat": _("Sat"),
    "sun": _("Sun"),
}

TRIGGER_NAMES = {
    "conversation_opened": _("a conversation opens"),
    "message_received": _("a message comes"),
    "no_reply": _("nobody has answered for a while"),
    "order_status_changed": _("an order moves on"),
    "parcel_waiting": _("a parcel waits to be collected"),
    "label_added": _("a label is added"),
    "customer_returned": _("a customer comes back"),
}


class CursorQuery(Query):
    """Where a list goes on."""

    cursor: Annotated[str, StringConstraints(min_length=1, max_length=1000)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsPages:
    """`/settings/…` and `/profile`."""

    desk: Desk
    pages: Pages

    async def index(self, call: Call[None, None]) -> web.Response:
        """The list of screens, which is all a narrow page shows at once."""
        return await self._page(call, "index")

    async def general(self, call: Call[None, None]) -> web.Response:
        """The shop itself."""
        return await self._page(call, "general", day_names=DAY_NAMES)

    async def channels(self, call: Call[None, None]) -> web.Response:
        """Connected accounts."""
        kinds = {kind["name"]: kind for kind in self.desk.kinds()}
        return await self._page(call, "channels", channels=await self.desk.accounts(call.viewer), kinds=kinds)

    async def people(self, call: Call[None, None]) -> web.Response:
        """Managers and teams."""
        managers, teams = await asyncio.gather(self.desk.managers(call.viewer), self.desk.teams())
        return await self._page(call, "people", managers=managers, teams=teams)

    async def macros(self, call: Call[None, None]) -> web.Response:
        """Prepared replies."""
        macros, shop = await asyncio.gather(self.desk.macros(call.viewer), self.desk.shop())

        def languages_of(macro: View | None) -> Sequence[str]:
            """The shop's languages, and any other that this macro has."""
            return list(dict.fromkeys([*shop["languages"], *(macro["text"] if macro else ())]))

        return await self._page(call, "macros", macros=macros, languages_of=languages_of)

    async def rules(self, call: Call[None, None]) -> web.Response:
        """What the bot does."""
        return await self._page(call, "rules", rules=await self.desk.rules(), trigger_names=TRIGGER_NAMES)

    async def quarantine(self, call: Call[None, CursorQuery]) -> web.Response:
        """What could not be read."""
        (events, cursor), channels = await asyncio.gather(
            self.desk.quarantine(call.query.cursor), self.desk.channels(call.viewer)
        )
        by_id = {channel["id"]: channel for channel in channels}
        return await self._page(call, "quarantine", events=events, next_cursor=cursor, channels=by_id)

    async def audit(self, call: Call[None, CursorQuery]) -> web.Response:
        """Who did what."""
        entries, cursor = await self.desk.audit(call.query.cursor)
        return await self._page(call, "audit", entries=entries, next_cursor=cursor)

    async def profile(self, call: Call[None, None]) -> web.Response:
        """Oneself."""
        return await self._page(call, "profile")

    async def _page(self, call: Call[Any, Any], place: str, **context: Any) -> web.Response:
        me, shop = await asyncio.gather(self.desk.me(call.signed_in), self.desk.shop())
        places = ADMIN_PLACES if call.viewer.administers else OWN_PLACES
        title = next((title for name, title, _icon in places if name == place), _("Settings"))
        framed = frame(call, me, shop, "settings")
        return self.pages.html(
            call.request,
            f"settings/{place}.html",
            **framed | {"shop": shop, "place": place, "places": places, "place_title": title} | context,
        )
