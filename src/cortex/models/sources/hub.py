"""A file in a Hugging Face repository. Never touches the user's own cache of it.

`huggingface_hub` says where the file is, which bytes to expect and with which token to ask (HF_ENDPOINT, HF_TOKEN and
HF_HUB_OFFLINE hold); the bytes come by `url.download`, because the library does not resume after the process ended.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cortex.models.sources import Progress, Unreachable
from cortex.models.sources.url import download

if TYPE_CHECKING:
    from huggingface_hub import HfFileMetadata

PATIENCE = 5.0  # seconds until the next source is tried
SHA256 = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Hub:
    """`token` "" uses the one that the user is logged in with, if there is one."""

    repo: str
    file: str
    revision: str = "main"
    token: str = ""

    def __str__(self) -> str:
        return f"Hugging Face ({self.repo})"

    def fetch(self, target: Path, progress: Progress, *, size: int = 0) -> str | None:
        from huggingface_hub import get_token, hf_hub_url

        meta = self._metadata()
        etag = meta.etag or ""
        # The name carries the version: bytes of another version of the file are never continued.
        part = target.with_name(f"{re.sub('[^0-9A-Za-z]', '', etag)[:16]}.part")
        url = hf_hub_url(self.repo, self.file, revision=meta.commit_hash or self.revision)
        token = self.token or get_token()
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        download(url, part, progress, size=meta.size or size, headers=headers)
        part.replace(target)
        return etag if SHA256.fullmatch(etag) else None  # a large file's etag is its SHA-256

    def _metadata(self) -> HfFileMetadata:
        from huggingface_hub import get_hf_file_metadata, hf_hub_url
        from huggingface_hub.errors import GatedRepoError, HfHubHTTPError

        # The root of its HTTP library's errors: httpx in 1.x, httpx2 in 2.x.
        transport: type[BaseException] = HfHubHTTPError.__bases__[0]
        try:
            url = hf_hub_url(self.repo, self.file, revision=self.revision)
            return get_hf_file_metadata(url, token=self.token or None, timeout=PATIENCE)
        except GatedRepoError as error:
            raise Unreachable(
                f"{self.repo} is gated: accept its terms on its page, then set HF_TOKEN (or huggingFaceToken)"
            ) from error
        except HfHubHTTPError as error:
            raise Unreachable(f"{self.repo} has no {self.file} at {self.revision} ({_first_line(error)})") from error
        except (transport, OSError, ValueError) as error:
            raise Unreachable(f"Hugging Face cannot be reached ({_first_line(error)})") from error


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
