"""The table of the API: every endpoint under /api/v1, and nothing that is not in it."""

from aiohttp import web

from web.api import (
    attachments,
    audit,
    avatars,
    carriers,
    channels,
    conversations,
    customer_fields,
    customer_notes,
    customers,
    erasing,
    handing_over,
    live,
    macros,
    managers,
    me,
    merging,
    messages,
    notices,
    order_pipeline,
    order_sources,
    orders,
    personal_data,
    quarantine,
    reports,
    routing,
    rule_calls,
    rules,
    search,
    sessions,
    settings,
    staff,
    suggestions,
    tasks,
    teams,
    transfers,
)
from web.api.openapi import OpenApiHandlers
from web.api.rows import PREFIX
from web.api.services import ApiServices
from web.doors.gate import Doors
from web.doors.table import Route


def add_api(app: web.Application, doors: Doors, services: ApiServices) -> None:
    """Serve the API through `doors`."""
    openapi = OpenApiHandlers(doors.table)
    doors.add(app, [*api_table(doors, services), openapi.row(f"{PREFIX}/openapi.json")])


def api_table(doors: Doors, services: ApiServices) -> list[Route]:
    """Every row, grouped by subject."""
    return [
        *sessions.rows(doors),
        *me.rows(doors, services),
        *managers.rows(services),
        *teams.rows(services),
        *routing.rows(services),
        *settings.rows(services),
        *audit.rows(services),
        *channels.rows(services),
        *quarantine.rows(services),
        *conversations.rows(services),
        *messages.rows(services),
        *attachments.rows(services),
        *handing_over.rows(services),
        *staff.rows(services),
        *customers.rows(services),
        *customer_fields.rows(services),
        *customer_notes.rows(services),
        *avatars.rows(services),
        *macros.rows(services),
        *suggestions.rows(services),
        *merging.rows(services),
        *erasing.rows(services),
        *personal_data.rows(services),
        *transfers.rows(services),
        *rules.rows(services),
        *rule_calls.rows(services),
        *orders.rows(services),
        *order_pipeline.rows(services),
        *order_sources.rows(services),
        *tasks.rows(services),
        *search.rows(services),
        *carriers.rows(services),
        *reports.rows(services),
        *notices.rows(services),
        *live.rows(doors, services),
    ]
