"""The header reader: what a true file says, and that no file can make it say something false or fall over."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cortex.core.errors import BadRequest
from cortex.models import gguf
from models import tiny


def test_a_header_tells_what_the_file_says(tmp_path: Path) -> None:
    path = tiny.write(tmp_path / "tiny.gguf")
    header = gguf.read(path)
    assert (header.architecture, header.name, header.basename, header.size_label) == ("llama", "Tiny", "tiny", "8")
    assert (header.context, header.blocks, header.parameters) == (16384, 2, 8)
    assert (header.quantisation, header.licence, header.size) == ("F16", "mit", path.stat().st_size)
    assert header.template == tiny.FACTS["tokenizer.chat_template"]
    assert (header.bos, header.eos) == ("", "<|end|>")


def test_specials_are_control_tokens_and_user_defined_marks(tmp_path: Path) -> None:
    header = gguf.read(tiny.write(tmp_path / "tiny.gguf"))
    assert header.specials == {"<unk>": 1, "<|end|>": 2, "<tool_call>": 3}


def test_a_token_that_ends_a_generation_is_special_whatever_its_type(tmp_path: Path) -> None:
    header = gguf.read(tiny.write(tmp_path / "tiny.gguf", **{"tokenizer.ggml.eot_token_id": 0}))
    assert header.specials["a"] == 0


def test_what_a_file_leaves_out_is_empty(tmp_path: Path) -> None:
    changes = dict.fromkeys((key for key in tiny.FACTS if key != "general.architecture"), None)
    header = gguf.read(tiny.write(tmp_path / "tiny.gguf", **changes))
    assert (header.name, header.template, header.eos, header.quantisation) == ("", "", "", "")
    assert (header.context, header.specials) == (0, {})


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"PK\x03\x04" + bytes(100), "does not begin with GGUF"),
        (tiny.gguf(version=1), "version is 1"),
        (tiny.gguf(order=">"), "big-endian"),
        (b"", "cannot be read"),
    ],
)
def test_a_file_of_another_kind_is_refused_with_the_reason(tmp_path: Path, data: bytes, why: str) -> None:
    path = tmp_path / "odd.gguf"
    path.write_bytes(data)
    with pytest.raises(BadRequest, match=why):
        gguf.read(path)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="there is no file"):
        gguf.read(tmp_path / "nothing.gguf")
    with pytest.raises(BadRequest, match=f"{tmp_path} cannot be read: Is a directory"):
        gguf.read(tmp_path)
    (tmp_path / "empty.gguf").touch()
    with pytest.raises(BadRequest, match=r"empty\.gguf cannot be read: it is empty"):
        gguf.read(tmp_path / "empty.gguf")


def test_every_truncation_is_refused(tmp_path: Path) -> None:
    whole, path = tiny.gguf(), tmp_path / "cut.gguf"
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(BadRequest):
            gguf.read(path)


def test_missing_tensor_data_is_called_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "cut.gguf"
    path.write_bytes(tiny.gguf()[:-1])
    with pytest.raises(BadRequest, match="cut off"):
        gguf.read(path)


@settings(max_examples=300)
@given(changes=st.lists(st.tuples(st.integers(4, len(tiny.gguf()) - 1), st.integers(0, 255)), min_size=1, max_size=6))
def test_damaged_bytes_give_a_header_or_a_clear_refusal(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, int]]
) -> None:
    data = bytearray(tiny.gguf())
    for place, byte in changes:
        data[place] = byte
    path = tmp_path_factory.getbasetemp() / f"{hashlib.sha256(data).hexdigest()[:16]}.gguf"
    path.write_bytes(data)
    try:
        assert gguf.read(path).size == len(data)
    except BadRequest as error:
        assert str(path) in error.message
    finally:
        path.unlink()


@pytest.mark.model
def test_the_header_of_a_real_model(qwen_coder_05: Path) -> None:
    header = gguf.read(qwen_coder_05)
    assert (header.basename, header.context, header.quantisation) == ("Qwen2.5-Coder", 32768, "Q4_K_M")
    assert header.specials["<|im_start|>"] == 151644
    assert header.specials["<tool_call>"] == 151657
    assert header.eos == "<|im_end|>"
