"""What a model will take, by its header: the arithmetic, and against what a process holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from cortex.core.load import Load
from cortex.models import gguf
from cortex.models.memory import PROCESS, STATES, Shape, cells, need
from cortex.runner.parent import Runner
from cortex.runner.process import resident
from models import tiny

LLAMA_8B = Shape(width=4096, heads=32, kv_heads=(8,) * 32, key=128, value=128, inner=14336, vocabulary=128256)
GB = 10**9


def shape(tmp_path: Path, **facts: object) -> Shape:
    return gguf.read(tiny.write(tmp_path / "m.gguf", **facts)).shape


def test_the_cache_of_llama_8b_is_what_is_known_of_it() -> None:
    """128 KiB a token: 32 layers, 8 heads of 128 numbers, keys and values, two bytes each."""
    assert LLAMA_8B.cell * 2 == 128 << 10
    found = need(LLAMA_8B, 5 * GB, context=8192, parallel=4)
    assert (found.weights, found.cache) == (5 * GB, 16384 * 131072)
    assert PROCESS < found.compute < GB
    assert found.total == found.weights + found.cache + found.compute


def test_a_quantised_cache_takes_less_and_more_parallel_requests_take_no_more_than_two() -> None:
    full = need(LLAMA_8B, 0, context=8192, parallel=2)
    assert need(LLAMA_8B, 0, context=8192, parallel=2, cache_type="q8_0").cache == full.cache * 34 // 64
    assert need(LLAMA_8B, 0, context=8192, parallel=2, cache_type="q4_0").cache == full.cache * 18 // 64
    assert need(LLAMA_8B, 0, context=8192, parallel=16).cache == full.cache == 2 * need(LLAMA_8B, 0, context=8192).cache
    assert cells(100, 16) == 200


def test_without_flash_attention_the_scores_take_room() -> None:
    least = need(LLAMA_8B, 0, context=8192)
    assert need(LLAMA_8B, 0, context=8192, flash=False).compute - least.compute == 512 * 8192 * 4 * 32


def test_the_sizes_are_read_from_the_header(tmp_path: Path) -> None:
    facts = {
        "llama.block_count": 3, "llama.embedding_length": 64, "llama.attention.head_count": 8,
        "llama.attention.head_count_kv": 2, "llama.feed_forward_length": 256,
    }  # fmt: skip
    found = shape(tmp_path, **facts)
    assert (found.width, found.heads, found.kv_heads, found.inner) == (64, 8, (2, 2, 2), 256)
    assert (found.key, found.value, found.state) == (8, 8, 0)
    wide = shape(tmp_path, **facts, **{"llama.attention.key_length": 32, "llama.attention.value_length": 16})
    assert (wide.key, wide.value, wide.cell) == (32, 16, 3 * 2 * 48)


def test_a_file_that_does_not_say_has_as_many_kv_heads_as_heads(tmp_path: Path) -> None:
    facts = {"llama.block_count": 2, "llama.embedding_length": 64, "llama.attention.head_count": 4}
    assert shape(tmp_path, **facts).kv_heads == (4, 4)


def test_layers_may_differ_and_some_have_a_state_instead_of_a_cache(tmp_path: Path) -> None:
    facts = {
        "llama.block_count": 4, "llama.embedding_length": 64, "llama.attention.head_count": 4,
        "llama.attention.head_count_kv": [0, 2, 0, 0], "llama.ssm.inner_size": 128, "llama.ssm.state_size": 16,
        "llama.ssm.conv_kernel": 4, "llama.ssm.group_count": 1,
    }  # fmt: skip
    found = shape(tmp_path, **facts)
    assert found.kv_heads == (0, 2, 0, 0)
    assert found.state == 3 * 4 * (128 * 16 + 3 * (128 + 2 * 16))
    assert need(found, 0, context=10, parallel=3).cache == STATES + 20 * found.cell * 2 + 3 * found.state


def test_every_so_many_layers_may_have_the_cache(tmp_path: Path) -> None:
    facts = {
        "llama.block_count": 8, "llama.attention.head_count": 4, "llama.attention.head_count_kv": 2,
        "llama.full_attention_interval": 4,
    }  # fmt: skip
    assert shape(tmp_path, **facts).kv_heads == (2, 2)


@pytest.mark.parametrize("claim", [2**32 - 1, 10**9, 0])
def test_a_header_that_claims_absurd_sizes_takes_no_memory_itself(tmp_path: Path, claim: int) -> None:
    found = shape(tmp_path, **{"llama.block_count": claim, "llama.attention.head_count": 4})
    assert len(found.kv_heads) <= 10_000


@pytest.mark.model
@pytest.mark.parametrize(("context", "parallel", "cache_type"), [(512, 1, "f16"), (8192, 4, "q8_0")])
@pytest.mark.parametrize("model", ["smollm2", "qwen_coder_05"])
async def test_it_is_what_a_process_holds(
    request: pytest.FixtureRequest, model: str, context: int, parallel: int, cache_type: str
) -> None:
    """Within a fifth and 128 MiB. Of the file's pages the system may take back what is not used; these are no need."""
    path: Path = request.getfixturevalue(model)
    header = gguf.read(path)
    extra = {"cells": cells(context, parallel), "cache_type": cache_type}
    runner = await Runner.start(Load(str(path), context=context, parallel=parallel, extra=extra))
    try:
        held = resident(runner.pid) or 0
    finally:
        await runner.stop()
    expected = need(header.shape, header.size, context=context, parallel=parallel, cache_type=cache_type).total
    assert abs(expected - held) < 0.2 * held + (128 << 20)
