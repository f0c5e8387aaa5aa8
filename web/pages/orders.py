"""Orders as pages show them: statuses by their titles, moves with what they bring about, money as people write it."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from inbox.model.orders import payment_state
from inbox.model.pipeline import Pipeline
from inbox.storage.database import Document
from inbox.storage.orders import Sum
from web.api.orders import order_view
from web.pages.desk import View

LANGUAGES = ("en",)
"""In which language pages name statuses."""

_SIGNS = {"UAH": "₴", "USD": "$", "EUR": "€", "GEL": "₾", "GBP": "£", "PLN": "zł", "TRY": "₺", "JPY": "¥", "KZT": "₸"}
_FULL = 4
"""Into how many parts the ring beside a status is divided."""


def money(amount: str | Decimal, currency: str) -> str:
    """An amount with its currency: `1 299.50 ₴`, thousands apart, nothing broken over a line."""
    return f"{Decimal(amount):,}".replace(",", "\u202f") + "\u00a0" + _SIGNS.get(currency, currency)


def status_shown(pipeline: Pipeline, code: str) -> View:
    """A status: its title, and how far along it is as `ring`, 0 to 4, or `end` where nothing follows."""
    ways = [stage.code for stage in pipeline.stages if stage.next]
    ring = str(round(_FULL * ways.index(code) / max(1, len(ways) - 1))) if code in ways else "end"
    return {"code": code, "title": pipeline.title(code, LANGUAGES), "ring": ring}


def order_shown(order: Document, pipeline: Pipeline, sources: Mapping[str, str]) -> View:
    """An order for the card; `sources` names the shops by id."""
    return {
        **order_view(order),
        "shown": status_shown(pipeline, order["status"]),
        "moves": [
            {**status_shown(pipeline, code), "notify": pipeline.notifies(code)}
            for code in pipeline.allowed(order["status"])
        ],
        "lines": order["items"],
        "paid": payment_state(order["payment"]),
        "source_name": sources.get(order["source"], ""),
        "steps": [_step(entry, pipeline) for entry in reversed(order["history"])],
    }


def sum_shown(one: Sum) -> str:
    """What a card's orders in one currency come to."""
    return money(one.total, one.currency)


def _step(entry: Mapping[str, Any], pipeline: Pipeline) -> View:
    """A change in words: where the status went, which other fields changed, and what was said along with it."""
    status = entry["changes"].get("status")
    return {
        "at": entry["at"],
        "by": entry["by"]["name"] or entry["by"]["type"],
        "status": status_shown(pipeline, status["to"]) if status else None,
        "fields": [field for field in entry["changes"] if field != "status"],
        "irregular": entry["irregular"],
        "reply": entry.get("reply"),
    }


def orders_shown(
    orders: Sequence[Document],
    waiting: Sequence[Document],
    sums: Sequence[Sum],
    pipeline: Pipeline,
    sources: Mapping[str, str],
) -> View:
    """The card's block: `orders`, `waiting` ones that may be theirs, how many there are and their `sums`."""
    return {
        "orders": [order_shown(order, pipeline, sources) for order in orders],
        "waiting": [order_shown(order, pipeline, sources) for order in waiting],
        "count": sum(one.count for one in sums),
        "sums": [sum_shown(one) for one in sums],
    }


def statuses_shown(pipeline: Pipeline, version: int, counts: Mapping[str, int]) -> View:
    """The pipeline for the screen that sets it."""
    return {
        "version": version,
        "statuses": [
            {
                **status_shown(pipeline, stage.code),
                "titles": stage.title,
                "next": stage.next,
                "notify": stage.notify,
                "macro_id": stage.macro_id,
                "void": stage.code in pipeline.void,
                "orders": counts.get(stage.code, 0),
            }
            for stage in pipeline.stages
        ],
    }
