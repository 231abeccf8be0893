"""What models there are on this machine, in SQLite. Never loads a model, never fetches one.

A connection lives for one transaction, so a store may be used from any thread, and from several processes at once.
"""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cortex.core.errors import BadRequest, CortexError, NotFound
from cortex.models import adopt, modelfile
from cortex.models.lock import locked
from cortex.models.settings import check
from cortex.models.shards import shards

# The original kept a table named `models` in the same file; ours lives beside it.
SCHEMA = """
CREATE TABLE IF NOT EXISTS local_models (
  id       TEXT PRIMARY KEY,
  path     TEXT NOT NULL,               -- relative to the data folder where it lies inside
  size     INTEGER NOT NULL,
  sha256   TEXT,
  source   TEXT NOT NULL,
  settings TEXT NOT NULL DEFAULT '{}',  -- JSON, keys as in model.yml
  created  INTEGER NOT NULL,
  owned    INTEGER NOT NULL             -- whether the file is ours to delete
);
CREATE TABLE IF NOT EXISTS model_aliases (alias TEXT PRIMARY KEY, id TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS model_files (id TEXT PRIMARY KEY, stamp TEXT NOT NULL);  -- model.yml as we know it
"""
VERSION = 1
FULL = 1 << 16  # bytes: less than this free is too little for SQLite to work with
ID = re.compile(r"[\w][\w.:@+/-]*")
LONGEST = 200  # bytes of an id: it is a part of the names of files, which may have 255


@dataclass(frozen=True, slots=True)
class Model:
    """One row. `path` is absolute, and the first part of a split model; `size` is all parts' bytes, and `sha256` is of
    all their bytes in order. `source` says where the file came from. `created` is in Unix seconds. `fault` says what
    is wrong with the model's `model.yml`; then the settings are those that it had before."""

    id: str
    path: Path
    size: int
    source: str
    sha256: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    created: int = 0
    owned: bool = False
    aliases: tuple[str, ...] = ()
    fault: str = ""

    @property
    def files(self) -> Sequence[Path]:
        """All files that the model consists of."""
        return [self.path.with_name(name) for name in shards(self.path.name)]


class Unusable(CortexError):
    """The data folder cannot be used: it is somebody else's, its disk is full, its database is broken."""

    code = "data_folder_unusable"


class Several(BadRequest):
    """A name that means several models; `ids` are theirs."""

    def __init__(self, query: str, ids: Sequence[str]) -> None:
        super().__init__(f"{query} may be any of: {', '.join(ids)}. Say which.", param="model")
        self.ids = tuple(ids)


class Store:
    """The models of the data folder `folder`, which is made on the first use. `clock` gives Unix seconds."""

    def __init__(self, folder: Path, *, clock: Callable[[], float] = time.time) -> None:
        self.folder, self._clock = folder, clock
        self._ready = False

    def get(self, id: str) -> Model:
        """The model with exactly this id, else `NotFound`."""
        rows = self._rows("WHERE id = ?", (id,))
        if not rows:
            raise _missing(id, self.list())
        return rows[0]

    def has(self, id: str) -> bool:
        return bool(self._rows("WHERE id = ?", (id,)))

    def check_free(self, id: str, param: str = "model") -> None:
        """`BadRequest` where `id` is a further name of some model: it can be no other's id. `param` is the request's
        field that named it."""
        with self._connection() as db:
            _check_free(db, id, param)

    def list(self) -> Sequence[Model]:
        return self._rows("ORDER BY id", ())

    def find(self, query: str) -> Model:
        """The model that `query` means: by its id or alias; else the only one that begins with it, or contains it.
        Raises `NotFound`, and `Several` where it is not the only one."""
        models = self.list()
        for fits in (_exactly, _is, _begins, _contains):
            found = [model for model in models if fits(model, query)]
            if len(found) == 1:
                return found[0]
            if found:
                raise Several(query, [model.id for model in found])
        raise _missing(query, models)

    def add(self, model: Model) -> Model:
        """Put `model` in, in place of one with the same id; the row as it is now. Writes its `model.yml`. `BadRequest`
        where its id is a further name of another."""
        valid(model.id)
        check(model.settings)
        with self._transaction() as db:
            _check_free(db, model.id, "model")
            before = [self.modelfile(old) for old, _ in self._select(db, "WHERE id = ?", (model.id,))]
            db.execute(
                "INSERT OR REPLACE INTO local_models VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (model.id, self._stored(model.path), model.size, model.sha256, model.source,
                 json.dumps(dict(model.settings)), model.created or int(self._clock()), model.owned),
            )  # fmt: skip
            _alias(db, model.id, model.aliases)
            self._describe(db, model.id)
        for path in before:
            if path != self.modelfile(model):
                path.unlink(missing_ok=True)
        return self.get(model.id)

    def update(self, id: str, changes: Mapping[str, Any]) -> Model:
        """Change settings of the model; None takes one back to its default. `BadRequest` for what is no setting."""
        check(changes)
        if fault := self.get(id).fault:  # `get` reads what people wrote into model.yml, which is not to be lost
            raise BadRequest(fault)
        with self._transaction() as db:
            row = db.execute("SELECT settings FROM local_models WHERE id = ?", (id,)).fetchone()
            if row is None:
                raise NotFound(f"there is no model {id}", param="model", code="model_not_found")
            merged = {key: value for key, value in {**json.loads(row[0]), **changes}.items() if value is not None}
            db.execute("UPDATE local_models SET settings = ? WHERE id = ?", (json.dumps(merged), id))
            self._describe(db, id)
        return self.get(id)

    def alias(self, id: str, *names: str) -> Model:
        """Give the model further names. `BadRequest` where one is taken."""
        self.get(id)
        with self._transaction() as db:
            _alias(db, id, names)
        return self.get(id)

    def unalias(self, name: str) -> None:
        """Take a further name away. `NotFound` where no model has it."""
        with self._transaction() as db:
            if not db.execute("DELETE FROM model_aliases WHERE alias = ?", (name,)).rowcount:
                raise NotFound(f"no model has the alias {name}", param="model", code="model_not_found")

    def delete(self, id: str) -> Model:
        """Take the model out, and remove the files that are ours: never one that was imported from elsewhere."""
        model = self.get(id)
        with self._transaction() as db:
            for table in ("local_models", "model_aliases", "model_files"):
                db.execute(f"DELETE FROM {table} WHERE id = ?", (id,))
            (shared,) = db.execute(
                "SELECT count(*) FROM local_models WHERE path = ?", (self._stored(model.path),)
            ).fetchone()
        ours = [self.modelfile(model)]
        if model.owned and not shared:
            ours += model.files
        for path in ours:
            path.unlink(missing_ok=True)
            self._prune(path.parent)
        shutil.rmtree(self.staging(id), ignore_errors=True)
        self._prune(self.staging(id).parent)
        return model

    def staging(self, id: str) -> Path:
        """Where what is half there of this model lies."""
        return self.folder / "models" / ".partial" / id.replace("/", "%")

    def modelfile(self, model: Model) -> Path:
        """Where the model's `model.yml` is: beside a file that is ours, else under `models/imported`."""
        if not model.owned:
            return self.folder / "models" / "imported" / f"{model.id}.yml"
        return model.path.with_name("model.yml") if model.path.name == "model.gguf" else model.path.with_suffix(".yml")

    def _describe(self, db: sqlite3.Connection, id: str) -> None:
        """Write the model's `model.yml`, and note that what is in it now is ours. Both within one transaction, so that
        nobody takes our file for a person's."""
        ((model, _),) = self._select(db, "WHERE id = ?", (id,))
        path, files = self.modelfile(model), [self._stored(file) for file in model.files]
        general = {"id": id, "model": id, "name": id, "version": 1, "files": files}
        modelfile.write(path, general | {"size": model.size, "created": model.created}, model.settings)
        db.execute("INSERT OR REPLACE INTO model_files VALUES (?, ?)", (id, modelfile.stamp(path)))

    def _looked(self, model: Model, known: str | None) -> Model:
        """The model with what people wrote into its `model.yml` since we did; `known` is the stamp that we left."""
        path = self.modelfile(model)
        if modelfile.stamp(path) in ("", known):
            return model
        with self._transaction() as db:
            found = self._select(db, "WHERE id = ?", (model.id,))
            stamp = modelfile.stamp(path)
            if not found or stamp in ("", found[0][1]):  # another process was at work meanwhile
                return found[0][0] if found else model
            try:
                settings = modelfile.read(path).settings
            except FileNotFoundError:  # somebody has just removed it
                return found[0][0]
            except modelfile.Broken as error:
                return replace(found[0][0], fault=error.message)
            db.execute("UPDATE local_models SET settings = ? WHERE id = ?", (json.dumps(dict(settings)), model.id))
            db.execute("INSERT OR REPLACE INTO model_files VALUES (?, ?)", (model.id, stamp))
        return replace(found[0][0], settings=settings)

    def _prune(self, folder: Path) -> None:
        """Remove folders that have become empty, up to `models`."""
        top = self.folder / "models"
        while folder != top and folder.is_relative_to(top):
            try:
                folder.rmdir()
            except OSError:  # something is in it, or it is gone already
                if folder.exists():
                    return
            folder = folder.parent

    def _stored(self, path: Path) -> str:
        return str(path.relative_to(self.folder) if path.is_relative_to(self.folder) else path.absolute())

    def _rows(self, where: str, values: Sequence[str]) -> Sequence[Model]:
        with self._connection() as db:
            found = self._select(db, where, values)
        return [self._looked(model, stamp) for model, stamp in found]

    def _select(self, db: sqlite3.Connection, where: str, values: Sequence[str]) -> Sequence[tuple[Model, str | None]]:
        """Models, each with the stamp of the `model.yml` that we wrote or read last."""
        aliases: dict[str, list[str]] = {}
        for alias, id in db.execute("SELECT alias, id FROM model_aliases ORDER BY alias"):
            aliases.setdefault(id, []).append(alias)
        rows = db.execute(
            "SELECT id, path, size, source, sha256, settings, created, owned, stamp "
            f"FROM local_models LEFT JOIN model_files USING (id) {where}",
            values,
        )
        return [
            (
                Model(
                    id, self.folder / path, size, source, sha256, json.loads(settings), created, bool(owned),
                    tuple(aliases.get(id, ())),
                ),
                stamp,
            )
            for id, path, size, source, sha256, settings, created, owned, stamp in rows
        ]  # fmt: skip

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        self._make()
        try:
            with closing(sqlite3.connect(self._file, timeout=30, isolation_level=None)) as db:
                yield db
        except sqlite3.DatabaseError as error:
            raise _unusable(self.folder, error) from error

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """One writing transaction: committed at the end, rolled back on an error. It waits for other writers *before*
        it reads, so that nothing is written on the ground of what has changed in between."""
        with self._connection() as db, db:
            db.execute("BEGIN IMMEDIATE")
            yield db

    @property
    def _file(self) -> Path:
        return self.folder / "cortex.db"

    def _adopt(self, db: sqlite3.Connection) -> None:
        """Take over what the original has pulled into the same folder."""
        for found in adopt.found(db, self.folder):
            db.execute(
                "INSERT OR IGNORE INTO local_models VALUES (?, ?, ?, NULL, ?, ?, ?, ?)",
                (found.id, self._stored(found.path), found.size, found.source, json.dumps(dict(found.settings)),
                 int(self._clock()), found.owned),
            )  # fmt: skip
            db.execute("INSERT OR IGNORE INTO model_files VALUES (?, ?)", (found.id, modelfile.stamp(found.modelfile)))

    def _make(self) -> None:
        """Make the database, once in this object's life: under a lock, as two may not turn on WAL at once."""
        if self._ready:
            return
        try:
            with (
                locked(self.folder / "cortex.db.lock"),
                closing(sqlite3.connect(self._file, timeout=30)) as db,
            ):
                _migrate(db, self._adopt)
        except (OSError, sqlite3.DatabaseError) as error:
            raise _unusable(self.folder, error) from error
        self._ready = True


def valid(id: str, param: str = "model") -> str:
    """`id` if it can be a model's id; it becomes a path, so it must stay inside its folder. `param` is the request's
    field that named it."""
    if not ID.fullmatch(id) or any(part in ("", ".", "..") for part in re.split("[/:]", id)):
        raise BadRequest(
            f"{id!r:.200} cannot be a model's id: use letters, digits and . _ - : / @ +, beginning with a letter or "
            "digit",
            param=param,
        )
    if len(id.encode()) > LONGEST:
        raise BadRequest(f"{id:.60}... cannot be a model's id: it is longer than {LONGEST} bytes", param=param)
    return id


def _migrate(db: sqlite3.Connection, new: Callable[[sqlite3.Connection], None]) -> None:
    """Bring the database to our format; `new` fills one that has never been ours."""
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version > VERSION:
        raise sqlite3.DatabaseError(f"its database has format {version}, which a newer cortex wrote")
    db.execute("PRAGMA journal_mode = WAL")
    ours = db.execute("SELECT 1 FROM sqlite_master WHERE name = 'local_models'").fetchone()
    with db:
        db.executescript(SCHEMA)
        db.execute("BEGIN")
        if not ours:
            new(db)
        db.execute(f"PRAGMA user_version = {VERSION}")


def _unusable(folder: Path, error: Exception) -> Unusable:
    why = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) else str(error)
    with suppress(OSError):
        if shutil.disk_usage(folder).free < FULL:
            why = f"its disk is full ({why})"
    return Unusable(f"the data folder {folder} cannot be used: {why}")


def _check_free(db: sqlite3.Connection, id: str, param: str) -> None:
    for (other,) in db.execute("SELECT id FROM model_aliases WHERE alias = ?", (id,)):
        raise BadRequest(
            f"{id} is a further name of the model {other}; choose another id, or take it away: "
            f"`cortex models alias --remove {id}`",
            param=param,
        )


def _alias(db: sqlite3.Connection, id: str, names: Sequence[str]) -> None:
    for name in map(valid, names):
        taken = db.execute(
            "SELECT id FROM local_models WHERE id = ? UNION SELECT id FROM model_aliases WHERE alias = ? AND id <> ?",
            (name, name, id),
        ).fetchone()
        if taken:
            raise BadRequest(f"{name} already names the model {taken[0]}", param="alias")
        db.execute("INSERT OR REPLACE INTO model_aliases VALUES (?, ?)", (name, id))


def _exactly(model: Model, query: str) -> bool:
    return query == model.id or query in model.aliases


def _is(model: Model, query: str) -> bool:
    return query.lower() in (name.lower() for name in (model.id, *model.aliases))


def _begins(model: Model, query: str) -> bool:
    return model.id.lower().startswith(query.lower())


def _contains(model: Model, query: str) -> bool:
    return query.lower() in model.id.lower()


def _missing(query: str, models: Sequence[Model]) -> NotFound:
    here = f"there are: {', '.join(model.id for model in models)}" if models else "none has been pulled or imported yet"
    for model in models:
        if query in model.aliases:
            here = f"it is a further name of {model.id}"
    return NotFound(f"Model {query} not found; {here}", param="model", code="model_not_found")
