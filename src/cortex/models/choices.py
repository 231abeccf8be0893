"""A name that means several models -> which ones. Asks Hugging Face; whoever asked us draws the menu."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import yaml

from cortex.core.errors import BadRequest
from cortex.models.catalogue import Catalogue, Entry, builtin
from cortex.models.names import CORTEX, Family, Named, Repo, RepoFile, id_of, meaning
from cortex.models.shards import first, shards
from cortex.models.sources import Missing, Unreachable, hub

DEFAULT = re.compile(r"q4[-_]k[-_]m", re.IGNORECASE)  # what most people choose: small, and hardly worse


@dataclass(frozen=True, slots=True)
class Choice:
    """`id` is what to pull, and the model's id in the store then. `label` is a branch or a file. `size` is in bytes,
    0 where unknown."""

    id: str
    label: str
    size: int = 0


@dataclass(frozen=True, slots=True)
class Choices:
    """The models that `name` may mean, one at least. `source` is where they are."""

    name: str
    source: str
    items: tuple[Choice, ...]
    default: Choice | None = None


def choices(name: str, *, catalogue: Catalogue | None = None, token: str = "") -> Choices | None:
    """The models that `name` may mean; None where it says which one. Raises `BadRequest` and `Unreachable`."""
    match meaning(name, catalogue or builtin()):
        case Family(family):
            return _family(family, catalogue or builtin(), token)
        case Repo() as repo:
            return _files(name, repo, token)
    return None


def held(repository: Family | Repo, *, catalogue: Catalogue, token: str = "") -> Choices:
    """The models that this repository holds. Raises `Missing` where it has none, and `Unreachable`."""
    match repository:
        case Family(name):
            return _branches(name, _known(name, catalogue), token)
        case Repo(repo):
            return _files(repo, repository, token)


def settled(name: str, catalogue: Catalogue, token: str) -> Named:
    """What `name` means; of several models the default one. `BadRequest` lists them where there is none."""
    named = meaning(name, catalogue)
    if not isinstance(named, Family | Repo):
        return named
    found = choices(name, catalogue=catalogue, token=token)
    assert found is not None
    if found.default is None:
        names = ", ".join(item.id for item in found.items)
        raise BadRequest(f"{name} may be any of: {names}. Say which.", param="model", code="several_models")
    if isinstance(named, Repo):
        return RepoFile(named.repo, found.default.label, named.revision)
    return meaning(found.default.id, catalogue)


def _family(name: str, catalogue: Catalogue, token: str) -> Choices:
    """The branches of `cortexso/NAME`; where it has none, or cannot be asked, what the catalogue has of it."""
    known = _known(name, catalogue)
    try:
        return _branches(name, known, token)
    except Unreachable as error:
        if not known:
            raise _unknown(name, error, catalogue) from error
        items = tuple(Choice(entry.id, entry.id.partition(":")[2] or entry.id, entry.size) for entry in known)
        return Choices(name, "the catalogue", items, items[0])


def _known(family: str, catalogue: Catalogue) -> Sequence[Entry]:
    return [entry for id, entry in catalogue.entries.items() if id.split(":")[0] == family]


def _branches(name: str, known: Sequence[Entry], token: str) -> Choices:
    """The branches of `cortexso/NAME`; the sizes are those of the entries that are `known`."""
    repo = f"{CORTEX}/{name}"
    sizes = {entry.id: entry.size for entry in known}
    ids = [(f"{name}:{branch}", branch) for branch in hub.branches(repo, token=token)]
    items = tuple(Choice(id, branch, sizes.get(id, 0)) for id, branch in ids)
    if not items:
        raise Missing(f"{repo} has no branch besides main, and so no model", param="model")
    return Choices(name, repo, items, _the(items, _default(hub.text(repo, "metadata.yml", token=token))))


def _default(metadata: str | None) -> str:
    """The branch that a hub's `metadata.yml` names."""
    try:
        content = yaml.safe_load(metadata or "")
    except yaml.YAMLError:
        return ""
    return str(content.get("default") or "") if isinstance(content, dict) else ""


def _the(items: Sequence[Choice], wanted: str) -> Choice | None:
    """The item of this label; the only one where there are not several."""
    return items[0] if len(items) == 1 else next((item for item in items if item.label == wanted), None)


def _files(name: str, repo: Repo, token: str) -> Choices:
    """The models in a repository: its GGUF files, a split model as one, without what only sees or hears for others."""
    listed = {file.path: file.size for file in hub.files(repo.repo, revision=repo.revision, token=token)}
    found = []
    for path in sorted(path for path in listed if _model(path, repo.quantisation)):
        id = id_of(RepoFile(repo.repo, path, repo.revision))
        assert id is not None
        found.append(Choice(id, path, sum(listed.get(part, 0) for part in shards(path))))
    if not found:
        of = f" of {repo.quantisation}" if repo.quantisation else ""
        raise Missing(f"{repo.repo} has no GGUF file{of}. Only GGUF models can be run.", param="model")
    usual = next((item for item in found if DEFAULT.search(item.label)), None)
    return Choices(name, repo.repo, tuple(found), found[0] if len(found) == 1 else usual)


def _model(path: str, quantisation: str) -> bool:
    """Whether this file is a model, and of this quantisation, which its name tells between other marks."""
    name = path.rpartition("/")[2]
    if not first(name) or "mmproj" in name.lower() or "imatrix" in name.lower():
        return False
    return not quantisation or bool(re.search(rf"(?<![a-z0-9]){re.escape(quantisation)}(?![a-z0-9_])", path, re.I))


def _unknown(name: str, error: Unreachable, catalogue: Catalogue) -> Unreachable:
    return type(error)(
        f"Model {name} not found: {error.message}. The catalogue has {', '.join(catalogue.entries)}. "
        "Or give author/Repo of Hugging Face, an address, or a file.",
        param="model",
        code="model_not_found",
    )
