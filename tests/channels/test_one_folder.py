"""A kind costs its own folder, a line in each of two lists, its tests and its page: nothing else may name it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from channels.registry import KINDS
from tests.channels import examples
from tests.channels.examples import HERE

ROOT = HERE.parent.parent
HOUSE = ("bot", "channels", "inbox", "routing", "web")
LISTS = ("channels/registry.py", "channels/sandbox.py")
EXCEPTIONS = {
    "bot/staff": "is a bot of one app by itself, for managers, and shares that channel's client",
    "web/templates/settings/staff": "says to managers and admins which app that is",
    "web/demo": "plays one made-up shop, with customers on the phones of certain apps",
}
"""Who else may name a kind, and why."""

NAMES = re.compile(rf"(?<![a-z])({'|'.join(sorted(set(KINDS) - {'email'}))})(?![a-z])", re.IGNORECASE)
"""`email` is also a word of its own: a manager signs in with one. What asks for a kind by name is found otherwise."""


def others() -> Iterator[Path]:
    """What is neither a kind's own, nor one of the lists, nor excepted."""
    for part in HOUSE:
        for path in sorted((ROOT / part).rglob("*")):
            place = path.relative_to(ROOT).as_posix()
            own = any(place.startswith((f"channels/{kind}/", f"channels/sandbox_pages/{kind}.")) for kind in KINDS)
            excepted = any(place == name or place.startswith(f"{name}/") for name in EXCEPTIONS)
            if path.suffix in {".py", ".html", ".js", ".css"} and not own and not excepted and place not in LISTS:
                yield path


def code(source: str) -> Iterator[str]:
    """The names and texts of a Python module, without its comments and docstrings."""
    tree = ast.parse(source)
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    texts = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, documented[1:]):
            yield node.name
        match node:
            case ast.Constant(value=str(text)) if id(node) not in texts:
                yield text
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name) | ast.alias(name=name):
                yield name
            case ast.ImportFrom(module=str(name)) | ast.keyword(arg=str(name)):
                yield name


def asked_by_name(source: str) -> Iterator[str]:
    """Comparisons of a kind with the name of one."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Compare) and "kind" in ast.unparse(node).lower():
            yield from (
                ast.unparse(node)
                for constant in ast.walk(node)
                if isinstance(constant, ast.Constant) and constant.value in KINDS
            )


@pytest.mark.parametrize("part", HOUSE)
def test_nothing_else_names_a_kind(part):
    found: dict[str, list[str]] = {}
    for path in others():
        place = path.relative_to(ROOT).as_posix()
        if not place.startswith(f"{part}/"):
            continue
        source = path.read_text(encoding="utf-8")
        if path.suffix == ".py":
            named = [text for text in code(source) if NAMES.search(text)] + list(asked_by_name(source))
        else:
            named = NAMES.findall(re.sub(r"\{#.*?#\}|/\*.*?\*/|<!--.*?-->", "", source, flags=re.DOTALL))
        if named:
            found[place] = named
    assert found == {}


def test_it_would_be_noticed():
    assert list(asked_by_name("if channel['kind'] == 'email': pass"))
    assert [text for text in code("from channels.viber import x") if NAMES.search(text)]
    assert [text for text in code("if name == 'telegram': pass") if NAMES.search(text)]
    assert not [text for text in code('"""As Telegram does."""\n# Viber too') if NAMES.search(text)]


@pytest.mark.parametrize("excepted", EXCEPTIONS)
def test_no_exception_outlives_its_reason(excepted):
    path = ROOT / excepted
    files = [*path.rglob("*.py"), *path.rglob("*.html")] if path.is_dir() else [path]
    assert any(NAMES.search(file.read_text(encoding="utf-8")) for file in files)


def test_a_kind_that_only_the_tests_know_is_made_of_its_folder_and_its_example():
    """The toy was added by following `docs/adding-a-channel.md`; this is all that knows of it."""
    knows = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "tests").rglob("*.py")
        if re.search(r"tests\.channels\.toy|[\"']toy[\"']", path.read_text(encoding="utf-8"))
    }
    folder = {path for path in knows if path.startswith("tests/channels/toy/")}
    assert folder
    assert knows - folder == {Path(examples.__file__).relative_to(ROOT).as_posix(), f"{HERE.relative_to(ROOT)}/{NAME}"}
    assert "toy" not in KINDS


NAME = Path(__file__).name
