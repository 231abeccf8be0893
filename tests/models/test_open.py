"""What a model is opened as: template, dialect, context, and the notes of what was put right."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from cortex import dialects
from cortex.core.errors import BadRequest, LoadError
from cortex.models import importing
from cortex.models.describe import describe
from cortex.models.open import CHATML, Opened, opened
from cortex.models.settings import settings
from cortex.models.store import Store
from models import tiny

HERMES = "{% if tools %}" + " ".join(dialects.find("hermes").detect) + "{% endif %}"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "data")


def _opened(store: Store, changes: dict[str, Any], header: dict[str, Any]) -> Opened:
    importing.add(store, "m", tiny.write(store.folder.parent / "m.gguf", **header))
    store.update("m", changes)
    return opened(store, "m")


def test_a_model_opens_as_its_file_says(store: Store) -> None:
    model = _opened(store, {}, {})
    assert model.profile.name == "m"
    assert model.profile.template == tiny.FACTS["tokenizer.chat_template"]
    assert (model.profile.eos, model.profile.specials["<tool_call>"]) == ("<|end|>", 3)
    assert model.notes == ()


@pytest.mark.parametrize(
    ("asked", "own", "context"), [(None, 16384, 8192), (None, 2048, 2048), (12000, 16384, 12000), (99999, 16384, 16384)]
)
def test_the_context_is_what_is_asked_for_but_never_more_than_the_model_s(
    store: Store, asked: int | None, own: int, context: int
) -> None:
    assert _opened(store, {"ctx_len": asked}, {"llama.context_length": own}).profile.context == context


def test_what_a_model_yml_asks_for_in_vain_is_noted(store: Store) -> None:
    path = store.modelfile(_opened(store, {}, {}).model)
    path.write_text(path.read_text() + "tfs_z: 0.5\nstream: true\nn_probs: 0\n")
    assert opened(store, "m").notes == ("its model.yml asks for what has no effect here: tfs_z",)


def test_a_context_for_this_time_wins_over_the_setting(store: Store) -> None:
    _opened(store, {"ctx_len": 12000}, {})
    assert opened(store, "m", settings({"ctx_len": 500})).profile.context == 500


def test_a_small_model_that_guesses_is_found_by_its_name_and_takes_memory_too(store: Store) -> None:
    small = importing.add(store, "family:1b", tiny.write(store.folder.parent / "small.gguf"))
    alone = _opened(store, {}, {})
    helped = opened(store, "m", settings({"draft_model": "family"}))
    assert (alone.load.extra or {}).get("draft_model") is None
    assert (helped.load.extra or {})["draft_model"] == str(small.path)
    assert helped.need.total > alone.need.total + small.size


def test_a_small_model_that_is_not_here_is_no_fault_of_the_client(store: Store) -> None:
    with pytest.raises(LoadError, match=r"draft_model of m: .*nowhere"):
        _opened(store, {"draft_model": "nowhere"}, {})


def test_the_header_decides_the_dialect_under_any_id(store: Store) -> None:
    header = {"general.basename": "Qwen2.5-Coder", "tokenizer.chat_template": HERMES}
    assert _opened(store, {}, header).profile.dialect.name == "fallback"


def test_otherwise_the_template_decides_the_dialect(store: Store) -> None:
    assert _opened(store, {}, {"tokenizer.chat_template": HERMES}).profile.dialect.name == "hermes"


def test_a_template_without_tools_gets_the_fallback(store: Store) -> None:
    assert _opened(store, {}, {}).profile.dialect.name == "fallback"


def test_the_setting_wins_over_both(store: Store) -> None:
    header = {"general.basename": "Qwen2.5-Coder"}
    assert _opened(store, {"dialect": "hermes"}, header).profile.dialect.name == "hermes"


def test_a_file_without_a_template_speaks_chatml_and_the_log_says_so_once(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    importing.add(store, "without-template", tiny.write(store.folder.parent / "m", **{"tokenizer.chat_template": None}))
    models = [opened(store, "without-template") for _ in range(3)]
    assert {model.profile.template for model in models} == {CHATML}
    assert [record.getMessage() for record in caplog.records] == [f"without-template: {models[0].notes[0]}"]


def test_a_broken_template_is_corrected_and_noted(store: Store) -> None:
    template = '{% if tools %}{{ \'{{"name": <function-name>, "arguments": <args-json-object>}}\' }}{% endif %}'
    model = _opened(store, {}, {"tokenizer.chat_template": template})
    assert "{{" + '"name"' not in model.profile.template
    assert "doubled braces" in model.notes[0]


def test_the_owner_s_template_and_tool_prompt_replace_the_model_s(store: Store, tmp_path: Path) -> None:
    (tmp_path / "t.jinja").write_text("mine {{ '{{' }}")
    (tmp_path / "p.txt").write_text("Tools: <CUSTOM_FUNCTIONS>")
    changes = {"template": str(tmp_path / "t.jinja"), "tool_prompt": str(tmp_path / "p.txt")}
    profile = _opened(store, changes, {}).profile
    assert (profile.template, profile.tool_prompt) == ("mine {{ '{{' }}", "Tools: <CUSTOM_FUNCTIONS>")


def test_a_file_of_the_settings_that_is_missing_is_named(store: Store) -> None:
    with pytest.raises(LoadError, match=r"/nowhere\.jinja"):
        _opened(store, {"template": "/nowhere.jinja"}, {})


def test_a_model_whose_file_broke_or_went_is_no_fault_of_the_client(store: Store) -> None:
    model = _opened(store, {}, {})
    model.path.write_bytes(b"GGUF")
    with pytest.raises(LoadError, match="cut off"):
        opened(store, "m")
    model.path.unlink()
    with pytest.raises(LoadError, match="is gone"):
        opened(store, "m")


def test_a_model_whose_model_yml_is_wrong_is_not_run_with_other_settings(store: Store) -> None:
    model = _opened(store, {}, {})
    store.modelfile(model.model).write_text("temperature: hot")
    with pytest.raises(LoadError, match="temperature must be a number"):
        opened(store, "m")


def test_settings_speak_the_original_s_words() -> None:
    wanted = settings(
        {"engine": "llama-cpp", "ctx_len": 4096, "ngl": 12, "temperature": 0.2, "seed": -1, "stop": ["x"]}
    )
    assert (wanted.engine, wanted.context, wanted.gpu_layers, wanted.stop) == ("llama", 4096, 12, ("x",))
    assert (wanted.sampling.temperature, wanted.sampling.seed, wanted.sampling.top_k) == (0.2, None, 40)


def test_what_is_known_of_a_model_is_told_without_loading_it(store: Store) -> None:
    _opened(store, {"temperature": 0.5}, {})
    known = describe(store.get("m"))
    assert (known["id"], known["architecture"], known["dialect"], known["ctx_len"]) == ("m", "llama", "fallback", 8192)
    assert (known["temperature"], known["notes"]) == (0.5, [])
    store.get("m").path.unlink()
    with pytest.raises(BadRequest, match="no file"):
        describe(store.get("m"))


@pytest.mark.parametrize(
    ("changes", "header", "work", "how"),
    [
        ({}, {}, True, "its chat template knows no tools"),
        ({}, {"tokenizer.chat_template": HERMES}, True, "in its own notation, hermes"),
        ({"dialect": "hermes"}, {}, True, "in the notation that was chosen for it, hermes"),
        ({}, {"tokenizer.chat_template": "{{ tools }}"}, True, "is not known"),
        ({}, {"general.basename": "Qwen2.5-Coder", "tokenizer.chat_template": HERMES}, True, "better than hermes"),
        ({}, {"general.architecture": "nomic-bert"}, False, "embeddings"),
    ],
)
def test_whether_and_how_tools_work_is_told(
    store: Store, changes: dict[str, Any], header: dict[str, Any], work: bool, how: str
) -> None:
    _opened(store, changes, header)
    told = describe(store.get("m"))["tools"]
    assert told["work"] is work
    assert how in told["how"]
