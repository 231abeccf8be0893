"""Hugging Face: what its repositories hold, and a file of one. Never changes the user's own cache, but reads it.

`huggingface_hub` says where things are, which bytes to expect and with which token to ask (HF_ENDPOINT, HF_TOKEN,
HF_HUB_OFFLINE and its cache hold); the bytes come by `download`, because the library does not resume a download after
its process ended.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cortex.models.shards import shards
from cortex.models.sources import Denied, Got, Missing, Progress, Unreachable, full_disk_told, need_space, network
from cortex.models.sources.download import download, following

if TYPE_CHECKING:
    from huggingface_hub import HfFileMetadata

SHA256 = re.compile("[0-9a-f]{64}")
TOKEN = "set HF_TOKEN, or `cortex config --huggingface_token TOKEN`"
SHOWN = 12  # names that an error lists


@dataclass(frozen=True, slots=True)
class Hub:
    """A file, or the first of a split model's. `token` "" uses the one that the user is logged in with, if any."""

    repo: str
    file: str
    revision: str = "main"
    token: str = ""

    def __str__(self) -> str:
        return f"Hugging Face ({self.repo})"

    @property
    def address(self) -> str:
        from huggingface_hub import hf_hub_url

        with _told(self.repo, "", bool(self.token)):
            return hf_hub_url(self.repo, self.file, revision=self.revision, endpoint=_endpoint())
        raise AssertionError  # `_told` passes nothing over

    def fetch(self, folder: Path, progress: Progress, *, size: int = 0) -> Sequence[Got]:
        names = shards(self.file)
        try:
            metas = [self._metadata(name) for name in names]
        except Unreachable as error:  # what is in the cache is there all the same
            if found := self._offline(names, folder, progress):
                return found
            raise self._helped(error) from error
        total, done = sum(meta.size or 0 for meta in metas), 0
        got: list[Got] = []
        for name, meta in zip(names, metas, strict=True):
            got.append(self._file(name, meta, folder, following(progress, done, total)))
            done += got[-1].path.stat().st_size
        return got

    def _helped(self, error: Unreachable) -> Unreachable:
        """The error with what there is in place of what was asked for."""
        if type(error) is not Missing:
            return error
        try:
            there = [file.path for file in files(self.repo, revision=self.revision, token=self.token)]
            there = [path for path in there if path.lower().endswith(".gguf")]
        except Unreachable:
            try:
                there = list(branches(self.repo, token=self.token))
            except Unreachable:
                return error
        listed = ", ".join(there[:SHOWN]) + (f" and {len(there) - SHOWN} more" if len(there) > SHOWN else "")
        return Missing(f"{error.message}; there are: {listed or 'no GGUF files'}")

    def text(self, file: str) -> str | None:
        """A small file beside the model; None where there is none."""
        try:
            return text(self.repo, file, revision=self.revision, token=self.token)
        except Unreachable:
            return None

    def _file(self, name: str, meta: HfFileMetadata, folder: Path, progress: Progress) -> Got:
        from huggingface_hub import hf_hub_url

        etag, revision = meta.etag or "", meta.commit_hash or self.revision
        target = folder / name.rpartition("/")[2]
        if cached := self._cached(name, revision):
            _take(cached, target, progress)
        else:
            url = hf_hub_url(self.repo, name, revision=revision, endpoint=_endpoint())
            download(url, target, progress, size=meta.size or 0, headers=_headers(self.token))
        return Got(target, etag if SHA256.fullmatch(etag) else None)  # a large file's etag is its SHA-256

    def _offline(self, names: Sequence[str], folder: Path, progress: Progress) -> Sequence[Got]:
        """All files out of the user's cache, or nothing."""
        cached = [path for name in names if (path := self._cached(name, self.revision))]
        if len(cached) < len(names):
            return []
        targets = [folder / name.rpartition("/")[2] for name in names]
        for path, target in zip(cached, targets, strict=True):
            _take(path, target, progress)
        sums = [path.name if SHA256.fullmatch(path.name) else None for path in cached]
        return [Got(target, sum) for target, sum in zip(targets, sums, strict=True)]

    def _cached(self, name: str, revision: str) -> Path | None:
        """The file in the user's own cache; it is named by its etag there."""
        from huggingface_hub import try_to_load_from_cache

        found = try_to_load_from_cache(self.repo, name, revision=revision)
        return Path(found).resolve() if isinstance(found, str) else None

    def _metadata(self, name: str) -> HfFileMetadata:
        from huggingface_hub import get_hf_file_metadata, hf_hub_url

        with _told(self.repo, f"{name} at {self.revision}", bool(self.token)):
            url = hf_hub_url(self.repo, name, revision=self.revision, endpoint=_endpoint())
            return get_hf_file_metadata(url, token=self.token or None, timeout=network.PATIENCE)
        raise AssertionError  # `_told` passes nothing over


@dataclass(frozen=True, slots=True)
class Listed:
    """A file of a repository."""

    path: str
    size: int


def branches(repo: str, *, token: str = "") -> Sequence[str]:
    """The names of the repository's branches, but `main`. Raises `Unreachable`."""
    from huggingface_hub import HfApi

    with _told(repo, "", bool(token)):
        found = HfApi(endpoint=_endpoint(), token=token or None).list_repo_refs(repo)
    return [branch.name for branch in found.branches if branch.name != "main"]


def files(repo: str, *, revision: str = "main", token: str = "") -> Sequence[Listed]:
    """All files of the repository. Raises `Unreachable`."""
    from huggingface_hub import HfApi

    with _told(repo, f"revision {revision}", bool(token)):
        # Not `list_repo_tree`: that asks a hub that is not there for half a minute.
        api = HfApi(endpoint=_endpoint(), token=token or None)
        found = api.model_info(repo, revision=revision, files_metadata=True, timeout=network.PATIENCE)
        return [Listed(item.rfilename, item.size or 0) for item in found.siblings or ()]
    raise AssertionError


def text(repo: str, file: str, *, revision: str = "main", token: str = "") -> str | None:
    """The text of a small file; None where the repository has none of this name. Raises `Unreachable`."""
    from huggingface_hub import get_session, hf_hub_url

    with _told(repo, file, bool(token)):
        url = hf_hub_url(repo, file, revision=revision, endpoint=_endpoint())
        answer = get_session().get(url, headers=_headers(token))
        return answer.raise_for_status().text if answer.status_code != 404 else None
    raise AssertionError


@contextmanager
def _told(repo: str, what: str, token: bool) -> Iterator[None]:
    """The library's errors in our words."""
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        RemoteEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    # The root of its HTTP library's errors: httpx in 1.x, httpx2 in 2.x.
    transport: type[BaseException] = HfHubHTTPError.__bases__[0]
    network.hub()
    try:
        yield
    except GatedRepoError as error:
        page = f"https://huggingface.co/{repo}"
        raise Denied(
            f"{repo} is gated: accept its terms at {page}, then give a token of that account: {TOKEN}"
        ) from error
    except RepositoryNotFoundError as error:
        unless = "the token may not see it" if token else f"it is private: then {TOKEN}"
        raise Missing(f"Hugging Face has no {repo}, or {unless}") from error
    except (RevisionNotFoundError, RemoteEntryNotFoundError) as error:
        raise Missing(f"{repo} has no {what}") from error
    except HfHubHTTPError as error:
        raise _refused(repo, error, error.response.status_code) from error
    except HFValidationError as error:
        raise Missing(f"{repo} cannot be a repository: {_first_line(error)}") from error
    except (transport, OSError, ValueError) as error:
        raise Unreachable(f"Hugging Face cannot be reached ({_first_line(error)})") from error


def _refused(repo: str, error: BaseException, status: int) -> Unreachable:
    match status:
        case 401:
            return Denied(
                f"Hugging Face does not know the token that it was given for {repo}; to give another one, {TOKEN}"
            )
        case 403:
            return Denied(f"Hugging Face does not let this token see {repo}; to give another one, {TOKEN}")
        case 404:
            return Missing(f"Hugging Face has no {repo}")
    return Unreachable(f"Hugging Face answered {status} for {repo} ({_first_line(error)})")


def _take(cached: Path, target: Path, progress: Progress) -> None:
    """A second name for the cache's file, which costs no space; a copy where the disk is another one."""
    count = cached.stat().st_size
    target.unlink(missing_ok=True)
    try:
        os.link(cached, target)
    except OSError:
        need_space(target.parent, count)
        with full_disk_told(target.parent, count), cached.open("rb") as source, target.open("wb") as out:
            while chunk := source.read(1 << 22):
                out.write(chunk)
                progress(out.tell(), count)
    progress(count, count)


def _endpoint() -> str | None:
    """Asked for each time: the library reads it once, when it is imported."""
    return os.environ.get("HF_ENDPOINT") or None


def _headers(token: str) -> dict[str, str]:
    from huggingface_hub import get_token

    known = token or get_token()
    return {"Authorization": f"Bearer {known}"} if known else {}


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
