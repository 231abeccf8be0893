"""`.cortexrc`: YAML, as the original wrote it. Keys that we do not know stay in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Any

import yaml

from cortex.core.errors import BadRequest


def read(file: Path) -> dict[str, Any]:
    """What a `.cortexrc` says; {} where there is none. The original wrote a byte order mark; it is skipped."""
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadRequest(f"the configuration file {file} cannot be read: {_one_line(error)}") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise BadRequest(f"the configuration file {file} must be a list of `key: value` lines")
    return content


def persist(file: Path, changes: Mapping[str, Any]) -> None:
    """Write `changes` (keys as in `.cortexrc`) into the file; every other key in it, known to us or not, stays."""
    content = {**read(file), **changes}
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with replacing(file, mode=0o600) as out:  # there are keys in it
            yaml.safe_dump(content, out, sort_keys=False, allow_unicode=True)
    except OSError as error:
        raise BadRequest(f"the configuration file {file} cannot be written: {_one_line(error)}") from error


@contextmanager
def replacing(target: Path, *, mode: int) -> Iterator[IO[str]]:
    """A file that takes the place of `target` when all has been written; of one that could not be, nothing stays."""
    out = NamedTemporaryFile("w", encoding="utf-8", dir=target.parent, prefix=".new.", delete=False)  # noqa: SIM115
    new = Path(out.name)
    try:
        with out:
            yield out
        new.chmod(mode)
        new.replace(target)
    except BaseException:
        new.unlink(missing_ok=True)
        raise


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
