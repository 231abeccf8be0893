"""A name -> a model of the store: from the catalogue's or the hub's sources, checked, in place in one step.

What is half there lies under `models/.partial` and nowhere else; a later pull of the same model goes on from it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Protocol

from cortex.core.errors import BadRequest, CortexError
from cortex.models import gguf, modelfile
from cortex.models.catalogue import Catalogue, Entry, builtin
from cortex.models.lock import locked
from cortex.models.names import CORTEX
from cortex.models.sources import Cancelled, Denied, Got, Progress, Source, Unreachable
from cortex.models.sources.hub import Hub
from cortex.models.store import Model, Store
from cortex.models.target import Target, target

CHUNK = 1 << 22


class Watch(Protocol):
    """Who is told what goes on. `say` gets a whole line; `bytes` a phase, the bytes done and all (0: unknown)."""

    def say(self, line: str) -> None: ...
    def bytes(self, phase: str, done: int, total: int) -> None: ...


class Silent:
    """A `Watch` that tells nobody."""

    def say(self, line: str) -> None:
        pass

    def bytes(self, phase: str, done: int, total: int) -> None:
        pass


def pull(
    store: Store,
    name: str,
    watch: Watch,
    *,
    catalogue: Catalogue | None = None,
    token: str = "",
    id: str = "",
    cancel: Event | None = None,
) -> Model:
    """The model that `name` means, as `id` if one is given: `target` and `fetch` in one."""
    return fetch(store, target(name, catalogue or builtin(), token=token, id=id), watch, cancel=cancel)


def fetch(store: Store, wanted: Target, watch: Watch, *, cancel: Event | None = None) -> Model:
    """The model, fetched unless it is here. `BadRequest` where its id is a further name of another.

    A second process waits for the first, and then has it. `cancel` ends it soon after it is set, wherever it is; the
    next pull goes on from there, as it does after a Ctrl-C or a kill.

    Raises `NotFound`, `Unreachable` (no source had it), `NoSpace`, `Cancelled`, or `CortexError` for data that is not
    as promised.
    """
    store.check_free(wanted.entry.id)
    stop = cancel or Event()
    staging = store.staging(wanted.entry.id)
    staging.parent.mkdir(parents=True, exist_ok=True)

    def waiting() -> None:
        watch.say(f"Another pull of {wanted.entry.id} runs; waiting ..")

    lock = staging.with_name(f"{staging.name}.lock")
    try:
        with locked(lock, waiting, tick=lambda: _go_on(stop), remove=True):
            if model := _here(store, wanted):
                shutil.rmtree(staging, ignore_errors=True)
                return model
            return _pulled(store, wanted, staging, _Job(watch, stop))
    finally:
        _tidy(staging)


def _tidy(staging: Path) -> None:
    """Remove folders in which nothing is left to go on from."""
    for folder in (*staging.glob("*"), staging, staging.parent):
        with suppress(OSError):
            folder.rmdir()


@dataclass(frozen=True, slots=True)
class _Job:
    """Who watches, and who may end it."""

    watch: Watch
    stop: Event

    def told(self, phase: str, size: int = 0) -> Progress:
        def progress(done: int, total: int) -> None:
            _go_on(self.stop)
            self.watch.bytes(phase, done, total or size)

        return progress


def _go_on(stop: Event) -> None:
    if stop.is_set():
        raise Cancelled("the download was stopped; pull again to go on with it")


def _here(store: Store, wanted: Target) -> Model | None:
    """The model, if it is here already."""
    id = wanted.entry.id
    if not store.has(id):
        return None
    model = store.get(id)
    if not all(path.exists() for path in model.files):
        return None
    if wanted.given and model.source not in map(str, wanted.entry.sources):
        raise BadRequest(
            f"there is already a model {id}, from {model.source}; delete it first, or choose another id", param="id"
        )
    return model


def _pulled(store: Store, wanted: Target, staging: Path, job: _Job) -> Model:
    entry = wanted.entry
    got, source = _fetched(entry, staging, job)
    digest = _checked(got, entry.sha256, job)
    try:
        header = gguf.read(got[0].path)
    except BadRequest as error:  # it would be no better the next time
        shutil.rmtree(staging)
        why = error.message.replace(str(got[0].path.parent), "").strip("/")
        raise BadRequest(f"what came from {source} was removed: {why}", param="model") from error
    final = store.folder / "models" / wanted.place
    finals = [final] if len(got) == 1 else [final.with_name(each.path.name) for each in got]
    for each, place in zip(got, finals, strict=True):
        _place(each.path, place)
    model = Model(entry.id, finals[0], header.size, str(source), digest, _settings(store, entry.id, source), owned=True)
    model = store.add(model)
    shutil.rmtree(staging)
    return model


def _place(file: Path, final: Path) -> None:
    """Give the file its final name. It keeps the other one as well, so that a kill here costs no second download."""
    final.parent.mkdir(parents=True, exist_ok=True)
    final.unlink(missing_ok=True)
    try:
        os.link(file, final)
    except OSError:  # a disk without links
        file.replace(final)


def _settings(store: Store, id: str, source: Source) -> dict[str, object]:
    """The owner's settings, if the model was here before; else what the original's hub says of it."""
    if store.has(id):
        return dict(store.get(id).settings)
    if isinstance(source, Hub) and source.repo.startswith(f"{CORTEX}/"):
        return modelfile.sampling(source.text("model.yml") or "")
    return {}


def _fetched(entry: Entry, staging: Path, job: _Job) -> tuple[Sequence[Got], Source]:
    """The files, and the source that gave them: the first that has them."""
    job.watch.say("Start downloading..")
    failures: list[Unreachable] = []
    for number, source in enumerate(entry.sources):
        folder = staging / f"{number}-{type(source).__name__.lower()}"
        folder.mkdir(parents=True, exist_ok=True)
        size = entry.size if entry.sha256 else 0  # where there is no hash, the size is a hint for people
        try:
            return source.fetch(folder, job.told(f"Downloading {entry.id}", entry.size), size=size), source
        except Unreachable as error:
            failures.append(error)
            _say_next(job.watch, error, entry.sources[number + 1 :])
    raise _failed(entry, failures)


def _say_next(watch: Watch, error: Unreachable, rest: tuple[Source, ...]) -> None:
    if rest:
        watch.say(f"{error.message}; trying {rest[0]}")


def _failed(entry: Entry, failures: Sequence[Unreachable]) -> Unreachable:
    """One error that tells all reasons; of their kind, if they are all of one."""
    kinds = {type(error) for error in failures}
    kind = kinds.pop() if len(kinds) == 1 else Denied if Denied in kinds else Unreachable
    reasons = "; ".join(error.message for error in failures)
    return kind(f"{entry.id} could not be downloaded: {reasons}", param="model")


def _checked(got: Sequence[Got], expected: str | None, job: _Job) -> str:
    """The SHA-256 of all bytes in order. A file that is not the expected one is removed: nothing in it can be trusted.

    A single file is held against the catalogue's hash, or else against what its source promised; the parts of a split
    model each against its source's promise.
    """
    whole, total = hashlib.sha256(), sum(each.path.stat().st_size for each in got)
    progress, done = job.told("Verifying SHA-256"), 0
    for each in got:
        digest, wanted = hashlib.sha256(), (expected if len(got) == 1 else None) or each.sha256
        with each.path.open("rb") as data:
            while chunk := data.read(CHUNK):
                digest.update(chunk)
                if len(got) > 1:
                    whole.update(chunk)
                progress(done := done + len(chunk), total)
        if wanted and digest.hexdigest() != wanted:
            raise _wrong(each.path, digest.hexdigest(), wanted)
    return digest.hexdigest() if len(got) == 1 else whole.hexdigest()


def _wrong(file: Path, digest: str, expected: str) -> CortexError:
    file.unlink()
    return CortexError(
        f"the downloaded file is not the expected one (SHA-256 {digest} instead of {expected}); it was removed. "
        "Pull again; if this repeats, the source has changed.",
        code="wrong_hash",
    )
