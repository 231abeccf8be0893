"""Running jobs on an engine, step by step, and what came of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from cortex.core.chat import Sampling
from cortex.core.job import Chosen, Failure, Finish, Job, Piece, Segment, Usage
from cortex.engines.base import Engine, Load
from cortex.engines.llama.engine import Llama

COSTS = (1.0, 0.3, 0.1)  # step, token, row: cores that work; what is tried must be good
GREEDY = Sampling(temperature=0)
CHATTY = "Once upon a time there was a very small model, and it went on and on and on. " * 20


@dataclass
class Outcome:
    """What one job gave: its bytes, and either how it ended or why it failed."""

    data: bytes = b""
    tokens: tuple[Chosen, ...] = ()
    prompt: tuple[Chosen | bytes, ...] = ()
    finish: Finish | None = None
    usage: Usage = Usage()
    failure: Failure | None = None

    @property
    def text(self) -> str:
        return self.data.decode()

    @property
    def echoed(self) -> bytes:
        """What the prompt's tokens spell."""
        return b"".join(one if isinstance(one, bytes) else one.token.data for one in self.prompt)

    @property
    def used(self) -> Usage:
        assert self.finish is not None, "the job has not ended"
        return self.usage


def llama(path: Path, *, extra: Mapping[str, object] = MappingProxyType({}), **settings: object) -> Llama:
    """What a decode costs is not measured: how much is tried must not depend on how fast this machine is just now."""
    load = Load(str(path), extra={"costs": COSTS} | dict(extra), **settings)  # type: ignore[arg-type]
    return Llama(load, lambda fraction: None)


def job(text: str = "Once upon a time", *, max_tokens: int | None = 12, grammar: str | None = None) -> Job:
    return Job((Segment(text),), grammar=grammar, sampling=GREEDY, max_tokens=max_tokens)


def chat(question: str, *, max_tokens: int | None = 60, grammar: str | None = None) -> Job:
    """A chat of one turn in ChatML, which SmolLM2 and Qwen both speak."""
    prompt = (
        Segment("<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n"),
        Segment(question, markup=False),
        Segment("<|im_end|>\n<|im_start|>assistant\n"),
    )
    return Job(prompt, grammar=grammar, sampling=GREEDY, max_tokens=max_tokens)


def collect(outcomes: Mapping[int, Outcome], pieces: Sequence[Piece | Failure]) -> None:
    for piece in pieces:
        outcome = outcomes[piece.job]
        assert outcome.finish is None, "nothing comes after the end"
        assert outcome.failure is None, "nothing comes after the end"
        match piece:
            case Failure():
                outcome.failure = piece
            case Piece(_, data, finish, usage, tokens, prompt):
                assert not (prompt and outcome.data), "the prompt comes first"
                assert usage.completion >= outcome.usage.completion, "usage only grows"
                outcome.data += data
                outcome.tokens += tokens
                outcome.prompt += prompt
                outcome.finish, outcome.usage = finish, usage


def finish(engine: Engine, numbers: Sequence[int]) -> list[Outcome]:
    """Step until these jobs have ended, whatever else runs."""
    outcomes = {number: Outcome() for number in numbers}
    while any(outcome.finish is None and outcome.failure is None for outcome in outcomes.values()):
        assert engine.busy, "an engine with jobs is busy"
        collect(outcomes, [piece for piece in engine.step() if piece.job in outcomes])
    return list(outcomes.values())


def run(engine: Engine, *jobs: Job) -> list[Outcome]:
    for number, job in enumerate(jobs):
        engine.submit(number, job)
    return finish(engine, range(len(jobs)))


def rest(engine: Engine) -> None:
    """The engine does what it does when nobody waits."""
    while engine.busy:
        assert engine.step() == []


def say(engine: Engine, one: Job) -> Outcome:
    """What the job gives; then the engine does what it does when nobody waits."""
    [outcome] = run(engine, one)
    rest(engine)
    return outcome
