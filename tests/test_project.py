"""What a reader of this repository may rely on: commands exist, pins hold, nothing points at one person's machine."""

from __future__ import annotations

import fnmatch
import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import cortex

ROOT = Path(__file__).parent.parent
LINES = 400

# Spelled with a space, or this file would find itself.
REGISTRIES = ("pypi org", "pythonhosted org", "deb.debian org", "registry.npmjs org", "static.crates io")
FORBIDDEN = {
    "the address of a package registry": "|".join(
        [*(rf"\b{re.escape(host.replace(' ', '.'))}\b" for host in REGISTRIES), r"--(?:extra-)?index-url[ =]"]
    ),
    "a path of one machine": r"(?<![\w.~/-])/(?:work|root|tmp/w|home/[a-z]+)/[\w.-]",
}


def ignored() -> tuple[str, ...]:
    lines = (ROOT / ".gitignore").read_text("utf-8").splitlines()
    return (".git", *(line.strip("/") for line in lines if line and not line.startswith("#")))


def files() -> Iterator[Path]:
    """Every file of ours: what git does not ignore, found without git, which a user need not have."""
    patterns = ignored()

    def ours(name: str) -> bool:
        return not any(fnmatch.fnmatch(name, pattern) for pattern in patterns)

    for folder, folders, names in os.walk(ROOT):
        folders[:] = filter(ours, folders)
        yield from (Path(folder, name) for name in names if ours(name))


def texts() -> Iterator[tuple[Path, str]]:
    for path in files():
        data = path.read_bytes()
        if b"\0" not in data:
            yield path.relative_to(ROOT), data.decode("utf-8")


def makefile() -> str:
    return (ROOT / "Makefile").read_text("utf-8")


def targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", makefile(), re.M))


def documents() -> list[Path]:
    return sorted(path for path in files() if path.suffix == ".md")


def pins() -> dict[str, str]:
    found = re.findall(r"^([\w.-]+)==([\w.]+)", (ROOT / "requirements/dev.txt").read_text("utf-8"), re.M)
    return {name.lower(): version for name, version in found}


def test_the_readme_is_there() -> None:
    assert "make run" in (ROOT / "README.md").read_text("utf-8")


def test_every_make_command_in_the_documents_exists() -> None:
    named = {
        (path.name, target)
        for path in documents()
        for target in re.findall(r"(?:^|`|\$ )make ([a-z]+)(?=$|`|\s+[A-Z#])", path.read_text("utf-8"), re.M)
    }
    assert not {(name, target) for name, target in named if target not in targets()}


def test_make_help_names_every_target_a_person_would_type() -> None:
    explained = set(re.findall(r"^([a-z]+):.*## ", makefile(), re.M))
    assert explained == targets()


def test_every_file_that_a_document_links_to_exists() -> None:
    links = {
        (path, link)
        for path in documents()
        for link in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", path.read_text("utf-8"))
    }
    assert not [f"{path.name}: {link}" for path, link in links if not (path.parent / link).exists()]


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_contains(what: str) -> None:
    assert not [f"{path}: {hit[0]}" for path, text in texts() for hit in re.finditer(FORBIDDEN[what], text)]


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("the address of a package registry", f"https://{REGISTRIES[0].replace(' ', '.')}/simple"),
        ("the address of a package registry", "--" + "index-url https://example.com"),
        ("a path of one machine", "open('" + "/".join(("", "root", ".cache")) + "')"),
        ("a path of one machine", "/".join(("", "home", "ann", "models"))),
    ],
)
def test_what_is_forbidden_would_be_found(what: str, text: str) -> None:
    assert re.search(FORBIDDEN[what], text)


def test_no_source_file_is_long() -> None:
    lengths = {path: text.count("\n") for path, text in texts() if path.suffix == ".py" and path.parts[0] == "src"}
    assert lengths
    assert not {path: length for path, length in lengths.items() if length > LINES}


def test_every_module_says_what_it_is() -> None:
    silent = [
        str(path)
        for path, text in texts()
        if path.suffix == ".py" and path.parts[0] == "src" and text.strip() and not text.startswith('"""')
    ]
    assert not silent


def test_the_version_is_written_once() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert project["project"]["dynamic"] == ["version"]
    assert project["tool"]["hatch"]["version"]["path"] == "src/cortex/__init__.py"
    assert re.fullmatch(r"\d+\.\d+\.\d+", cortex.__version__)


def test_every_dependency_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    lines = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = {re.split(r"[^\w-]", line)[0].replace("_", "-").lower() for line in lines}
    assert names <= pins().keys()


def test_the_engines_wheel_is_pinned_exactly() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert f"xllamacpp=={pins()['xllamacpp']}" in project["dependencies"]


@pytest.mark.parametrize("name", ["dev", "clients-openai2", "clients-openai3"])
def test_every_pin_has_a_hash(name: str) -> None:
    text = (ROOT / f"requirements/{name}.txt").read_text("utf-8")
    requirements = re.split(r"\n(?=[\w])", re.sub(r"^ *#.*\n", "", text, flags=re.M))
    assert not [line for line in requirements if "--hash=sha256:" not in line]


def test_the_licence_is_the_one_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["license"] == "Apache-2.0"
    assert "Apache License\n                           Version 2.0" in (ROOT / "LICENSE").read_text("utf-8")


@pytest.mark.parametrize("script", [".ci/run", "tools/system-packages"])
def test_the_scripts_can_be_run(script: str) -> None:
    assert os.access(ROOT / script, os.X_OK)
