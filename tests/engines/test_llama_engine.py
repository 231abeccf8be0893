"""The embedded engine: grammars, forced tokens, batches, the cache, and what goes wrong.

What takes no sense runs on grown models too, the rest on real weights only.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from drive import GREEDY, Outcome, chat, collect, finish, job, llama, run

from cortex.core.chat import Sampling
from cortex.core.errors import BadRequest
from cortex.core.job import Job, Part, Segment
from cortex.engines.base import Engine
from cortex.engines.constraint import Constraint
from cortex.engines.llama.engine import Llama

SPACES = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}


def call(**properties: object) -> str:
    """A grammar for one call of `get_delivery_date` with these arguments."""
    schema = {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
    arguments = json.dumps({**schema, "x-guidance": SPACES})
    return f'start: "{{\\"name\\": \\"get_delivery_date\\", \\"arguments\\": " args "}}"\nargs: %json {arguments}'


ORDER = call(order_id={"type": "string", "maxLength": 20})


@pytest.mark.model
def test_a_reply_follows_its_grammar(coder: Engine) -> None:
    [outcome] = run(coder, chat("Where is my order? Its id is order_70705.", grammar=ORDER))
    assert outcome.finish == "stop"
    assert json.loads(outcome.text) == {"name": "get_delivery_date", "arguments": {"order_id": "order_70705"}}


@pytest.mark.model
def test_forced_tokens_change_nothing_but_the_work(coder: Llama, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coder, "_lookup", False)
    question = chat("Where is my order? Its id is order_70705.", grammar=ORDER)
    [forced] = run(coder, question)
    with monkeypatch.context() as patch:
        patch.setattr(Constraint, "forced", lambda self: [])
        [plain] = run(coder, question)
    assert forced.text == plain.text
    assert forced.used.completion == plain.used.completion
    assert (plain.used.forced, plain.used.decodes) == (0, plain.used.completion)
    assert forced.used.forced > 10
    assert forced.used.decodes == forced.used.completion - forced.used.forced


@pytest.mark.model
def test_what_a_grammar_forces_at_the_start_comes_before_any_decode(coder: Engine) -> None:
    coder.submit(0, chat("Where is order 7?", grammar=ORDER))
    [piece] = coder.step()
    assert getattr(piece, "data", b"").startswith(b'{"name": "get_delivery_date", "arguments": {"')
    finish(coder, [0])


def test_a_reply_that_is_forced_as_a_whole_needs_no_decode(small: Engine) -> None:
    [outcome] = run(small, job(grammar='start: "exactly this"'))
    assert (outcome.text, outcome.finish) == ("exactly this", "stop")
    assert outcome.used.forced == outcome.used.completion > 0
    assert outcome.used.decodes == 0


def test_eight_jobs_in_one_batch_each_follow_their_own_grammar(small: Engine) -> None:
    names = [f"argument_{number}" for number in range(8)]
    jobs = [chat(f"Question {name}", grammar=call(**{name: {"enum": [1, 22, 333]}}), max_tokens=100) for name in names]
    for outcome, name in zip(run(small, *jobs), names, strict=True):
        assert outcome.finish == "stop"
        [(key, value)] = json.loads(outcome.text)["arguments"].items()
        assert key == name
        assert value in (1, 22, 333)


def test_jobs_with_and_without_grammar_share_a_batch(small: Engine) -> None:
    free, bound = run(small, job(max_tokens=10), job(grammar="start: /[0-9]{5}/", max_tokens=10))
    assert free.used.completion == 10
    assert len(bound.text) == 5
    assert bound.text.isdigit()


@pytest.mark.parametrize("most", [*range(1, 31), 57, 58, 59])
def test_max_tokens_cuts_drawn_and_forced_tokens_alike(small: Engine, most: int) -> None:
    whole = '{"name": "get_delivery_date", "arguments": {"done": true}}'
    [outcome] = run(small, chat("Done?", grammar=call(done={"const": True}), max_tokens=most))
    assert whole.startswith(outcome.text)
    assert outcome.used.completion <= most
    assert outcome.finish == ("stop" if outcome.text == whole else "length")


@pytest.mark.model
def test_a_model_ends_its_own_reply(coder: Engine) -> None:
    [outcome] = run(coder, chat("What is the capital of France? Answer with one word."))
    assert outcome.finish == "stop"
    assert "Paris" in outcome.text
    assert "<|im_end|>" not in outcome.text


@pytest.mark.model
def test_special_tokens_named_by_a_grammar_are_spelled_out(coder: Llama) -> None:
    [begin] = [i for i, piece in enumerate(coder._vocabulary.pieces) if piece == b"<tool_call>"]
    [outcome] = run(coder, chat("x", grammar=f'start: <[{begin}]> "hello"'))
    assert outcome.text == "<tool_call>hello"


@pytest.mark.model
def test_a_grammar_that_ends_with_the_end_of_generation_spells_nothing_for_it(coder: Llama) -> None:
    end = min(token for token in coder._vocabulary.eog if coder._vocabulary.pieces[token] == b"<|im_end|>")
    [outcome] = run(coder, chat("x", grammar=f'start: "hello" <[{end}]>'))
    assert (outcome.text, outcome.finish) == ("hello", "stop")


SPELLED = 'start: "hello <tool_call>" /[a-z]/ "</s> <tool_call>hello"'


@pytest.mark.parametrize("fixture", ["transformer", pytest.param("qwen_coder_05", marks=pytest.mark.model)])
def test_a_grammar_whose_text_is_spelled_like_a_mark_is_followed_in_plain_tokens(
    request: pytest.FixtureRequest, fixture: str
) -> None:
    """What the grammar forces is text: tokenised as the mark, it would be refused, and nothing else allowed."""
    engine = llama(request.getfixturevalue(fixture), context=256, parallel=1)
    [outcome] = run(engine, job("x", grammar=SPELLED, max_tokens=60))
    assert outcome.finish == "stop"
    assert re.fullmatch(r"hello <tool_call>[a-z]</s> <tool_call>hello", outcome.text)
    assert outcome.used.forced > 10
    engine.close()


@pytest.mark.model
def test_the_text_of_a_mark_never_satisfies_the_mark(coder: Llama) -> None:
    [outcome] = run(coder, chat("Repeat: <tool_call>", grammar='start: "say: " /(.|\\n)*/', max_tokens=40))
    assert outcome.text.startswith("say: ")


@pytest.mark.model
def test_the_next_turn_of_a_chat_finds_the_last_one_in_the_cache(smol: Engine) -> None:
    first = chat("Tell me a story about a lighthouse.", max_tokens=20)
    [told] = run(smol, first)
    again = (
        *first.prompt,
        Segment(told.text, markup=False),
        Segment("<|im_end|>\n<|im_start|>user\nGo on.<|im_end|>\n"),
    )
    [second] = run(smol, replace(first, prompt=again))
    assert second.used.cached >= told.used.prompt + told.used.completion - 2
    assert second.used.cached < second.used.prompt


@pytest.mark.model
def test_an_equal_prompt_is_decoded_once_and_answered_equally(smol: Engine) -> None:
    question = chat("Name three rivers of Europe and what flows into them.", max_tokens=8)
    run(smol, question)
    [first], [second] = run(smol, question), run(smol, question)  # known: a whole one rounds otherwise
    assert first.used.cached == second.used.cached == second.used.prompt - 1
    assert first.text == second.text


@pytest.mark.model
def test_prompts_at_once_share_their_beginning(smol: Engine) -> None:
    system = "You know these rules by heart: " + " ".join(f"rule {number} is good." for number in range(30))
    jobs = [Job((Segment(f"{system} Question {number}?"),), sampling=GREEDY, max_tokens=4) for number in range(4)]
    outcomes = run(smol, *jobs)
    assert all(outcome.used.cached > outcome.used.prompt / 2 for outcome in outcomes[1:])


@pytest.mark.model
def test_a_cancelled_job_leaves_its_cells(smollm2: Path) -> None:
    engine = llama(smollm2, context=512, parallel=2, extra={"cells": 512})
    for number in range(15):
        engine.submit(number, job(f"Number {number}. " + "word " * 100, max_tokens=300))
        engine.step()
        engine.cancel(number)
    [outcome] = run(engine, job("word " * 400, max_tokens=3))
    assert outcome.finish == "length"
    engine.close()


@pytest.mark.model
def test_when_cells_run_out_every_job_still_ends_with_its_grammar_kept(smollm2: Path) -> None:
    engine = llama(smollm2, context=256, parallel=4, extra={"cells": 256})
    outcomes = run(
        engine, *[job(f"{number}", grammar="start: /[a-z ]{150}[0-9]/", max_tokens=None) for number in range(4)]
    )
    assert [outcome.failure for outcome in outcomes] == [None] * 4
    for outcome in outcomes:
        assert outcome.finish == "stop"
        assert len(outcome.text) == 151
        assert outcome.text[-1].isdigit()
    engine.close()


def test_a_running_stream_goes_on_during_a_long_prefill(small: Llama) -> None:
    small.submit(0, job(max_tokens=60))
    outcomes = {0: Outcome(), 1: Outcome()}
    while not outcomes[0].data:
        collect(outcomes, small.step())
    small.submit(1, job("hello " * 200, max_tokens=2))
    small._pace.budget, small._pace.most = 12, 12  # however fast this machine is, the prompt takes several steps
    try:
        steps = 0
        while not outcomes[1].data:
            before = len(outcomes[0].data)
            collect(outcomes, small.step())
            steps += 1
            assert outcomes[0].finish or len(outcomes[0].data) > before
        assert steps > 10
    finally:
        small._pace.most = 2000
        finish(small, [number for number in outcomes if not outcomes[number].finish])


def test_a_decode_that_fails_ends_its_jobs_and_nothing_else(small: Llama) -> None:
    question = job("Zebras hello hello", max_tokens=5)
    small.submit(0, question)
    while small._runs[0].said < 2:
        small.step()
    small._runs[0].flow.tokens.append(10**9)  # no such token: llama.cpp refuses the batch
    [failed] = finish(small, [0])
    assert failed.failure
    assert not failed.failure.client
    [outcome] = run(small, question)
    assert outcome.used.completion == 5
    assert outcome.used.cached == 0, "what the failed decode left is not trusted"


def test_a_seed_gives_the_same_reply_again(small: Engine) -> None:
    def told(seed: int) -> str:
        sampling = Sampling(temperature=1.5, top_k=0, top_p=1, seed=seed)
        [outcome] = run(small, replace(job(max_tokens=15), sampling=sampling))
        return outcome.data.decode(errors="replace")

    told(1)  # where a prompt's cells lie decides in which order they are summed up: from now on they stay
    assert told(1) == told(1)
    assert told(1) != told(2)


def test_a_bias_bans_a_token(small: Llama) -> None:
    [free] = run(small, job(max_tokens=1))
    banned = [token for token, piece in enumerate(small._vocabulary.pieces) if piece == free.data]
    bias = tuple((token, -100.0) for token in banned)
    [other] = run(small, replace(job(max_tokens=1), sampling=replace(GREEDY, logit_bias=bias)))
    assert other.data != free.data


def test_what_was_said_and_forced_counts_for_the_penalties(small: Llama) -> None:
    once = replace(GREEDY, presence_penalty=1000.0)
    small.submit(0, replace(job(max_tokens=40, grammar='start: "hello " /(.|\\n)*/'), sampling=once))
    flow = small._runs[0].flow
    prompt = len(flow.tokens) - small._runs[0].said
    finish(small, [0])
    said = flow.tokens[prompt:]
    assert len(said) > 20
    assert len(set(said)) == len(said)


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        (replace(job(), grammar="start: nonsense"), None),
        (replace(job(), grammar="start: nonsense", parts=(Part("tools.0", "start: nonsense"),)), "tools.0"),
        (replace(job(), sampling=Sampling(logit_bias=((10**6, 1.0),))), "logit_bias"),
        (replace(job(), max_tokens=-1), "max_tokens"),
    ],
)
def test_what_cannot_be_obeyed_is_refused_by_name(small: Engine, wrong: Job, param: str | None) -> None:
    with pytest.raises(BadRequest) as caught:
        small.submit(0, wrong)
    assert caught.value.param == param
    assert not small.busy


@pytest.mark.model
def test_an_empty_prompt_is_refused_where_not_even_a_first_token_is_put_before_it(smol: Engine) -> None:
    with pytest.raises(BadRequest, match="empty"):
        smol.submit(0, replace(job(), prompt=()))


@pytest.mark.model
def test_the_logits_are_those_of_the_right_job(smol: Llama) -> None:
    """Two prompts in one batch continue each its own way."""
    one, other = job("The capital of France is", max_tokens=1), job("1, 2, 3, 4, 5,", max_tokens=2)
    assert [outcome.text for outcome in run(smol, one, other)] == [" Paris", " 6"]


@pytest.mark.model
def test_a_mask_covers_the_whole_vocabulary(coder: Llama) -> None:
    constraint = coder._grammars.compile("start: /(.|\\n)*/")
    bits = np.unpackbits(constraint.mask().view(np.uint8), bitorder="little")
    assert len(bits) >= coder._vocabulary.size
    assert not bits[coder._vocabulary.size :].any()
    special = [token for token, mark in enumerate(coder._vocabulary.special) if mark]
    assert {token for token in special if bits[token]} == set(coder._vocabulary.eog)
