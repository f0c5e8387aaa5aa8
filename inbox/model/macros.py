"""What a macro's text may say, and what becomes of it. Pure: values come in, text goes out.

Texts are written by people, and by whoever steals a manager's session. So a template is not merely run in a sandbox:
only the few nodes and filters below are let into one at all, and there nothing has attributes but the variables.
"""

import functools
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, TypeAlias

import msgspec
from jinja2 import TemplateError, TemplateSyntaxError, Undefined, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from inbox.model.errors import Invalid

Values: TypeAlias = Mapping[str, "str | Values"]
"""What stands for variables, by name; an empty text is no value."""

VARIABLES: Final[Mapping[str, frozenset[str]]] = {
    "customer": frozenset({"name", "first_name", "phone", "email", "username", "language"}),
    "order": frozenset(
        {"number", "status", "total", "currency", "items", "items_count", "carrier", "tracking_number", "payment"}
    ),
    "manager": frozenset({"name", "first_name"}),
    "shop": frozenset({"name"}),
}
"""What a text may mention, as `{{ customer.name }}`; beside these the fields of cards: `{{ customer.fields.city }}`."""

FIELDS: Final = "customer.fields"

MAX_VALUE: Final = 1_000
"""How much of one value goes into a text, in characters."""

_MAX_DEPTH: Final = 30
_MAX_NODES: Final = 1_000
_COMPILED: Final = 1_000
"""How many texts stay ready to be filled in."""

_FILTERS: Final[Mapping[str, range]] = {
    "default": range(1, 3),
    "d": range(1, 3),
    "upper": range(1),
    "lower": range(1),
    "title": range(1),
    "capitalize": range(1),
    "trim": range(1),
}
"""Filters, with how many arguments each may have."""

# No loops, calls, subscripts, arithmetic or assignments: nothing that a text could keep the server busy with.
_ALLOWED: Final = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Const,
    nodes.Filter,
    nodes.If,
    nodes.CondExpr,
    nodes.And,
    nodes.Or,
    nodes.Not,
)


class Filled(msgspec.Struct, frozen=True, kw_only=True):
    """A text for somebody: `missing` names the variables that it mentions and that have no value.

    Each of those stands in the text as it was written, so that nobody takes the text for a finished one.
    """

    text: str
    language: str
    missing: tuple[str, ...] = ()


class MacroTexts:
    """Checks and fills in texts."""

    def __init__(self) -> None:
        self._sandbox = _Sandbox(autoescape=False, keep_trailing_newline=True)  # Chat text: pages escape it like any.
        self._compiled = functools.lru_cache(_COMPILED)(self._sandbox.from_string)

    def check(self, text: str, field: str, codes: Collection[str] | None = None) -> None:
        """Raise `Invalid` for `field` unless the text can be filled in for anybody; the remedy begins with the line.

        `codes` are the shop's own fields of a card; None lets any name stand for one.
        """
        try:
            tree = self._sandbox.parse(text)
            _Check(codes).template(tree)
            self.fill(text, {})
        except TemplateSyntaxError as error:
            raise Invalid(field, f"line {error.lineno}: {error.message}") from error
        except _Wrong as error:
            raise Invalid(field, str(error)) from error
        except (RecursionError, ValueError, TypeError, TemplateError) as error:
            # A tower of brackets, a number of ten thousand digits: the parser's own limits.
            raise Invalid(field, "is too complicated; write it more simply") from error

    def fill(self, text: str, values: Values) -> tuple[str, tuple[str, ...]]:
        """The text with its variables filled in, and the variables that it lacks, each once."""
        lacking: list[str] = []
        given = {owner: _Owner(owner, values.get(owner, {}), lacking) for owner in VARIABLES}
        filled = self._compiled(text).render(given)
        return filled, tuple(dict.fromkeys(lacking))


def variables(codes: Sequence[str] = ()) -> list[str]:
    """Every variable there is, as it is written."""
    named = [f"{owner}.{name}" for owner, names in VARIABLES.items() for name in sorted(names)]
    return [*named, *(f"{FIELDS}.{code}" for code in codes)]


def language_for(texts: Mapping[str, Any], *wishes: str | None) -> str:
    """The first of the wished languages that there is, `en` for `en-GB` too; else whatever there is."""
    known = (wish for one in wishes if one for wish in (one, one.partition("-")[0]))
    return next((wish for wish in known if wish in texts), next(iter(texts), ""))


class _Wrong(Exception):
    """What a text must not have, and where."""

    def __init__(self, node: nodes.Node, reason: str) -> None:
        super().__init__(f"line {node.lineno}: {reason}")


class _Check:
    """Walks a parsed text. `codes` are the names after `customer.fields.`, None for any."""

    def __init__(self, codes: Collection[str] | None) -> None:
        self._codes = codes
        self._seen = 0

    def template(self, node: nodes.Node, depth: int = 0) -> None:
        self._seen += 1
        if depth > _MAX_DEPTH or self._seen > _MAX_NODES:
            raise _Wrong(node, "there is too much in this text: shorten it, or make two macros of it")
        if isinstance(node, nodes.Name | nodes.Getattr):
            self._variable(node)
            return
        if not isinstance(node, _ALLOWED):
            kind = type(node).__name__.lower()
            raise _Wrong(node, f"only variables, filters and conditions are possible, not {kind}")
        if isinstance(node, nodes.Filter):
            _check_filter(node)
        if isinstance(node, nodes.Const | nodes.TemplateData):
            _check_letters(node)
        for child in node.iter_child_nodes():
            self.template(child, depth + 1)

    def _variable(self, node: nodes.Name | nodes.Getattr) -> None:
        path = _path(node)
        if path is None:
            raise _Wrong(node, "only the variables themselves have a dot: {{ customer.name }}")
        owner, _, name = path.partition(".")
        code = path.removeprefix(f"{FIELDS}.") if path.startswith(f"{FIELDS}.") else None
        if code is not None and not code.startswith("_") and "." not in code:
            if self._codes is None or code in self._codes:
                return
            raise _Wrong(node, f"the card has no field {code}; there are: {', '.join(sorted(self._codes)) or 'none'}")
        if name in VARIABLES.get(owner, ()):
            return
        raise _Wrong(node, f"there is no variable {path}; there are: {', '.join(variables())}, {FIELDS}.…")


def _path(node: nodes.Node) -> str | None:
    """`customer.fields.city` as it was written; None for a dot behind anything but a name."""
    if isinstance(node, nodes.Name):
        return node.name
    if not isinstance(node, nodes.Getattr):
        return None
    owner = _path(node.node)
    return None if owner is None else f"{owner}.{node.attr}"


def _check_filter(node: nodes.Filter) -> None:
    if node.name not in _FILTERS:
        raise _Wrong(node, f"there is no filter {node.name}; there are: {', '.join(sorted(_FILTERS))}")
    if len(node.args) not in _FILTERS[node.name] or node.kwargs or node.dyn_args or node.dyn_kwargs:
        raise _Wrong(node, f"the filter {node.name} is written as in {{{{ customer.name | default('friend') }}}}")


def _check_letters(node: nodes.Const | nodes.TemplateData) -> None:
    value = node.value if isinstance(node, nodes.Const) else node.data
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise _Wrong(node, "holds half a character") from None


class _Missing(Undefined):
    """A variable without a value: conditions and `default` take it for nothing, a text shows and notes it."""

    def __init__(self, variable: str, lacking: list[str]) -> None:
        super().__init__(name=variable)
        self._lacking = lacking

    def __str__(self) -> str:
        variable = str(self._undefined_name)
        self._lacking.append(variable)
        return f"{{{{ {variable} }}}}"


class _Owner:
    """What stands before a dot."""

    def __init__(self, path: str, values: "Values | str", lacking: list[str]) -> None:
        self._path = path
        self._values = values if isinstance(values, Mapping) else {}
        self._lacking = lacking

    def look_up(self, name: str) -> "str | _Owner | _Missing":
        path = f"{self._path}.{name}"
        value = self._values.get(name, {} if path == FIELDS else "")
        if isinstance(value, Mapping):
            return _Owner(path, value, self._lacking)
        return value[:MAX_VALUE] if value.strip() else _Missing(path, self._lacking)


class _Sandbox(ImmutableSandboxedEnvironment):
    """Nothing in it has attributes or items but our own variables."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        return obj.look_up(attribute) if isinstance(obj, _Owner) else self.undefined(obj=obj, name=attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        return self.undefined(obj=obj, name=argument)
