"""Files that are no models, models that do not fit: one line that says what to do."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from drive import job, llama, run

from cortex.core.errors import CortexError, LoadError
from cortex.engines.base import Load
from cortex.engines.llama import machine
from cortex.engines.llama.engine import Llama
from cortex.engines.llama.log import Log
from cortex.engines.llama.warm import Meter, Speed


def load(path: Path, **settings: object) -> str:
    """The message that loading this file fails with."""
    with pytest.raises(LoadError) as caught:
        Llama(Load(str(path), **settings), lambda fraction: None)  # type: ignore[arg-type]
    assert "\n" not in caught.value.message
    return caught.value.message


def broken(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "broken.gguf"
    path.write_bytes(data)
    return path


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert load(tmp_path / "nothing.gguf") == f"{tmp_path}/nothing.gguf cannot be read: No such file or directory"


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 a zip file", b"<html>not found</html>"])
def test_a_file_of_another_kind_is_no_model(tmp_path: Path, data: bytes) -> None:
    assert "is not a GGUF file" in load(broken(tmp_path, data))


@pytest.mark.parametrize("data", [b"GGUF", b"GGUF\x03\0\0\0" + bytes(8), b"GGUF\x03\0\0\0" + b"\xff" * 64])
def test_a_file_that_ends_too_early_is_damaged(tmp_path: Path, data: bytes) -> None:
    assert "get it again" in load(broken(tmp_path, data))


def test_a_newer_file_wants_a_newer_program(tmp_path: Path) -> None:
    assert "a newer version of cortex" in load(broken(tmp_path, b"GGUF\x63\0\0\0" + bytes(16)))


@pytest.mark.model
def test_half_a_model_is_damaged(tmp_path: Path, smollm2: Path) -> None:
    half = smollm2.read_bytes()[: smollm2.stat().st_size // 2]
    assert "corrupted or incomplete" in load(broken(tmp_path, half))


@pytest.mark.model
def test_an_architecture_that_llama_cpp_does_not_know_is_named(tmp_path: Path, smollm2: Path) -> None:
    head, name, rest = smollm2.read_bytes().partition(b"\x05\0\0\0\0\0\0\0llama")
    message = load(broken(tmp_path, head + name.replace(b"llama", b"lemma") + rest))
    assert "unknown model architecture: 'lemma'" in message
    assert "a newer version of cortex" in message


@pytest.mark.model
def test_a_model_larger_than_the_memory_is_refused_with_numbers(smollm2: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "available_memory", lambda: 200_000_000)
    message = load(smollm2, gpu_layers=0)
    assert "needs about 0.37 GB" in message
    assert "0.20 GB is free" in message


@pytest.mark.model
def test_a_cache_larger_than_the_memory_is_refused_with_numbers(smollm2: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "available_memory", lambda: 500_000_000)
    message = load(smollm2, gpu_layers=0, context=8192, parallel=2)
    assert "16384 tokens' cache" in message


def test_a_cache_too_small_for_one_request_is_refused(transformer: Path) -> None:
    assert "cannot hold one request" in load(transformer, context=1024, extra={"cells": 512})


@pytest.mark.parametrize(
    ("extra", "words"), [({"cels": 512}, "no such setting"), ({"cache_type": "q3"}, "none of f16, q8_0, q4_0")]
)
def test_an_unknown_setting_is_refused(transformer: Path, extra: dict[str, object], words: str) -> None:
    assert words in load(transformer, extra=extra)


@pytest.mark.parametrize("cache_type", ["f16", "q8_0", "q4_0"])
def test_a_cache_of_every_type_works(transformer: Path, cache_type: str) -> None:
    engine = llama(transformer, context=256, extra={"cache_type": cache_type})
    [outcome] = run(engine, job(max_tokens=5))
    assert outcome.used.completion == 5
    engine.close()


@pytest.mark.model
def test_the_context_is_never_larger_than_the_models(smollm2: Path, caplog: pytest.LogCaptureFixture) -> None:
    engine = Llama(Load(str(smollm2), context=1_000_000, parallel=1), lambda fraction: None)
    assert engine.context == 8192
    assert "trained for 8192" in caplog.text
    engine.close()


@pytest.mark.model
def test_progress_rises_to_the_whole(smollm2: Path) -> None:
    told: list[float] = []
    Llama(Load(str(smollm2), context=512), told.append).close()
    assert told == sorted(told)
    assert told[-1] == 1
    assert len(told) > 3


@pytest.mark.model
def test_what_progress_raises_ends_the_load(smollm2: Path) -> None:
    def stop(fraction: float) -> None:
        raise InterruptedError("the server is gone")

    with pytest.raises(InterruptedError, match="the server is gone"):
        Llama(Load(str(smollm2), context=512), stop)


@pytest.mark.parametrize("library", ["/nonexistent/libllama.so", "libc.so.6"])
def test_a_library_that_is_not_llama_cpp_is_refused(library: str) -> None:
    source = "from cortex.engines.llama import abi\ntry: abi.load()\nexcept abi.LoadError as error: print(error)"
    environment = {**os.environ, "CORTEX_LLAMA_LIBRARY": library}
    ended = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True, env=environment)
    assert f"{library} cannot be used as llama.cpp's library" in ended.stdout


def test_a_failed_load_is_an_error_of_ours() -> None:
    assert issubclass(LoadError, CortexError)


def test_fragments_of_a_log_become_lines(caplog: pytest.LogCaptureFixture) -> None:
    log = Log()
    with caplog.at_level(logging.DEBUG):
        for level, text in [(4, "bad: "), (5, "this"), (5, " thing\nand "), (5, "that\n"), (2, "fine\n\n")]:
            log.hear(level, text)
    assert list(log.errors) == ["bad: this thing", "and that"]
    assert caplog.messages == ["bad: this thing", "and that", "fine"]


@pytest.mark.parametrize("kind", ["transformer", "recurrent"])
def test_what_was_measured_is_kept_for_a_way_to_compute_and_a_users_threads_alone_are_tried(
    request: pytest.FixtureRequest, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[int]] = []

    def measure(self: Meter, threads: list[int]) -> Speed:
        asked.append(threads)
        return replace(real(self, threads), calm=True)

    real = Meter.measure
    monkeypatch.setattr(Meter, "measure", measure)
    first = Load(str(request.getfixturevalue(kind)), context=512, extra={"measured": str(tmp_path)})
    for one in (first, first, replace(first, threads=3), replace(first, threads=3)):
        engine = Llama(one, lambda fraction: None)
        [outcome] = run(engine, job(max_tokens=3))
        assert outcome.finish == "length"
        engine.close()
    assert asked == [machine.candidates(), [3]]


def test_a_cache_too_small_to_tell_what_attention_costs_tells_nothing_of_larger_ones(
    transformer: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Meter.measure
    monkeypatch.setattr(Meter, "measure", lambda self, threads: replace(real(self, threads), calm=True))
    for context, kept in ((128, 1), (256, 1), (512, 2)):
        Llama(Load(str(transformer), context=context, extra={"measured": str(tmp_path)}), lambda fraction: None).close()
        assert len(list(tmp_path.iterdir())) == kept
