"""Hugging Face through its real library, against a loopback hub: menus, tokens, caches, split models, wrong data."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from cortex.core.errors import BadRequest, CortexError, NotFound
from cortex.models.catalogue import Catalogue, Entry
from cortex.models.choices import Choice, choices
from cortex.models.pull import pull
from cortex.models.sources import Denied, Missing, Unreachable
from cortex.models.sources.hub import Hub as Source
from cortex.models.store import Store
from cortex.models.target import local
from models import tiny
from models.heard import Heard
from models.hub import Hub

GGUF = tiny.gguf()
SHA256 = hashlib.sha256(GGUF).hexdigest()
MODEL_YML = b"""\
# BEGIN GENERAL GGUF METADATA
model: llama3.1
temperature: 0.6
top_p: hot
stop: [<|eot_id|>]
ctx_len: 131072
ngl: 33
prompt_template: "{system_message}{prompt}"
"""
LLAMA = {
    "main": {"metadata.yml": b"version: 1\nname: llama3.1\ndefault: 8b-gguf-q4-km\n"},
    "8b-gguf-q4-km": {"model.gguf": GGUF, "model.yml": MODEL_YML},
    "8b-gguf-q8-0": {"model.gguf": GGUF},
}
NOTHING = Catalogue({})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "data")


def _labels(items: Sequence[Choice]) -> list[tuple[str, str, int]]:
    return [(item.id, item.label, item.size) for item in items]


def test_a_family_s_branches_are_a_menu_with_the_hub_s_default(hub: Hub) -> None:
    hub.repos["cortexso/llama3.1"] = LLAMA
    found = choices("llama3.1", catalogue=NOTHING)
    assert found is not None
    assert _labels(found.items) == [
        ("llama3.1:8b-gguf-q4-km", "8b-gguf-q4-km", 0),
        ("llama3.1:8b-gguf-q8-0", "8b-gguf-q8-0", 0),
    ]
    assert found.default == found.items[0]


def test_a_family_without_a_default_must_be_told_which(hub: Hub, store: Store) -> None:
    hub.repos["cortexso/llama3.1"] = LLAMA | {"main": {}}
    found = choices("cortexso/llama3.1", catalogue=NOTHING)
    assert found is not None
    assert found.default is None
    with pytest.raises(BadRequest, match=r"llama3.1:8b-gguf-q4-km, llama3.1:8b-gguf-q8-0"):
        pull(store, "llama3.1", Heard(), catalogue=NOTHING)


def test_a_name_that_means_one_model_has_no_menu(hub: Hub) -> None:
    assert choices("llama3.1:8b-gguf-q4-km", catalogue=NOTHING) is None
    assert choices("author:Repo:f.gguf", catalogue=NOTHING) is None
    assert hub.asked == []


def test_without_the_hub_a_family_is_what_the_catalogue_has_of_it(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    known = {id: Entry(id, (), size=5) for id in ("llama3.1:8b", "llama3.1:70b", "other:1b")}
    found = choices("llama3.1", catalogue=Catalogue(known))
    assert found is not None
    assert (_labels(found.items), found.source) == (
        [("llama3.1:8b", "8b", 5), ("llama3.1:70b", "70b", 5)],
        "the catalogue",
    )
    with pytest.raises(Unreachable, match=r"Model nothing not found: .*cannot be reached.*llama3.1:8b"):
        choices("nothing", catalogue=Catalogue(known))


def test_a_name_that_nobody_knows_is_not_found(hub: Hub, store: Store) -> None:
    with pytest.raises(NotFound, match="Model nothing not found") as raised:
        pull(store, "nothing", Heard(), catalogue=NOTHING)
    assert (raised.value.status, raised.value.code) == (404, "model_not_found")


def test_a_family_is_pulled_as_its_default(hub: Hub, store: Store) -> None:
    hub.repos["cortexso/llama3.1"] = LLAMA
    model = pull(store, "llama3.1", Heard(), catalogue=NOTHING)
    assert (model.id, model.sha256) == ("llama3.1:8b-gguf-q4-km", SHA256)
    assert model.path == store.folder / "models" / "cortex.so" / "llama3.1" / "8b-gguf-q4-km" / "model.gguf"
    assert model.path.read_bytes() == GGUF


def test_the_hub_s_model_yml_says_how_to_ask_but_nothing_of_this_machine(hub: Hub, store: Store) -> None:
    hub.repos["cortexso/llama3.1"] = LLAMA
    model = pull(store, "llama3.1:8b-gguf-q4-km", Heard(), catalogue=NOTHING)
    assert model.settings == {"temperature": 0.6, "stop": ["<|eot_id|>"]}
    written = yaml.safe_load(model.path.with_name("model.yml").read_text())
    assert (written["temperature"], written["files"]) == (0.6, ["models/cortex.so/llama3.1/8b-gguf-q4-km/model.gguf"])


FILES = {
    "README.md": b"?",
    "mmproj-m-f16.gguf": GGUF,
    "m-Q4_K_M.gguf": GGUF,
    "m-Q8_0.gguf": GGUF,
    "big/m-F16-00001-of-00002.gguf": b"1" * 7,
    "big/m-F16-00002-of-00002.gguf": b"2" * 3,
}


def test_a_repository_s_files_are_a_menu(hub: Hub) -> None:
    hub.repos["author/Repo"] = {"main": FILES}
    found = choices("author/Repo", catalogue=NOTHING)
    assert found is not None
    assert _labels(found.items) == [
        ("author:Repo:big/m-F16-00001-of-00002.gguf", "big/m-F16-00001-of-00002.gguf", 10),
        ("author:Repo:m-Q4_K_M.gguf", "m-Q4_K_M.gguf", len(GGUF)),
        ("author:Repo:m-Q8_0.gguf", "m-Q8_0.gguf", len(GGUF)),
    ]
    assert found.default == found.items[1]


def test_a_quantisation_chooses_a_file(hub: Hub, store: Store) -> None:
    hub.repos["author/Repo"] = {"main": FILES}
    model = pull(store, "author/Repo:q8_0", Heard(), catalogue=NOTHING)
    assert model.id == "author:Repo:m-Q8_0.gguf"
    assert model.path == store.folder / "models" / "huggingface.co" / "author" / "Repo" / "m-Q8_0.gguf"
    with pytest.raises(Missing, match="no GGUF file of Q4_K"):
        pull(store, "author/Repo:Q4_K", Heard(), catalogue=NOTHING)


def test_a_repository_without_a_gguf_is_refused(hub: Hub) -> None:
    hub.repos["author/Repo"] = {"main": {"model.safetensors": b"?"}}
    with pytest.raises(Missing, match="no GGUF file"):
        choices("author/Repo", catalogue=NOTHING)


def test_what_is_here_needs_no_hub(hub: Hub, store: Store) -> None:
    hub.repos["author/Repo"] = {"main": FILES}
    pull(store, "author/Repo/m-Q8_0.gguf", Heard(), catalogue=NOTHING)
    hub.asked.clear()
    pull(store, f"{hub.url}/author/Repo/blob/main/m-Q8_0.gguf", Heard(), catalogue=NOTHING)
    for name in ("author/Repo/m-Q8_0.gguf", "author:Repo:m-Q8_0.gguf", "m-Q8", "author"):
        model = local(store, name, catalogue=NOTHING)
        assert model is not None
        assert model.id == "author:Repo:m-Q8_0.gguf"
    assert hub.asked == []


def test_a_split_model_is_one_model(hub: Hub, store: Store) -> None:
    parts = tiny.split(3)
    hub.repos["author/Repo"] = {"v1": {f"sub/{name}": data for name, data in parts.items()}}
    model = pull(store, "author:Repo@v1:sub/m-00001-of-00003.gguf", Heard(), catalogue=NOTHING)
    folder = store.folder / "models" / "huggingface.co" / "author" / "Repo@v1" / "sub"
    assert [path.read_bytes() for path in model.files] == list(parts.values())
    assert model.path == folder / "m-00001-of-00003.gguf"
    assert model.size == sum(map(len, parts.values()))
    assert model.sha256 == hashlib.sha256(b"".join(parts.values())).hexdigest()
    store.delete(model.id)
    assert not (store.folder / "models" / "huggingface.co").exists()


def test_a_split_model_s_broken_part_is_refused(hub: Hub, store: Store) -> None:
    parts = tiny.split(2)
    hub.repos["author/Repo"] = {"main": {name: data[:-1] for name, data in parts.items()}}
    with pytest.raises(BadRequest, match=r"00001-of-00002.gguf is not a usable GGUF: it is cut off"):
        pull(store, "author:Repo:m-00001-of-00002.gguf", Heard(), catalogue=NOTHING)
    assert not store.list()


def test_data_that_is_not_what_the_hub_promised_gets_no_name(hub: Hub, store: Store) -> None:
    hub.repos["author/Repo"] = {"main": {"f.gguf": GGUF}}
    hub.etag = "0" * 64
    with pytest.raises(CortexError, match=r"instead of 0{64}\); it was removed") as raised:
        pull(store, "author:Repo:f.gguf", Heard(), catalogue=NOTHING)
    assert raised.value.code == "wrong_hash"
    assert list(store.folder.rglob("*.gguf*")) == []
    hub.etag = ""
    assert pull(store, "author:Repo:f.gguf", Heard(), catalogue=NOTHING).sha256 == SHA256


def test_the_catalogue_s_hash_counts_and_not_the_hub_s(hub: Hub, store: Store) -> None:
    hub.repos["author/Repo"] = {"main": {"f.gguf": GGUF}}
    entry = Entry("tiny:1b", (Source("author/Repo", "f.gguf"),), size=len(GGUF), sha256="1" * 64)
    with pytest.raises(CortexError, match="instead of 1111"):
        pull(store, "tiny:1b", Heard(), catalogue=Catalogue({"tiny:1b": entry}))


def test_a_gated_repository_wants_a_token_and_says_where_to_get_it(hub: Hub, store: Store) -> None:
    hub.repos["author/Repo"], hub.gated = {"main": {"f.gguf": GGUF}}, {"author/Repo"}
    for token in ("", "wrong"):
        with pytest.raises(Denied, match=r"author/Repo is gated: .*https://huggingface.co/author/Repo.*HF_TOKEN"):
            pull(store, "author:Repo:f.gguf", Heard(), catalogue=NOTHING, token=token)
    assert pull(store, "author:Repo:f.gguf", Heard(), catalogue=NOTHING, token="secret").sha256 == SHA256


def test_a_token_is_given_to_the_hub_and_to_nobody_else(hub: Hub, store: Store) -> None:
    hub.repos["author/Repo"] = {"main": {"f.gguf": GGUF}}
    pull(store, "author:Repo:f.gguf", Heard(), catalogue=NOTHING, token="secret")
    tokens = {(asked.host.partition(":")[0], asked.token) for asked in hub.asked}
    assert tokens == {("127.0.0.1", "Bearer secret"), ("localhost", "")}


def test_the_user_s_own_token_is_used(hub: Hub, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.repos["author/Repo"], hub.private = {"main": {"f.gguf": GGUF}}, {"author/Repo"}
    with pytest.raises(Missing, match="or it is private: then set HF_TOKEN"):
        pull(store, "author/Repo", Heard(), catalogue=NOTHING)
    monkeypatch.setenv("HF_TOKEN", "secret")
    assert pull(store, "author/Repo", Heard(), catalogue=NOTHING).sha256 == SHA256


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("author:Other:f.gguf", "Hugging Face has no author/Other"),
        ("author:Repo:g.gguf", "author/Repo has no g.gguf at main; there are: f.gguf$"),
        ("author:Repo@v2:f.gguf", "author/Repo has no f.gguf at v2; there are: v1$"),
        ("author/Repo:Q2_K", "no GGUF file of Q2_K"),
    ],
)
def test_what_the_hub_does_not_have_is_said_to_be_missing(hub: Hub, store: Store, name: str, why: str) -> None:
    hub.repos["author/Repo"] = {"main": {"f.gguf": GGUF, "README.md": b"?"}, "v1": {}}
    with pytest.raises(Missing, match=why):
        pull(store, name, Heard(), catalogue=NOTHING)
    assert not (store.folder / "models" / ".partial").exists()


def _cached(cache: Path, repo: str, file: str, data: bytes) -> Path:
    """The file as `huggingface_hub` keeps it."""
    commit, digest = hashlib.sha1(b"main").hexdigest(), hashlib.sha256(data).hexdigest()
    folder = cache / f"models--{repo.replace('/', '--')}"
    for name in ("refs", "blobs", f"snapshots/{commit}"):
        (folder / name).mkdir(parents=True)
    (folder / "refs" / "main").write_text(commit)
    (folder / "blobs" / digest).write_bytes(data)
    (folder / "snapshots" / commit / file).symlink_to(f"../../blobs/{digest}")
    return folder / "blobs" / digest


def test_the_user_s_cache_of_the_hub_is_read_and_takes_no_second_room(hub: Hub, store: Store, cache: Path) -> None:
    hub.repos["author/Repo"] = {"main": {"f.gguf": GGUF}}
    blob = _cached(cache, "author/Repo", "f.gguf", GGUF)
    model = pull(store, "author:Repo:f.gguf", Heard(), catalogue=NOTHING)
    assert model.path.samefile(blob)
    assert not hub.ranges_of("f.gguf")
    store.delete(model.id)
    assert blob.read_bytes() == GGUF


def test_without_the_hub_the_cache_is_enough(monkeypatch: pytest.MonkeyPatch, store: Store, cache: Path) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    _cached(cache, "author/Repo", "f.gguf", GGUF)
    assert pull(store, "author:Repo:f.gguf", Heard(), catalogue=NOTHING).sha256 == SHA256
