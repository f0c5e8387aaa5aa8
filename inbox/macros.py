"""Prepared replies: texts by language, with variables that are filled in for the customer at hand."""

from collections.abc import Mapping
from typing import Any

from jinja2 import StrictUndefined, TemplateSyntaxError, UndefinedError, meta, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from inbox.model.errors import Forbidden, Invalid, NotFound
from inbox.model.ids import new_id, now
from inbox.model.people import Viewer
from inbox.paging import decode_cursor, page
from inbox.settings import ShopSettings
from inbox.storage.database import Document
from inbox.storage.macros import MacroStore

VARIABLES: Mapping[str, frozenset[str]] = {
    "customer": frozenset({"name", "first_name", "phone", "email"}),
    "manager": frozenset({"name", "first_name"}),
    "shop": frozenset({"name"}),
}
"""What a text may mention, as `{{ customer.name }}`."""

_FILTERS = frozenset({"default", "d", "upper", "lower", "title", "capitalize", "trim"})
# No loops, calls, arithmetic or assignments: nothing that a text could keep the server busy with.
_ALLOWED = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Name,
    nodes.Getattr,
    nodes.Const,
    nodes.Filter,
    nodes.If,
    nodes.CondExpr,
    nodes.And,
    nodes.Or,
    nodes.Not,
)


class MacroTexts:
    """Checks and fills in the texts of macros."""

    def __init__(self) -> None:
        self._sandbox = ImmutableSandboxedEnvironment(
            autoescape=False,  # Chat text, never HTML: the pages escape it like any message.
            undefined=StrictUndefined,
            keep_trailing_newline=True,
        )

    def check(self, text: str, field: str) -> None:
        """Raise `Invalid` for `field` unless the text can be filled in for anybody."""
        try:
            tree = self._sandbox.parse(text)
        except TemplateSyntaxError as error:
            raise Invalid(field, f"line {error.lineno}: {error.message}") from error
        for node in tree.find_all(nodes.Node):
            if not isinstance(node, _ALLOWED):
                raise Invalid(field, f"only variables and conditions are possible, not {type(node).__name__.lower()}")
            if isinstance(node, nodes.Filter) and node.name not in _FILTERS:
                raise Invalid(field, f"there is no filter {node.name}; there are: {', '.join(sorted(_FILTERS))}")
            if isinstance(node, nodes.Getattr):
                _check_mention(node, field)
        unknown = sorted(meta.find_undeclared_variables(tree) - VARIABLES.keys())
        if unknown:
            raise Invalid(field, f"there is no variable {unknown[0]}; there are: {', '.join(known_variables())}")

    def fill(self, text: str, values: Mapping[str, Mapping[str, str]]) -> str:
        """The text with its variables filled in."""
        try:
            return self._sandbox.from_string(text).render(values)
        except (UndefinedError, TemplateSyntaxError) as error:
            raise Invalid("text", str(error)) from error


def _check_mention(node: nodes.Getattr, field: str) -> None:
    owner = node.node.name if isinstance(node.node, nodes.Name) else ""
    if node.attr not in VARIABLES.get(owner, ()):
        raise Invalid(field, f"there is no variable {owner}.{node.attr}; there are: {', '.join(known_variables())}")


def known_variables() -> list[str]:
    """Every variable there is, as it is written."""
    return [f"{owner}.{name}" for owner, names in VARIABLES.items() for name in sorted(names)]


class Macros:
    """The macros that a manager may use: the shared ones and their own."""

    def __init__(self, store: MacroStore, settings: ShopSettings, texts: MacroTexts) -> None:
        self._store = store
        self._settings = settings
        self._texts = texts

    async def page(self, viewer: Viewer, cursor: str | None, limit: int) -> tuple[list[Document], str | None]:
        """A page of macros, and the cursor for the next."""
        after = decode_cursor(cursor, str)[0] if cursor else None
        return page(await self._store.page(viewer.id, after, limit + 1), limit, "_id")

    async def get(self, viewer: Viewer, macro_id: str) -> Document:
        """One macro. Raises `NotFound` also for a colleague's own."""
        found = await self._store.get(macro_id)
        if found is None or found["owner_id"] not in (None, viewer.id):
            raise NotFound("there is no such macro")
        return found

    async def create(
        self, viewer: Viewer, *, name: str, text: str | Mapping[str, str], shortcut: str, shared: bool
    ) -> Document:
        """Keep a new macro. Only admins make shared ones."""
        if shared and not viewer.administers:
            raise Forbidden("only admins make macros for everybody")
        present = now()
        return await self._store.insert(
            {
                "_id": new_id(),
                "name": name,
                "shortcut": shortcut,
                "text": await self._checked(text),
                "owner_id": None if shared else viewer.id,
                "created_at": present,
                "updated_at": present,
            }
        )

    async def change(self, viewer: Viewer, macro_id: str, changes: Mapping[str, Any]) -> Document:
        """Set `name`, `text` or `shortcut`."""
        before = await self._own(viewer, macro_id)
        fields = dict(changes)
        if "text" in fields:
            fields["text"] = await self._checked(fields["text"])
        changed = await self._store.change(macro_id, fields) if fields else before
        if changed is None:
            raise NotFound("there is no such macro")
        return changed

    async def delete(self, viewer: Viewer, macro_id: str) -> None:
        """Forget a macro; messages that were made with it stay as they are."""
        await self._own(viewer, macro_id)
        if not await self._store.delete(macro_id):
            raise NotFound("there is no such macro")

    async def fill(
        self, viewer: Viewer, macro: Document, customer: Document | None, *, language: str | None = None
    ) -> tuple[str, str]:
        """A macro's text for this customer, and the language it is in.

        Without a wish it is the customer's language, else the shop's first, else whatever there is.
        """
        settings = await self._settings.get()
        texts: dict[str, str] = macro["text"]
        if language is not None and language not in texts:
            raise Invalid("language", f"this macro speaks {', '.join(texts)}")
        wishes = (language, (customer or {}).get("language"), *settings["languages"])
        chosen = next((wish for wish in wishes if wish in texts), next(iter(texts)))
        return self._texts.fill(texts[chosen], _values(viewer, customer or {}, settings)), chosen

    async def _own(self, viewer: Viewer, macro_id: str) -> Document:
        found = await self.get(viewer, macro_id)
        if found["owner_id"] is None and not viewer.administers:
            raise Forbidden("a shared macro is changed by admins")
        return found

    async def _checked(self, text: str | Mapping[str, str]) -> dict[str, str]:
        """Texts by language; one without language is in the shop's first."""
        if isinstance(text, str):
            self._texts.check(text, "text")
            return {(await self._settings.get())["languages"][0]: text}
        for language, translation in text.items():
            self._texts.check(translation, f"text.{language}")
        return dict(text)


def _values(viewer: Viewer, customer: Document, settings: Document) -> dict[str, dict[str, str]]:
    name = customer.get("name", "")
    phones, emails = customer.get("phones", ()), customer.get("emails", ())
    return {
        "customer": {
            "name": name,
            "first_name": _first_name(name),
            "phone": phones[0]["number"] if phones else "",
            "email": emails[0]["address"] if emails else "",
        },
        "manager": {"name": viewer.name, "first_name": _first_name(viewer.name)},
        "shop": {"name": settings["shop_name"]},
    }


def _first_name(name: str) -> str:
    return name.split(maxsplit=1)[0] if name.split() else ""
