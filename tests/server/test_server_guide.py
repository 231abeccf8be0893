"""The guide, word for word: its own script, unchanged, and its eight steps judged, with Qwen2.5-Coder-1.5B."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

import pytest
from openai import OpenAI
from played import Serving, serving

from cortex.models import importing
from cortex.models.store import Store
from cortex.server.local import LocalService

pytestmark = pytest.mark.model

ROOT = Path(__file__).resolve().parents[2]
MODEL = "llama3.1:8b-gguf-q4-km"


def loaded(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def house(qwen_coder_15: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving[LocalService]]:
    store = Store(tmp_path_factory.mktemp("data"))
    importing.add(store, MODEL, qwen_coder_15)
    with serving(LocalService(store)) as running:
        yield running


def test_the_guides_own_script_runs_unchanged_but_for_the_port(house: Serving[LocalService], tmp_path: Path) -> None:
    script = (ROOT / "examples" / "guide.py").read_text()
    assert script.count("39281") == 1
    here = tmp_path / "guide.py"
    here.write_text(script.replace("39281", str(urlsplit(house.url).port)))
    done = subprocess.run([sys.executable, str(here)], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("ChatCompletion(id='chatcmpl-") == 7
    assert f"model='{MODEL}'" in done.stdout
    assert "ChatCompletionMessageFunctionToolCall(id='call_" in done.stdout


@pytest.mark.parametrize("number", range(8))
def test_each_step_of_the_guide_makes_sense(house: Serving[LocalService], number: int) -> None:
    guide: Any = loaded(ROOT / "benchmarks" / "guide.py")
    with OpenAI(base_url=f"{house.url}/v1", api_key="x", max_retries=0) as client:
        good, came = guide.ask(client, MODEL, guide.STEPS[number])
    assert good, f"{guide.STEPS[number].title}: {came}"
