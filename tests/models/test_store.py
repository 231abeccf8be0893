"""The store's laws: what is found, what is kept, what is removed, and that two processes do not hurt each other."""

from __future__ import annotations

import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
import yaml

from cortex.core.chat import Sampling
from cortex.core.errors import BadRequest, NotFound
from cortex.models import importing, modelfile
from cortex.models.settings import settings
from cortex.models.store import Model, Store, Unusable
from models import tiny

SAMPLERS = """\
typ_p: 0.9
mirostat: false
mirostat_tau: 4
mirostat_eta: 0.2
dynatemp_range: 0.5
dynatemp_exponent: 2
min_keep: 3
penalize_nl: false
tfs_z: 0.5
ignore_eos: true
n_probs: 0
grammar: ""
"""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "data", clock=lambda: 1700000000.0)


def _owned(store: Store, id: str) -> Model:
    path = tiny.write(store.folder / "models" / "cortex.so" / id / "model.gguf")
    return store.add(Model(id, path, 1, "a test", owned=True))


def test_an_import_is_kept_with_its_facts(store: Store, tmp_path: Path) -> None:
    file = tiny.write(tmp_path / "a.gguf")
    importing.add(store, "llama3.1:8b-gguf-q4-km", file)
    model = store.get("llama3.1:8b-gguf-q4-km")
    assert (model.path, model.size, model.created, model.owned) == (file, file.stat().st_size, 1700000000, False)


@pytest.mark.parametrize(
    "id", ["", "../x", "a/../b", "/etc/x", "a//b", "-x", "a b", "x\n", "x:..:..:..:y", "x:/tmp/y", "x::y"]
)
def test_an_id_that_would_leave_its_folder_is_refused(store: Store, tmp_path: Path, id: str) -> None:
    with pytest.raises(BadRequest, match="cannot be a model's id"):
        importing.add(store, id, tiny.write(tmp_path / "a.gguf"))


def test_an_import_never_takes_the_place_of_another(store: Store, tmp_path: Path) -> None:
    importing.add(store, "a", tiny.write(tmp_path / "a.gguf"))
    with pytest.raises(BadRequest, match="already"):
        importing.add(store, "a", tiny.write(tmp_path / "b.gguf"))
    assert store.get("a").path.name == "a.gguf"


def test_a_copy_is_ours(store: Store, tmp_path: Path) -> None:
    file = tiny.write(tmp_path / "a.gguf")
    model = importing.add(store, "my:a", file, copy=True)
    assert model.path == store.folder / "models" / "imported" / "my" / "a" / "a.gguf"
    assert (model.owned, model.source, model.path.read_bytes()) == (True, str(file), file.read_bytes())
    file.unlink()
    store.delete("my:a")
    assert not (store.folder / "models" / "imported").exists()


def test_an_import_without_an_id_takes_the_file_s_name(store: Store, tmp_path: Path) -> None:
    assert importing.add(store, None, tiny.write(tmp_path / "My Model.gguf")).id == "My-Model"


@pytest.mark.parametrize("copy", [False, True])
def test_a_split_model_is_imported_by_its_first_part(store: Store, tmp_path: Path, copy: bool) -> None:
    parts = tiny.split(3)
    for name, data in parts.items():
        (tmp_path / name).write_bytes(data)
    model = importing.add(store, "split", tmp_path / "m-00001-of-00003.gguf", copy=copy)
    assert [path.read_bytes() for path in model.files] == list(parts.values())
    assert model.size == sum(map(len, parts.values()))
    store.delete("split")
    assert (tmp_path / "m-00003-of-00003.gguf").exists()
    assert not (store.folder / "models").exists() or not list((store.folder / "models").rglob("*.gguf"))


def test_a_split_model_with_a_part_missing_is_not_imported(store: Store, tmp_path: Path) -> None:
    for name, data in list(tiny.split(3).items())[:2]:
        (tmp_path / name).write_bytes(data)
    with pytest.raises(BadRequest, match=r"no file .*m-00003-of-00003\.gguf"):
        importing.add(store, "split", tmp_path / "m-00001-of-00003.gguf")


def test_a_file_that_is_no_gguf_is_not_imported(store: Store, tmp_path: Path) -> None:
    (tmp_path / "a.gguf").write_text("hello")
    with pytest.raises(BadRequest, match="GGUF"):
        importing.add(store, "a", tmp_path / "a.gguf")
    assert not store.has("a")


def test_exact_comes_before_pattern(store: Store) -> None:
    for id in ("llama3.2:3b-gguf", "llama3.2:3b-gguf-q4-km", "my-llama3.2:3b-gguf"):
        _owned(store, id)
    assert store.find("llama3.2:3b-gguf").id == "llama3.2:3b-gguf"
    assert store.find("LLAMA3.2:3B-gguf").id == "llama3.2:3b-gguf"


def test_the_only_prefix_comes_before_what_contains(store: Store) -> None:
    for id in ("coder:1b", "my-coder:1b"):
        _owned(store, id)
    assert store.find("coder").id == "coder:1b"
    assert store.find("my").id == "my-coder:1b"
    assert store.find("y-c").id == "my-coder:1b"


def test_an_ambiguous_name_lists_what_it_may_be(store: Store) -> None:
    for id in ("coder:1b", "coder:7b", "other"):
        _owned(store, id)
    with pytest.raises(BadRequest, match="coder:1b, coder:7b") as raised:
        store.find("coder")
    assert "other" not in raised.value.message


def test_an_unknown_name_lists_what_there_is(store: Store) -> None:
    with pytest.raises(NotFound, match="none has been pulled"):
        store.find("x")
    _owned(store, "coder:1b")
    with pytest.raises(NotFound, match="there are: coder:1b") as raised:
        store.get("cod")
    assert (raised.value.param, raised.value.code) == ("model", "model_not_found")


def test_delete_removes_a_file_that_is_ours_and_its_folders(store: Store) -> None:
    model = _owned(store, "coder:1b")
    store.delete("coder:1b")
    assert not model.path.exists()
    assert not (store.folder / "models" / "cortex.so").exists()
    assert list(store.list()) == []


def test_a_model_in_another_s_place_leaves_no_description_behind(store: Store, tmp_path: Path) -> None:
    linked = importing.add(store, "coder:1b", tiny.write(tmp_path / "a.gguf"))
    model = _owned(store, "coder:1b")
    assert not store.modelfile(linked).exists()
    assert store.modelfile(model).exists()


def test_delete_leaves_an_imported_file_alone(store: Store, tmp_path: Path) -> None:
    file = tiny.write(tmp_path / "a.gguf")
    model = importing.add(store, "a", file)
    assert store.modelfile(model).exists()
    store.delete("a")
    assert file.exists()
    assert not store.modelfile(model).exists()


def test_delete_keeps_a_file_that_another_model_uses(store: Store) -> None:
    model = _owned(store, "coder:1b")
    store.add(Model("same", model.path, 1, "a test", owned=True))
    store.delete("same")
    assert model.path.exists()


def test_settings_are_checked_merged_and_written_to_model_yml(store: Store) -> None:
    model = _owned(store, "coder:1b")
    store.update("coder:1b", {"temperature": 0.5, "ctx_len": 4096})
    store.update("coder:1b", {"ctx_len": None})
    assert store.get("coder:1b").settings == {"temperature": 0.5}
    written = yaml.safe_load(store.modelfile(model).read_text())
    assert (written["id"], written["temperature"]) == ("coder:1b", 0.5)
    assert "ctx_len" not in written


@pytest.mark.parametrize(
    "changes", [{"temprature": 1}, {"ctx_len": "many"}, {"ctx_len": 0}, {"stop": [1]}, {"top_k": True}]
)
def test_what_is_no_setting_is_refused(store: Store, changes: dict[str, object]) -> None:
    _owned(store, "coder:1b")
    with pytest.raises(BadRequest):
        store.update("coder:1b", changes)


def test_a_model_is_found_by_its_alias(store: Store) -> None:
    _owned(store, "coder:1b")
    _owned(store, "helper:7b")
    store.alias("coder:1b", "helper", "c")
    assert store.get("coder:1b").aliases == ("c", "helper")
    assert store.find("helper").id == "coder:1b"
    assert store.find("C").id == "coder:1b"
    with pytest.raises(NotFound, match="Model c not found; it is a further name of coder:1b"):
        store.get("c")
    store.unalias("helper")
    assert store.find("helper").id == "helper:7b"
    store.delete("coder:1b")
    with pytest.raises(NotFound):
        store.find("c:")
    with pytest.raises(NotFound):
        store.unalias("c")


def test_a_further_name_of_one_model_is_no_id_of_another(store: Store, tmp_path: Path) -> None:
    _owned(store, "a")
    store.alias("a", "x")
    taken = "x is a further name of the model a; choose another id, or take it away: `cortex models alias --remove x`"
    with pytest.raises(BadRequest, match=re.escape(taken)) as raised:
        _owned(store, "x")
    assert raised.value.param == "model"
    file = tiny.write(tmp_path / "f.gguf")
    for copy in (False, True):
        with pytest.raises(BadRequest, match=re.escape(taken)):
            importing.add(store, "x", file, copy=copy)
    assert [model.id for model in store.list()] == ["a"]
    assert not (store.folder / "models" / ".partial").exists()
    store.unalias("x")
    assert importing.add(store, "x", file).id == "x"


def test_an_alias_is_one_model_s(store: Store) -> None:
    for id in ("a", "b"):
        _owned(store, id)
    store.alias("a", "x")
    for name in ("x", "a"):
        with pytest.raises(BadRequest, match="already names the model a"):
            store.alias("b", name)
    with pytest.raises(BadRequest, match="cannot be"):
        store.alias("b", "a b")
    with pytest.raises(NotFound):
        store.alias("c", "y")


def test_what_people_write_into_model_yml_holds(store: Store) -> None:
    path = store.modelfile(_owned(store, "coder:1b"))
    path.write_text(path.read_text() + "temperature: 0.3\nngl: 12\nprompt_template: keep me\nctx_len: 0\nx: y\n")
    assert store.get("coder:1b").settings == {"temperature": 0.3, "ngl": 12}
    store.update("coder:1b", {"temperature": None, "top_k": 5})
    assert store.get("coder:1b").settings == {"ngl": 12, "top_k": 5}
    written = yaml.safe_load(path.read_text())
    assert (written["prompt_template"], written["x"], written["ngl"]) == ("keep me", "y", 12)
    assert "temperature" not in written


def test_the_original_s_further_samplers_hold(store: Store) -> None:
    path = store.modelfile(_owned(store, "coder:1b"))
    path.write_text(path.read_text() + SAMPLERS)
    kept = store.get("coder:1b").settings
    assert settings(kept).sampling == Sampling(
        typ_p=0.9, mirostat=0, mirostat_tau=4, mirostat_eta=0.2, dynatemp_range=0.5, dynatemp_exponent=2, min_keep=3,
        penalize_nl=False,
    )  # fmt: skip
    store.update("coder:1b", {"mirostat": 2})
    assert settings(store.get("coder:1b").settings).sampling.mirostat == 2
    assert (yaml.safe_load(path.read_text())["typ_p"], modelfile.unheard(path)) == (0.9, ("tfs_z", "ignore_eos"))
    for wrong in ({"mirostat": 3}, {"typ_p": 1.5}, {"min_keep": -1}, {"penalize_nl": 1}, {"typ_p": True}):
        with pytest.raises(BadRequest):
            store.update("coder:1b", wrong)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("temperature: hot", "temperature must be a number"),
        ("temprature: 0.3", "temprature is no key of it; temperature is"),
        ("a: [", "cannot be understood"),
        ("- a", "key: value"),
    ],
)
def test_a_model_yml_that_cannot_be_understood_is_said_to_be_so(store: Store, text: str, why: str) -> None:
    path = store.modelfile(_owned(store, "coder:1b"))
    store.update("coder:1b", {"top_k": 5})
    path.write_text(text)
    model = store.get("coder:1b")
    assert model.settings == {"top_k": 5}
    assert str(path) in model.fault
    assert why in model.fault
    with pytest.raises(BadRequest, match="cannot be understood"):
        store.update("coder:1b", {"top_k": 6})
    assert path.read_text() == text
    path.unlink()
    assert (store.get("coder:1b").fault, store.update("coder:1b", {}).settings) == ("", {"top_k": 5})


def test_a_database_that_cannot_be_used_is_told_with_the_folder(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    _owned(store, "a")
    with closing(sqlite3.connect(store.folder / "cortex.db")) as db:
        db.execute("DROP TABLE model_files")  # by somebody else, while we use it
    for use in (store.list, lambda: store.update("a", {"top_k": 1})):
        with pytest.raises(Unusable, match=f"{store.folder} cannot be used: no such table"):
            use()
    (store.folder / "cortex.db").write_text("no database at all " * 9)
    with pytest.raises(Unusable, match="not a database"):
        Store(store.folder).list()
    full = shutil.disk_usage(store.folder)._replace(free=0)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: full)
    with pytest.raises(Unusable, match=r"cannot be used: its disk is full \("):
        Store(store.folder).list()


def test_delete_takes_along_what_is_half_there(store: Store) -> None:
    model = _owned(store, "coder:1b")
    tiny.write(store.staging("coder:1b") / "0-hub" / "model.gguf.part")
    store.delete(model.id)
    assert not (store.folder / "models" / ".partial").exists()


def test_delete_removes_all_parts_of_a_split_model(store: Store) -> None:
    folder = store.folder / "models" / "huggingface.co" / "a" / "R"
    folder.mkdir(parents=True)
    for name, data in tiny.split(3).items():
        (folder / name).write_bytes(data)
    store.add(Model("a:R:m", folder / "m-00001-of-00003.gguf", 1, "a test", owned=True))
    store.delete("a:R:m")
    assert not folder.exists()


def test_an_unknown_dialect_is_refused(store: Store) -> None:
    _owned(store, "coder:1b")
    with pytest.raises(NotFound, match="dialect"):
        store.update("coder:1b", {"dialect": "klingon"})


def test_a_moved_data_folder_takes_its_models_along(store: Store, tmp_path: Path) -> None:
    _owned(store, "coder:1b")
    moved = store.folder.rename(tmp_path / "elsewhere")
    model = Store(moved).get("coder:1b")
    assert model.path.is_relative_to(moved)
    assert model.path.exists()


ORIGINAL = """
CREATE TABLE models (model_id TEXT PRIMARY KEY, author_repo_id TEXT, branch_name TEXT, path_to_model_yaml TEXT,
                     model_alias TEXT, model_format TEXT, model_source TEXT, status TEXT, engine TEXT, metadata TEXT)
"""
LLAMA = "models/cortex.so/llama3.1/8b-gguf/model.yml"


def _original(store: Store, *rows: tuple[str, str, str]) -> None:
    """A data folder as the original left it: its database, with (id, model.yml, status) in it."""
    store.folder.mkdir(parents=True)
    with closing(sqlite3.connect(store.folder / "cortex.db")) as db, db:
        db.execute(ORIGINAL)
        for id, path, status in rows:
            values = (id, "cortexso", "main", path, "", "gguf", "", status, "llama-cpp", "")
            db.execute(f"INSERT INTO models VALUES ({', '.join('?' * len(values))})", values)


def _describe(store: Store, path: str, text: str) -> None:
    (store.folder / path).parent.mkdir(parents=True, exist_ok=True)
    (store.folder / path).write_text(text)


def test_what_the_original_pulled_is_here(store: Store) -> None:
    _original(
        store, ("llama3.1:8b-gguf", LLAMA, "downloaded"), ("other", "x", "downloadable"), ("gone", "y", "downloaded")
    )
    text = "temperature: 0.6\nctx_len: 131072\nmax_tokens: 131072\nngl: 33\nn_parallel: 1\ntext_model: false\n"
    _describe(store, LLAMA, text)
    file = tiny.write((store.folder / LLAMA).with_name("model.gguf"))
    (model,) = store.list()
    assert (model.id, model.path, model.owned) == ("llama3.1:8b-gguf", file, True)
    assert model.settings == {"temperature": 0.6}
    assert (store.folder / LLAMA).read_text() == text
    store.delete(model.id)
    assert not file.exists()


def test_what_the_original_had_imported_stays_its_owner_s(store: Store, tmp_path: Path) -> None:
    file = tiny.write(tmp_path / "mine.gguf")
    _original(store, ("mine", "models/imported/mine.yml", "downloaded"))
    _describe(store, "models/imported/mine.yml", f"model: mine\nfiles:\n  - {file}\n")
    (model,) = store.list()
    assert (model.path, model.owned) == (file, False)
    store.delete("mine")
    assert file.exists()


def test_the_original_s_database_is_left_as_it_was(store: Store) -> None:
    _original(store, ("theirs", "nowhere", "downloaded"))
    _owned(store, "ours")
    assert [model.id for model in store.list()] == ["ours"]
    with closing(sqlite3.connect(store.folder / "cortex.db")) as db:
        assert db.execute("SELECT model_id FROM models").fetchall() == [("theirs",)]


def test_a_table_that_only_looks_like_the_original_s_does_no_harm(store: Store) -> None:
    store.folder.mkdir()
    with closing(sqlite3.connect(store.folder / "cortex.db")) as db, db:
        db.execute("CREATE TABLE models (model_id TEXT)")
    assert list(store.list()) == []


def test_a_database_of_a_newer_cortex_is_refused(store: Store) -> None:
    store.folder.mkdir()
    with closing(sqlite3.connect(store.folder / "cortex.db")) as db, db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(Unusable, match="newer"):
        store.list()


ADDS = """
import sys
from pathlib import Path
from cortex.models.store import Model, Store
store = Store(Path(sys.argv[1]))
for number in range(15):
    store.add(Model(f"{sys.argv[2]}:{number}", Path("/nowhere.gguf"), 1, "a test"))
    store.update("shared", {sys.argv[2]: number})
"""


def test_two_processes_at_once_lose_nothing(store: Store) -> None:
    store.add(Model("shared", Path("/nowhere.gguf"), 1, "a test"))
    both = [
        subprocess.Popen([sys.executable, "-c", ADDS, str(store.folder), key]) for key in ("top_k", "repeat_last_n")
    ]
    assert [process.wait(60) for process in both] == [0, 0]
    assert len(store.list()) == 31
    assert store.get("shared").settings == {"top_k": 14, "repeat_last_n": 14}
