"""The `Desk` over the shop's services: documents in, the API's shapes out."""

import asyncio
from collections.abc import Mapping, Sequence

from inbox.conversations import ConversationQuery
from inbox.model.channel import ChannelKind
from inbox.model.errors import NotFound
from inbox.model.people import Viewer
from inbox.model.reports import By, Group, Name, Period
from inbox.paging import moment_and_id, page
from inbox.secrets import WrongKey
from inbox.storage.audit import AuditQuery
from inbox.storage.database import Document
from inbox.tasks import TaskQuery
from inbox.timeline import MESSAGE
from web.api.carriers import carrier_view, parcel_view
from web.api.customer_fields import field_view
from web.api.customer_notes import note_view
from web.api.customers import EVENTS, FILES, entry_view, file_view
from web.api.erasing import erasure_view
from web.api.macros import macro_view
from web.api.merging import merge_view, suggestion_view
from web.api.order_sources import source_view
from web.api.reports import wallboard_view
from web.api.routing import routing_view
from web.api.rule_calls import call_view
from web.api.rules import rule_view
from web.api.services import ApiServices
from web.api.staff import staff_bot_view, staff_link_view
from web.api.tasks import task_view
from web.api.teams import team_view
from web.api.transfers import import_view
from web.api.views import (
    audit_view,
    avatar_url,
    channel_view,
    conversation_view,
    customer_view,
    manager_view,
    message_view,
    quarantined_view,
)
from web.doors.table import Session
from web.pages.desk import Row, View, Wanted
from web.pages.fields import fields_of
from web.pages.orders import orders_shown, statuses_shown

EVERYBODY = 100
"""How many managers or teams a page shows; a shop has fewer."""

EVERY_MACRO = 1_000
EVERY_RULE = 1_000

CALLS = 10
"""How many calls to other systems a rule's page shows."""

NOTES = 5
"""How many notes a card shows besides the pinned ones."""

HISTORY = 50
"""How many entries of the audit or the quarantine a page shows."""

_TABS: Mapping[str, Mapping[str, str]] = {
    "mine": {"assignee": "me", "status": "active"},
    "unassigned": {"assignee": "none"},
    "all": {"status": "active"},
    "closed": {"status": "closed"},
}


class ServiceDesk:
    """Reads what pages show. `kinds` are the channel kinds that can be connected."""

    def __init__(self, services: ApiServices, kinds: Mapping[str, ChannelKind]) -> None:
        self._services = services
        self._kinds = kinds

    async def me(self, session: Session) -> View:
        return manager_view(session.manager, session.viewer)

    async def shop(self) -> View:
        return await self._services.settings.get()

    async def counts(self, viewer: Viewer) -> Mapping[str, int]:
        return await self._services.conversations.counts(viewer)

    async def rows(self, viewer: Viewer, wanted: Wanted) -> tuple[Sequence[Row], str | None]:
        asked = {"sort": wanted.sort, **_TABS[wanted.tab]}
        query = ConversationQuery(q=wanted.q or None, cursor=wanted.cursor, limit=wanted.limit, **asked)
        found, cursor = await self._services.conversations.page(viewer, query)
        people = [row["customer_id"] for row in found]
        cards, pictured = await asyncio.gather(
            self._services.customers.many(people), self._services.customers.pictured(people)
        )
        channels = {channel["id"]: channel for channel in await self.channels(viewer)}
        rows = [
            Row(
                conversation=conversation_view(row, viewer),
                customer={
                    "id": row["customer_id"],
                    "name": cards.get(row["customer_id"], {}).get("name", ""),
                    "avatar_url": avatar_url(pictured.get(row["customer_id"], {})),
                },
                channel=channels.get(row["channel_id"]),
            )
            for row in found
        ]
        return rows, cursor

    async def conversation(self, viewer: Viewer, conversation_id: str) -> View:
        return conversation_view(await self._services.conversations.get(viewer, conversation_id), viewer)

    async def messages(
        self, viewer: Viewer, conversation_id: str, cursor: str | None, limit: int
    ) -> tuple[Sequence[View], str | None]:
        conversation = await self._services.conversations.get(viewer, conversation_id)
        found, following = await self._services.messages.page(conversation["_id"], limit=limit, cursor=cursor)
        return [message_view(row) for row in found], following

    async def customers(
        self, viewer: Viewer, q: str, cursor: str | None, limit: int
    ) -> tuple[Sequence[View], str | None]:
        found, following = await self._services.customers.page(viewer, q, limit=limit, cursor=cursor)
        ids = [card["_id"] for card in found]
        cards, cases = await asyncio.gather(self._services.cards.whole(found), self._services.search.cases(viewer, ids))
        shown = [
            {**customer_view(whole), "contact_at": cases.get(whole.card["_id"], {}).get("last_at")} for whole in cards
        ]
        return shown, following

    async def customer(self, customer_id: str, conversation_id: str | None = None) -> View:
        whole = await self._services.cards.one(await self._services.customers.get(customer_id))
        return {**customer_view(whole), "answers_to": await self._services.cards.answers_to(whole, conversation_id)}

    async def same_person(self, customer_id: str) -> View:
        suggestions, merges = await asyncio.gather(
            self._services.suggestions.of(customer_id), self._services.merging.merges(customer_id)
        )
        return {
            "suggestions": [suggestion_view(each) for each in suggestions],
            "merges": [merge_view(each) for each in merges],
        }

    async def orders(self, customer_id: str) -> View:
        orders, card = self._services.orders, await self._services.customers.get(customer_id)
        found, waiting, sums, pipeline, sources = await asyncio.gather(
            orders.of_customer(card["_id"]),
            orders.waiting_for(card),
            orders.sums([card["_id"]]),
            orders.pipeline(),
            self._services.order_sources.all(),
        )
        names = {source["_id"]: source["name"] for source in sources}
        return orders_shown(found, waiting, sums[card["_id"]], pipeline, names)

    async def order_statuses(self) -> View:
        (pipeline, version), counts = await asyncio.gather(
            self._services.pipeline.versioned(), self._services.pipeline.counts()
        )
        return statuses_shown(pipeline, version, counts)

    async def order_sources(self) -> Sequence[View]:
        sources = self._services.order_sources
        return await asyncio.gather(*(source_view(sources, source) for source in await sources.all()))

    def shop_kinds(self) -> Sequence[View]:
        kinds = self._services.order_sources.kinds.values()
        told = ("name", "title", "steps", "example")
        return [{field: getattr(kind, field) for field in told} for kind in kinds]

    async def customer_fields(self) -> Sequence[View]:
        return (await self.field_definitions())[0]

    async def field_definitions(self) -> tuple[Sequence[View], int]:
        found, version = await self._services.customer_fields.versioned()
        return [field_view(one, position) for position, one in enumerate(found)], version

    async def customer_notes(self, customer_id: str) -> Sequence[View]:
        return [note_view(note) for note in await self._services.customer_notes.shown(customer_id, NOTES)]

    async def files(
        self, viewer: Viewer, customer_id: str, type_: str, cursor: str | None, limit: int
    ) -> tuple[Sequence[View], str | None]:
        customer = await self._services.customers.get(customer_id)
        types = FILES[type_]
        found, following = await self._services.timeline.files(
            viewer, customer["_id"], types, limit=limit, cursor=cursor
        )
        return [file_view(row) for row in found], following

    async def history(
        self, viewer: Viewer, customer_id: str, cursor: str | None, limit: int
    ) -> tuple[Sequence[View], str | None]:
        customer = await self._services.customers.get(customer_id)
        kinds = {MESSAGE, *EVENTS}
        found, following = await self._services.timeline.page(
            viewer, customer["_id"], kinds, limit=limit, cursor=cursor
        )
        return [entry_view(entry) for entry in found], following

    async def cases(self, viewer: Viewer, customer_id: str) -> Sequence[View]:
        found = await self._services.conversations.of_customer(viewer, customer_id)
        return [conversation_view(row, viewer) for row in found]

    async def channels(self, viewer: Viewer) -> Sequence[View]:
        return [self._channel(row, viewer) for row in await self._services.channels.all()]

    def _channel(self, channel: Document, viewer: Viewer) -> View:
        channels = self._services.channels
        kind = channels.kind(channel["kind"])
        path, absolute = channels.webhook_path(channel), channels.webhook_url(channel)
        shown = channel_view(channel, viewer, kind.capabilities, path=path, absolute=absolute)
        return {**shown, "title": kind.title}

    async def managers(self, viewer: Viewer) -> Sequence[View]:
        found, _ = await self._services.managers.page(None, EVERYBODY)
        return [manager_view(row, viewer) for row in found]

    async def everybody(self, viewer: Viewer) -> Sequence[View]:
        found, cursor = await self._services.managers.page(None, EVERYBODY)
        while cursor is not None:
            more, cursor = await self._services.managers.page(cursor, EVERYBODY)
            found += more
        return [manager_view(row, viewer) for row in found]

    async def manager(self, viewer: Viewer, manager_id: str) -> View:
        return manager_view(await self._services.managers.get(manager_id), viewer)

    async def teams(self) -> Sequence[View]:
        found, _ = await self._services.teams.page(None, EVERYBODY)
        return [team_view(team) for team in found]

    async def team(self, team_id: str) -> View:
        return team_view(await self._services.teams.get(team_id))

    async def routing(self) -> View:
        return routing_view(await self._services.routing_setup.present())

    async def tasks(
        self, viewer: Viewer, *, customer_id: str | None = None, mine: bool = False, done: bool = False
    ) -> Sequence[View]:
        query = TaskQuery(customer_id=customer_id, mine=mine, done=done, limit=EVERYBODY)
        found, _ = await self._services.tasks.page(viewer, query)
        return [task_view(row) for row in found]

    async def overdue(self, viewer: Viewer) -> int:
        return await self._services.tasks.overdue(viewer)

    async def parcels(self, order_ids: Sequence[str]) -> Mapping[str, View]:
        tracking = self._services.tracking
        found = await tracking.of_orders(order_ids)
        return {key: parcel_view(parcel, tracking.titles) for key, parcel in found.items()}

    async def troubles(self, viewer: Viewer) -> Sequence[View]:
        tracking = self._services.tracking
        rows = await tracking.troubled() if viewer.administers else []
        return [
            {"name": row["_id"], "title": tracking.titles.get(row["_id"], row["_id"])}
            | {field: row[field] for field in ("state", "state_reason")}
            for row in rows
        ]

    async def carriers(self) -> Sequence[View]:
        tracking = self._services.tracking
        connected = {row["_id"]: carrier_view(row, tracking.titles) for row in await tracking.connected()}
        return [
            {
                "name": carrier.name,
                "title": carrier.title,
                "setup": carrier.setup,
                "fields": fields_of(carrier.settings),
                "connected": connected.get(carrier.name),
            }
            for carrier in tracking.carriers.values()
        ]

    async def macros(self, viewer: Viewer, *, archived: bool = False) -> Sequence[View]:
        found, _ = await self._services.macros.page(viewer, None, EVERY_MACRO, archived=archived)
        return [macro_view(row) for row in found]

    async def macro(self, viewer: Viewer, macro_id: str) -> View:
        macro = await self._services.macros.get(viewer, macro_id)
        return macro_view(await self._services.macros.told(viewer, macro))

    async def field_codes(self) -> Sequence[str]:
        return await self._services.macros.codes()

    async def stages(self) -> Sequence[tuple[str, str]]:
        pipeline, shop = await asyncio.gather(self._services.orders.pipeline(), self.shop())
        return [(code, pipeline.title(code, shop["languages"])) for code in pipeline.codes]

    async def staff_bot(self) -> View | None:
        accounts = self._services.staff_accounts
        try:
            return await staff_bot_view(accounts, await accounts.bot())
        except NotFound:
            return None

    async def staff_link(self, viewer: Viewer) -> View:
        return await staff_link_view(self._services.staff_accounts, viewer.id)

    async def rules(self) -> Sequence[View]:
        found, _ = await self._services.rules.page(None, EVERY_RULE)
        return [rule_view(row) for row in found]

    async def rule(self, rule_id: str) -> View:
        return rule_view(await self._services.rules.get(rule_id))

    async def rule_versions(self, rule_id: str) -> Sequence[View]:
        return await self._services.rules.versions(rule_id)

    async def rule_calls(self, rule_id: str) -> Sequence[View]:
        found, _ = await self._services.webhooks.page(rule_id, None, CALLS)
        return [call_view(row) for row in found]

    async def imports(self) -> Sequence[View]:
        found, _ = await self._services.imports.page(limit=HISTORY, cursor=None)
        return [import_view(row) for row in found]

    async def erasures(self) -> Sequence[View]:
        found, _ = await self._services.erasing.page(limit=HISTORY, cursor=None)
        return [erasure_view(row) for row in found]

    async def quarantine(self, cursor: str | None) -> tuple[Sequence[View], str | None]:
        found, following = await self._services.quarantine.page(limit=HISTORY, cursor=cursor)
        return [quarantined_view(row) for row in found], following

    async def audit(self, cursor: str | None) -> tuple[Sequence[View], str | None]:
        rows = await self._services.audit.page(AuditQuery(after=moment_and_id(cursor), limit=HISTORY + 1))
        found, following = page(rows, HISTORY, "at", "_id")
        return [audit_view(row) for row in found], following

    async def accounts(self, viewer: Viewer) -> Sequence[View]:
        rows, waiting = await asyncio.gather(self._services.channels.all(), self._services.channels.waiting())
        return [
            {
                **self._channel(row, viewer),
                "state_needs_person": row.get("state_needs_person", False),
                "waiting": waiting.get(row["_id"], 0),
                "steps": self._steps(row),
            }
            for row in rows
        ]

    def _steps(self, channel: Document) -> Sequence[str]:
        """What is left to do at the provider; nothing to say where the channel's secrets cannot be read."""
        channels = self._services.channels
        try:
            return channels.kind(channel["kind"]).webhook_steps(channels.read_settings(channel))
        except WrongKey:
            return ()

    async def wallboard(self, viewer: Viewer) -> View:
        return wallboard_view(await self._services.reports.wallboard(viewer), viewer)

    async def report(self, viewer: Viewer, name: Name, period: Period, *, by: By | None, group: Group | None) -> View:
        items, total = await self._services.reports.report(viewer, name, period, by=by, group=group)
        return {"items": items, "total": total}

    def kinds(self) -> Sequence[View]:
        return [
            {"name": kind.name, "title": kind.title, "setup": kind.setup, "fields": fields_of(kind.settings)}
            for kind in self._kinds.values()
        ]
