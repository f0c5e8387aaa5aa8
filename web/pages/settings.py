"""Settings and profile: what an admin sets up, and what everybody sets for themselves."""

import asyncio
import gettext
import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from aiohttp import web
from pydantic import StringConstraints

from bot.settings import bot_settings
from inbox.model.ids import now
from inbox.model.macros import FIELDS, VARIABLES
from web.doors.bodies import Query
from web.doors.table import Call
from web.pages.desk import Desk, View, Wanted
from web.pages.hours import LONG_DAY_NAMES, shift, zones
from web.pages.pages import Pages, frame

_ = gettext.NullTranslations().gettext

ADMIN_PLACES = (
    ("general", _("Shop"), "store"),
    ("channels", _("Channels"), "plug"),
    ("shops", _("Shops"), "shopping-bag"),
    ("orders", _("Order statuses"), "package"),
    ("parcels", _("Order updates"), "truck"),
    ("fields", _("Customer fields"), "tag"),
    ("people", _("Managers and teams"), "users"),
    ("routing", _("Routing"), "gauge"),
    ("macros", _("Macros"), "zap"),
    ("bot", _("Bot"), "bot"),
    ("rules", _("Rules"), "list-filter"),
    ("companion", _("Phone companion"), "smartphone"),
    ("transfer", _("Import and export"), "arrow-up-down"),
    ("quarantine", _("Quarantine"), "shield"),
    ("audit", _("Audit"), "history"),
    ("profile", _("Profile"), "user-round"),
)
"""Address, title and icon of each screen."""

OWN_PLACES = tuple(place for place in ADMIN_PLACES if place[0] in ("macros", "profile"))
"""What is there for those who set nothing up."""

TABLES = (("customers", _("Customers")), ("orders", _("Orders")), ("macros", _("Macros")))
"""What is imported and exported."""

COLUMN_TITLES = {
    "customers": {
        "id": _("Card's id"),
        "name": _("Name"),
        "phones": _("Phones"),
        "emails": _("E-mail addresses"),
        "tags": _("Tags"),
        "languages": _("Languages"),
        "notices": _("Is told of orders"),
    },
    "orders": {
        "number": _("Number"),
        "source": _("Shop"),
        "status": _("Status"),
        "customer_id": _("Card's id"),
        "customer_name": _("Buyer's name"),
        "customer_phone": _("Buyer's phone"),
        "customer_email": _("Buyer's e-mail address"),
        "items": _("Goods"),
        "total": _("Total"),
        "currency": _("Currency"),
        "payment": _("Payment"),
        "carrier": _("Carrier"),
        "tracking_number": _("Parcel number"),
        "created_at": _("Ordered at"),
    },
    "macros": {
        "id": _("Macro's id"),
        "name": _("Name"),
        "shortcut": _("Shortcut"),
        "folder": _("Folder"),
        "buttons": _("Buttons"),
        "actions": _("Actions"),
    },
}
"""What the columns of a file may be, as a person chooses them."""

COUNTED = (
    ("created", _("new")),
    ("updated", _("changed")),
    ("unchanged", _("as they are")),
    ("refused", _("refused")),
)
"""What became of the rows of a file."""

MANNERS = ((0.8, _("Careful")), (0.6, _("Balanced")), (0.45, _("Bold")))
"""How sure the bot may have to be, and what that is called."""

TRY_ON = 15
"""How many conversations a macro may be tried on."""

NEW_MACRO: View = {
    "id": "",
    "name": "",
    "shortcut": "",
    "folder": "",
    "text": {},
    "attachments": (),
    "buttons": (),
    "actions": (),
    "shared": True,
    "archived": False,
}


class CursorQuery(Query):
    """Where a list goes on."""

    cursor: Annotated[str, StringConstraints(min_length=1, max_length=1000)] | None = None


class ArchiveQuery(Query):
    """Which macros: those in use, or those in the archive."""

    archived: bool = False


class LikeQuery(Query):
    """Which macro a new one begins as a copy of."""

    like: Annotated[str, StringConstraints(min_length=1, max_length=64)] | None = None


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
        return await self._page(call, "general", **_hours())

    async def channels(self, call: Call[None, None]) -> web.Response:
        """Connected accounts."""
        kinds = {kind["name"]: kind for kind in self.desk.kinds()}
        return await self._page(call, "channels", channels=await self.desk.accounts(call.viewer), kinds=kinds)

    async def parcels(self, call: Call[None, None]) -> web.Response:
        """How customers are told of their orders, and who is asked about parcels."""
        channels, carriers, stages = await asyncio.gather(
            self.desk.channels(call.viewer), self.desk.carriers(), self.desk.stages()
        )
        return await self._page(call, "parcels", channels=channels, carriers=carriers, stages=stages)

    async def fields(self, call: Call[None, None]) -> web.Response:
        """The shop's own fields of customers' cards."""
        fields, version = await self.desk.field_definitions()
        return await self._page(call, "fields", fields=fields, version=version)

    async def people(self, call: Call[None, None]) -> web.Response:
        """Managers and teams."""
        managers, teams, shop = await asyncio.gather(
            self.desk.everybody(call.viewer), self.desk.teams(), self.desk.shop()
        )
        shifts = {one["id"]: shift(one, shop["timezone"], now()) for one in managers}
        names = {team["id"]: team["name"] for team in teams}
        return await self._page(call, "people", managers=managers, teams=teams, team_names=names, shifts=shifts)

    async def manager(self, call: Call[None, None]) -> web.Response:
        """One manager: what they take, and when they work."""
        manager, teams, channels, shop = await asyncio.gather(
            self.desk.manager(call.viewer, call.path()),
            self.desk.teams(),
            self.desk.channels(call.viewer),
            self.desk.shop(),
        )
        working = shift(manager, shop["timezone"], now())
        return await self._page(
            call,
            "people",
            template="manager",
            manager=manager,
            teams=teams,
            channels=channels,
            shift=working,
            **_hours(),
        )

    async def team(self, call: Call[None, None]) -> web.Response:
        """One team: who is in it, and the policy it goes by."""
        team, routing, managers, channels = await asyncio.gather(
            self.desk.team(call.path()),
            self.desk.routing(),
            self.desk.everybody(call.viewer),
            self.desk.channels(call.viewer),
        )
        return await self._page(
            call,
            "people",
            template="team",
            team=team,
            routing=routing,
            managers=managers,
            channels=channels,
            **_hours(),
        )

    async def routing(self, call: Call[None, None]) -> web.Response:
        """How conversations are given out and watched over."""
        routing, managers, channels = await asyncio.gather(
            self.desk.routing(), self.desk.everybody(call.viewer), self.desk.channels(call.viewer)
        )
        return await self._page(
            call,
            "routing",
            routing=routing,
            managers=managers,
            channels=channels,
            weighed=_weighed(routing, channels, self.desk.kinds()),
            **_hours(),
        )

    async def macros(self, call: Call[None, ArchiveQuery]) -> web.Response:
        """Prepared replies, by folder."""
        archived = call.query.archived
        macros = sorted(
            await self.desk.macros(call.viewer, archived=archived),
            key=lambda macro: (macro["folder"] == "", macro["folder"].lower(), macro["name"].lower()),
        )
        grouped = itertools.groupby(macros, key=lambda macro: macro["folder"])
        folders = [(folder, list(rows)) for folder, rows in grouped]
        return await self._page(call, "macros", macros=macros, folders=folders, archived=archived)

    async def new_macro(self, call: Call[None, LikeQuery]) -> web.Response:
        """A macro that is to be written, perhaps after another one."""
        macro: View = NEW_MACRO
        if call.query.like is not None:
            like = await self.desk.macro(call.viewer, call.query.like)
            macro = {**like, "id": "", "shortcut": "", "archived": False}
        return await self._macro(call, macro, editable=True)

    async def macro(self, call: Call[None, None]) -> web.Response:
        """One macro."""
        macro = await self.desk.macro(call.viewer, call.path())
        return await self._macro(call, macro, editable=call.viewer.administers or not macro["shared"])

    async def _macro(self, call: Call[None, Any], macro: View, *, editable: bool) -> web.Response:
        shop, others, managers, teams = await asyncio.gather(
            self.desk.shop(),
            self.desk.macros(call.viewer),
            self.desk.managers(call.viewer),
            self.desk.teams(),
        )
        stages, codes, (rows, _cursor) = await asyncio.gather(
            self.desk.stages(),
            self.desk.field_codes(),
            self.desk.rows(call.viewer, Wanted(tab="all", limit=TRY_ON)),
        )
        return await self._page(
            call,
            "macros",
            template="macro",
            macro=macro,
            editable=editable,
            editor={"files": macro["attachments"], "buttons": macro["buttons"], "actions": macro["actions"]},
            languages=list(dict.fromkeys([*shop["languages"], *macro["text"]])),
            known_folders=sorted({other["folder"] for other in others} - {""}),
            variables=[(owner, sorted(names)) for owner, names in {**VARIABLES, FIELDS: codes}.items() if names],
            managers=managers,
            teams=teams,
            stages=stages,
            conversations=rows,
        )

    async def orders(self, call: Call[None, None]) -> web.Response:
        """The stages of orders."""
        told, macros, shop = await asyncio.gather(
            self.desk.order_statuses(), self.desk.macros(call.viewer), self.desk.shop()
        )
        shared = [macro for macro in macros if macro["shared"]]
        spoken = (language for status in told["statuses"] for language in status["titles"])
        languages = list(dict.fromkeys([*shop["languages"], *spoken]))
        return await self._page(call, "orders", told=told, shared_macros=shared, languages=languages)

    async def shops(self, call: Call[None, None]) -> web.Response:
        """The shops that push orders."""
        sources, told = await asyncio.gather(self.desk.order_sources(), self.desk.order_statuses())
        return await self._page(call, "shops", sources=sources, told=told, kinds=self.desk.shop_kinds())

    async def bot(self, call: Call[None, None]) -> web.Response:
        """What the bot can do by itself, and its manners."""
        bot = bot_settings(await self.desk.shop())
        known = [*MANNERS] if bot.confidence in dict(MANNERS) else [*MANNERS, (bot.confidence, _("As it was set"))]
        return await self._page(call, "bot", bot=bot.model_dump(mode="json"), manners=known)

    async def quarantine(self, call: Call[None, CursorQuery]) -> web.Response:
        """What could not be read."""
        (events, cursor), channels = await asyncio.gather(
            self.desk.quarantine(call.query.cursor), self.desk.channels(call.viewer)
        )
        by_id = {channel["id"]: channel for channel in channels}
        return await self._page(call, "quarantine", events=events, next_cursor=cursor, channels=by_id)

    async def transfer(self, call: Call[None, None]) -> web.Response:
        """Lists out and in, and who was erased."""
        imports, erasures, fields, shop = await asyncio.gather(
            self.desk.imports(), self.desk.erasures(), self.desk.customer_fields(), self.desk.shop()
        )
        titles = {table: dict(known) for table, known in COLUMN_TITLES.items()}
        titles["customers"] |= {f"field:{field['code']}": field["title"] for field in fields if not field["archived"]}
        titles["macros"] |= {f"text:{code}": _("Text: %(language)s") % {"language": code} for code in shop["languages"]}
        return await self._page(
            call,
            "transfer",
            imports=imports,
            erasures=erasures,
            tables=TABLES,
            titles=dict(TABLES),
            counted=COUNTED,
            column_titles=titles,
        )

    async def audit(self, call: Call[None, CursorQuery]) -> web.Response:
        """Who did what."""
        entries, cursor = await self.desk.audit(call.query.cursor)
        return await self._page(call, "audit", entries=entries, next_cursor=cursor)

    async def profile(self, call: Call[None, None]) -> web.Response:
        """Oneself."""
        me, shop, staff = await asyncio.gather(
            self.desk.me(call.signed_in), self.desk.shop(), self.desk.staff_link(call.viewer)
        )
        return await self._page(call, "profile", shift=shift(me, shop["timezone"], now()), staff=staff)

    async def companion(self, call: Call[None, None]) -> web.Response:
        """The bot by which managers answer from their phones."""
        return await self._page(call, "companion", template="staff/bot", bot=await self.desk.staff_bot())

    async def _page(self, call: Call[Any, Any], place: str, *, template: str = "", **context: Any) -> web.Response:
        me, shop = await asyncio.gather(self.desk.me(call.signed_in), self.desk.shop())
        places = ADMIN_PLACES if call.viewer.administers else OWN_PLACES
        title = next((title for name, title, _icon in places if name == place), _("Settings"))
        framed = frame(call, me, shop, "settings")
        return self.pages.html(
            call.request,
            f"settings/{template or place}.html",
            **framed | {"shop": shop, "place": place, "places": places, "place_title": title} | context,
        )


def _hours() -> dict[str, Any]:
    """What a screen needs on which hours are set."""
    return {"long_days": LONG_DAY_NAMES, "zones": zones()}


def _weighed(routing: View, channels: Sequence[View], kinds: Sequence[View]) -> list[View]:
    """What rules and weights may name: connected kinds, and channels where several are of a kind or one is named."""
    named = {*routing["weights"], *itertools.chain.from_iterable(rule["channels"] for rule in routing["priorities"])}
    counts = Counter(channel["kind"] for channel in channels)
    single = [channel for channel in channels if counts[channel["kind"]] > 1 or channel["id"] in named]
    parted = {channel["kind"] for channel in single}
    titles = {channel["kind"]: channel["title"] for channel in channels}
    titles |= {kind["name"]: kind["title"] for kind in kinds if kind["name"] in named}
    every = _("%(kind)s, every account")
    return [
        *(
            {"key": kind, "kind": kind, "name": every % {"kind": titles[kind]} if kind in parted else titles[kind]}
            for kind in titles
        ),
        *({"key": one["id"], "kind": one["kind"], "name": one["name"]} for one in single),
    ]
