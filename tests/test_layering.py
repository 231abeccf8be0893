"""The law of imports, read from the source of every module: who may know whom, and where each dependency lives."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import resolve_name
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SRC = ROOT / "src"

# A layer is a package or a module right under `cortex`. It may import itself and these.
LAYERS: dict[str, set[str]] = {
    "core": set(),
    "config": {"core"},
    "dialects": {"core"},
    "engines": {"core"},
    "models": {"core", "dialects", "config"},
    "runner": {"core", "engines"},
    "complete": {"core", "runner"},
    "server": {"core", "complete", "runner", "models", "config"},
    "cli": {"core", "dialects", "engines", "models", "runner", "complete", "server", "config"},
}

# Where each dependency may be imported, by the beginning of the module's name.
HOMES: dict[str, tuple[str, ...]] = {
    "cffi": ("cortex.engines.llama",),
    "fastapi": ("cortex.server",),
    "httpx": ("cortex.models.sources", "cortex.cli"),
    "huggingface_hub": ("cortex.models.sources",),
    "jinja2": ("cortex.core",),
    "llguidance": ("cortex.engines.constraint",),
    "msgspec": ("cortex.runner", "cortex.server.wire"),
    "numpy": ("cortex.engines",),
    "pip": ("cortex.models.sources",),
    "pydantic": ("cortex.server.wire",),
    "rich": ("cortex.cli",),
    "starlette": ("cortex.server",),
    "typer": ("cortex.cli",),
    "uvicorn": ("cortex.server",),
    "websockets": ("cortex.server",),  # uvicorn finds it by itself
    "xllamacpp": ("cortex.engines.llama",),
    "yaml": ("cortex.config", "cortex.models"),
}

# The pure half: nothing that waits, touches the machine, asks the time, draws lots or writes a log. A `datetime` that
# somebody gave it is a value like any other; the calls in CLOCKS are not.
PURE = ("cortex.core", "cortex.dialects")
IMPURE = {
    *("asyncio", "concurrent", "contextvars", "multiprocessing", "queue", "selectors", "signal", "threading"),
    *("ctypes", "glob", "io", "mmap", "os", "pathlib", "shutil", "socket", "subprocess", "tempfile"),
    *("http", "urllib", "ssl", "sqlite3"),
    *("random", "secrets", "time", "uuid", "logging", "warnings"),
}
CLOCKS = {"now", "utcnow", "today"}


@dataclass(frozen=True, slots=True)
class Import:
    module: str
    target: str
    line: int

    def __str__(self) -> str:
        return f"{self.module}:{self.line} imports {self.target}"


def module_name(path: Path, src: Path) -> str:
    parts = path.relative_to(src).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(source: str, module: str, *, is_package: bool = False) -> Iterator[Import]:
    """Every import of this source, wherever it stands: inside functions and under TYPE_CHECKING too."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names):
                yield from (Import(module, alias.name, node.lineno) for alias in names)
            case ast.ImportFrom(target, names, level):
                package = module if is_package else module.rpartition(".")[0]
                base = resolve_name("." * level + (target or ""), package)
                yield from (Import(module, f"{base}.{alias.name}", node.lineno) for alias in names)


def clock_calls(source: str) -> Iterator[int]:
    """The lines that read a clock."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(ast.Attribute(attr=name)) if name in CLOCKS:
                yield node.lineno


@pytest.fixture(scope="module")
def every() -> list[Import]:
    return [
        found
        for path in sorted(SRC.rglob("*.py"))
        for found in imports_of(path.read_text("utf-8"), module_name(path, SRC), is_package=path.name == "__init__.py")
    ]


def within(module: str, homes: tuple[str, ...]) -> bool:
    return any(module == home or module.startswith(home + ".") for home in homes)


def layer(name: str) -> str | None:
    """The layer that this module belongs to; None for `cortex` itself (and its `__version__`)."""
    top, *rest = name.split(".")
    assert top == "cortex"
    return rest[0] if rest and rest[0] != "__version__" else None


def climbs(found: Import) -> bool:
    """Whether this import of ours goes where its layer may not look."""
    source, target = layer(found.module), layer(found.target)
    return target is not None and target != source and target not in LAYERS.get(source or "", set())


def strays(found: Import) -> bool:
    """Whether this import of a dependency is outside its home, or of something that has none."""
    top = found.target.split(".")[0]
    return top != "cortex" and top not in sys.stdlib_module_names and not within(found.module, HOMES.get(top, ()))


def soils(found: Import) -> bool:
    return within(found.module, PURE) and found.target.split(".")[0] in IMPURE


def test_there_is_something_to_judge(every: list[Import]) -> None:
    assert len(every) > 20


def test_every_module_belongs_to_a_layer() -> None:
    names = {layer(module_name(path, SRC)) for path in SRC.rglob("*.py")} - {None}
    assert names <= LAYERS.keys()


def test_nothing_imports_upward_or_sideways(every: list[Import]) -> None:
    assert not [str(found) for found in every if found.target.startswith("cortex") and climbs(found)]


def test_each_dependency_stays_in_its_home(every: list[Import]) -> None:
    assert not [str(found) for found in every if strays(found)]


def test_the_pure_half_stays_pure(every: list[Import]) -> None:
    assert not [str(found) for found in every if soils(found)]


def test_each_home_is_of_a_declared_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    declared = {re.split(r"[^\w-]", line)[0].replace("-", "_").lower() for line in project["dependencies"]}
    modules = {"pyyaml": "yaml"}
    wanted = {modules.get(name, name) for name in declared}
    assert HOMES.keys() - wanted == {"starlette"}  # fastapi's own foundation
    assert wanted <= HOMES.keys()


def test_the_pure_half_never_asks_the_time() -> None:
    sources = {path: path.read_text("utf-8") for path in SRC.rglob("*.py") if within(module_name(path, SRC), PURE)}
    assert sources
    assert not [f"{path.name}:{line}" for path, source in sources.items() for line in clock_calls(source)]


def test_a_clock_would_be_seen() -> None:
    assert list(clock_calls("at = 1\nsaid = datetime.now(UTC)")) == [2]


@pytest.mark.parametrize(
    ("module", "source", "judge"),
    [
        ("cortex.core.plan", "from cortex.engines.base import Engine", climbs),
        ("cortex.engines.llama.engine", "def late():\n    import cortex.server", climbs),
        ("cortex.models.store", "from ..runner import Runner", climbs),
        ("cortex.models.store", "from cortex import cli", climbs),
        ("cortex.core.parse", "import pydantic", strays),
        ("cortex.server.app", "from pydantic import BaseModel", strays),
        ("cortex.engines.scripted", "from llguidance import LLMatcher", strays),
        ("cortex.cli.main", "import requests", strays),
        ("cortex.server.app", "from tests import conftest", strays),
        ("cortex.core.prompt", "import os.path", soils),
        ("cortex.dialects.hermes", "from time import time", soils),
    ],
)
def test_a_breach_is_seen(module: str, source: str, judge: object) -> None:
    (found,) = imports_of(source, module)
    assert callable(judge)
    assert judge(found)


@pytest.mark.parametrize(
    ("source", "is_package", "target"),
    [
        ("from . import gguf", False, "cortex.models.gguf"),
        ("from .gguf import read", False, "cortex.models.gguf.read"),
        ("from .gguf import read", True, "cortex.models.store.gguf.read"),
        ("from ..core import chat", False, "cortex.core.chat"),
        ("from ..gguf import read", True, "cortex.models.gguf.read"),
    ],
)
def test_a_relative_import_is_resolved(source: str, is_package: bool, target: str) -> None:
    (found,) = imports_of(source, "cortex.models.store", is_package=is_package)
    assert found.target == target
