"""The list of places to fetch models from: what may stand in it, and what of it is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from cortex.core.errors import BadRequest, CortexError, NotFound
from cortex.models.catalogue import Catalogue, Entry
from cortex.models.repositories import Repositories
from cortex.models.sources import Missing
from models import tiny
from models.hub import Hub

CATALOGUE = Catalogue({"known:1b": Entry("known:1b", (), aliases=("known",), size=5)})


@pytest.fixture
def sources(tmp_path: Path) -> Repositories:
    return Repositories(tmp_path, lambda: "", catalogue=CATALOGUE)


def _ids(sources: Repositories) -> list[str]:
    return [row["id"] for row in sources.list()]


def test_a_repository_is_kept_with_its_models_once_and_by_one_name(hub: Hub, sources: Repositories) -> None:
    hub.repos["author/Repo"] = {"main": {"m.gguf": tiny.gguf()}}
    hub.repos["cortexso/tiny"] = {"main": {}, "1b": {"model.gguf": tiny.gguf()}}
    for way in ("author/Repo", "https://huggingface.co/author/Repo", "https://hf.co/author/Repo/"):
        sources.add(way)
    assert _ids(sources) == ["catalogue", "author/Repo"]
    for way in ("tiny", "cortexso/tiny"):
        sources.add(way)
    assert _ids(sources) == ["catalogue", "author/Repo", "cortexso/tiny"]
    assert sources.get("tiny")["models"] == [{"id": "tiny:1b", "size": 0}]
    (model,) = sources.get("author/Repo")["models"]
    assert model == {"id": "author:Repo:m.gguf", "size": len(tiny.gguf())}
    sources.remove("https://huggingface.co/author/Repo")
    assert _ids(sources) == ["catalogue", "cortexso/tiny"]


@pytest.mark.parametrize(
    ("source", "error", "why"),
    [
        ("author/Empty", Missing, "author/Empty has no GGUF file"),
        ("author/Sees", Missing, "author/Sees has no GGUF file"),
        ("cortexso/bare", Missing, "cortexso/bare has no branch besides main"),
        ("bare", Missing, "cortexso/bare has no branch besides main"),
        ("no/where", Missing, "Hugging Face has no no/where"),
        ("known", Missing, "Hugging Face has no cortexso/known"),
        ("m.gguf", BadRequest, "source must be author/Repo .* not 'm.gguf'"),
        ("author/Repo:Q4_K_M", BadRequest, "source must be author/Repo"),
        ("pypi:package==1.0", BadRequest, "source must be author/Repo"),
        ("catalogue", BadRequest, "catalogue is built in"),
        ("no such thing", BadRequest, "source must be author/Repo"),
    ],
)
def test_what_holds_no_models_is_refused_and_not_kept(
    hub: Hub, sources: Repositories, source: str, error: type[CortexError], why: str
) -> None:
    hub.repos["author/Empty"] = {"main": {}}
    hub.repos["author/Sees"] = {"main": {"mmproj-f16.gguf": tiny.gguf(), "README.md": b"?"}}
    hub.repos["cortexso/bare"] = {"main": {"README.md": b"?"}}
    with pytest.raises(error, match=why):
        sources.add(source)
    assert _ids(sources) == ["catalogue"]


def test_a_list_that_is_cut_off_is_named_with_what_to_do(sources: Repositories, tmp_path: Path) -> None:
    (tmp_path / "sources.json").write_text('[{"id": "author')
    with pytest.raises(CortexError, match=r"sources\.json cannot be understood: .*delete it"):
        sources.list()


def test_what_is_not_in_the_list_cannot_be_taken_out(sources: Repositories) -> None:
    for take in (sources.get, sources.remove):
        with pytest.raises(NotFound, match="there is no source no/where"):
            take("no/where")
    with pytest.raises(BadRequest, match="cannot be removed"):
        sources.remove("catalogue")
