"""Prepared replies: texts by language with variables, files, buttons to press, and what else is done when one is sent.

A macro keeps its files; every message that is made with it gets rows of its own that share their bytes.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

import msgspec

from inbox.customer_fields import CustomerFields
from inbox.model.actions import FOLLOW_UPS, Action
from inbox.model.errors import Forbidden, Invalid, NotFound
from inbox.model.ids import new_id, now
from inbox.model.macros import Filled, MacroTexts, Values, language_for
from inbox.model.orders import payment_state
from inbox.model.people import Viewer
from inbox.model.pipeline import Pipeline
from inbox.model.typed import each, plain
from inbox.paging import decode_cursor, page
from inbox.settings import ShopSettings
from inbox.storage.attachments import AttachmentStore
from inbox.storage.database import Document
from inbox.storage.macros import MacroStore

MAX_FILES: Final = 10
MAX_BUTTONS: Final = 10
MAX_TITLE: Final = 40
"""How long a button's title may be, in characters."""

MAX_DATA: Final = 64
"""How much may stand behind a button, in bytes of UTF-8: as much as Telegram carries."""

MAX_ACTIONS: Final = 10
_MOST: Final = 2_000
"""How many macros are put in the order of their use; a shop has fewer."""


class OrderBook(Protocol):
    """What macros ask of the shop's orders."""

    async def pipeline(self) -> Pipeline:
        """The stages of orders."""

    async def of_customer(self, customer_id: str) -> Sequence[Document]:
        """A customer's orders, the latest first."""


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """A macro for somebody: what a reply would say, show and do. `filled.missing` keeps it from being sent."""

    macro: Document
    filled: Filled
    buttons: tuple[tuple[str, str], ...]
    """(title, data) pairs."""
    files: tuple[Document, ...]
    actions: tuple[Action, ...]
    order: Document | None
    """The order that it speaks of."""


class Macros:
    """The macros that a manager may use: the shared ones and their own."""

    def __init__(
        self,
        *,
        store: MacroStore,
        attachments: AttachmentStore,
        settings: ShopSettings,
        texts: MacroTexts,
        orders: OrderBook,
        fields: CustomerFields,
    ) -> None:
        self._store = store
        self._attachments = attachments
        self._settings = settings
        self._orders = orders
        self._fields = fields
        self._texts = texts

    async def page(
        self, viewer: Viewer, cursor: str | None, limit: int, *, by_use: bool = False, archived: bool = False
    ) -> tuple[list[Document], str | None]:
        """A page of macros with their `usage` and `files`, and the cursor for the next.

        In the order in which they were made; `by_use` what this manager used most comes first, then what others did.
        """
        if by_use:
            rows = await self._most_used(viewer, cursor, limit + 1, archived=archived)
            found, following = page(rows, limit, "rank")
        else:
            after = decode_cursor(cursor, str)[0] if cursor else None
            rows = await self._store.page(viewer.id, after, limit + 1, archived=archived)
            found, following = page(rows, limit, "_id")
            found = await self._with_usage(viewer, found)
        return await self._with_files(found), following

    async def _most_used(self, viewer: Viewer, cursor: str | None, limit: int, *, archived: bool) -> list[Document]:
        rows = await self._with_usage(viewer, await self._store.page(viewer.id, None, _MOST, archived=archived))
        for row in rows:
            usage = row["usage"]
            row["rank"] = f"{10**9 - usage['mine']:010d}{10**9 - usage['count']:010d}{row['_id']}"
        rows.sort(key=lambda row: str(row["rank"]))
        after = decode_cursor(cursor, str)[0] if cursor else ""
        return [row for row in rows if row["rank"] > after][:limit]

    async def _with_usage(self, viewer: Viewer, macros: Sequence[Document]) -> list[Document]:
        usage = await self._store.usage([macro["_id"] for macro in macros], viewer.id)
        return [{**macro, "usage": usage[macro["_id"]]} for macro in macros]

    async def _with_files(self, macros: Sequence[Document]) -> list[Document]:
        rows = await self._attachments.many([key for macro in macros for key in macro["attachments"]])
        files = {row["_id"]: row for row in rows}
        return [{**macro, "files": [files[key] for key in macro["attachments"] if key in files]} for macro in macros]

    async def get(self, viewer: Viewer, macro_id: str) -> Document:
        """One macro. Raises `NotFound` also for a colleague's own."""
        found = await self._store.get(macro_id)
        if found is None or found["owner_id"] not in (None, viewer.id):
            raise NotFound("there is no such macro")
        return found

    async def told(self, viewer: Viewer, macro: Document) -> Document:
        """A macro with its `usage` and `files`, as a page has it."""
        (told,) = await self._with_files(await self._with_usage(viewer, [macro]))
        return told

    async def shared(self, macro_id: str) -> Document | None:
        """A macro that everybody may use, and so the bot; None for any other."""
        found = await self._store.get(macro_id)
        return found if found is not None and found["owner_id"] is None and not found["archived"] else None

    async def called(self, macro_id: str) -> str:
        """What a macro is called, archived or not; empty where there is none of this id."""
        macro = await self._store.get(macro_id)
        return "" if macro is None else str(macro["name"])

    async def shared_like(self, macro_id: str, shortcut: str, name: str, folder: str) -> Document | None:
        """The shared macro of this id, else of this shortcut, else of this name in this folder."""
        return await self._store.shared_like(macro_id, shortcut, name, folder)

    async def create(
        self,
        viewer: Viewer,
        *,
        name: str,
        text: str | Mapping[str, str],
        shortcut: str = "",
        folder: str = "",
        attachments: Sequence[str] = (),
        buttons: Sequence[Mapping[str, Any]] = (),
        actions: Sequence[Any] = (),
        shared: bool,
    ) -> Document:
        """Keep a new macro. Only admins make shared ones."""
        if shared and not viewer.administers:
            raise Forbidden("only admins make macros for everybody")
        present = now()
        made: Document = {
            "_id": new_id(),
            "name": name,
            "shortcut": shortcut,
            "folder": folder,
            **await self._checked({"text": text, "buttons": buttons, "actions": actions}),
            "attachments": [],
            "archived": False,
            "owner_id": None if shared else viewer.id,
            "created_at": present,
            "updated_at": present,
        }
        made["attachments"] = await self._kept(viewer, made, attachments)
        return await self._store.insert(made)

    async def change(self, viewer: Viewer, macro_id: str, changes: Mapping[str, Any]) -> Document:
        """Set `name`, `text`, `shortcut`, `folder`, `attachments`, `buttons`, `actions` or `archived`."""
        before = await self._own(viewer, macro_id)
        fields = {**changes, **await self._checked(changes)}
        if "attachments" in fields:
            fields["attachments"] = await self._kept(viewer, before, fields["attachments"])
        changed = await self._store.change(macro_id, fields) if fields else before
        if changed is None:
            raise NotFound("there is no such macro")
        await self._attachments.release(macro_id, changed["attachments"])
        return changed

    async def delete(self, viewer: Viewer, macro_id: str) -> None:
        """Forget a macro; messages that were made with it stay as they are, files included."""
        await self._own(viewer, macro_id)
        if not await self._store.delete(macro_id):
            raise NotFound("there is no such macro")
        await self._attachments.release(macro_id, ())

    async def fill(
        self,
        macro: Mapping[str, Any],
        *,
        customer: Mapping[str, Any] | None = None,
        order: Mapping[str, Any] | None = None,
        manager: Viewer | None = None,
        language: str | None = None,
    ) -> Filled:
        """A macro's text (`macro["text"]` by language) for a card, an order and a manager, as far as there are such.

        Without a wish for a `language` it is the customer's, else the shop's first, else whatever there is. Raises
        `Invalid` for a wish that the macro cannot fulfil.
        """
        settings = await self._settings.get()
        texts: Mapping[str, str] = macro["text"]
        if language is not None and language not in texts:
            raise Invalid("language", f"this macro speaks {', '.join(texts)}")
        chosen = language_for(texts, language, (customer or {}).get("language"), *settings["languages"])
        values: dict[str, Values] = {"shop": {"name": settings["shop_name"]}}
        if customer is not None:
            values["customer"] = _customer_values(customer)
        if manager is not None:
            values["manager"] = {"name": manager.name, "first_name": _first_name(manager.name)}
        if order is not None:
            pipeline = await self._orders.pipeline()
            values["order"] = _order_values(order, pipeline.title(order["status"], (chosen, *settings["languages"])))
        text, missing = self._texts.fill(texts[chosen], values)
        return Filled(text=text, language=chosen, missing=missing)

    async def prepare(
        self,
        macro: Document,
        *,
        customer: Document | None,
        manager: Viewer | None = None,
        order: str | None = None,
        language: str | None = None,
    ) -> Prepared:
        """A whole macro for somebody; `order` as in `order`."""
        chosen = await self.order(customer, order)
        filled = await self.fill(macro, customer=customer, order=chosen, manager=manager, language=language)
        wishes = (filled.language, *(await self._settings.get())["languages"])
        titles = [(button["title"], button["data"]) for button in macro["buttons"]]
        return Prepared(
            macro=macro,
            filled=filled,
            buttons=tuple((title[language_for(title, *wishes)], data) for title, data in titles),
            files=tuple(await self._attachments.many(macro["attachments"])),
            actions=each(macro["actions"], FOLLOW_UPS, "actions"),
            order=chosen,
        )

    async def draft(self, viewer: Viewer, fields: Mapping[str, Any]) -> Document:
        """A macro that is being written, checked like one that is to be kept, and not kept."""
        checked = await self._checked({"buttons": (), "actions": (), **fields})
        rows = await self._attachments.many(list(fields.get("attachments", ())))
        files = [row["_id"] for row in rows if await self._may_keep(viewer, row)]
        return {"_id": "", "name": "", **checked, "attachments": files}

    async def codes(self) -> list[str]:
        """The fields of cards that a text may mention. Where a shop has defined none, any name may stand for one."""
        return [field.code for field in await self._fields.all() if not field.archived]

    async def lent(self, viewer: Viewer, file_ids: Sequence[str]) -> frozenset[str]:
        """Which of these files belong to macros that this manager may use."""
        rows = await self._attachments.many(list(file_ids)) if file_ids else []
        return frozenset(
            [row["_id"] for row in rows if row.get("macro_id") is not None and await self._may_keep(viewer, row)]
        )

    async def may_read(self, viewer: Viewer, attachment: Mapping[str, Any]) -> bool:
        """Whether a file is one of a macro that this manager may use."""
        macro = await self._store.get(attachment["macro_id"]) if attachment.get("macro_id") else None
        return macro is not None and macro["owner_id"] in (None, viewer.id)

    async def used(self, message: Mapping[str, Any]) -> None:
        """Count a use of a macro, once for a message however often it is told."""
        await self._store.count_use(
            message["macro_id"], message["author"]["id"], message["_id"], at=message["created_at"]
        )

    async def order(self, customer: Mapping[str, Any] | None, wanted: str | None = None) -> Document | None:
        """The order that a reply to a customer speaks of: the one that is `wanted`, by id or number.

        Else the latest that may still go somewhere, else the latest. Raises `Invalid` for one that is not theirs.
        """
        orders = await self._orders.of_customer(customer["_id"]) if customer is not None else ()
        if wanted is not None:
            named = next((order for order in orders if wanted in (order["_id"], order["number"])), None)
            if named is None:
                raise Invalid("order", "this customer has no such order")
            return named
        pipeline = await self._orders.pipeline()
        under_way = (order for order in orders if pipeline.allowed(order["status"]))
        return next(under_way, next(iter(orders), None))

    async def _own(self, viewer: Viewer, macro_id: str) -> Document:
        found = await self.get(viewer, macro_id)
        if found["owner_id"] is None and not viewer.administers:
            raise Forbidden("a shared macro is changed by admins")
        return found

    async def _checked(self, fields: Mapping[str, Any]) -> Document:
        """Those of `text`, `buttons` and `actions` that are among the fields, as they are stored."""
        first = (await self._settings.get())["languages"][0]
        checked: Document = {}
        if "text" in fields:
            checked["text"] = self._checked_text(fields["text"], first, await self.codes())
        if "buttons" in fields:
            checked["buttons"] = _checked_buttons(fields["buttons"], first)
        if "actions" in fields:
            if len(fields["actions"]) > MAX_ACTIONS:
                raise Invalid("actions", f"at most {MAX_ACTIONS}")
            checked["actions"] = [plain(action) for action in each(fields["actions"], FOLLOW_UPS, "actions")]
        return checked

    def _checked_text(self, text: str | Mapping[str, str], first: str, codes: Sequence[str]) -> dict[str, str]:
        """Texts by language; one without language is in the shop's first."""
        if isinstance(text, str):
            self._texts.check(text, "text", codes or None)
            return {first: text}
        for language, translation in text.items():
            self._texts.check(translation, f"text.{language}", codes or None)
        return dict(text)

    async def _kept(self, viewer: Viewer, macro: Document, file_ids: Sequence[str]) -> list[str]:
        """Have a macro keep these files: those that it has, one's own uploads, and copies of other macros' files."""
        if len(file_ids) > MAX_FILES:
            raise Invalid("attachments", f"at most {MAX_FILES} files")
        rows = {row["_id"]: row for row in await self._attachments.many(list(file_ids))}
        for key in file_ids:
            if key not in rows or not await self._may_keep(viewer, rows[key]):
                raise Invalid("attachments", f"there is no upload {key}; post it to /attachments first")
        return [await self._attachments.keep(rows[key], macro["_id"]) for key in file_ids]

    async def _may_keep(self, viewer: Viewer, row: Document) -> bool:
        if row.get("macro_id") is not None:
            return await self.may_read(viewer, row)
        return row["uploader_id"] == viewer.id and row["message_id"] is None


def _checked_buttons(buttons: Sequence[Mapping[str, Any]], first: str) -> list[Document]:
    """Buttons with titles by language; no two of a language alike, nor with the same data behind them."""
    if len(buttons) > MAX_BUTTONS:
        raise Invalid("buttons", f"at most {MAX_BUTTONS}")
    checked: list[Document] = []
    for position, button in enumerate(buttons):
        title = button["title"]
        titles = {first: title} if isinstance(title, str) else dict(title)
        data = button.get("data") or _cut(titles[language_for(titles, first)], MAX_DATA)
        for other in checked:
            if other["data"] == data:
                raise Invalid(f"buttons.{position}.data", "another button has the same behind it")
            if any(other["title"].get(language) == text for language, text in titles.items()):
                raise Invalid(f"buttons.{position}.title", "another button says the same")
        checked.append({"title": titles, "data": data})
    return checked


def _cut(text: str, limit: int) -> str:
    """As much of a text as has at most `limit` bytes."""
    return text.encode()[:limit].decode(errors="ignore")


def _customer_values(customer: Mapping[str, Any]) -> Values:
    name = customer.get("name", "")
    phones, emails = customer.get("phones", ()), customer.get("emails", ())
    return {
        "name": name,
        "first_name": _first_name(name),
        "phone": phones[0]["number"] if phones else "",
        "email": emails[0]["address"] if emails else "",
        "language": customer.get("language", ""),
        "fields": {code: value for code, value in customer.get("fields", {}).items() if value is not None},
    }


def _order_values(order: Mapping[str, Any], status: str) -> Values:
    items, delivery = order["items"], order["delivery"] or {}
    return {
        "number": order["number"],
        "status": status,
        "total": order["total"] or "",
        "currency": order["currency"] or "",
        "items": ", ".join(f"{item['name']} × {item['quantity']}" for item in items),
        "items_count": str(len(items)) if items else "",
        "carrier": delivery.get("carrier") or "",
        "tracking_number": delivery.get("tracking_number") or "",
        "payment": payment_state(order["payment"]),
    }


def _first_name(name: str) -> str:
    return name.split(maxsplit=1)[0] if name.split() else ""
