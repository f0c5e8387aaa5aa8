"""The table of the pages. Everything a person sees in a browser is a row here."""

from collections.abc import Callable
from functools import partial
from typing import Any

from aiohttp import web

from channels.registry import KINDS
from web.api.services import ApiServices
from web.doors.gate import Doors
from web.doors.table import Call, Face, Handler, Route, Who
from web.pages.customers import CustomerPages, CustomersQuery, MoreCustomersQuery
from web.pages.desk import Desk
from web.pages.entry import EntryPages, NextQuery, Welcome
from web.pages.inbox import FilesQuery, InboxPages, LaneQuery, ListQuery, OlderQuery, RowsQuery
from web.pages.pages import Pages
from web.pages.reads import ServiceDesk
from web.pages.reports import ReportPages, ReportsQuery
from web.pages.rules import RulePages, TriesQuery
from web.pages.settings import ArchiveQuery, CursorQuery, LikeQuery, SettingsPages
from web.pages.tasks import TaskPages, TasksQuery

HTML = "text/html"


def add_pages(app: web.Application, doors: Doors, services: ApiServices, welcome: Welcome | None = None) -> None:
    """Serve the pages through `doors`."""
    doors.add(app, page_table(ServiceDesk(services, KINDS), Pages(KINDS), welcome))


def page_table(desk: Desk, pages: Pages, welcome: Welcome | None = None) -> list[Route]:
    """Every page and fragment. Where the front-end files are missing, each of them says so instead."""
    inbox = InboxPages(desk=desk, pages=pages)
    settings = SettingsPages(desk=desk, pages=pages)
    customers = CustomerPages(desk=desk, pages=pages)
    tasks = TaskPages(desk=desk, pages=pages)
    reports = ReportPages(desk=desk, pages=pages)
    rules = RulePages(desk=desk, pages=pages)
    entry = EntryPages(pages=pages, welcome=welcome)
    conversation = "/fragments/conversations/{id}"
    page = partial(_page, entry)
    return [
        page("/login", Who.PUBLIC, entry.login, "Sign in", query=NextQuery),
        page("/", Who.SIGNED_IN, inbox.home, "To the inbox"),
        page("/inbox", Who.SIGNED_IN, inbox.index, "The list of conversations", query=ListQuery),
        page("/inbox/{id}", Who.SIGNED_IN, inbox.show, "A conversation", query=ListQuery),
        page("/fragments/list", Who.SIGNED_IN, inbox.tabs, "Tabs and rows", query=ListQuery),
        page("/fragments/rows", Who.SIGNED_IN, inbox.rows, "More rows", query=RowsQuery),
        page("/fragments/me", Who.SIGNED_IN, inbox.me, "One's own menu"),
        page("/fragments/status", Who.SIGNED_IN, inbox.status, "One's status and load"),
        page(f"{conversation}/bar", Who.SIGNED_IN, inbox.bar, "The thread's header"),
        page(f"{conversation}/assign", Who.SIGNED_IN, inbox.assign, "To whom it can be handed over"),
        page(f"{conversation}/messages", Who.SIGNED_IN, inbox.messages, "A stretch of messages", query=LaneQuery),
        page(f"{conversation}/older", Who.SIGNED_IN, inbox.older, "Earlier messages", query=OlderQuery),
        page(f"{conversation}/card", Who.SIGNED_IN, inbox.card, "The customer's card"),
        page(
            "/fragments/customers/{id}/files", Who.SIGNED_IN, inbox.files, "More files of a customer", query=FilesQuery
        ),
        page("/customers", Who.SIGNED_IN, customers.index, "Everybody the shop knows", query=CustomersQuery),
        page("/customers/{id}", Who.SIGNED_IN, customers.show, "A customer"),
        page("/fragments/customers", Who.SIGNED_IN, customers.found, "Customers", query=CustomersQuery),
        page("/fragments/customers/rows", Who.SIGNED_IN, customers.rows, "More customers", query=MoreCustomersQuery),
        page("/fragments/customers/{id}/card", Who.SIGNED_IN, customers.card, "A customer's card"),
        page("/fragments/customers/{id}/cases", Who.SIGNED_IN, customers.cases, "A customer's conversations"),
        page("/fragments/customers/{id}/write", Who.SIGNED_IN, customers.write, "Where a customer can be written to"),
        page(
            "/fragments/customers/{id}/others",
            Who.SIGNED_IN,
            customers.others,
            "Cards that may be the same person's",
            query=CustomersQuery,
        ),
        page("/tasks", Who.SIGNED_IN, tasks.index, "What is to be done", query=TasksQuery),
        page("/fragments/tasks/count", Who.SIGNED_IN, tasks.count, "How many tasks are overdue"),
        page("/wallboard", Who.SIGNED_IN, reports.wallboard, "The shop at this moment"),
        page("/reports", Who.SIGNED_IN, reports.reports, "What was asked and answered", query=ReportsQuery),
        page("/settings", Who.SIGNED_IN, settings.index, "What can be set"),
        page("/settings/general", Who.ADMIN, settings.general, "The shop"),
        page("/settings/channels", Who.ADMIN, settings.channels, "Connected accounts"),
        page("/settings/parcels", Who.ADMIN, settings.parcels, "Order updates and parcels"),
        page("/settings/fields", Who.ADMIN, settings.fields, "The shop's own fields of cards"),
        page("/settings/people", Who.ADMIN, settings.people, "Managers and teams"),
        page("/settings/managers/{id}", Who.ADMIN, settings.manager, "One manager"),
        page("/settings/teams/{id}", Who.ADMIN, settings.team, "One team"),
        page("/settings/routing", Who.ADMIN, settings.routing, "How conversations are given out"),
        page("/settings/orders", Who.ADMIN, settings.orders, "The stages of orders"),
        page("/settings/shops", Who.ADMIN, settings.shops, "Shops that push orders"),
        page("/settings/macros", Who.SIGNED_IN, settings.macros, "Prepared replies", query=ArchiveQuery),
        page("/settings/macros/new", Who.SIGNED_IN, settings.new_macro, "A new macro", query=LikeQuery),
        page("/settings/macros/{id}", Who.SIGNED_IN, settings.macro, "One macro"),
        page("/settings/bot", Who.ADMIN, settings.bot, "What the bot can do by itself"),
        page("/settings/rules", Who.ADMIN, rules.rules, "What the bot does"),
        page("/settings/rules/new", Who.ADMIN, rules.new_rule, "A new rule", query=LikeQuery),
        page("/settings/rules/{id}", Who.ADMIN, rules.rule, "One rule"),
        page("/fragments/rules/tries", Who.ADMIN, rules.tries, "Conversations for a dry run", query=TriesQuery),
        page("/fragments/rules/{id}/calls", Who.ADMIN, rules.calls, "What a rule told other systems"),
        page("/fragments/rules/{id}/versions", Who.ADMIN, rules.versions, "How a rule was before"),
        page("/settings/quarantine", Who.ADMIN, settings.quarantine, "What could not be read", query=CursorQuery),
        page("/settings/transfer", Who.ADMIN, settings.transfer, "Import and export"),
        page("/settings/audit", Who.ADMIN, settings.audit, "Who did what", query=CursorQuery),
        page("/settings/companion", Who.ADMIN, settings.companion, "The managers' companion on the phone"),
        page("/profile", Who.SIGNED_IN, settings.profile, "Oneself"),
        _row("/static/{version}/{path:.+}", Who.PUBLIC, entry.static, "Front-end files", media_type="*/*"),
        _row("/favicon.ico", Who.PUBLIC, entry.icon, "The mark in the browser's tab", media_type="image/svg+xml"),
    ]


def problem_page() -> Callable[..., Any]:
    """How the doors show a refusal to a person."""
    return EntryPages(pages=Pages(KINDS)).problem


def _row(path: str, who: Who, handler: Handler, summary: str, **columns: Any) -> Route:
    shared = {"face": Face.PAGE, "media_type": HTML} | columns
    return Route(method="GET", path=path, who=who, handler=handler, summary=summary, **shared)


def _page(entry: EntryPages, path: str, who: Who, handler: Handler, summary: str, **columns: Any) -> Route:
    async def show(call: Call[Any, Any]) -> web.StreamResponse:
        if entry.pages.missing():
            return entry.unready(call.request)
        return await handler(call)

    return _row(path, who, show, summary, **columns)
