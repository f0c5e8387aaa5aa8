"""A made-up shop behind the pages: an honest small `Desk` that holds its data in memory, in the shapes of the API."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from pydantic import BaseModel, Field, SecretStr

from channels.carriers.nova_poshta import NovaPoshtaSettings
from channels.telegram import TelegramSettings
from inbox.model.errors import NotFound
from inbox.model.people import Viewer
from inbox.model.pipeline import DEFAULT_PIPELINE
from inbox.model.reports import REPORTS, By, Group, Name, Period
from inbox.shops import SHOPS
from routing.policy import RoutingSettings
from web.api.customers import FILES
from web.doors.table import Session
from web.pages.desk import Row, View, Wanted
from web.pages.fields import fields_of
from web.pages.orders import orders_shown, statuses_shown

Doc = dict[str, Any]

ABLE = {
    "text": "both",
    "media": "both",
    "quote": "both",
    "edit": "both",
    "delete": "send",
    "reaction": "receive",
    "typing": "send",
    "text_limit": 4096,
    "text_unit": "utf16",
}


class MailboxSettings(BaseModel):
    """A field of every look."""

    address: str = Field(title="Address", description="What customers write to")
    smtp_url: SecretStr = Field(title="Outgoing mail")
    inbound: Literal["postmark", "mailgun"] | None = Field(
        default=None, title="Mail comes by", json_schema_extra={"prominent": True}
    )
    inbound_secret: SecretStr | None = Field(default=None, title="Its secret")
    keep_copies: bool = Field(default=True, title="Keep a copy", description="In the mailbox's own folder")
    port: int | None = Field(default=None, title="Port")


def ago(**span: float) -> datetime:
    """So long before this moment, in whole seconds."""
    return datetime.now(UTC).replace(microsecond=0) - timedelta(**span)


def manager(key: str, name: str, **fields: Any) -> Doc:
    return {
        "id": key,
        "email": f"{key}@skrynka.example",
        "name": name,
        "role": "manager",
        "status": "online",
        "load": 4,
        "capacity": 10,
        "teams": [],
        "languages": ["uk"],
        "channels": [],
        "schedule": None,
        "days_off": [],
        "off_shift": False,
        "gone": False,
        "active": True,
        "created_at": ago(days=300),
        **fields,
    }


def channel(key: str, kind: str, title: str, name: str, **fields: Any) -> Doc:
    return {
        "id": key,
        "kind": kind,
        "title": title,
        "name": name,
        "state": "connected",
        "state_reason": None,
        "state_since": ago(days=2),
        "state_needs_person": False,
        "paused_by_hand": False,
        "checked_at": ago(minutes=3),
        "last_message_at": ago(minutes=20),
        "capabilities": ABLE,
        "settings": {"api_base": "https://api.telegram.org"},
        "webhook_url": {"path": f"/webhooks/{kind}/{key}", "absolute": f"https://shop.example/webhooks/{kind}/{key}"},
        "created_at": ago(days=200),
        **fields,
    }


def customer(key: str, name: str, *identities: Doc, **fields: Any) -> Doc:
    return {
        "id": key,
        "name": name,
        "phones": [],
        "emails": [],
        "proven": [],
        "tags": [],
        "fields": {},
        "language": "uk",
        "languages": ["uk"],
        "notices": True,
        "opted_out": False,
        "last_manager_id": None,
        "responsible_manager_id": None,
        "version": 2,
        "avatar_url": None,
        "identities": list(identities),
        "answers_to": {row["channel_id"]: row["id"] for row in identities},
        "first_contact_at": ago(days=700),
        "last_contact_at": ago(hours=1),
        "order_count": 0,
        "order_sums": [],
        "created_at": ago(days=700),
        "updated_at": ago(days=1),
        **fields,
    }


def identity(channel_id: str, kind: str, username: str, **fields: Any) -> Doc:
    key = f"i-{channel_id}-{username}"
    return {
        "id": key,
        "channel_id": channel_id,
        "kind": kind,
        "external_id": "99",
        "name": "",
        "username": username,
        "reachable": True,
        "window_until": None,
        "person_window_until": None,
        "unanswered_left": None,
        "joined": None,
        "avatar_url": None,
        **fields,
    }


def author(kind: str, key: str | None = None, name: str = "") -> Doc:
    return {"type": kind, "id": key, "name": name}


def message(key: str, conversation_id: str, direction: str, text: str, at: datetime, **fields: Any) -> Doc:
    by = {"in": author("customer", "u-1", ""), "system": author("system")}.get(
        direction, author("manager", "me", "Оксана Коваль")
    )
    return {
        "id": key,
        "conversation_id": conversation_id,
        "channel_id": "tg",
        "direction": direction,
        "author": by,
        "text": text,
        "subject": "",
        "original": None,
        "html": False,
        "public": False,
        "private": False,
        "unconfirmed": False,
        "entities": [],
        "content": None,
        "attachments": [],
        "state": "sent" if direction == "out" else "stored",
        "error": None,
        "edited_at": None,
        "deleted_at": None,
        "reactions": [],
        "reply_to": None,
        "forwarded": False,
        "automatic": False,
        "client_token": None,
        "sent_at": at,
        "created_at": at,
        **fields,
    }


def task(key: str, title: str, **fields: Any) -> Doc:
    return {
        "id": key,
        "title": title,
        "details": "",
        "customer_id": "olena-card",
        "conversation_id": "olena",
        "order_id": None,
        "due_at": ago(),
        "assignee_id": "me",
        "created_by": {"type": "manager", "id": "me", "name": "Оксана Коваль"},
        "created_at": ago(days=1),
        "state": "open",
        "overdue": False,
        "done_at": None,
        **fields,
    }


def carrier(**connected: Any) -> Doc:
    account = {
        "settings": {"api_base": "https://api.novaposhta.ua"},
        "status_map": {"moving": "shipped"},
        "waiting_days": 3,
        "state": "paused",
        "state_reason": "the key has expired",
        "state_since": ago(hours=1),
        "asked_at": ago(hours=1),
        "parcels": 7,
    }
    return {
        "name": "nova_poshta",
        "title": "Nova Poshta",
        "setup": ("Make a key in the cabinet.",),
        "fields": fields_of(NovaPoshtaSettings),
        "connected": {**account, **connected},
    }


def field(code: str, title: str, **fields: Any) -> Doc:
    return {"code": code, "title": title, "type": "text", "choices": [], "archived": False, "position": 0, **fields}


def note(key: str, text: str, **fields: Any) -> Doc:
    return {
        "id": key,
        "customer_id": "olena-card",
        "text": text,
        "pinned": False,
        "author": author("manager", "ihor", "Ігор Бондар"),
        "created_at": ago(days=3),
        "edited_at": None,
        **fields,
    }


def attachment(key: str, content_type: str, media: str, **fields: Any) -> Doc:
    return {
        "id": key,
        "name": key,
        "content_type": content_type,
        "size": 48_200,
        "type": media,
        "width": None,
        "height": None,
        "duration": None,
        "state": "stored",
        "url": f"/api/v1/attachments/{key}",
        "preview_url": None,
        **fields,
    }


def conversation(key: str, customer_id: str, channel_id: str, last: Doc | None, **fields: Any) -> Doc:
    preview = last and {field: last[field] for field in ("id", "text", "direction", "author", "state", "public")} | {
        "at": last["sent_at"]
    }
    return {
        "id": key,
        "customer_id": customer_id,
        "channel_id": channel_id,
        "assignee_id": "me",
        "team_id": None,
        "status": "open",
        "priority": "normal",
        "labels": [],
        "version": 3,
        "waiting_since": None,
        "clock": None,
        "snoozed_until": None,
        "created_at": ago(days=2),
        "closed_at": None,
        "last_at": last["sent_at"] if last else ago(days=2),
        "last_message": preview,
        "unread": 0,
        "assignment": {"reason": "last_manager"},
        "handed_over": None,
        "rating": None,
        **fields,
    }


def deadline(state: str, kind: str = "next", **left: float) -> Doc:
    """A clock that is due in so much time, or was."""
    return {"kind": kind, "due_at": datetime.now(UTC) + timedelta(**left), "state": state}


def _found(rows: Sequence[View], key: str) -> View:
    for row in rows:
        if row["id"] == key:
            return row
    raise NotFound(key)


class Shop:
    """The `Desk` of a shop for carved boxes. Its lists are there to be changed by tests."""

    def __init__(self) -> None:
        self.settings: Doc = {
            "shop_name": "Скринька",
            "timezone": "Europe/Kyiv",
            "languages": ["uk", "en"],
            "hours": {"open": [{"days": ["mon", "tue", "wed", "thu", "fri"], "from": "09:00", "to": "18:00"}]},
            "quiet_hours": {"enabled": False, "from": "21:00", "to": "09:00"},
            "reopen_window_days": 14,
            "notice_channels": ["vb"],
            "bot": None,
        }
        self.people = [
            manager("me", "Оксана Коваль", role="owner", load=6),
            manager("ihor", "Ігор Бондар", status="busy", load=9),
            manager("nino", "Nino Gelashvili", status="away", load=2, languages=["ka", "en"]),
            manager("tom", "Tom Baker", status="offline", load=0),
        ]
        self.routed = RoutingSettings()
        self.first_in_queue: Doc = {
            "id": "olena",
            "customer": "Олена Мельник",
            "since": ago(minutes=65),
            "channel_id": "tg",
            "team_id": None,
            "assignee_id": None,
            "priority": "high",
        }
        self.board: Doc = {
            "at": ago(),
            "queue": [
                {"team_id": None, "name": "", "count": 3, "since": ago(minutes=65)},
                {"team_id": "wholesale", "name": "Гурт", "count": 1, "since": None},
            ],
            "waiting": [self.first_in_queue],
            "at_risk": 1,
            "late": 1,
            "due": [
                {**self.first_in_queue, "due_at": ago(minutes=5)},
                {**self.first_in_queue, "id": "taras", "due_at": ago(minutes=-5), "priority": "urgent"},
            ],
            "managers": [
                manager("ihor", "Ігор Бондар", load=10),
                manager("nino", "Nino Gelashvili", gone=True),
                manager("tom", "Tom Baker", off_shift=True),
            ],
            "today": {"opened": 9, "replied": 7, "reply_median": 250.0, "resolved": 4},
        }
        spans = {"count": 2, "seconds": 9000.0, "buckets": {"170": 2}}
        counts = {"opened": 3, "messages": 8, "replies": 6}
        self.figures: Doc = {**counts, **dict.fromkeys(("reply", "reply_open", "resolution", "wait"), spans)}
        self.groups = [
            {"id": "wholesale", "name": "Гурт", "members": ["ihor"], "policy": None, "created_at": ago(days=90)},
            {
                "id": "returns",
                "name": "Повернення",
                "members": ["nino", "tom"],
                "policy": None,
                "created_at": ago(days=90),
            },
        ]
        self.connected = [
            channel("tg", "telegram", "Telegram", "Telegram магазину"),
            channel("vb", "viber", "Viber", "Viber", capabilities={**ABLE, "edit": "none", "delete": "none"}),
            channel(
                "ig",
                "instagram",
                "Instagram",
                "@skrynka.shop",
                steps=("In Meta's dashboard, open Webhooks.", "Paste this address and your verify token there."),
            ),
            channel(
                "em", "email", "Email", "hello@skrynka", state="degraded", state_reason="the mailbox answers slowly"
            ),
        ]
        self.cards = {card["id"]: card for card in _cards()}
        self.merged: dict[str, str] = {}
        self.said = _messages()
        self.same: dict[str, View] = {}
        self.orders_of: dict[str, View] = {}
        self.source_list: list[View] = []
        self.field_list = [
            field("city", "Місто"),
            field("delivery", "Доставка", type="choice", choices=["Нова пошта", "Укрпошта"]),
            field("born", "День народження", type="date"),
            field("wholesale", "Гуртовий покупець", type="yesno"),
            field("size", "Розмір", archived=True),
        ]
        self.notes_of: dict[str, list[View]] = {}
        self.files_of: dict[str, list[View]] = {}
        self.happened: dict[str, list[View]] = {}
        self.cases_list = _conversations(self.said)
        self.macro_list = [
            _macro("ship", "Відправка", "Відправимо сьогодні до 18:00, ТТН надішлемо сюди ж."),
            _macro("card", "Листівка", "Додамо листівку безкоштовно, що написати?"),
            _macro("size", "Розміри", "Скринька 34×22×12 см, дуб, олія з твердим воском."),
            _macro("pay", "Реквізити", "Оплатити можна за посиланням, рахунок надішлемо окремо."),
        ]
        self.task_list = [
            task("late", "Передзвонити про доставку", due_at=ago(hours=2), state="due", overdue=True),
            task("later", "Надіслати рахунок", due_at=ago(hours=-20), assignee_id=None),
            task("done", "Знайти листівку", due_at=ago(days=1), state="done"),
        ]
        self.parcels_of: dict[str, View] = {}
        self.carrier_list: list[View] = [carrier()]
        self.companion: View | None = {
            "username": "staff_bot",
            "api_base": "https://api.telegram.org",
            "shows": "name",
            "at_desk": False,
            "state": "connected",
            "state_reason": "",
            "linked": 2,
        }
        self.rule_list = [
            {
                "id": "greeting",
                "name": "Вітання",
                "enabled": True,
                "trigger": "conversation_opened",
                "when": {},
                "conditions": [],
                "actions": [{"type": "reply", "text": {"uk": "Вітаємо! Відповімо за кілька хвилин."}}],
                "version": 1,
                "fired": {"count": 12, "last_at": ago(hours=3)},
            }
        ]
        self.versions_of: dict[str, list[View]] = {}
        self.calls_of: dict[str, list[View]] = {}
        self.events = [
            {
                "id": "q1",
                "channel_id": "tg",
                "kind": "telegram",
                "reason": "message.date is missing",
                "received_at": ago(hours=3),
                "raw": '{"update_id": 7, "message": {"message_id": 1}}',
            }
        ]
        self.transfers: list[Doc] = [
            {
                "id": "i1",
                "table": "customers",
                "format": "csv",
                "name": "customers.csv",
                "dry_run": True,
                "state": "done",
                "reason": "",
                "total": 12,
                "done": 12,
                "counts": {"created": 9, "updated": 1, "unchanged": 0, "refused": 2},
                "headers": ["ПІБ", "Телефон", "Взуття"],
                "columns": ["name", "phones", None],
                "can_apply": True,
                "by": {"type": "manager", "id": "m1", "name": "Olha"},
                "at": ago(minutes=2),
                "finished_at": ago(minutes=1),
            }
        ]
        self.erased: list[Doc] = [
            {
                "id": "e1",
                "state": "done",
                "at": ago(minutes=2),
                "by": {"type": "manager", "id": "m1", "name": "Olha"},
                "done_at": ago(minutes=1),
                "salt": "00",
                "digest": "11",
                "counts": {"messages": 3},
            }
        ]
        self.entries = [
            {
                "id": "a1",
                "at": ago(hours=1),
                "actor": {"id": "me", "name": "Оксана Коваль", "role": "owner"},
                "action": "manager.change",
                "object_id": "ihor",
                "address": "127.0.0.1",
                "request_id": "r1",
                "changed": {"capacity": 12, "password": None},
            },
            {
                "id": "a2",
                "at": ago(days=1),
                "actor": None,
                "action": "session.open",
                "object_id": "me",
                "address": "127.0.0.1",
                "request_id": "r2",
                "changed": {},
            },
        ]

    async def me(self, session: Session) -> View:
        return next(row for row in self.people if row["id"] == session.viewer.id)

    async def shop(self) -> View:
        return self.settings

    async def counts(self, viewer: Viewer) -> Mapping[str, int]:
        seen = [row for row in self.cases_list if viewer.may_see(row) and row["status"] != "closed"]
        return {
            "mine": sum(row["assignee_id"] == viewer.id for row in seen),
            "unassigned": sum(row["assignee_id"] is None for row in seen),
            "all": len(seen),
        }

    async def rows(self, viewer: Viewer, wanted: Wanted) -> tuple[Sequence[Row], str | None]:
        def fits(row: Doc) -> bool:
            closed = row["status"] == "closed"
            tabs = {
                "mine": not closed and row["assignee_id"] == viewer.id,
                "unassigned": not closed and row["assignee_id"] is None,
                "all": not closed,
                "closed": closed,
            }
            return bool(tabs[wanted.tab])

        def found(row: Doc) -> bool:
            text = self.cards[row["customer_id"]]["name"] + (row["last_message"] or {"text": ""})["text"]
            return wanted.q.lower() in text.lower()

        chosen = [row for row in self.cases_list if viewer.may_see(row) and fits(row) and found(row)]
        by_id = {row["id"]: row for row in self.connected}
        rows = [
            Row(conversation=row, customer=self.cards[row["customer_id"]], channel=by_id.get(row["channel_id"]))
            for row in sorted(chosen, key=lambda row: row["last_at"], reverse=True)
        ]
        if wanted.sort == "due":
            timed = [row for row in rows if row.conversation["clock"]]
            timed.sort(key=lambda row: row.conversation["clock"]["due_at"])
            rows = timed + [row for row in rows if not row.conversation["clock"]]
        start = int(wanted.cursor or 0)
        end = start + wanted.limit
        return rows[start:end], str(end) if len(rows) > end else None

    async def conversation(self, viewer: Viewer, conversation_id: str) -> View:
        for row in self.cases_list:
            if row["id"] == conversation_id and viewer.may_see(row):
                return row
        raise NotFound("there is no such conversation")

    async def messages(
        self, viewer: Viewer, conversation_id: str, cursor: str | None, limit: int
    ) -> tuple[Sequence[View], str | None]:
        await self.conversation(viewer, conversation_id)
        newest_first = [row for row in reversed(self.said) if row["conversation_id"] == conversation_id]
        start = int(cursor or 0)
        end = start + limit
        return newest_first[start:end], str(end) if len(newest_first) > end else None

    async def customers(
        self,
        viewer: Viewer,
        q: str,
        cursor: str | None,
        limit: int,
    ) -> tuple[Sequence[View], str | None]:
        seen = {row["customer_id"]: row["last_at"] for row in self.cases_list if viewer.may_see(row)}
        found = [
            {**card, "contact_at": seen.get(key)}
            for key, card in self.cards.items()
            if q.lower() in card["name"].lower()
        ]
        start, end = int(cursor or 0), int(cursor or 0) + limit
        return found[start:end], str(end) if len(found) > end else None

    async def customer(
        self,
        customer_id: str,
        conversation_id: str | None = None,  # noqa: ARG002  # Here each identity has a channel for itself.
    ) -> View:
        customer_id = self.merged.get(customer_id, customer_id)
        if customer_id not in self.cards:
            raise NotFound("there is no such customer")
        return self.cards[customer_id]

    async def same_person(self, customer_id: str) -> View:
        return self.same.get(customer_id, {"suggestions": [], "merges": []})

    async def orders(self, customer_id: str) -> View:
        return self.orders_of.get(customer_id, orders_shown((), (), (), DEFAULT_PIPELINE, {}))

    async def order_statuses(self) -> View:
        return statuses_shown(DEFAULT_PIPELINE, 0, {"confirmed": 2})

    async def order_sources(self) -> Sequence[View]:
        return self.source_list

    def shop_kinds(self) -> Sequence[View]:
        told = ("name", "title", "steps", "example")
        return [{field: getattr(kind, field) for field in told} for kind in SHOPS.values()]

    async def customer_fields(self) -> Sequence[View]:
        return self.field_list

    async def field_definitions(self) -> tuple[Sequence[View], int]:
        return self.field_list, 3

    async def customer_notes(self, customer_id: str) -> Sequence[View]:
        return self.notes_of.get(customer_id, [])

    async def files(
        self, viewer: Viewer, customer_id: str, type_: str, cursor: str | None, limit: int
    ) -> tuple[Sequence[View], str | None]:
        start, end = int(cursor or 0), int(cursor or 0) + limit
        theirs = {row["id"] for row in self.cases_list if row["customer_id"] == customer_id and viewer.may_see(row)}
        found = [row for row in self.files_of.get(customer_id, []) if row["conversation_id"] in theirs]
        rows = [row for row in found if row["type"] in FILES[type_]]
        return rows[start:end], str(end) if len(rows) > end else None

    async def history(
        self, viewer: Viewer, customer_id: str, cursor: str | None, limit: int
    ) -> tuple[Sequence[View], str | None]:
        theirs = {row["id"] for row in self.cases_list if row["customer_id"] == customer_id and viewer.may_see(row)}
        told = [{**row, "kind": "message"} for row in self.said if row["conversation_id"] in theirs]
        entries = sorted(
            [*told, *self.happened.get(customer_id, [])], key=lambda entry: entry.get("at") or entry["sent_at"]
        )
        newest_first = entries[::-1]
        start, end = int(cursor or 0), int(cursor or 0) + limit
        return newest_first[start:end], str(end) if len(newest_first) > end else None

    async def cases(self, viewer: Viewer, customer_id: str) -> Sequence[View]:
        return [row for row in self.cases_list if row["customer_id"] == customer_id and viewer.may_see(row)]

    async def channels(self, viewer: Viewer) -> Sequence[View]:
        return [row if viewer.administers else {**row, "settings": None} for row in self.connected]

    async def managers(self, viewer: Viewer) -> Sequence[View]:
        return [row if viewer.administers else {**row, "email": None} for row in self.people]

    async def everybody(self, viewer: Viewer) -> Sequence[View]:
        return await self.managers(viewer)

    async def manager(self, viewer: Viewer, manager_id: str) -> View:
        return _found(await self.managers(viewer), manager_id)

    async def teams(self) -> Sequence[View]:
        return self.groups

    async def team(self, team_id: str) -> View:
        return _found(self.groups, team_id)

    async def routing(self) -> View:
        return self.routed.model_dump(mode="json", by_alias=True)

    async def macros(self, viewer: Viewer, *, archived: bool = False) -> Sequence[View]:
        mine = [row for row in self.macro_list if row["shared"] or viewer.administers]
        return [row for row in mine if row["archived"] == archived]

    async def macro(self, viewer: Viewer, macro_id: str) -> View:
        for row in self.macro_list:
            if row["id"] == macro_id and (row["shared"] or viewer.administers):
                return row
        raise NotFound("there is no such macro")

    async def field_codes(self) -> Sequence[str]:
        return ["city"]

    async def stages(self) -> Sequence[tuple[str, str]]:
        return [("confirmed", "Підтверджено"), ("shipped", "Відправлено")]

    async def tasks(
        self, viewer: Viewer, *, customer_id: str | None = None, mine: bool = False, done: bool = False
    ) -> Sequence[View]:
        return [
            row
            for row in self.task_list
            if (row["state"] == "done") is done
            and customer_id in (None, row["customer_id"])
            and (not mine or row["assignee_id"] == viewer.id)
        ]

    async def overdue(self, viewer: Viewer) -> int:
        return sum(row["overdue"] and row["assignee_id"] in (viewer.id, None) for row in self.task_list)

    async def parcels(self, order_ids: Sequence[str]) -> Mapping[str, View]:
        return {key: row for key, row in self.parcels_of.items() if key in order_ids}

    async def troubles(self, viewer: Viewer) -> Sequence[View]:
        on = [{**row["connected"], "name": row["name"], "title": row["title"]} for row in self.carrier_list]
        return [row for row in on if row["state"] != "connected"] if viewer.administers else []

    async def carriers(self) -> Sequence[View]:
        return self.carrier_list

    async def staff_bot(self) -> View | None:
        return self.companion

    async def staff_link(self, viewer: Viewer) -> View:  # noqa: ARG002 - one shop, one viewer
        bot = None if self.companion is None else self.companion["username"]
        return {"linked": False, "name": "", "linked_at": None, "bot": bot}

    async def rules(self) -> Sequence[View]:
        return self.rule_list

    async def rule(self, rule_id: str) -> View:
        return _found(self.rule_list, rule_id)

    async def rule_versions(self, rule_id: str) -> Sequence[View]:
        return self.versions_of.get(rule_id, [])

    async def rule_calls(self, rule_id: str) -> Sequence[View]:
        return self.calls_of.get(rule_id, [])

    async def imports(self) -> Sequence[View]:
        return self.transfers

    async def erasures(self) -> Sequence[View]:
        return self.erased

    async def quarantine(self, cursor: str | None) -> tuple[Sequence[View], str | None]:
        return self.events if cursor is None else [], None

    async def audit(self, cursor: str | None) -> tuple[Sequence[View], str | None]:
        return self.entries if cursor is None else [], None

    async def accounts(self, viewer: Viewer) -> Sequence[View]:
        return [{"waiting": 0, "steps": (), **row} for row in await self.channels(viewer)]

    async def wallboard(self, viewer: Viewer) -> View:  # noqa: ARG002 - one shop, one board
        return self.board

    async def report(
        self,
        viewer: Viewer,  # noqa: ARG002
        name: Name,
        period: Period,
        *,
        by: By | None,
        group: Group | None,
    ) -> View:
        told = REPORTS[name]
        row = told.row(self.figures)
        if group is None:
            times = [{"time": time, "id": None, "name": ""} for time in period.times(by)]
            rows = [{**time, **(row if number == 0 else told.row({}))} for number, time in enumerate(times)]
        else:
            whose = (("m1", "Оксана"), (None, ""), ("m9", ""))
            rows = [{"time": "", "id": key, "name": name, **row} for key, name in whose]
        return {"items": rows, "total": row}

    def kinds(self) -> Sequence[View]:
        setup = ("Open @BotFather and send /newbot.", "Copy the token, and paste it here.")
        return [
            {"name": "telegram", "title": "Telegram", "setup": setup, "fields": fields_of(TelegramSettings)},
            {"name": "email", "title": "E-mail", "setup": (), "fields": fields_of(MailboxSettings)},
        ]

    def add(self, key: str, direction: str, text: str, **fields: Any) -> Doc:
        """Say something in the first conversation, now."""
        row = message(key, "olena", direction, text, ago(), **deepcopy(fields))
        self.said.append(row)
        return row


def _macro(shortcut: str, name: str, text: str) -> Doc:
    return {
        "id": f"macro-{shortcut}",
        "name": name,
        "shortcut": shortcut,
        "folder": "Доставка" if shortcut == "ship" else "",
        "text": {"uk": text},
        "attachments": [],
        "buttons": [],
        "actions": [],
        "shared": True,
        "archived": False,
        "usage": {"count": 3, "mine": 1, "last_used_at": ago(days=1)},
        "created_at": ago(days=30),
        "updated_at": ago(days=30),
    }


def _cards() -> list[Doc]:
    return [
        customer(
            "olena-card",
            "Олена Мельник",
            identity("tg", "telegram", "olena_m"),
            identity("vb", "viber", "Олена"),
            identity("em", "email", "olena.m@ukr.net"),
            phones=["+380671234567"],
            emails=["olena.m@ukr.net"],
            proven=["+380671234567"],
            tags=["постійна", "подарунки"],
            fields={"city": "Львів", "delivery": "Нова пошта", "Відділення": "№ 14"},
        ),
        customer(
            "marta",
            "marta.handmade",
            identity("ig", "instagram", "marta.handmade", window_until=ago(hours=-7)),
        ),
        customer("viktor", "Віктор Павленко", identity("vb", "viber", "Віктор")),
        customer("nino-card", "Nino Gelashvili", identity("em", "email", "nino@mail.ge")),
        customer("andrii", "Андрій Коваль", identity("tg", "telegram", "akoval", reachable=False)),
        customer("svitlana", "Світлана Дорош", identity("vb", "viber", "Світлана")),
        customer("james", "James O'Connor", identity("tg", "telegram", "jamesoc")),
        customer("giorgi", "გიორგი ბერიძე", identity("tg", "telegram", "giorgi_b")),
        customer("iryna", "Ірина Шевчук", identity("ig", "instagram", "iryna.home")),
    ]


def _messages() -> list[Doc]:
    ihor = author("manager", "ihor", "Ігор Бондар")
    bot = author("bot", None, "Bot")
    box = {"width": 640, "height": 480}
    return [
        message("m01", "olena", "in", "Добрий вечір! Чи є ще різьблена скринька з фото?", ago(days=1, hours=3)),
        message(
            "m02",
            "olena",
            "in",
            "",
            ago(days=1, hours=3, minutes=-1),
            attachments=[
                attachment("photo-1", "image/jpeg", "photo", **box),
                attachment("photo-2", "image/jpeg", "photo", **box),
                attachment("photo-3", "image/jpeg", "photo", **box),
            ],
        ),
        message(
            "m03",
            "olena",
            "out",
            "Так, дубова, 34×22 см. Ось лист із розмірами: https://skrynka.example/rozmiry.",
            ago(days=1, hours=2, minutes=40),
            state="read",
            attachments=[attachment("Розміри.pdf", "application/pdf", "document", size=182_400)],
            reactions=[{"emoji": "👍", "by": "u-1"}],
        ),
        message("m04", "olena", "system", "Оксана closed the conversation", ago(days=1, hours=2)),
        message("m05", "olena", "in", "Добрий день! Замовила у вас скриньку, номер 1042", ago(minutes=41)),
        message(
            "m06",
            "olena",
            "out",
            "Вітаю, Олено! Ваше замовлення 1042 спаковане, передаємо в Нову Пошту сьогодні.",
            ago(minutes=40),
            author=bot,
            automatic=True,
            state="delivered",
        ),
        message(
            "m07", "olena", "note", "Постійна клієнтка, минулого разу просила листівку.", ago(minutes=38), author=ihor
        ),
        message("m08", "olena", "in", "А коли відправите?", ago(minutes=32)),
        message("m09", "olena", "in", "Дуже треба до п’ятниці 🙏", ago(minutes=31), edited_at=ago(minutes=30)),
        message(
            "m10",
            "olena",
            "out",
            "Відправимо до 18:00, у п’ятницю буде у вас.",
            ago(minutes=29),
            state="uncertain",
            reply_to="m08",
        ),
        message(
            "m11",
            "olena",
            "in",
            "",
            ago(minutes=12),
            content={
                "type": "location",
                "latitude": 49.8397,
                "longitude": 24.0297,
                "title": "Відділення № 14",
                "address": "Львів, вул. Городоцька, 355",
            },
        ),
        message("m12", "olena", "in", "Заберу тут", ago(minutes=11)),
        message("v01", "viktor", "out", "Так, є дубова, 34×22 см", ago(minutes=50), channel_id="vb"),
        message("i01", "marta", "in", "Replied to your story: скільки коштує?", ago(minutes=18), channel_id="ig"),
        message("n01", "nino", "in", "Re: Invoice 1042 — გმადლობთ!", ago(minutes=95), channel_id="em"),
        message(
            "a01",
            "andrii",
            "out",
            "Замовлення 1038 прибуло до відділення",
            ago(hours=2),
            author=bot,
            state="failed",
            error="the customer blocked the bot",
        ),
        message("s01", "svitlana", "in", "Добре, чекаю понеділка", ago(days=2), channel_id="vb"),
        message("j01", "james", "in", "Hi! Do you ship to Ireland? And can the lid be engraved?", ago(minutes=4)),
        message("g01", "giorgi", "in", "გამარჯობა, რა ღირს პატარა ყუთი?", ago(minutes=27)),
        message("r01", "iryna", "in", "Дякую, все прийшло ціле!", ago(days=3), channel_id="ig"),
    ]


def _conversations(said: Sequence[Doc]) -> list[Doc]:
    last = {row["conversation_id"]: row for row in said}
    return [
        conversation(
            "olena",
            "olena-card",
            "tg",
            last["olena"],
            unread=2,
            waiting_since=ago(minutes=12),
            clock=deadline("at_risk", minutes=3.5),
            labels=["доставка"],
        ),
        conversation(
            "marta",
            "marta",
            "ig",
            last["marta"],
            unread=1,
            waiting_since=ago(minutes=18),
            clock=deadline("late", "first", minutes=-3.5),
            priority="high",
        ),
        conversation("viktor", "viktor", "vb", last["viktor"]),
        conversation("nino", "nino-card", "em", last["nino"], waiting_since=ago(minutes=95)),
        conversation("andrii", "andrii", "tg", last["andrii"]),
        conversation("svitlana", "svitlana", "vb", last["svitlana"], status="snoozed", snoozed_until=ago(days=-2)),
        conversation(
            "james",
            "james",
            "tg",
            last["james"],
            assignee_id=None,
            unread=1,
            waiting_since=ago(minutes=4),
            clock=deadline("running", "first", minutes=56.5),
            assignment=None,
        ),
        conversation(
            "giorgi", "giorgi", "tg", last["giorgi"], assignee_id="nino", unread=1, waiting_since=ago(minutes=27)
        ),
        conversation("iryna", "iryna", "ig", last["iryna"], status="closed", closed_at=ago(days=3)),
        conversation(
            "olena-old",
            "olena-card",
            "tg",
            message("o1", "olena-old", "in", "Дякую за скриньку, дуже гарна!", ago(days=240)),
            status="closed",
            closed_at=ago(days=239),
            created_at=ago(days=241),
        ),
        conversation("returns-case", "viktor", "vb", None, assignee_id="tom", team_id="returns"),
    ]
