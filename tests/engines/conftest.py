"""The engines that the contract is tested against. Three need no weights of anybody's: they are scripted or grown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import grown
import pytest
from drive import CHATTY, llama, rest

from cortex.engines.base import Engine, Load
from cortex.engines.llama.engine import Llama
from cortex.engines.scripted import Scripted


@pytest.fixture(scope="session")
def transformer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A grown model with a KV cache."""
    return grown.llama(tmp_path_factory.mktemp("grown") / "llama.gguf")


@pytest.fixture(scope="session")
def recurrent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A grown model with a recurrent state."""
    return grown.mamba(tmp_path_factory.mktemp("grown") / "mamba.gguf")


@pytest.fixture
def begin() -> Iterator[Callable[..., Llama]]:
    """Begins engines of grown models, and closes them. Flash attention off: it rounds by batch."""
    begun: list[Llama] = []

    def begin(path: Path, **extra: object) -> Llama:
        begun.append(llama(path, context=2048, parallel=2, extra={"flash_attention": False} | extra))
        return begun[-1]

    yield begin
    for engine in begun:
        engine.close()


@pytest.fixture(scope="session")
def smol(smollm2: Path) -> Iterator[Llama]:
    """SmolLM2, eight requests at once, 512 tokens each."""
    engine = llama(smollm2, context=512, parallel=8)
    yield engine
    engine.close()


@pytest.fixture(params=["transformer", "recurrent", pytest.param("smol", marks=pytest.mark.model)])
def small(request: pytest.FixtureRequest) -> Iterator[Llama]:
    """A model whose words mean little, eight requests at once, 512 tokens each."""
    if request.param == "smol":
        engine = request.getfixturevalue("smol")
        rest(engine)
        yield engine
        return
    engine = llama(request.getfixturevalue(request.param), context=512, parallel=8)
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def coder(qwen_coder_05: Path) -> Iterator[Llama]:
    engine = llama(qwen_coder_05, context=1024, parallel=8)
    yield engine
    engine.close()


def scripted() -> Engine:
    extra = {"replies": [CHATTY], "repeat": True, "size": 3}
    return Scripted(Load("", "scripted", context=512, parallel=8, extra=extra), lambda fraction: None)


@pytest.fixture(params=["scripted", "transformer", "recurrent", pytest.param("smol", marks=pytest.mark.model)])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """One engine after the other, with nothing to do. When a test has ended, none of its jobs is left."""
    match request.param:
        case "scripted":
            engine = scripted()
        case "smol":
            engine = request.getfixturevalue("smol")
            rest(engine)
        case name:
            engine = llama(request.getfixturevalue(name), context=512, parallel=8)
    yield engine
    for number in range(20):
        engine.cancel(number)
    rest(engine)
    if request.param != "smol":
        engine.close()
