"""A name -> a model of the store: from the catalogue's or the hub's sources, checked, in place in one step.

What is half there lies under `models/.partial` and nowhere else; a later pull of the same model goes on from it.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import urlparse

from cortex.core.errors import BadRequest, CortexError, NotFound
from cortex.models import gguf
from cortex.models.catalogue import Catalogue, Entry, builtin
from cortex.models.lock import locked
from cortex.models.sources import Source, Unreachable
from cortex.models.sources.hub import Hub
from cortex.models.store import Model, Store, valid

CHUNK = 1 << 22


class Watch(Protocol):
    """Who is told what goes on. `say` gets a whole line; `bytes` a phase, the bytes done and all (0: unknown)."""

    def say(self, line: str) -> None: ...
    def bytes(self, phase: str, done: int, total: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Target:
    """What to pull, and where under `models` it goes."""

    entry: Entry
    place: Path


def target(name: str, catalogue: Catalogue, *, token: str = "") -> Target:
    """What `name` means. The grammar is the original's:

    a catalogue's id or alias; `name:branch` (of the hub's `cortexso/name`); `author:Repo:file.gguf`,
    `author/Repo/file.gguf` or an address of huggingface.co.
    """
    if entry := catalogue.find(name):
        return Target(entry, _folder("catalogue", entry.id) / "model.gguf")
    if found := _hub_file(name):
        author, repo, file, revision = found
        if not file.lower().endswith(".gguf"):
            raise BadRequest("Not a GGUF model. Currently, only GGUF single file is supported.", param="model")
        id = valid(f"{author}:{repo}:{file}")
        entry = Entry(id, (Hub(f"{author}/{repo}", file, revision, token),))
        return Target(entry, Path("huggingface.co", author, repo, file))
    if match := re.fullmatch(r"(?:cortexso/)?([\w.-]+):([\w.-]+)", name):
        entry = Entry(valid(f"{match[1]}:{match[2]}"), (Hub(f"cortexso/{match[1]}", "model.gguf", match[2], token),))
        return Target(entry, _folder("cortex.so", entry.id) / "model.gguf")
    raise NotFound(
        f"Model {name} not found. Known by name: {', '.join(catalogue.entries)}; or give author/Repo/file.gguf of "
        "Hugging Face, or import a file with `cortex models import`.",
        param="model",
        code="model_not_found",
    )


def local(store: Store, name: str, *, catalogue: Catalogue | None = None) -> Model | None:
    """The model on this machine that `name` means; None where it has to be pulled.

    Exactly an id; else a catalogue's id or alias, which no pattern may shadow; else what the store finds.
    """
    entry = (catalogue or builtin()).find(name)
    for id in (name, entry.id if entry else name):
        if store.has(id):
            return store.get(id)
    try:
        return None if entry else store.find(name)
    except NotFound:
        return None


def pull(store: Store, name: str, watch: Watch, *, catalogue: Catalogue | None = None, token: str = "") -> Model:
    """The model that `name` means, fetched unless it is here. A second process waits for the first, and then has it.

    Raises `NotFound`, `Unreachable` (no source had it), `NoSpace`, or `CortexError` for data that is not as promised.
    """
    wanted = target(name, catalogue or builtin(), token=token)
    id = wanted.entry.id
    staging = store.folder / "models" / ".partial" / id.replace("/", "%")
    staging.mkdir(parents=True, exist_ok=True)
    with locked(staging.with_name(f"{staging.name}.lock"), lambda: watch.say(f"Another pull of {id} runs; waiting ..")):
        if store.has(id) and store.get(id).path.exists():
            shutil.rmtree(staging, ignore_errors=True)
            return store.get(id)
        return _pulled(store, wanted, staging, watch)


def _pulled(store: Store, wanted: Target, staging: Path, watch: Watch) -> Model:
    file, source, promised = _fetched(wanted.entry, staging, watch)
    digest = _checked(file, wanted.entry.sha256 or promised, watch)
    header = gguf.read(file)
    final = store.folder / "models" / wanted.place
    final.parent.mkdir(parents=True, exist_ok=True)
    file.replace(final)
    model = store.add(Model(wanted.entry.id, final, header.size, source, digest, owned=True))
    shutil.rmtree(staging)
    return model


def _fetched(entry: Entry, staging: Path, watch: Watch) -> tuple[Path, str, str | None]:
    """(the file, the source that gave it, the SHA-256 that the source promised), from the first that has it."""
    watch.say("Start downloading..")
    failures: list[str] = []
    for number, source in enumerate(entry.sources):
        folder = staging / f"{number}-{type(source).__name__.lower()}"
        folder.mkdir(parents=True, exist_ok=True)
        try:
            promised = source.fetch(folder / "model.gguf", _told(watch, entry), size=entry.size)
            return folder / "model.gguf", str(source), promised
        except Unreachable as error:
            failures.append(error.message)
            with suppress(OSError):  # it stays if something is in it, to go on from
                folder.rmdir()
            _say_next(watch, error, entry.sources[number + 1 :])
    raise Unreachable(f"{entry.id} could not be downloaded: {'; '.join(failures)}")


def _told(watch: Watch, entry: Entry) -> Callable[[int, int], None]:
    return lambda done, total: watch.bytes(f"Downloading {entry.id}", done, total or entry.size)


def _say_next(watch: Watch, error: Unreachable, rest: tuple[Source, ...]) -> None:
    if rest:
        watch.say(f"{error.message}; trying {rest[0]}")


def _checked(file: Path, expected: str | None, watch: Watch) -> str:
    """The file's SHA-256. Where it is not the expected one, the file is removed: nothing in it can be trusted."""
    digest = sha256(file, watch)
    if expected and digest != expected:
        file.unlink()
        raise CortexError(
            f"the downloaded file is not the expected one (SHA-256 {digest} instead of {expected}); it was removed. "
            "Pull again; if this repeats, the source has changed.",
            code="wrong_hash",
        )
    return digest


def sha256(file: Path, watch: Watch) -> str:
    digest, total, done = hashlib.sha256(), file.stat().st_size, 0
    with file.open("rb") as data:
        while chunk := data.read(CHUNK):
            digest.update(chunk)
            done += len(chunk)
            watch.bytes("Verifying SHA-256", done, total)
    return digest.hexdigest()


def _folder(kind: str, id: str) -> Path:
    """`name:branch` -> KIND/name/branch, as the original laid it out."""
    return Path(kind, *id.split(":"))


def _hub_file(name: str) -> tuple[str, str, str, str] | None:
    """(author, repository, file, revision), where `name` is one of the ways to say them."""
    if name.startswith(("https://", "http://")):
        return _hub_address(name)
    if match := re.fullmatch(r"([\w.-]+):([\w.-]+):([\w./-]+)", name):
        return match[1], match[2], match[3], "main"
    if match := re.fullmatch(r"([\w.-]+)/([\w.-]+)/([\w./-]+)", name):
        return match[1], match[2], match[3], "main"
    return None


def _hub_address(address: str) -> tuple[str, str, str, str]:
    url = urlparse(address)
    if url.hostname != "huggingface.co":
        raise BadRequest("Only support pull model from huggingface.co", param="model")
    match url.path.strip("/").split("/"):
        case [author, repo, "blob" | "resolve", revision, *rest] if rest:
            return author, repo, "/".join(rest), revision
    raise BadRequest(
        f"Invalid url: {address}, a valid URL example is: https://huggingface.co/author/Repo/blob/main/model.gguf",
        param="model",
    )
