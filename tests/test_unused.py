"""Nothing stands in the sources that nobody uses: a function, class or constant of a module is named somewhere."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SRC = ROOT / "src"
READERS = (SRC, ROOT / "tests", ROOT / "benchmarks")
FOUND_BY_NAME = {"DIALECT"}  # `dialects` looks for it in each of its modules

Name = tuple[str, str]  # a module's and its own


def module_name(path: Path) -> str:
    parts = path.relative_to(SRC if path.is_relative_to(SRC) else ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def trees() -> dict[str, ast.Module]:
    paths = [path for folder in READERS for path in folder.rglob("*.py")]
    return {module_name(path): ast.parse(path.read_text("utf-8")) for path in paths}


def defined(module: str, tree: ast.Module) -> Iterator[Name]:
    """What stands at the top of a module. A decorator may hand its function to somebody, so it counts as a use."""
    for node in tree.body:
        match node:
            case ast.FunctionDef(name, decorator_list=[]) | ast.AsyncFunctionDef(name, decorator_list=[]):
                yield module, name
            case ast.ClassDef(name) | ast.AnnAssign(ast.Name(name)) | ast.Assign([ast.Name(name)]):
                yield module, name


def used(module: str, tree: ast.Module) -> Iterator[Name]:
    """What is read in the module itself, imported from another one, an attribute of one, or `"module:Name"`."""
    modules: dict[str, str] = {}
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(str(origin), names):
                yield from ((origin, each.name) for each in names)
                modules |= {each.asname or each.name: f"{origin}.{each.name}" for each in names}
            case ast.Import(names):
                modules |= {each.asname or each.name: each.name for each in names}
    for node in ast.walk(tree):
        match node:
            case ast.Name(name, ast.Load()):
                yield module, name
            case ast.Attribute(value, name):
                yield modules.get(ast.unparse(value), ""), name
            case ast.Constant(str(text)):
                origin, _, name = text.partition(":")
                yield origin, name


def unused(sources: Mapping[str, ast.Module]) -> list[str]:
    known = {name for module, tree in sources.items() for name in used(module, tree)}
    ours = (name for module, tree in sources.items() if module.startswith("cortex") for name in defined(module, tree))
    return [
        f"{module}.{name}"
        for module, name in ours
        if (module, name) not in known and not name.startswith("__") and name not in FOUND_BY_NAME
    ]


def test_nothing_is_unused() -> None:
    assert not unused(trees())


@pytest.mark.parametrize(
    ("reader", "left"),
    [
        ("x = 1", ["cortex.a.f"]),
        ("from cortex.a import f", []),
        ("from cortex import a\na.f()", []),
        ("import cortex.a\ncortex.a.f()", []),
        ("engine = 'cortex.a:f'", []),
        ("from cortex import b\nb.f()", ["cortex.a.f"]),
    ],
)
def test_what_is_unused_is_seen(reader: str, left: list[str]) -> None:
    sources = {"cortex.a": ast.parse("def f(): pass"), "tests.b": ast.parse(reader)}
    assert unused(sources) == left
