"""Plain downloads and the hub, against a loopback server: resumed, checked, given up with a reason."""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from cortex.models.sources import Unreachable
from cortex.models.sources.url import Url
from models import tiny
from models.web import Site, serving

DATA = bytes(range(256)) * 5000


def _nothing(done: int, total: int) -> None:
    pass


def test_a_broken_connection_is_continued_where_it_broke(tmp_path: Path) -> None:
    with serving(Site("/f", DATA, cut=[400_000, 300_000])) as site:
        Url(f"{site.url}/f").fetch(tmp_path / "f", _nothing)
    assert (tmp_path / "f").read_bytes() == DATA
    assert site.asked == ["", "bytes=400000-", "bytes=700000-"]


def test_what_an_earlier_process_left_is_continued(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(DATA[:1000])
    with serving(Site("/f", DATA)) as site:
        Url(f"{site.url}/f").fetch(tmp_path / "f", _nothing, size=len(DATA))
    assert (tmp_path / "f").read_bytes() == DATA
    assert site.asked == ["bytes=1000-"]


def test_a_server_without_ranges_starts_over(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x" * 1000)
    with serving(Site("/f", DATA, ranges=False)) as site:
        Url(f"{site.url}/f").fetch(tmp_path / "f", _nothing, size=len(DATA))
    assert (tmp_path / "f").read_bytes() == DATA


def test_progress_ends_at_the_whole(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    with serving(Site("/f", DATA)) as site:
        Url(f"{site.url}/f").fetch(tmp_path / "f", lambda done, total: told.append((done, total)))
    assert told[-1] == (len(DATA), len(DATA))
    assert told == sorted(told)


def test_a_missing_file_is_unreachable(tmp_path: Path) -> None:
    with serving(Site("/f", DATA)) as site, pytest.raises(Unreachable, match="404"):
        Url(f"{site.url}/g").fetch(tmp_path / "f", _nothing)


def test_a_server_that_is_not_there_is_given_up_at_once(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(Unreachable, match="cannot be reached"):
        Url(f"http://127.0.0.1:{port}/f").fetch(tmp_path / "f", _nothing)


PULL = """
import sys
from pathlib import Path
from cortex.cli.show import Downloading
from cortex.models.pull import pull
from cortex.models.store import Store
model = pull(Store(Path(sys.argv[1])), sys.argv[2], Downloading(), token="secret")
print(model.id, model.path.relative_to(sys.argv[1]), model.sha256)
"""


def _pull(folder: Path, name: str, endpoint: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"HF_ENDPOINT": endpoint, "HF_HUB_DISABLE_TELEMETRY": "1"}
    command = [sys.executable, "-c", PULL, str(folder), name]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_a_file_of_the_hub_is_pulled_by_its_name(tmp_path: Path) -> None:
    data = tiny.gguf()
    with serving(Site("/author/Repo/resolve/main/tiny.gguf", data, cut=[100])) as site:
        done = _pull(tmp_path, "author/Repo/tiny.gguf", site.url)
    assert done.returncode == 0, done.stderr
    place = "models/huggingface.co/author/Repo/tiny.gguf"
    assert done.stdout.split() == ["author:Repo:tiny.gguf", place, hashlib.sha256(data).hexdigest()]
    assert site.asked == ["", "bytes=100-"]
    assert site.tokens == {"Bearer secret"}


def test_a_branch_of_the_original_s_hub_is_pulled_by_its_name(tmp_path: Path) -> None:
    with serving(Site("/cortexso/llama3.1/resolve/8b-gguf-q4-km/model.gguf", tiny.gguf())) as site:
        done = _pull(tmp_path, "llama3.1:8b-gguf-q4-km", site.url)
    assert done.returncode == 0, done.stderr
    place = "models/cortex.so/llama3.1/8b-gguf-q4-km/model.gguf"
    assert done.stdout.split()[:2] == ["llama3.1:8b-gguf-q4-km", place]


def test_a_file_that_the_hub_does_not_have_is_said_to_be_missing(tmp_path: Path) -> None:
    with serving(Site("/other", b"")) as site:
        done = _pull(tmp_path, "author/Repo/tiny.gguf", site.url)
    assert done.returncode != 0
    assert "author/Repo has no tiny.gguf at main" in done.stderr
